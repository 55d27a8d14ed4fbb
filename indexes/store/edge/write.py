"""Writing points to the embedded engine, and indexing their payloads."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import qdrant_edge as edge
from qdrant_client.conversions import common_types as types
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.base import EdgeBase, check_ignored
from indexes.store.edge.collection import Touched
from indexes.store.edge.config import check_vectors, paged
from indexes.store.edge.failures import server_only
from indexes.store.edge.translate import plain, point_ids, to_edge, vector_to_edge

_Update = edge.UpdateOperation

_UPLOAD_BATCH = 256


class EdgeWriting(EdgeBase):
    """The writing half of qdrant-client's interface."""

    def upsert(
        self,
        collection_name: str,
        points: types.Points,
        update_mode: models.UpdateMode | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Insert points, or replace those whose id is there."""
        check_ignored(kwargs)
        if isinstance(points, models.Batch):
            raise server_only("a Batch")
        given: Sequence[Any] = points
        params = self._folder.collection(collection_name).config.params

        def build() -> tuple[_Update, Touched]:
            translated = []
            for point in given:
                check_vectors(params, point.vector)
                content = None if point.payload is None else plain(point.payload)
                (id_,) = point_ids([point.id])
                translated.append(edge.Point(id_, vector_to_edge(point.vector), content))
            operation = _Update.upsert_points(translated, update_mode=to_edge(update_mode))
            return operation, [point.id for point in translated]

        return self._update(collection_name, "write to", build)

    def _update_selected(
        self, operation: str, collection_name: str, selector: Any, *arguments: Any
    ) -> models.UpdateResult:
        """One of Edge's pairs of operations, by ids and by filter.

        Args:
            operation: its name for ids; for a filter it ends in `_by_filter`.
            collection_name: where.
            selector: ids, a filter, or either as a `PointsSelector`.
            arguments: what the operation takes after the points.
        """

        def build() -> tuple[_Update, Touched]:
            chosen = selector
            if isinstance(chosen, models.PointIdsList | models.FilterSelector):
                if chosen.shard_key is not None:
                    raise server_only("a shard key")
                chosen = chosen.points if isinstance(chosen, models.PointIdsList) else chosen.filter
            if isinstance(chosen, models.Filter):
                by_filter = getattr(_Update, f"{operation}_by_filter")
                condition = to_edge(chosen)
                return by_filter(condition, *arguments), condition
            ids = point_ids(chosen if isinstance(chosen, list | tuple | set) else [chosen])
            return getattr(_Update, operation)(ids, *arguments), ids

        return self._update(collection_name, "write to", build)

    def delete(
        self, collection_name: str, points_selector: types.PointsSelector, **kwargs: Any
    ) -> models.UpdateResult:
        """Delete points by id or by filter."""
        check_ignored(kwargs)
        return self._update_selected("delete_points", collection_name, points_selector)

    def set_payload(
        self,
        collection_name: str,
        payload: types.Payload,
        points: types.PointsSelector,
        key: str | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Merge fields into payloads, below `key` when given."""
        check_ignored(kwargs)
        return self._update_selected("set_payload", collection_name, points, plain(payload), key)

    def upload_points(
        self,
        collection_name: str,
        points: Iterable[types.PointStruct],
        update_mode: models.UpdateMode | None = None,
        **kwargs: Any,
    ) -> None:
        """Upsert any number of points, a batch at a time."""
        check_ignored(kwargs)
        remaining = iter(points)
        while batch := list(islice(remaining, _UPLOAD_BATCH)):
            self.upsert(collection_name, batch, update_mode)

    # --- payload indexes ----------------------------------------------------------------

    def create_payload_index(
        self,
        collection_name: str,
        field_name: str,
        field_schema: Any = None,
        field_type: Any = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Index a payload field, by type or with parameters."""
        check_ignored(kwargs)
        schema = field_type if field_schema is None else field_schema
        if schema is None:
            raise StoreError(f"an index on {field_name!r} needs a type: pass field_schema")
        if isinstance(schema, str) and not isinstance(schema, models.PayloadSchemaType):
            schema = models.PayloadSchemaType(schema)
        if schema == models.PayloadSchemaType.KEYWORD:
            schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
        if isinstance(schema, models.KeywordIndexParams):
            schema = paged(schema)
        return self._update(
            collection_name,
            "index",
            lambda: (_Update.create_field_index(field_name, to_edge(schema)), None),
        )

    def delete_payload_index(
        self, collection_name: str, field_name: str, **kwargs: Any
    ) -> models.UpdateResult:
        """Drop the index of a payload field."""
        check_ignored(kwargs)
        return self._update(
            collection_name, "index", lambda: (_Update.delete_field_index(field_name), None)
        )
