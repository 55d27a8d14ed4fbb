"""What a lane of the page can be: a pattern of the library or, where installed, a peer of it.

Peers keep collections of their own beside the index's, filled when they are first asked. Those
know nothing of visitors: so they hold the server's documents only, and no visitor's.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexes import Context, RagError, Retrieved, SettingsError, Trace
from indexes.answers import Event
from indexes.lanes import Lane, LaneInfo, pattern_info
from indexes.patterns import PATTERNS, find_pattern

from .conversation import MOST_LANES
from .opening import Opening

if TYPE_CHECKING:
    from indexes import HierarchicalIndex

# Of the many that evaluation compares, those that stand for something here.
_PEERS = frozenset(
    {
        "langchain-regular",
        "langchain-parent",
        "langchain-extract",
        "langchain-filter",
        "llamaindex-auto-merging",
    }
)
# Lanes that look for passages at the same time. If all of many did, all would be done at the end,
# and the model would be idle until then.
_FIND_AT_ONCE = 8


@dataclass(frozen=True)
class Family:
    """Lanes that work alike, with what that is in a sentence."""

    key: str
    title: str
    about: str


FAMILIES = (
    Family("plain", "Plain search", "Small chunks are found, and given to the model as they are."),
    Family("parents", "Parent documents", "Small chunks are found, and given with what is around."),
    Family("compression", "Compression", "More is found than fits; only what helps is given."),
    Family("frameworks", "Other frameworks", "Their own retrievers, on the same documents."),
    Family("registered", "Registered here", "Patterns that were added where the page was started."),
)  # fmt: skip


class Lanes:
    """The lanes of an index that is open now or soon. Thread-safe."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self._peers: dict[str, LaneInfo] | None = None
        self._open: dict[str, Lane] = {}
        self._warm: set[str] = set()
        self._lock = threading.Lock()
        # Whether the embedding model was asked on this event loop before.
        self._connected = False
        self._finding = asyncio.Semaphore(_FIND_AT_ONCE)

    @property
    def choices(self) -> Mapping[str, LaneInfo]:
        """The patterns that are offered, by name."""
        patterns = {row.name: pattern_info(row) for row in PATTERNS.values()}
        return patterns | (self._peers or {})

    @property
    def families(self) -> Mapping[str, list[LaneInfo]]:
        """The patterns that are offered, by the keys of `FAMILIES`."""
        found: dict[str, list[LaneInfo]] = {family.key: [] for family in FAMILIES}
        for info in self.choices.values():
            found[_family(info)].append(info)
        return found

    @property
    def peers_known(self) -> bool:
        """Whether it is known what is installed of other frameworks."""
        return self._peers is not None

    def find_peers(self) -> None:
        """Add what is installed of other frameworks, once the index is open.

        Those that ask a language model to judge are left out where the model isn't fit to.
        What this takes is imported here: not for the event loop.
        """
        if self._peers is None:
            from indexes.evaluation.peers import describe_peer, peer_names

            judges = self.opening.wait().llm_capabilities.fits("judge")
            found = [describe_peer(name) for name in peer_names() if name in _PEERS]
            self._peers = {peer.name: peer for peer in found if judges or not peer.uses_llm}

    @property
    def default(self) -> list[str]:
        """What is compared until someone chooses: the plain way, and the one that wins."""
        return [name for name in ("regular", "parent") if name in PATTERNS]

    def check_all(self, patterns: object) -> list[str]:
        """The names of the lanes of a comparison, as they came from a browser.

        Raises:
            SettingsError: too many, none, or one of them unknown.
        """
        names = patterns if isinstance(patterns, list) else [patterns]
        if not 1 <= len(names) <= MOST_LANES:
            raise SettingsError(
                f"{len(names)} patterns are chosen: choose 2 to {MOST_LANES}, or one to ask"
            )
        return list(dict.fromkeys(map(self.check, names)))

    def check_choosing(self, names: Sequence[str]) -> None:
        """Raise a `SettingsError` if one of these can't ask some of the documents only."""
        if peers := [name for name in names if name in (self._peers or {})]:
            raise SettingsError(
                f"{peers[0]} searches all of the server's documents: take it out, or ask all"
            )

    def check(self, pattern: object) -> str:
        """Spell a lane's name as the library does.

        Raises:
            SettingsError: there is no such lane
        """
        if not isinstance(pattern, str):
            raise SettingsError("a pattern is chosen by its name")
        return pattern if pattern in (self._peers or {}) else find_pattern(pattern).name

    def info(self, pattern: str) -> LaneInfo:
        """What a lane is; of a composition that is not listed only the name is shown."""
        return self.choices.get(pattern, LaneInfo(name=pattern, summary="", what=""))

    async def aretrieve(
        self, question: str, pattern: str, options: dict[str, Any]
    ) -> tuple[list[Context], Trace]:
        """Retrieve contexts without an answer; `options` limit it to the visitor's documents."""
        index = await self.opening.index()
        if pattern not in (self._peers or {}):
            return await index.aretrieve(question, pattern, **options)
        peer = await asyncio.to_thread(self._peer, pattern, index)
        return await peer.aretrieve(question, budget=options["budget"])

    def cold(self, names: Sequence[str]) -> list[str]:
        """What is done at the first question only: other frameworks' lanes, and a connection."""
        peers = [name for name in names if name in (self._peers or {}) and name not in self._warm]
        return peers if self._connected else ["the embedding model", *peers]

    async def prepare(self, names: Sequence[str]) -> None:
        """Open what was not opened yet: what that takes is no lane's time.

        Raises:
            RagError: one can't be opened, or its documents can't be embedded.
        """
        index = await self.opening.index()
        if not self._connected:
            self._connected = True
            with suppress(RagError):  # the lanes will say it
                await index.embedding.aget_query_embedding("warm up")
        for name in self.cold(names):
            peer = await asyncio.to_thread(self._peer, name, index)
            await asyncio.to_thread(peer.prepare)
            await peer.aretrieve("warm up", budget=64)
            self._warm.add(name)

    def _peer(self, name: str, index: "HierarchicalIndex") -> Lane:
        from indexes.evaluation.peers import open_peer

        with self._lock:
            if name not in self._open:
                self._open[name] = open_peer(name, index, only=lambda found: not found.owner)
            return self._open[name]

    async def astream(
        self, question: str, pattern: str, trace: Trace, options: dict[str, Any]
    ) -> AsyncGenerator[Event, None]:
        """The answer as it comes.

        Args:
            question: what is asked.
            pattern: which lane.
            trace: the stages so far; the answer's begins with them.
            options: as `aretrieve` takes them.
        """
        index = await self.opening.index()
        only_written = index.settings.answer == "written"
        async with AsyncExitStack() as finding:
            await finding.enter_async_context(self._finding)
            if pattern in (self._peers or {}):
                contexts, found = await self.aretrieve(question, pattern, options)
                trace.stages += found.stages
                events = index.aanswer(question, pattern, contexts, trace)
            else:
                events = index.astream(question, pattern, trace=trace, **options)
            async with aclosing(events):
                async for event in events:
                    # What comes now is the model's work.
                    if only_written or not isinstance(event, Retrieved):
                        await finding.aclose()
                    yield event


def _family(info: LaneInfo) -> str:
    pattern = PATTERNS.get(info.name) if info.ours else None
    if pattern is None:
        return "frameworks"
    if pattern.source is not None:
        return "registered"
    if pattern.postprocessors:
        return "compression"
    return "plain" if pattern.method == "leaves" else "parents"
