"""What a lane delivered for each question: the format of `advanced-rag run`.

{"id": "q1", "results": [{"document", "start", "end", "score"}, …], "seconds": 0.04,
 "llm_calls": 0, …}
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from indexes.answers import Context
from indexes.details import CompressionDetails, FitDetails, JudgeDetails
from indexes.errors import ModelError, SettingsError
from indexes.trace import Stage, Trace

# Stages that hand on less than they are given.
_COMPRESSING = ("extract", "filter")
# Outcomes of a judgement that left a passage as it was.
_UNDECIDED = ("failed", "timeout", "unreadable", "incomplete")


class Result(BaseModel):
    """A passage, best first; `score` is its lane's own, higher being better."""

    model_config = ConfigDict(frozen=True)

    document: str
    start: int
    end: int
    score: float = 0.0


class Line(BaseModel):
    """One question's results and what they cost.

    Attributes:
        seconds: from question to contexts.
        tokens: of context, as the model would read it (cl100k).
        invented: those of them that are in no document.
        tokens_before: of context, before compression; None where nothing compresses.
        results_before: the passages before compression.
        undecided: passages about which a judge failed, or could not be understood.
        error: why there are no results, if the lane gave up.
    """

    model_config = ConfigDict(frozen=True)

    id: str | int
    results: tuple[Result, ...]
    seconds: float = 0.0
    llm_calls: int = 0
    llm_tokens_in: int = 0
    llm_tokens_out: int = 0
    tokens: int = 0
    invented: int = 0
    tokens_before: int | None = None
    results_before: tuple[Result, ...] | None = None
    undecided: int = 0
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is written: what does not apply is left out."""
        return self.model_dump(mode="json", exclude_none=True)


def line_of(name: str | int, contexts: Iterable[Context], trace: Trace) -> Line:
    """A line of a run, from what `retrieve` gave."""
    contexts = list(contexts)
    compressing = [stage for stage in trace.stages if stage.name in _COMPRESSING]
    before = compressing[0] if compressing else None
    return Line(
        id=name,
        results=tuple(
            Result(document=c.document, start=c.start, end=c.end, score=c.score)
            for c in ranked(contexts, trace)
        ),
        seconds=round(sum(stage.seconds for stage in trace.stages), 6),
        llm_calls=int(trace.total("llm_calls")),
        llm_tokens_in=int(trace.total("llm_tokens_in")),
        llm_tokens_out=int(trace.total("llm_tokens_out")),
        tokens=sum(context.tokens for context in contexts),
        invented=sum(context.tokens for context in contexts if context.start == context.end),
        tokens_before=before.tokens_in if before else None,
        results_before=_passages(before) if before else None,
        undecided=sum(
            passage.outcome in _UNDECIDED
            for details in trace.all(CompressionDetails)
            for passage in details.passages
        ),
    )


def asked_line(name: str | int, retrieve: Callable[[], tuple[list[Context], Trace]]) -> Line:
    """A question's line of a run; a model that fails gives none, as a user would find.

    Args:
        name: the question's id
        retrieve: asks it
    """
    try:
        return line_of(name, *retrieve())
    except ModelError as error:
        return Line(id=name, results=(), error=str(error))


def ranked(contexts: Sequence[Context], trace: Trace) -> list[Context]:
    """Contexts, the best first.

    What is left of a passage is read in its own order; where a judge scored its sentences,
    each run of them ranks by itself.
    """
    fit = trace.find(FitDetails)
    extracted = [stage.details for stage in trace.stages if stage.name == "extract"]
    scored = any(isinstance(d, JudgeDetails) and d.fills is not None for d in extracted)
    if not scored or (fit is not None and fit.order == "document"):
        return list(contexts)
    return sorted(contexts, key=lambda context: -context.score)


def _passages(compressing: Stage) -> tuple[Result, ...]:
    """The passages as they came to a stage that compresses."""
    if not isinstance(compressing.details, CompressionDetails):
        return ()
    return tuple(
        Result(document=passage.document, start=passage.start, end=passage.end)
        for passage in compressing.details.passages
    )


def read_run(path: Path) -> list[Line]:
    """A run that was written before.

    Raises:
        SettingsError: the file can't be read, or a line of it; the message says which.
    """
    found: list[Line] = []
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                number += 1
                if line.strip():
                    found.append(Line.model_validate_json(line))
    except ValidationError as error:
        raise SettingsError(f"{path}, line {number}: is no line of a run: mend it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error
    return found


def read_unfinished(path: Path) -> list[Line]:
    """What an interrupted run had got; a line that was being written is none."""
    found: list[Line] = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                found.append(Line.model_validate_json(line))
            except ValidationError:
                break
    return found


def write_run(path: Path, lines: Iterable[Line]) -> None:
    """Write a run, a line a question."""
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")


def append_line(path: Path, line: Line) -> None:
    """Add a question's line to a run that is under way."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")
