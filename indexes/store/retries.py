"""Requests to a server that failed for the moment are sent again.

Everything this project writes carries ids that depend on content only, so a request
whose answer was lost can be repeated without doubling anything. It is done in one place:
between qdrant-client and httpx, and above the senders of searches and points.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, repeat
from typing import Any, Generic, TypeVar, cast

import httpx
from qdrant_client.http.exceptions import ResponseHandlingException
from tenacity import (
    AsyncRetrying,
    Future,
    RetryCallState,
    Retrying,
    stop_after_attempt,
    wait_random_exponential,
)

from indexes.waits import waiting

_log = logging.getLogger(__name__)

R = TypeVar("R")

# Five retries wait 8 seconds on average and 16 at most: about what a restart takes.
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
# A server that counts requests by the minute says how long; no longer than this.
LONGEST_ASKED_SECONDS = 120.0
_TOO_MANY = 429
# Said of a write that no waiting makes small enough.
_TOO_LARGE_EVER = b"split your request"


class Retries:
    """Sends requests again that a moment later may succeed: lost connections, timeouts,
    429 and 5xx. Other answers are final, and so is a first request that finds nobody
    listening: the address is more likely wrong than the server restarting.

    Args:
        retries: further tries of a request, at most; 0 for none.
    """

    def __init__(self, retries: int) -> None:
        self._answered = False
        self._wait = wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        policy: dict[str, Any] = {
            "stop": stop_after_attempt(retries + 1),
            "wait": self._pause,
            "retry": self._worth_it,
            "before_sleep": _tell,
            # What the last try ended with is what the caller sees.
            "retry_error_callback": lambda state: state.outcome.result(),
        }
        # Each keeps what it knows of a try by thread.
        self._retrying = Retrying(sleep=_sleep, **policy)
        self._aretrying = AsyncRetrying(sleep=_asleep, **policy)

    def through(self, what: str, attempt: Callable[[], R]) -> R:
        """Make a request as often as need be.

        Args:
            what: is asked for, for the log
            attempt: asks once
        """
        first = _Tried(attempt)
        if first.response is not None and not self._is_passing(first.response):
            self._answered = True
            return first.response
        # What came of the first try counts as one.
        tries = chain([first.outcome], repeat(attempt))
        return cast(R, self._retrying(_try, what, lambda: next(tries)()))

    async def athrough(self, what: str, attempt: Callable[[], Awaitable[R]]) -> R:
        """The same, awaited."""
        return await self._aretrying.copy()(_atry, what, attempt)

    def send(
        self, request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
    ) -> httpx.Response:
        """qdrant-client's middleware."""
        return self.through(_named(request), lambda: send(request))

    async def asend(
        self,
        request: httpx.Request,
        send: Callable[[httpx.Request], Awaitable[httpx.Response]],
    ) -> httpx.Response:
        """The same, awaited."""
        return await self.athrough(_named(request), lambda: send(request))

    def _worth_it(self, state: RetryCallState) -> bool:
        error, response = _outcome(state)
        if response is not None:
            self._answered = True
            return self._is_passing(response)
        if isinstance(error, httpx.ConnectError) and not self._answered:
            return False
        return isinstance(error, httpx.TransportError) and not isinstance(
            error, httpx.LocalProtocolError | httpx.UnsupportedProtocol
        )

    @staticmethod
    def _is_passing(response: Any) -> bool:
        """Whether a response may be another in a moment."""
        if response.status_code == _TOO_MANY:
            return _TOO_LARGE_EVER not in response.content
        return bool(response.status_code >= 500)

    def _pause(self, state: RetryCallState) -> float:
        """Seconds: random, growing, and no less than the server asked for."""
        _, response = _outcome(state)
        asked = "" if response is None else response.headers.get("retry-after", "")
        least = min(float(asked), LONGEST_ASKED_SECONDS) if asked.isdigit() else 0.0
        return max(least, self._wait(state))


def _sleep(seconds: float) -> None:
    with _told(seconds):
        time.sleep(seconds)


async def _asleep(seconds: float) -> None:
    with _told(seconds):
        await asyncio.sleep(seconds)


def _told(seconds: float) -> AbstractContextManager[None]:
    """Says what is waited for, where a person would wonder."""
    if seconds <= LONGEST_WAIT_SECONDS:
        return nullcontext()
    return waiting(f"the server counts requests and asks for a pause of {seconds:.0f} s")


class _Tried(Generic[R]):
    """A first try: what came of it, to be had again."""

    def __init__(self, attempt: Callable[[], R]) -> None:
        self.response: R | None = None
        self._error: Exception | None = None
        try:
            self.response = attempt()
        except ResponseHandlingException as error:
            self._error = error

    def outcome(self) -> R:
        """The response; or raises what the try raised."""
        if self._error is not None:
            raise self._error
        return cast(R, self.response)


def _named(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"


def _try(_: str, attempt: Callable[[], R]) -> R:
    return attempt()


async def _atry(_: str, attempt: Callable[[], Awaitable[R]]) -> R:
    return await attempt()


def _outcome(state: RetryCallState) -> tuple[BaseException | None, Any]:
    """What came of a try: the error below qdrant-client's own, or the response."""
    outcome = cast(Future, state.outcome)  # there was a try
    error = outcome.exception()
    if error is None:
        return None, outcome.result()
    return (error.source if isinstance(error, ResponseHandlingException) else error), None


def _tell(state: RetryCallState) -> None:
    error, response = _outcome(state)
    what = type(error).__name__ if response is None else f"status {response.status_code}"
    wait = state.next_action.sleep if state.next_action else 0.0
    # A wait that a person would wonder about is told.
    level = logging.WARNING if wait > LONGEST_WAIT_SECONDS else logging.INFO
    _log.log(
        level,
        "%s: %s; trying again in %.1f s",
        state.args[0],
        what,
        wait,
    )
