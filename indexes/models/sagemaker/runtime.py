"""Calls of a SageMaker endpoint: boto3's client, with what a busy application needs.

The client is boto3's; async callers get threads, as many as there are connections.
Measured with 48 calls of 0.2 s: boto3 in 48 threads .22 to .32 s, aiobotocore .23 to .33 s,
httpx with botocore's signatures .43 to .77 s; threads need no second client.

Retries are ours, around the whole call: botocore's own end before the body is read, and
its adaptive mode slows everything to a crawl when throttling is not caused by us. An endpoint
that was scaled to zero is waited for, and so is one call that timed out, once.
"""

import asyncio
import contextvars
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

from indexes.certificates import HERE
from indexes.models.sagemaker.bearer import BearerClient
from indexes.models.sagemaker.codecs import MAX_ANSWER_BYTES, CodecError
from indexes.models.sagemaker.credentials import Keys, aws_session, secrets_of
from indexes.models.sagemaker.failures import (
    FAILURES,
    explain,
    is_asleep,
    is_throttling,
    is_timeout,
    may_pass,
)
from indexes.models.sagemaker.target import Target
from indexes.waits import waiting

logger = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# An inference component without copies: an instance is started and the model loaded.
WAKING_PAUSE_SECONDS = 10.0
WAKING_SECONDS_A_RETRY = 75.0


