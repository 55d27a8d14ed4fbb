"""A sheet of cells → what stands on it: titles, remarks and tables.

People write a title above their table, leave rows empty, and put remarks below. A row with one
filled cell is text, unless it is in a table; rows with several are a table, and the first of
them names its columns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from indexes.documents.blocks import Block, Heading, Paragraph, table_of

# What a first cell that belongs to figures looks like.
_FIGURE = re.compile(r"[^\w]{0,3}[-+(]?[\d.,:/ -]*\d[\d.,:/ )-]*(?:%|[^\W\d]{1,3})?[^\w]{0,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONGEST_TITLE = 150

Row = Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """Cells, row by row.

    Attributes:
        rows: texts of the cells; a merged cell's stands in each place that it covers.
        filled: how many separate values each row has: a merged cell counts once.
        spans: rows in which a cell covers several columns, but not all.
        numbers: what the file calls each row; by default they are counted from 1.
    """

    rows: Sequence[Row]
    filled: Sequence[int]
    spans: frozenset[int] = frozenset()
    numbers: Sequence[int] = ()

    @classmethod
    def of(cls, rows: Iterable[Iterable[str]]) -> "Sheet":
        """A sheet without merged cells."""
        listed = [list(row) for row in rows]
        return cls(listed, [sum(1 for cell in row if cell.strip()) for row in listed])


def blocks_of(sheet: Sheet) -> list[Block]:
    """Divide a sheet into tables and the titles and remarks around them."""
    made: list[Block] = []
    for first, last in _tables(sheet):
        rows = sheet.rows[first:last]
        sides = _sides(sheet, first, last)
        if len(sides) > 1:
            for side in sides:
                made += blocks_of(side)
            continue
        if last - first == 1 and sheet.filled[first] <= 1:
            text = next((cell for cell in rows[0] if cell.strip()), "")
            heads = _heads_a_table(sheet, first) and len(text) <= _LONGEST_TITLE
            made.append(Heading(text, 2) if heads else Paragraph(text))
            continue
        table = table_of(_trimmed(rows), _header_rows(sheet, first, last))
        if table is not None:
            numbers = sheet.numbers or range(1, len(sheet.rows) + 1)
            used = (numbers[at] for at in range(first, last) if sheet.filled[at])
            made.append(replace(table, numbers=tuple(used)))
    return made


def _sides(sheet: Sheet, first: int, last: int) -> list[Sheet]:
    """Tables side by side: empty columns between them, and labels of their own for each."""
    rows = sheet.rows[first:last]
    width = max(map(len, rows))
    filled = [any(row[at : at + 1] and row[at].strip() for row in rows) for at in range(width)]
    parts: list[tuple[int, int]] = []
    for has_values, group in groupby(range(width), key=lambda at: filled[at]):
        columns = list(group)
        if has_values:
            labels = [row[columns[0]] for row in rows[1:] if row[columns[0] : columns[0] + 1]]
            words = [text for text in map(str.strip, labels) if text]
            own = words and not any(map(_FIGURE.fullmatch, words)) and len(columns) > 1
            if parts and not own:
                parts[-1] = parts[-1][0], columns[-1] + 1
            else:
                parts.append((columns[0], columns[-1] + 1))
    if len(parts) < 2 or len(rows) < 2 or parts[0][1] - parts[0][0] < 2:
        return [sheet]
    numbers = (sheet.numbers or range(1, len(sheet.rows) + 1))[first:last]
    sides = (Sheet.of(row[left:right] for row in rows) for left, right in parts)
    spans = frozenset(row - first for row in sheet.spans)
    return [replace(side, numbers=numbers, spans=spans) for side in sides]


def _heads_a_table(sheet: Sheet, at: int) -> bool:
    """Whether a row of one text is the first of those that stand right above a table.

    Below it there may be others ("As of May"), and some empty rows before the table.
    """
    if at and sheet.filled[at - 1] == 1:
        return False
    below = at
    while sheet.filled[below : below + 1] == [1]:
        below += 1
    return next((filled for filled in sheet.filled[below : below + 4] if filled), 0) > 1


def _tables(sheet: Sheet) -> Iterator[tuple[int, int]]:
    """Runs of rows that belong together: first, and behind the last."""
    filled = sheet.filled
    at, count = 0, len(filled)
    while at < count:
        if filled[at] == 0:
            at += 1
            continue
        if filled[at] == 1 and _is_remark(sheet, at):
            yield at, at + 1
            at += 1
            continue
        end = at + 1
        while end < count:
            if filled[end]:
                # A last line below the table, that says something of it.
                if filled[end] == 1 and _is_last(sheet, end) and _is_sentence(sheet, end):
                    break
                end += 1
                continue
            following = next((row for row in range(end, count) if filled[row]), count)
            if following == count or not _goes_on(sheet, at, following):
                break
            end = following
        yield at, end
        at = end


def _is_remark(sheet: Sheet, at: int) -> bool:
    """Whether a row with one value is text of its own: at the left, or over the whole width."""
    row = sheet.rows[at]
    place = next(place for place, cell in enumerate(row) if cell.strip())
    following = sheet.filled[at + 1 : at + 2]
    figure = len(row[place]) < 60 and _FIGURE.fullmatch(row[place].strip())
    return not figure or not following or following == [0]


def _is_sentence(sheet: Sheet, at: int) -> bool:
    text = next(cell for cell in sheet.rows[at] if cell.strip()).strip()
    return len(text) > 40 or (text.endswith(".") and " " in text)


def _is_last(sheet: Sheet, at: int) -> bool:
    return at + 1 >= len(sheet.filled) or sheet.filled[at + 1] == 0


def _goes_on(sheet: Sheet, first: int, following: int) -> bool:
    """Whether rows below an empty one belong to the table above: the same columns, no header."""
    if sheet.filled[following] < 2 or sheet.filled[first] < 2:
        return False
    above, below = sheet.rows[first], sheet.rows[following]
    width = max(at for at, cell in enumerate(above) if cell.strip())
    if any(cell.strip() for cell in below[width + 1 :]):
        return False
    return any(_FIGURE.fullmatch(cell.strip()) for cell in below if cell.strip())


def _header_rows(sheet: Sheet, first: int, last: int) -> int:
    """How many of a table's first rows name its columns: words, or years."""
    if last - first == 1:
        return 0
    figures = [cell.strip() for cell in sheet.rows[first] if _FIGURE.fullmatch(cell.strip())]
    if any(not _YEAR.fullmatch(figure) for figure in figures):
        return 0
    count = 0
    while first + count < last - 1 and first + count in sheet.spans and count < 4:
        count += 1
    return count + 1


def _trimmed(rows: Sequence[Row]) -> list[Row]:
    """Rows without the columns at the left that are empty in all of them."""
    empty = min(
        (
            next((at for at, cell in enumerate(row) if cell.strip()), len(row))
            for row in rows
            if any(cell.strip() for cell in row)
        ),
        default=0,
    )
    width = max((at + 1 for row in rows for at, cell in enumerate(row) if cell.strip()), default=0)
    return [row[empty:width] for row in rows]
