"""One way to an index, wherever it is: a folder, or a Qdrant server's URL.

    with connect(".rag/index") as engine:          # embedded, in this process
        engine.client.get_collections()

    async with connect("http://localhost:6333") as engine:
        await engine.aclient.get_collections()

Both clients are qdrant-client's own, so what is written against them runs on either.
"""

import asyncio
import inspect
import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import grpc  # type: ignore[import-untyped]
import httpx
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.async_client_base import AsyncQdrantBase
from qdrant_client.async_qdrant_fastembed import AsyncQdrantFastembedMixin
from qdrant_client.client_base import QdrantBase
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from indexes.errors import StoreError
from indexes.store.edge.backend import EdgeBackend, edge_client
from indexes.store.retries import Retries, grpc_options

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """Two clients of one index, and where it is.

    Attributes:
        client: for ordinary code.
        aclient: for coroutines; on a folder, it runs the engine in threads.
        address: the folder or the URL, without secrets.
    """

    client: QdrantClient = field(repr=False)
    aclient: AsyncQdrantClient = field(repr=False)
    address: str

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return isinstance(self.client._client, EdgeBackend)

    @property
    def direct(self) -> QdrantBase:
        """What `client` hands its requests to, for many requests without a text to embed.

        The client copies each request whole, and looks into each vector, in search of one:
        a third of the time of a query, and of a write.
        """
        return self.client._client

    @property
    def adirect(self) -> AsyncQdrantBase:
        """The same of `aclient`."""
        return self.aclient._client

    def close(self) -> None:
        """Flush and let go; closing twice is fine. In a coroutine, prefer `aclose`."""
        self.client.close()
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
        await self.aclient.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def connect(
    index: str,
    *,
    api_key: SecretStr | None = None,
    timeout: float = 60,
    prefer_grpc: bool = False,
    retries: int = 5,
) -> Engine:
    """Open a folder or reach a server.

    Args:
        index: a folder, made when missing, or `http://…` or `https://…`; the port is
            6333 when the URL has none.
        api_key: of the server; a folder needs none.
        timeout: seconds for one request to a server.
        prefer_grpc: speak gRPC (port 6334) where the client can.
        retries: further tries of a request that failed for the moment; see `Retries`.

    Raises:
        StoreLockedError: another process has the folder open.
        StoreError: the folder cannot be used, or the server not reached.
    """
    if "://" in index:
        return _reach_server(index, api_key, timeout, prefer_grpc, retries)
    if not index.strip():
        raise StoreError("--index is empty: name a folder, or a server as http://host:6333")
    backend = EdgeBackend(index)
    return Engine(edge_client(backend), _async_edge_client(EdgeBackend(index)), str(backend.path))


# --- embedded -----------------------------------------------------------------------------


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
    # As in `edge_client`: the engine encodes `qdrant/bm25` itself.
    parser = client._inference_inspector.parser
    AsyncQdrantFastembedMixin.__init__(client, parser=parser, is_local_mode=False)
    return client


# --- server -------------------------------------------------------------------------------


def _reach_server(
    index: str, api_key: SecretStr | None, timeout: float, prefer_grpc: bool, retries: int
) -> Engine:
    url = _parse(index)
    secret = "" if api_key is None else api_key.get_secret_value()
    if secret and url.scheme == "http" and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        _log.warning("the API key goes to %s unencrypted: use https://", url.hostname)
    given: dict[str, Any] = {
        "url": url.geturl(),
        "timeout": math.ceil(timeout),
        "prefer_grpc": prefer_grpc,
        # As a header, since `api_key` would turn http:// into a Python warning.
        "headers": {"api-key": secret} if secret else None,
        "check_compatibility": False,
    }
    with store_errors(url.geturl()):
        try:
            engine = Engine(
                QdrantClient(**given, grpc_options=grpc_options(retries)),
                AsyncQdrantClient(**given, grpc_options=grpc_options(retries)),
                url.geturl(),
            )
        except ValueError as error:
            raise StoreError(f"{url.geturl()} is not a server's URL: {error}") from error
        Retries(retries).install(engine.client, engine.aclient)
        try:
            engine.client.get_collections()
        except BaseException:
            engine.close()
            raise
    return engine


