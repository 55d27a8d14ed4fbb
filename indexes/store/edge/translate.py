"""qdrant-client's models to Qdrant Edge's classes, and Edge's answers back.

Both describe the same engine, so most classes have the same fields. `_SAME` lists them;
`_RULES` holds the ones with a shape of their own; `to_edge` walks a model and applies both:

    to_edge(models.Filter(must=[models.HasIdCondition(has_id=[1, 2])]))

What Edge has no counterpart for is a `StoreError`.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.failures import server_only

# A payload that is to be found by a truth value has this beside it.
AS_TEXT = {True: "true", False: "false"}

# Model class → Edge class whose fields are called the same.
_SAME: dict[type[BaseModel], Callable[..., Any]] = {
    models.FieldCondition: edge.FieldCondition,
    models.MatchText: edge.MatchText,
    models.MatchTextAny: edge.MatchTextAny,
    models.MatchPhrase: edge.MatchPhrase,
    models.MatchPrefix: edge.MatchPrefix,
    models.MatchSubstring: edge.MatchSubstring,
    models.MatchAny: edge.MatchAny,
    models.Range: edge.RangeFloat,
    models.DatetimeRange: edge.RangeDateTime,
    models.ValuesCount: edge.ValuesCount,
    models.GeoPoint: edge.GeoPoint,
    models.GeoBoundingBox: edge.GeoBoundingBox,
    models.GeoRadius: edge.GeoRadius,
    models.GeoPolygon: edge.GeoPolygon,
    models.Nested: edge.NestedCondition,
    models.MinShould: edge.MinShould,
    models.SearchParams: edge.SearchParams,
    models.QuantizationSearchParams: edge.QuantizationSearchParams,
    models.KeywordIndexParams: edge.KeywordIndexParams,
    models.IntegerIndexParams: edge.IntegerIndexParams,
    models.HnswConfig: edge.HnswIndexConfig,
    models.VectorParams: edge.EdgeVectorParams,
    models.BinaryQuantizationConfig: edge.BinaryQuantizationConfig,
}

# Enumerations whose Edge counterpart has another name than the model's.
_ENUMS: dict[str, str] = {"Datatype": "VectorStorageDatatype"}


def to_edge(value: Any) -> Any:
    """The Edge counterpart of a model, an enumeration member, or a list of them.

    Plain values come back as they are, dates as ISO 8601.

    Raises:
        StoreError: Edge has no counterpart.
    """
    if isinstance(value, Enum):
        return _enum(value)
    if isinstance(value, BaseModel):
        kind = type(value)
        if kind in _RULES:
            return _RULES[kind](value)
        if kind not in _SAME:
            raise server_only(kind.__name__)
        return _SAME[kind](**_fields(value))
    if isinstance(value, list | tuple):
        return [to_edge(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _fields(value: BaseModel) -> dict[str, Any]:
    """The fields that are set, translated."""
    return {
        name: to_edge(item)
        for name in type(value).model_fields
        if name != "type" and (item := getattr(value, name)) is not None
    }


# Typed, since members of two enumerations of strings may be equal.
@lru_cache(maxsize=None, typed=True)
def _enum(member: Enum) -> Any:
    """The Edge member of the same name; `Modifier.NONE` is None there."""
    kind = type(member).__name__
    for name, found in vars(getattr(edge, _ENUMS.get(kind, kind), object)).items():
        if name.lower() == member.name.replace("_", "").lower() or (
            name.replace("_", "").lower() == member.name.replace("_", "").lower()
        ):
            return found
    if member is models.Modifier.NONE:
        return None
    raise server_only(f"{kind}.{member.name}")


def _listed(value: Any) -> Any:
    """Translated items of a field that takes one value or a list of them."""
    return to_edge(value if value is None or isinstance(value, list | tuple) else [value])


def _filter(value: models.Filter) -> edge.Filter:
    return edge.Filter(
        must=_listed(value.must),
        should=_listed(value.should),
        must_not=_listed(value.must_not),
        min_should=to_edge(value.min_should),
    )


def _sparse_params(value: models.SparseVectorParams) -> edge.EdgeSparseVectorParams:
    index = value.index or models.SparseIndexParams()
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.full_scan_threshold,
        on_disk=index.on_disk,
        modifier=to_edge(value.modifier),
        datatype=to_edge(index.datatype),
        memory=to_edge(index.memory),
    )


def _matched(value: str | int | bool) -> str | int:
    """What a match compares with. The engine's own would take True for 1."""
    return value if not isinstance(value, bool) else AS_TEXT[value]