class Runtime:
    """A client of one endpoint, made on first use. Thread-safe.

    Copies and pickles carry the target only: they make their own client, from AWS's usual
    chain of credentials.

    Args:
        target: What to call.
        client: A `sagemaker-runtime` client to use instead of making one.
        keys: Credentials, where the usual chain is not wanted.
    """

    def __init__(self, target: Target, client: Any = None, keys: Keys | None = None) -> None:
        self.target = target
        self._given = client
        self._keys = keys
        self._pace = _Pace()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._client = self._given
        self._session: Any = None  # whose credentials no error may show
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def _own(self) -> threading.Lock:
        """The lock of what is this process's own: a forked one has neither its threads, nor
        connections that only it reads from."""
        if self._process != os.getpid():
            self._begin()
        return self._lock

    def __reduce__(self) -> tuple[Any, ...]:
        return Runtime, (self.target,)

    def __repr__(self) -> str:
        return f"Runtime({self.target.endpoint_name!r})"

    # Calls

    def invoke(self, body: bytes, read: Callable[[bytes], T], tries: "Tries | None" = None) -> T:
        """Call the endpoint and read its answer, trying again after a passing failure.

        Args:
            body: the request
            read: turns the answer's bytes into the result
            tries: counts the repetitions

        Raises:
            ModelError: the call failed for good
        """

        def call() -> T:
            response = self._ask("invoke_endpoint", body)
            stream = response["Body"]
            try:
                return read(_all(stream))
            finally:
                stream.close()

        with self.errors():
            return self._persist(call, tries)

    def stream(self, body: bytes, tries: "Tries | None" = None) -> Iterator[bytes]:
        """Call the endpoint and yield the parts of its answer; try again only before the first one.

        Raises:
            ModelError: the call failed for good, or broke off
        """

        def start() -> tuple[Any, Iterator[Any], bytes | None]:
            events = self._ask("invoke_endpoint_with_response_stream", body)["Body"]
            try:
                parts = iter(events)
                return events, parts, _bytes(next(parts, None))
            except BaseException:
                events.close()
                raise

        with self.errors():
            events, parts, first = self._persist(start, tries)
            try:
                if first is not None:
                    yield first
                    for event in parts:
                        yield _bytes(event) or b""
            finally:
                events.close()

    async def ainvoke(
        self, body: bytes, read: Callable[[bytes], T], tries: "Tries | None" = None
    ) -> T:
        """The same in a thread of this runtime's own."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool(), lambda: context.run(self.invoke, body, read, tries)
        )

    async def astream(
        self, body: bytes, tries: "Tries | None" = None
    ) -> AsyncGenerator[bytes, None]:
        """The same, the parts being read in a thread of this runtime's own."""
        loop = asyncio.get_running_loop()
        parts: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        stopped = threading.Event()

        def put(item: bytes | BaseException | None) -> None:
            # The loop may be gone: then no one listens.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(parts.put_nowait, item)

        def pump() -> None:
            try:
                reading = self.stream(body, tries)
                try:
                    for part in reading:
                        if stopped.is_set():
                            return
                        put(part)
                finally:
                    reading.close()  # type: ignore[attr-defined]
                put(None)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                put(error)

        context = contextvars.copy_context()
        self._pool().submit(context.run, pump)
        try:
            while (item := await parts.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()

    # Below

    def _ask(self, operation: str, body: bytes) -> Any:
        target = self.target
        options = dict(target.options)
        if target.inference_component:
            options["InferenceComponentName"] = target.inference_component
        return getattr(self.client, operation)(
            EndpointName=target.endpoint_name,
            Body=body,
            ContentType="application/json",
            Accept="application/json",
            **options,
        )

    def _persist(self, call: Callable[[], T], tries: "Tries | None") -> T:
        tries, patience = tries or Tries(), _Patience(self.target.retries)
        with ExitStack() as waits:
            while True:
                self._pace.wait()
                try:
                    result = call()
                except Exception as error:
                    if is_throttling(error):
                        self._pace.throttled()
                    pause = patience.pause(error)
                    if pause is None:
                        raise
                    tries.again += 1
                    if is_asleep(error):
                        if not patience.woke:
                            patience.woke = True
                            why = f"{self.target} is waking up, about 5 minutes"
                            logger.warning(why)
                            waits.enter_context(waiting(why))
                    else:
                        logger.warning(
                            "%s: attempt %d failed (%s), trying again",
                            self.target, tries.again, type(error).__name__,
                        )  # fmt: skip
                    time.sleep(pause)
                else:
                    self._pace.went_well()
                    return result

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever goes wrong in the block into a `ModelError`."""
        try:
            yield
        except FAILURES as error:
            hidden = secrets_of(self._session) if self._session else []
            raise explain(error, self.target, hidden, self.region) from error

    @property
    def region(self) -> str | None:
        """Where it is called, as far as is known."""
        if self.target.region or self._session is None:
            return self.target.region
        region: str | None = self._session.region_name
        return region

    @property
    def client(self) -> Any:
        """boto3's client, or one for the OpenAI-compatible route."""
        with self._own():
            if self._client is None:
                with self.errors():
                    self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        from botocore.config import Config

        target = self.target
        self._session = aws_session(target.region, target.profile, target.role, self._keys)
        if target.bearer:
            return BearerClient(self._session, target)
        return self._session.client(
            "sagemaker-runtime",
            endpoint_url=target.endpoint_url,
            verify=str(target.ca_bundle) if target.ca_bundle else None,
            config=Config(
                connect_timeout=target.connect_seconds,
                read_timeout=target.read_seconds,
                max_pool_connections=target.at_once,
                retries={"total_max_attempts": 1},
                tcp_keepalive=True,
                # A stand-in on this machine is behind no proxy.
                proxies={} if urlsplit(target.endpoint_url or "").hostname in HERE else None,
                # Composed anew for each call otherwise, which takes a tenth of its CPU time.
                user_agent=f"advanced-rag-patterns Botocore/{version('botocore')}",
            ),
        )

    def _pool(self) -> ThreadPoolExecutor:
        with self._own():
            if self._threads is None:
                self._threads = ThreadPoolExecutor(
                    self.target.at_once, thread_name_prefix="sagemaker"
                )
                weakref.finalize(self, self._threads.shutdown, wait=False)
            return self._threads


@dataclass
class Tries:
    """How often one call was tried again."""

    again: int = 0


class _Patience:
    """How long one call is tried again."""

    def __init__(self, retries: int) -> None:
        self._failures = 0
        self._retries = retries
        self._timeouts = 0
        self._deadline: float | None = None
        self.woke = False

    def pause(self, error: Exception) -> float | None:
        """Seconds to wait before the next attempt; None to give up."""
        if is_asleep(error):
            now = time.monotonic()
            self._deadline = self._deadline or now + WAKING_SECONDS_A_RETRY * self._retries
            return WAKING_PAUSE_SECONDS if now < self._deadline else None
        if is_timeout(error):
            self._timeouts += 1
        elif not may_pass(error):
            return None
        self._failures += 1
        if self._failures > self._retries or self._timeouts > 1:
            return None
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1))
        return random.uniform(0, longest)  # noqa: S311 - no secret


class _Pace:
    """A pause before each attempt, grown by throttling and shrunk by success."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if self._seconds > FIRST_PAUSE_SECONDS / 10:
            time.sleep(random.uniform(0, self._seconds))  # noqa: S311 - no secret

    def throttled(self) -> None:
        with self._lock:
            self._seconds = min(LONGEST_PAUSE_SECONDS, max(0.01, self._seconds * 1.5))

    def went_well(self) -> None:
        with self._lock:
            self._seconds *= 0.7


def _all(stream: Any) -> bytes:
    """A body to its end: botocore notices only there that some of it is missing."""
    data = bytearray()
    while part := stream.read(2**20):
        data += part
        if len(data) > MAX_ANSWER_BYTES:
            raise CodecError(f"more than {MAX_ANSWER_BYTES} bytes")
    return bytes(data)


def _bytes(event: Any) -> bytes | None:
    if event is None:
        return None
    part = event.get("PayloadPart") if isinstance(event, dict) else None
    return bytes(part["Bytes"]) if part else b""
