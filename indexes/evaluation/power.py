"""How many questions it takes to tell two lanes apart.

Of the differences of two lanes, question by question, with mean m and standard deviation s, the 95%
interval is about 1.96 s / sqrt(n) wide on each side (a paired comparison of normal means; see any
text on sample sizes). It leaves zero out once n > (1.96 s / m)². That is an estimate from the
questions at hand: with few of them it is rough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SURE = 1.96
# Beyond this many, two lanes are as good as equal.
MOST_QUESTIONS = 10_000


@dataclass(frozen=True)
class Needed:
    """Questions that tell two lanes apart.

    Attributes:
        have: how many there are
        total: how many it takes; None where they are alike as far as can be seen
    """

    have: int
    total: int | None

    @property
    def more(self) -> int | None:
        """How many are missing; 0 where they are told apart already."""
        return None if self.total is None else max(0, self.total - self.have)


def questions_needed(
    ours: Sequence[float], theirs: Sequence[float], *, sure: float = _SURE
) -> Needed:
    """How many questions like these it takes.

    Args:
        ours: a figure of one lane, a value for each question
        theirs: the other's, for the same questions
        sure: how many standard deviations of the mean must lie between it and zero

    Raises:
        ValueError: they are not as many
    """
    apart = [a - b for a, b in zip(ours, theirs, strict=True)]
    have = len(apart)
    if have < 2:
        return Needed(have, None)
    mean = math.fsum(apart) / have
    if not mean:
        return Needed(have, None)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in apart) / (have - 1))
    total = max(2, math.ceil((sure * spread / mean) ** 2))
    return Needed(have, total if total <= MOST_QUESTIONS else None)
