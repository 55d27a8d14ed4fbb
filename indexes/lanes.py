"""A lane: a pattern that is being compared, ours or another framework's, as it is set up.

    lane = PatternLane("parent", index)
    lane = PatternLane("parent@dense", index)     # the same, searching by meaning only
    contexts, trace = lane.retrieve("…", budget=1024)

Which there are, and those of other frameworks: `indexes.evaluation.lanes`.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from indexes.answers import Context
from indexes.errors import SettingsError
from indexes.patterns import Pattern, find_pattern
from indexes.progress import OnProgress
from indexes.trace import Trace

if TYPE_CHECKING:
    from indexes.index import HierarchicalIndex
    from indexes.query_options import RetrievalOptions

# What may follow a pattern's name, and the option that it sets.
_CHANGES: dict[str, dict[str, Any]] = {
    **{mode: {"search": mode} for mode in ("dense", "bm25", "hybrid")},
    **{judge: {"judge": judge} for judge in ("llm", "embedding")},
    "chosen": {"fill": False},
}


@dataclass(frozen=True, kw_only=True)
class LaneInfo:
    """What a lane is, for people.

    Attributes:
        name: what it is chosen by
        framework: whose it is
        summary: what it does, in a sentence
        what: the class that it stands for; of ours, the summary
        options: the settings that make it so, by their names there
        notes: known defects, and what was done about them
        uses_llm: whether each question costs calls of a language model
    """

    name: str
    framework: str = "this project"
    summary: str
    what: str
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    uses_llm: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is one of this project's patterns."""
        return self.framework == "this project"


class Lane(ABC):
    """One way from a question to contexts."""

    @property
    @abstractmethod
    def info(self) -> LaneInfo:
        """What it is."""

    def prepare(self, on_progress: OnProgress = lambda _: None) -> int:
        """Embed what it needs and has not; returns how many documents that were."""
        return 0

    @abstractmethod
    def retrieve(self, question: str, *, budget: int | None = None) -> tuple[list[Context], Trace]:
        """Contexts that fill a budget, best first.

        Args:
            question: what is asked
            budget: cl100k tokens of context; by default the settings'

        Raises:
            SettingsError: the question is empty or too long
            StoreError: nothing is indexed, or the engine fails
            ModelError: a model fails, or answers what can't be read
        """

    async def aretrieve(
        self, question: str, *, budget: int | None = None
    ) -> tuple[list[Context], Trace]:
        """The same, in a thread: whoever is cancelled waits for none of it."""
        return await asyncio.to_thread(self.retrieve, question, budget=budget)


class PatternLane(Lane):
    """One of our own patterns, as it is or changed by what follows an @.

    Args:
        name: of a pattern, or combination of patterns; then `@dense`, `@llm`, …
        index: where it searches

    Raises:
        SettingsError: there is no such pattern, or no such change
    """

    def __init__(self, name: str, index: "HierarchicalIndex") -> None:
        pattern, *changes = name.split("@")
        self._name = name
        self._pattern = find_pattern(pattern)
        self._index = index
        for change in changes:
            if change not in _CHANGES:
                raise SettingsError(f"{name}: after @ comes one of {', '.join(_CHANGES)}")
        options = {key: value for change in changes for key, value in _CHANGES[change].items()}
        self._options = cast("RetrievalOptions", options)

    @property
    def info(self) -> LaneInfo:
        """What it is, with the settings that it is run with."""
        settings = self._index.settings
        options: dict[str, Any] = {
            "levels": list(self._index.store.fingerprint().levels),
            "search": self._options.get("search", settings.search),
        }
        uses_llm = False
        if self._pattern.postprocessors:
            from indexes.compression.build import OVERFETCH

            judge = self._options.get("judge") or self._index.judge.kind
            uses_llm = judge == "llm"
            options |= {"judge": judge, "overfetch": settings.overfetch or OVERFETCH}
            fill = self._options.get("fill", settings.fill)
            options |= {} if fill else {"fill": fill}
        info = pattern_info(self._pattern)
        return replace(info, name=self._name, options=options, uses_llm=uses_llm)

    def retrieve(self, question: str, *, budget: int | None = None) -> tuple[list[Context], Trace]:
        """Contexts that fill a budget."""
        options: RetrievalOptions = {**self._options, "budget": budget}
        return self._index.retrieve(question, self._pattern.name, **options)


def pattern_info(pattern: Pattern) -> LaneInfo:
    """What a pattern is, before any index is opened."""
    return LaneInfo(name=pattern.name, summary=pattern.summary, what=pattern.summary)
