"""What reading, writing and managing collections of the embedded engine share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client.client_base import QdrantBase
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.collection import Collection, Touched
from indexes.store.edge.failures import engine_errors, server_only
from indexes.store.edge.folder import (
    OPTIMIZE_AFTER,
    SETTLE_SECONDS,
    EdgeFolder,
    open_folder,
    release,
)

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
        "strict_mode_config",
    }
)


class EdgeBase(QdrantBase):
    """A folder's collections and how to get at them; see `EdgeBackend`.

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
        self._held = open_folder(
            Path(folder), optimize_after=optimize_after, settle_seconds=settle_seconds
        )
        self._closed = False

    @property
    def path(self) -> Path:
        """The folder, resolved."""
        return self._held.path

    @property
    def _folder(self) -> EdgeFolder:
        if self._closed:
            raise StoreError(f"the index {self.path} was closed: open it again")
        return self._held

    def close(self, **_kwargs: Any) -> None:
        """Give the folder back; closing twice is fine."""
        if not self._closed:
            self._closed = True
            release(self._held)

    @contextmanager
    def _collection(self, collection_name: str, doing: str) -> Iterator[Collection]:
        """An open collection, the engine's errors turned into ours."""
        collection = self._folder.collection(collection_name)
        with engine_errors(f"cannot {doing} collection {collection_name!r}"):
            yield collection

    @contextmanager
    def shard(self, collection_name: str, doing: str) -> Iterator[edge.EdgeShard]:
        """The engine of a collection, for reading."""
        with self._collection(collection_name, doing) as collection, collection.engine() as shard:
            yield shard

    def _update(
        self,
        collection_name: str,
        doing: str,
        build: Callable[[], tuple[edge.UpdateOperation, Touched]],
    ) -> models.UpdateResult:
        """Apply one operation; `build` also says which points it touches."""
        with self._collection(collection_name, doing) as collection:
            number = collection.update(*build())
        return models.UpdateResult(operation_id=number, status=models.UpdateStatus.COMPLETED)


def check_ignored(kwargs: dict[str, Any]) -> None:
    """Refuse what would silently mean something else than on a server."""
    for name, value in kwargs.items():
        if value is not None and name not in _IGNORED:
            raise server_only(name)
