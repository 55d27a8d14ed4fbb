"""How sure a mean, or a difference of two means, is: the bootstrap, clustered and paired.

Questions about one document resemble each other, so documents are drawn, not questions
(Field and Welsh, 2007: a mean over clusters drawn with replacement), and two lanes are
compared on the same questions. With few documents such an interval is itself unsure, and
wide; `clusters` says how many there were.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
_SEED = 20_240_703
# Draws are made in blocks of so many numbers: 8 MB each.
_NUMBERS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval (percentiles of the draws)."""

    mean: float
    low: float
    high: float
    clusters: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval(values: Sequence[float], groups: Sequence[str]) -> Interval:
    """The mean of `values` and how sure it is.

    Args:
        values: one a question.
        groups: the document, or documents, of each question.

    Raises:
        ValueError: there are no values, or not as many groups as values.
    """
    measured = np.asarray(values, dtype=np.float64)
    if len(measured) == 0 or len(measured) != len(groups):
        raise ValueError(f"{len(measured)} values in {len(groups)} groups have no interval")
    means = _means(measured, groups)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(measured.mean()), float(low), float(high), len(set(groups)))


def difference(ours: Sequence[float], theirs: Sequence[float], groups: Sequence[str]) -> Interval:
    """The mean of `ours - theirs`, question by question, and how sure it is."""
    return interval(np.subtract(ours, theirs).tolist(), groups)


def _means(values: NDArray[np.float64], groups: Sequence[str]) -> NDArray[np.float64]:
    names, of = np.unique(np.asarray(groups), return_inverse=True)
    sums: NDArray[np.float64] = np.zeros(len(names))
    np.add.at(sums, of, values)
    counts = np.bincount(of).astype(np.float64)
    # A lone cluster says nothing about others: then questions are drawn after all.
    if len(names) == 1:
        sums, counts = values, np.ones(len(values))
    random = np.random.default_rng(_SEED)
    means = np.empty(DRAWS)
    at_once = max(1, _NUMBERS_AT_ONCE // len(sums))
    for first in range(0, DRAWS, at_once):
        last = min(first + at_once, DRAWS)
        drawn = random.integers(len(sums), size=(last - first, len(sums)))
        means[first:last] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means
