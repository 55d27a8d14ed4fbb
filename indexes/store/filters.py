"""Metadata filters of every kind as Qdrant's: LlamaIndex's, LangChain's dictionaries, its own.

    MetadataFilters(filters=[MetadataFilter(key="year", operator=">=", value=2020)])
    {"year": {"$gte": 2020}}                              # see `indexes.store.filter_dicts`
    models.Filter(must=[models.FieldCondition(key="metadata.year", range=models.Range(gte=2020))])

Keys are those of a document's metadata, and `document_id`. `author.name` is a field of
an object; write `"dc.title"` in double quotes where the dot belongs to the name. A list
in the metadata matches when one of its elements does, so `CONTAINS` is `EQ`, and `ANY`
is `IN`. The negative operators are exactly the opposites of the positive ones: a
document without the key is not equal to anything.

| operator | matches |
|---|---|
| EQ, CONTAINS | a string as it is written; a number of the same value |
| IN, ANY; ALL | one, or each, of a list of these |
| NE, NIN | where these don't |
| GT, GTE, LT, LTE | numbers; dates and times in ISO 8601, in UTC where no zone is given |
| TEXT_MATCH(_INSENSITIVE) | strings that have all these words, in any order and case |
| IS_EMPTY | no such key, null or an empty list |
"""

from collections.abc import Collection, Mapping
from typing import Any

from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from pydantic import ValidationError
from qdrant_client import models

from indexes.errors import SettingsError
from indexes.store.conditions import (
    ALL_NAMES,
    OUTSIDE_METADATA,
    bounded,
    empty,
    equal,
    keys_of,
    no,
    one_of,
    payload_key,
)
from indexes.store.filter_dicts import dict_filter

Filters = MetadataFilters | models.Filter | Mapping[str, Any]

_QDRANTS = frozenset({"must", "should", "must_not", "min_should"})
_BOUNDS = {
    FilterOperator.GT: "gt",
    FilterOperator.GTE: "gte",
    FilterOperator.LT: "lt",
    FilterOperator.LTE: "lte",
}


def having_keys(given: models.Filter) -> dict[str, models.Filter]:
    """For each name in metadata that a filter asks for, all nodes that have something under it."""
    return {
        key.removeprefix("metadata."): models.Filter(must_not=[empty(key)])
        for key in dict.fromkeys(keys_of(given))
    }


def qdrant_filter(
    filters: Filters | None, *, unfilterable: Collection[str] = ()
) -> models.Filter | None:
    """A filter as the engine takes it.

    Args:
        filters: LlamaIndex's, a dictionary as LangChain has it, or Qdrant's own.
        unfilterable: names in metadata that some documents have too much under.

    Raises:
        SettingsError: it cannot be served.
    """
    if filters is None:
        return None
    found = _converted(filters)
    for key in keys_of(found):
        if key in OUTSIDE_METADATA:
            continue
        name = key.removeprefix("metadata.")
        if name == key:
            raise SettingsError(
                f"filter key {key!r}: metadata is under metadata: write {payload_key(key)!r}"
            )
        if _first(name) in unfilterable or ALL_NAMES in unfilterable:
            raise SettingsError(
                f"filter key {_first(name)!r}: some documents have more under it than filters can "
                "use (1 kB a value, 4 kB in all): filter by another key"
            )
    return found


def _first(path: str) -> str:
    """The name in the metadata that a path begins with."""
    if path.startswith('"'):
        return path[1:].partition('"')[0]
    return path.partition(".")[0].partition("[")[0]


def _converted(filters: Any) -> models.Filter:
    if isinstance(filters, models.Filter):
        return filters
    if isinstance(filters, MetadataFilters):
        return _of_llama_index(filters)
    if not isinstance(filters, Mapping):
        raise SettingsError(
            f"a {type(filters).__name__} is no filter: give a dictionary like "
            '{"year": {"$gte": 2021}}, LlamaIndex\'s MetadataFilters, or Qdrant\'s Filter'
        )
    if filters and filters.keys() <= _QDRANTS:
        try:
            return models.Filter.model_validate(dict(filters))
        except ValidationError as error:
            raise SettingsError(
                "the filter is none of Qdrant's: its must, should and must_not are lists of "
                "conditions"
            ) from error
    return dict_filter(filters)


def _of_llama_index(filters: MetadataFilters) -> models.Filter:
    conditions: list[Any] = [
        _of_llama_index(inner) if isinstance(inner, MetadataFilters) else _condition(inner)
        for inner in filters.filters
    ]
    match filters.condition:
        case FilterCondition.AND | None:
            return models.Filter(must=conditions)
        case FilterCondition.OR:
            # Without a condition this filters nothing, as LlamaIndex's own store has it.
            return models.Filter(should=conditions)
        case FilterCondition.NOT:
            return models.Filter(must_not=conditions)


def _condition(given: MetadataFilter) -> models.Condition:
    key = payload_key(given.key)
    match given.operator:
        case FilterOperator.EQ | FilterOperator.CONTAINS:
            return equal(key, _scalar(given))
        case FilterOperator.NE:
            return no(equal(key, _scalar(given)))
        case FilterOperator.IN | FilterOperator.ANY:
            return one_of(key, _list(given))
        case FilterOperator.NIN:
            return no(one_of(key, _list(given)))
        case FilterOperator.ALL:
            return models.Filter(must=[equal(key, value) for value in _list(given)])
        case FilterOperator.GT | FilterOperator.GTE | FilterOperator.LT | FilterOperator.LTE:
            try:
                return bounded(key, _BOUNDS[given.operator], _scalar(given))
            except ValueError as error:
                raise _unfit(given, f"{error}: use EQ or IN for other strings") from error
        case FilterOperator.TEXT_MATCH | FilterOperator.TEXT_MATCH_INSENSITIVE:
            return models.FieldCondition(key=key, match=models.MatchText(text=_words(given)))
        case FilterOperator.IS_EMPTY:
            return empty(key)
    raise _unfit(given, "is not known to Qdrant: use EQ, IN or a range")


def _scalar(given: MetadataFilter) -> str | int | float:
    if given.value is None:
        raise _unfit(given, "needs a value: use IS_EMPTY for what is missing")
    if isinstance(given.value, list):
        raise _unfit(given, "takes one value: use IN, NIN, ANY or ALL for a list")
    return given.value


def _list(given: MetadataFilter) -> list[str] | list[float] | list[int]:
    if not isinstance(given.value, list):
        raise _unfit(given, "takes a list of values: use EQ or NE for a single one")
    return given.value


def _words(given: MetadataFilter) -> str:
    value = _scalar(given)
    if not isinstance(value, str) or not value.strip():
        raise _unfit(given, "takes words: use EQ for numbers, IS_EMPTY for what is missing")
    return value


def _unfit(given: MetadataFilter, reason: str) -> SettingsError:
    return SettingsError(f"filter {given.operator.name} on {given.key!r} {reason}")
