"""httpx clients that get a request through: in the form that the endpoint takes, at its pace,
and again where a moment later it may succeed.

    client = openai.OpenAI(http_client=SyncSender(way), max_retries=0, …)

What they do about an answer is decided in `_Request`, once for both. An endpoint's `Way` is
shared by all clients of a process that ask it.
"""

import asyncio
import json
import logging
import random
import re
import threading
import time
import weakref
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai

from indexes.models.forms import KIND, Value, formed, lesson
from indexes.models.habits import Habits, habits_of
from indexes.models.instructed import given_up
from indexes.models.pace import Pace
from indexes.models.refusals import Refusal, refusal_of
from indexes.models.streams import AsyncStreamed, Streamed, whole_answer
from indexes.waits import waiting

logger = logging.getLogger(__name__)

# The habit of a limit: milliseconds between requests that are right.
PACE = "pace"
# A call that is refused more often, each time for something else, is given up.
MOST_LESSONS = 6
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
# A limit that says nothing of when it ends.
_LONGEST_LIMIT_SECONDS = 60.0
# Documents wait so long for an endpoint that answers nobody; questions, as long as for an answer.
DOCUMENTS_SECONDS = 3600.0
# What is seldom better the third time: an error inside, no answer, nobody there.
_FEW = 2
_BUSY = {408, 409, 425, 498, 502, 503, 504, 520, 522, 524, 529}
_VERSION = re.compile(r"/v\d+[a-z0-9]*(/|$)")
_SHOWN = 160
# A pause that people are told of.
_LONG_SECONDS = 2.0
_WHY = {
    "busy": "is busy or still loading its model",
    "error": "failed, and is asked again",
    "lost": "broke off, and is asked again",
    "no answer": "gave no answer, and is asked again",
    "nobody there": "is not there yet",
}


@dataclass
class Way:
    """How one endpoint is asked for one model.

    Attributes:
        habits: what was learnt of it
        pace: how fast it may be asked
        retries: repetitions of what may pass
        seconds: how long a question waits, all repetitions together
        own: parameters that the user asked for
    """

    habits: Habits
    pace: Pace
    retries: int
    seconds: float
    own: frozenset[str] = frozenset()
    answered: bool = field(default=False, init=False)


_paces: "weakref.WeakValueDictionary[str, Pace]" = weakref.WeakValueDictionary()
_sharing = threading.Lock()


def way_to(
    name: str, cache: Any, *, retries: int, seconds: float, own: frozenset[str] = frozenset()
) -> Way:
    """The way to an endpoint and model; its habits and pace are shared within the process.

    Args:
        name: identifies them, without secrets
        cache: folder where habits are kept; None keeps them with this way
        retries: see `Way`
        seconds: see `Way`
        own: see `Way`
    """
    habits = habits_of(name, cache)
    with _sharing:
        pace = _paces.get(name) or Pace(known=(habits.number(PACE) or 0) / 1000)
        _paces[name] = pace
    return Way(habits, pace, retries, seconds, own)


class SyncSender(openai.DefaultHttpxClient):
    """For threads."""

    def __init__(self, way: Way, **options: Any) -> None:
        super().__init__(**options)
        self._way = way

    def send(self, request: httpx.Request, *, stream: bool = False, **more: Any) -> httpx.Response:
        """Send a request, as often as need be."""
        asked = _Request(request, self._way, stream)
        while True:
            while wait := asked.wait():
                with asked.told(wait):
                    _sleep(wait)
            try:
                response = super().send(asked.request(), stream=stream, **more)
                if not response.is_success:
                    response.read()
                elif stream:
                    response = Streamed(response).begun()
            except httpx.HTTPError as error:
                asked.failed(error)
                continue
            settled = asked.settled(response)
            if settled is not None:
                return settled
            response.close()


class AsyncSender(openai.DefaultAsyncHttpxClient):
    """For one event loop."""

    def __init__(self, way: Way, **options: Any) -> None:
        super().__init__(**options)
        self._way = way

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **more: Any
    ) -> httpx.Response:
        """Send a request, as often as need be."""
        asked = _Request(request, self._way, stream)
        while True:
            while wait := asked.wait():
                with asked.told(wait):
                    await asyncio.sleep(wait)
            try:
                response = await super().send(asked.request(), stream=stream, **more)
                if not response.is_success:
                    await response.aread()
                elif stream:
                    response = await AsyncStreamed(response).begun()
            except httpx.HTTPError as error:
                asked.failed(error)
                continue
            settled = asked.settled(response)
            if settled is not None:
                return settled
            await response.aclose()


