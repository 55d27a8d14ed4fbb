"""Qdrant Edge, the server's own engine in-process, behind qdrant-client's interface.

`edge_client` gives an ordinary `QdrantClient`: everything written against a Qdrant
server (LlamaIndex's and LangChain's stores among them) runs on a folder instead.

    client = edge_client(EdgeBackend("index"))
    client.create_collection("notes", models.VectorParams(size=384, distance="Cosine"))

What only a server or a cluster can do raises a `StoreError` that says so.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import qdrant_edge as edge
from qdrant_client import QdrantClient
from qdrant_client.conversions import common_types as types
from qdrant_client.http import models
from qdrant_client.qdrant_fastembed import QdrantFastembedMixin

from indexes.store.edge.base import check_ignored, server_only
from indexes.store.edge.config import collection_config, merged, with_vector, without_vector
from indexes.store.edge.read import EdgeReading
from indexes.store.edge.translate import payload_schema
from indexes.store.edge.write import EdgeWriting

_Update = edge.UpdateOperation


class EdgeBackend(EdgeReading, EdgeWriting):
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

    def create_collection(
        self,
        collection_name: str,
        vectors_config: types.VectorParams | Mapping[str, types.VectorParams] | None = None,
        **kwargs: Any,
    ) -> bool:
        """Make a collection; its parameters are kept beside it."""
        config = collection_config(vectors_config, kwargs)
        check_ignored(kwargs)
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
        check_ignored(kwargs)
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
            check_ignored(kwargs)
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
        check_ignored(kwargs)
        with self._collection(collection_name, "change") as collection:
            config, given = with_vector(collection.config, vector_name, vector_name_config)
            result = self._update(collection_name, "change", lambda: (given, None))
            collection.configure(config)
        return result

    def delete_vector_name(
        self, collection_name: str, vector_name: str, **kwargs: Any
    ) -> models.UpdateResult:
        """Remove a named vector from the collection and all its points."""
        check_ignored(kwargs)
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

    def damaged_files(self, collection_name: str) -> list[str]:
        """The files of a collection that are not as they were left, as far as that is known."""
        with self._collection(collection_name, "look at") as collection:
            return collection.damaged_files()

    def get_collections(self, **_kwargs: Any) -> models.CollectionsResponse:
        """The names of all collections."""
        return models.CollectionsResponse(
            collections=[models.CollectionDescription(name=name) for name in self._folder.names()]
        )

    def get_collection(self, collection_name: str, **_kwargs: Any) -> models.CollectionInfo:
        """Counts, parameters and payload indexes of a collection."""
        collection = self._folder.collection(collection_name)
        with self.shard(collection_name, "describe") as shard:
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


_SERVER_ONLY = (
    "facet",
    "query_points_groups",
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
        raise server_only(name)

    return refuse


for _name in _SERVER_ONLY:
    setattr(EdgeBackend, _name, _refusal(_name))
