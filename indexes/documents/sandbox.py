"""Files are read in processes that may take no more than they are allowed, and are thrown away.

A file is hostile until it is read: a kilobyte can describe a gigabyte, or a day of work. So
reading, finding sentences and headings, and cutting into the tree all happen in `worker`, a
process without secrets whose memory and time are limited by the system. One that takes
more is ended, with a line that says so; the caller's own process only waits.

Processes are used again for the next file, and end by themselves when there is none.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from indexes.documents.extracted import UnreadableError
from indexes.documents.limits import Limits
from indexes.documents.pages import OnPage, ignore, told
from indexes.documents.reader import FromBytes, Reader, Reading
from indexes.documents.task import (
    HEADER_BYTES,
    Outcome,
    Task,
    importable,
    outcome_of,
    outcome_size,
    page_of,
    run,
    send,
)
from indexes.documents.worker import IDLE_SECONDS

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from indexes.documents.worker import main; main()"
)
# Of the environment, what a program needs to run; no keys, no credentials.
_ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "TESSDATA_PREFIX",
)  # fmt: skip
_USES = 200
_MOST_OUTCOME = 4  # times the memory that reading may take
_PIECE = 1 << 20
# One that has waited longer may be about to end.
_FRESH_SECONDS = IDLE_SECONDS / 2


def read_limited(
    reader: Reader,
    data: bytes,
    reading: Reading,
    limits: Limits,
    levels: tuple[int, ...] = (),
    on_page: OnPage = ignore,
) -> Outcome:
    """Read a file in another process, within limits, and cut it if `levels` are given. Thread-safe.

    Args:
        reader: of its format
        data: its bytes
        reading: how to read it
        limits: what that may take
        levels: sizes of chunks, root first
        on_page: told how many pages are read, and of how many

    Raises:
        UnreadableError: it can't be read, or not within these limits
    """
    found = importable(reader)
    if limits.in_process or found is None:
        with told(on_page):
            outcome = run(reader, data, reading, levels)
    else:
        function, from_bytes = found
        task = Task(
            reader=reader.name,
            function=function,
            from_bytes=from_bytes,
            extra=reader.extra,
            reading=reading,
            levels=levels,
            processor_seconds=limits.processor_seconds(len(data), ocr=reading.ocr),
            memory_bytes=limits.memory_bytes(ocr=reading.ocr),
        )
        if isinstance(reader.function, FromBytes):
            _idle.know(function, reader.function.read)
        wall = limits.wall_seconds(len(data), ocr=reading.ocr)
        outcome = _idle.read(task, data, wall, limits, on_page)
    if outcome.error or outcome.extracted is None:
        raise UnreadableError(
            _too_much_memory(limits) if outcome.error == "memory" else outcome.error
        )
    return outcome


class _Worker:
    """A process that reads.

    Args:
        era: when it was started, as `_Idle` counts
    """

    def __init__(self, era: int) -> None:
        self.era = era
        self.path = _path()
        self.waits_since = time.monotonic()
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self.uses = 0
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", _START, json.dumps(self.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**kept, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                start_new_session=True,
            )
        except OSError as error:
            raise UnreadableError(
                f"no process can be started to read it in ({error.strerror or error}): set "
                "RAG_READ_IN_PROCESS=true to read files in this one, without limits"
            ) from error

    def read(
        self, task: Task, data: bytes, wall: float, limits: Limits, on_page: OnPage
    ) -> Outcome:
        """The outcome of a task; after an error this worker is of no more use."""
        self.uses += 1
        sender = threading.Thread(target=self._send, args=(task, data), daemon=True)
        sender.start()
        until = time.monotonic() + wall
        header = self._receive(HEADER_BYTES, until, limits)
        while not (size := outcome_size(header)):
            on_page(*page_of(header))
            header = self._receive(HEADER_BYTES, until, limits)
        if size > task.memory_bytes * _MOST_OUTCOME:
            raise UnreadableError("holds more text than one document may: split it")
        body = self._receive(size, until, limits)
        try:
            outcome = outcome_of(body)
        except ValueError as error:
            raise UnreadableError("took over the process that read it: leave it out") from error
        sender.join()
        return outcome

    def _send(self, task: Task, data: bytes) -> None:
        # A process that ends early hears no more.
        with contextlib.suppress(OSError, ValueError):
            send(self._pipe(self._process.stdin), task, data)

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None  # noqa: S101 - both were asked for
        return pipe

    def _receive(self, size: int, until: float, limits: Limits) -> bytes:
        pipe = self._pipe(self._process.stdout)
        parts: list[bytes] = []
        while size:
            ready = (
                sys.platform == "win32"
                or select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]
            )
            if not ready:
                raise UnreadableError(_too_long(limits))
            part = os.read(pipe.fileno(), min(size, _PIECE))
            if not part:
                raise UnreadableError(self._why_it_ended(limits))
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _why_it_ended(self, limits: Limits) -> str:
        code = self._process.wait()
        if sys.platform != "win32" and code in (-signal.SIGXCPU, -signal.SIGKILL):
            return _too_long(limits)
        ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return (
            f"ended the process that read it ({ended}), as broken files do and ones that need "
            f"more than {limits.memory_mb} MB: convert it, or raise RAG_READING_MEMORY_MB"
        )

    def end(self) -> None:
        """End the process, and whatever it has started."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                self._pipe(pipe).close()
        self._process.wait()

    @property
    def lives(self) -> bool:
        """Whether it still waits for tasks, and will for a while."""
        waits = time.monotonic() - self.waits_since
        return waits < _FRESH_SECONDS and self._process.poll() is None


