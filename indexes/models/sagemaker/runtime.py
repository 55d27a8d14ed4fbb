"""Calls of a SageMaker endpoint: boto3's client, with what a busy application needs.

The client is boto3's; async callers get threads, as many as there are connections.
Measured with 48 calls of 0.2 s: boto3 in 48 threads .22 to .32 s, aiobotocore .23 to .33 s,
httpx with botocore's signatures .43 to .77 s; threads need no second client.

Retries are ours, around the whole call: botocore's own end before the body is read, and
its adaptive mode slows everything to a crawl when throttling is not caused by us.
"""

import asyncio
import contextvars
import logging
import random
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from indexes.models.sagemaker.codecs import MAX_ANSWER_BYTES, CodecError
from indexes.models.sagemaker.credentials import Keys, aws_session, secrets_of
from indexes.models.sagemaker.failures import FAILURES, explain, is_throttling, may_pass

logger = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """An endpoint and how to call it.

    Args:
        endpoint_name: The endpoint.
        inference_component: The component on it that is meant, if it has several.
        region, profile: As in AWS's configuration; None for its usual chain.
        role: ARN of a role to take on before calling.
        endpoint_url: Where the runtime is, if not at AWS.
        connect_seconds: Time to open a connection.
        read_seconds: Time to wait for an answer, or for the next part of a streamed one.
        retries: Further attempts after a failure that may pass.
        at_once: Connections, and threads of async callers.
        options: Anything else `InvokeEndpoint` takes, like `TargetVariant`.
    """

    endpoint_name: str
    inference_component: str | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    endpoint_url: str | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    retries: int = 8
    at_once: int = 48
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        component = f", component {self.inference_component}" if self.inference_component else ""
        return f"the SageMaker endpoint {self.endpoint_name}{component}"


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
        self._client = client
        self._keys = keys
        self._session: Any = None  # whose credentials no error may show
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._pace = _Pace()

    def __reduce__(self) -> tuple[Any, ...]:
        return Runtime, (self.target,)

    def __repr__(self) -> str:
        return f"Runtime({self.target.endpoint_name!r})"

    def with_target(self, **changes: Any) -> "Runtime":
        """The same client for a target that differs."""
        return Runtime(replace(self.target, **changes), self._given, self._keys)

    # Calls

    def invoke(self, body: bytes, read: Callable[[bytes], T], tries: "Tries | None" = None) -> T:
        """Call and read the answer; what fails for the moment is tried again.

        Args:
            body: the request.
            read: makes the result of the answer's bytes.
            tries: counts, for whoever asks afterwards.

        Raises:
            ModelError: the call failed for good.
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
        """Call and hand on the parts of the answer as they come.

        Until the first part has come, what fails for the moment is tried again.

        Raises:
            ModelError: the call failed for good, or in the middle of an answer.
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
        tries = tries or Tries()
        for attempt in Retrying(
            stop=stop_after_attempt(self.target.retries + 1),
            wait=wait_random_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
            retry=retry_if_exception(may_pass),
            before_sleep=lambda state: self._retrying(state, tries),
            reraise=True,
        ):
            with attempt:
                self._pace.wait()
                result = call()
                self._pace.went_well()
        return result

    def _retrying(self, state: RetryCallState, tries: "Tries") -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and is_throttling(error):
            self._pace.throttled()
        tries.again += 1
        logger.warning(
            "%s: attempt %d failed (%s), trying again",
            self.target, state.attempt_number, type(error).__name__,
        )  # fmt: skip

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever goes wrong in the block into a `ModelError`."""
        try:
            yield
        except FAILURES as error:
            hidden = secrets_of(self._session) if self._session else []
            raise explain(error, str(self.target), self.target.read_seconds, hidden) from error

    @property
    def client(self) -> Any:
        """boto3's client."""
        with self._lock:
            if self._client is None:
                with self.errors():
                    self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        from botocore.config import Config

        target = self.target
        self._session = aws_session(target.region, target.profile, target.role, self._keys)
        return self._session.client(
            "sagemaker-runtime",
            endpoint_url=target.endpoint_url,
            config=Config(
                connect_timeout=target.connect_seconds,
                read_timeout=target.read_seconds,
                max_pool_connections=target.at_once,
                retries={"total_max_attempts": 1},
                tcp_keepalive=True,
            ),
        )

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
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
