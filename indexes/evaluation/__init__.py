"""How good is a pattern, and compared with what?

    from indexes.evaluation import Comparison, read_questions

    compared = Comparison.of(
        index, read_questions("questions.jsonl"), lanes=["regular", "parent"], budgets=[512, 1024]
    )
    for lane in compared.lanes:
        print(lane.info.name, lane.mean(1024, "recall"))

spans.py       recall, precision and IoU of characters; whole evidence
questions.py   questions with the places of their evidence
runs.py        what was delivered for them, and its cost
ranks.py       rank metrics, by ir-measures
bootstrap.py   how sure a mean is, or a difference
scores.py      a run and its questions → figures

vectors.py     vectors made once
fixed.py       chunks cut elsewhere: how the scorer is proved
peers/         LangChain's and LlamaIndex's own retrievers on our engine and models
lanes.py       which lanes there are: patterns and peers
judges.py      a perfect judge, for comparing compressors without judging models

comparison.py  lanes × budgets → one comparison
report.py      a table for the terminal, and one in Markdown; plots.py
drafting.py    questions proposed by an LLM, for people to review
grading.py     answers graded by an LLM
advice/        which settings to take, and how sure that is
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexes.evaluation.advice.advice import Advice as Advice
    from indexes.evaluation.advice.adviser import advise as advise
    from indexes.evaluation.comparison import Comparison as Comparison
    from indexes.evaluation.comparison import LaneResult as LaneResult
    from indexes.evaluation.lanes import lane_names as lane_names
    from indexes.evaluation.lanes import open_lane as open_lane
    from indexes.evaluation.questions import Question as Question
    from indexes.evaluation.questions import Reference as Reference
    from indexes.evaluation.questions import read_questions as read_questions
    from indexes.evaluation.questions import write_questions as write_questions
    from indexes.evaluation.report import markdown as markdown

_HOMES = {
    "Advice": "advice.advice",
    "Comparison": "comparison",
    "LaneResult": "comparison",
    "Question": "questions",
    "Reference": "questions",
    "advise": "advice.adviser",
    "lane_names": "lanes",
    "markdown": "report",
    "open_lane": "lanes",
    "read_questions": "questions",
    "write_questions": "questions",
}

__all__ = [*_HOMES]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
