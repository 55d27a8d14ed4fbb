"""Room on disks, and what a disk or folder refuses, in words that help.

    check_room(folder, 64 * MB, "cannot write to the index")

The embedded engine writes to files that are mapped into memory: where there is no room for
them, the system ends the process with a signal instead of raising an error. So there has to be
room before it writes.
"""

import errno
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from indexes.errors import DiskError

MB = 1024 * 1024
_PAGE = 4096
_READ = 256 * _PAGE

_MAKE_ROOM = "make room on its disk, and run it again"
_NOT_YOURS = "it belongs to another user, or may not be written: choose another folder"
_GONE = "its disk fails or is gone: see that it is mounted and healthy"
_TOO_MANY = "the process may not open more files: raise the limit (`ulimit -n`)"
_REMEDIES = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: "your quota there is used up: make room, and run it again",
    errno.EFBIG: "the process may not write files of that size: raise the limit (`ulimit -f`)",
    errno.EROFS: "it is mounted for reading only: choose another folder, or mount it for writing",
    errno.EACCES: _NOT_YOURS,
    errno.EPERM: _NOT_YOURS,
    errno.EIO: _GONE,
    errno.ESTALE: _GONE,
    errno.ENODEV: _GONE,
    errno.ENXIO: _GONE,
    errno.ENOTCONN: _GONE,
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
}
_OF_RUST = re.compile(r"\(os error (\d+)\)|\bOs \{ code: (\d+)")


def remedy(error: BaseException) -> str | None:
    """What helps when a file can't be written or read; None where nothing is known.

    Args:
        error: an `OSError`, or one of the engine's that repeats one.
    """
    if isinstance(error, OSError):
        return _REMEDIES.get(error.errno or 0)
    told = _OF_RUST.search(str(error))
    return _REMEDIES.get(int(told[1] or told[2])) if told else None


def explained(doing: str, error: OSError, otherwise: str) -> str:
    """Describe an `OSError` in one line: what could not be done, why, and what helps.

    Args:
        doing: such as "cannot write letters.jsonl"
        error: what was raised
        otherwise: the remedy where the kind of error suggests none
    """
    return f"{doing} ({error.strerror or error}): {remedy(error) or otherwise}"


def free_bytes(place: Path) -> int:
    """Room on the disk of a file or folder, which need not exist yet."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def check_room(place: Path, needed: int, doing: str) -> None:
    """Refuse to begin what a disk has no room for.

    Args:
        place: a file or folder on that disk.
        needed: bytes.
        doing: "cannot write to collection 'documents'".

    Raises:
        DiskError: there is less room, or the disk is gone.
    """
    try:
        free = free_bytes(place)
    except OSError as error:
        raise DiskError(explained(doing, error, _GONE)) from error
    if free < needed:
        raise DiskError(
            f"{doing}: {free // MB} MB are free on the disk of {place}, and {-(-needed // MB)} MB "
            "are needed: make room, and run it again"
        )


def taken(folder: Path) -> int:
    """Bytes that the files below a folder take on its disk: most of the engine's are holes."""
    found = 0
    for entry in entries(folder):
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:  # gone meanwhile
            continue
        found += getattr(status, "st_blocks", status.st_size // 512 + 1) * 512
    return found


def entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """All files and folders below a folder, but not below links; what is gone is left out."""
    try:
        with os.scandir(folder) as listed:
            found = list(listed)
    except OSError:
        return
    for entry in found:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from entries(entry.path)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder without filling the holes in its files; the first that can't be ends it."""
    for folder, _, names in os.walk(source, onerror=_raised):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True)
        for name in names:
            _copy_file(Path(folder, name), place / name)


def _raised(error: OSError) -> None:
    raise error


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb", 0) as read, target.open("wb", 0) as write:
        size = os.fstat(read.fileno()).st_size
        write.truncate(size)
        for start, end in filled(read.fileno(), size):
            read.seek(start)
            write.seek(start)
            left = min(end, size) - start
            while left > 0 and (part := read.read(min(_READ, left))):
                write.write(part)
                left -= len(part)


def filled(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file is no hole, in whole pages, as (start, end).

    Args:
        file: its descriptor.
        size: its size.
    """
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    at = 0
    while at < size:
        try:
            start = os.lseek(file, at, os.SEEK_DATA)
            end = os.lseek(file, start, os.SEEK_HOLE)
        except OSError:  # nothing but a hole from here on
            return
        # File systems have blocks of other sizes: the same file is the same pages on all.
        at = end + -end % _PAGE
        yield start - start % _PAGE, min(at, size)


def write_in_one_step(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file atomically: at any instant it has the old content or the new.

    Args:
        path: the file; its folder must exist
        content: bytes, or text that is written as UTF-8
        private: make it readable by this user only
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def own_folder(prefix: str) -> Path:
    """A new temporary folder that only this user can look into.

    Args:
        prefix: of its name; what processes that are gone have left by that name goes.
    """
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{prefix}*"):
        if _is_left(left, prefix):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=root))


def _is_left(folder: Path, prefix: str) -> bool:
    """Whether it is this user's, and the process that made it is gone."""
    with suppress(OSError, ValueError):
        about = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or about.st_uid != os.getuid():
            return False
        try:
            os.kill(int(folder.name.removeprefix(prefix).partition("-")[0]), 0)
        except ProcessLookupError:
            return True
    return False
