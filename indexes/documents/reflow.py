"""Glyphs on pages → paragraphs as a reader would copy them.

A PDF says where characters stand, not what belongs together. From the places this rebuilds
rows, then blocks of rows set alike, then paragraphs: lines reflowed, words hyphenated at a
line's end rejoined, list items and table rows on lines of their own, running headers and
page numbers gone. Rules look at typography (leading, indents, sizes, whether the next word
would have fitted), never at what a particular producer does.

The order of drawing is taken as the order of reading, as it is in nearly every file with
columns; only a page drawn in no order is sorted from top to bottom.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import NamedTuple

from indexes.documents.extracted import one_line

# Distances in ems, the size of the font at hand.
_WORD_GAP = 0.1
_CELL_GAP = 1.2
_SAME_LINE = 0.3
_INDENT = 0.8
# A gap this much larger than the usual leading separates paragraphs.
_PARAGRAPH_GAP = 1.3
# Ragged lines may stop this much short of where the next word would still have fitted.
_RAGGEDNESS = 3.0
_HEADING_SIZE = 1.1

_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
        "\u00a0": " ", "\u2010": "-", "\u2011": "-", "\uf0b7": "•", "\uf0a7": "▪", "\ufffd": "",
    }
)  # fmt: skip
_BULLET = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]")
_NUMBER = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]")
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]\s")
_BULLETED = re.compile(r"(?:[•‣◦▪●○■□▶➢✓∙·]\s*|[*–—-]\s+)\S")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")
_HYPHENATED = re.compile(r"([^\W\d_]+)[-\u00ad]$")
# What is left of a divided English word after its hyphen, when it is hardly a word itself.
_FRAGMENT = re.compile(
    r"[^aeiou]{0,2}(?:tion|sion|ment|ness|able|ible|ance|ence|tive|sive|ture|ties|ity|ally|ously"
    r"|ized|izing|ating|ated|tional|tial|cial)s?|ing|ings|ed|ly|er|ers|al|ous|ive|gy|cy|ry|ty"
)
_PAGE_NUMBER = re.compile(
    r"(?:p|pg|page|seite|página)?[^\w#]*#(?:[^\w#]*(?:of|/|von|de)? *\d+)?\W*"
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


class Glyph(NamedTuple):
    """One character: its extent along the line, its baseline, in points."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    angle: int


class PageGlyphs(list[Glyph]):
    """The glyphs of one page in drawing order, and where the page ends."""

    def __init__(self, top: float, bottom: float) -> None:
        super().__init__()
        self.top = top
        self.bottom = bottom


@dataclass
class _Cell:
    """A run of glyphs on one line without a wide gap."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    space: bool = False


@dataclass
class _Row:
    """Cells on one line. A line of prose is a row of one cell."""

    cells: list[_Cell]
    page: int
    table: bool = False
    edge: float = 0.0
    text: str = ""
    x0: float = field(init=False)
    baseline: float = field(init=False)
    size: float = field(init=False)

    def __post_init__(self) -> None:
        self.x0 = self.cells[0].x0
        self.baseline = self.cells[0].baseline
        self.size = max(cell.size for cell in self.cells)

    @property
    def x1(self) -> float:
        return self.cells[-1].x1

    @property
    def bold(self) -> bool:
        return all(cell.bold for cell in self.cells)


def reflow(pages: Sequence[PageGlyphs]) -> tuple[str, list[int], str | None]:
    """The text of all pages, the offset of each page's first character, the first heading."""
    rows_of_pages = [_rows_of(page, number) for number, page in enumerate(pages)]
    _drop_running_lines(rows_of_pages, pages)
    rows = [row for page_rows in rows_of_pages for row in page_rows]
    _mark_tables(rows)
    leading = _usual_leading(rows)
    for row in rows:
        row.text = one_line((" | " if row.table else " ").join(cell.text for cell in row.cells))
    rows = [row for row in rows if row.text]
    blocks = list(_blocks(rows, leading))
    _set_edges(blocks, rows)
    text, starts = _Writer(_Hyphens(rows)).write(blocks)
    first_on_page = [starts.get(number) for number in range(len(pages))]
    return text, _filled(first_on_page, len(text)), _heading(rows)


def _filled(starts: list[int | None], end: int) -> list[int]:
    """A page without text begins where the next one does."""
    filled = []
    for start in reversed(starts):
        end = end if start is None else start
        filled.append(end)
    return filled[::-1]


# Glyphs → rows


