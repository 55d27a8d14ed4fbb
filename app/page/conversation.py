"""The state of one browser tab: its lanes, their views, and earlier turns. No Gradio here.

A run is one question to two to four lanes. Each lane's work is a task of its own, so that
stopping ends it whatever it waits for, and no lane knows of another's trouble.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from indexes import SettingsError, Trace
from indexes.answers import Turn
from indexes.trace import Stage

from .view import View

if TYPE_CHECKING:
    from indexes.evaluation.questions import Reference

Result = TypeVar("Result")

MOST_LANES = 4
# Turns that a follow-up question may go back to.
_MOST_TURNS = 8


@dataclass
class Run:
    """One question to several lanes.

    Attributes:
        id: its own, which nobody can guess.
        asked: the question as it was typed.
        question: the question as it was understood.
        condensed: the stage that understood it, where it was a follow-up.
        options: what the settings make of retrieval.
        views: one for each lane.
        notice: what is to be known about it, such as that documents were missing.
        preparing: seconds that were spent before, on what is done once only.
        model: who answers.
        scope: which documents were asked.
        documents: the same as it was chosen; empty for all.
        blind: whether the lanes have no names until someone has voted.
        vote: the patterns that were voted for, once someone has.
        judged: what a capable model said of the answers, once it was asked.
        began: when, by the server's clock.
        stopped: that no lane is to begin any more.
        started: which lanes have begun, from 0.
        followed: whether what they share is being shown.
        references: where the evidence is, if that is known.
        words: what stands there, for each; empty as long as that is not known.
    """

    asked: str
    question: str
    condensed: Stage | None
    options: dict[str, Any]
    views: list[View]
    notice: str = ""
    preparing: float = 0.0
    model: str = ""
    scope: str = ""
    documents: tuple[str, ...] = ()
    blind: bool = False
    vote: tuple[str, ...] | None = None
    judged: str = ""
    began: datetime = field(default_factory=datetime.now)
    stopped: bool = False
    started: set[int] = field(default_factory=set)
    followed: bool = False
    references: tuple["Reference", ...] = ()
    words: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def busy(self) -> bool:
        """Whether any lane still works, or waits for its turn."""
        return any(view.busy for view in self.views)

    @property
    def hidden(self) -> bool:
        """Whether it is not to be told yet which lane is which."""
        return self.blind and self.vote is None

    @property
    def told(self) -> str:
        """Patterns, budget and time, in a line."""
        budget = self.options.get("budget")
        names = "blind" if self.hidden else ", ".join(view.pattern for view in self.views)
        parts = [names, f"budget {budget:,}" if budget else "", f"{self.began:%d %b, %H:%M}"]
        return " · ".join(filter(None, parts))

    def stop(self) -> None:
        """Let no further lane begin; those that write are ended elsewhere."""
        self.stopped = True
        for place, view in enumerate(self.views):
            if place not in self.started:
                self.views[place] = replace(view, phase="stopped")

    def trace(self) -> Trace:
        """What a lane's trace begins with."""
        return Trace(stages=[self.condensed] if self.condensed else [])


class Tab:
    """One tab of one visitor: the latest run, and the conversation that led to it."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.turns: list[Turn] = []
        # Whether someone stopped what a question waits for.
        self.halted = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(
        self,
        asked: str,
        question: str,
        patterns: Sequence[str],
        *,
        options: dict[str, Any] | None = None,
        condensed: Stage | None = None,
        notice: str = "",
        preparing: float = 0.0,
    ) -> Run:
        """Start a run; its lanes wait for their turns.

        Raises:
            SettingsError: too many lanes, or the one before still runs.
        """
        self.check_idle()
        if not 1 <= len(patterns) <= MOST_LANES:
            raise SettingsError(f"choose 2 to {MOST_LANES} patterns to compare, or one to ask")
        views = [
            View(lane, "waiting", question, pattern, partial=notice)
            for lane, pattern in enumerate(patterns, 1)
        ]
        self.run = Run(asked, question, condensed, dict(options or {}), views, notice, preparing)
        return self.run

    def check_idle(self) -> None:
        """Raise a `SettingsError` while a question is being answered."""
        if self.run is not None and self.run.busy:
            raise SettingsError("a question is being answered: wait for it, or stop it")

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begin something that `stop` can end."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def stop(self) -> None:
        """End everything at once, also what waits for a model or for its turn."""
        self.halted = True
        if self.run is not None:
            self.run.stop()
        for task in tuple(self._tasks):
            # Whoever closes a tab may do so from another thread.
            task.get_loop().call_soon_threadsafe(task.cancel)

    def remember(self, run: Run) -> None:
        """Keep a run as a turn of the conversation, once its lanes have ended."""
        if run is not self.run or run.busy:
            return
        told = next((view.text for view in run.views if view.phase == "done"), None)
        if told is not None and not (self.turns and self.turns[-1].question == run.question):
            self.turns = [*self.turns, Turn(question=run.question, answer=told)][-_MOST_TURNS:]

    def forget(self) -> None:
        """Begin a new conversation."""
        self.turns = []
