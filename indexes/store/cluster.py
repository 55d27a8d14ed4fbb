"""The nodes of a Qdrant cluster: requests go to one of them, and to the next when it is lost."""

import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import httpx
from qdrant_client.http.exceptions import ResponseHandlingException

_log = logging.getLogger(__name__)


class Answered(Protocol):
    """What is asked of a response here."""

    @property
    def status_code(self) -> int:
        """HTTP's."""


R = TypeVar("R", bound=Answered)


class Nodes:
    """Which node answers, between qdrant-client and httpx.

    Every node serves everything, so what one can't be asked, the others are asked in turn; a
    node that has come back is asked again when its turn comes.

    Args:
        urls: of the nodes, which differ in host and port only
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [httpx.URL(url) for url in urls]
        self._at = 0
        self._lock = threading.Lock()
        self._lost: set[int] = set()

    @property
    def lost(self) -> list[str]:
        """Nodes that did not answer when they were last asked."""
        with self._lock:
            return [_name(self._urls[place]) for place in sorted(self._lost)]

    def through(self, attempt: Callable[[int], R]) -> R:
        """Ask the node whose turn it is, and then the others while none answers.

        Args:
            attempt: asks one of them, by its place among the URLs
        """
        for tries in range(len(self._urls)):
            place = self._at
            try:
                response = attempt(place)
            except ResponseHandlingException as error:
                self._missed(place, error)
                if not _unreachable(error) or tries == len(self._urls) - 1:
                    raise
            else:
                self._heard(place, response)
                return response
        raise AssertionError("unreachable: the last try returns or raises")

    def send(
        self, request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
    ) -> httpx.Response:
        """qdrant-client's middleware."""
        return self.through(lambda place: send(self._directed(request, place)))

    async def asend(
        self,
        request: httpx.Request,
        send: Callable[[httpx.Request], Awaitable[httpx.Response]],
    ) -> httpx.Response:
        """The same, awaited."""
        for tries in range(len(self._urls)):
            place = self._at
            try:
                response = await send(self._directed(request, place))
            except ResponseHandlingException as error:
                self._missed(place, error)
                if not _unreachable(error) or tries == len(self._urls) - 1:
                    raise
            else:
                self._heard(place, response)
                return response
        raise AssertionError("unreachable: the last try returns or raises")

    def _directed(self, request: httpx.Request, place: int) -> httpx.Request:
        """A request as it goes to a node."""
        url = self._urls[place]
        if request.url.netloc != url.netloc:
            request.url = request.url.copy_with(host=url.host, port=url.port)
            request.headers["host"] = _name(url)
        return request

    def _missed(self, place: int, error: ResponseHandlingException) -> None:
        if not _unreachable(error):
            return
        with self._lock:
            self._lost.add(place)
            self._pass_on(place)
        if len(self._urls) > 1:
            _log.warning(
                "node %s does not answer (%s): asking %s",
                _name(self._urls[place]),
                type(error.source).__name__,
                _name(self._urls[self._at]),
            )

    def _heard(self, place: int, response: Answered) -> None:
        with self._lock:
            self._lost.discard(place)
            if response.status_code >= 500:
                # It is there, but may have lost the others: if there is another try, elsewhere.
                self._pass_on(place)

    def _pass_on(self, place: int) -> None:
        if self._at == place:
            self._at = (place + 1) % len(self._urls)


def _unreachable(error: ResponseHandlingException) -> bool:
    return isinstance(error.source, httpx.TransportError) and not isinstance(
        error.source, httpx.LocalProtocolError | httpx.UnsupportedProtocol
    )


def _name(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")
