"""A Qdrant server or cluster: where it is, how it is spoken to, and whether it is the right one.

engine = reach("http://a:6333,http://b:6333", api_key=None, ways=Ways(prefer_grpc=True))
"""

import logging
import math
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.async_qdrant_remote import AsyncQdrantRemote
from qdrant_client.http.exceptions import UnexpectedResponse

from indexes.certificates import HERE, public_authorities
from indexes.errors import SettingsError, StoreError
from indexes.store.cluster import Nodes
from indexes.store.columns import Wire
from indexes.store.grpc_wire import GrpcWire
from indexes.store.http import Line, Sender, Trust
from indexes.store.refusals import store_errors
from indexes.store.rest import RestWire
from indexes.store.retries import Retries
from indexes.store.rpc import HEADERS, RpcLine, speaks_grpc
from indexes.store.ways import Ways

_log = logging.getLogger(__name__)

_REST_PORT = 6333
# Before it, what is only to be inserted overwrites what is there, in silence.
OLDEST = (1, 17)
NEWEST_TRIED = (1, 20)
_VERSION = re.compile(r"(\d+)\.(\d+)")
# Connections that are kept; a server lets go of those that were idle for five seconds. Those of
# an event loop can't be used in the next, so the asynchronous client decides for itself.
_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=4.0)
_NOT_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@dataclass(frozen=True)
class Remote:
    """Clients of a server.

    Attributes:
        client, aclient: for everything, by REST
        address: its URL, or its nodes'
        wire: the short way for searches and points
        nodes: which of them answers
    """

    client: QdrantClient
    aclient: AsyncQdrantClient
    address: str
    wire: Wire
    nodes: Nodes


def reach(index: str, api_key: SecretStr | None, ways: Ways) -> Remote:
    """Find a server, and look whether this project can work with it.

    Raises:
        StoreError: it can't be reached, or is too old.
        SettingsError: a certificate can't be read, or gRPC not spoken.
    """
    if ways.prefer_grpc and not speaks_grpc():
        raise SettingsError(
            "setting qdrant_grpc (environment RAG_QDRANT_GRPC): libcurl speaks no HTTP/2 here: "
            "leave it out, or install the wheel of pycurl (pip install --only-binary pycurl pycurl)"
        )
    urls = [_parse(part) for part in index.split(",")]
    if len({(url.scheme, url.path) for url in urls}) > 1:
        raise StoreError("the nodes of --index must all be http:// or all https://, of one path")
    first, secret = urls[0], "" if api_key is None else api_key.get_secret_value()
    if secret and first.scheme == "http" and not {url.hostname for url in urls} <= HERE:
        _log.warning("the API key goes to %s unencrypted: use https://", first.hostname)
    address = ",".join(url.geturl() for url in urls)
    given: dict[str, Any] = {
        "url": first.geturl(),
        "timeout": math.ceil(ways.timeout),
        "check_compatibility": False,
        "verify": _tls(ways) if first.scheme == "https" else public_authorities(),
    }
    # As a header, since `api_key` would turn http:// into a Python warning.
    headers = {"api-key": secret} if secret else {}
    nodes = Nodes([url.geturl() for url in urls])
    with store_errors(address):
        try:
            # A client writes into the dictionary that it is given: to each its own.
            client = QdrantClient(**given, headers={**headers}, limits=_KEPT)
            aclient = AsyncQdrantClient(**given, headers={**headers})
        except ValueError as error:
            raise StoreError(f"{address} is not a server's URL: {error}") from error
    retries = Retries(ways.retries)

    def sender(line: type[Line], urls: list[SplitResult], headers: dict[str, str]) -> Sender:
        return Sender(
            line,
            urls,
            {**_headers(client), **headers},
            trust=Trust(ways.ca, ways.cert, ways.cert_key),
            timeout=ways.timeout,
            compress=_compress(urls, ways),
            nodes=nodes,
            retries=retries,
        )

    wire: Wire = (
        GrpcWire(sender(RpcLine, [_by_grpc(url, ways) for url in urls], HEADERS))
        if ways.prefer_grpc
        else RestWire(sender(Line, urls, {"content-type": "application/json"}))
    )
    remote = Remote(client, aclient, address, wire, nodes)
    _install(remote, retries, compress=_compress(urls, ways))
    try:
        _check_version(remote)
    except BaseException:
        client.close()
        raise
    return remote


