"""What stands between the page and other web sites in the same browser.

The page listens on loopback only, but a browser there visits other sites too. A site can
point a name of its own at 127.0.0.1 (DNS rebinding) or post to us from its own page: both
show in the headers `Host` and `Origin`, which its scripts cannot change.
"""

import hashlib
import re
from base64 import b64encode
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HEADERS = {
    b"x-frame-options": b"DENY",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


class Guard:
    """Refuses requests that did not come from the page itself, and sets the headers.

    Args:
        app: what is guarded.
        hosts: names under which the page may be called.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = hosts

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
        await self._app(scope, receive, _Dressed(send))

    def _refusal(self, headers: dict[bytes, str]) -> str:
        host = headers.get(b"host", "")
        if _hostname(host) not in self._hosts:
            return f"this page is not called that: open it under {' or '.join(sorted(self._hosts))}"
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "requests from other sites are refused"
        # Where there is no Origin (images, scripts, forms that get): following a link is fine.
        abroad = headers.get(b"sec-fetch-site", "") in ("cross-site", "same-site")
        if abroad and headers.get(b"sec-fetch-mode") != "navigate":
            return "requests from other sites are refused"
        return ""


class _Dressed:
    """A `send` that adds the headers; an HTML page waits until its scripts are known."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            added = {name.lower() for name in _HEADERS}
            kept = [item for item in message["headers"] if item[0].lower() not in added]
            message["headers"] = [*kept, *_HEADERS.items()]
            if dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                self._start = message
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


async def _refuse(send: Send, reason: str) -> None:
    body = reason.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
