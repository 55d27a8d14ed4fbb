"""A user's function as the judge: question and texts in, a score for each text out.

register_judge("mine", lambda question, texts: model.predict([(question, t) for t in texts]))
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from indexes.compression.scoring_judge import Ranking, ScoringJudge
from indexes.compression.similarity import Scoring
from indexes.compression.work import TimedOutError, in_threads


@dataclass(frozen=True)
class _Calling:
    """One call with a question and texts, in a thread whoever asks."""

    function: Callable[..., Any]
    question: str
    texts: list[str]
    seconds: float

    def do(self) -> Ranking:
        """Call the function."""
        (outcome,) = in_threads(self._call, [self.texts], at_once=1, seconds=self.seconds)
        nothing = np.zeros(0)
        if isinstance(outcome, BaseException):
            said = " ".join(str(outcome).split())[:200] or type(outcome).__name__
            return Ranking(
                nothing, "timeout" if isinstance(outcome, TimedOutError) else "failed", said
            )
        try:
            scores = np.array([float(score) for score in outcome])
        except (TypeError, ValueError, OverflowError):
            return Ranking(nothing, "unreadable", "no list of numbers")
        if len(scores) != len(self.texts) or not np.isfinite(scores).all():
            return Ranking(nothing, "unreadable", f"no {len(self.texts)} scores, one for each text")
        return Ranking(scores)

    async def ado(self) -> Ranking:
        """The same, off the event loop."""
        return await asyncio.to_thread(self.do)

    def _call(self, texts: list[str]) -> Any:
        found = self.function(question=self.question, texts=texts)
        # In a thread of its own, where no event loop runs.
        return asyncio.run(_awaited(found)) if inspect.isawaitable(found) else found


async def _awaited(found: Awaitable[Any]) -> Any:
    return await found


class FunctionJudge(ScoringJudge):
    """Scores texts by a function. As thread-safe as the function is.

    Args:
        name: what it is registered as
        function: called with `question` and `texts`; it may be async
        scoring: the thresholds, as shares of the way from the average to the best
        seconds: the longest call; after that everything is kept
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        scoring: Scoring | None = None,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(scoring)
        self.kind = name
        self._function = function
        self._seconds = seconds

    @property
    def model(self) -> str:
        """The function's name."""
        return getattr(self._function, "__name__", type(self._function).__name__)

    def _work(self, question: str, texts: list[str]) -> _Calling:
        return _Calling(self._function, question, texts, self._seconds)