def _rows_of(page: PageGlyphs, number: int) -> list[_Row]:
    by_angle: dict[int, list[Glyph]] = defaultdict(list)
    for glyph in page:
        by_angle[glyph.angle].append(glyph)
    rows = []
    # Most of a page runs one way; stamps and axis labels that don't come after it.
    for angle in sorted(by_angle, key=lambda angle: -len(by_angle[angle])):
        rows += _ordered(_joined(_cells(by_angle[angle]), number), number)
    return rows


def _cells(glyphs: list[Glyph]) -> list[_Cell]:
    cells: list[_Cell] = []
    cell: _Cell | None = None
    for glyph in glyphs:
        text = glyph.text.translate(_LIGATURES)
        if not text.strip():
            if cell:
                cell.space = True
            continue
        if cell and _continues(cell, glyph):
            wide = glyph.x0 - cell.x1 > _WORD_GAP * min(cell.size, glyph.size)
            cell.text += f" {text}" if cell.space or wide else text
            cell.x1 = max(cell.x1, glyph.x1)
            cell.bold = cell.bold and glyph.bold
            if glyph.size > cell.size:
                cell.size, cell.baseline = glyph.size, glyph.baseline
            cell.space = False
        else:
            cell = _Cell(text, glyph.x0, glyph.x1, glyph.baseline, glyph.size, glyph.bold)
            cells.append(cell)
    return cells


def _continues(cell: _Cell, glyph: Glyph) -> bool:
    size = max(cell.size, glyph.size)
    gap = glyph.x0 - cell.x1
    if not -0.6 * size < gap < _CELL_GAP * size:
        return False
    shift = abs(glyph.baseline - cell.baseline)
    # A footnote mark or an exponent is smaller, raised and close by.
    raised = min(cell.size, glyph.size) < 0.85 * size and gap < 0.5 * size
    return shift <= (0.6 if raised else _SAME_LINE) * size


def _joined(cells: list[_Cell], page: int) -> list[_Row]:
    """Rows of cells that share a baseline; a cell may be drawn a few lines late."""
    rows: list[_Row] = []
    for cell in cells:
        for row in reversed(rows[-6:]):
            near = abs(row.baseline - cell.baseline) <= _SAME_LINE * min(row.size, cell.size)
            if near and cell.x0 >= row.x1 - 0.3 * cell.size:
                marker = _BULLET.fullmatch(row.text) or _NUMBER.fullmatch(row.text)
                if len(row.cells) == 1 and marker:
                    cell.text = f"{row.text} {cell.text}"
                    cell.x0 = row.x0
                    row.cells[0] = cell
                    row.size = cell.size
                else:
                    row.cells.append(cell)
                row.text = ""
                break
        else:
            rows.append(_Row([cell], page, text=cell.text))
    return rows


def _ordered(rows: list[_Row], page: int) -> list[_Row]:
    """The rows as drawn, or from top to bottom where drawing jumped about."""
    jumps = sum(
        later.baseline > earlier.baseline + earlier.size for earlier, later in pairwise(rows)
    )
    if jumps <= 2 + len(rows) // 5:
        return rows
    cells = [cell for row in rows for cell in row.cells]
    cells.sort(key=lambda cell: (-round(cell.baseline), cell.x0))
    return _joined(cells, page)


# Running headers, footers, page numbers


def _drop_running_lines(rows_of_pages: list[list[_Row]], pages: Sequence[PageGlyphs]) -> None:
    """Remove lines that stand at the same height of several pages and say the same.

    A number in such a line may differ if it counts along with the pages. It must be all
    the line says ("- 7 -", "Page 7 of 9"), or be the page's own number: a form letter's
    "Invoice 1041" and a chronicle's "In 1998" count along too.
    """
    seen: dict[tuple[str, int, int], list[_Row]] = defaultdict(list)
    for number, (rows, page) in enumerate(zip(rows_of_pages, pages, strict=True)):
        band = 0.11 * (page.top - page.bottom)
        ranked = sorted(rows, key=lambda row: row.baseline)
        for row in {id(row): row for row in ranked[:3] + ranked[-3:]}.values():
            if page.bottom + band < row.baseline < page.top - band:
                continue
            text = one_line(" ".join(cell.text for cell in row.cells)).lower()
            height = round(row.baseline / 4)
            seen[text, 0, height].append(row)
            for match in re.finditer(r"\d{1,4}", text):
                masked = f"{text[: match.start()]}#{text[match.end() :]}"
                offset = int(match[0]) - number
                if _PAGE_NUMBER.fullmatch(masked) or -20 <= offset <= 1:
                    seen[masked, offset, height].append(row)
    enough = min(3, max(2, len(pages)))
    running = {id(row) for same in seen.values() if len(same) >= enough for row in same}
    for rows in rows_of_pages:
        rows[:] = [row for row in rows if id(row) not in running]


