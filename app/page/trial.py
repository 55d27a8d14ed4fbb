"""All patterns on a visitor's own questions: recall by budget, and which to take. No Gradio here.

Retrieved as the page retrieves, from what the visitor may see, scored as `evaluate` scores, and
decided as `advise` decides.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexes import SettingsError
from indexes.evaluation.questions import Question
from indexes.patterns import PATTERNS

from .lanes import Lanes

if TYPE_CHECKING:
    from indexes.evaluation.advice.advice import Advice
    from indexes.evaluation.advice.choosing import Recalls
    from indexes.evaluation.bootstrap import Interval
    from indexes.evaluation.runs import Line
    from indexes.settings import SearchMode

BUDGETS = (256, 512, 1024, 2048)


@dataclass(frozen=True)
class Score:
    """A pattern's recall at each of `BUDGETS`, best guess and 95% interval."""

    pattern: str
    recall: "tuple[Interval, ...]"

    @property
    def mean(self) -> float:
        """The mean recall over all budgets, from 0 to 1."""
        return sum(one.mean for one in self.recall) / len(self.recall)


@dataclass(frozen=True)
class Trial:
    """How far it is, and what came of it.

    Attributes:
        done: retrievals so far
        total: of all
        questions: how many have evidence
        scores: the patterns that are through, best first
        advice: which pattern to take, once all are through; None for too few questions
    """

    done: int
    total: int
    questions: int
    scores: tuple[Score, ...] = ()
    advice: "Advice | None" = None


async def try_all(
    lanes: Lanes, questions: Sequence[Question], options: dict[str, Any]
) -> AsyncIterator[Trial]:
    """Retrieve for each question by each pattern that needs no language model.

    Args:
        lanes: who retrieves
        questions: with evidence; others are left out
        options: the visitor's: settings and filters

    Raises:
        SettingsError: no question has evidence
    """
    from indexes.evaluation.bootstrap import interval
    from indexes.evaluation.runs import line_of
    from indexes.evaluation.spans import score_spans

    asked = [question for question in questions if question.references]
    if not asked:
        raise SettingsError("no question has evidence yet: mark some in a document, or import them")
    used = lanes.opening.settings.pattern
    patterns = sorted(PATTERNS, key=lambda name: name != used)
    plain = {**options, "judge": "embedding"}
    total = len(patterns) * len(asked) * len(BUDGETS)
    lines: dict[tuple[int, int, int], Line] = {}
    scores: list[Score] = []
    for place, pattern in enumerate(patterns):
        found = []
        for column, budget in enumerate(BUDGETS):
            for row, question in enumerate(asked):
                contexts, trace = await lanes.aretrieve(
                    question.question, pattern, {**plain, "budget": budget}
                )
                lines[place, column, row] = line_of(question.id, contexts, trace)
                if len(lines) % 8 == 0 and len(lines) < total:
                    yield Trial(len(lines), total, len(asked), _best(scores))
            recalls = [
                score_spans(lines[place, column, row].results, question.references).recall
                for row, question in enumerate(asked)
            ]
            found.append(interval(recalls, [question.group for question in asked]))
        scores.append(Score(pattern, tuple(found)))
    search = options.get("search") or lanes.opening.settings.search
    advice = await asyncio.to_thread(_advice, asked, patterns, search, lines)
    yield Trial(total, total, len(asked), _best(scores), advice)


def _advice(
    asked: Sequence[Question],
    patterns: Sequence[str],
    search: "SearchMode",
    lines: "Mapping[tuple[int, int, int], Line]",
) -> "Advice | None":
    """What `advise` says of these runs."""
    from indexes.evaluation.advice.advice import Measured, advice_of
    from indexes.evaluation.advice.choosing import FEWEST_QUESTIONS, choose
    from indexes.evaluation.advice.variants import Variant
    from indexes.evaluation.spans import score_spans

    if len(asked) < FEWEST_QUESTIONS or len(patterns) < 2:
        return None
    variants = [Variant(pattern, search, ()) for pattern in patterns]

    def measure(variant: int, questions: Sequence[int], budgets: Sequence[int]) -> "Recalls":
        return np.array(
            [
                [
                    score_spans(lines[variant, budget, row].results, asked[row].references).recall
                    for budget in budgets
                ]
                for row in questions
            ]
        )

    choice = choose(variants, [question.group for question in asked], BUDGETS, measure)
    return advice_of(Measured(asked, variants, BUDGETS, lines), choice)


def _best(scores: Sequence[Score]) -> tuple[Score, ...]:
    return tuple(sorted(scores, key=lambda score: -score.mean))
