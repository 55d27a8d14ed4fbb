"""The engine in a process of its own, where it would stop all others or may be ended.

Optimising holds Python's interpreter lock for its whole run: 14 s for 8,000 vectors. And where
a disk is full, opening a shard can end the process: what was only logged is then written to
files that are mapped into memory.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from indexes.disks import MB, free_bytes
from indexes.errors import DiskError

NOTHING_TO_DO = 3
# Less room than that is tried out: a log's segment of 32 MB may have to be written anew.
_PLENTY = 64 * MB
# Nice, so that it takes what cores the foreground leaves.
_OPTIMIZE = """
import os, sys
from indexes.beside.ending import end_with
end_with(int(sys.argv[2]))
import qdrant_edge
if hasattr(os, "nice"):
    os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
done = shard.optimize()
shard.flush()
shard.close()
sys.exit(0 if done else 3)
"""
_OPEN = """
import sys
from indexes.beside.ending import end_with
end_with(int(sys.argv[2]))
import qdrant_edge
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.flush()
shard.close()
"""


def optimizer(shard: Path) -> subprocess.Popen[str]:
    """A process that optimises a shard which nobody has open.

    It ends with 0, or with `NOTHING_TO_DO`.
    """
    return _python(_OPTIMIZE, shard)


def try_to_open(shard: Path) -> None:
    """Where there is little room, see whether a shard can be opened before this process does.

    Raises:
        DiskError: it can't for want of room. What else may be wrong is not looked for.
    """
    if free_bytes(shard) >= _PLENTY:
        return
    process = _python(_OPEN, shard)
    process.communicate()
    if process.returncode < 0:
        raise DiskError(
            f"there is not enough room on the disk of {shard.parent} to open it "
            f"({ended(process.returncode)}): make room, and run it again"
        )


def ended(code: int) -> str:
    """How a process ended, in words."""
    try:
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"ended by signal {-code}"


def _python(script: str, shard: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", script, str(shard), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def give_memory_back() -> None:
    """Hand the system what a closed shard had: glibc would keep it for later.

    200 MB after 100,000 leaves. Other C libraries have no such call.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
