"""A stand-in for a Qdrant server: its REST interface over HTTP, the embedded engine behind.

    with StandIn(tmp_path, key="secret") as server:
        server.fail("reset", every=5)
        QdrantClient(url=server.url, headers={"api-key": "secret"})

No server binary can be had where this project is tested, so the wire is real and so is
the engine, and what lies between is the one file that you are reading. It does not
stand in for consensus, shards or replicas: parameters about these are accepted and
recorded in `requests`, nothing more.
"""

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.backend import EdgeBackend
from tests.store.stand_in_rules import Key, Refusal, Rules

Fate = Literal["reset", "lost", "slow", "malformed", "no result"]


@dataclass
class Fault:
    """Something that goes wrong with requests, until it has happened `times` times.

    Attributes:
        kind: a status to answer with; `reset`, the connection is cut before anything is
            done; `lost`, it is cut after the work is done; `slow`, the answer comes
            after `seconds`; `malformed`, it is no JSON; `no result`, it has none.
        route: a regular expression that `METHOD /path` must match.
        every: which of the matching requests: every n-th.
        times: how often at most.
        seconds: of a slow answer.
        headers: of an answer with a status.
    """

    kind: Fate | int
    route: str = ""
    every: int = 1
    times: int = 1_000_000
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    _seen: int = 0

    def strikes(self, route: str) -> bool:
        """Whether this request is one of them. Counts it."""
        if self.times == 0 or not re.search(self.route, route):
            return False
        self._seen += 1
        if self._seen % self.every:
            return False
        self.times -= 1
        return True


# What tests have it ask for.
KEY = "s3cr3t-key"


