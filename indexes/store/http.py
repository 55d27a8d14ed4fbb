"""Requests to a server by the shortest way: urllib3's kept connections, bytes in and out.

httpx, which qdrant-client goes through, costs a millisecond of processor time a request: more
than all that a question needs of its answer.
"""

import asyncio
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Any
from urllib.parse import SplitResult, unquote

import httpx
import urllib3
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.store.cluster import Nodes
from indexes.store.retries import Retries

# As many as threads that may ask at once, and then some; more are made, but not kept.
_KEPT = 64

_Open = Callable[[str, str, bytes], urllib3.BaseHTTPResponse]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class Sender:
    """Sends requests to a server's nodes, and again where that may help.

    Args:
        urls: of the nodes.
        headers: of every request.
        tls: whom to trust.
        timeout: seconds to connect, and to wait for an answer.
        nodes: which of them is asked.
        retries: when a request is sent again.
    """

    def __init__(
        self,
        urls: Sequence[SplitResult],
        headers: Mapping[str, str],
        *,
        tls: SSLContext | None,
        timeout: float,
        nodes: Nodes,
        retries: Retries,
    ) -> None:
        self._managers = [_manager(url, tls, timeout) for url in urls]
        self._open = [
            _opener(manager, url, dict(headers))
            for manager, url in zip(self._managers, urls, strict=True)
        ]
        self._nodes = nodes
        self._retries = retries
        # Not the event loop's own, which whoever else waits in may have taken.
        self._threads = ThreadPoolExecutor(_KEPT, thread_name_prefix="rag-ask")

    def send(self, method: str, path: str, body: bytes) -> Reply:
        """A request to the node whose turn it is.

        Raises:
            ResponseHandlingException: nobody answered, whatever was tried.
        """
        once = partial(self._once, method, path, body)
        return self._retries.through(f"{method} {path}", lambda: self._nodes.through(once))

    async def asend(self, method: str, path: str, body: bytes) -> Reply:
        """The same, awaited: a thread waits for the answer, but not between two tries."""

        def through_nodes() -> Awaitable[Reply]:
            once = partial(self._once, method, path, body)
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(self._threads, self._nodes.through, once)

        return await self._retries.athrough(f"{method} {path}", through_nodes)

    def _once(self, method: str, path: str, body: bytes, place: int) -> Reply:
        with _as_httpx():
            response = self._open[place](method, path, body)
            return Reply(response.status, response.headers, response.data)

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False)
        for manager in self._managers:
            manager.clear()


def _manager(url: SplitResult, tls: SSLContext | None, timeout: float) -> urllib3.PoolManager:
    given: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=timeout, read=timeout),
        "maxsize": _KEPT,
        "retries": False,
    }
    if url.scheme == "https":
        given["ssl_context"] = tls
    proxy = _proxy(url)
    if proxy is None:
        return urllib3.PoolManager(**given)
    user = urllib3.util.parse_url(proxy).auth
    about = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
    return urllib3.ProxyManager(proxy, proxy_headers=about, **given)


def _proxy(url: SplitResult) -> str | None:
    """The proxy that the environment names for a server, as for all other requests of ours."""
    host = url.hostname or ""
    if urllib.request.proxy_bypass(host) or urllib.request.proxy_bypass(url.netloc):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _opener(manager: urllib3.PoolManager, url: SplitResult, headers: dict[str, str]) -> _Open:
    base, here = f"{url.scheme}://{url.netloc}", url.path
    if isinstance(manager, urllib3.ProxyManager):
        return lambda method, path, body: manager.urlopen(
            method, f"{base}{here}{path}", body=body, headers=headers, redirect=False
        )
    # Found once: a manager parses the URL of every request.
    pool = manager.connection_from_url(base)
    return lambda method, path, body: pool.urlopen(
        method, f"{here}{path}", body=body, headers=headers, redirect=False, retries=False
    )


@contextmanager
def _as_httpx() -> Iterator[None]:
    """urllib3's failures as qdrant-client reports those of httpx."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        kind: type[httpx.TransportError] = httpx.RemoteProtocolError
        if isinstance(error, urllib3.exceptions.NewConnectionError):
            kind = httpx.ConnectError
        elif isinstance(error, urllib3.exceptions.ConnectTimeoutError):
            kind = httpx.ConnectTimeout
        elif isinstance(error, urllib3.exceptions.TimeoutError):
            kind = httpx.ReadTimeout
        elif isinstance(error, urllib3.exceptions.SSLError):
            kind = httpx.ConnectError
        elif isinstance(error, urllib3.exceptions.ProxyError):
            kind = httpx.ProxyError
        elif isinstance(error, urllib3.exceptions.ProtocolError):
            kind = httpx.ReadError
        source = kind(str(error))
        source.__cause__ = error
        raise ResponseHandlingException(source) from error
