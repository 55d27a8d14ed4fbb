"""Comparisons that can be gone back to, each by an address that nobody can guess.

Whoever has an address of this server sees what it shows: so it can be sent to a colleague. A
visitor's comparisons go with the visitor, and the oldest give way.
"""

import threading
from collections import OrderedDict

from .conversation import Run

_MOST_RUNS = 400
_MOST_OF_ONE = 40


class History:
    """The comparisons of all visitors. Thread-safe."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, tuple[str, Run]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, visitor: str, run: Run) -> None:
        """Keep a comparison; it may still be going on."""
        with self._lock:
            self._runs[run.id] = (visitor, run)
            mine = [name for name, (owner, _) in self._runs.items() if owner == visitor]
            for name in mine[:-_MOST_OF_ONE]:
                del self._runs[name]
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)

    def find(self, name: object) -> Run | None:
        """The comparison of an address; None if it isn't kept any more."""
        with self._lock:
            found = self._runs.get(name) if isinstance(name, str) else None
        return found[1] if found else None

    def of(self, visitor: str) -> list[Run]:
        """A visitor's own, the latest first."""
        with self._lock:
            found = [run for owner, run in self._runs.values() if visitor and owner == visitor]
        return found[::-1]

    def forget(self, visitor: str) -> None:
        """Delete those of a visitor who is gone."""
        with self._lock:
            for name in [name for name, (owner, _) in self._runs.items() if owner == visitor]:
                del self._runs[name]
