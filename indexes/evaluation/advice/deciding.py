"""Whether one setting is better than another, so that chance seldom says so.

The claim is one-sided and tested once, on questions that had no part in the choice: the winner is
better than the setting that it would replace. Signs of the differences are flipped at random
(Fisher's randomisation test; exact where the differences are as likely to fall either way), by
whole documents where there are enough of them, for questions about one document depend on each
other. The bootstrap's interval must leave zero out as well. What else the winner beats is claimed
only then, and corrected by Holm's method (1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexes.evaluation.bootstrap import Interval, difference
from indexes.evaluation.power import Needed, questions_needed

# At most two false recommendations in a hundred, if nothing differs.
ALPHA = 0.02
# The same as a distance in standard deviations.
SURE = 2.05
# From so many documents on, whole documents are flipped: 2^8 ways.
ENOUGH_DOCUMENTS = 8
_FLIPS = 20_000
_FLIPPED_AT_ONCE = 1_000_000
_SEED = 19_350_101


@dataclass(frozen=True)
class Decision:
    """What the confirming questions say of the winner and one other setting.

    Attributes:
        better: whether the winner is better beyond chance
        by: recall won, question by question, with its 95% interval
        p: how often chance alone would win as much
        needed: questions like these that would tell the two apart
    """

    better: bool
    by: Interval
    p: float
    needed: Needed


def decide(winner: Sequence[float], other: Sequence[float], groups: Sequence[str]) -> Decision:
    """Whether the winner's figures are better than the other's beyond chance.

    Args:
        winner: recall of each question
        other: the other's, of the same questions
        groups: the documents of each question

    Raises:
        ValueError: there are no questions, or not as many of each
    """
    by = difference(winner, other, groups)
    p = chance(np.subtract(winner, other).tolist(), groups)
    needed = questions_needed(winner, other, sure=SURE)
    return Decision(p <= ALPHA and by.low > 0, by, p, needed)


def decide_all(
    winner: Sequence[float], others: Sequence[Sequence[float]], groups: Sequence[str]
) -> list[Decision]:
    """Which of several settings the winner is better than, corrected for their number."""
    found = [decide(winner, other, groups) for other in others]
    order = sorted(range(len(found)), key=lambda place: found[place].p)
    holds = True
    made = list(found)
    for rank, place in enumerate(order):
        one = found[place]
        holds = holds and one.p <= ALPHA / (len(found) - rank)
        made[place] = Decision(holds and one.better, one.by, one.p, one.needed)
    return made


def chance(differences: Sequence[float], groups: Sequence[str]) -> float:
    """How often differences with random signs are as large in the mean as these."""
    values = np.asarray(differences, dtype=np.float64)
    if len(set(groups)) >= ENOUGH_DOCUMENTS:
        names, of = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.zeros(len(names))
        np.add.at(sums, of, values)
        values = sums
    values = values[values != 0]
    if len(values) == 0:
        return 1.0
    random = np.random.default_rng(_SEED)
    won, reached = values.sum() - 1e-12, 0
    at_once = max(1, _FLIPPED_AT_ONCE // len(values))
    for first in range(0, _FLIPS, at_once):
        count = min(at_once, _FLIPS - first)
        signs = random.integers(0, 2, size=(count, len(values))) * 2 - 1
        reached += int(np.count_nonzero(signs @ values >= won))
    return (reached + 1) / (_FLIPS + 1)
