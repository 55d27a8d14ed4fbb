"""What an adviser found, as data.

All figures are of the questions that confirmed: none of them had a part in the choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from indexes.evaluation.advice.choosing import Choice, bend
from indexes.evaluation.advice.deciding import ALPHA, Decision, decide
from indexes.evaluation.advice.variants import Variant
from indexes.evaluation.bootstrap import Interval, interval
from indexes.evaluation.questions import Question
from indexes.evaluation.runs import Line
from indexes.evaluation.scores import Prices
from indexes.settings_file import write_settings


@dataclass(frozen=True)
class Measured:
    """All that was tried, and what was delivered.

    Attributes:
        questions: with evidence
        variants: the one in use first
        budgets: tokens, ascending
        lines: by places of variant, budget and question
        prices: of the language model
    """

    questions: Sequence[Question]
    variants: Sequence[Variant]
    budgets: tuple[int, ...]
    lines: Mapping[tuple[int, int, int], Line] = field(repr=False)
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True)
class Point:
    """A setting at a budget.

    Attributes:
        variant: which
        budget: tokens of context that it may fill
        recall: of the evidence
        tokens: that a model reads for a question: context, and what a judge reads
        cost: of 1,000 questions, with the prices given; without the answers
        elsewhere: share of what was delivered that is of documents without evidence
    """

    variant: Variant
    budget: int
    recall: Interval
    tokens: float
    cost: float
    elsewhere: float

    @property
    def spent(self) -> float:
        """Money where there are prices, else tokens."""
        return self.cost or self.tokens


@dataclass(frozen=True)
class Kind:
    """Winner and reference on one kind of document."""

    name: str
    questions: int
    decision: Decision


@dataclass(frozen=True)
class Advice:
    """What to take, and how sure that is.

    Attributes:
        decided: whether the winner is better than the reference beyond chance
        winner: did best on the questions that chose
        reference: what it was tested against: the setting in use or, if that did best, the best
            other pattern
        recommended: the winner if that is decided, else the setting in use
        budget: tokens: as it was asked for, or where the curve of recall bends
        bends: whether it does; else recall still rises at the largest budget; None where there
            was no choice
        decision: winner against reference
        rivals: what else the winner was held against; only sure where the decision is
        more_questions: how many would settle it; None if that can't be seen
        chose: questions that chose
        confirmed: questions that confirmed
        curves: recall by budget, of the winner, the reference and the other finalists
        frontier: what recalls most for its tokens (or its money, with prices)
        worth: the last of them before a doubling of tokens (or money) wins little
        kinds: differences by kind of document, where there are several
        rounds: of successive halving: questions, and how many settings took part
        errors: of settings that failed, the first
        questions: all that have evidence
        dropped: drafts that were left out, by reason; None where questions were given
    """

    decided: bool
    winner: Variant
    reference: Variant
    recommended: Variant
    budget: int
    bends: bool | None
    decision: Decision
    rivals: tuple[tuple[Variant, Decision], ...]
    more_questions: int | None
    chose: int
    confirmed: int
    curves: tuple[tuple[Point, ...], ...]
    frontier: tuple[Point, ...]
    worth: Point
    kinds: tuple[Kind, ...]
    rounds: tuple[tuple[int, int], ...]
    errors: Mapping[str, str]
    questions: tuple[Question, ...] = field(repr=False)
    dropped: Mapping[str, int] | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What is recommended, as a settings file has it."""
        return self.recommended.settings(self.budget)

    def write_settings(self, path: str | Path) -> None:
        """Write the settings file that every command takes by `--settings`.

        Raises:
            SettingsError: it can't be written
        """
        write_settings(path, self.settings)

    def in_words(self) -> str:
        """What to take and how sure that is, in a few lines."""
        from indexes.evaluation.advice.words import in_words

        return in_words(self)

    def markdown(self) -> str:
        """The whole report."""
        from indexes.evaluation.advice.words import markdown

        return markdown(self)

    def to_json(self) -> dict[str, Any]:
        """The advice as data for JSON."""
        return {
            "decided": self.decided,
            "settings": self.settings,
            "winner": asdict(self.winner),
            "reference": asdict(self.reference),
            "budget": self.budget,
            "bends": self.bends,
            "difference": _decision(self.decision),
            "beats": [
                {"variant": asdict(rival), **_decision(found)} for rival, found in self.rivals
            ],
            "questions": {"choosing": self.chose, "confirming": self.confirmed},
            "more_questions": self.more_questions,
            "curves": [[_point(point) for point in curve] for curve in self.curves],
            "frontier": [_point(point) for point in self.frontier],
            "worth": _point(self.worth),
            "kinds": [
                {"kind": kind.name, "questions": kind.questions, **_decision(kind.decision)}
                for kind in self.kinds
            ],
            "rounds": [
                {"questions": asked, "settings": settings} for asked, settings in self.rounds
            ],
            "errors": dict(self.errors),
            "dropped": None if self.dropped is None else dict(self.dropped),
            "words": self.in_words(),
        }