class StandIn:
    """A server on a port of its own, with the collections of a folder.

    Args:
        folder: of the embedded engine; what is in it survives a restart.
        key: the API key that is asked for, and may do everything; None asks for none.
        port: to listen on; by default a free one.
        rules: what is refused besides.
        tls: speak TLS, with this certificate.

    Attributes:
        requests: `METHOD /path` of every request that arrived, in order.
        bodies: what came with them, or None.
        key: may be changed while it runs.
        aliases: names that collections go by besides their own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        key: str | None = None,
        port: int = 0,
        rules: Rules | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.folder = folder
        self.rules = rules or Rules()
        self.key = key
        self._tls = tls
        self.aliases: dict[str, str] = {}
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._port = port
        self._running = False
        self.start()

    @property
    def key(self) -> str | None:
        return next((key for key, known in self.rules.keys.items() if known.kind == "all"), None)

    @key.setter
    def key(self, key: str | None) -> None:
        if key is not None:
            others = {k: known for k, known in self.rules.keys.items() if known.kind != "all"}
            self.rules.keys = {key: Key(), **others}

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin to listen, again where it was stopped."""
        self.backend = EdgeBackend(self.folder, optimize_after=10**9)
        self._http: Any = _Server(("127.0.0.1", self._port), _Handler)
        self._http.stand_in = self
        if self._tls is not None:
            self._http.socket = self._tls.wrap_socket(self._http.socket, server_side=True)
        self._port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self._running = True

    def stop(self) -> None:
        """Go away: connections are refused from now on."""
        if self._running:
            self._running = False
            self._http.shutdown()
            self._http.hang_up()
            self._http.server_close()
            self._thread.join()
            self.backend.close()

    def fail(self, kind: Fate | int, route: str = "", **options: Any) -> Fault:
        """Add a fault; see `Fault`."""
        fault = Fault(kind, route, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()

    def forget(self) -> None:
        """Empty the record of requests."""
        with self._lock:
            self.requests.clear()
            self.bodies.clear()

    def refusal(
        self, key: str | None, method: str, path: str, size: int, body: Any
    ) -> Refusal | None:
        """What the rules say against a request."""
        if refusal := self.rules.key(key, method, path):
            return refusal
        name = path.split("/")[2] if path.count("/") > 1 else ""
        name = self.aliases.get(name, name)
        exists = bool(name) and self.backend.collection_exists(name)
        schema = self.backend.get_collection(name).payload_schema if exists else {}
        return self.rules.request(method, path, size, body, set(schema))

    def meet(self, route: str, body: Any) -> Fault | None:
        """Note a request; the fault it meets, if any."""
        with self._lock:
            self.requests.append(route)
            self.bodies.append(body)
            struck = [fault for fault in self._faults if fault.strikes(route)]
        return struck[0] if struck else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a connection that is kept alive must not keep us

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember who is connected."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget who is gone."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that were kept, as a server does that goes away."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on slow answers: no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def _handle(self) -> None:
        stand_in: StandIn = self.server.stand_in
        path = unquote(urlsplit(self.path).path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw) if raw else None
        fault = stand_in.meet(f"{self.command} {path}", body)
        kind = fault.kind if fault else None
        refusal = stand_in.refusal(self.headers.get("api-key"), self.command, path, len(raw), body)
        if refusal is not None:
            self._send(refusal.status, refusal.body, refusal.headers)
            return
        if kind == "reset":
            self._cut()
            return
        if fault and isinstance(kind, int):
            self._send(kind, _envelope(error="injected"), fault.headers)
            return
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        status, answer = _answer(stand_in, self.command, path, body)
        if kind == "lost":
            self._cut()
        elif kind == "malformed":
            self._send(200, b"<html>the proxy is sorry</html>")
        elif kind == "no result":
            self._send(200, _envelope())
        else:
            self._send(status, answer)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        """Hang up with a reset rather than an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        # The buffered files of the handler still hold the socket open: let go of them.
        self.rfile.close()
        self.wfile = _Nowhere()  # type: ignore[assignment]

    def log_message(self, *_args: Any) -> None:
        """Be silent."""


class _Nowhere:
    closed = True

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _envelope(result: Any = None, error: str | None = None) -> bytes:
    status: Any = "ok" if error is None else {"error": error}
    answer = {"result": to_jsonable_python(result), "status": status, "time": 0.001}
    return json.dumps(answer).encode()


def _answer(stand_in: StandIn, method: str, path: str, body: Any) -> tuple[int, bytes]:
    """Status and body, as the server's."""
    backend = stand_in.backend
    if (method, path) == ("GET", "/"):
        # The one answer without an envelope.
        about = {"title": "qdrant - vector search engine", "version": stand_in.rules.version}
        return 200, json.dumps(about).encode()
    if (method, path) == ("GET", "/aliases"):
        known = [{"alias_name": n, "collection_name": of} for n, of in stand_in.aliases.items()]
        return 200, _envelope({"aliases": known})
    if (method, path) == ("POST", "/collections/aliases"):
        return _name_them(stand_in, _read(models.ChangeAliasesOperation, body).actions)
    for wanted, pattern, serve in _ROUTES:
        found = re.fullmatch(pattern, path)
        if method != wanted or not found:
            continue
        given = found.groupdict()
        if (method, pattern) == ("DELETE", _COLLECTION):
            gone = given["name"]
            stand_in.aliases = {n: of for n, of in stand_in.aliases.items() if of != gone}
        elif (name := given.get("name", "")) and (method, pattern) != ("PUT", _COLLECTION):
            given["name"] = stand_in.aliases.get(name, name)
        name = given.get("name", "")
        try:
            if name and not _may_be_missing(method, path) and not backend.collection_exists(name):
                return 404, _envelope(error=f"Not found: Collection `{name}` doesn't exist!")
            result = serve(backend, body, **given)
            if isinstance(result, models.CollectionInfo) and stand_in.rules.strict is not None:
                strict = models.StrictModeConfigOutput(**stand_in.rules.strict.model_dump())
                result.config.strict_mode_config = strict
            return 200, _envelope(result)
        except ValidationError as error:
            return 400, _envelope(error=f"Format error in JSON body: {error}")
        except StoreError as error:
            conflict = method == "PUT" and "exists" in str(error)
            return 409 if conflict else 400, _envelope(error=str(error))
    return 404, b""


def _name_them(stand_in: StandIn, steps: list[Any]) -> tuple[int, bytes]:
    """Change aliases, all or none."""
    aliases = dict(stand_in.aliases)
    for step in steps:
        if isinstance(step, models.DeleteAliasOperation):
            aliases.pop(step.delete_alias.alias_name, None)
            continue
        wanted = step.create_alias
        if not stand_in.backend.collection_exists(wanted.collection_name):
            missing = f"Not found: Collection `{wanted.collection_name}` doesn't exist!"
            return 404, _envelope(error=missing)
        if stand_in.backend.collection_exists(wanted.alias_name):
            taken = f"Wrong input: Collection `{wanted.alias_name}` already exists!"
            return 409, _envelope(error=taken)
        aliases[wanted.alias_name] = wanted.collection_name
    stand_in.aliases = aliases
    return 200, _envelope(result=True)


def _may_be_missing(method: str, path: str) -> bool:
    return path.endswith("/exists") or (path.count("/") == 2 and method in {"PUT", "DELETE"})


# --- routes -------------------------------------------------------------------------------


def _read(kind: Any, body: Any) -> Any:
    return _adapter(kind).validate_python(body)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # A twentieth of a second each, as long as qdrant-client's models are not built.
    return TypeAdapter(kind)


def _create(backend: EdgeBackend, body: Any, name: str) -> bool:
    given = dict(_read(models.CreateCollection, body))
    given["vectors_config"] = given.pop("vectors")
    given["sparse_vectors_config"] = given.pop("sparse_vectors")
    return backend.create_collection(name, **given)


def _upsert(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.PointsList, body)
    return backend.upsert(name, given.points, update_mode=given.update_mode)


def _scroll(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.ScrollRequest, body)
    points, following = backend.scroll(
        name,
        scroll_filter=given.filter,
        limit=given.limit or 10,
        order_by=given.order_by,
        offset=given.offset,
        with_payload=True if given.with_payload is None else given.with_payload,
        with_vectors=given.with_vector or False,
    )
    return {"points": points, "next_page_offset": following}


def _retrieve(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.PointRequest, body)
    wanted = True if given.with_payload is None else given.with_payload
    return backend.retrieve(name, given.ids, wanted, given.with_vector or False)


def _count(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.CountRequest, body)
    return backend.count(name, given.filter, given.exact is not False)


def _query(backend: EdgeBackend, body: Any, name: str) -> Any:
    return backend.query_batch_points(name, [_read(models.QueryRequest, body)])[0]


def _query_batch(backend: EdgeBackend, body: Any, name: str) -> Any:
    return backend.query_batch_points(name, _read(models.QueryRequestBatch, body).searches)


def _index(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.CreateFieldIndex, body)
    return backend.create_payload_index(name, given.field_name, given.field_schema)


def _set_payload(backend: EdgeBackend, body: Any, name: str) -> Any:
    given = _read(models.SetPayload, body)
    chosen = given.filter if given.points is None else given.points
    return backend.set_payload(name, given.payload, chosen, given.key)


_COLLECTION = "/collections/(?P<name>[^/]+)"

_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/collections", lambda backend, _: backend.get_collections()),
    ("GET", _COLLECTION, lambda backend, _, name: backend.get_collection(name)),
    (
        "GET",
        _COLLECTION + "/exists",
        lambda backend, _, name: {"exists": backend.collection_exists(name)},
    ),
    ("PUT", _COLLECTION, _create),
    ("DELETE", _COLLECTION, lambda backend, _, name: backend.delete_collection(name)),
    ("PUT", _COLLECTION + "/index", _index),
    (
        "DELETE",
        _COLLECTION + "/index/(?P<key>.+)",
        lambda backend, _, name, key: backend.delete_payload_index(name, key),
    ),
    ("PUT", _COLLECTION + "/points", _upsert),
    ("POST", _COLLECTION + "/points", _retrieve),
    ("POST", _COLLECTION + "/points/scroll", _scroll),
    ("POST", _COLLECTION + "/points/count", _count),
    (
        "POST",
        _COLLECTION + "/points/delete",
        lambda backend, body, name: backend.delete(name, _read(models.PointsSelector, body)),
    ),
    ("POST", _COLLECTION + "/points/payload", _set_payload),
    ("POST", _COLLECTION + "/points/query", _query),
    ("POST", _COLLECTION + "/points/query/batch", _query_batch),
]
