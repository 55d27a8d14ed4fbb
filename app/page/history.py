"""Comparisons that can be gone back to, each by an address that nobody can guess.

Whoever has an address of this server sees what it shows: so it can be sent to a colleague. A
visitor's comparisons go with the visitor, and the oldest give way; on a loopback page they stay on
its owner's disk (`shelf`).
"""

import threading
from collections import OrderedDict

from .conversation import Run
from .shelf import Entry, Shelf

_MOST_RUNS = 400
_MOST_OF_ONE = 40


class History:
    """The comparisons of all visitors, kept on `shelf` if there is one. Thread-safe."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._runs: OrderedDict[str, tuple[str, Run]] = OrderedDict()
        self._lock = threading.Lock()
        self._shelf = shelf

    @property
    def lasts(self) -> bool:
        """Whether comparisons are kept on disk."""
        return self._shelf is not None

    def keep(self, visitor: str, run: Run) -> None:
        """Keep a comparison; it may still be going on."""
        with self._lock:
            self._runs[run.id] = (visitor, run)
            mine = [name for name, (owner, _) in self._runs.items() if owner == visitor]
            for name in mine[:-_MOST_OF_ONE]:
                del self._runs[name]
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)

    def store(self, run: Run) -> None:
        """Put a comparison that has ended on disk, if that is where they are kept."""
        with self._lock:
            visitor, _ = self._runs.get(run.id, ("", None))
        if self._shelf is not None and visitor and not run.busy:
            self._shelf.save(visitor, _entry(run), run)

    def find(self, name: object) -> Run | None:
        """The comparison of an address; None if it isn't kept any more."""
        if not isinstance(name, str):
            return None
        with self._lock:
            found = self._runs.get(name)
        if found is not None:
            return found[1]
        return self._shelf.load(name) if self._shelf is not None else None

    def of(self, visitor: str) -> list[Entry]:
        """A visitor's own, the latest first."""
        if not visitor:
            return []
        with self._lock:
            found = [run for owner, run in self._runs.values() if owner == visitor]
        here = {run.id: _entry(run) for run in found[::-1]}
        older = self._shelf.entries(visitor) if self._shelf is not None else []
        return [*here.values(), *(entry for entry in older if entry.id not in here)][:_MOST_OF_ONE]

    def forget(self, visitor: str) -> None:
        """Let go of those of a visitor who is gone; what is on disk stays."""
        with self._lock:
            for name in [name for name, (owner, _) in self._runs.items() if owner == visitor]:
                del self._runs[name]

    def clear(self, visitor: str) -> None:
        """Delete all of a visitor's, on disk too."""
        self.forget(visitor)
        if self._shelf is not None and visitor:
            self._shelf.clear(visitor)


def _entry(run: Run) -> Entry:
    return Entry(run.id, run.asked, run.told)
