"""Checks of every request: host, origin, password, size, and whose cookie it carries.

Other web sites in the same browser: a site can point a name of its own at 127.0.0.1 (DNS
rebinding) or post to us from its own page. Both show in the headers `Host` and `Origin`, which
its scripts cannot change. Proxies that nobody has set up: what a request says of one is not
repeated. Other machines: beyond loopback every request must carry a name and
a password (HTTP Basic, RFC 7617; where strangers can listen, put TLS in front). Floods: bodies
are counted as they come, and must come at a pace. And visitors from each other: each browser
gets a cookie of its own.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexes import SettingsError

from .visitors import COOKIE, is_ours, new_cookie

logger = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# Addresses to listen on that are no names to be called by.
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - refused without credentials
_SHORTEST_PASSWORD = 8
_SECONDS_AFTER_A_GUESS = 0.5
_ASK = [(b"www-authenticate", b'Basic realm="Advanced RAG Patterns", charset="UTF-8"')]
# A question with its settings is a few kilobytes; uploads have a limit of their own.
_MOST_BYTES = 1024 * 1024

# A body that stalls, or drips: seconds without a byte, and bytes a second after a while.
_SECONDS_STALLED = 20.0
_SECONDS_GRACE = 30.0
_LEAST_A_SECOND = 8 * 1024
# What Gradio serves to its developers.
_HIDDEN = re.compile(r".*/dev/reload/?")
_FUNCTION = re.compile(r".*/gradio_api/(?:run|call|api)/(?:v2/)?([^/]+)(?:/.*)?")
# What someone waits for who has called one.
_EVENT = re.compile(r".*/gradio_api/call/(?:v2/)?[^/]+/([^/]+)/?")

_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HEADERS = {
    b"x-frame-options": b"DENY",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


@dataclass(frozen=True)
class Access:
    """Who may call the page, and under which names.

    Attributes:
        hosts: accepted values of `Host`
        user: asked for together with `password`, unless empty
        password: never shown
    """

    hosts: frozenset[str] = LOOPBACK
    user: str = ""
    password: str = field(default="", repr=False)

    def allows(self, authorization: str) -> bool:
        """Whether a request's `Authorization` is ours."""
        if not self.user:
            return True
        scheme, _, given = authorization.partition(" ")
        wanted = b64encode(f"{self.user}:{self.password}".encode())
        # Compared in a time that tells nothing of how much of it was right.
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), wanted)


def access_beyond(host: str, names: Sequence[str]) -> Access:
    """Access from other machines: with a name and a password from the environment.

    Raises:
        SettingsError: there are none, the password is short, or no name is known to answer to.
    """
    user, password = os.environ.get("RAG_PAGE_USER", ""), os.environ.get("RAG_PAGE_PASSWORD", "")
    if not user or not password:
        raise SettingsError(
            f"the page is not served on {host} without credentials: set RAG_PAGE_USER and "
            "RAG_PAGE_PASSWORD, or use --host 127.0.0.1"
        )
    if ":" in user or len(password) < _SHORTEST_PASSWORD:
        raise SettingsError(
            f"RAG_PAGE_PASSWORD must have {_SHORTEST_PASSWORD} characters or more, and "
            "RAG_PAGE_USER no colon: choose others"
        )
    known = {name.lower() for name in (*names, *({host} - _EVERYWHERE))}
    if not known - LOOPBACK:
        raise SettingsError(
            f"with --host {host} the page answers to names that are given: add --name, "
            "like --name rag.example.org"
        )
    return Access(LOOPBACK | known, user, password)


