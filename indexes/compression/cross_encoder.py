"""A cross-encoder as the judge, behind a rerank endpoint: llama.cpp's, vLLM's, Jina's,
Cohere's or TEI's.

    judge = CrossEncoderJudge("http://localhost:8080/v1/rerank", model="bge-reranker-v2-m3")

It reads question and text together, which finds more than comparing two vectors does. All
texts of a question go in one request.
"""

from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from pydantic import SecretStr

from indexes.compression.scoring_judge import Ranking, ScoringJudge
from indexes.compression.similarity import Scoring
from indexes.compression.verdicts import JudgeKind
from indexes.compression.work import TimedOutError, in_threads, on_the_loop


@dataclass(frozen=True)
class Reranking:
    """One request with a question and texts."""

    url: str
    model: str
    key: SecretStr | None
    question: str
    texts: list[str]
    seconds: float

    def do(self) -> Ranking:
        """Send it."""
        (outcome,) = in_threads(self._send, [self._body()], at_once=1, seconds=self.seconds)
        return self._read(outcome)

    async def ado(self) -> Ranking:
        """The same on the event loop."""
        (outcome,) = await on_the_loop(self._asend, [self._body()], at_once=1, seconds=self.seconds)
        return self._read(outcome)

    def _body(self) -> dict[str, Any]:
        # TEI calls the documents texts.
        return {
            "model": self.model,
            "query": self.question,
            "documents": self.texts,
            "texts": self.texts,
        }

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.get_secret_value()}"} if self.key else {}

    def _send(self, body: dict[str, Any]) -> Any:
        reply = httpx.post(self.url, json=body, headers=self._headers(), timeout=self.seconds)
        return reply.raise_for_status().json()

    async def _asend(self, body: dict[str, Any]) -> Any:
        async with httpx.AsyncClient(timeout=self.seconds) as client:
            reply = await client.post(self.url, json=body, headers=self._headers())
            return reply.raise_for_status().json()

    def _read(self, outcome: Any) -> Ranking:
        nothing = np.zeros(0)
        if isinstance(outcome, BaseException):
            late = isinstance(outcome, TimedOutError | httpx.TimeoutException)
            return Ranking(nothing, "timeout" if late else "failed", self._said(outcome))
        scores = np.full(len(self.texts), np.nan)
        try:
            for result in outcome["results"] if isinstance(outcome, dict) else outcome:
                score = (
                    result["relevance_score"] if "relevance_score" in result else result["score"]
                )
                place = result["index"]
                if isinstance(place, int) and 0 <= place < len(scores):
                    scores[place] = float(score)
        except (KeyError, TypeError, ValueError):
            return Ranking(nothing, "unreadable", "no list of an index and a score each")
        if not np.isfinite(scores).all():
            missing = int(np.count_nonzero(~np.isfinite(scores)))
            return Ranking(nothing, "unreadable", f"{missing} of {len(scores)} scores are missing")
        return Ranking(scores)

    def _said(self, error: BaseException) -> str:
        if isinstance(error, httpx.HTTPStatusError):
            return f"the rerank endpoint answered {error.response.status_code}"
        said = " ".join(str(error).split()) or type(error).__name__
        key = self.key.get_secret_value() if self.key else ""
        return (said.replace(key, "***") if key else said)[:200]


class CrossEncoderJudge(ScoringJudge):
    """Scores texts by a rerank endpoint. Thread-safe.

    Args:
        url: of the rerank route itself.
        model: the model's name there.
        key: sent as the bearer token.
        scoring: the thresholds, in shares of the way from the average to the best.
        seconds: the longest that one request may take; then everything is kept.
    """

    kind: JudgeKind = "cross-encoder"

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: SecretStr | None = None,
        scoring: Scoring | None = None,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(scoring)
        self._url = url
        self._model = model
        self._key = key
        self._seconds = seconds

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    def _work(self, question: str, texts: list[str]) -> Reranking:
        return Reranking(self._url, self._model, self._key, question, texts, self._seconds)
