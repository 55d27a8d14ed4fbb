"""A cross-encoder as the judge, behind a rerank endpoint: llama.cpp's, in this process or
elsewhere, vLLM's, Jina's, Cohere's, Voyage's or TEI's.

    judge = CrossEncoderJudge("http://localhost:8080/v1/rerank", model="bge-reranker-v2-m3")

It reads question and text together, which finds more than comparing two vectors does. All
texts of a question go in one request, or in as few as are taken: what an endpoint refuses
teaches how it is asked (`_Manner`), and what passes is waited for.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
import numpy as np
from pydantic import SecretStr

from indexes.certificates import authorities, proxy_of
from indexes.compression.scoring_judge import Ranking, ScoringJudge
from indexes.compression.similarity import Scoring
from indexes.compression.verdicts import JudgeKind
from indexes.compression.work import TimedOutError, in_threads, on_the_loop
from indexes.errors import RagError, masked, shown
from indexes.models.endpoint import Connection
from indexes.models.refusals import Refusal, refusal_of

# What a server calls the texts. Most pass over the other name.
_NAMES = ("documents", "texts")
_SCORES = ("relevance_score", "score", "relevanceScore")
_LISTS = ("results", "data", "output")
_BUSY = {429, 502, 503, 504, 529}
_AT_ONCE = 4
# Requests that are refused, each for something else, or that fail in passing.
_MOST_TRIES = 12
_MOST_PAUSES = 3
_PAUSE_SECONDS = 0.5
_KEPT_WHEN_TOO_LONG = 0.6
_SHORTEST = 16


@dataclass(frozen=True)
class Route:
    """A rerank endpoint.

    Attributes:
        url: of the route itself
        key: sent as the bearer token
        use_proxy: whether the environment's proxy settings apply
        headers: sent, too
        ca_bundle: certificates to trust beside the usual ones
    """

    url: str
    key: SecretStr | None = None
    use_proxy: bool = True
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    ca_bundle: Path | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """The headers that nobody else may see."""
        bearer = {"Authorization": f"Bearer {self.key.get_secret_value()}"} if self.key else {}
        own = {name: value.get_secret_value() for name, value in self.headers.items()}
        return {**bearer, **own}


# Gives the route, once it is needed; a local model is loaded by that.
FindRoute: TypeAlias = Callable[[], Route]


def endpoint_at(url: str, key: SecretStr | None = None, **more: Any) -> FindRoute:
    """A route that is there already; `more` as `Route` has it."""
    route = Route(url.strip(" \t\r\n'\""), key, **more)
    return lambda: route


def served_by(connection: Connection) -> FindRoute:
    """The route of a server that answers like llama.cpp's, and starts when it is needed."""

    def route() -> Route:
        endpoint = connection.open()
        return Route(f"{endpoint.url}/rerank", endpoint.key, use_proxy=endpoint.use_proxy)

    return route


