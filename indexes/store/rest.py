"""A server's REST interface for searches and points: JSON straight into columns and back.

Neither qdrant-client's models nor its connections take part: they take longer than the server.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.store.columns import Hits, Point, Search, numbers_of, uuid_of
from indexes.store.http import Reply, Sender

_A = TypeVar("_A")
_ID, _SCORE = attrgetter("id"), attrgetter("score")


class RestWire:
    """A server, as `indexes.store.columns.Wire` has it.

    Args:
        sender: of requests to it.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one request."""
        path = _path(collection, "/query/batch")
        return _found(self._sender.send("POST", path, _json(_batch(searches))), searches)

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""
        path = _path(collection, "/query/batch")
        return _found(await self._sender.asend("POST", path, _json(_batch(searches))), searches)

    def encoded(self, points: Sequence[Point]) -> list[tuple[Any, int]]:
        """Points as JSON, and its bytes."""
        dense = [
            given for point in points for given in point.vector.values() if isinstance(given, list)
        ]
        rows = iter(_rows(dense))
        found = []
        for point in points:
            vector = {
                name: next(rows) if isinstance(given, list) else _sparse(given)
                for name, given in point.vector.items()
            }
            body = _json({"id": point.id, "vector": vector, "payload": point.payload})
            found.append((body, len(body)))
        return found

    def upsert(self, collection: str, points: Sequence[bytes]) -> None:
        """Insert points, or replace those whose id is there."""
        body = b'{"points":[' + b",".join(points) + b"]}"
        _read(_DONE, self._sender.send("PUT", _path(collection, "?wait=true"), body))

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()


@lru_cache
def _path(collection: str, rest: str) -> str:
    return f"/collections/{quote(collection, safe='')}/points{rest}"


def _json(body: Any) -> bytes:
    return orjson.dumps(body, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)


def _rows(vectors: list[list[float]]) -> Iterable[NDArray[np.float32]]:
    """Dense vectors as the engine takes them, in half as many digits; all in one go, if they are
    of one size.
    """
    if len(set(map(len, vectors))) != 1:
        return [np.array(vector, np.float32) for vector in vectors]
    return np.fromiter(chain.from_iterable(vectors), np.float32).reshape(len(vectors), -1)


def _sparse(vector: Any) -> dict[str, Any]:
    return {"indices": vector.indices, "values": np.array(vector.values, np.float32)}


def _batch(searches: Sequence[Search]) -> dict[str, Any]:
    return {"searches": [_search(search) for search in searches]}


def _search(search: Search) -> dict[str, Any]:
    found: dict[str, Any] = {"limit": search.limit}
    if search.query is not None:
        found |= {"query": search.query, "using": search.using}
    if must := _must(search):
        found["filter"] = {"must": must}
    if search.fields:
        found["with_payload"] = list(search.fields)
    elif search.without:
        found["with_payload"] = {"exclude": list(search.without)}
    if search.exact:
        found["params"] = {"exact": True}
    elif search.params is not None:
        found["params"] = search.params
    if search.offset:
        found["offset"] = search.offset
    return found


def _must(search: Search) -> list[Any]:
    """What points must match."""
    must: list[Any] = []
    if search.level is not None:
        must.append({"key": "level", "match": {"value": search.level}})
    if search.roots:
        must.append({"key": "root", "match": {"any": search.roots}})
    if search.ids:
        must.append({"has_id": list(map(uuid_of, search.ids))})
    if search.filter is not None:
        must.append(search.filter)
    return must


def _plain(model: BaseModel) -> dict[str, Any]:
    """One of qdrant-client's models, as a request has it."""
    fields, given = type(model).model_fields, model.model_fields_set
    return {
        fields[name].alias or name: value
        for name, value in model.__dict__.items()
        if name in given and value is not None
    }


class _Point(msgspec.Struct, gc=False):
    id: str | int
    score: float = 0.0
    payload: dict[str, Any] | None = None


class _Points(msgspec.Struct, gc=False):
    points: list[_Point]


class _Done(msgspec.Struct):
    status: str


class _Answer(msgspec.Struct, gc=False):
    result: list[_Points]


# In a sixth of the time that orjson takes, which makes dictionaries of what nobody reads.
_ANSWER = msgspec.json.Decoder(_Answer)
_DONE = msgspec.json.Decoder(_Done)


def _found(response: Reply, searches: Sequence[Search]) -> list[Hits]:
    result = _read(_ANSWER, response).result
    try:
        return [
            Hits(
                numbers_of(list(map(_ID, found.points))),
                list(map(_SCORE, found.points)),
                [point.payload or {} for point in found.points]
                if search.fields or search.without
                else [{}] * len(found.points),
            )
            for found, search in zip(result, searches, strict=True)
        ]
    except ValueError as error:  # more or fewer answers than questions
        raise ResponseHandlingException(error) from error


def _read(decoder: msgspec.json.Decoder[_A], response: Reply) -> _A:
    """What a server answered.

    Raises:
        UnexpectedResponse, ResourceExhaustedResponse: it refused.
        ResponseHandlingException: it answered something else.
    """
    content = response.well()
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ResponseHandlingException(error) from error
