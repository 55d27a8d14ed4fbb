"""A cross-encoder as the judge, behind a rerank endpoint: llama.cpp's, in this process or
elsewhere, vLLM's, Jina's, Cohere's or TEI's.

    judge = CrossEncoderJudge("http://localhost:8080/v1/rerank", model="bge-reranker-v2-m3")

It reads question and text together, which finds more than comparing two vectors does. All
texts of a question go in one request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import numpy as np
from pydantic import SecretStr

from indexes.certificates import public_authorities
from indexes.compression.scoring_judge import Ranking, ScoringJudge
from indexes.compression.similarity import Scoring
from indexes.compression.verdicts import JudgeKind
from indexes.compression.work import TimedOutError, in_threads, on_the_loop
from indexes.errors import RagError, masked, shown
from indexes.models.endpoint import Connection


@dataclass(frozen=True)
class Route:
    """A rerank endpoint.

    Attributes:
        url: of the route itself
        key: sent as the bearer token
        use_proxy: whether the environment's proxy settings apply
    """

    url: str
    key: SecretStr | None = None
    use_proxy: bool = True


# Gives the route, once it is needed; a local model is loaded by that.
FindRoute: TypeAlias = Callable[[], Route]


def endpoint_at(url: str, key: SecretStr | None = None) -> FindRoute:
    """A route that is there already."""
    route = Route(url, key)
    return lambda: route


def served_by(connection: Connection) -> FindRoute:
    """The route of a server that answers like llama.cpp's, and starts when it is needed."""

    def route() -> Route:
        endpoint = connection.open()
        return Route(f"{endpoint.url}/rerank", endpoint.key, use_proxy=endpoint.use_proxy)

    return route


@dataclass(frozen=True)
class Reranking:
    """One request with a question and texts."""

    route: FindRoute
    model: str
    question: str
    texts: list[str]
    seconds: float

    def do(self) -> Ranking:
        """Send the request."""
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

    def _options(self, route: Route) -> dict[str, Any]:
        return {
            "timeout": self.seconds,
            "trust_env": route.use_proxy,
            "verify": public_authorities(),
        }

    def _send(self, body: dict[str, Any]) -> Any:
        route = self.route()
        with httpx.Client(**self._options(route)) as client:
            reply = client.post(route.url, json=body, headers=_headers(route))
            return reply.raise_for_status().json()

    async def _asend(self, body: dict[str, Any]) -> Any:
        route = await asyncio.to_thread(self.route)
        async with httpx.AsyncClient(**self._options(route)) as client:
            reply = await client.post(route.url, json=body, headers=_headers(route))
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
        # An error of ours is that of a route that isn't there.
        key = None if isinstance(error, RagError) else self.route().key
        said = str(error) or type(error).__name__
        return shown(masked(said, [key.get_secret_value()] if key else []))


def _headers(route: Route) -> dict[str, str]:
    return {"Authorization": f"Bearer {route.key.get_secret_value()}"} if route.key else {}


class CrossEncoderJudge(ScoringJudge):
    """Scores texts by a rerank endpoint. Thread-safe.

    Args:
        url: of the rerank route itself; or a function that gives the route when it is needed.
        model: the model's name there.
        key: sent as the bearer token to that address.
        scoring: the thresholds, in shares of the way from the average to the best.
        seconds: the longest that one request may take; then everything is kept.
    """

    kind: JudgeKind = "cross-encoder"

    def __init__(
        self,
        url: str | FindRoute,
        *,
        model: str,
        key: SecretStr | None = None,
        scoring: Scoring | None = None,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(scoring)
        self._route = endpoint_at(url, key) if isinstance(url, str) else url
        self._model = model
        self._seconds = seconds

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    def _work(self, question: str, texts: list[str]) -> Reranking:
        return Reranking(self._route, self._model, question, texts, self._seconds)
