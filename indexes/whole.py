"""Found leaves → their parents, whole: the rule of LangChain's `ParentDocumentRetriever`.

Every parent with a leaf that was found is delivered from its first character to its last, in
the order of the best leaves. Parents are the hierarchy's roots. Neighbours stay apart, so
that a number of passages is a number of parents.
"""

from itertools import groupby

import numpy as np

from indexes.candidates import Candidates
from indexes.merging import Piece


def whole_parents(
    candidates: Candidates,
    *,
    parents: int | None = None,
    score_threshold: float | None = None,
) -> list[Piece]:
    """The parents of the leaves that were found, the best first; ties in document order.

    Args:
        candidates: all leaves of the roots that were found, in document order.
        parents: how many to deliver, at most; by default all.
        score_threshold: the least cosine that a leaf has to have for its parent to come.
    """
    found = candidates.hits
    if score_threshold is not None:
        found = np.where(candidates.dense >= score_threshold, found, 0.0)
    pieces = []
    for _, group in groupby(range(len(candidates)), candidates.roots.tolist().__getitem__):
        places = list(group)
        scores = tuple(found[places].tolist())
        hits = sum(score > 0 for score in scores)
        if not hits:
            continue
        reason = f"whole: {hits} of {len(places)} leaves were found"
        shown = scores if len(scores) > 1 else ()
        pieces.append(Piece(places, max(scores), reason, shown))
    return sorted(pieces, key=lambda piece: -piece.score)[:parents]
