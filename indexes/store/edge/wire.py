"""Searches of the embedded engine without qdrant-client between: columns in and out."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import qdrant_edge as edge
from qdrant_client import models

from indexes.store.columns import Hits, Point, Search
from indexes.store.edge.backend import EdgeBackend
from indexes.store.edge.translate import to_edge


class EdgeWire:
    """A folder, as `indexes.store.columns.Wire` has it."""

    def __init__(self, backend: EdgeBackend) -> None:
        self._backend = backend

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one pass."""
        batch = edge.QueryBatchRequest([_request(search) for search in searches])
        with self._backend.shard(collection, "search") as shard:
            answers: list[list[Any]] = shard.query_batch(batch) if searches else []
            return [
                Hits(
                    [hit.id.int for hit in hits],
                    [hit.score for hit in hits],
                    [hit.payload or {} for hit in hits]
                    if search.fields or search.without
                    else [{}] * len(hits),
                )
                for hits, search in zip(answers, searches, strict=True)
            ]

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same in a thread."""
        return await asyncio.to_thread(self.search, collection, searches)

    def encoded(self, points: Sequence[Point]) -> list[tuple[Any, int]]:
        """The points: nothing is sent."""
        return [(point, 0) for point in points]

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert points, or replace those whose id is there."""
        self._backend.upsert(collection, cast(Any, points))

    def close(self) -> None:
        """The folder's clients close it."""


def _request(search: Search) -> edge.QueryRequest:
    payload: edge.PayloadSelector | bool = False
    if search.fields:
        payload = edge.PayloadSelector.Include(list(search.fields))
    elif search.without:
        payload = edge.PayloadSelector.Exclude(list(search.without))
    query = None
    if search.query is not None:
        sparse = isinstance(search.query, models.SparseVector)
        vector: Any = to_edge(search.query) if sparse else search.query
        query = edge.Query.Nearest(vector, using=search.using or "")
    params = edge.SearchParams(exact=True) if search.exact else to_edge(search.params)
    return edge.QueryRequest(
        limit=search.limit,
        offset=search.offset,
        query=query,
        filter=_filter(search),
        params=params,
        with_payload=payload,
        with_vector=False,
    )


def _filter(search: Search) -> edge.Filter | None:
    must: list[Any] = []
    if search.level is not None:
        must.append(edge.FieldCondition("level", match=edge.MatchValue(search.level)))
    if search.roots:
        must.append(edge.FieldCondition("root", match=edge.MatchAny(list(search.roots))))
    if search.ids:
        must.append(edge.HasIdCondition({UUID(int=number) for number in search.ids}))
    if search.filter is not None:
        must.append(to_edge(search.filter))
    return edge.Filter(must=must) if must else None
