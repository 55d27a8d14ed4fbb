"""Many calls at once for a judge, bounded, in threads or on the event loop.

A judge is a generator: it yields work and is sent the results, and so is written once for
sync and async callers.

    def steps(self, question, passages):
        replies = yield Asking(llm, [Ask("…")], at_once=8, seconds=60)
        return verdicts_from(replies)

    run(steps)            # threads
    await arun(steps)     # the event loop

Work does not raise: what went wrong is in the result, in plain words. Only what the caller's
own code raises to end the whole call (`indexes.errors.as_stop`) comes through.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

from indexes.errors import RagError, is_stop

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


class TimedOutError(RagError):
    """A call took too long. It is returned as a result, never raised."""


class Work(Protocol):
    """Work that can be done in threads or on the event loop, with the same result."""

    def do(self) -> Any:
        """Do it in threads."""
        ...

    async def ado(self) -> Any:
        """Do it on the event loop."""
        ...


Steps = Generator[Work, Any, Result]


def run(steps: "Steps[Result]") -> Result:
    """Do a judge's work from synchronous code."""
    try:
        work = next(steps)
        while True:
            work = steps.send(work.do())
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        # Where the work is broken off, what others wait for is let go at once.
        steps.close()


async def arun(steps: "Steps[Result]") -> Result:
    """Do a judge's work on the event loop."""
    try:
        work = next(steps)
        while True:
            work = steps.send(await work.ado())
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        # Where the work is broken off, what others wait for is let go at once.
        steps.close()


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], *, at_once: int, seconds: float
) -> list[Result | BaseException]:
    """Call `function` with each item, in threads; an error is returned in place of its result.

    A call that takes longer than `seconds` is abandoned and another starts. Python can't stop a
    thread, so it runs on, and its result is ignored.

    Args:
        function: called with one item, in a copy of the caller's context
        items: one call each
        at_once: calls that run together
        seconds: the longest that one call may take
    """
    results: list[Result | BaseException] = [TimedOutError()] * len(items)
    waiting = deque(range(len(items)))
    deadlines: dict[int, float] = {}
    done: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()

    def start(place: int) -> None:
        context = copy_context()

        def call() -> None:
            try:
                outcome: Result | BaseException = context.run(function, items[place])
            except BaseException as error:  # noqa: BLE001  it is the result
                outcome = error
            done.put((place, outcome))

        deadlines[place] = time.monotonic() + seconds
        threading.Thread(target=call, name="judge", daemon=True).start()

    while waiting or deadlines:
        while waiting and len(deadlines) < at_once:
            start(waiting.popleft())
        patience = min(deadlines.values()) - time.monotonic()
        try:
            place, outcome = done.get(timeout=max(0.0, patience))
        except queue.Empty:
            for place in _expired(deadlines):
                del deadlines[place]
                results[place] = _too_slow(seconds)
            continue
        if isinstance(outcome, BaseException) and is_stop(outcome):
            raise outcome
        if deadlines.pop(place, None) is not None:
            results[place] = outcome
    return results


async def on_the_loop(
    function: Callable[[Item], Awaitable[Result]],
    items: Sequence[Item],
    *,
    at_once: int,
    seconds: float,
) -> list[Result | BaseException]:
    """Do the same with coroutines. A call that is given up is cancelled, and not waited for."""
    slots = asyncio.Semaphore(at_once)

    async def call(item: Item) -> Result:
        try:
            return await function(item)
        except SystemExit as error:
            # From a task it would end the event loop, and with it the query.
            raise RuntimeError(f"the call tried to exit ({error})") from error

    async def outcome_of(item: Item) -> Result | BaseException:
        async with slots:
            task = asyncio.create_task(call(item))
            try:
                await asyncio.wait([task], timeout=seconds)
                outcome = _outcome(task) if task.done() else _too_slow(seconds)
            finally:
                if not task.done():
                    _abandon(task)
            if isinstance(outcome, BaseException) and is_stop(outcome):
                raise outcome
            return outcome

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(outcome_of(item)) for item in items]
    except BaseExceptionGroup as stops:
        stop = stops.exceptions[0]
    else:
        return [task.result() for task in asked]
    raise stop


def _expired(deadlines: dict[int, float]) -> list[int]:
    now = time.monotonic()
    return [place for place, deadline in deadlines.items() if deadline <= now]


def _too_slow(seconds: float) -> TimedOutError:
    return TimedOutError(f"no answer within {seconds:g} s")


def _outcome(task: "asyncio.Task[Result]") -> "Result | BaseException":
    if task.cancelled():
        return asyncio.CancelledError("the call was cancelled")
    error = task.exception()
    return error if error is not None else task.result()


def _abandon(task: "asyncio.Task[Any]") -> None:
    # Whoever fetches no exception is told so by the event loop; here nobody wants it.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()
