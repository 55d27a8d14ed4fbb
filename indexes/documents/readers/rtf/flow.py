"""Paragraphs, cells and rows → blocks."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from indexes.documents.blocks import Block, Code, Heading, Item, Note, Paragraph, table_of
from indexes.documents.extracted import one_line
from indexes.documents.readers.cells import flattened, raised
from indexes.documents.readers.listings import joined
from indexes.documents.readers.word.tables import only_places

MAX_CELLS = 500_000

_ITEM = re.compile(r"([•·▪‣o§*–-]|\(?(?:\d{1,3}|[a-zA-Z]{1,4})[.)])\t(.+)", re.DOTALL)
# Edges of cells that are closer are one, in twentieths of a point.
_ONE_EDGE = 100


@dataclass
class Edge:
    """Where a cell ends, in twentieths of a point, and whether it goes on a merged one."""

    at: int = 0
    right: bool = False
    down: bool = False


@dataclass(frozen=True)
class Layout:
    """What a paragraph is, apart from its text.

    Attributes:
        depth: how many tables it is in
        heading: its level as a heading, from 1 on; 0 for none
        indent: of its left edge, in twentieths of a point
        level: of the list that it is in, from 0 on; None if nothing is said of it
    """

    depth: int = 0
    heading: int = 0
    indent: int = 0
    level: int | None = None


@dataclass
class _Table:
    """An open table: the rows that ended, the cells and the blocks that did since."""

    rows: list[tuple[list[list[Block]], list[Edge]]] = field(default_factory=list)
    cells: list[list[Block]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    head: int = 0


class Flow:
    """Text that is read from top to bottom: the document's, a note's, a text box's."""

    def __init__(self) -> None:
        self.marker = ""
        self.hanging: list[Block] = []
        self.begins_high = False
        self.in_row = False
        self.next_edge = Edge()
        self._edges: list[list[Edge]] = [[], []]  # of a row, and of one in a nested table
        self.heads = [False, False]
        self._blocks: list[Block] = []
        self._parts: list[str] = []
        self._tables: list[_Table] = []
        self._indents: list[int] = []
        self._fixed = self._other = 0  # letters of this paragraph, by their font
        self._all_fixed = self._all_other = 0

    def write(self, text: str, *, fixed: bool = False, high: bool = False) -> None:
        """Add text to the paragraph: in a font for listings, or raised, where it is."""
        if high:
            self.begins_high = self.begins_high or not "".join(self._parts).strip()
            text = raised(text, self._parts[-1][-1:] if self._parts else "")
        self._parts.append(text)
        letters = len("".join(text.split()))
        if fixed:
            self._fixed += letters
        else:
            self._other += letters

    def place(self) -> int:
        """Keep a place in the paragraph, for `fill`."""
        self._parts.append("")
        return len(self._parts) - 1

    def fill(self, place: int, text: str) -> None:
        """Write at a place that was kept in this paragraph."""
        if place < len(self._parts):
            self._parts[place] = text

    def end_paragraph(self, layout: Layout) -> None:
        """End the paragraph; one of the text ends the tables above it."""
        target = self._target(layout.depth)
        text, marker = "".join(self._parts), one_line(self.marker)
        fixed = self._fixed > 0 and self._other == 0
        self._all_fixed += self._fixed
        self._all_other += self._other
        if text.strip():
            target.append(self._block(text, marker, layout, fixed))
        target += self.hanging
        self._parts, self.marker, self.hanging = [], "", []
        self._fixed = self._other = 0

    def begin_row(self, nested: bool) -> None:
        """Describe a row anew; its cells may come before or behind."""
        self._edges[nested] = []
        self.heads[nested] = False
        self.next_edge = Edge()
        self.in_row = self.in_row or not nested

    def edge(self, at: int, nested: bool) -> None:
        """Describe where the row's next cell ends."""
        self.next_edge.at = at
        self._edges[nested].append(self.next_edge)
        self.next_edge = Edge()

    def end_cell(self, layout: Layout, depth: int) -> None:
        """End a cell so many tables deep, and its last paragraph."""
        if self._parts or self.hanging:
            self.end_paragraph(layout)
        self._target(depth)
        table = self._tables[-1]
        table.cells.append(table.blocks)
        table.blocks = []

    def end_row(self, depth: int) -> None:
        """End a row so many tables deep."""
        self._target(depth)
        table, nested = self._tables[-1], depth > 1
        if table.blocks:
            table.cells.append(table.blocks)
        if self.heads[nested] and len(table.rows) == table.head:
            table.head += 1
        table.rows.append((table.cells, self._edges[nested]))
        table.cells, table.blocks = [], []
        self.in_row = self.in_row and nested

    def finished(self) -> list[Block]:
        """All blocks, once the text has ended."""
        if self._parts or self.hanging:
            self.end_paragraph(Layout(len(self._tables)))
        blocks = list(joined(self._target(0)))
        if self._all_fixed <= self._all_other:
            return blocks
        # All of it was typed in such a font, and is no listing.
        return [_typed(block) if isinstance(block, Code) else block for block in blocks]

    def _target(self, depth: int) -> list[Block]:
        """Where blocks go so many tables deep; opens and closes tables."""
        while len(self._tables) > depth:
            table = self._tables.pop()
            outer = self._tables[-1].blocks if self._tables else self._blocks
            outer += _closed(table)
        while len(self._tables) < depth:
            self._tables.append(_Table())
        return self._tables[-1].blocks if self._tables else self._blocks

    def _block(self, text: str, marker: str, layout: Layout, fixed: bool) -> Block:
        if fixed and not marker and not layout.heading and not layout.depth:
            return Code(text.expandtabs(4))
        item = _ITEM.match(text.strip())
        if item and not marker:
            marker, text = item[1], item[2]
        text = "\n".join(map(one_line, text.split("\n"))).strip()
        if layout.heading:
            return Heading(one_line(f"{marker} {text}"), layout.heading)
        if not marker:
            self._indents.clear()
            return Paragraph(text)
        bullet = len(marker) == 1 and not (marker.isdecimal() or marker in "–-")
        return Item(text, "•" if bullet else marker, self._depth(layout))

    def _depth(self, layout: Layout) -> int:
        """How deep an item of a list is: as said, or by its indent among those before it."""
        while self._indents and self._indents[-1] > layout.indent:
            self._indents.pop()
        if not self._indents or self._indents[-1] < layout.indent:
            self._indents.append(layout.indent)
        return len(self._indents) - 1 if layout.level is None else layout.level


