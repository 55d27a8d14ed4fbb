"""Found leaves → their parents, whole: the rule of LangChain's `ParentDocumentRetriever`.

Every parent with a leaf that was found is delivered from its first character to its last, in
the order of the best leaves. Parents are the hierarchy's roots. Neighbours stay apart, so
that a number of passages is a number of parents.
"""

from collections.abc import Sequence
from itertools import groupby

from indexes.merging import LeafRun
from indexes.search import Candidate


def whole_parents(
    candidates: Sequence[Candidate],
    *,
    parents: int | None = None,
    score_threshold: float | None = None,
) -> list[LeafRun]:
    """The parents of the leaves that were found, the best first; ties in document order.

    Args:
        candidates: all leaves of the roots that were found, in document order.
        parents: how many to deliver, at most; by default all.
        score_threshold: the least cosine that a leaf has to have for its parent to come.
    """
    passages = []
    for _, group in groupby(candidates, lambda candidate: candidate.leaf.root):
        members = list(group)
        scores = [
            found.hit_score if score_threshold is None or found.dense >= score_threshold else 0.0
            for found in members
        ]
        hits = sum(score > 0 for score in scores)
        if not hits:
            continue
        leaves = tuple(found.leaf for found in members)
        passages.append(
            LeafRun(
                leaves=leaves,
                start=leaves[0].start,
                end=leaves[-1].end,
                score=max(scores),
                reason=f"whole: {hits} of {len(leaves)} leaves were found",
                scores=tuple(scores) if len(scores) > 1 else (),
            )
        )
    return sorted(passages, key=lambda passage: -passage.score)[:parents]
