"""httpx responses of an endpoint as OpenAI's client reads them (`indexes.models.shapes`).

    response = Streamed(client.send(request, stream=True)).begun()

A streamed answer is handed on when it has begun: an error that comes before is a refusal like
any other, under whatever status it came.
"""

import json
from collections.abc import AsyncIterator, Iterator

import httpx

from indexes.models.shapes import EndpointError, Events, read


def whole_answer(response: httpx.Response) -> httpx.Response:
    """A response in OpenAI's shape; an error under 200 as a refusal.

    Raises:
        OddAnswerError: it is no answer
    """
    try:
        body = read(response.content)
    except EndpointError as failed:
        return _refusal(failed, response)
    # Not `json=`, which refuses the NaN of a vector.
    return httpx.Response(
        200,
        content=json.dumps(body),
        headers={"content-type": "application/json"},
        request=response.request,
        history=response.history,
    )


class Streamed(httpx.SyncByteStream):
    """A streamed answer in OpenAI's shape."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._events = Events()
        self._pieces = response.iter_bytes()
        self._first = b""

    def begun(self) -> httpx.Response:
        """The response once there is something of an answer; an error before as an error."""
        try:
            for piece in self._pieces:
                self._first += self._events.feed(piece)
                if self._events.begun:
                    break
            else:
                self._first += self._events.end()
        except BaseException as error:
            self._response.close()
            if isinstance(error, EndpointError):
                return _refusal(error, self._response)
            raise
        return _stream_of(self, self._response)

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        for piece in self._pieces:
            yield self._events.feed(piece)
        yield self._events.end()

    def close(self) -> None:
        """Hang up."""
        self._response.close()


class AsyncStreamed(httpx.AsyncByteStream):
    """The same for one event loop."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._events = Events()
        self._pieces = response.aiter_bytes()
        self._first = b""

    async def begun(self) -> httpx.Response:
        """See `Streamed.begun`."""
        try:
            async for piece in self._pieces:
                self._first += self._events.feed(piece)
                if self._events.begun:
                    break
            else:
                self._first += self._events.end()
        except BaseException as error:
            await self._response.aclose()
            if isinstance(error, EndpointError):
                return _refusal(error, self._response)
            raise
        return _stream_of(self, self._response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        async for piece in self._pieces:
            yield self._events.feed(piece)
        yield self._events.end()

    async def aclose(self) -> None:
        """Hang up."""
        await self._response.aclose()


def _stream_of(
    stream: httpx.SyncByteStream | httpx.AsyncByteStream, response: httpx.Response
) -> httpx.Response:
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=stream, request=response.request)


def _refusal(failed: EndpointError, response: httpx.Response) -> httpx.Response:
    return httpx.Response(failed.status, json=failed.error, request=response.request)
