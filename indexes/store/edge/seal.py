"""A shard's files as they were left: what is missing, cut off or changed since is damage.

The engine has no checksums: a page of zeros among its vectors changes answers silently, and a
segment whose version file is gone is dropped with all its documents. So whoever closes a shard
that was written to notes each file's size and checksum beside it (`seal.json`), and the first
write takes the note away. Reading changes none of the files.

Sizes, and the version files that decide what is loaded, are compared before the engine gets to see
them; everything by `verify`.
"""

import json
import os
import zlib
from contextlib import suppress
from pathlib import Path

from indexes.disks import entries, filled
from indexes.errors import StoreError

NAME = "seal.json"
_PAGE = 4096
_READ = 256 * _PAGE
_NOTHING = bytes(_PAGE)
# The engine's own notes between two openings, and what it is told anew at each.
_FLEETING = ("tracker_journal.dat", "edge_config.json")
_REWRITTEN = ("mutable_id_tracker.versions",)
_DECISIVE = (".info",)


def damaged(shard: Path, *, thorough: bool) -> list[str]:
    """The files of a shard that are not as they were left; none if that isn't known.

    Args:
        shard: its folder.
        thorough: read all of them, too.
    """
    found = []
    for name, (size, checksum) in _noted(shard).items():
        path = shard / name
        try:
            now = path.stat().st_size
            changed = now != size
            if not changed and (thorough or name.endswith(_DECISIVE)):
                changed = checksum is not None and _checksum(path) != checksum
        except OSError:
            found.append(f"{name} is missing")
            continue
        if changed:
            found.append(f"{name} is cut off" if now < size else f"{name} was changed")
    return found


def check(shard: Path) -> None:
    """Refuse a shard that the engine would open, and lose documents of.

    Raises:
        StoreError: some of it is missing or cut off.
    """
    found = damaged(shard, thorough=False)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise StoreError(f"its files are damaged ({found[0]}{more})")


def write(shard: Path) -> None:
    """Note how a closed shard's files are. A disk that is full keeps no note."""
    start = len(str(shard)) + 1
    files = {
        entry.path[start:]: (
            entry.stat().st_size,
            None if entry.name in _REWRITTEN else _checksum(entry.path),
        )
        for entry in entries(shard)
        if entry.is_file() and entry.name not in _FLEETING
    }
    note = shard.with_name(NAME)
    temporary = note.with_suffix(".new")
    try:
        temporary.write_text(json.dumps({"shard": shard.name, "files": files}), encoding="utf-8")
        temporary.replace(note)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove(shard: Path) -> None:
    """Take the note away: the files are about to change."""
    shard.with_name(NAME).unlink(missing_ok=True)


def _noted(shard: Path) -> dict[str, tuple[int, int | None]]:
    try:
        note = json.loads(shard.with_name(NAME).read_text(encoding="utf-8"))
        if note["shard"] != shard.name:
            return {}
        return {str(name): (int(size), crc) for name, (size, crc) in note["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _checksum(path: str | Path) -> int:
    """Of the pages that hold something: most of the engine's files are holes."""
    found = 0
    with Path(path).open("rb", buffering=0) as file:
        for start, end in filled(file.fileno(), os.fstat(file.fileno()).st_size):
            file.seek(start)
            at = start
            while at < end and (read := file.read(min(_READ, end - at))):
                for place in range(0, len(read), _PAGE):
                    page = read[place : place + _PAGE]
                    if page != _NOTHING[: len(page)]:
                        number = (at + place) // _PAGE
                        found = zlib.crc32(page, zlib.crc32(number.to_bytes(8, "big"), found))
                at += len(read)
    return found
