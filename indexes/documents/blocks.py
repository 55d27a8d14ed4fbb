"""What readers make of a file: blocks, in reading order.

    [Heading("Rent", level=1), Paragraph("The rent is …"), Table((("Depot", "Q1"), ("Ely", "5")))]

`indexes.documents.assembly` turns them into the document's text. A reader never decides how
blocks look in that text; it says what they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

CELL_SEPARATOR = " | "
# Where a word may be divided; nobody reads it.
SOFT_HYPHEN = "\xad"


class Mark(NamedTuple):
    """From `at` on, characters of a block's text stand on this page, in this box.

    `box` is left, top, right and bottom in points from the top left corner of the page as
    shown; None without a layout.
    """

    at: int
    page: int
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; a line break in it is meant."""

    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the outermost."""

    text: str
    level: int = 1
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list, with its bullet or number as the reader sees it ("3.2", "(a)")."""

    text: str
    marker: str = "•"
    depth: int = 0
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """Lines whose breaks and indents matter."""

    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote or an endnote, with its mark in the text."""

    text: str
    marker: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A grid: every row has as many cells as the widest, empty ones are empty strings.

    A value that spans cells is repeated in each of them. `marks` count in the block's text,
    which `row_starts` helps to place.

    Attributes:
        rows: cells, without line breaks.
        header_rows: how many of the first rows name the columns; they are repeated, as
            context, with every chunk that holds later rows.
        numbers: what the file calls each row, from 1, if it numbers them, as sheets do.
    """

    rows: tuple[tuple[str, ...], ...]
    header_rows: int = 1
    marks: tuple[Mark, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The rows as they stand in the text."""
        return [CELL_SEPARATOR.join(row) for row in self.rows]

    @property
    def text(self) -> str:
        """The whole table as it stands in the text."""
        return "\n".join(self.lines)

    @property
    def row_starts(self) -> list[int]:
        """Where in `text` each row begins."""
        starts, at = [], 0
        for line in self.lines:
            starts.append(at)
            at += len(line) + 1
        return starts


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows is on the next page, slide, sheet or chapter, which is called `label`.

    Readers whose blocks carry marks don't need it, but for labels.
    """

    label: str = ""


Block = Paragraph | Heading | Item | Code | Note | Table | PageBreak


def table_of(
    rows: Iterable[Iterable[str]], header_rows: int = 1, *, first_number: int | None = None
) -> Table | None:
    """Make a table: rows of one width, cells on single lines, no empty rows; None if empty.

    Args:
        rows: cells
        header_rows: how many of the rows that remain name the columns
        first_number: the file's number for the first of `rows`, if it numbers them
    """
    cleaned = [[" ".join(cell.replace(SOFT_HYPHEN, "").split()) for cell in row] for row in rows]
    kept = [(place, row) for place, row in enumerate(cleaned) if any(row)]
    width = max((len(row) for _, row in kept), default=0)
    if not width:
        return None
    squared = tuple(tuple(row + [""] * (width - len(row))) for _, row in kept)
    numbers = () if first_number is None else tuple(first_number + place for place, _ in kept)
    return Table(squared, min(header_rows, len(squared)), numbers=numbers)