# Rows → blocks


def _usual_leading(rows: list[_Row]) -> float:
    """The most common distance between lines, in ems."""
    steps = Counter(
        round((upper.baseline - lower.baseline) / upper.size, 1)
        for upper, lower in pairwise(rows)
        if upper.page == lower.page
        and abs(upper.size - lower.size) < 0.1 * upper.size
        and not (upper.table or lower.table)
    )
    likely = {step: count for step, count in steps.items() if 0.9 <= step <= 3}
    return max(likely, key=lambda step: (likely[step], -step)) if likely else 1.2


def _mark_tables(rows: list[_Row]) -> None:
    """Rows of several cells that line up with a neighbour's are a table's."""
    for upper, lower in pairwise(rows):
        several = len(upper.cells) > 1 and len(lower.cells) > 1
        close = upper.page == lower.page and 0 < upper.baseline - lower.baseline < 3 * upper.size
        if several and close and _aligned(upper, lower):
            upper.table = lower.table = True


def _aligned(upper: _Row, lower: _Row) -> bool:
    return any(
        min(abs(a.x0 - b.x0), abs(a.x1 - b.x1), abs(a.x0 + a.x1 - b.x0 - b.x1) / 2) < 4
        for a in upper.cells[1:]
        for b in lower.cells[1:]
    )


def _blocks(rows: list[_Row], leading: float) -> Iterator[list[_Row]]:
    """Runs of rows that are set alike: same size, usual leading, one below the other."""
    block: list[_Row] = []
    for row in rows:
        if block and not _same_block(block[-1], row, leading):
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _same_block(upper: _Row, lower: _Row, leading: float) -> bool:
    step = (upper.baseline - lower.baseline) / max(upper.size, lower.size)
    if upper.page != lower.page or upper.table != lower.table:
        return False
    if upper.table:
        return 0 < step < 3
    alike = abs(upper.size - lower.size) <= 0.08 * upper.size
    overlap = lower.x0 < upper.x1 and upper.x0 < lower.x1
    return alike and overlap and 0.5 < step <= _PARAGRAPH_GAP * leading


def _set_edges(blocks: list[list[_Row]], rows: list[_Row]) -> None:
    """How far to the right the lines of each block could have gone."""
    margins: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        margins[row.page].append(row)
    for block in blocks:
        left = min(row.x0 for row in block)
        reach = max(row.x1 for row in block)
        nearby = [
            row.x1
            for row in margins[block[0].page]
            if abs(row.x0 - left) < 4 * row.size and not row.table
        ]
        column = max(nearby, default=reach)
        # A signature or an address is narrow by choice, a quotation by its indent.
        if reach - left < 0.6 * (column - left):
            reach = column
        elif len(nearby) == len(block) <= 5 and all(_looks_like_a_label(row) for row in block):
            reach = column = float("inf")
        for row in block:
            row.edge = reach


def _looks_like_a_label(row: _Row) -> bool:
    return len(row.text) < 45 and not row.text[0].islower() and row.text[-1] not in ",;:-"


# Blocks → text


class _Hyphens:
    """Decides whether a hyphen at a line's end divided one word or joins two."""

    def __init__(self, rows: list[_Row]) -> None:
        self._words: set[str] = set()
        divided: list[tuple[str, str]] = []
        head: str | None = None
        for row in rows:
            # The halves that line ends make are no words of the document.
            text = row.text
            if head is not None:
                tail = _WORD.match(text)
                if tail and tail[0].islower():
                    divided.append((head, tail[0]))
                text = text.partition(" ")[2]
            match = _HYPHENATED.search(row.text)
            head = match[1].lower() if match else None
            if match:
                text = text.rpartition(" ")[0]
            self._words.update(word.lower() for word in _WORD.findall(text))
        votes = [self._evidence(*pair) for pair in divided]
        self._divides_words = votes.count(True) > votes.count(False)

    def divided_a_word(self, head: str, tail: str) -> bool:
        """Whether `head-` at a line's end and `tail` at the next one's start are one word."""
        if not tail.islower():
            return False
        known = self._evidence(head.lower(), tail)
        if known is not None:
            return known
        return self._divides_words or bool(_FRAGMENT.fullmatch(tail))

    def _evidence(self, head: str, tail: str) -> bool | None:
        """What the rest of the document says, if it says anything."""
        if f"{head}-{tail}" in self._words:
            return False
        if head + tail in self._words:
            return True
        # "high-" before "demand" is a compound; "invest-" before "ments" is not a pair
        # of words that stand alone.
        if head in self._words and tail.partition("-")[0] in self._words:
            return False
        return None


