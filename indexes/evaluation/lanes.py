"""Patterns and peers behind one call.

lane = open_lane("parent", index)               # a pattern of ours
lane = open_lane("langchain-parent", index)     # a peer
contexts, trace = lane.retrieve("…", budget=1024)
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from indexes.answers import Context
from indexes.compression.build import OVERFETCH
from indexes.errors import SettingsError
from indexes.evaluation.peers import describe_peer, open_peer, peer_names
from indexes.evaluation.peers.settings import PEERS
from indexes.index import HierarchicalIndex
from indexes.patterns import PATTERNS, find_pattern
from indexes.progress import OnProgress
from indexes.trace import Trace

# What may follow a pattern's name, and the setting that it is.
_CHANGES = {
    "dense": "search", "bm25": "search", "hybrid": "search", "llm": "judge", "embedding": "judge",
}  # fmt: skip
# Peers search by meaning only: so do these.
_WITHOUT_WORDS = ("regular@dense", "parent@dense")
# Peers' compressors ask a language model: so do these, whatever the provider.
_WITH_LLM = ("extract@llm", "filter@llm", "parent+extract@llm")


@dataclass(frozen=True)
class Description:
    """What a lane is, for people; `options` are the settings that make it so."""

    name: str
    framework: str
    what: str
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Lane(Protocol):
    """One way from a question to contexts."""

    @property
    def description(self) -> Description:
        """What it is."""

    def prepare(self, on_progress: OnProgress = ...) -> int:
        """Embed what it needs and has not; returns how many documents that were."""

    def retrieve(self, question: str, *, budget: int) -> tuple[list[Context], Trace]:
        """Contexts that fill a budget of cl100k tokens, best first."""


class PatternLane:
    """One of our own patterns, as it is or changed by what follows an @."""

    def __init__(self, name: str, index: HierarchicalIndex) -> None:
        pattern, *changes = name.split("@")
        self._name = name
        self._pattern = find_pattern(pattern).name
        settings = index.settings
        for change in changes:
            field = _CHANGES.get(change)
            if field is None:
                raise SettingsError(f"{name}: after @ comes one of {', '.join(_CHANGES)}")
            settings = settings.model_copy(update={field: change})
        self._index = (
            index
            if settings == index.settings
            else HierarchicalIndex(
                settings, engine=index.engine, embedding=index.embedding, llm=index.llm
            )
        )

    @property
    def description(self) -> Description:
        """What it is."""
        settings = self._index.settings
        made = self._index.store.fingerprint()
        pattern = find_pattern(self._pattern)
        options: dict[str, Any] = {"levels": list(made.levels), "search": settings.search}
        if pattern.postprocessors:
            embedding = settings.judge == "embedding" or (
                settings.judge == "auto" and settings.provider == "local"
            )
            options["judge"] = "embedding" if embedding else "llm"
            options["overfetch"] = settings.overfetch or OVERFETCH
        return Description(self._name, "this project", pattern.summary, options)

    def prepare(self, on_progress: OnProgress = lambda _: None) -> int:
        """Nothing: what is in the index can be searched."""
        return 0

    def retrieve(self, question: str, *, budget: int) -> tuple[list[Context], Trace]:
        """Contexts that fill the budget."""
        return self._index.retrieve(question, self._pattern, budget=budget)


class PeerLane:
    """Another framework's retriever."""

    def __init__(self, name: str, index: HierarchicalIndex) -> None:
        self._peer = open_peer(name, index)

    @property
    def description(self) -> Description:
        """What it is."""
        made = self._peer.settings
        return Description(made.name, made.framework, made.what, made.options, made.notes)

    def prepare(self, on_progress: OnProgress = lambda _: None) -> int:
        """Cut and embed what is new in the index."""
        return self._peer.prepare(on_progress)

    def retrieve(self, question: str, *, budget: int) -> tuple[list[Context], Trace]:
        """Contexts that fill the budget."""
        return self._peer.retrieve(question, budget=budget)


def lane_names(*, with_llm: bool = True) -> list[str]:
    """All that can be opened here: our patterns, then peers whose packages are installed."""
    return [
        *PATTERNS,
        *_WITHOUT_WORDS,
        *(_WITH_LLM if with_llm else ()),
        *(name for name in peer_names() if with_llm or not describe_peer(name).uses_llm),
    ]


def open_lane(name: str, index: HierarchicalIndex) -> Lane:
    """A lane by the name of a pattern, or combination of patterns, or of a peer.

    Raises:
        SettingsError: there is none of that name, or its packages are not installed.
    """
    if any(peer.name == name for peer in PEERS):
        return PeerLane(name, index)
    try:
        return PatternLane(name, index)
    except SettingsError as error:
        known = ", ".join(lane_names())
        raise SettingsError(f"no lane is called {name!r}: choose one of {known}") from error
