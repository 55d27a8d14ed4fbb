"""A server's gRPC interface for searches and points: protobuf straight into columns and back.

It goes through qdrant-client's channels and stubs, but not through its models.
"""

from collections.abc import Sequence
from typing import Any, cast

from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client import grpc as wire
from qdrant_client.conversions.conversion import (
    RestToGrpc,
    payload_to_grpc,
    value_to_json,
)

from indexes.store.columns import Hits, Point, Search, numbers_of, uuid_of
from indexes.store.retries import Patience

# What stands before each UUID of a `HasIdCondition` on the wire: field 1 in 38 bytes, a `PointId`
# whose field 2 has 36. An object for each id takes four times as long.
_POINT_ID = b"\x0a\x26\x12\x24"
_PLAIN = frozenset({"string_value", "integer_value", "bool_value", "double_value"})


class GrpcWire:
    """A server, as `indexes.store.columns.Wire` has it.

    Args:
        client, aclient: of qdrant-client's, speaking gRPC.
        patience: with a server that counts requests.
    """

    def __init__(
        self, client: QdrantClient, aclient: AsyncQdrantClient, patience: Patience
    ) -> None:
        self._inner = cast(Any, client._client)
        self._ainner = cast(Any, aclient._client)
        self._patience = patience

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one call."""
        call, timeout = self._inner.grpc_points.QueryBatch, self._inner._timeout
        request = _batch(collection, searches)
        return _found(self._patience.send(lambda: call(request, timeout=timeout)), searches)

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""
        call, timeout = self._ainner.grpc_points.QueryBatch, self._ainner._timeout
        request = _batch(collection, searches)

        async def send() -> Any:
            return await call(request, timeout=timeout)

        return _found(await self._patience.asend(send), searches)

    def encoded(self, points: Sequence[Point]) -> list[tuple[Any, int]]:
        """Points as messages, and their bytes."""
        messages = [_point(point) for point in points]
        return [(message, message.ByteSize()) for message in messages]

    def upsert(self, collection: str, points: Sequence[wire.PointStruct]) -> None:
        """Insert points, or replace those whose id is there."""
        call, timeout = self._inner.grpc_points.Upsert, self._inner._timeout
        written = wire.UpsertPoints(collection_name=collection, wait=True, points=points)
        self._patience.send(lambda: call(written, timeout=timeout))

    def close(self) -> None:
        """The clients close their channels."""


def _batch(collection: str, searches: Sequence[Search]) -> wire.QueryBatchPoints:
    return wire.QueryBatchPoints(
        collection_name=collection, query_points=[_query(collection, one) for one in searches]
    )


def _query(collection: str, search: Search) -> wire.QueryPoints:
    return wire.QueryPoints(
        collection_name=collection,
        query=_nearest(search.query),
        using=search.using,
        filter=_filter(search),
        params=_params(search),
        limit=search.limit,
        offset=search.offset or None,
        with_payload=_selector(search),
    )


def _filter(search: Search) -> wire.Filter | None:
    must = []
    if search.level is not None:
        must.append(_field("level", wire.Match(integer=search.level)))
    if search.roots:
        must.append(_field("root", wire.Match(keywords=wire.RepeatedStrings(strings=search.roots))))
    if search.ids:
        ids = b"".join([_POINT_ID + uuid_of(number).encode() for number in search.ids])
        must.append(wire.Condition(has_id=wire.HasIdCondition.FromString(ids)))
    if search.filter is not None:
        must.append(wire.Condition(filter=RestToGrpc.convert_filter(search.filter)))
    return wire.Filter(must=must) if must else None


def _field(key: str, match: wire.Match) -> wire.Condition:
    return wire.Condition(field=wire.FieldCondition(key=key, match=match))


def _nearest(vector: Sequence[float] | models.SparseVector | None) -> wire.Query | None:
    if vector is None:
        return None
    if isinstance(vector, models.SparseVector):
        sparse = wire.SparseVector(indices=vector.indices, values=vector.values)
        return wire.Query(nearest=wire.VectorInput(sparse=sparse))
    return wire.Query(nearest=wire.VectorInput(dense=wire.DenseVector(data=vector)))


def _params(search: Search) -> wire.SearchParams | None:
    if search.exact:
        return wire.SearchParams(exact=True)
    return None if search.params is None else RestToGrpc.convert_search_params(search.params)


def _selector(search: Search) -> wire.WithPayloadSelector:
    if search.fields:
        return wire.WithPayloadSelector(include=wire.PayloadIncludeSelector(fields=search.fields))
    if search.without:
        return wire.WithPayloadSelector(exclude=wire.PayloadExcludeSelector(fields=search.without))
    return wire.WithPayloadSelector(enable=False)


def _found(answer: Any, searches: Sequence[Search]) -> list[Hits]:
    found = []
    for result, search in zip(answer.result, searches, strict=True):
        # Each is made into an object once, not for each field.
        points = list(result.result)
        told = search.fields or search.without
        found.append(
            Hits(
                numbers_of([point.id.uuid for point in points]),
                [point.score for point in points],
                [_payload(point.payload) for point in points] if told else [{}] * len(points),
            )
        )
    return found


def _payload(given: Any) -> dict[str, Any]:
    payload = {}
    for name, value in given.items():
        kind = value.WhichOneof("kind")
        payload[name] = getattr(value, kind) if kind in _PLAIN else value_to_json(value)
    return payload


def _point(point: Point) -> wire.PointStruct:
    named = {name: _vector(vector) for name, vector in point.vector.items()}
    return wire.PointStruct(
        id=wire.PointId(uuid=str(point.id)),
        vectors=wire.Vectors(vectors=wire.NamedVectors(vectors=named)),
        payload=payload_to_grpc(point.payload),
    )


def _vector(vector: Any) -> wire.Vector:
    if isinstance(vector, list):
        return wire.Vector(dense=wire.DenseVector(data=vector))
    return wire.Vector(sparse=wire.SparseVector(indices=vector.indices, values=vector.values))