class _Writer:
    """Joins blocks into one text and notes where pages begin."""

    def __init__(self, hyphens: _Hyphens) -> None:
        self._hyphens = hyphens
        self._parts: list[str] = []
        self._length = 0
        self._starts: dict[int, int] = {}

    def write(self, blocks: list[list[_Row]]) -> tuple[str, dict[int, int]]:
        """The text, and the offset of the first character of each page that has any."""
        last: _Row | None = None
        for block in blocks:
            opening = block[0]
            for row in block:
                separator = ""
                if last is row or last is None:
                    opening = row
                elif row is block[0]:
                    separator = " " if _runs_on(last, row) else "\n\n"
                else:
                    separator = _separator(last, row, opening)
                if separator.startswith("\n"):
                    opening = row
                self._append(last, separator, row)
                last = row
        return "".join(self._parts), self._starts

    def _append(self, last: _Row | None, separator: str, row: _Row) -> None:
        if separator == " " and last:
            separator = self._mend(last, row)
        self._add(separator)
        self._starts.setdefault(row.page, self._length)
        self._add(row.text)

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def _mend(self, last: _Row, row: _Row) -> str:
        """What stands between two lines of a paragraph; a hyphen at the end may go."""
        if last.text.endswith(("—", "/")) and "://" not in last.text.rpartition(" ")[2]:
            return ""
        match = _HYPHENATED.search(last.text)
        if not match:
            return " "
        tail = _WORD.match(row.text)
        if not tail:
            return ""
        soft = last.text.endswith("\u00ad")
        if soft or self._hyphens.divided_a_word(match[1], tail[0]):
            self._parts[-1] = self._parts[-1][:-1]
            self._length -= 1
        return ""


def _runs_on(last: _Row, row: _Row) -> bool:
    """Whether a paragraph continues on the next page or column."""
    moved = row.page != last.page or row.baseline > last.baseline + last.size
    if not moved or last.table or row.table or abs(last.size - row.size) > 0.08 * last.size:
        return False
    if _starts_item(row.text) or last.bold != row.bold:
        return False
    if _SENTENCE_END.search(last.text):
        return False
    return row.text[0].islower() or _word_would_not_fit(last, row)


def _separator(last: _Row, row: _Row, opening: _Row) -> str:
    """What stands between two rows of one block."""
    em = row.size
    ended = bool(_SENTENCE_END.search(last.text))
    would_fit = not _word_would_not_fit(last, row)
    if row.table or _BULLETED.match(row.text):
        return "\n"
    if _NUMBERED.match(row.text) and (ended or would_fit):
        return "\n"
    if last.bold and not row.bold and would_fit:
        return "\n\n"
    if row.bold and not last.bold and (ended or would_fit):
        return "\n\n"
    if would_fit and not last.text.endswith(("-", "\u00ad")):
        return "\n\n" if ended and last is not opening else "\n"
    indent = row.x0 - last.x0
    if indent > _INDENT * em and not (last is opening and _starts_item(opening.text)):
        return " " if last is opening and not ended else "\n\n"
    if indent < -_INDENT * em and last is not opening and ended:
        return "\n\n"
    return " "


def _word_would_not_fit(last: _Row, row: _Row) -> bool:
    """Whether the line had to end where it does: the next word is too wide for it."""
    first, _, rest = row.text.partition(" ")
    width = row.cells[0].x1 - row.x0
    needed = width * len(first) / max(1, len(row.cells[0].text)) if rest else width
    return last.x1 + needed + _RAGGEDNESS * last.size > last.edge


def _starts_item(text: str) -> bool:
    return bool(_BULLETED.match(text) or _NUMBERED.match(text))


def _heading(rows: list[_Row]) -> str | None:
    """The largest line near the top of the first page, and the large ones right below it."""
    top = [row for row in rows if row.page == rows[0].page][:12] if rows else []
    if not top:
        return None
    sizes: Counter[float] = Counter()
    for row in rows:
        sizes[round(row.size, 1)] += len(row.text)
    body = sizes.most_common(1)[0][0]
    largest = max(top, key=lambda row: row.size)
    if largest.size < _HEADING_SIZE * body:
        return None
    following = takewhile(
        lambda row: row.size >= _HEADING_SIZE * body and not row.table, top[top.index(largest) :]
    )
    return " ".join(row.text for row in following) or None
