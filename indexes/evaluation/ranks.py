"""Rank metrics, by `ir-measures`: does the evidence come early?

Passages of different lanes are cut differently, so what is judged is the evidence: each
reference is a document in the sense of these measures. A passage that holds at least half
of a reference delivers it, once; a passage that delivers nothing new takes a rank all the
same.
"""

from collections.abc import Sequence

from indexes.evaluation.questions import Question
from indexes.evaluation.runs import Line
from indexes.evaluation.spans import merged, overlap
from indexes.extras import needed

MEASURES = ("RR", "nDCG@10", "R@5", "R@10")
# A passage delivers a reference of which it holds this share, or more.
DELIVERED_FROM = 0.5


def rank_metrics(questions: Sequence[Question], lines: Sequence[Line]) -> list[dict[str, float]]:
    """The measures of each question, in the order of `questions`; all must have evidence.

    Raises:
        SettingsError: the extra `evaluation` is not installed.
    """
    with needed("evaluation", "measuring"):
        import ir_measures

    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    judged, ranked = [], []
    for place, (question, line) in enumerate(zip(questions, lines, strict=True)):
        name = str(place)
        judged += [
            ir_measures.Qrel(name, f"reference {i}", 1) for i in range(len(question.references))
        ]
        items = _items(question, line)
        ranked += [
            ir_measures.ScoredDoc(name, item, float(len(items) - rank))
            for rank, item in enumerate(items)
        ]
    found: list[dict[str, float]] = [dict.fromkeys(MEASURES, 0.0) for _ in questions]
    for value in ir_measures.iter_calc(measures, judged, ranked):
        found[int(value.query_id)][str(value.measure)] = float(value.value)
    return found


def _items(question: Question, line: Line) -> list[str]:
    """What is at each rank: references, and passages that deliver none."""
    waiting = {
        f"reference {i}": merged([reference]) for i, reference in enumerate(question.references)
    }
    lengths = {
        f"reference {i}": reference.end - reference.start
        for i, reference in enumerate(question.references)
    }
    items: list[str] = []
    for rank, passage in enumerate(line.results):
        spans = merged([passage])
        found = [
            name
            for name, wanted in waiting.items()
            if overlap(spans, wanted) >= DELIVERED_FROM * lengths[name]
        ]
        for name in found:
            del waiting[name]
        items += found or [f"passage {rank}"]
    return items
