"""A run and its questions → figures, for each question and in the mean."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from indexes.errors import SettingsError
from indexes.evaluation.bootstrap import Interval, difference, interval
from indexes.evaluation.questions import Question
from indexes.evaluation.ranks import rank_metrics
from indexes.evaluation.runs import Line
from indexes.evaluation.spans import merged, overlap, score_spans

# What a table shows with an interval; the rest are means.
WITH_INTERVAL = ("recall", "precision", "iou", "whole")
SUBSETS = ("all", "single", "multi")


@dataclass(frozen=True)
class Prices:
    """What an LLM costs, in any currency, for a million tokens."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, line: Line) -> float:
        """What a question cost before it was answered."""
        return (
            line.llm_tokens_in * self.tokens_in + line.llm_tokens_out * self.tokens_out
        ) / 1_000_000


@dataclass(frozen=True)
class QuestionScore:
    """One question's figures; what does not apply is None."""

    id: str
    group: str
    references: int
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Summary:
    """Means over questions, those of `WITH_INTERVAL` with an interval."""

    questions: int
    intervals: Mapping[str, Interval]
    means: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """The scores as data for JSON."""
        return {
            "questions": self.questions,
            **{name: asdict(found) for name, found in self.intervals.items()},
            **self.means,
        }


def score_run(
    questions: Sequence[Question],
    lines: Sequence[Line],
    *,
    texts: Mapping[str, str] | None = None,
    prices: Prices = Prices(),
) -> list[QuestionScore]:
    """Score every question that has evidence.

    Args:
        questions: with or without evidence.
        lines: a run over at least those that have.
        texts: the documents, by source; then blanks at the edges of evidence don't count
            for `whole`.
        prices: of the model that compressed.

    Raises:
        SettingsError: the run lacks a question, or the extra `evaluation` is not installed.
    """
    known = {str(line.id): line for line in lines}
    wanted = [question for question in questions if question.references]
    for question in wanted:
        if str(question.id) not in known:
            raise SettingsError(f"the run lacks question {question.id}: run it again")

    def blank(document: str, start: int, end: int) -> bool:
        return bool(texts) and not (texts or {}).get(document, "-")[start:end].strip()

    chosen = [known[str(question.id)] for question in wanted]
    ranks = rank_metrics(wanted, chosen)
    scored = []
    for question, line, ranked in zip(wanted, chosen, ranks, strict=True):
        spans = score_spans(line.results, question.references, blank)
        values: dict[str, float | None] = {
            **asdict(spans),
            **ranked,
            "tokens": float(line.tokens),
            "passages": float(len(line.results)),
            "seconds": line.seconds,
            "llm_calls": float(line.llm_calls),
            "llm_tokens_in": float(line.llm_tokens_in),
            "llm_tokens_out": float(line.llm_tokens_out),
            "cost": prices.of(line),
            "failed": float(bool(line.error)),
            **_compression(question, line),
        }
        scored.append(
            QuestionScore(str(question.id), question.group, len(question.references), values)
        )
    return scored


def _compression(question: Question, line: Line) -> dict[str, float | None]:
    """How much was kept, how much of the evidence with it, and how much of it word for word."""
    if line.results_before is None or line.tokens_before is None:
        return {"kept": None, "retention": None, "verbatim": None}
    evidence = merged(question.references)
    before = overlap(evidence, merged(line.results_before))
    after = overlap(evidence, merged(line.results))
    return {
        "kept": line.tokens / line.tokens_before if line.tokens_before else None,
        "retention": after / before if before else None,
        "verbatim": 1 - line.invented / line.tokens if line.tokens else None,
    }


def summarize(scored: Sequence[QuestionScore], subset: str = "all") -> Summary:
    """Means over all questions, or those with one reference, or with several.

    Raises:
        ValueError: there are none.
    """
    chosen = _of(scored, subset)
    if not chosen:
        raise ValueError(f"there are no questions to sum up ({subset})")
    groups = [question.group for question in chosen]
    names = list(chosen[0].values)
    columns = {name: [question.values[name] for question in chosen] for name in names}
    present = {
        name: [value for value in column if value is not None] for name, column in columns.items()
    }
    return Summary(
        questions=len(chosen),
        intervals={name: interval(present[name], groups) for name in WITH_INTERVAL},
        means={
            name: sum(values) / len(values)
            for name, values in present.items()
            if values and name not in WITH_INTERVAL
        },
    )


def compare(
    ours: Sequence[QuestionScore], theirs: Sequence[QuestionScore], figure: str, subset: str = "all"
) -> Interval:
    """How much better the first is in a figure, on the same questions.

    Raises:
        ValueError: they are not scores of the same questions.
    """
    left, right = _of(ours, subset), _of(theirs, subset)
    if [question.id for question in left] != [question.id for question in right]:
        raise ValueError("the runs are of different questions")
    return difference(
        [question.values[figure] or 0.0 for question in left],
        [question.values[figure] or 0.0 for question in right],
        [question.group for question in left],
    )


def _of(scored: Sequence[QuestionScore], subset: str) -> list[QuestionScore]:
    if subset == "all":
        return list(scored)
    return [question for question in scored if (question.references > 1) == (subset == "multi")]
