"""Qdrant Edge, the server's own engine in-process, behind qdrant-client's interface.

`edge_client` gives an ordinary `QdrantClient`: everything written against a Qdrant
server (LlamaIndex's and LangChain's stores among them) runs on a folder instead.

    client = edge_client(EdgeBackend("index"))
    client.create_collection("notes", models.VectorParams(size=384, distance="Cosine"))

What only a server or a cluster can do raises a `StoreError` that says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import qdrant_edge as edge
from qdrant_client import QdrantClient
from qdrant_client.client_base import QdrantBase
from qdrant_client.conversions import common_types as types
from qdrant_client.http import models
from qdrant_client.qdrant_fastembed import QdrantFastembedMixin

from indexes.errors import StoreError
from indexes.store.edge_collection import Collection, Touched
from indexes.store.edge_config import (
    check_vectors,
    collection_config,
    merged,
    with_vector,
    without_vector,
)
from indexes.store.edge_folder import (
    OPTIMIZE_AFTER,
    SETTLE_SECONDS,
    engine_errors,
    open_folder,
    release,
)
from indexes.store.edge_queries import (
    QueryTranslator,
    encode_document,
    grouped,
    order_by,
    payload_selector,
)
from indexes.store.edge_translate import (
    id_from_edge,
    payload_schema,
    plain,
    point_ids,
    points_of,
    record,
    scored_point,
    to_edge,
    vector_to_edge,
)

_Update = edge.UpdateOperation

_UPLOAD_BATCH = 256
_GROUP_WINDOW = 10_000  # hits looked through, at most, to fill the groups

# Parameters a server reads and one process has no use for.
_IGNORED = frozenset(
    {
        "wait",
        "ordering",
        "timeout",
        "consistency",
        "parallel",
        "batch_size",
        "max_retries",
        "method",
        "shard_number",
        "replication_factor",
        "write_consistency_factor",
        "init_from",
        "strict_mode_config",
    }
)


class EdgeBackend(QdrantBase):
    """The collections of one folder, open in this process.

    Any number of threads may use it, and several backends may share a folder within
    the process; the last one to close closes it.

    Args:
        folder: made when missing.
        optimize_after: points written that bring on an optimisation in the background.
        settle_seconds: how long a collection must have been at rest by then.

    Raises:
        StoreLockedError: another process has the folder open.
        StoreError: the folder cannot be made or written to.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        optimize_after: int = OPTIMIZE_AFTER,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        super().__init__()
        self._closed = True  # until the next line is done
        self._folder = open_folder(
            Path(folder), optimize_after=optimize_after, settle_seconds=settle_seconds
        )
        self._closed = False

    @property
    def path(self) -> Path:
        """The folder, resolved."""
        return self._folder.path

    def close(self, **_kwargs: Any) -> None:
        """Give the folder back; closing twice is fine."""
        if not self._closed:
            self._closed = True
            release(self._folder)

    @contextmanager
    def _collection(self, collection_name: str, doing: str) -> Iterator[Collection]:
        """An open collection, the engine's errors turned into ours."""
        if self._closed:
            raise StoreError(f"the index {self.path} was closed: open it again")
        collection = self._folder.collection(collection_name)
        with engine_errors(f"cannot {doing} collection {collection_name!r}"):
            yield collection

    @contextmanager
    def _shard(self, collection_name: str, doing: str) -> Iterator[edge.EdgeShard]:
        """The engine of a collection, for reading."""
        with self._collection(collection_name, doing) as collection, collection.engine() as shard:
            yield shard

    def _update(
        self, collection_name: str, doing: str, build: Callable[[], tuple[_Update, Touched]]
    ) -> models.UpdateResult:
        """Apply one operation; `build` also says which points it touches."""
        with self._collection(collection_name, doing) as collection:
            number = collection.update(*build())
        return models.UpdateResult(operation_id=number, status=models.UpdateStatus.COMPLETED)

    # --- collections ------------------------------------------------------------------

    def create_collection(
        self,
        collection_name: str,
        vectors_config: types.VectorParams | Mapping[str, types.VectorParams] | None = None,
        **kwargs: Any,
    ) -> bool:
        """Make a collection; its parameters are kept beside it."""
        config = collection_config(vectors_config, kwargs)
        _check_ignored(kwargs)
        self._folder.create(collection_name, config)
        return True

    def recreate_collection(
        self,
        collection_name: str,
        vectors_config: types.VectorParams | Mapping[str, types.VectorParams] | None = None,
        **kwargs: Any,
    ) -> bool:
        """Delete a collection when it is there, then make it."""
        self._folder.delete(collection_name)
        return self.create_collection(collection_name, vectors_config, **kwargs)

    def delete_collection(self, collection_name: str, **kwargs: Any) -> bool:
        """Remove a collection and its files; False when there is none."""
        _check_ignored(kwargs)
        return self._folder.delete(collection_name)

    def collection_exists(self, collection_name: str, **_kwargs: Any) -> bool:
        """Whether there is such a collection."""
        return self._folder.exists(collection_name)

    def update_collection(self, collection_name: str, **kwargs: Any) -> bool:
        """Change parameters: metadata at once, the engine's when the folder opens next."""
        with self._collection(collection_name, "change") as collection:
            config = collection.config
            metadata = kwargs.pop("metadata", None)
            update = {
                "metadata": {**(config.metadata or {}), **metadata}
                if metadata
                else config.metadata,
                "hnsw_config": merged(config.hnsw_config, kwargs.pop("hnsw_config", None)),
                "optimizer_config": merged(
                    config.optimizer_config, kwargs.pop("optimizers_config", None)
                ),
                "quantization_config": kwargs.pop("quantization_config", None)
                or config.quantization_config,
            }
            _check_ignored(kwargs)
            collection.configure(config.model_copy(update=update))
        return True

    def create_vector_name(
        self,
        collection_name: str,
        vector_name: str,
        vector_name_config: types.VectorNameConfig,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Add a named vector that points may have from now on."""
        _check_ignored(kwargs)
        with self._collection(collection_name, "change") as collection:
            config, given = with_vector(collection.config, vector_name, vector_name_config)
            result = self._update(collection_name, "change", lambda: (given, None))
            collection.configure(config)
        return result

    def delete_vector_name(
        self, collection_name: str, vector_name: str, **kwargs: Any
    ) -> models.UpdateResult:
        """Remove a named vector from the collection and all its points."""
        _check_ignored(kwargs)
        with self._collection(collection_name, "change") as collection:
            result = self._update(
                collection_name, "change", lambda: (_Update.delete_vector_name(vector_name), None)
            )
            collection.configure(without_vector(collection.config, vector_name))
        return result

    def optimize(self, collection_name: str) -> bool:
        """Index and compact a collection now rather than in the background.

        Returns:
            Whether it was done; False when the collection was closed or its payload
            indexes changed meanwhile.
        """
        with self._collection(collection_name, "optimise") as collection:
            return collection.optimize()

    def get_collections(self, **_kwargs: Any) -> models.CollectionsResponse:
        """The names of all collections."""
        return models.CollectionsResponse(
            collections=[models.CollectionDescription(name=name) for name in self._folder.names()]
        )

    def get_collection(self, collection_name: str, **_kwargs: Any) -> models.CollectionInfo:
        """Counts, parameters and payload indexes of a collection."""
        collection = self._folder.collection(collection_name)
        with self._shard(collection_name, "describe") as shard:
            info = shard.info()
            schema = {name: payload_schema(found) for name, found in info.payload_schema.items()}
        return models.CollectionInfo(
            status=models.CollectionStatus.GREEN,
            optimizer_status=models.OptimizersStatusOneOf.OK,
            indexed_vectors_count=info.indexed_vectors_count,
            points_count=info.points_count,
            segments_count=info.segments_count,
            config=collection.config,
            payload_schema=schema,
        )

    # --- writing ----------------------------------------------------------------------

    def upsert(
        self,
        collection_name: str,
        points: types.Points,
        update_filter: models.Filter | None = None,
        update_mode: models.UpdateMode | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Insert points, or replace those whose id is there."""
        _check_ignored(kwargs)

        params = self._folder.collection(collection_name).config.params

        def build() -> tuple[_Update, Touched]:
            translated = []
            for id_, given, payload in points_of(points):
                vector = vector_to_edge(given, encode_document)
                check_vectors(params, vector)
                content = None if payload is None else plain(payload)
                translated.append(edge.Point(point_ids([id_])[0], vector, content))
            operation = _Update.upsert_points(
                translated, condition=to_edge(update_filter), update_mode=to_edge(update_mode)
            )
            return operation, [point.id for point in translated]

        return self._update(collection_name, "write to", build)

    def update_vectors(
        self,
        collection_name: str,
        points: Sequence[types.PointVectors],
        update_filter: models.Filter | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Replace vectors of points, named ones by name."""
        _check_ignored(kwargs)

        params = self._folder.collection(collection_name).config.params

        def build() -> tuple[_Update, Touched]:
            translated = []
            for point in points:
                vector = vector_to_edge(point.vector, encode_document)
                check_vectors(params, vector)
                translated.append(edge.PointVectors(point_ids([point.id])[0], vector))
            operation = _Update.update_vectors(translated, to_edge(update_filter))
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
                    raise _server_only("a shard key")
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
        _check_ignored(kwargs)
        return self._update_selected("delete_points", collection_name, points_selector)

    def delete_vectors(
        self,
        collection_name: str,
        vectors: Sequence[str],
        points: types.PointsSelector,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Delete named vectors of points."""
        _check_ignored(kwargs)
        return self._update_selected("delete_vectors", collection_name, points, list(vectors))

    def set_payload(
        self,
        collection_name: str,
        payload: types.Payload,
        points: types.PointsSelector,
        key: str | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Merge fields into payloads, below `key` when given."""
        _check_ignored(kwargs)
        return self._update_selected("set_payload", collection_name, points, plain(payload), key)

    def overwrite_payload(
        self,
        collection_name: str,
        payload: types.Payload,
        points: types.PointsSelector,
        key: str | None = None,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Replace payloads whole."""
        _check_ignored(kwargs)
        return self._update_selected(
            "overwrite_payload", collection_name, points, plain(payload), key
        )

    def delete_payload(
        self,
        collection_name: str,
        keys: Sequence[str],
        points: types.PointsSelector,
        **kwargs: Any,
    ) -> models.UpdateResult:
        """Delete fields of payloads."""
        _check_ignored(kwargs)
        return self._update_selected("delete_payload", collection_name, points, list(keys))

    def clear_payload(
        self, collection_name: str, points_selector: types.PointsSelector, **kwargs: Any
    ) -> models.UpdateResult:
        """Delete payloads whole."""
        _check_ignored(kwargs)
        return self._update_selected("clear_payload", collection_name, points_selector)

    def batch_update_points(
        self,
        collection_name: str,
        update_operations: Sequence[types.UpdateOperation],
        **kwargs: Any,
    ) -> list[models.UpdateResult]:
        """Apply operations in order. As on a server, not one transaction."""
        _check_ignored(kwargs)
        return [self._batched(collection_name, operation) for operation in update_operations]

    def _batched(self, name: str, operation: Any) -> models.UpdateResult:
        match operation:
            case models.UpsertOperation(upsert=points):
                return self.upsert(
                    name,
                    points.batch if isinstance(points, models.PointsBatch) else points.points,
                    update_filter=points.update_filter,
                    update_mode=points.update_mode,
                )
            case models.DeleteOperation(delete=selector):
                return self.delete(name, selector)
            case models.SetPayloadOperation(set_payload=given):
                return self.set_payload(name, given.payload, _selected(given), given.key)
            case models.OverwritePayloadOperation(overwrite_payload=given):
                return self.overwrite_payload(name, given.payload, _selected(given), given.key)
            case models.DeletePayloadOperation(delete_payload=given):
                return self.delete_payload(name, given.keys, _selected(given))
            case models.ClearPayloadOperation(clear_payload=selector):
                return self.clear_payload(name, selector)
            case models.UpdateVectorsOperation(update_vectors=given):
                return self.update_vectors(name, given.points, given.update_filter)
            case models.DeleteVectorsOperation(delete_vectors=given):
                return self.delete_vectors(name, given.vector, _selected(given))
        raise _server_only(type(operation).__name__)

    def upload_points(
        self,
        collection_name: str,
        points: Iterable[types.PointStruct],
        update_filter: models.Filter | None = None,
        update_mode: models.UpdateMode | None = None,
        **kwargs: Any,
    ) -> None:
        """Upsert any number of points, a batch at a time."""
        _check_ignored(kwargs)
        remaining = iter(points)
        while batch := list(islice(remaining, _UPLOAD_BATCH)):
            self.upsert(collection_name, batch, update_filter, update_mode)

    def upload_collection(
        self,
        collection_name: str,
        vectors: Any,
        payload: Iterable[dict[Any, Any]] | None = None,
        ids: Iterable[types.PointId] | None = None,
        **kwargs: Any,
    ) -> None:
        """Upsert parallel iterables; without `ids`, random ones are given."""
        self.upload_points(collection_name, _zipped(vectors, payload, ids), **kwargs)

    # --- reading ----------------------------------------------------------------------

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[types.PointId],
        with_payload: types.WithPayloadInterface = True,
        with_vectors: types.WithVector = False,
        **kwargs: Any,
    ) -> list[models.Record]:
        """Points by id; those that do not exist are left out."""
        _check_ignored(kwargs)
        with self._shard(collection_name, "read from") as shard:
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
        """A page of points in the order of their ids, or of a payload field."""
        _check_ignored(kwargs)
        with self._shard(collection_name, "read from") as shard:
            found, following = shard.scroll(
                edge.ScrollRequest(
                    offset=None if offset is None else point_ids([offset])[0],
                    limit=limit,
                    filter=to_edge(scroll_filter),
                    with_payload=payload_selector(with_payload, default=True),
                    with_vector=with_vectors or False,
                    order_by=_order_by(order_by),
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
        _check_ignored(kwargs)
        with self._shard(collection_name, "count") as shard:
            request = edge.CountRequest(exact=exact, filter=to_edge(count_filter))
            return models.CountResult(count=shard.count(request))

    def facet(
        self,
        collection_name: str,
        key: str,
        facet_filter: types.Filter | None = None,
        limit: int = 10,
        exact: bool = False,
        **kwargs: Any,
    ) -> models.FacetResponse:
        """The values of an indexed payload field with their counts."""
        _check_ignored(kwargs)
        with self._shard(collection_name, "count values in") as shard:
            request = edge.FacetRequest(key, limit, exact, to_edge(facet_filter))
            hits = [
                models.FacetValueHit(value=hit.value, count=hit.count)
                for hit in shard.facet(request).hits
            ]
        return models.FacetResponse(hits=hits)

    def query_batch_points(
        self, collection_name: str, requests: Sequence[types.QueryRequest], **kwargs: Any
    ) -> list[models.QueryResponse]:
        """Several queries in one pass over the collection."""
        _check_ignored(kwargs)
        with self._shard(collection_name, "search") as shard:
            translator = QueryTranslator(self._lookup(collection_name, shard))
            translated = [translator.request(request) for request in requests]
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
        """Search, recommend, fuse, order or sample: whatever `query` says."""
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

    def query_points_groups(
        self,
        collection_name: str,
        group_by: str,
        query: Any = None,
        using: str | None = None,
        prefetch: types.Prefetch | list[types.Prefetch] | None = None,
        query_filter: types.Filter | None = None,
        search_params: types.SearchParams | None = None,
        limit: int = 10,
        group_size: int = 3,
        with_payload: types.WithPayloadInterface = True,
        with_vectors: types.WithVector = False,
        score_threshold: float | None = None,
        with_lookup: types.WithLookupInterface | None = None,
        lookup_from: types.LookupLocation | None = None,
        **kwargs: Any,
    ) -> models.GroupsResult:
        """The best hits of each value of a payload field, best group first."""
        if with_lookup is not None:
            raise _server_only("with_lookup")
        window = limit * group_size
        while True:
            window = min(window * 4, _GROUP_WINDOW)
            keys = self.query_points(
                collection_name,
                query,
                using,
                prefetch,
                query_filter,
                search_params,
                window,
                None,
                [group_by],
                False,
                score_threshold,
                lookup_from,
                **kwargs,
            ).points
            groups = grouped(keys, group_by, limit, group_size)
            full = len(groups) == limit and all(len(hits) == group_size for hits in groups.values())
            if full or len(keys) < window or window == _GROUP_WINDOW:
                break
        chosen = [hit.id for hits in groups.values() for hit in hits]
        found = self.retrieve(collection_name, chosen, with_payload, with_vectors)
        records = {point.id: point for point in found}
        return models.GroupsResult.model_construct(
            groups=[
                models.PointGroup.model_construct(
                    id=value,
                    hits=[
                        hit.model_copy(
                            update={
                                "payload": records[hit.id].payload,
                                "vector": records[hit.id].vector,
                            }
                        )
                        for hit in hits
                        if hit.id in records
                    ],
                    lookup=None,
                )
                for value, hits in groups.items()
            ]
        )

    def _lookup(
        self, collection_name: str, shard: edge.EdgeShard
    ) -> Callable[[Any, str, models.LookupLocation | None], Any]:
        """Finds the vectors of points that queries name by id."""

        def find(id_: Any, using: str, location: models.LookupLocation | None) -> Any:
            name, where = using, collection_name
            if location is None:
                found = shard.retrieve([id_], False, [using])
            else:
                name = using if location.vector is None else location.vector
                where = location.collection
                with self._shard(where, "read from") as other:
                    found = other.retrieve([id_], False, [name])
            vector: Any = found[0].vector if found else None
            if isinstance(vector, dict):
                vector = vector.get(name)
            if vector is None:
                raise StoreError(f"collection {where!r} has no vector {name!r} for point {id_}")
            return vector

        return find

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
        _check_ignored(kwargs)
        schema = field_type if field_schema is None else field_schema
        if schema is None:
            raise StoreError(f"an index on {field_name!r} needs a type: pass field_schema")
        if isinstance(schema, str) and not isinstance(schema, models.PayloadSchemaType):
            schema = models.PayloadSchemaType(schema)
        return self._update(
            collection_name,
            "index",
            lambda: (_Update.create_field_index(field_name, to_edge(schema)), None),
        )

    def delete_payload_index(
        self, collection_name: str, field_name: str, **kwargs: Any
    ) -> models.UpdateResult:
        """Drop the index of a payload field."""
        _check_ignored(kwargs)
        return self._update(
            collection_name, "index", lambda: (_Update.delete_field_index(field_name), None)
        )

    def info(self) -> models.VersionInfo:
        """The engine's version."""
        return models.VersionInfo(
            title="qdrant - embedded engine (Qdrant Edge)", version=version("qdrant-edge-py")
        )


def edge_client(backend: EdgeBackend) -> QdrantClient:
    """A `QdrantClient` whose requests go to `backend`."""
    client = QdrantClient(location=":memory:")
    client._client.close()
    client._client = backend
    # Not the local mode: `qdrant/bm25` is encoded by the engine, as on a server.
    parser = client._inference_inspector.parser
    QdrantFastembedMixin.__init__(client, parser=parser, is_local_mode=False)
    return client


def _check_ignored(kwargs: dict[str, Any]) -> None:
    """Refuse what would silently mean something else than on a server."""
    for name, value in kwargs.items():
        if value is not None and name not in _IGNORED:
            raise _server_only(name)


def _server_only(what: str) -> StoreError:
    return StoreError(
        f"the embedded index does not support {what}; use a Qdrant server: --index http://…"
    )


def _selected(given: Any) -> Any:
    """The points of an operation that carries ids or a filter."""
    if given.shard_key is not None:
        raise _server_only("a shard key")
    return given.filter if given.points is None else given.points


def _order_by(value: Any) -> edge.OrderBy | None:
    return None if value is None else order_by(value)


def _zipped(vectors: Any, payloads: Any, ids: Any) -> Iterator[models.PointStruct]:
    """Parallel iterables as points; a dictionary of arrays holds named vectors."""
    rows: Iterable[Any] = vectors
    if isinstance(vectors, Mapping):
        rows = (dict(zip(vectors, row, strict=True)) for row in zip(*vectors.values(), strict=True))
    all_ids = iter(ids) if ids is not None else None
    all_payloads = iter(payloads) if payloads is not None else None
    for row in rows:
        yield models.PointStruct.model_construct(
            id=str(uuid4()) if all_ids is None else next(all_ids),
            vector=row,
            payload=None if all_payloads is None else next(all_payloads),
        )


_SERVER_ONLY = (
    "search_matrix_offsets",
    "search_matrix_pairs",
    "update_collection_aliases",
    "get_collection_aliases",
    "get_aliases",
    "list_snapshots",
    "create_snapshot",
    "delete_snapshot",
    "list_full_snapshots",
    "create_full_snapshot",
    "delete_full_snapshot",
    "recover_snapshot",
    "list_shard_snapshots",
    "create_shard_snapshot",
    "delete_shard_snapshot",
    "recover_shard_snapshot",
    "migrate",
    "create_shard_key",
    "delete_shard_key",
    "list_shard_keys",
    "cluster_collection_update",
    "collection_cluster_info",
    "cluster_status",
    "cluster_telemetry",
    "recover_current_peer",
    "remove_peer",
    "get_optimizations",
)


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(_self: EdgeBackend, *_args: Any, **_kwargs: Any) -> Any:
        raise _server_only(name)

    return refuse


for _name in _SERVER_ONLY:
    setattr(EdgeBackend, _name, _refusal(_name))
