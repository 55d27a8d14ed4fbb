"""What judges share that give each text a score: a cross-encoder, a user's function."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from llama_index.core.schema import QueryBundle

from indexes.compression.passages import Passage
from indexes.compression.prompts import JudgePrompt
from indexes.compression.similarity import Scores, Scoring, shares
from indexes.compression.verdicts import JudgeKind, Judgement, Verdict
from indexes.compression.work import Steps, Work
from indexes.details import JudgeDetails, Outcome


@dataclass(frozen=True)
class Ranking:
    """The texts' scores in their order, higher being better; or what went wrong."""

    scores: Scores
    outcome: Outcome = "judged"
    note: str = ""


class ScoringJudge(ABC):
    """Keeps what scores enough, as a share of the way from the average to the best.

    Args:
        scoring: the thresholds
    """

    kind: JudgeKind

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
        """None: it is not asked in words."""
        return {}

    def with_prompt(self, task: str, prompt: JudgePrompt) -> Self:
        """It has no prompts."""
        return self

    def sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which sentences score enough; see `Judge`."""
        texts = [passage.slice(span) for passage in passages for span in passage.sentences]
        ranking = yield from self._ranking(question, texts)
        if ranking.outcome != "judged":
            return _undecided(passages, ranking)
        found = list(map(float, shares(ranking.scores)))
        least = self._scoring.sentences
        verdicts = []
        for passage in passages:
            own, found = found[: len(passage.sentences)], found[len(passage.sentences) :]
            kept = tuple(score >= least for score in own)
            best = max(own, default=None)
            verdicts.append(Verdict(any(kept), kept, score=best, scores=tuple(own)))
        return Judgement(verdicts, details=JudgeDetails(threshold=least))

    def passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which passages score enough; see `Judge`."""
        ranking = yield from self._ranking(question, [passage.text for passage in passages])
        if ranking.outcome != "judged":
            return _undecided(passages, ranking)
        least = self._scoring.passages
        found = map(float, shares(ranking.scores))
        verdicts = [Verdict(share >= least, score=share) for share in found]
        return Judgement(verdicts, details=JudgeDetails(threshold=least))

    def order(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """The highest score first; see `Judge`."""
        ranking = yield from self._ranking(question, [passage.text for passage in passages])
        if ranking.outcome != "judged":
            return _undecided(passages, ranking)
        scores = list(map(float, ranking.scores))
        order = sorted(range(len(passages)), key=lambda place: (-scores[place], place))
        return Judgement([Verdict(True, score=score) for score in scores], order)

    def _ranking(self, question: QueryBundle, texts: list[str]) -> Steps[Ranking]:
        if not texts:
            return Ranking(np.zeros(0))
        ranking: Ranking = yield self._work(question.query_str, texts)
        return ranking


def _undecided(passages: Sequence[Passage], ranking: Ranking) -> Judgement:
    verdict = Verdict(True, None, ranking.outcome, f"kept as it is: {ranking.note}")
    return Judgement([verdict] * len(passages), order=range(len(passages)))
