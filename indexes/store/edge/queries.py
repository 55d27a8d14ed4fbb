"""qdrant-client's queries as Qdrant Edge takes them.

A server resolves two things before its engine sees a query, and so does this file: ids
become the vectors of those points (which then drop out of the results), and `Document`s
become BM25 vectors. Of its kinds of query those are served that retrievers make: nearest
(with diversity) and fusion; the others need a server.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from pydantic import ValidationError
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.translate import point_ids, to_edge, vector_to_edge

# (point id, vector name, where else to look) → the point's vector.
Lookup = Callable[[Any, str, models.LookupLocation | None], Any]

BM25_MODEL = "qdrant/bm25"
DEFAULT_LIMIT = 10
_RRF_K = 2  # the server's default


def encode_document(document: models.Document) -> edge.SparseVector:
    """A text to store, as the server's `qdrant/bm25` encodes it."""
    return _bm25(document).embed_document(document.text)


def encode_query(document: models.Document) -> edge.SparseVector:
    """A question, as the server's `qdrant/bm25` encodes it."""
    return _bm25(document).embed_query(document.text)


def _bm25(document: models.Document) -> edge.Bm25:
    if document.model.lower() != BM25_MODEL:
        raise StoreError(
            f"the embedded index has no model {document.model!r}, only {BM25_MODEL!r}: "
            "embed the text first and pass the vector"
        )
    options = document.options or {}
    try:
        config = models.Bm25Config.model_validate(options)
    except ValidationError as error:
        raise StoreError(f"{BM25_MODEL} does not take these options: {options}") from error
    return _bm25_encoder(config.model_dump_json(exclude_none=True))


@lru_cache(maxsize=32)
def _bm25_encoder(config: str) -> edge.Bm25:
    return edge.Bm25(to_edge(models.Bm25Config.model_validate_json(config)))


class QueryTranslator:
    """Turns requests on one collection into the engine's.

    Args:
        lookup: finds the vector of a point that a query names by id.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def request(self, request: models.QueryRequest) -> edge.QueryRequest:
        """A whole query with its prefetches."""
        if request.shard_key is not None:
            raise StoreError("the embedded index has no shard keys; use a Qdrant server")
        query, condition = self._scored(request)
        return edge.QueryRequest(
            limit=DEFAULT_LIMIT if request.limit is None else request.limit,
            offset=request.offset or 0,
            query=query,
            prefetches=self._prefetches(request.prefetch),
            filter=condition,
            score_threshold=request.score_threshold,
            params=to_edge(request.params),
            with_payload=payload_selector(request.with_payload, default=False),
            with_vector=request.with_vector or False,
        )

    def _prefetches(self, prefetch: Any) -> list[edge.Prefetch]:
        if prefetch is None:
            return []
        return [
            self._prefetch(item)
            for item in (prefetch if isinstance(prefetch, list) else [prefetch])
        ]

    def _prefetch(self, prefetch: models.Prefetch) -> edge.Prefetch:
        query, condition = self._scored(prefetch)
        return edge.Prefetch(
            limit=DEFAULT_LIMIT if prefetch.limit is None else prefetch.limit,
            query=query,
            prefetches=self._prefetches(prefetch.prefetch),
            params=to_edge(prefetch.params),
            filter=condition,
            score_threshold=prefetch.score_threshold,
        )

    def _scored(
        self, request: models.QueryRequest | models.Prefetch
    ) -> tuple[Any, edge.Filter | None]:
        """The query, and the filter without the points that the query names by id."""
        resolver = _Resolver(self._lookup, request.using or "", request.lookup_from)
        limit = DEFAULT_LIMIT if request.limit is None else request.limit
        query = None if request.query is None else resolver.query(request.query, limit)
        condition = None if request.filter is None else to_edge(request.filter)
        if resolver.named and request.lookup_from is None:
            unnamed = edge.Filter(must_not=[edge.HasIdCondition({*resolver.named})])
            condition = unnamed if condition is None else edge.Filter(must=[condition, unnamed])
        return query, condition


class _Resolver:
    """One query on one vector; remembers the ids that it named."""

    def __init__(
        self, lookup: Lookup, using: str, lookup_from: models.LookupLocation | None
    ) -> None:
        self._lookup = lookup
        self._using = using
        self._lookup_from = lookup_from
        self.named: list[Any] = []

    def vector(self, value: Any) -> Any:
        """A vector as the engine takes it, whether given, named by id or as text."""
        if isinstance(value, int | str | UUID):
            (id_,) = point_ids([value])
            self.named.append(id_)
            return self._lookup(id_, self._using, self._lookup_from)
        return vector_to_edge(value, encode_query)

    def query(self, query: Any, limit: int) -> Any:
        """Any of the client's kinds of query."""
        build = _QUERIES.get(type(query))
        if build is None:
            return self._nearest(query)
        return build(self, query, limit)

    def _nearest(self, value: Any) -> edge.Query:
        return edge.Query.Nearest(self.vector(value), using=self._using)

    def _nearest_query(self, query: models.NearestQuery, limit: int) -> Any:
        if query.mmr is None:
            return self._nearest(query.nearest)
        diversity = 0.5 if query.mmr.diversity is None else query.mmr.diversity
        return edge.Mmr(
            self.vector(query.nearest),
            1.0 - diversity,
            query.mmr.candidates_limit or limit,
            using=self._using,
        )

    def _fusion(self, query: models.FusionQuery, _limit: int) -> Any:
        if query.fusion is models.Fusion.DBSF:
            return edge.Fusion.Dbsf()
        return edge.Fusion.Rrf(_RRF_K)

    def _rrf(self, query: models.RrfQuery, _limit: int) -> Any:
        return edge.Fusion.Rrf(query.rrf.k or _RRF_K, weights=query.rrf.weights)


_QUERIES: dict[type, Callable[[_Resolver, Any, int], Any]] = {
    models.NearestQuery: _Resolver._nearest_query,
    models.FusionQuery: _Resolver._fusion,
    models.RrfQuery: _Resolver._rrf,
}


def order_by(value: str | models.OrderBy) -> edge.OrderBy:
    """A field to order by, with or without direction and start."""
    given = models.OrderBy(key=value) if isinstance(value, str) else value
    translated: edge.OrderBy = to_edge(given)
    return translated


def payload_selector(value: Any, *, default: bool) -> Any:
    """Which payload fields to return: a flag, names, or a selector."""
    return default if value is None else value if isinstance(value, list) else to_edge(value)
