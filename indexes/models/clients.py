"""OpenAI's clients for one endpoint: made on first use, and their failures mapped."""

import asyncio
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

import httpx
import openai

from indexes.models.endpoint import Connection, Endpoint
from indexes.models.failures import FAILURES, explain

CONNECT_SECONDS = 10.0
LISTED_MODELS = 10


class Clients:
    """A synchronous client, and an asynchronous one for each event loop.

    Copies and pickles carry the connection only and make their own clients.

    Args:
        connection: How to come by the endpoint.
        at_once: Requests in flight that `slots` allows, for each event loop.
    """

    def __init__(self, connection: Connection, at_once: int = 1) -> None:
        self.connection = connection
        self.at_once = at_once
        self._lock = threading.Lock()
        self._sync: openai.OpenAI | None = None
        self._async: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop,
            tuple[openai.AsyncOpenAI, asyncio.Semaphore, AsyncGenerator[openai.AsyncOpenAI, None]],
        ] = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return Clients, (self.connection, self.at_once)

    def sync(self) -> openai.OpenAI:
        """The client for synchronous calls, from any thread."""
        with self._lock:
            if self._sync is None:
                endpoint = self.connection.open()
                http = openai.DefaultHttpxClient(trust_env=endpoint.use_proxy, verify=_tls())
                weakref.finalize(self, http.close)
                self._sync = openai.OpenAI(http_client=http, **_options(endpoint))
            return self._sync

    def asynchronous(self) -> openai.AsyncOpenAI:
        """The client of the running event loop."""
        return self._of_this_loop()[0]

    def slots(self) -> asyncio.Semaphore:
        """What bounds the requests in flight of the running event loop."""
        return self._of_this_loop()[1]

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever goes wrong in the block into a `ModelError`."""
        try:
            yield
        except FAILURES as error:
            offered: list[str] = []
            if isinstance(error, openai.NotFoundError):
                offered = self._offered()
            raise explain(error, self.connection.open(), offered) from error

    @asynccontextmanager
    async def aerrors(self) -> AsyncIterator[None]:
        """The same for an asynchronous block; a local server starts off the event loop."""
        await asyncio.to_thread(self.connection.open)
        try:
            yield
        except FAILURES as error:
            offered: list[str] = []
            if isinstance(error, openai.NotFoundError):
                offered = await asyncio.to_thread(self._offered)
            raise explain(error, self.connection.open(), offered) from error

    def _offered(self) -> list[str]:
        """The models the endpoint lists; none when it lists none or cannot be asked."""
        try:
            listed = self.sync().with_options(max_retries=0).models.list()
            return [model.id for model in listed.data[:LISTED_MODELS]]
        except FAILURES:
            return []

    def _of_this_loop(
        self,
    ) -> tuple[openai.AsyncOpenAI, asyncio.Semaphore, AsyncGenerator[openai.AsyncOpenAI, None]]:
        loop = asyncio.get_running_loop()
        if loop not in self._async:
            # A connection belongs to the loop that opened it. A loop that ends finishes
            # the async generators it has seen started, and this one closes the client:
            # no connection outlives its loop. The first step awaits nothing, so it can
            # be taken here, by hand.
            kept = self._open_until_the_loop_ends()
            try:
                kept.asend(None).send(None)
            except StopIteration as started:
                self._async[loop] = (started.value, asyncio.Semaphore(self.at_once), kept)
        return self._async[loop]

    async def _open_until_the_loop_ends(self) -> AsyncGenerator[openai.AsyncOpenAI, None]:
        endpoint = self.connection.open()
        http = openai.DefaultAsyncHttpxClient(trust_env=endpoint.use_proxy, verify=_tls())
        client = openai.AsyncOpenAI(http_client=http, **_options(endpoint))
        try:
            yield client
        finally:
            await client.close()


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than a local call: once for all clients."""
    return httpx.create_ssl_context()


def _options(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "api_key": endpoint.key.get_secret_value(),
        "base_url": endpoint.url,
        "max_retries": endpoint.retries,
        # An address that swallows packets should not cost a whole answer's patience.
        "timeout": httpx.Timeout(endpoint.seconds, connect=min(CONNECT_SECONDS, endpoint.seconds)),
    }
