"""All patterns on a visitor's own questions: recall by budget, with intervals. No Gradio here.

Retrieved as the page retrieves, from what the visitor may see, and scored as `evaluate` scores.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexes import SettingsError
from indexes.evaluation.questions import Question
from indexes.patterns import PATTERNS

from .lanes import Lanes

if TYPE_CHECKING:
    from indexes.evaluation.bootstrap import Interval
    from indexes.evaluation.power import Needed

BUDGETS = (256, 512, 1024, 2048)


@dataclass(frozen=True)
class Score:
    """A pattern's recall at each of `BUDGETS`, best guess and 95% interval."""

    pattern: str
    recall: "tuple[Interval, ...]"

    @property
    def mean(self) -> float:
        """Over all budgets."""
        return sum(one.mean for one in self.recall) / len(self.recall)


@dataclass(frozen=True)
class Trial:
    """How far it is, and what came of it.

    Attributes:
        done: retrievals so far
        total: of all
        questions: how many have evidence
        scores: the patterns that are through, best first
        needed: how many questions tell the first two apart, once all are through
    """

    done: int
    total: int
    questions: int
    scores: tuple[Score, ...] = ()
    needed: "Needed | None" = None


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
    from indexes.evaluation.power import questions_needed
    from indexes.evaluation.runs import Line, line_of
    from indexes.evaluation.scores import score_run, summarize

    asked = [question for question in questions if question.references]
    if not asked:
        raise SettingsError("no question has evidence yet: mark some in a document, or import them")
    patterns = list(PATTERNS)
    plain = {**options, "judge": "embedding"}
    total = len(patterns) * len(asked) * len(BUDGETS)
    done = 0
    scores: list[Score] = []
    recalls: dict[str, list[float]] = {}
    for pattern in patterns:
        found = []
        values: list[list[float]] = []
        for budget in BUDGETS:
            lines: list[Line] = []
            for question in asked:
                contexts, trace = await lanes.aretrieve(
                    question.question, pattern, {**plain, "budget": budget}
                )
                lines.append(line_of(question.id, contexts, trace))
                done += 1
                if done % 8 == 0:
                    yield Trial(done, total, len(asked), _best(scores))
            scored = score_run(asked, lines)
            found.append(summarize(scored).intervals["recall"])
            values.append([question.values["recall"] or 0.0 for question in scored])
        recalls[pattern] = [sum(column) / len(BUDGETS) for column in zip(*values, strict=True)]
        scores.append(Score(pattern, tuple(found)))
    ranked = _best(scores)
    needed = None
    if len(ranked) > 1:
        needed = questions_needed(recalls[ranked[0].pattern], recalls[ranked[1].pattern])
    yield Trial(total, total, len(asked), ranked, needed)


def _best(scores: Sequence[Score]) -> tuple[Score, ...]:
    return tuple(sorted(scores, key=lambda score: -score.mean))
