"""qdrant-client's queries as Qdrant Edge takes them.

Those are served that retrievers make: nearest (with diversity) and fusion; others need a server.
"""

from typing import Any
from uuid import UUID

import qdrant_edge as edge
from qdrant_client.http import models

from indexes.store.edge.failures import server_only
from indexes.store.edge.translate import to_edge, vector_to_edge

DEFAULT_LIMIT = 10
_RRF_K = 2  # the server's default


def query_request(request: models.QueryRequest) -> edge.QueryRequest:
    """A whole query with its prefetches."""
    if request.shard_key is not None:
        raise server_only("a shard key")
    return edge.QueryRequest(
        limit=_limit(request),
        offset=request.offset or 0,
        query=_query(request),
        prefetches=_prefetches(request.prefetch),
        filter=to_edge(request.filter),
        score_threshold=request.score_threshold,
        params=to_edge(request.params),
        with_payload=payload_selector(request.with_payload, default=False),
        with_vector=request.with_vector or False,
    )


def _limit(request: models.QueryRequest | models.Prefetch) -> int:
    return DEFAULT_LIMIT if request.limit is None else request.limit


def _prefetches(prefetch: Any) -> list[edge.Prefetch]:
    if prefetch is None:
        return []
    return [
        edge.Prefetch(
            limit=_limit(item),
            query=_query(item),
            prefetches=_prefetches(item.prefetch),
            params=to_edge(item.params),
            filter=to_edge(item.filter),
            score_threshold=item.score_threshold,
        )
        for item in (prefetch if isinstance(prefetch, list) else [prefetch])
    ]


def _query(request: models.QueryRequest | models.Prefetch) -> Any:
    """What is asked for: what is nearest, with or without diversity, or prefetches fused."""
    if request.lookup_from is not None:
        raise server_only("lookup_from")
    using = request.using or ""
    match request.query:
        case None:
            return None
        case models.FusionQuery(fusion=models.Fusion.DBSF):
            return edge.Fusion.Dbsf()
        case models.FusionQuery():
            return edge.Fusion.Rrf(_RRF_K)
        case models.NearestQuery(nearest=nearest, mmr=models.Mmr() as mmr):
            diversity = 0.5 if mmr.diversity is None else mmr.diversity
            candidates = mmr.candidates_limit or _limit(request)
            return edge.Mmr(_vector(nearest), 1.0 - diversity, candidates, using=using)
        case models.NearestQuery(nearest=nearest):
            return edge.Query.Nearest(_vector(nearest), using=using)
        case vector:
            return edge.Query.Nearest(_vector(vector), using=using)


def _vector(value: Any) -> Any:
    if isinstance(value, int | str | UUID):
        raise server_only("a query by a point's id")
    return vector_to_edge(value)


def payload_selector(value: Any, *, default: bool) -> Any:
    """Which payload fields to return: a flag, names, or a selector."""
    return default if value is None else value if isinstance(value, list) else to_edge(value)