class _Request:
    """One request of a client: its form as it is learnt, and what came of it so far."""

    def __init__(self, request: httpx.Request, way: Way, stream: bool) -> None:
        self._given = request
        self._way = way
        self._stream = stream
        self._body = _json(request.content) if request.method == "POST" else None
        self._known: dict[str, Value] = way.habits.all() if self._body is not None else {}
        self._lessons: dict[str, Value] = {}
        self._sent: dict[str, Any] = {}
        self._tries: dict[str, int] = {}
        self._not_before = 0.0
        self._sent_at = 0.0
        self._begun = way.pace.now()
        self._not_found: httpx.Response | None = None
        self._why = ""

    # Before each try

    def wait(self) -> float:
        """Seconds before it is sent; 0 when it is its turn."""
        pause = self._not_before - self._way.pace.now()
        if pause > 0:
            return pause
        return self._way.pace.wait()

    def told(self, wait: float) -> AbstractContextManager[None]:
        """Have people told while they wait, if it is long."""
        if wait < _LONG_SECONDS or not self._why:
            return nullcontext()
        return waiting(f"{self._given.url.host} {self._why}")

    def request(self) -> httpx.Request:
        """As it is sent now."""
        self._sent_at = self._way.pace.now()
        if self._body is None:
            return self._given
        known = {**self._known, **self._lessons}
        self._sent = formed(self._body, known)
        url = self._given.url
        if root := known.get("root"):
            head, slash, rest = url.path.rpartition("/chat/completions")
            if not slash:
                head, slash, rest = url.path.rpartition("/embeddings")
            url = url.copy_with(path=f"{head}{root}{slash}{rest}")
        headers = self._given.headers.copy()
        for name in ("content-length", "transfer-encoding"):
            headers.pop(name, None)
        return httpx.Request(
            "POST",
            url,
            headers=headers,
            content=json.dumps(self._sent, ensure_ascii=False).encode(),
            extensions=self._given.extensions,
        )

    # After each try

    def settled(self, response: httpx.Response) -> httpx.Response | None:
        """What the client gets; None to send again."""
        way = self._way
        way.answered = True
        if self._body is None:
            return response
        if response.is_success and not self._stream:
            response = whole_answer(response)
        if response.is_success:
            way.pace.accepted()
            for habit, value in self._lessons.items():
                way.habits.learn(habit, value)
            if distance := way.pace.settled:
                way.habits.learn(PACE, round(distance * 1000))
            return response
        refusal = refusal_of(response)
        if "root" in self._lessons and response.status_code in (404, 405):
            return self._not_found
        if self._learns(refusal) or self._waits(refusal):
            if response.status_code in (404, 405):
                self._not_found = response
            return None
        return response

    def failed(self, error: httpx.HTTPError) -> None:
        """It could not be sent, or was not answered.

        Raises:
            httpx.HTTPError: the same, where trying again is of no use.
        """
        final = isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol)
        if final or not isinstance(error, httpx.TransportError):
            raise error
        if isinstance(error, httpx.ConnectError) and not self._way.answered:
            kind, most = "nobody there", _FEW
        elif isinstance(error, httpx.TimeoutException):
            kind, most = "no answer", _FEW if self._is_document else 1
        else:
            kind, most = "lost", self._way.retries
        if not self._again(kind, most, type(error).__name__):
            raise error

    # What that is decided by

    @property
    def _is_document(self) -> bool:
        return self._body is not None and self._body.get(KIND) == "passage"

    def _learns(self, refusal: Refusal) -> bool:
        """Whether the refusal teaches another form to try."""
        if len(self._lessons) >= MOST_LESSONS:
            return False
        known = {**self._known, **self._lessons}
        learnt = lesson(refusal, self._sent, known, self._way.own)
        path = self._given.url.path
        if (
            learnt is None
            and refusal.status in (404, 405)
            and not (_VERSION.search(path) or self._given.url.query)
            and "model" not in refusal.said.lower()
        ):
            learnt = "root", "/v1"
        if learnt is None or known.get(learnt[0]) == learnt[1]:
            return False
        self._lessons[learnt[0]] = learnt[1]
        logger.info("%s said %s: trying %s = %s", path, refusal.said[:_SHOWN], *learnt)
        return True

    def _waits(self, refusal: Refusal) -> bool:
        """Whether the refusal is for now only, and waited for."""
        if refusal.is_limit:
            return self._waits_for_limit(refusal)
        if refusal.status in _BUSY:
            return self._again("busy", self._way.retries, refusal.said, refusal.wait)
        if refusal.is_failure and not refusal.is_too_long:
            return self._again("error", _FEW, refusal.said, refusal.wait)
        return False

    def _waits_for_limit(self, refusal: Refusal) -> bool:
        way = self._way
        tries = self._tries["limit"] = self._tries.get("limit", 0) + 1
        if way.retries == 0:
            return False
        wait = refusal.wait
        if wait is None:
            wait = min(_LONGEST_LIMIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(tries - 1, 10))
        now = way.pace.now()
        since = max(self._begun, way.pace.last_accepted) if self._is_document else self._begun
        patience = DOCUMENTS_SECONDS if self._is_document else way.seconds
        if now + wait - since > patience:
            return False
        way.pace.refused(self._sent_at, wait)
        self._why = "takes no more requests for the moment"
        logger.info("too many requests: going on in %.1f s", wait)
        return True

    def _again(self, kind: str, most: int, said: str, wait: float | None = None) -> bool:
        """Whether something that may pass is tried once more, after a growing pause."""
        tries = self._tries[kind] = self._tries.get(kind, 0) + 1
        if tries > min(most, self._way.retries):
            return False
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (tries - 1))
        pause = max(random.uniform(longest / 2, longest), wait or 0.0)  # noqa: S311
        now = self._way.pace.now()
        longest = self._way.seconds * _FEW + LONGEST_WAIT_SECONDS
        if not self._is_document and now + pause - self._begun > longest:
            return False
        self._not_before = now + pause
        self._why = _WHY[kind]
        logger.info("%s (%s): trying again in %.1f s", kind, said[:_SHOWN], pause)
        return True


def _sleep(seconds: float) -> None:
    """Wait, but not for what is given up.

    Raises:
        CancelledError: it is
    """
    stop = given_up.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise CancelledError


def _json(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