class Guard:
    """Refuses requests that did not come from the page itself, and sets the headers.

    Args:
        app: what is guarded.
        access: who may call it, and under which names.
        most_upload_bytes: of one upload; everything else is far smaller.
        functions: names that may be called; None for any.
        knows: whether an event of a name is waited for.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access | None = None,
        most_upload_bytes: int = 0,
        functions: Collection[str] | None = None,
        knows: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._functions = functions
        self._knows = knows
        self._app = app
        self._access = access or Access()
        self._most_upload_bytes = most_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":  # the page uses none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(headers)
        if refusal:
            await _refuse(send, refusal)
            return
        if not self._access.allows(headers.get(b"authorization", "")):
            # Guessing takes long.
            await asyncio.sleep(_SECONDS_AFTER_A_GUESS if b"authorization" in headers else 0)
            await _refuse(send, "a name and a password are needed", 401, _ASK)
            return
        if self._is_unknown(str(scope.get("method", "")), str(scope["path"])):
            await _refuse(send, "there is nothing here", 404)
            return
        most = _MOST_BYTES if _uploads(scope) is False else self._most_upload_bytes or _MOST_BYTES
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await _refuse(send, f"at most {most:,} bytes can be sent at a time", 413)
            return
        cookie = SimpleCookie(headers.get(b"cookie", "")).get(COOKIE)
        known = cookie is not None and is_ours(cookie.value)
        dressed = _Dressed(send, "" if known else new_cookie())
        scope = {**scope, "headers": [item for item in scope["headers"] if not _hearsay(*item)]}
        try:
            await self._app(scope, _Counted(receive, most), dressed)
        except Exception:
            # Gradio raises what it finds out in the middle of a stream, which it has told there.
            if not dressed.streams:
                raise
            logger.info("a stream ended early", exc_info=True)
            await send({"type": "http.response.body", "body": b""})

    def _is_unknown(self, method: str, path: str) -> bool:
        named = _FUNCTION.fullmatch(path)
        event = _EVENT.fullmatch(path) if method == "GET" else None
        known = self._functions
        return (
            bool(_HIDDEN.fullmatch(path))
            or bool(named and known is not None and named[1] not in known)
            or bool(event and not self._knows(event[1]))
        )

    def _refusal(self, headers: dict[bytes, str]) -> str:
        host = headers.get(b"host", "")
        if _hostname(host) not in self._access.hosts:
            known = " or ".join(sorted(self._access.hosts))
            return f"this page is not called that: open it under {known}"
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "requests from other sites are refused"
        # Where there is no Origin (images, scripts, forms that get): following a link is fine.
        abroad = headers.get(b"sec-fetch-site", "") in ("cross-site", "same-site")
        if abroad and headers.get(b"sec-fetch-mode") != "navigate":
            return "requests from other sites are refused"
        return ""


def _uploads(scope: Scope) -> bool:
    return str(scope["path"]).rstrip("/").endswith("/upload")


def _hearsay(name: bytes, value: bytes) -> bool:
    """Whether a header says what a proxy would say of the address, which anybody can write."""
    name = name.lower()
    if name == b"x-forwarded-proto":
        return value not in (b"http", b"https")
    return name == b"forwarded" or (name.startswith(b"x-forwarded-") and name != b"x-forwarded-for")


class _Counted:
    """A `receive` that ends a body which is longer than it may be, or comes too slowly."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most
        self._most = most
        self._begun = time.monotonic()
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:  # what comes now is that someone has gone: that may take any time
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _SECONDS_STALLED)
        except TimeoutError:
            return self._end()
        if message["type"] != "http.request":
            return self._end()
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return self._end() if self._left < 0 or self._drips() else message

    def _drips(self) -> bool:
        spent = time.monotonic() - self._begun - _SECONDS_GRACE
        return not self._whole and spent * _LEAST_A_SECOND > self._most - self._left

    def _end(self) -> Message:
        self._whole = True
        return {"type": "http.disconnect"}


class _Dressed:
    """A `send` that adds the headers; an HTML page waits until its scripts are known.

    With a page goes a cookie, where the browser has none yet.
    """

    def __init__(self, send: Send, cookie: str = "") -> None:
        self._send = send
        self._cookie = cookie
        self._start: Message | None = None
        self._body = b""
        # Whether a stream of events is under way.
        self.streams = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            added = {name.lower() for name in _HEADERS}
            kept = [item for item in message["headers"] if item[0].lower() not in added]
            message["headers"] = [*kept, *_HEADERS.items()]
            kind = dict(message["headers"]).get(b"content-type", b"")
            self.streams = kind.startswith(b"text/event-stream")
            if kind.startswith(b"text/html"):
                self._start = message
                if self._cookie:
                    value = f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Lax"
                    message["headers"].append((b"set-cookie", value.encode()))
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            self._start["headers"].append((b"content-security-policy", policy(self._body)))
            await self._send(self._start)
            self._start = None
            message = {"type": "http.response.body", "body": self._body}
        await self._send(message)


def policy(page: bytes) -> bytes:
    """The content security policy of an HTML page.

    Its own inline scripts may run, each by its hash, so that a script which got into a
    document's text would not. `unsafe-eval` is for `gr.HTML`, which makes a function of
    each template; inline styles are Gradio's own.
    """
    scripts = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE.findall(page)
    )
    return (
        f"default-src 'self'; script-src 'self' 'unsafe-eval' {scripts}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ).encode()


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def _refuse(
    send: Send, reason: str, status: int = 403, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    body = reason.encode()
    headers = [
        *more,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
