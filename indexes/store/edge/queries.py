"""qdrant-client's queries as Qdrant Edge takes them.

A server resolves three things before its engine sees a query, and so does this file:
ids become the vectors of those points (which then drop out of the results),
`Document`s become BM25 vectors, and averaging recommendations become one vector.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
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

    def _recommend(self, query: models.RecommendQuery, _limit: int) -> edge.Query:
        wanted = query.recommend
        positive = [self.vector(item) for item in wanted.positive or []]
        negative = [self.vector(item) for item in wanted.negative or []]
        vectors = edge.RecommendQuery(positive, negative)
        if wanted.strategy is models.RecommendStrategy.BEST_SCORE:
            return edge.Query.RecommendBestScore(vectors, using=self._using)
        if wanted.strategy is models.RecommendStrategy.SUM_SCORES:
            return edge.Query.RecommendSumScores(vectors, using=self._using)
        return edge.Query.Nearest(_average(positive, negative), using=self._using)

    def _discover(self, query: models.DiscoverQuery, _limit: int) -> edge.Query:
        target = self.vector(query.discover.target)
        pairs = self._pairs(query.discover.context)
        return edge.Query.Discover(edge.DiscoverQuery(target, pairs), using=self._using)

    def _context(self, query: models.ContextQuery, _limit: int) -> edge.Query:
        return edge.Query.Context(edge.ContextQuery(self._pairs(query.context)), using=self._using)

    def _pairs(self, context: Any) -> list[edge.ContextPair]:
        pairs = context if isinstance(context, list) else [context]
        return [
            edge.ContextPair(self.vector(pair.positive), self.vector(pair.negative))
            for pair in pairs
        ]

    def _feedback(self, query: models.RelevanceFeedbackQuery, _limit: int) -> edge.Query:
        given, naive = query.relevance_feedback, query.relevance_feedback.strategy.naive
        return edge.Query.FeedbackNaive(
            edge.FeedbackNaiveQuery(
                self.vector(given.target),
                [
                    edge.FeedbackItem(self.vector(item.example), item.score)
                    for item in given.feedback
                ],
                edge.NaiveFeedbackStrategy(naive.a, naive.b, naive.c),
            ),
            using=self._using,
        )

    def _text(self, query: models.TextQuery, _limit: int) -> edge.TextQuery:
        """BM25 over a text index: `using` names the payload field."""
        if isinstance(query.text, str):
            return edge.TextQuery(self._using, query.text)
        scoring = query.text.scoring
        params = None if scoring is None else scoring.bm25
        return edge.TextQuery(
            self._using,
            query.text.query,
            None if params is None else edge.Bm25Params(params.k, params.b),
        )

    def _order_by(self, query: models.OrderByQuery, _limit: int) -> edge.OrderBy:
        return order_by(query.order_by)

    def _fusion(self, query: models.FusionQuery, _limit: int) -> Any:
        if query.fusion is models.Fusion.DBSF:
            return edge.Fusion.Dbsf()
        return edge.Fusion.Rrf(_RRF_K)

    def _rrf(self, query: models.RrfQuery, _limit: int) -> Any:
        return edge.Fusion.Rrf(query.rrf.k or _RRF_K, weights=query.rrf.weights)

    def _formula(self, query: models.FormulaQuery, _limit: int) -> Any:
        return to_edge(query)

    def _sample(self, _query: models.SampleQuery, _limit: int) -> Any:
        return edge.Sample.Random


_QUERIES: dict[type, Callable[[_Resolver, Any, int], Any]] = {
    models.NearestQuery: _Resolver._nearest_query,
    models.RecommendQuery: _Resolver._recommend,
    models.DiscoverQuery: _Resolver._discover,
    models.ContextQuery: _Resolver._context,
    models.RelevanceFeedbackQuery: _Resolver._feedback,
    models.TextQuery: _Resolver._text,
    models.OrderByQuery: _Resolver._order_by,
    models.FusionQuery: _Resolver._fusion,
    models.RrfQuery: _Resolver._rrf,
    models.FormulaQuery: _Resolver._formula,
    models.SampleQuery: _Resolver._sample,
}


def order_by(value: str | models.OrderBy) -> edge.OrderBy:
    """A field to order by, with or without direction and start."""
    given = models.OrderBy(key=value) if isinstance(value, str) else value
    translated: edge.OrderBy = to_edge(given)
    return translated


def payload_selector(value: Any, *, default: bool) -> Any:
    """Which payload fields to return: a flag, names, or a selector."""
    return default if value is None else value if isinstance(value, list) else to_edge(value)


def _average(positive: list[Any], negative: list[Any]) -> Any:
    """The server's `average_vector`: avg⁺ + avg⁺ − avg⁻."""
    if not positive:
        raise StoreError("an average_vector recommendation needs a positive example")
    if isinstance(positive[0], edge.SparseVector):
        return _sparse_average(positive, negative)
    mean = np.mean(np.asarray(positive, dtype=np.float32), axis=0)
    if negative:
        mean = mean + mean - np.mean(np.asarray(negative, dtype=np.float32), axis=0)
    return mean.tolist()


def _sparse_average(positive: list[Any], negative: list[Any]) -> edge.SparseVector:
    weights: dict[int, float] = {}
    share = (2.0 if negative else 1.0) / len(positive)
    signed = chain(
        ((vector, share) for vector in positive),
        ((vector, -1.0 / len(negative)) for vector in negative),
    )
    for vector, factor in signed:
        for index, value in zip(vector.indices, vector.values, strict=True):
            weights[index] = weights.get(index, 0.0) + factor * value
    return edge.SparseVector(list(weights), list(weights.values()))


def grouped(
    hits: list[models.ScoredPoint], field: str, limit: int, size: int
) -> dict[int | str, list[models.ScoredPoint]]:
    """Hits by the values of a payload field, both in the order of their best hit.

    Args:
        hits: best first, with the field in their payload.
        field: a path such as `document.id`; a list puts its hit into several groups.
        limit: groups at most.
        size: hits in a group at most.
    """
    groups: dict[int | str, list[models.ScoredPoint]] = {}
    for hit in hits:
        for value in _values(hit.payload, field.split(".")):
            if value in groups or len(groups) < limit:
                group = groups.setdefault(value, [])
                if len(group) < size and hit not in group:
                    group.append(hit)
    return groups


def _values(payload: Any, path: list[str]) -> list[int | str]:
    if isinstance(payload, list):
        return [value for item in payload for value in _values(item, path)]
    if path:
        return (
            _values(payload.get(path[0].removesuffix("[]")), path[1:])
            if (isinstance(payload, dict))
            else []
        )
    return [payload] if isinstance(payload, int | str) and not isinstance(payload, bool) else []
