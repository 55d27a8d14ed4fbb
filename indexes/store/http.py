"""Requests to a server by the shortest way: libcurl's kept connections, bytes in and out.

httpx, which qdrant-client goes through, costs a millisecond of processor time a request: more
than all that a question needs of its answer. urllib3 costs .43 ms, libcurl .1.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import certifi
import httpx
import pycurl
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from indexes.certificates import proxy_of
from indexes.store.cluster import Nodes
from indexes.store.retries import Retries

# As many as threads that may ask at once, and then some; more are made, but not kept.
_KEPT = 64
_WELL = 2
_TOO_MANY = 429

# libcurl's failures as those of httpx; what is not here is a server that doesn't speak HTTP.
# CURLE_PROXY, which pycurl has no name for.
_PROXY_FAILED = 97
_KINDS: dict[int, type[httpx.TransportError]] = {
    pycurl.E_COULDNT_CONNECT: httpx.ConnectError,
    pycurl.E_COULDNT_RESOLVE_HOST: httpx.ConnectError,
    pycurl.E_SSL_CONNECT_ERROR: httpx.ConnectError,
    pycurl.E_PEER_FAILED_VERIFICATION: httpx.ConnectError,
    pycurl.E_SSL_CERTPROBLEM: httpx.ConnectError,
    pycurl.E_SSL_CACERT_BADFILE: httpx.ConnectError,
    pycurl.E_COULDNT_RESOLVE_PROXY: httpx.ProxyError,
    _PROXY_FAILED: httpx.ProxyError,
    pycurl.E_SEND_ERROR: httpx.WriteError,
    pycurl.E_RECV_ERROR: httpx.ReadError,
    pycurl.E_PARTIAL_FILE: httpx.ReadError,
    pycurl.E_GOT_NOTHING: httpx.ReadError,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    def well(self) -> bytes:
        """What was asked for.

        Raises:
            UnexpectedResponse, ResourceExhaustedResponse: it was refused, as qdrant-client says it.
        """
        if self.status_code // 100 == _WELL:
            return self.content
        failed = httpx.Response(self.status_code, headers=dict(self.headers), content=self.content)
        wait = failed.headers.get("retry-after")
        if self.status_code == _TOO_MANY and wait:
            try:
                words = failed.json()["status"]["error"]
            except (ValueError, KeyError, TypeError):
                words = ""
            raise ResourceExhaustedResponse(words, wait)
        raise UnexpectedResponse.for_response(failed)


@dataclass(frozen=True)
class Trust:
    """Files of certificates: of the authority, of our own, and of its key."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


class Sender:
    """Sends requests to a server's nodes, and again where that may help.

    Args:
        line: how a node is spoken to.
        urls: of the nodes.
        headers: of every request.
        trust: whom to trust.
        timeout: seconds for one request.
        compress: whether answers come compressed.
        nodes: which of them is asked.
        retries: when a request is sent again.
    """

    def __init__(
        self,
        line: type["Line"],
        urls: Sequence[SplitResult],
        headers: Mapping[str, str],
        *,
        trust: Trust,
        timeout: float,
        compress: bool,
        nodes: Nodes,
        retries: Retries,
    ) -> None:
        self._line = line
        self._urls = urls
        self._options = _options(headers, trust, timeout, compress=compress)
        self._nodes = nodes
        self._retries = retries
        self._lines: list[Line] = []
        self._begin()

    def _begin(self) -> None:
        """Start with no connection and no thread: a fork's are its parent's."""
        self._process = os.getpid()
        # Kept, for closing them would tell the server that the parent goes.
        self._inherited = self._lines
        self._lines = [self._line(url, self._options) for url in self._urls]
        # Not the event loop's own, which whoever else waits in may have taken.
        self._threads = ThreadPoolExecutor(_KEPT, thread_name_prefix="rag-ask")

    def send(self, method: str, path: str, body: bytes) -> Reply:
        """A request to the node whose turn it is.

        Raises:
            ResponseHandlingException: nobody answered, whatever was tried.
        """
        if self._process != os.getpid():
            self._begin()
        once = partial(self._once, method, path, body)
        return self._retries.through(f"{method} {path}", partial(self._nodes.through, once))

    async def asend(self, method: str, path: str, body: bytes) -> Reply:
        """The same, awaited: a thread waits for the answer, but not between two tries."""
        if self._process != os.getpid():
            self._begin()

        def through_nodes() -> Awaitable[Reply]:
            once = partial(self._once, method, path, body)
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(self._threads, self._nodes.through, once)

        return await self._retries.athrough(f"{method} {path}", through_nodes)

    def _once(self, method: str, path: str, body: bytes, place: int) -> Reply:
        return self._lines[place].ask(method, path, body)

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False)
        for line in self._lines:
            line.close()


