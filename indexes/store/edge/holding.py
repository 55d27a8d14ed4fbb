"""Who has a folder open: one process that may write to it, or some that copy from it."""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from indexes.errors import StoreLockedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LOCK = ".lock"
_HOLDER = "holder.json"


class Hold:
    """A folder held for writing, until it is given back.

    Args:
        folder: an existing one.

    Raises:
        StoreLockedError: another process has it open.
        OSError: it can't be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._holder = folder / _HOLDER
        self._lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise _held_by_another(folder) from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        # A courtesy: an index is read on a full disk, too, and half a note does no harm.
        with contextlib.suppress(OSError):
            note = json.dumps({"pid": os.getpid(), "since": since})
            self._holder.write_text(note, encoding="utf-8")

    def give_back(self) -> None:
        """Let others have the folder."""
        with contextlib.suppress(OSError):
            self._holder.unlink(missing_ok=True)
        self._lock.release()


@contextlib.contextmanager
def at_rest(folder: Path) -> Iterator[None]:
    """While the block runs nobody writes to a folder that this process can only read.

    Raises:
        StoreLockedError: another process has it open.
    """
    try:
        file = (folder / _LOCK).open("rb")
    except OSError:  # a copy, which nobody ever opened; or a lock that is its owner's secret
        yield
        return
    with file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held_by_another(folder) from error
        except OSError:  # a disk that knows no locks
            pass
        yield


def _held_by_another(folder: Path) -> StoreLockedError:
    return StoreLockedError(
        f"{folder} is open in {_described(folder / _HOLDER)}: stop that process, "
        "or share the index through a Qdrant server: --index http://…"
    )


def _described(holder: Path) -> str:
    """Who holds the lock, as far as its note can be read."""
    try:
        found = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {int(found['pid'])} since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
