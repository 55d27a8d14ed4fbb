"""A lane in figures: what the table, the chart and the exports say of it. No HTML here."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from indexes import Context
from indexes.answers import passages_of
from indexes.details import AnswerDetails

from .view import View

# Stages by what they are to someone who waits. `answer` is divided at its first word.
_FINDING = frozenset({"condense", "embed question", "search", "merge"})
_AFTERWARDS = frozenset({"quote", "answer", "cite"})


@dataclass(frozen=True)
class Figures:
    """Where a lane's time and tokens went. Seconds are None while they are not known.

    Attributes:
        finding: until the passages were there.
        compressing: reranking and compression.
        reading: from asking the model to its first word.
        writing: from there to the last.
        citing: choosing quotes, and finding out what the answer rests on.
        total: all of it; of a lane that was stopped or has failed, until then.
        llm_calls: of all stages.
        llm_tokens_in: prompts, of all stages, as the endpoint counted them.
        llm_tokens_out: what the model wrote.
        context_tokens: of the passages that the model was given.
        passages: how many.
        cited: how many of them the model cited.
        similar: how many it did not, but says the same as (≈).
        alone: the share of the passages' text that no other lane was given.
    """

    finding: float | None
    compressing: float
    reading: float | None
    writing: float | None
    citing: float | None
    total: float | None
    llm_calls: int
    llm_tokens_in: int
    llm_tokens_out: int
    context_tokens: int | None
    passages: int | None
    cited: int | None
    similar: int | None
    alone: float | None

    @property
    def first_word(self) -> float | None:
        """Seconds from asking to the first word of the answer."""
        if self.finding is None or self.reading is None:
            return None
        return self.finding + self.compressing + self.reading


def figures(view: View, others: Sequence[View] = ()) -> Figures:
    """The figures of a lane beside the others of its run."""
    trace = view.answer.trace if view.answer else view.trace
    seconds = {stage.name: 0.0 for stage in trace.stages}
    for stage in trace.stages:
        seconds[stage.name] += stage.seconds
    found = bool(view.contexts) or view.phase == "done"
    answered = view.answer is not None
    asked = trace.find(AnswerDetails)
    first = asked.first_word_seconds if asked else None
    answer = seconds.get("answer", 0.0)
    return Figures(
        finding=sum(seconds.get(name, 0.0) for name in _FINDING) if found else None,
        compressing=sum(
            spent for name, spent in seconds.items() if name not in _FINDING | _AFTERWARDS
        ),
        reading=first if first is not None else answer if answered else None,
        writing=max(0.0, answer - first) if first is not None else None,
        citing=seconds.get("cite", 0.0) + seconds.get("quote", 0.0) if answered else None,
        total=None if view.busy or not trace.stages else sum(seconds.values()),
        llm_calls=int(trace.total("llm_calls")),
        llm_tokens_in=int(trace.total("llm_tokens_in")),
        llm_tokens_out=int(trace.total("llm_tokens_out")),
        context_tokens=sum(context.tokens for context in view.contexts) if found else None,
        passages=len(passages_of(view.contexts)) if found else None,
        cited=_passages(view, "model"),
        similar=_passages(view, "similarity"),
        alone=_alone(view, others) if found else None,
    )


def _passages(view: View, origin: str) -> int | None:
    """How many passages the answer leads to, by what."""
    if view.answer is None:
        return None
    return len({one.context for one in view.answer.citations if one.origin == origin})


def _alone(view: View, others: Sequence[View]) -> float | None:
    """How much of what the lane gave the model no other lane gave it; None if none has."""
    rest = [other for other in others if other.lane != view.lane and other.contexts]
    if not rest or not view.contexts:
        return None
    shared = _by_document(list(chain.from_iterable(other.contexts for other in rest)))
    whole = sum(context.end - context.start for context in view.contexts)
    common = sum(
        max(0, min(context.end, end) - max(context.start, start))
        for context in view.contexts
        for start, end in shared.get(context.document, [])
    )
    return 1 - common / whole if whole else None


def _by_document(contexts: Sequence[Context]) -> dict[str, list[tuple[int, int]]]:
    """Spans of each document that some context covers, without overlaps."""
    found: dict[str, list[tuple[int, int]]] = {}
    for context in sorted(contexts, key=lambda context: (context.document, context.start)):
        spans = found.setdefault(context.document, [])
        if spans and context.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], context.end))
        else:
            spans.append((context.start, context.end))
    return found
