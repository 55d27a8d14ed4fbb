"""Reading and searching points of the embedded engine."""

from collections.abc import Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client.conversions import common_types as types
from qdrant_client.http import models

from indexes.store.edge.base import EdgeBase, check_ignored
from indexes.store.edge.queries import payload_selector, query_request
from indexes.store.edge.translate import id_from_edge, point_ids, record, scored_point, to_edge


class EdgeReading(EdgeBase):
    """The reading half of qdrant-client's interface."""

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[types.PointId],
        with_payload: types.WithPayloadInterface = True,
        with_vectors: types.WithVector = False,
        **kwargs: Any,
    ) -> list[models.Record]:
        """Points by id; those that do not exist are left out."""
        check_ignored(kwargs)
        with self.shard(collection_name, "read from") as shard:
            selector = payload_selector(with_payload, default=True)
            found = shard.retrieve(point_ids(ids), selector, with_vectors or False)
            return [record(point) for point in found]

    def scroll(
        self,
        collection_name: str,
        scroll_filter: types.Filter | None = None,
        limit: int = 10,
        order_by: types.OrderBy | None = None,
        offset: types.PointId | None = None,
        with_payload: types.WithPayloadInterface = True,
        with_vectors: types.WithVector = False,
        **kwargs: Any,
    ) -> tuple[list[models.Record], models.ExtendedPointId | None]:
        """A page of points in the order of their ids."""
        check_ignored({"order_by": order_by, **kwargs})
        with self.shard(collection_name, "read from") as shard:
            found, following = shard.scroll(
                edge.ScrollRequest(
                    offset=None if offset is None else point_ids([offset])[0],
                    limit=limit,
                    filter=to_edge(scroll_filter),
                    with_payload=payload_selector(with_payload, default=True),
                    with_vector=with_vectors or False,
                )
            )
            points = [record(point) for point in found]
        return points, None if following is None else id_from_edge(following)

    def count(
        self,
        collection_name: str,
        count_filter: types.Filter | None = None,
        exact: bool = True,
        **kwargs: Any,
    ) -> models.CountResult:
        """How many points there are, or match."""
        check_ignored(kwargs)
        with self.shard(collection_name, "count") as shard:
            request = edge.CountRequest(exact=exact, filter=to_edge(count_filter))
            return models.CountResult(count=shard.count(request))

    def query_batch_points(
        self, collection_name: str, requests: Sequence[types.QueryRequest], **kwargs: Any
    ) -> list[models.QueryResponse]:
        """Several queries in one pass over the collection."""
        check_ignored(kwargs)
        with self.shard(collection_name, "search") as shard:
            translated = [query_request(request) for request in requests]
            answers = shard.query_batch(edge.QueryBatchRequest(translated)) if translated else []
            return [
                models.QueryResponse.model_construct(points=[scored_point(hit) for hit in hits])
                for hits in answers
            ]

    def query_points(
        self,
        collection_name: str,
        query: Any = None,
        using: str | None = None,
        prefetch: types.Prefetch | list[types.Prefetch] | None = None,
        query_filter: types.Filter | None = None,
        search_params: types.SearchParams | None = None,
        limit: int = 10,
        offset: int | None = None,
        with_payload: types.WithPayloadInterface = True,
        with_vectors: types.WithVector = False,
        score_threshold: float | None = None,
        lookup_from: types.LookupLocation | None = None,
        **kwargs: Any,
    ) -> models.QueryResponse:
        """Search or fuse, whatever `query` says."""
        request = models.QueryRequest.model_construct(
            query=query,
            using=using,
            prefetch=prefetch,
            filter=query_filter,
            params=search_params,
            limit=limit,
            offset=offset,
            with_payload=with_payload,
            with_vector=with_vectors,
            score_threshold=score_threshold,
            lookup_from=lookup_from,
        )
        return self.query_batch_points(collection_name, [request], **kwargs)[0]
