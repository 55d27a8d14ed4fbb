"""Paths → documents: all files in them, one after another, bad ones reported."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from indexes.documents.extracted import IS_A_PICTURE
from indexes.documents.files import Report, log_skip, shown, source_of, walk
from indexes.documents.formats import reader_of
from indexes.documents.identity import document_id_of
from indexes.documents.limits import Limits
from indexes.documents.loading import MAX_BYTES, ReadDocument, file_digest, load_document
from indexes.errors import DocumentError

# A process costs a second to start: worth it from this many files each.
_FILES_PER_WORKER = 4
_QUICK_TO_READ = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".log"})
_AHEAD_PER_WORKER = 2


class File(NamedTuple):
    """A file to read, and the folder below which its path is its name."""

    path: Path
    root: Path | None


def load_documents(
    paths: Iterable[str | Path],
    *,
    max_bytes: int = MAX_BYTES,
    on_error: Report,
    on_skip: Report | None = None,
    workers: int | None = 0,
    wanted: Callable[[str], bool] = lambda _source: True,
    known_digest: Callable[[str], str | None] = lambda _id: None,
    on_unchanged: Callable[[str], None] = lambda _source: None,
    ocr: bool = False,
    limits: Limits | None = None,
    levels: tuple[int, ...] = (),
    on_page: Callable[[Path, int, int], None] = lambda _path, _done, _known: None,
) -> Iterator[ReadDocument]:
    """Documents of all files under `paths`, a few ahead of what is asked for.

    A file that cannot be read is reported and the rest goes on.

    Args:
        paths: files and folders, as for `find_files`.
        max_bytes: larger files are refused.
        on_error: told of each file or path that failed.
        on_skip: told of each unsupported file found in a folder; default: the log.
        workers: files that are read at once, each in a process of its own; None takes as many
            as pay, 0 reads each when it is asked for
        wanted: told a document's source, says whether to read it.
        known_digest: told a document's id, gives the `file_digest` under which it is known; a
            file that still has it is not parsed.
        on_unchanged: told the source of each of these
        ocr: whether the text of scanned pages is to be recognised
        limits: what reading a file may take; default: what is set
        levels: sizes of chunks to cut them into, root first; by default they stay whole
        on_page: told how many pages of a file are read or recognised, and of how many
    """
    named = _files(paths, on_error, on_skip or log_skip, wanted, ocr)
    files: deque[File] = deque()
    for file in named:
        if _is_unchanged(file, max_bytes, ocr, known_digest):
            on_unchanged(source_of(file.path, file.root))
        else:
            files.append(file)
    if workers is None:
        workers = _worker_count(files) or 1

    def read(file: File) -> ReadDocument:
        return load_document(
            file.path,
            root=file.root,
            max_bytes=max_bytes,
            ocr=ocr,
            limits=limits,
            levels=levels,
            on_page=lambda done, known: on_page(file.path, done, known),
        )

    reading: deque[tuple[File, Future[ReadDocument]]] = deque()
    pool = ThreadPoolExecutor(workers or 1, thread_name_prefix="rag-read")
    try:
        while files or reading:
            while files and len(reading) < (workers * _AHEAD_PER_WORKER or 1):
                file = files.popleft()
                reading.append((file, pool.submit(read, file)))
            file, result = reading.popleft()
            try:
                document = result.result()
            except DocumentError as error:
                on_error(file.path, error)
            else:
                yield document
    finally:
        pool.shutdown(cancel_futures=True)


def _worker_count(files: Iterable[File]) -> int:
    slow = sum(file.path.suffix.lower() not in _QUICK_TO_READ for file in files)
    return min(os.cpu_count() or 1, slow // _FILES_PER_WORKER)


def _is_unchanged(
    file: File, max_bytes: int, ocr: bool, known_digest: Callable[[str], str | None]
) -> bool:
    if (reader := reader_of(file.path)) and reader.is_users:
        return False  # its function may have changed
    known = known_digest(document_id_of(source_of(file.path, file.root)))
    try:
        return known is not None and file_digest(file.path, max_bytes=max_bytes, ocr=ocr) == known
    except DocumentError:
        return False  # reading it will say what is wrong


def _files(
    paths: Iterable[str | Path],
    on_error: Report,
    on_skip: Report,
    wanted: Callable[[str], bool],
    ocr: bool,
) -> Iterator[File]:
    """The files to read, each under a name of its own; no pictures that lie among others."""
    taken: dict[str, Path] = {}
    for path, root in walk(paths, on_skip=on_skip, on_error=on_error):
        reader = reader_of(path)
        if root and not ocr and reader and reader.extra == "ocr":
            on_skip(path, DocumentError(f"{shown(path)}: {IS_A_PICTURE}"))
            continue
        try:
            source = source_of(path, root)
            if source in taken:
                raise DocumentError(
                    f"{shown(path)}: would replace {shown(taken[source])}, which is also "
                    f"called {source}: ingest the folder that holds both"
                )
        except DocumentError as error:
            on_error(path, error)
            continue
        taken[source] = path
        if wanted(source):
            yield File(path, root)
