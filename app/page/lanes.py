"""What a lane can be: a pattern of the library or, where installed, one of its peers.

The page asks here and nowhere else, so that it need not know which is which.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from indexes import Context, SettingsError, Trace
from indexes.answers import Event, checked
from indexes.patterns import PATTERNS, find_pattern

from .conversation import MOST_LANES
from .opening import Opening
from .peers import Peers


@dataclass(frozen=True)
class Choice:
    """A lane that can be chosen.

    Attributes:
        name: what it is asked for by.
        summary: what it does, for people.
        counterpart: what LangChain calls the like.
    """

    name: str
    summary: str
    counterpart: str

    @property
    def line(self) -> str:
        """What it does, in as few words as where several are listed together allow."""
        first, *then = self.name.split("+")
        return ", then ".join([first.capitalize(), *then]) + "." if then else self.summary


class Lanes:
    """The lanes of an index.

    Args:
        opening: who is asked.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.choices = {
            row.name: Choice(row.name, row.summary, row.langchain) for row in PATTERNS.values()
        }
        self._peers: Peers | None = None
        self._peer_names: set[str] = set()

    @property
    def peers_known(self) -> bool:
        """Whether it is known what is installed of other frameworks."""
        return self._peers is not None

    def find_peers(self) -> None:
        """Add what is installed of other frameworks, once the index is open.

        What that takes is imported here: not for the event loop.
        """
        if self._peers is None:
            peers = Peers(self.opening.wait())
            found = {row[0]: Choice(*row) for row in peers.offered()}
            self._peer_names = set(found)
            self.choices |= found
            self._peers = peers

    @property
    def default(self) -> list[str]:
        """What is compared until someone chooses: the plain way, and the one that wins."""
        return [name for name in ("regular", "parent") if name in self.choices]

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

    def check(self, pattern: object) -> str:
        """The name of a lane, as the library spells it.

        Raises:
            SettingsError: there is none of that name.
        """
        if not isinstance(pattern, str):
            raise SettingsError("a pattern is chosen by its name")
        return pattern if pattern in self._peer_names else find_pattern(pattern).name

    def summary(self, pattern: str) -> Choice:
        """What a lane does; a composition that is not listed is described by its parts."""
        return self.choices.get(pattern, Choice(pattern, "", ""))

    async def aretrieve(
        self, question: str, pattern: str, options: dict[str, Any]
    ) -> tuple[list[Context], Trace]:
        """Contexts without an answer."""
        if self._peers is not None and pattern in self._peer_names:
            return await self._peers.aretrieve(pattern, question, options["budget"])
        index = await self.opening.index()
        return await index.aretrieve(question, pattern, **options)

    async def astream(
        self, question: str, pattern: str, trace: Trace, options: dict[str, Any]
    ) -> AsyncGenerator[Event, None]:
        """The answer as it comes.

        Args:
            question: what is asked.
            pattern: which lane.
            trace: the stages so far; the answer's begins with them.
            options: the index's, with the filter of what the visitor may see.
        """
        index = await self.opening.index()
        if pattern in self._peer_names:
            contexts, found = await self.aretrieve(question, pattern, options)
            trace.stages += found.stages
            events = index.aanswer(question, pattern, contexts, trace)
        else:
            events = index.astream(checked(question), pattern, trace=trace, **options)
        async with aclosing(events):
            async for event in events:
                yield event
