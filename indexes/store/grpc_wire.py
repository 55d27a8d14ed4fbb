"""A server's gRPC interface for searches and points: protobuf straight into columns and back.

The messages are qdrant-client's. Where there are hundreds (ids, hits, numbers of vectors) their
bytes are read and written as they are, for an object each takes longer than all the rest.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from qdrant_client import grpc as wire
from qdrant_client import models
from qdrant_client.conversions.conversion import (
    GrpcToRest,
    RestToGrpc,
    json_to_value,
    value_to_json,
)
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.store.columns import Hits, Point, Search, numbers_of, uuid_of
from indexes.store.http import Sender

# A `PointId` whose field 2, a UUID, has 36 bytes, as field 1 of another message: of a
# `HasIdCondition` (each id), of a `ScoredPoint` and of a `PointStruct`.
_POINT_ID = b"\x0a\x26\x12\x24"
# A `ScoredPoint` as it begins when it has a score but no payload.
_HIT = np.dtype([("id", "S4"), ("uuid", "S36"), ("tag", "S1"), ("score", "<f4")])
_SCORE = b"\x1d"
_LENGTH = 2  # the kind of a field whose bytes are counted
_PLAIN = frozenset({"string_value", "integer_value", "bool_value", "double_value"})


class GrpcWire:
    """A server, as `indexes.store.columns.Wire` has it.

    Args:
        sender: of calls to it.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def described(self, collection: str) -> models.CollectionInfo:
        """What the server behind this port says of a collection."""
        request = wire.GetCollectionInfoRequest(collection_name=collection)
        found = self._call("Collections/Get", request, wire.GetCollectionInfoResponse)
        return GrpcToRest.convert_collection_info(found.result)

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one call."""
        body = _batch(collection, searches)
        return _found(self._sender.send("POST", _QUERY, body).well(), searches)

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""
        body = _batch(collection, searches)
        return _found((await self._sender.asend("POST", _QUERY, body)).well(), searches)

    def encoded(self, points: Sequence[Point]) -> list[tuple[Any, int]]:
        """Points as messages, each as a field of the one that takes them, and their bytes."""
        messages = [_field(_POINTS, _point(point)) for point in points]
        return [(message, len(message)) for message in messages]

    def upsert(self, collection: str, points: Sequence[bytes]) -> None:
        """Insert points, or replace those whose id is there."""
        head = wire.UpsertPoints(collection_name=collection, wait=True).SerializeToString()
        self._sender.send("POST", _UPSERT, head + b"".join(points)).well()

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def _call(self, method: str, request: Any, kind: Any) -> Any:
        answer = self._sender.send("POST", _path(method), request.SerializeToString())
        return _read(kind, answer.well())


def _path(method: str) -> str:
    return f"/qdrant.{method}"


_QUERY, _UPSERT = _path("Points/QueryBatch"), _path("Points/Upsert")


# Searches


def _batch(collection: str, searches: Sequence[Search]) -> bytes:
    batch = wire.QueryBatchPoints(
        collection_name=collection, query_points=[_query(collection, one) for one in searches]
    )
    written: bytes = batch.SerializeToString()
    return written


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
        must.append(_matching("level", wire.Match(integer=search.level)))
    if search.roots:
        roots = wire.RepeatedStrings(strings=search.roots)
        must.append(_matching("root", wire.Match(keywords=roots)))
    if search.ids:
        ids = b"".join([_POINT_ID + uuid_of(number).encode() for number in search.ids])
        must.append(wire.Condition(has_id=wire.HasIdCondition.FromString(ids)))
    if search.filter is not None:
        must.append(wire.Condition(filter=RestToGrpc.convert_filter(search.filter)))
    return wire.Filter(must=must) if must else None


def _matching(key: str, match: wire.Match) -> wire.Condition:
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


# What they find


def _slim() -> tuple[Any, Any]:
    """`QueryBatchResponse` and `BatchResult` whose field 1 is bytes, which are not looked into."""
    file = descriptor_pb2.FileDescriptorProto(name="columns.proto", package="columns")
    for name in ("Batch", "Result"):
        field = descriptor_pb2.FieldDescriptorProto
        file.message_type.add(name=name).field.add(
            name="parts", number=1, label=field.LABEL_REPEATED, type=field.TYPE_BYTES
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    batch, result = map(pool.FindMessageTypeByName, ("columns.Batch", "columns.Result"))
    return message_factory.GetMessageClass(batch), message_factory.GetMessageClass(result)


_BATCH, _RESULT = _slim()


def _read(kind: Any, content: bytes) -> Any:
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise ResponseHandlingException(error) from error


def _found(content: bytes, searches: Sequence[Search]) -> list[Hits]:
    results = list(_read(_BATCH, content).parts)
    if len(results) != len(searches):
        raise ResponseHandlingException(
            ValueError(f"{len(results)} answers to {len(searches)} searches")
        )
    return [
        _hits(list(_read(_RESULT, result).parts), told=bool(search.fields or search.without))
        for result, search in zip(results, searches, strict=True)
    ]


def _hits(points: list[bytes], *, told: bool) -> Hits:
    if not told and points and min(map(len, points)) >= _HIT.itemsize:
        rows = np.frombuffer(b"".join([point[: _HIT.itemsize] for point in points]), _HIT)
        if (rows["id"] == _POINT_ID).all() and (rows["tag"] == _SCORE).all():
            uuids = list(map(bytes.decode, rows["uuid"].tolist()))
            return Hits(numbers_of(uuids), rows["score"].tolist(), [{}] * len(points))
    found = [_read(wire.ScoredPoint, point) for point in points]
    return Hits(
        numbers_of([point.id.uuid for point in found]),
        [point.score for point in found],
        [_payload(point.payload) for point in found],
    )


def _payload(given: Any) -> dict[str, Any]:
    payload = {}
    for name, value in given.items():
        kind = value.WhichOneof("kind")
        payload[name] = getattr(value, kind) if kind in _PLAIN else value_to_json(value)
    return payload


# Points

# Numbers of fields of `UpsertPoints`, `PointStruct`, `Vectors`, `NamedVectors`, the entries of
# its map, `Vector` and `DenseVector`.
_POINTS, _VECTORS, _NAMED, _ENTRY, _NAME, _VECTOR, _DENSE, _SPARSE, _DATA = (
    3,
    4,
    2,
    1,
    1,
    2,
    101,
    102,
    1,
)


def _point(point: Point) -> bytes:
    named = b"".join(
        _field(_ENTRY, _field(_NAME, name.encode()) + _field(_VECTOR, _vector(vector)))
        for name, vector in point.vector.items()
    )
    vectors = _field(_VECTORS, _field(_NAMED, named))
    return b"".join((_POINT_ID, point.id.encode(), _written(point.payload), vectors))


def _vector(vector: Any) -> bytes:
    if isinstance(vector, list):
        numbers = _floats(len(vector)).pack(*vector)
        return _field(_DENSE, _field(_DATA, numbers))
    sparse = wire.SparseVector(indices=vector.indices, values=vector.values)
    return _field(_SPARSE, sparse.SerializeToString())


@lru_cache
def _floats(number: int) -> struct.Struct:
    return struct.Struct(f"<{number}f")


def _written(payload: Mapping[str, Any]) -> bytes:
    point = wire.PointStruct()
    fields = point.payload
    for name, value in payload.items():
        if type(value) is str:
            fields[name].string_value = value
        elif type(value) is int:
            fields[name].integer_value = value
        else:
            fields[name].CopyFrom(json_to_value(value))
    written: bytes = point.SerializeToString()
    return written


def _field(number: int, content: bytes) -> bytes:
    """A field of a message, its content told by its length."""
    return _varint(number << 3 | _LENGTH) + _varint(len(content)) + content


@lru_cache(maxsize=4096)
def _varint(number: int) -> bytes:
    """A number in sevens of bits, the lowest first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
