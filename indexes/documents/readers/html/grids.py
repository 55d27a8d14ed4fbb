"""A table as a grid: cells that span rows or columns repeated in each place that they cover."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from indexes.documents.readers.html.tree import Element

MAX_COLUMNS = 500
MAX_CELLS = 500_000

_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_PARTS = _GROUPS | {"tr", "td", "th", "caption", "colgroup", "col"}


@dataclass
class Grid:
    """A table: its rows' elements (the foot last), how many of them are its head, its caption."""

    rows: list[Element] = field(default_factory=list)
    head: int = 0
    caption: Element | None = None

    @classmethod
    def of(cls, table: Element) -> "Grid":
        """The rows of a table; those of tables in its cells are theirs."""
        grid = cls()
        foot: list[Element] = []
        for child in table.elements():
            if child.tag == "caption":
                grid.caption = child
            elif child.tag == "thead":
                rows = [row for row in child.elements() if row.tag == "tr"]
                grid.head += len(rows) if grid.head == len(grid.rows) else 0
                grid.rows += rows
            elif child.tag == "tr":
                grid.rows.append(child)
            elif child.tag in ("tbody", "tfoot"):
                rows = [row for row in child.elements() if row.tag == "tr"]
                (foot if child.tag == "tfoot" else grid.rows).extend(rows)
        grid.rows += foot
        return grid

    def misplaced(self, table: Element) -> "Iterator[Element | str]":
        """What stands in the table but in no cell, where only tags of tables may."""
        groups = [child for child in table.elements() if child.tag in _GROUPS]
        for part in [table, *groups, *self.rows]:
            for child in part.children:
                if isinstance(child, str) or child.tag not in _PARTS:
                    yield child
                    yield " "

    def cells(self) -> "Iterator[Element]":
        """All cells, once."""
        for row in self.rows:
            yield from cells_of(row)

    def texts(self, text_of: Callable[[Element], str]) -> list[list[str]]:
        """Place the texts of the cells in their columns."""
        made: list[list[str]] = []
        hanging: dict[int, tuple[int, str]] = {}  # column → rows that it still covers, text
        room = MAX_CELLS
        for row in self.rows:
            texts: list[str] = []

            def covered(texts: list[str] = texts) -> None:
                while len(texts) in hanging and len(texts) < MAX_COLUMNS:
                    left, text = hanging.pop(len(texts))
                    if left > 1:
                        hanging[len(texts)] = left - 1, text
                    texts.append(text)

            for cell in cells_of(row):
                covered()
                if len(texts) >= MAX_COLUMNS:
                    break
                text = text_of(cell)
                down = _span(cell, "rowspan", 65_534)
                for _ in range(min(_span(cell, "colspan", 1_000), MAX_COLUMNS - len(texts))):
                    if down > 1:
                        hanging[len(texts)] = down - 1, text
                    texts.append(text)
            covered()
            for column in sorted(hanging):  # cells from above, to the right of a gap
                if column >= len(texts):
                    texts += [""] * (column - len(texts))
                    covered()
            made.append(texts)
            room -= len(texts)
            if room < 0:
                break
        return made

    def header_rows(self) -> int:
        """How many rows name the columns."""
        if self.head:
            return self.head
        heads = 0
        for row in self.rows:
            cells = list(cells_of(row))
            if not cells or any(cell.tag == "td" and cell.words for cell in cells):
                break
            if not any(cell.tag == "th" for cell in cells):
                break
            heads += 1
        if heads:
            return heads if heads < len(self.rows) else 1
        # Headed rows, without a headed column, are a list of facts.
        return 0 if any(cell.tag == "th" for cell in self.cells()) else 1


def cells_of(row: Element) -> "Iterator[Element]":
    """The cells of a row."""
    return (cell for cell in row.elements() if cell.tag in ("td", "th"))


def _span(cell: Element, name: str, most: int) -> int:
    said = cell.says(name)
    if not said[:6].isdecimal():
        return 1
    number = int(said[:6])
    # To the end of the table, in HTML's words.
    return most if number == 0 and name == "rowspan" else max(1, min(number, most))
