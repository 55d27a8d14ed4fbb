"""Paths → documents: all files in them, one after another, bad ones reported."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from llama_index.core.schema import Document

from indexes.documents.adopting import document_id_of
from indexes.documents.files import Report, log_skip, shown, source_of, walk
from indexes.documents.loading import MAX_BYTES, file_digest, load_document
from indexes.documents.parallel import File, load_in_processes, worker_count
from indexes.errors import DocumentError


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
) -> Iterator[Document]:
    """Documents of all files under `paths`, a few ahead of what is asked for.

    A file that cannot be read is reported and the rest goes on.

    Args:
        paths: files and folders, as for `find_files`.
        max_bytes: larger files are refused.
        on_error: told of each file or path that failed.
        on_skip: told of each unsupported file found in a folder; default: the log.
        workers: processes that parse; 0 parses in this one, None takes as many as pay.
            They import the main module: a script needs its `if __name__ == "__main__":`.
        wanted: told a document's source, says whether to read it.
        known_digest: told a document's id, gives the `file_digest` under which it is known; a
            file that still has it is not parsed.
        on_unchanged: told the source of each of these.
    """
    named = _files(paths, on_error, on_skip or log_skip, wanted)
    files = []
    for file in named:
        if _is_unchanged(file, max_bytes, known_digest):
            on_unchanged(source_of(file.path, file.root))
        else:
            files.append(file)
    workers = worker_count(files) if workers is None else workers
    if workers:
        for file, result in load_in_processes(files, workers=workers, max_bytes=max_bytes):
            if isinstance(result, DocumentError):
                on_error(file.path, result)
            else:
                yield result
        return
    for file in files:
        try:
            document = load_document(file.path, root=file.root, max_bytes=max_bytes)
        except DocumentError as error:
            on_error(file.path, error)
        else:
            yield document


def _is_unchanged(file: File, max_bytes: int, known_digest: Callable[[str], str | None]) -> bool:
    known = known_digest(document_id_of(source_of(file.path, file.root)))
    try:
        return known is not None and file_digest(file.path, max_bytes=max_bytes) == known
    except DocumentError:
        return False  # reading it will say what is wrong


def _files(
    paths: Iterable[str | Path],
    on_error: Report,
    on_skip: Report,
    wanted: Callable[[str], bool],
) -> Iterator[File]:
    """The files to read, each under a name of its own."""
    taken: dict[str, Path] = {}
    for path, root in walk(paths, on_skip=on_skip, on_error=on_error):
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