class Line:
    """Connections to one node. Thread-safe.

    Args:
        url: of the node.
        options: libcurl's, of every request.
    """

    own: Mapping[int, Any] = {pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1}

    def __init__(self, url: SplitResult, options: Mapping[int, Any]) -> None:
        self._base = url.geturl()
        # Found once: what the environment says is for all requests of ours.
        self._options = {**options, **self.own, pycurl.PROXY: proxy_of(url) or ""}
        self._idle: deque[pycurl.Curl] = deque(maxlen=_KEPT)

    def ask(self, method: str, path: str, body: bytes) -> Reply:
        """Send a request, and wait for the answer.

        Raises:
            ResponseHandlingException: there was none.
        """
        try:
            curl = self._idle.pop()
        except IndexError:
            curl = pycurl.Curl()
            for option, value in self._options.items():
                curl.setopt(option, value)
        content, head = BytesIO(), BytesIO()
        curl.setopt(pycurl.URL, self._base + path)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.WRITEFUNCTION, content.write)
        curl.setopt(pycurl.HEADERFUNCTION, head.write)
        try:
            curl.perform()
            status = curl.getinfo(pycurl.RESPONSE_CODE)
        except pycurl.error as error:
            raise ResponseHandlingException(self.failure(error, curl)) from error
        finally:
            self._idle.append(curl)
        return self.reply(status, head.getvalue(), content.getvalue())

    def reply(self, status: int, head: bytes, content: bytes) -> Reply:
        """What was answered."""
        return Reply(status, {} if status // 100 == _WELL else headers_of(head), content)

    def failure(self, error: pycurl.error, curl: pycurl.Curl) -> httpx.TransportError:
        """A failure of libcurl as qdrant-client reports one of httpx."""
        code, words = error.args
        kind = _KINDS.get(code, httpx.RemoteProtocolError)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            reached = curl.getinfo(pycurl.PRETRANSFER_TIME) > 0
            kind = httpx.ReadTimeout if reached else httpx.ConnectTimeout
        source = kind(words)
        source.__cause__ = error
        return source

    def close(self) -> None:
        """Close those that nobody asks by."""
        while self._idle:
            self._idle.pop().close()


def _options(
    headers: Mapping[str, str], trust: Trust, timeout: float, *, compress: bool
) -> dict[int, Any]:
    milliseconds = max(1, round(timeout * 1000))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    options: dict[int, Any] = {
        # It would ask before it sends more than a megabyte, and wait.
        pycurl.HTTPHEADER: [*lines, "expect:"],
        pycurl.ACCEPT_ENCODING: "gzip, deflate" if compress else "identity",
        pycurl.CONNECTTIMEOUT_MS: milliseconds,
        pycurl.TIMEOUT_MS: milliseconds,
        pycurl.NOSIGNAL: 1,
        # Python's signals, Ctrl-C among them, are looked at when libcurl calls back.
        pycurl.NOPROGRESS: 0,
        pycurl.XFERINFOFUNCTION: _go_on,
        pycurl.CAINFO: str(trust.ca or os.environ.get("SSL_CERT_FILE") or certifi.where()),
    }
    if trust.cert is not None:
        options[pycurl.SSLCERT] = str(trust.cert)
        options[pycurl.SSLKEY] = str(trust.key or trust.cert)
    if folder := os.environ.get("SSL_CERT_DIR"):
        options[pycurl.CAPATH] = folder
    return options


def _go_on(*_progress: int) -> None:
    pass


def headers_of(head: bytes) -> dict[str, str]:
    """The last answer's: there is one for each that led to it."""
    found: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if line.startswith("HTTP/"):
            found = {}
        elif colon:
            found[name.strip().lower()] = value.strip()
    return found