def _parse(index: str) -> SplitResult:
    """A server's URL, free of everything that could be a secret."""
    try:
        url = urlsplit(index)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise StoreError("--index is not a URL: write http://host:6333") from error
    if url.scheme not in {"http", "https"} or not host:
        raise StoreError("--index takes a folder, or a server as http://host:6333")
    if url.username or url.password or url.query or url.fragment:
        raise StoreError(
            f"give {host}'s key as RAG_QDRANT_API_KEY rather than in the URL of --index"
        )
    host = f"[{host}]" if ":" in host else host
    return SplitResult(url.scheme, f"{host}:{port or 6333}", url.path.rstrip("/"), "", "")


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    """What qdrant-client raises inside the block, as a one-line `StoreError`.

        with store_errors(engine.address):
            await engine.aclient.count("documents")

    Args:
        address: of the index, for the message; no secrets.
    """
    try:
        yield
    except UnexpectedResponse as error:
        raise StoreError(_refused(address, error)) from error
    except ResponseHandlingException as error:
        raise StoreError(_unreached(address, error.source)) from error
    except (httpx.HTTPError, json.JSONDecodeError, AssertionError) as error:
        # The client asserts that an answer has a result.
        raise StoreError(_unreached(address, error)) from error
    except ResourceExhaustedResponse as error:
        raise StoreError(f"{address} is overloaded ({_line(error)}): try again later") from error
    except grpc.RpcError as error:
        raise StoreError(_rpc_failed(address, error)) from error


def _refused(address: str, error: UnexpectedResponse) -> str:
    """The message for an HTTP status that is an error."""
    status = error.status_code or 0
    detail = _detail(error)
    if status in {401, 403}:
        return _key_refused(address, str(status))
    if detail is None:
        return (
            f"{address} answered {status}, and not as a Qdrant server does: "
            "check host, port (6333 for REST) and path of --index"
        )
    if status >= 500:
        return f"{address} failed ({status}): {detail}; see the server's log"
    return f"{address} refused the request ({status}): {detail}"


def _key_refused(address: str, status: str) -> str:
    return f"{address} refused the API key ({status}): set RAG_QDRANT_API_KEY to one it accepts"


def _detail(error: UnexpectedResponse) -> str | None:
    """The server's own words, on one line; None when it isn't Qdrant that answered."""
    try:
        status = json.loads(error.content)["status"]
        return _line(status["error"])
    except (ValueError, KeyError, TypeError):
        return None


def _unreached(address: str, source: Exception) -> str:
    """The message when there was no answer, or none that could be read."""
    if isinstance(source, httpx.TimeoutException):
        return f"{address} did not answer in time: check that it is up, or raise the timeout"
    if isinstance(source, httpx.TransportError):
        return (
            f"cannot reach {address} ({_line(source)}): start the server, "
            "or correct host and port of --index"
        )
    return (
        f"{address} answered something that is not Qdrant's ({type(source).__name__}): "
        "check the port of --index, and that the server is not much older than the client"
    )


def _rpc_failed(address: str, error: Any) -> str:
    """The message for a gRPC status."""
    code = error.code() if hasattr(error, "code") else None
    detail = _line(error.details() or "" if hasattr(error, "details") else error)
    if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return _key_refused(address, code.name)
    if code is grpc.StatusCode.UNAVAILABLE:
        return f"cannot reach {address} by gRPC (port 6334): {detail}; or use REST instead"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"{address} did not answer in time: check that it is up, or raise the timeout"
    name = "an error" if code is None else code.name
    return f"{address} refused the request ({name}): {detail}"


def _line(value: object) -> str:
    return " ".join(str(value).split())[:300] or type(value).__name__