def _compress(urls: list[SplitResult], ways: Ways) -> bool:
    near = all(_is_near(url.hostname or "") for url in urls)
    return not near if ways.compress is None else ways.compress


def _headers(client: QdrantClient) -> dict[str, str]:
    """What qdrant-client says with every request, for requests that don't go through it."""
    said = cast(Any, client._client).openapi_client.client._client.headers
    return {name: said[name] for name in ("user-agent", "api-key") if name in said}


def _install(remote: Remote, retries: Retries, *, compress: bool) -> None:
    for client in (remote.client, remote.aclient):
        inner = cast(Any, client._client)
        asynchronous = isinstance(inner, AsyncQdrantRemote)
        api = inner.openapi_client.client
        if not compress:
            (api._async_client if asynchronous else api._client).headers["accept-encoding"] = (
                "identity"
            )
        if not asynchronous:
            # Uploads make clients of their own, and leave them open.
            inner._rest_args["limits"] = _NOT_KEPT
        # The last one added is the outermost: each try may go to another node.
        api.add_middleware(remote.nodes.asend if asynchronous else remote.nodes.send)
        api.add_middleware(retries.asend if asynchronous else retries.send)


def _is_near(host: str) -> bool:
    """Whether a host is this machine or in its local network, as far as its name tells."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))


def _by_grpc(url: SplitResult, ways: Ways) -> SplitResult:
    """Where a node speaks gRPC."""
    host, _, port = url.netloc.rpartition(":")
    return SplitResult(url.scheme, f"{host}:{ways.grpc_port or int(port) + 1}", "", "", "")


def _tls(ways: Ways) -> ssl.SSLContext:
    if ways.ca is None and ways.cert is None:
        return public_authorities()
    context = httpx.create_ssl_context()
    if ways.ca is not None:
        with _readable("qdrant_ca", ways.ca):
            context.load_verify_locations(cafile=ways.ca)
    if ways.cert is not None:
        with _readable("qdrant_cert", ways.cert):
            context.load_cert_chain(ways.cert, ways.cert_key)
    return context


@contextmanager
def _readable(setting: str, path: Path) -> Iterator[None]:
    """What goes wrong with a certificate's file, as a `SettingsError`."""
    try:
        yield
    except OSError as error:  # ssl's are such, too
        plain = None if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(
            f"setting {setting} (environment RAG_{setting.upper()}): {path} cannot be read "
            f"({plain or 'it holds no certificate'})"
        ) from error


def _check_version(remote: Remote) -> None:
    """Ask the server, once, what it is."""
    try:
        with store_errors(remote.address):
            about = remote.client.info()
    except StoreError as error:
        refused = error.__cause__
        # A proxy may serve nothing but collections.
        if isinstance(refused, UnexpectedResponse) and refused.status_code in {401, 403}:
            _log.info("%s does not tell its version", remote.address)
            return
        source = getattr(refused, "source", None)
        if isinstance(source, httpx.ReadError) and remote.address.startswith("http://"):
            raise StoreError(f"{error}, or write https:// if it speaks TLS") from refused
        raise
    found = _VERSION.match(about.version)
    version = (int(found[1]), int(found[2])) if found else NEWEST_TRIED
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StoreError(
            f"{remote.address} is Qdrant {about.version}: this project needs {oldest} or newer, "
            "since older ones overwrite what is only to be added: update the server"
        )
    if version > NEWEST_TRIED:
        _log.warning("%s is Qdrant %s, newer than what was tried", remote.address, about.version)


def _parse(index: str) -> SplitResult:
    """A server's URL, free of everything that could be a secret."""
    try:
        url = urlsplit(index.strip())
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
    return SplitResult(url.scheme, f"{host}:{port or _REST_PORT}", url.path.rstrip("/"), "", "")
