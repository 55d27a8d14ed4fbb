"""A segment's list of points, made anew where it can't be read.

The engine keeps texts by the points' numbers. `mutable_id_tracker.mappings` says which id has which
number: a byte for what follows (1: a number as id, 2: a UUID; 3, 4: that such a one is deleted),
the id, and the point's number in four bytes, unless it is deleted. In
`mutable_id_tracker.versions` each number has eight bytes. So who knows how many there are can read
all texts by other ids; ours are made anew of what is in the payloads.
"""

import uuid
from pathlib import Path

_MAPPINGS = "mutable_id_tracker.mappings"
_VERSIONS = "mutable_id_tracker.versions"
# Bytes after the first: of an id, and of the point's number.
_LENGTHS = {1: (8, 4), 2: (16, 4), 3: (8, 0), 4: (16, 0)}
_UUID = 2
_ENTRY = 1 + sum(_LENGTHS[_UUID])
_VERSION = 8
# What is free in each of a storage's pages, which only a write needs to know.
_FREE = ("payload_storage/bitmask.dat", "payload_storage/gaps.dat")


def can_grow(segment: Path) -> bool:
    """Whether it is one that points are written to, as far as that can be seen."""
    return (segment / _MAPPINGS).exists() or (segment / _VERSIONS).exists()


def renumber(segment: Path) -> None:
    """Give the points of a segment other ids, if the list of them is damaged."""
    noted = _size(segment / _VERSIONS) // _VERSION
    listed = _listed(segment / _MAPPINGS)
    if listed == noted:
        return
    count = max(noted, _size(segment / _MAPPINGS) // _ENTRY)
    entries = (
        bytes([_UUID]) + uuid.uuid4().bytes + number.to_bytes(4, "little")
        for number in range(count)
    )
    (segment / _MAPPINGS).write_bytes(b"".join(entries))
    (segment / _VERSIONS).write_bytes((1).to_bytes(_VERSION, "little") * count)


def free(segment: Path, empty: Path) -> None:
    """Have no room in the pages of texts: nothing will be written there."""
    pages = len(list((segment / "payload_storage").glob("page_*.dat")))
    for name in _FREE:
        if (empty / name).exists():
            (segment / name).write_bytes((empty / name).read_bytes() * pages)


def _listed(mappings: Path) -> int:
    """How many numbers the list gives to points; -1 where it makes no sense."""
    try:
        data = mappings.read_bytes()
    except OSError:
        return -1
    at = most = 0
    while at < len(data):
        known, number = _LENGTHS.get(data[at], (0, 0))
        at += 1 + known + number
        if not known or at > len(data):
            return -1
        if number:
            most = max(most, int.from_bytes(data[at - number : at], "little") + 1)
    return most


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
