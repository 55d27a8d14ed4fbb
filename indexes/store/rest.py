"""A server's REST interface for searches and points: JSON straight into columns and back.

It goes through qdrant-client's connection with all that was installed there (keys, TLS, nodes,
retries), but not through its models, which take longer than the server does.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

import httpx
import orjson
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from indexes.store.columns import Hits, Search, number_of

_JSON = {"content-type": "application/json"}
_TOO_MANY = 429


class RestWire:
    """A server, as `indexes.store.columns.Wire` has it.

    Args:
        client, aclient: of qdrant-client's.
    """

    def __init__(self, client: QdrantClient, aclient: AsyncQdrantClient) -> None:
        # Whatever the clients speak, both have these.
        self._api = cast(Any, client._client).openapi_client.client
        self._aapi = cast(Any, aclient._client).openapi_client.client

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one request."""
        body, client = _batch(searches), self._api._client
        request = self._request(client, "POST", collection, "/query/batch", body)
        return _found(self._api.middleware(request, self._api.send_inner), searches)

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""
        api, body = self._aapi, _batch(searches)
        request = self._request(api._async_client, "POST", collection, "/query/batch", body)
        return _found(await api.middleware(request, api.send_inner), searches)

    def upsert(self, collection: str, points: Sequence[models.PointStruct]) -> None:
        """Insert points, or replace those whose id is there."""
        written = [{"id": p.id, "vector": p.vector, "payload": p.payload} for p in points]
        body = {"points": written}
        request = self._request(self._api._client, "PUT", collection, "?wait=true", body)
        _result(self._api.middleware(request, self._api.send_inner))

    def _request(self, client: Any, method: str, collection: str, path: str, body: Any) -> Any:
        content = orjson.dumps(body, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
        url = _url(self._api.host, collection, path)
        return client.build_request(method, url, content=content, headers=_JSON)


@lru_cache
def _url(host: str, collection: str, path: str) -> httpx.URL:
    return httpx.URL(f"{host.rstrip('/')}/collections/{quote(collection, safe='')}/points{path}")


def _batch(searches: Sequence[Search]) -> dict[str, Any]:
    return {"searches": [_search(search) for search in searches]}


def _search(search: Search) -> dict[str, Any]:
    found: dict[str, Any] = {"limit": search.limit}
    if search.query is not None:
        found |= {"query": search.query, "using": search.using}
    if search.filter is not None:
        found["filter"] = search.filter
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


def _plain(value: Any) -> Any:
    """What of qdrant-client's models is in a request."""
    return value.model_dump(mode="json", exclude_none=True, exclude_unset=True)


def _found(response: httpx.Response, searches: Sequence[Search]) -> list[Hits]:
    result = _result(response)
    try:
        return [
            Hits(
                [number_of(point["id"]) for point in found["points"]],
                [point["score"] for point in found["points"]],
                [point["payload"] for point in found["points"]]
                if search.fields or search.without
                else [{}] * len(found["points"]),
            )
            for found, search in zip(result, searches, strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ResponseHandlingException(error) from error


def _result(response: httpx.Response) -> Any:
    """What a server answered, or the error that qdrant-client raises of it."""
    if response.is_success:
        answer = orjson.loads(response.content)
        return answer.get("result") if isinstance(answer, dict) else None
    wait = response.headers.get("retry-after")
    if response.status_code == _TOO_MANY and wait:
        try:
            words = response.json()["status"]["error"]
        except (ValueError, KeyError, TypeError):
            words = ""
        raise ResourceExhaustedResponse(words, wait)
    raise UnexpectedResponse.for_response(response)
