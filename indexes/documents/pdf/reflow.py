"""Glyphs on pages → paragraphs as a reader would copy them.

A PDF says where characters stand, not what belongs together. From the places this rebuilds
rows, then blocks of rows set alike, then paragraphs: lines reflowed, words hyphenated at a
line's end rejoined, list items and table rows on lines of their own, running headers and
page numbers gone. Rules look at typography (leading, indents, sizes, whether the next word
would have fitted), never at what a particular producer does.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from indexes.documents.blocks import Block, Heading, Mark, Paragraph, Table
from indexes.documents.extracted import one_line
from indexes.documents.pdf.cells import goes_on, joined_tables, table_block
from indexes.documents.pdf.code import code_block, sets_code_apart
from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.headings import Bookmark, Headings
from indexes.documents.pdf.hyphens import Hyphens
from indexes.documents.pdf.layout import Piece
from indexes.documents.pdf.rows import Row
from indexes.documents.pdf.scripts import cjk_in, is_cjk

# Distances in ems, the size of the font at hand.
_INDENT = 0.8
# A gap this much larger than the usual leading separates paragraphs.
_PARAGRAPH_GAP = 1.3
_CODE_GAP = 2.6
# Ragged lines may stop this much short of where the next word would still have fitted.
_RAGGEDNESS = 3.0
# So many lines of a page must have a distance for it to be the page's.
_ENOUGH_STEPS = 8
# Lines that all begin with a capital or a figure, and are short, are no paragraph.
_ENOUGH_LABELS = 4
_FEW_LABELS = 5
# Points: lines that start this close to each other share a margin.
_MARGIN_STEP = 6.0

_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]\s")
_FIRST = re.compile(r"\(?(?:1|[aAiI])[.)]\s")
_ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]
_BULLETED = re.compile(r"(?:[•‣◦▪●○■□▶➢✓∙·]\s*|[*–—-]\s+)\S")
# A line of a table of contents.
_LEADERS = re.compile(r"(?:[.·…_]\s?){4,}\s*[\w.-]{1,8}$")
_CAPTION = re.compile(
    r"(?:Tab(?:le|elle|leau|la|ella|\.)|Fig(?:ure|ura|\.)|Abb(?:ildung|\.))\s[\w.-]{1,6}[:.]\s"
)
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")


def reflow(
    pieces: Sequence[Piece], outline: Sequence[Bookmark] = ()
) -> tuple[list[Block], str | None]:
    """Turn rows and tables into blocks; also return what the first page is headed.

    Args:
        pieces: of all pages, in reading order
        outline: the document's bookmarks
    """
    rows = []
    for row in pieces:
        if isinstance(row, Row):
            text = one_line(" ".join(cell.text for cell in row.cells))
            row.text = re.sub("\u00ad(?=.)", "", text)
            if row.text:
                rows.append(row)
    leading = _Leading(rows)
    if not sets_code_apart(rows):
        for row in rows:
            row.mono = False
    blocks = list(
        _blocks([piece for piece in pieces if isinstance(piece, Grid) or piece.text], leading)
    )
    _set_edges([block for block in blocks if isinstance(block, list)], rows)
    headings = Headings(rows, outline)
    writer = _Writer(Hyphens(row.text for row in rows), headings)
    return writer.write(blocks), headings.title(rows)


# Rows → blocks


class _Leading:
    """The most common distance between lines, in ems: of a page, or of the whole document."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._all: Counter[float] = Counter()
        self._pages: dict[int, Counter[float]] = defaultdict(Counter)
        for upper, lower in pairwise(rows):
            if upper.page == lower.page and abs(upper.size - lower.size) < 0.1 * upper.size:
                step = round((upper.baseline - lower.baseline) / upper.size, 1)
                if 0.9 <= step <= 3:
                    self._all[step] += 1
                    self._pages[upper.page][step] += 1
        self._usual = _commonest(self._all) if self._all else 1.2

    def of(self, page: int) -> float:
        """On a page that has enough lines to tell."""
        steps = self._pages[page]
        if steps:
            common = _commonest(steps)
            if steps[common] >= _ENOUGH_STEPS and 2 * steps[common] > steps.total():
                return common
        return self._usual


def _commonest(steps: Counter[float]) -> float:
    return max(steps, key=lambda step: (steps[step], -step))


