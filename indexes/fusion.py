"""Hits of several searches → one ranking (reciprocal rank fusion), and how far down to look.

Cormack et al., SIGIR 2009.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import neg
from typing import Any

from indexes.errors import StoreError
from indexes.store.columns import Hits
from indexes.store.layouts import Layouts

# The paper's constant of 60 suits lists of a thousand; for short ones the engine's own default
# serves better.
_CONSTANT = 2

Points = Mapping[int, dict[str, Any]]


def fused(searches: Iterable[Hits], points: Points) -> dict[int, float]:
    """Scores by id: the sum over the searches of reciprocal ranks, each level ranked by itself.

    Args:
        searches: what they found.
        points: what the hits are, as `Layouts.note` was told; what is gone meanwhile is left out.

    Raises:
        StoreError: a hit is damaged.
    """
    scores: dict[int, float] = {}
    for found in searches:
        ranks: dict[int, int] = {}
        for id_ in _in_order(found):
            if (point := points.get(id_)) is None:
                continue
            if (level := point.get("level")) is None:
                raise StoreError(
                    "the index is damaged (a search finds a point with nothing in it): "
                    "`advanced-rag rebuild` saves what can be read"
                )
            ranks[level] = rank = ranks.get(level, 0) + 1
            scores[id_] = scores.get(id_, 0.0) + 1 / (_CONSTANT + rank)
    return scores


def ranked(scores: Mapping[int, float]) -> list[tuple[float, int]]:
    """Scores with the sign turned, and ids: the best first, equals by id."""
    return sorted(zip(map(neg, scores.values()), scores, strict=True))


def enough(hits: Sequence[tuple[float, int]], layouts: Layouts, reach: int, least: int) -> int:
    """How many of the best leaves have more tokens together than can be used.

    Args:
        hits: all of them, `ranked`.
        layouts: which know how long they are; where they don't, all are needed.
        reach: tokens that can be used.
        least: leaves that are needed in any case.
    """
    used, last = 0, 0.0
    for place, (score, id_) in enumerate(hits):
        # Equals are put in order later, by where they stand.
        if used > reach and place >= least and score != last:
            return place
        tokens = layouts.tokens(id_)
        if tokens is None:
            break
        used, last = used + tokens, score
    return len(hits)


def _in_order(hits: Hits) -> list[int]:
    """Ids, the best first. Equal scores come as the engine happened to store the points, which is
    another order when the same documents are indexed again: ids are the same each time.
    """
    return [id_ for _, id_ in sorted(zip(map(neg, hits.scores), hits.ids, strict=True))]