_RULES: dict[type[BaseModel], Callable[[Any], Any]] = {
    models.Filter: _filter,
    # Field by field it would be walked element by element.
    models.SparseVector: lambda value: edge.SparseVector(value.indices, value.values),
    models.SparseVectorParams: _sparse_params,
    models.MatchValue: lambda value: edge.MatchValue(_matched(value.value)),
    models.MatchExcept: lambda value: edge.MatchExcept(value.except_),
    models.HasVectorCondition: lambda value: edge.HasVectorCondition(value.has_vector),
    models.HasIdCondition: lambda value: edge.HasIdCondition({*point_ids(value.has_id)}),
    models.IsEmptyCondition: lambda value: edge.IsEmptyCondition(value.is_empty.key),
    models.IsNullCondition: lambda value: edge.IsNullCondition(value.is_null.key),
    models.NestedCondition: lambda value: to_edge(value.nested),
    models.GeoLineString: lambda value: to_edge(value.points),
    models.SliceCondition: lambda value: edge.SliceCondition(  # type: ignore[attr-defined]
        value.slice.total, value.slice.index
    ),
    models.ScalarQuantization: lambda value: to_edge(value.scalar),
    # Its `type` is a parameter, everywhere else a model's name.
    models.ScalarQuantizationConfig: lambda value: edge.ScalarQuantizationConfig(
        to_edge(value.type), value.quantile, value.always_ram, to_edge(value.memory)
    ),
    models.BinaryQuantization: lambda value: to_edge(value.binary),
    models.PayloadSelectorInclude: lambda value: edge.PayloadSelector.Include(value.include),
    models.PayloadSelectorExclude: lambda value: edge.PayloadSelector.Exclude(value.exclude),
}

# The server's own defaults.
DEFAULT_HNSW = models.HnswConfig(
    m=16, ef_construct=100, full_scan_threshold=10_000, max_indexing_threads=0, on_disk=False
)


# --- points ---------------------------------------------------------------------------


def point_ids(ids: Iterable[Any]) -> list[Any]:
    """Point ids as Edge takes them.

    Raises:
        StoreError: an id is neither an unsigned integer nor a UUID.
    """
    return [_point_id(id_) for id_ in ids]


def _point_id(value: Any) -> Any:
    if isinstance(value, UUID) or (isinstance(value, int) and 0 <= value < 2**64):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreError(
            f"{value!r} is not a point id: use an unsigned integer or a UUID"
        ) from error


def plain(payload: Any) -> Any:
    """A payload as JSON carries it: dates and UUIDs become strings, as over HTTP.

    Raises:
        StoreError: a value has no JSON form.
    """
    try:
        return to_jsonable_python(payload)
    except PydanticSerializationError as error:
        raise StoreError(f"a payload must be JSON: {error}") from error


def vector_to_edge(vector: Any) -> Any:
    """A vector as Edge takes it: numbers, a `SparseVector`, or a dictionary of named ones."""
    if isinstance(vector, dict):
        return {name: vector_to_edge(item) for name, item in vector.items()}
    return to_edge(vector) if isinstance(vector, BaseModel) else vector


# --- answers --------------------------------------------------------------------------


def vector_from_edge(vector: Any) -> Any:
    """Edge's vectors as qdrant-client returns them."""
    if isinstance(vector, dict):
        return {name: vector_from_edge(item) for name, item in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return models.SparseVector.model_construct(indices=vector.indices, values=vector.values)
    return vector


def id_from_edge(value: Any) -> int | str:
    """A point id as REST returns it: an integer, or a UUID as a string."""
    return value if isinstance(value, int) else str(value)


# Validated, although Edge's answers are of the right types: pydantic's own constructor is
# twice as fast as `model_construct`, and a query makes hundreds of these.
def record(found: edge.Record) -> models.Record:
    """A retrieved or scrolled point."""
    return models.Record(
        id=id_from_edge(found.id),
        payload=found.payload,
        vector=vector_from_edge(found.vector),
        order_value=found.order_value,
    )


def scored_point(found: edge.ScoredPoint) -> models.ScoredPoint:
    """A hit of a query."""
    return models.ScoredPoint(
        id=id_from_edge(found.id),
        version=found.version,
        score=found.score,
        payload=found.payload,
        vector=vector_from_edge(found.vector),
        order_value=found.order_value,
    )


def payload_schema(found: "edge.PayloadIndexInfo") -> models.PayloadIndexInfo:
    """An index on a payload field as `get_collection` reports it."""
    kind = models.PayloadSchemaType(str(found.data_type).rpartition(".")[2].lower())
    return models.PayloadIndexInfo(data_type=kind, params=None, points=found.points)
