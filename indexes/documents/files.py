"""Which files to read, and the name each goes by.

A document's *source* is its name for ever after: its id derives from it, results and
citations show it. It is the path below the folder that was ingested, or the bare file name
of a file given by itself:

    ingest corpora/          → "a.txt", "sub/b.txt"
    ingest corpora/a.txt     → "a.txt"

So the same file is the same document either way, wherever the folder lies, and files of one
name in two subfolders stay two documents. What can't work is two files of one name from two
places at once; `load_documents` refuses the second and says to ingest their common folder.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from indexes.documents.extracted import one_line
from indexes.documents.formats import reader_of, suffixes
from indexes.errors import DocumentError

logger = logging.getLogger(__name__)

Report = Callable[[Path, DocumentError], None]


def find_files(paths: Iterable[str | Path], *, on_skip: Report | None = None) -> list[Path]:
    """List the files to read: those named, and all supported ones in folders named.

    Folders are searched recursively, in sorted order. Hidden files and folders are left out,
    links are followed only within the folder, and no file is listed twice.

    Args:
        paths: files and folders
        on_skip: told of each file in a folder that cannot be read, and why; default: the log

    Raises:
        DocumentError: a path does not exist, or a named file is of no supported type
    """
    return [path for path, _ in walk(paths, on_skip=on_skip or log_skip, on_error=_raise)]


def walk(
    paths: Iterable[str | Path], *, on_skip: Report, on_error: Report
) -> Iterator[tuple[Path, Path | None]]:
    """Files as in `find_files`, each with the folder that was named, if one was."""
    seen: set[Path] = set()
    for given in map(Path, paths):
        try:
            root = given if given.is_dir() else None
            found = _files_in(given, on_skip) if root else [existing(given)]
        except DocumentError as error:
            on_error(given, error)
            continue
        for path in found:
            if reader_of(path) is None:
                (on_skip if root else on_error)(path, unsupported(path))
            elif (real := path.resolve()) not in seen:
                seen.add(real)
                yield path, root


def existing(path: Path) -> Path:
    """The path, if it is a file.

    Raises:
        DocumentError: it is missing, a folder, or no regular file.
    """
    try:
        if path.is_dir():
            raise DocumentError(
                f"{shown(path)}: is a folder: name a file in it, or ingest the whole folder"
            )
        if not path.exists():
            address = re.match(r"[a-z]{2,8}:/", str(path))
            help = "is an address: download it first" if address else "no such file: check the path"
            raise DocumentError(f"{shown(path)}: {help}")
        if not path.is_file():
            raise DocumentError(f"{shown(path)}: is no regular file: copy its content into one")
    except (OSError, ValueError) as error:  # a name no file system takes, a folder locked to us
        raise unreadable(path, error) from error
    return path


def source_of(path: Path, root: Path | None) -> str:
    """The name a document goes by: its path below `root`, or its file name.

    Raises:
        DocumentError: the file is not in `root`.
    """
    try:
        name = path.absolute().relative_to(root.absolute()).as_posix() if root else path.name
    except ValueError as error:
        raise DocumentError(
            f"{shown(path)}: is not in {root}: give the folder that holds it"
        ) from error
    # A file name may be any bytes; ids and JSON need Unicode.
    return os.fsencode(name).decode("utf-8", "replace")


# What the programs that write other formats can save instead.
_INSTEAD = {
    ".doc": ".docx", ".dot": ".docx", ".wpd": ".docx", ".pages": ".docx", ".xls": ".xlsx",
    ".xlsb": ".xlsx", ".numbers": ".xlsx", ".ppt": ".pptx", ".pps": ".pptx", ".key": ".pptx",
    ".mbox": ".eml files", ".mobi": ".epub", ".azw3": ".epub", ".djvu": ".pdf", ".xps": ".pdf",
    ".ps": ".pdf", ".gif": ".png", ".bmp": ".png", ".webp": ".png", ".heic": ".png",
}  # fmt: skip


def unsupported(path: Path) -> DocumentError:
    """The error for a file of no supported type."""
    kind = f"{path.suffix} files" if path.suffix else "files without an extension"
    instead = _INSTEAD.get(path.suffix.lower())
    fix = f"save it as {instead}" if instead else f"convert it to one of {' '.join(suffixes())}"
    return DocumentError(f"{shown(path)}: {kind} are not supported: {fix}")


def unreadable(path: Path, error: OSError | ValueError) -> DocumentError:
    """The error for a file or folder the system won't let us read."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return DocumentError(f"{shown(path)}: cannot be read ({reason}): check its permissions")


def shown(path: Path) -> str:
    """The path on one line, for messages."""
    return one_line(os.fsencode(path).decode("utf-8", "replace"))


def log_skip(_path: Path, error: DocumentError) -> None:
    """Note a file that was passed over."""
    logger.info("skipped %s", error)


def _raise(_path: Path, error: DocumentError) -> None:
    raise error


def _files_in(folder: Path, on_skip: Report) -> list[Path]:
    def stays(path: Path) -> bool:
        if _is_hidden(path.name):
            return False
        if path.is_symlink() and not _real(path).is_relative_to(inside):
            on_skip(path, DocumentError(f"{shown(path)}: leads out of the folder: name it itself"))
            return False
        return True

    def report(error: OSError) -> None:
        blocked = Path(error.filename or folder)
        on_skip(blocked, unreadable(blocked, error))

    found: list[Path] = []
    visited: set[Path] = set()
    inside = folder.resolve()
    for here, folders, files in os.walk(folder, onerror=report, followlinks=True):
        real = Path(here).resolve()
        if real in visited:  # a link that leads back up
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if stays(Path(here, name)))
        found += [Path(here, name) for name in files if stays(Path(here, name))]
    return sorted(path for path in found if path.is_file())


def _real(path: Path) -> Path:
    """Where a link leads; one that leads to itself stays where it is."""
    return Path(os.path.realpath(path))


def _is_hidden(name: str) -> bool:
    # `~$` marks the lock file that Word leaves beside an open document.
    return name.startswith((".", "~$"))
