"""What judges share that give each text a score: an embedding, a cross-encoder, a function."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from llama_index.core.schema import QueryBundle
from numpy.typing import NDArray

from indexes.compression.passages import Passage
from indexes.compression.prompts import JudgePrompt
from indexes.compression.similarity import Scores, Scoring, shares
from indexes.compression.verdicts import JudgeKind, Judgement, Verdict
from indexes.compression.work import Steps, Work
from indexes.details import JudgeDetails, Outcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ranking:
    """Scores in the order of what was judged, higher being better; or what went wrong.

    Attributes:
        near: which may be kept at all; all, if None
    """

    scores: Scores
    outcome: Outcome = "judged"
    note: str = ""
    near: NDArray[np.bool_] | None = None

    def kept(self, least: float) -> NDArray[np.bool_]:
        """Which score enough, as shares of the way from the average to the best."""
        enough: NDArray[np.bool_] = shares(self.scores) >= least
        return enough if self.near is None else enough & self.near


class ScoringJudge(ABC):
    """Keeps what scores enough, as a share of the way from the average to the best.

    Args:
        scoring: the thresholds
    """

    kind: JudgeKind
    # Whether its scores of sentences count where the retriever found them.
    placed: ClassVar[bool] = False

    def __init__(self, scoring: Scoring | None = None) -> None:
        self._scoring = scoring or Scoring()

    @property
    @abstractmethod
    def model(self) -> str:
        """The model's name."""

    @abstractmethod
    def _work(self, question: str, texts: list[str]) -> Work:
        """What gives a `Ranking` of these texts, of which there is one at least."""

    @property
    def prompts(self) -> dict[str, JudgePrompt]:
        """No prompts: this judge is not asked in words."""
        return {}

    def with_prompt(self, task: str, prompt: JudgePrompt) -> Self:
        """It has no prompts."""
        return self

    def sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which sentences score enough; see `Judge`."""
        ranking = yield from self._sentences(question, passages)
        if ranking.outcome != "judged":
            return self._undecided(passages, ranking)
        least = self._scoring.sentences
        scores, kept = shares(ranking.scores).tolist(), ranking.kept(least).tolist()
        starts = np.cumsum([0, *(len(passage.sentences) for passage in passages)])
        verdicts = [
            Verdict(any(kept[a:b]), tuple(kept[a:b]), score=max(scores[a:b]),
                    scores=tuple(scores[a:b]))
            if a < b
            else Verdict(False, (), "blank", "there is no text")
            for a, b in pairwise(starts.tolist())
        ]  # fmt: skip
        return Judgement(verdicts, details=self._details(least), placed=self.placed)

    def passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which passages score enough; see `Judge`."""
        ranking = yield from self._passages(question, passages)
        if ranking.outcome != "judged":
            return self._undecided(passages, ranking)
        least = self._scoring.passages
        scores, kept = shares(ranking.scores).tolist(), ranking.kept(least).tolist()
        verdicts = [
            Verdict(keep, score=score)
            if passage.sentences
            else Verdict(False, outcome="blank", note="there is no text", score=score)
            for passage, keep, score in zip(passages, kept, scores, strict=True)
        ]
        return Judgement(verdicts, details=self._details(least))

    def order(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """The highest score first; see `Judge`."""
        ranking = yield from self._passages(question, passages)
        if ranking.outcome != "judged":
            return self._undecided(passages, ranking)
        scores = ranking.scores.tolist()
        order = sorted(range(len(passages)), key=lambda place: (-scores[place], place))
        return Judgement([Verdict(True, score=score) for score in scores], order)

    def _sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Ranking]:
        """Score all sentences, passage after passage."""
        texts = [passage.slice(span) for passage in passages for span in passage.sentences]
        return (yield from self._ranking(question, texts))

    def _passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Ranking]:
        """Score the passages."""
        return (yield from self._ranking(question, [passage.text for passage in passages]))

    def _ranking(self, question: QueryBundle, texts: list[str]) -> Steps[Ranking]:
        if not texts:
            return Ranking(np.zeros(0))
        ranking: Ranking = yield self._work(question.query_str, texts)
        return ranking

    def _details(self, least: float) -> JudgeDetails:
        return JudgeDetails(threshold=least)

    def _undecided(self, passages: Sequence[Passage], ranking: Ranking) -> Judgement:
        logger.warning("judge %r: everything is kept: %s", self.kind, ranking.note)
        verdict = Verdict(True, None, ranking.outcome, f"kept as it is: {ranking.note}")
        return Judgement([verdict] * len(passages), order=range(len(passages)))
