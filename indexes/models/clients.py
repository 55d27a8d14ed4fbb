"""OpenAI's clients for one endpoint: made on first use, and their failures mapped."""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai

# openai imports it at the first request, which would look slow for it.
import openai.resources

from indexes.certificates import authorities, proxy_of
from indexes.errors import shown
from indexes.models.endpoint import Connection, Endpoint
from indexes.models.failures import FAILURES, explain
from indexes.models.sending import AsyncSender, SyncSender, Way, way_to

CONNECT_SECONDS = 10.0
# Many servers (uvicorn, llama.cpp) close a connection after 5 s without a request.
_IDLE_SECONDS = 4.0


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
        self._way: Way | None = None
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._sync: openai.OpenAI | None = None
        self._async: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop,
            tuple[openai.AsyncOpenAI, asyncio.Semaphore, AsyncGenerator[openai.AsyncOpenAI, None]],
        ] = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return Clients, (self.connection, self.at_once)

    def _own(self) -> threading.RLock:
        """The lock of what is this process's own.

        A forked process makes clients anew: two that read from one connection read each other's
        answers. Those it has from the other are left open, for that goes on with them.
        """
        if self._process != os.getpid():
            self._begin()
        return self._lock

    @property
    def way(self) -> Way:
        """What is known of the endpoint, and how fast it may be asked."""
        with self._own():
            if self._way is None:
                endpoint = self.connection.open()
                self._way = way_to(
                    str(endpoint),
                    endpoint.cache,
                    retries=endpoint.retries,
                    seconds=endpoint.seconds,
                    own=endpoint.own,
                )
            return self._way

    def sync(self) -> openai.OpenAI:
        """The client for synchronous calls, from any thread."""
        with self._own():
            if self._sync is None:
                endpoint = self.connection.open()
                hooks = {"request": [_keeper(endpoint)]}
                http = SyncSender(self.way, event_hooks=hooks, **_connections(endpoint))
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
            listed = self.sync().models.list()
            return [shown(model.id) for model in listed.data]
        except FAILURES:
            return []

    def _of_this_loop(
        self,
    ) -> tuple[openai.AsyncOpenAI, asyncio.Semaphore, AsyncGenerator[openai.AsyncOpenAI, None]]:
        loop = asyncio.get_running_loop()
        self._own()
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
        keep = _keeper(endpoint)

        async def kept(request: httpx.Request) -> None:
            keep(request)

        hooks = {"request": [kept]}
        http = AsyncSender(self.way, event_hooks=hooks, **_connections(endpoint))
        client = openai.AsyncOpenAI(http_client=http, **_options(endpoint))
        try:
            yield client
        finally:
            await client.close()


def _keeper(endpoint: Endpoint) -> Callable[[httpx.Request], None]:
    """What keeps secrets from other hosts, to which an endpoint may send requests on.

    httpx does so with the bearer token only.
    """
    home = httpx.URL(endpoint.root).host

    def keep(request: httpx.Request) -> None:
        if request.url.host != home:
            for name in ("api-key", *endpoint.headers):
                request.headers.pop(name, None)

    return keep


def _connections(endpoint: Endpoint) -> dict[str, Any]:
    limits = httpx.Limits(
        max_connections=1000,
        max_keepalive_connections=100 if endpoint.keep_alive else 0,
        keepalive_expiry=_IDLE_SECONDS,
    )
    verify = authorities(endpoint.ca_bundle)
    proxied = endpoint.use_proxy and proxy_of(urlsplit(endpoint.root)) is not None
    return {"trust_env": proxied, "verify": verify, "limits": limits}


def _options(endpoint: Endpoint) -> dict[str, Any]:
    key = endpoint.key.get_secret_value()
    headers = {name: value.get_secret_value() for name, value in endpoint.headers.items()}
    if "api-version" in endpoint.query:
        # Azure takes a resource's key here, and a bearer token where it is OpenAI's.
        headers = {"api-key": key, **headers}
    return {
        "api_key": key,
        "base_url": endpoint.root,
        "default_query": endpoint.query,
        "default_headers": headers,
        # `sending` repeats what is worth it.
        "max_retries": 0,
        # An address that swallows packets should not cost a whole answer's patience.
        "timeout": httpx.Timeout(endpoint.seconds, connect=min(CONNECT_SECONDS, endpoint.seconds)),
    }
