"""Where runs of characters stand on their pages, packed small.

    layout = packed(extracted.layout)          # kept beside the document
    boxes_of(layout, start, end)               # [(page, (left, top, right, bottom)), …]

A run begins where its mark says and ends where the next begins. Boxes are in points from the
top left corner of the page, to a tenth.
"""

import base64
import binascii
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.documents.blocks import Mark

Box = tuple[float, float, float, float]

_UNIT = 10
_COLUMNS = 6
_MOST_BYTES = 256 * 1024 * 1024


def packed(layout: Sequence[Mark]) -> str:
    """Marks as text: differences of whole numbers, compressed."""
    rows = [
        [mark.at, mark.page, *(round(value * _UNIT) for value in mark.box)]
        for mark in sorted(layout)
        if mark.box is not None
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, _COLUMNS)
    differences = np.diff(table, axis=0, prepend=np.zeros((1, _COLUMNS), dtype=np.int64))
    return base64.b85encode(zlib.compress(differences.astype("<i4").tobytes(), 6)).decode()


def unpacked(text: str) -> tuple[Mark, ...]:
    """The marks again, in order; none if the text is none of ours."""
    return tuple(
        Mark(int(at), int(page), (float(left), float(top), float(right), float(bottom)))
        for at, page, left, top, right, bottom in _table(text)
    )


def boxes_of(text: str, start: int, end: int) -> list[tuple[int, Box]]:
    """Pages and boxes of the runs that `start:end` touches; `text` is what `packed` gave."""
    table = _table(text)
    if not len(table) or end <= start:
        return []
    starts = table[:, 0]
    first = max(0, int(starts.searchsorted(start, side="right")) - 1)
    last = int(starts.searchsorted(end, side="left"))
    return [
        (int(page), (float(left), float(top), float(right), float(bottom)))
        for _, page, left, top, right, bottom in table[first:last]
    ]


def _table(text: str) -> NDArray[np.float64]:
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b85decode(text), _MOST_BYTES)
        differences = np.frombuffer(data, dtype="<i4").reshape(-1, _COLUMNS)
    except (ValueError, binascii.Error, zlib.error):
        return np.zeros((0, _COLUMNS))
    table = np.cumsum(differences, axis=0, dtype=np.float64)
    table[:, 2:] /= _UNIT
    return table
