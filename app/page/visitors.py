"""Who is on the page: visitors, their tabs, and when they are gone.

A visitor is a browser, known by a cookie that only this server can sign and only the browser
can show (`security.Guard` hands it out); one that was made up is nobody's. Documents belong to
visitors; a question and its answers belong to a tab. Gradio's own session id is chosen by the
browser and knows nothing of a reload, so it only tells the tabs of one visitor apart.

What a visitor left behind goes when no tab has been open for a while, and with the server.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import gradio as gr
from starlette.requests import HTTPConnection

from .conversation import Tab
from .knobs import Knobs
from .marked import Marked
from .votes import Votes

COOKIE = "rag_visitor"

# Visitors remembered; beyond that, of those without an open tab and without documents, those
# who were away longest are forgotten. If all others have one, a new one is a stranger.
_MOST_VISITORS = 256
_MOST_TABS = 8
# A reload closes a tab for an instant; a laptop sleeps for longer than that.
_SECONDS_AWAY = 15 * 60.0
# A browser that vanishes without a word leaves its tabs open.
_SECONDS_IDLE = 12 * 3600.0
_TOKEN = re.compile(r"([A-Za-z0-9_-]{32,64})\.([A-Za-z0-9_-]{43})")
# Of this process, as its documents of visitors are; but see `sign_with`.
_secret = secrets.token_bytes(32)


@dataclass
class Visitor:
    """One browser.

    Attributes:
        key: stands for the cookie, which is kept nowhere; empty for someone without one.
        tabs: by Gradio's session id, the latest last.
        open: the tabs that are shown now.
        seen: when it last did something, by a clock that only goes forward.
        marked: questions of its own, and their evidence.
        votes: how its blind votes went.
        chosen: patterns of its latest comparison.
        knobs: its settings, if it has changed any.
        changed: when it last did.
    """

    key: str = ""
    tabs: OrderedDict[str, Tab] = field(default_factory=OrderedDict)
    open: set[str] = field(default_factory=set)
    seen: float = 0.0
    marked: Marked = field(default_factory=Marked)
    votes: Votes = field(default_factory=Votes)
    chosen: tuple[str, ...] = ()
    knobs: Knobs | None = None
    changed: datetime | None = None

    def tab(self, session: str) -> Tab:
        """A tab; the oldest give way where there are too many."""
        tab = self.tabs.setdefault(session, Tab())
        self.tabs.move_to_end(session)
        while len(self.tabs) > _MOST_TABS:
            gone, old = self.tabs.popitem(last=False)
            self.open.discard(gone)
            old.stop()
        return tab


def sign_with(secret: bytes) -> None:
    """Sign cookies so that another server with the same secret knows them."""
    global _secret
    _secret = secret


def signed(token: str) -> str:
    """A cookie that this server will know again."""
    mark = hmac.digest(_secret, token.encode(), "sha256")
    return f"{token}.{urlsafe_b64encode(mark).decode().rstrip('=')}"


def new_cookie() -> str:
    """A cookie for someone new."""
    return signed(secrets.token_urlsafe(32))


def is_ours(cookie: str) -> bool:
    """Whether this server signed a cookie."""
    found = _TOKEN.fullmatch(cookie)
    return found is not None and hmac.compare_digest(signed(found[1]), cookie)


class Visitors:
    """All visitors of a server.

    Args:
        forget: called, on whatever thread notices, with the key of a visitor who is gone.
        keeps: whether someone of that key has something here that would be lost.
        clock: seconds, going forward.
    """

    def __init__(
        self,
        forget: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        keeps: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._forget = forget
        self._keeps = keeps
        self._clock = clock
        self._known: OrderedDict[str, Visitor] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: gr.Request | HTTPConnection | None) -> Visitor:
        """Who sent a request; someone without our cookie is a stranger each time."""
        cookie = request.cookies.get(COOKIE, "") if request is not None else ""
        if not is_ours(cookie):
            return Visitor(seen=self._clock())
        # Keys end up in the index, where a cookie must not.
        key = hashlib.sha256(cookie.encode()).hexdigest()[:32]
        with self._lock:
            visitor = self._known.get(key)
            if visitor is None:
                if not self._has_room():
                    return Visitor(seen=self._clock())
                visitor = self._known[key] = Visitor(key)
            self._known.move_to_end(key)
            visitor.seen = self._clock()
        return visitor

    def _has_room(self) -> bool:
        """Whether there is room for one more; someone who loses nothing by it may give way."""
        if len(self._known) < _MOST_VISITORS:
            return True
        for key, visitor in self._known.items():
            if not visitor.open and not self._keeps(key):
                del self._known[key]
                for tab in visitor.tabs.values():
                    tab.stop()
                return True
        return False

    def tab(self, request: gr.Request | None) -> Tab:
        """The tab that sent a request; a stranger has a new one each time."""
        session = getattr(request, "session_hash", None) or ""
        visitor = self.of(request)
        with self._lock:
            return visitor.tab(session)

    def opened(self, request: gr.Request) -> None:
        """A tab shows the page."""
        visitor = self.of(request)
        with self._lock:
            visitor.tab(request.session_hash or "")
            visitor.open.add(request.session_hash or "")

    def closed(self, request: gr.Request) -> None:
        """A tab does so no longer: nobody waits for its answers."""
        visitor = self.of(request)
        with self._lock:
            visitor.open.discard(request.session_hash or "")
            tab = visitor.tabs.pop(request.session_hash or "", None)
        if tab is not None:
            tab.stop()

    def forget_all(self) -> None:
        """Everyone is gone: the server ends."""
        with self._lock:
            gone = list(self._known)
            self._known.clear()
        for key in gone:
            self._forget(key)

    def expire(self) -> list[str]:
        """Forget who is gone; returns their keys."""
        now = self._clock()
        with self._lock:
            gone = [
                visitor.key
                for visitor in self._known.values()
                if now - visitor.seen > (_SECONDS_IDLE if visitor.open else _SECONDS_AWAY)
            ]
            for key in gone:
                del self._known[key]
        for key in gone:
            self._forget(key)
        return gone
