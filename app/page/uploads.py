"""What is being uploaded: how far each file is, and whose turn it is. No Gradio here."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from indexes import SettingsError

MOST_FILES = 20
# Uploads of all visitors that may wait; and of one.
_MOST_WAITING = 16
_MOST_OF_ONE = 3

Phase = Literal[
    "waiting", "reading", "indexing", "added", "updated", "unchanged", "failed", "cancelled"
]


@dataclass(frozen=True)
class Upload:
    """The progress of one uploaded file.

    Attributes:
        name: the file's
        phase: `waiting`, `reading`, `indexing`, then `added`, `updated`, `unchanged`, `failed` or
            `cancelled`
        done: pages read; while indexing, chunks stored
        total: pages to read, if it has any; then chunks to store
        reason: why it failed
        problems: what could not be read of it, though it was added
        ahead: uploads that come before it, while it waits
    """

    name: str
    phase: Phase = "waiting"
    done: int = 0
    total: int = 0
    reason: str = ""
    problems: tuple[str, ...] = ()
    ahead: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.phase in ("added", "updated", "unchanged", "failed", "cancelled")


class CancelledUploadError(Exception):
    """The visitor has cancelled the upload."""


class Turn:
    """A visitor's place in the queue; `cancelled` is set when it no longer wants it."""

    def __init__(self, line: "Line", visitor: str) -> None:
        self.visitor = visitor
        self.cancelled = threading.Event()
        self._line = line

    @property
    def ahead(self) -> int:
        """How many come first; 0 if it is this one's turn."""
        return self._line.before(self)

    def wait(self, seconds: float) -> int:
        """Wait until the line has moved, or for so long; returns how many come first."""
        return self._line.wait(self, seconds)

    def check(self) -> None:
        """Raise a `CancelledUploadError` once it is cancelled."""
        if self.cancelled.is_set():
            raise CancelledUploadError


class Line:
    """Uploads one after the other, in the order in which they came. Thread-safe."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()
        self._moved = threading.Condition()

    def join(self, visitor: str) -> Turn:
        """Take the last place.

        Raises:
            SettingsError: too many wait.
        """
        with self._moved:
            own = sum(turn.visitor == visitor for turn in self._turns)
            if own >= _MOST_OF_ONE:
                raise SettingsError(f"{own} of your uploads are not done yet: wait, or cancel them")
            if len(self._turns) >= _MOST_WAITING:
                raise SettingsError(
                    f"{len(self._turns)} uploads of others wait already: try again in a minute"
                )
            turn = Turn(self, visitor)
            self._turns.append(turn)
            return turn

    def leave(self, turn: Turn) -> None:
        """Make room for the next."""
        with self._moved:
            self._turns.remove(turn)
            self._moved.notify_all()

    def cancel(self, visitor: str) -> int:
        """Cancel all of a visitor's; returns how many there were."""
        with self._moved:
            own = [turn for turn in self._turns if turn.visitor == visitor]
            for turn in own:
                turn.cancelled.set()
            self._moved.notify_all()
            return len(own)

    def before(self, turn: Turn) -> int:
        """How many uploads come before this one."""
        with self._moved:
            return self._turns.index(turn)

    def wait(self, turn: Turn, seconds: float) -> int:
        """Wait until it has moved, or for so long; returns how many come first."""
        with self._moved:
            if self._turns.index(turn) and not turn.cancelled.is_set():
                self._moved.wait(seconds)
            return self._turns.index(turn)