class _Idle:
    """Workers that wait for a file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._owner = os.getpid()
        self._code: dict[str, object] = {}
        self._era = 0

    def know(self, place: str, function: object) -> None:
        """Note what a user's function is now: who has imported another reads no more.

        Args:
            place: its module and name
            function: it; a module that is reloaded may change it in place
        """
        code = getattr(function, "__code__", function)
        with self._lock:
            if self._code.setdefault(place, code) is not code:
                self._code[place] = code
                self._era += 1

    def read(
        self, task: Task, data: bytes, wall: float, limits: Limits, on_page: OnPage
    ) -> Outcome:
        """Have one of them read, or a new one."""
        worker = self._take()
        try:
            outcome = worker.read(task, data, wall, limits, on_page)
        except BaseException:  # Ctrl-C, too, must not leave it at work on a file
            worker.end()
            raise
        if outcome.error == "memory":
            worker.end()
        else:
            self._give_back(worker)
        return outcome

    def _take(self) -> _Worker:
        with self._lock:
            if self._owner != os.getpid():  # a fork: the pipes are the parent's
                self._workers, self._owner = [], os.getpid()
            while self._workers:
                worker = self._workers.pop()
                if worker.lives and (worker.era, worker.path) == (self._era, _path()):
                    return worker
                worker.end()
            era = self._era
        return _Worker(era)

    def _give_back(self, worker: _Worker) -> None:
        worker.waits_since = time.monotonic()
        with self._lock:
            if worker.uses < _USES and len(self._workers) < (os.cpu_count() or 1):
                self._workers.append(worker)
                return
        worker.end()

    def end(self) -> None:
        """End all workers that wait."""
        with self._lock:
            workers, self._workers = self._workers, []
        if self._owner == os.getpid():
            for worker in workers:
                worker.end()


def _path() -> list[str]:
    """Where modules are found here, and so by who reads for us."""
    return [str(Path.cwd()) if entry == "" else entry for entry in sys.path]


def _too_long(limits: Limits) -> str:
    return (
        f"took too long to read, more than {limits.seconds:g} seconds and 4 for each MB: if it is "
        "no broken file, raise RAG_READING_SECONDS"
    )


def _too_much_memory(limits: Limits) -> str:
    return (
        f"took too much memory to read, more than {limits.memory_mb} MB: if it is no broken "
        "file, raise RAG_READING_MEMORY_MB"
    )


_idle = _Idle()
atexit.register(_idle.end)
