"""What happened to a question: one record that the page, the command line, the notebooks
and the evaluation all read.

A trace is a list of stages in the order in which they ended. Whoever does something
worth seeing wraps it in a stage and fills in what is known:

    with tracing() as trace:
        with stage("search") as record:
            record.nodes_out = 64
    trace.stages[0].seconds

`tracing` is a context variable: retrievers and postprocessors find the trace of the
question they work for, in threads started by asyncio as well, and record nothing (at no
cost) when no one asked for a trace.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pydantic import BaseModel, Field


class Stage(BaseModel):
    """One stage of a question's journey. What does not apply stays None or 0."""

    name: str
    seconds: float = 0.0
    nodes_in: int | None = None
    nodes_out: int | None = None
    tokens_in: int | None = Field(None, description="Context tokens handed to the stage.")
    tokens_out: int | None = Field(None, description="Context tokens it handed on.")
    llm_calls: int = 0
    llm_tokens_in: int = 0
    llm_tokens_out: int = 0
    round_trips: int = Field(0, description="Requests sent to the engine.")
    details: dict[str, Any] = Field(
        default_factory=dict, description="What it did: merges and reasons, decisions, prompts."
    )


class Trace(BaseModel):
    """The stages of one question."""

    stages: list[Stage] = Field(default_factory=list)

    def __getitem__(self, name: str) -> Stage:
        """The last stage called `name`; KeyError when there is none."""
        for record in reversed(self.stages):
            if record.name == name:
                return record
        raise KeyError(name)

    def total(self, field: str) -> float:
        """The sum of a numeric field over all stages, `None` counting as 0."""
        return sum(getattr(record, field) or 0 for record in self.stages)


_current: ContextVar[Trace | None] = ContextVar("rag_trace", default=None)


@contextmanager
def tracing(trace: Trace | None = None) -> Iterator[Trace]:
    """Collect stages until the block ends, into `trace` when one is given."""
    trace = Trace() if trace is None else trace
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def stage(name: str, trace: Trace | None = None) -> Iterator[Stage]:
    """Time a block and add it to a trace, also when it raises.

    Args:
        name: what the stage is called.
        trace: where it goes; by default the current one. Generators name it, for
            whoever drives them may do so from another context at each step.
    """
    trace = _current.get() if trace is None else trace
    record = Stage(name=name)
    started = time.perf_counter()
    try:
        yield record
    except BaseException as error:
        record.details["error"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        record.seconds = time.perf_counter() - started
        if trace is not None:
            trace.stages.append(record)