@dataclass(frozen=True)
class _Manner:
    """How an endpoint is asked, as its refusals have taught.

    Attributes:
        names: what the texts are called
        batch: texts in one request, at most; None for all
        longest: characters of a text, at most; None for all
        cut: whether it is asked to cut what it can't read, as TEI is
    """

    names: tuple[str, ...] = _NAMES
    batch: int | None = None
    longest: int | None = None
    cut: bool = False

    def after(self, refusal: Refusal, texts: Sequence[str]) -> "_Manner | None":
        """What to try next; None if nothing helps."""
        count, longest = len(texts), max(map(len, texts))
        if refusal.is_too_many_texts and count > 1:
            return replace(self, batch=refusal.limit_below(count) or count // 2)
        if refusal.is_too_long:
            if not self.cut:
                return replace(self, cut=True)
            shorter = round(longest * _KEPT_WHEN_TOO_LONG)
            return replace(self, longest=shorter) if shorter >= _SHORTEST else None
        if len(self.names) == 1 or refusal.status not in (400, 422):
            return None
        named = [name for name in self.names if re.search(rf"\b{name}\b", refusal.words)]
        rest = tuple(name for name in self.names if name not in named)
        return replace(self, names=rest) if named and rest else None


class _Learnt:
    """The manner that all calls of a judge share."""

    def __init__(self) -> None:
        self.manner = _Manner()


@dataclass(frozen=True)
class Reranking:
    """A question and texts to be scored, in as many requests as it takes."""

    route: FindRoute
    model: str
    question: str
    texts: list[str]
    seconds: float
    learnt: _Learnt

    def do(self) -> Ranking:
        """Send the requests."""
        asked = _Asked(self)
        while bodies := asked.bodies():
            asked.take(in_threads(self._send, bodies, at_once=_AT_ONCE, seconds=self.seconds))
            time.sleep(asked.pause)
        return asked.ranking()

    async def ado(self) -> Ranking:
        """The same on the event loop."""
        asked = _Asked(self)
        while bodies := asked.bodies():
            asked.take(
                await on_the_loop(self._asend, bodies, at_once=_AT_ONCE, seconds=self.seconds)
            )
            await asyncio.sleep(asked.pause)
        return asked.ranking()

    def _options(self, route: Route) -> dict[str, Any]:
        return {
            "timeout": self.seconds,
            "trust_env": route.use_proxy and proxy_of(urlsplit(route.url)) is not None,
            "verify": authorities(route.ca_bundle),
            "headers": route.secrets,
        }

    def _send(self, body: dict[str, Any]) -> Any:
        route = self.route()
        with httpx.Client(**self._options(route)) as client:
            return client.post(route.url, json=body).raise_for_status().json()

    async def _asend(self, body: dict[str, Any]) -> Any:
        route = await asyncio.to_thread(self.route)
        async with httpx.AsyncClient(**self._options(route)) as client:
            return (await client.post(route.url, json=body)).raise_for_status().json()

    def said(self, error: BaseException) -> str:
        """What went wrong, and what to change."""
        if isinstance(error, httpx.HTTPStatusError):
            refusal = refusal_of(error.response)
            told = f"the rerank endpoint answered {refusal.status} ({refusal.said})"
            fix = {401: "RAG_API_KEY", 403: "RAG_API_KEY"}.get(refusal.status, "RAG_RERANK_URL")
            error = ValueError(f"{told}: change {fix}" if refusal.status < 429 else told)
        elif isinstance(error, ValueError):
            error = ValueError(f"the rerank endpoint gave no JSON ({error}): change RAG_RERANK_URL")
        # An error of ours is that of a route that isn't there.
        hidden = [] if isinstance(error, RagError) else list(self.route().secrets.values())
        said = str(error) or type(error).__name__
        return shown(masked(said, [secret.removeprefix("Bearer ") for secret in hidden]))


class _Asked:
    """One reranking: what is still to be scored, and what came of it so far."""

    def __init__(self, work: Reranking) -> None:
        self.pause = 0.0
        self._work = work
        self._scores = np.full(len(work.texts), np.nan)
        self._left = list(range(len(work.texts)))
        self._sent: list[list[int]] = []
        self._manner = work.learnt.manner
        self._tries = self._pauses = 0
        self._failed: Ranking | None = None

    def bodies(self) -> list[dict[str, Any]]:
        """The requests that are to be sent now; none when all is done."""
        if self._failed is not None or not self._left:
            return []
        manner, work = self._work.learnt.manner, self._work
        self._manner = manner
        size = manner.batch or len(self._left)
        self._sent = [self._left[at : at + size] for at in range(0, len(self._left), size)]
        return [
            {
                "model": work.model,
                "query": work.question,
                **{
                    name: [work.texts[n][: manner.longest] for n in places] for name in manner.names
                },
                **({"truncate": True} if manner.cut else {}),
            }
            for places in self._sent
        ]

    def take(self, outcomes: Sequence[Any]) -> None:
        """Take in what came of them."""
        self.pause, self._tries = 0.0, self._tries + 1
        for places, outcome in zip(self._sent, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                if not self._goes_on(places, outcome):
                    late = isinstance(outcome, TimedOutError | httpx.TimeoutException)
                    said = self._work.said(outcome)
                    self._failed = Ranking(np.zeros(0), "timeout" if late else "failed", said)
            else:
                self._read(places, outcome)

    def ranking(self) -> Ranking:
        """All scores, or what went wrong."""
        return self._failed or Ranking(self._scores)

    def _goes_on(self, places: list[int], error: BaseException) -> bool:
        """Whether something else can be tried, which is then what is sent next."""
        if not isinstance(error, httpx.HTTPStatusError) or self._tries >= _MOST_TRIES:
            return False
        refusal, learnt = refusal_of(error.response), self._work.learnt
        sent = [self._work.texts[place][: self._manner.longest] for place in places]
        if (manner := self._manner.after(refusal, sent)) is not None:
            # Of several that were refused together, one teaches.
            learnt.manner = manner if learnt.manner == self._manner else learnt.manner
            return True
        # Several that are refused together are one reason to wait.
        self._pauses += not self.pause
        pause = refusal.wait or _PAUSE_SECONDS * 2 ** (self._pauses - 1)
        passes = refusal.status in _BUSY and self._pauses <= _MOST_PAUSES and not refusal.is_spent
        if not passes or pause > self._work.seconds:
            return False
        self.pause = max(self.pause, pause)
        return True

    def _read(self, places: list[int], outcome: Any) -> None:
        try:
            for place, score in _scores_in(outcome):
                if 0 <= place < len(places):
                    self._scores[places[place]] = score
        except (KeyError, TypeError, ValueError):
            self._failed = Ranking(
                np.zeros(0), "unreadable", "no list of an index and a score each"
            )
            return
        missing = int(np.count_nonzero(~np.isfinite(self._scores[places])))
        if missing:
            note = f"{missing} of {len(places)} scores are missing"
            self._failed = Ranking(np.zeros(0), "unreadable", note)
        self._left = [place for place in self._left if place not in set(places)]


def _scores_in(outcome: Any) -> Iterator[tuple[int, float]]:
    """Places and scores, as Jina, Cohere, Voyage, DashScope, a Bedrock gateway or TEI has them."""
    while isinstance(outcome, dict):
        outcome = _first_of(outcome, _LISTS)
    for result in outcome:
        yield int(result["index"]), float(_first_of(result, _SCORES))


def _first_of(held: Mapping[str, Any], names: Sequence[str]) -> Any:
    return held[next((name for name in names if name in held), names[0])]


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
        self._learnt = _Learnt()

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    def _work(self, question: str, texts: list[str]) -> Reranking:
        return Reranking(self._route, self._model, question, texts, self._seconds, self._learnt)
