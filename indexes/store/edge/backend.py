"""Qdrant Edge, the server's own engine in-process, behind qdrant-client's interface.

`edge_client` gives an ordinary `QdrantClient`: everything written against a Qdrant
server (LlamaIndex's and LangChain's stores among them) runs on a folder instead.

    client = edge_client(EdgeBackend("index"))
    client.create_collection("notes", models.VectorParams(size=384, distance="Cosine"))

What only a server or a cluster can do, and what neither these stores nor ours ask for,
raises a `StoreError` that says so.
"""

from collections.abc import Callable, Mapping
from typing import Any

from qdrant_client import QdrantClient
from qdrant_client.conversions import common_types as types
from qdrant_client.http import models

from indexes.store.edge.base import check_ignored
from indexes.store.edge.config import collection_config
from indexes.store.edge.failures import server_only
from indexes.store.edge.read import EdgeReading
from indexes.store.edge.translate import payload_schema
from indexes.store.edge.write import EdgeWriting


class EdgeBackend(EdgeReading, EdgeWriting):
    """The collections of one folder, open in this process; made as `EdgeBase` says."""

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

    def delete_collection(self, collection_name: str, **kwargs: Any) -> bool:
        """Remove a collection and its files; False when there is none."""
        check_ignored(kwargs)
        return self._folder.delete(collection_name)

    def collection_exists(self, collection_name: str, **_kwargs: Any) -> bool:
        """Whether there is such a collection."""
        return self._folder.exists(collection_name)

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


def edge_client(backend: EdgeBackend) -> QdrantClient:
    """A `QdrantClient` whose requests go to `backend`."""
    client = QdrantClient(location=":memory:")
    client._client.close()
    client._client = backend
    return client


_SERVER_ONLY = (
    "recreate_collection",
    "update_collection",
    "info",
    "update_vectors",
    "delete_vectors",
    "delete_payload",
    "create_vector_name",
    "delete_vector_name",
    "overwrite_payload",
    "clear_payload",
    "batch_update_points",
    "upload_collection",
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