def _typed(code: Code) -> Paragraph:
    return Paragraph("\n".join(map(one_line, code.text.split("\n"))))


def _closed(table: _Table) -> list[Block]:
    """The blocks of a table: itself, and the notes of its cells."""
    if table.cells:
        table.rows.append((table.cells, []))
    behind: list[Block] = []
    rows: list[list[list[Block]]] = []
    for cells, _ in table.rows:
        notes = [block for cell in cells for block in cell if isinstance(block, Note)]
        behind += notes
        rows.append([[block for block in cell if not isinstance(block, Note)] for cell in cells])
    held = [cell for row in rows for cell in row]
    if only_places(rows, held):
        return [*(block for cell in held for block in cell), *behind, *table.blocks]
    texts = [[flattened(cell) for cell in row] for row in rows]
    made = table_of(_grid(texts, [edges for _, edges in table.rows]), max(table.head, 1))
    return [*([made] if made else []), *behind, *table.blocks]


def _grid(rows: list[list[str]], edges: list[list[Edge]]) -> list[list[str]]:
    """Texts in their columns, one that covers several repeated in each."""
    columns = _columns(rows, edges)
    grid: list[list[str]] = []
    above: list[str] = []
    for texts, ends in zip(rows, edges, strict=True):
        cells: list[str] = []
        for at, text in enumerate(texts):
            edge = ends[at] if at < len(ends) else Edge()
            start = len(cells)
            if edge.right and cells:
                text = cells[-1]
            elif edge.down and start < len(above):
                text = above[start]
            width = 1
            if columns:
                width = max(_column(columns, edge.at) + 1 - start, 0 if start else 1)
            cells += [text] * width
        grid.append(cells)
        above = cells
    return grid


def _columns(rows: list[list[str]], edges: list[list[Edge]]) -> list[int]:
    """The right edges of all columns, if rows have different numbers of cells."""
    if len({len(row) for row in rows}) < 2:
        return []
    if any(
        len(row) > len(ends) or any(b.at <= a.at for a, b in pairwise(ends))
        for row, ends in zip(rows, edges, strict=True)
    ):
        return []
    columns: list[int] = []
    for at in sorted({end.at for ends in edges for end in ends}):
        if not columns or at - columns[-1] > _ONE_EDGE:
            columns.append(at)
    return columns if len(columns) * len(rows) <= MAX_CELLS else []


def _column(columns: list[int], edge: int) -> int:
    """The column that ends at an edge."""
    return max((at for at, column in enumerate(columns) if column <= edge), default=0)
