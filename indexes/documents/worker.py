"""The process that reads files, one after another, within limits; `sandbox` starts it.

It imports neither LlamaIndex nor the engine, knows no secrets, and ends when nobody has
asked for anything in a minute, or when the one who started it is gone.
"""

import contextlib
import gc
import os
import select
import sys
import time
from pathlib import Path
from typing import BinaryIO

from indexes.documents.pages import told
from indexes.documents.reader import FromBytes, Reader, resolved
from indexes.documents.task import Outcome, Task, receive_task, run, send, send_page

IDLE_SECONDS = 60.0


def main() -> None:
    """Read tasks from standard input until it ends; answer on standard output."""
    tasks = sys.stdin.buffer
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    while _waited_for(tasks) and (received := receive_task(tasks)):
        task, data = received
        _limit(task)
        gc.disable()  # or it goes through all elements of a large page again and again
        with told(lambda done, known: send_page(answers, done, known)):
            outcome = _outcome(task, data)
        gc.enable()
        send(answers, outcome)


def _waited_for(tasks: BinaryIO) -> bool:
    if sys.platform == "win32":  # there, only sockets can be waited for
        return True
    return bool(select.select([tasks], [], [], IDLE_SECONDS)[0])


def _outcome(task: Task, data: bytes) -> Outcome:
    try:
        function = resolved(task.function) if task.from_bytes else None
    except (ImportError, AttributeError) as error:
        return Outcome(error=f"cannot be read ({error}): define its reader where it can be found")
    reader = Reader(
        task.reader,
        (),
        "",
        FromBytes(function) if function is not None else task.function,
        task.extra,
    )
    return run(reader, data, task.reading, task.levels)


def _limit(task: Task) -> None:
    """Let the system end this process when it takes more than it may."""
    with contextlib.suppress(ImportError):  # there is no such thing on Windows
        import resource

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            _, most = resource.getrlimit(resource.RLIMIT_CPU)
            until = int(time.process_time() + task.processor_seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (until, most))
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (_address_space() + task.memory_bytes, most))


def _address_space() -> int:
    """What this process has already, in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