def advice_of(measured: Measured, choice: Choice) -> Advice:
    """What came of it: figures of the finalists on the questions that confirmed."""
    variants = measured.variants
    order = list(dict.fromkeys((choice.winner, choice.reference, 0, *choice.recalls)))
    curves = [
        tuple(_measured_point(measured, choice, place, column)
              for column in range(len(measured.budgets)))
        for place in order
    ]  # fmt: skip
    errors = {
        str(variants[place]): line.error
        for (place, _, _), line in reversed(list(measured.lines.items()))
        if line.error
    }
    frontier = _frontier([point for curve in curves for point in curve])
    worth = bend([point.recall.mean for point in frontier], [point.spent for point in frontier])
    return Advice(
        decided=choice.decided,
        winner=variants[choice.winner],
        reference=variants[choice.reference],
        recommended=variants[choice.recommended],
        budget=measured.budgets[choice.budget],
        bends=choice.bends,
        decision=choice.decision,
        rivals=tuple((variants[place], found) for place, found in choice.rivals.items()),
        more_questions=choice.more_questions,
        chose=len(choice.choosing),
        confirmed=len(choice.confirming),
        curves=tuple(curves),
        frontier=frontier,
        worth=frontier[worth],
        kinds=_kinds(measured, choice),
        rounds=tuple((rung.questions, len(rung.recalls)) for rung in choice.rungs),
        errors=errors,
        questions=tuple(measured.questions),
    )


def _measured_point(measured: Measured, choice: Choice, variant: int, column: int) -> Point:
    asked = [measured.questions[place] for place in choice.confirming]
    lines = [measured.lines[variant, column, place] for place in choice.confirming]
    prices = measured.prices
    count = len(lines)
    costs = (prices.of(line) + line.tokens * prices.tokens_in / 1_000_000 for line in lines)
    return Point(
        variant=measured.variants[variant],
        budget=measured.budgets[column],
        recall=interval(
            choice.recalls[variant][:, column].tolist(), [question.group for question in asked]
        ),
        tokens=sum(line.tokens + line.llm_tokens_in + line.llm_tokens_out for line in lines)
        / count,
        cost=1000 * sum(costs) / count,
        elsewhere=sum(map(_elsewhere, asked, lines)) / count,
    )


def _elsewhere(question: Question, line: Line) -> float:
    """Share of the characters delivered that are of documents without evidence."""
    right = {place.document for place in question.references}
    total = sum(passage.end - passage.start for passage in line.results)
    wrong = sum(
        passage.end - passage.start for passage in line.results if passage.document not in right
    )
    return wrong / total if total else 0.0


def _frontier(points: Sequence[Point]) -> tuple[Point, ...]:
    """Those that no other point beats for less; by money where there are prices."""
    left: list[Point] = []
    for point in sorted(points, key=lambda point: (point.spent, -point.recall.mean)):
        if not left or (point.recall.mean > left[-1].recall.mean and point.spent > left[-1].spent):
            left.append(point)
    return tuple(left)


def _kinds(measured: Measured, choice: Choice) -> tuple[Kind, ...]:
    asked = [measured.questions[place] for place in choice.confirming]
    named = [_kind(question) for question in asked]
    rows = {
        name: [row for row, of in enumerate(named) if of == name] for name in sorted(set(named))
    }
    if len(rows) < 2:
        return ()
    column = choice.budget
    ours, theirs = (choice.recalls[place][:, column] for place in (choice.winner, choice.reference))
    found = []
    for name, of in rows.items():
        groups = [asked[row].group for row in of]
        one = decide(ours[of].tolist(), theirs[of].tolist(), groups)
        # Several kinds are several claims.
        sure = one.better and one.p <= ALPHA / len(rows)
        found.append(Kind(name, len(of), Decision(sure, one.by, one.p, one.needed)))
    return tuple(found)


def _kind(question: Question) -> str:
    """What sort of document has the evidence: its file's type."""
    types = {PurePosixPath(place.document).suffix.lower() for place in question.references}
    return " and ".join(sorted(found or "no type" for found in types))


def _decision(found: Decision) -> dict[str, Any]:
    return {"better": found.better, "recall": asdict(found.by), "p": found.p}


def _point(point: Point) -> dict[str, Any]:
    return {
        "variant": asdict(point.variant),
        "budget": point.budget,
        "recall": asdict(point.recall),
        "tokens": round(point.tokens, 1),
        "cost": point.cost,
        "elsewhere": point.elsewhere,
    }