def _blocks(pieces: Sequence[Piece], leading: _Leading) -> Iterator[list[Row] | Grid]:
    """Tables, and runs of rows that are set alike: same size, usual leading, in one column."""
    block: list[Row] = []
    for piece in pieces:
        if isinstance(piece, Grid):
            if block:
                yield block
            block = []
            yield piece
            continue
        if block and not _same_block(block[-1], piece, leading):
            yield block
            block = []
        block.append(piece)
    if block:
        yield block


def _same_block(upper: Row, lower: Row, leading: _Leading) -> bool:
    step = (upper.baseline - lower.baseline) / max(upper.size, lower.size)
    if upper.mono and lower.mono:
        return upper.page == lower.page and 0 < step <= _CODE_GAP * leading.of(upper.page)
    alike = abs(upper.size - lower.size) <= 0.08 * upper.size and upper.mono == lower.mono
    overlap = lower.x0 < upper.x1 and upper.x0 < lower.x1
    near = 0.5 < step <= _PARAGRAPH_GAP * leading.of(upper.page)
    return upper.page == lower.page and alike and overlap and near


def _set_edges(blocks: list[list[Row]], rows: list[Row]) -> None:
    """How far to the right the lines of each block could have gone."""
    reaches: dict[tuple[int, int], float] = defaultdict(float)
    starting: Counter[tuple[int, int]] = Counter()
    for row in rows:
        margin = (row.page, int(row.x0 // _MARGIN_STEP))
        reaches[margin] = max(reaches[margin], row.x1)
        starting[margin] += 1
    for block in blocks:
        left = min(row.x0 for row in block)
        reach = max(row.x1 for row in block)
        around = 4 * min(block[0].size, 50)
        margins = [
            (block[0].page, step)
            for step in range(
                int((left - around) // _MARGIN_STEP), int((left + around) // _MARGIN_STEP) + 1
            )
        ]
        column = max(reach, *(reaches.get(margin, reach) for margin in margins))
        alone = sum(starting[margin] for margin in margins) == len(block)
        # A signature or an address is narrow by choice, a quotation by its indent.
        if reach - left < 0.6 * (column - left):
            reach = column
        elif _are_names(block, alone=alone):
            reach = float("inf")
        for row in block:
            row.edge = reach


def _are_names(block: list[Row], *, alone: bool) -> bool:
    """Whether lines look like names: few at a margin of their own, or too many to be chance."""
    if not all(map(_looks_like_a_label, block)):
        return False
    ended = sum(bool(_SENTENCE_END.search(row.text)) for row in block)
    begun = all(row.text[0].isupper() or row.text[0].isdigit() for row in block)
    many = len(block) >= _ENOUGH_LABELS and begun and 3 * ended <= len(block)
    return many or (alone and len(block) <= _FEW_LABELS)


def _looks_like_a_label(row: Row) -> bool:
    return (
        len(row.text) + 2 * cjk_in(row.text) < 45
        and not row.text[0].islower()
        and row.text[-1] not in ",;:-"
    )


# Blocks → text


class _Writer:
    """Joins rows into paragraphs and notes where each row stands."""

    def __init__(self, hyphens: Hyphens, headings: Headings) -> None:
        self._hyphens = hyphens
        self._headings = headings
        self._rows: list[Row] = []
        self._written: list[Block] = []
        self._parts: list[str] = []
        self._marks: list[Mark] = []
        self._length = 0

    def write(self, blocks: Sequence[list[Row] | Grid]) -> list[Block]:
        """Rows and tables as paragraphs and tables of the document."""
        last: Row | None = None
        before: Grid | None = None
        for block in blocks:
            if isinstance(block, Grid):
                self._close()
                self._add_table(block, before)
                before, last = block, None
                continue
            before = None
            if len(block) > 1 and all(row.mono for row in block):
                self._close()
                self._written.append(code_block(block))
                last = None
                continue
            opening = block[0]
            for row in block:
                separator = ""
                if last is None:
                    opening = row
                elif row is block[0]:
                    separator = " " if _runs_on(last, row) else "\n\n"
                else:
                    separator = _separator(last, row, opening)
                if separator.startswith("\n"):
                    opening = row
                self._append(last, separator, row)
                last = row
        self._close()
        return self._written

    def _add_table(self, grid: Grid, before: Grid | None) -> None:
        """Write a table, or the rest of the one that the page before ends with."""
        table = table_block(grid, self._hyphens)
        begun = self._written[-1] if self._written else None
        if table and before and isinstance(begun, Table) and goes_on(before, grid):
            self._written[-1] = joined_tables(begun, table)
        elif table:
            self._written.append(table)

    def _append(self, last: Row | None, separator: str, row: Row) -> None:
        if separator == "\n\n":
            self._close()
        elif separator == " " and last:
            self._add(self._mend(last, row))
        else:
            self._add(separator)
        self._rows.append(row)
        self._marks.append(Mark(self._length, row.page + 1, row.box))
        self._add(row.text)

    def _close(self) -> None:
        if self._parts:
            text, marks = "".join(self._parts), tuple(self._marks)
            level = self._headings.level(self._rows)
            block = Heading(text, level, marks) if level else Paragraph(text, marks)
            self._written.append(block)
        self._parts, self._marks, self._rows, self._length = [], [], [], 0

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def _mend(self, last: Row, row: Row) -> str:
        """What stands between two lines of a paragraph; a hyphen at the end may go."""
        between = self._hyphens.between(last.text, row.text)
        if between is None:
            self._parts[-1] = self._parts[-1][:-1]
            self._length -= 1
        return between or ""


def _runs_on(last: Row, row: Row) -> bool:
    """Whether a paragraph continues on the next page or column."""
    moved = row.page != last.page or row.baseline > last.baseline + last.size
    if not moved or abs(last.size - row.size) > 0.08 * last.size:
        return False
    if _starts_item(row.text) or last.bold != row.bold:
        return False
    if _SENTENCE_END.search(last.text):
        return False
    return row.text[0].islower() or _word_would_not_fit(last, row)


def _separator(last: Row, row: Row, opening: Row) -> str:
    """What stands between two rows of one block."""
    em = row.size
    ended = bool(_SENTENCE_END.search(last.text))
    would_fit = not _word_would_not_fit(last, row)
    if _BULLETED.match(row.text) or _LEADERS.search(last.text[-40:]):
        return "\n"
    if _NUMBERED.match(row.text) and (ended or would_fit or _is_next_item(opening, row)):
        return "\n"
    if ended and _CAPTION.match(row.text):
        return "\n\n"
    if last.bold and not row.bold and would_fit:
        return "\n\n"
    if row.bold and not last.bold and (ended or would_fit):
        return "\n\n"
    if would_fit and not last.text.endswith(("-", "\u00ad")):
        return "\n\n" if ended and last is not opening else "\n"
    indent = row.x0 - last.x0
    if indent > _INDENT * em and not (last is opening and _starts_item(opening.text)):
        return " " if last is opening and not ended else "\n\n"
    # A term below the definition of the term before it.
    names = _looks_like_a_label(row) and not _SENTENCE_END.search(row.text)
    if indent < -_INDENT * em and ended and (names or last is not opening):
        return "\n\n"
    return " "


def _word_would_not_fit(last: Row, row: Row) -> bool:
    """Whether the line had to end where it does: the next word is too wide for it."""
    first, _, rest = row.text.partition(" ")
    if is_cjk(row.text[0]):
        first, rest = row.text[0], row.text[1:]
    width = row.cells[0].x1 - row.x0
    needed = width * len(first) / max(1, len(row.cells[0].text)) if rest else width
    return last.x1 + needed + _RAGGEDNESS * last.size > last.edge


def _is_next_item(item: Row, row: Row) -> bool:
    """Whether a numbered line follows an item in its list, or in one inside or around it."""
    if not _starts_item(item.text):
        return False
    indent = (row.x0 - item.x0) / row.size
    if abs(indent) <= _INDENT / 2:
        return row.text.split()[0] in _successors(item.text.split()[0])
    return indent < 0 or bool(_FIRST.match(row.text))


def _successors(marker: str) -> set[str]:
    """The numbers that may follow one: "(b)" on "(a)", "iv." on "iii."."""
    number = marker.strip("().")
    following = set()
    if number.isdecimal():
        following.add(str(int(number) + 1))
    elif len(number) == 1:
        following.add(chr(ord(number) + 1))
    if number.lower() in _ROMAN[:-1]:
        roman = _ROMAN[_ROMAN.index(number.lower()) + 1]
        following.add(roman if number.islower() else roman.upper())
    return {marker.replace(number, each) for each in following}


def _starts_item(text: str) -> bool:
    return bool(_BULLETED.match(text) or _NUMBERED.match(text))
