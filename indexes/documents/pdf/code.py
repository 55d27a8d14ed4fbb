"""Rows in a typewriter's font → code: lines that keep their breaks and indents.

A document that is all set so is prose; only what stands out from the rest is code.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from indexes.documents.blocks import Code, Mark
from indexes.documents.pdf.rows import Row

_MOSTLY = 0.8
# Of the distance of lines.
_BLANK_LINE = 1.7
_MOST_BLANK_LINES = 2
_MOST_INDENT = 80


def sets_code_apart(rows: Sequence[Row]) -> bool:
    """Whether a typewriter's font means code in this document: most of it has another."""
    mono = sum(len(row.text) for row in rows if row.mono)
    return 0 < mono < _MOSTLY * sum(len(row.text) for row in rows)


def code_block(rows: Sequence[Row]) -> Code:
    """Make a code block of the rows of one page, from top to bottom; not of none."""
    left = min(row.x0 for row in rows)
    pitch = median((row.x1 - row.x0) / len(row.text) for row in rows)
    steps = [upper.baseline - lower.baseline for upper, lower in pairwise(rows)]
    usual = min((step for step in steps if step > 0), default=0)
    text = ""
    marks: list[Mark] = []
    for row, step in zip(rows, [0.0, *steps], strict=True):
        if text:
            blank = usual and step > _BLANK_LINE * usual
            lines = min(_MOST_BLANK_LINES, round(step / usual)) if blank else 1
            text += "\n" * lines
        indent = round((row.x0 - left) / pitch) if pitch > 0 else 0
        text += " " * min(indent, _MOST_INDENT)
        marks.append(Mark(len(text), row.page + 1, row.box))
        text += row.text
    return Code(text, tuple(marks))
