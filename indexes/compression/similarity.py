"""How relevant sentences and passages are, from cosines. Arithmetic only.

Placeholder for the first measured version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.compression.passages import Passage


@dataclass(frozen=True)
class Scoring:
    """Thresholds: a score passes if it reaches both.

    Args:
        relative: share of the best score of the question.
        absolute: the least score, whatever the best is.
    """

    relative: float = 0.5
    absolute: float = 0.0
    passage_relative: float = 0.6

    def sentence_threshold(self, scores: Sequence[float]) -> float:
        """What a sentence must reach, given all of the question's."""
        return max(self.absolute, self.relative * max(scores, default=0.0))

    def passage_threshold(self, scores: Sequence[float]) -> float:
        """What a passage must reach, given all of the question's."""
        return max(self.absolute, self.passage_relative * max(scores, default=0.0))


def sentence_scores(
    question: str, passages: Sequence[Passage], similar: NDArray[np.float64], scoring: Scoring
) -> list[list[float]]:
    """A score for each sentence of each passage; `similar` are their cosines, in order."""
    scores: list[list[float]] = []
    place = 0
    for passage in passages:
        count = len(passage.sentences)
        scores.append([float(value) for value in similar[place : place + count]])
        place += count
    return scores


def passage_scores(
    question: str, passages: Sequence[Passage], similar: NDArray[np.float64], scoring: Scoring
) -> list[float]:
    """A score for each passage: that of its best sentence."""
    scored = sentence_scores(question, passages, similar, scoring)
    return [max(scores, default=0.0) for scores in scored]
