"""Parsing in worker processes, for folders full of PDFs.

Parsing is pure Python and holds one core; processes use them all. Documents come in the
order of their files, and only a few files ahead of what was asked for are read.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from llama_index.core.schema import Document

from indexes.documents.files import shown
from indexes.documents.loading import load_document
from indexes.errors import DocumentError

# A process costs seconds to start: worth it from this many files each.
_FILES_PER_WORKER = 8
_SLOW_TO_PARSE = frozenset({".pdf", ".docx", ".htm", ".html"})
_AHEAD_PER_WORKER = 2


class File(NamedTuple):
    """A file to read, and the folder below which its path is its name."""

    path: Path
    root: Path | None


def worker_count(files: Iterable[File]) -> int:
    """How many processes are worth starting for these files; 0 for none."""
    slow = sum(file.path.suffix.lower() in _SLOW_TO_PARSE for file in files)
    return min(os.cpu_count() or 1, slow // _FILES_PER_WORKER)


def load_in_processes(
    files: Iterable[File], *, workers: int, max_bytes: int
) -> Iterator[tuple[File, Document | DocumentError]]:
    """Each file with its document, or with why it has none.

    A file on which the parser's process dies takes no other file with it.

    Args:
        files: what to read.
        workers: how many processes.
        max_bytes: larger files are refused.
    """
    # Not forked: the embedded engine's threads and locks would come along, broken.
    context = multiprocessing.get_context("spawn")
    waiting = deque(files)
    started: deque[tuple[File, Future[Document]]] = deque()
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        while waiting or started:
            try:
                while waiting and len(started) < workers * _AHEAD_PER_WORKER:
                    started.append((waiting[0], pool.submit(_load, waiting[0], max_bytes)))
                    waiting.popleft()
                file, future = started[0]
                result = _result(future)
            except BrokenProcessPool:
                # One of the files did it. Alone in a process, each shows whether it was it.
                pool.shutdown(cancel_futures=True)
                for suspect, _ in started:
                    yield suspect, _load_alone(suspect, max_bytes)
                started.clear()
                pool = ProcessPoolExecutor(workers, mp_context=context)
                continue
            started.popleft()
            yield file, result
    finally:
        pool.shutdown(cancel_futures=True)


def _load(file: File, max_bytes: int) -> Document:
    return load_document(file.path, root=file.root, max_bytes=max_bytes)


def _result(future: "Future[Document]") -> Document | DocumentError:
    try:
        return future.result()
    except DocumentError as error:
        return error


def _load_alone(file: File, max_bytes: int) -> Document | DocumentError:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return _result(pool.submit(_load, file, max_bytes))
        except BrokenProcessPool:
            return DocumentError(
                f"{shown(file.path)}: reading it ends the process: leave it out, or convert it"
            )
