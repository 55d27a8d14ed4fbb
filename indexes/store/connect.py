"""One way to an index, wherever it is: a folder, or a Qdrant server's URL.

    with connect(".rag/index") as engine:          # embedded, in this process
        engine.client.get_collections()

    async with connect("http://localhost:6333") as engine:
        await engine.aclient.get_collections()

Both clients are qdrant-client's own, so what is written against them runs on either.
"""

import asyncio
import inspect
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.async_client_base import AsyncQdrantBase

from indexes.errors import StoreError
from indexes.store.cluster import Nodes
from indexes.store.columns import Wire
from indexes.store.edge.backend import EdgeBackend, edge_client
from indexes.store.edge.wire import EdgeWire
from indexes.store.ways import Ways

if TYPE_CHECKING:
    from indexes.store.remote import Remote


@dataclass(frozen=True)
class Engine:
    """Two clients of one index, and where it is.

    Attributes:
        client: for ordinary code.
        aclient: for coroutines; on a folder, it runs the engine in threads.
        address: the folder or the URL, without secrets.
        wire: the short way for searches and points, in columns.
        nodes: of a cluster, which of them answers.
    """

    client: QdrantClient = field(repr=False)
    aclient: AsyncQdrantClient = field(repr=False)
    address: str
    wire: Wire = field(repr=False)
    nodes: Nodes | None = field(default=None, repr=False)

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return isinstance(self.client._client, EdgeBackend)

    @property
    def nodes_lost(self) -> tuple[str, ...]:
        """Nodes of a cluster that did not answer when they were last asked, as host:port."""
        return tuple(self.nodes.lost) if self.nodes is not None else ()

    def close(self) -> None:
        """Flush and let go; closing twice is fine. In a coroutine, prefer `aclose`."""
        self.client.close()
        self.wire.close()
        backend = self.aclient._client
        if isinstance(backend, AsyncEdgeBackend):
            backend.edge.close()
            return
        # A connection made in an event loop that is gone was closed with it.
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return
        with suppress(RuntimeError):
            asyncio.run(self.aclient.close())

    async def aclose(self) -> None:
        """Flush and let go; closing twice is fine."""
        await asyncio.to_thread(self.client.close)
        self.wire.close()
        await self.aclient.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def connect(index: str, *, api_key: SecretStr | None = None, ways: Ways | None = None) -> Engine:
    """Open a folder or reach a server.

    Args:
        index: a folder, made when missing, or `http://…` or `https://…`, or several of these
            with commas between, the nodes of a cluster; the port is 6333 when one has none.
        api_key: of the server; a folder needs none.
        ways: how a server is spoken to.

    Raises:
        StoreLockedError: another process has the folder open.
        StoreError: the folder cannot be used, or the server not reached.
        SettingsError: a certificate cannot be read.
    """
    if "://" in index:
        from indexes.store.remote import reach

        return _remote_engine(reach(index, api_key, ways or Ways()))
    if not index.strip() or "\0" in index:
        what = "holds a NUL" if index.strip() else "is empty"
        raise StoreError(f"--index {what}: name a folder, or a server as http://host:6333")
    backend = EdgeBackend(index)
    client = edge_client(backend)
    aclient = _async_edge_client(EdgeBackend(index))
    return Engine(client, aclient, str(backend.path), EdgeWire(backend))


def _remote_engine(remote: "Remote") -> Engine:
    engine = Engine(remote.client, remote.aclient, remote.address, remote.wire, remote.nodes)
    # Connections are kept, but not by whoever forgets to close.
    weakref.finalize(engine, _close, remote.client, remote.wire)
    return engine


def _close(*clients: QdrantClient | Wire) -> None:
    for client in clients:
        client.close()


class AsyncEdgeBackend(AsyncQdrantBase):
    """Every coroutine of qdrant-client's asynchronous interface, run in a thread."""

    def __init__(self, backend: EdgeBackend) -> None:
        super().__init__()
        self.edge = backend


def _delegating(name: str, declared: Any) -> Any:
    async def in_a_thread(self: AsyncEdgeBackend, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(getattr(self.edge, name), *args, **kwargs)

    def at_once(self: AsyncEdgeBackend, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.edge, name)(*args, **kwargs)

    # Uploads are ordinary functions in the asynchronous interface, too.
    return in_a_thread if inspect.iscoroutinefunction(declared) else at_once


for _name, _declared in inspect.getmembers(AsyncQdrantBase, inspect.isfunction):
    if not _name.startswith("_"):
        setattr(AsyncEdgeBackend, _name, _delegating(_name, _declared))


def _async_edge_client(backend: EdgeBackend) -> AsyncQdrantClient:
    client = AsyncQdrantClient(location=":memory:")
    client._client = AsyncEdgeBackend(backend)
    return client
