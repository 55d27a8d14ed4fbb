"""What happened to a question: one record that the page, the command line, the notebooks
and the evaluation all read.

A trace is a list of stages in the order in which they ended. Whoever does something
worth seeing wraps it in a stage and fills in what is known:

    with tracing() as trace:
        with stage("fit") as record:
            record.nodes_out = 64
            record.details = FitDetails(budget=1024)
    trace["fit"].seconds, trace.find(FitDetails).budget

`tracing` is a context variable: retrievers and postprocessors find the trace of the
question they work for, in threads started by asyncio as well, and record nothing (at no
cost) when no one asked for a trace.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, SerializeAsAny

from indexes.details import Details, OtherDetails, details_of

D = TypeVar("D", bound=Details)


class Stage(BaseModel):
    """One stage of a question's journey. What does not apply stays None or 0."""

    name: str
    seconds: float = 0.0
    error: str | None = Field(None, description="What it raised, if it did.")
    nodes_in: int | None = None
    nodes_out: int | None = None
    tokens_in: int | None = Field(None, description="Context tokens handed to the stage.")
    tokens_out: int | None = Field(None, description="Context tokens it handed on.")
    llm_calls: int = 0
    llm_tokens_in: int = 0
    llm_tokens_out: int = 0
    round_trips: int = Field(0, description="Requests sent to the engine.")
    details: Annotated[SerializeAsAny[Details], BeforeValidator(details_of)] = Field(
        default_factory=OtherDetails, description="What it did: one record for each kind of stage."
    )


class Trace(BaseModel):
    """The stages of one question: what each found and what it cost.

    Example:
        trace: Trace = answer.trace
        print(trace["search"].seconds, trace.total("llm_tokens_in"))
    """

    stages: list[Stage] = Field(default_factory=list)

    def __getitem__(self, name: str) -> Stage:
        """The last stage called `name`; KeyError when there is none."""
        for record in reversed(self.stages):
            if record.name == name:
                return record
        raise KeyError(name)

    def find(self, kind: type[D]) -> D | None:
        """The last details of a kind, such as `MergeDetails`; None when there are none."""
        return next(reversed(self.all(kind)), None)

    def all(self, kind: type[D]) -> list[D]:
        """All details of a kind, in the order of their stages."""
        return [record.details for record in self.stages if isinstance(record.details, kind)]

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


def current_trace() -> Trace | None:
    """The trace of the question that is being worked on, if anyone asked for one."""
    return _current.get()


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
        record.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        record.seconds = time.perf_counter() - started
        if trace is not None:
            trace.stages.append(record)
