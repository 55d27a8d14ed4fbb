"""A page's runs → rows and tables in the order of reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from indexes.documents.pdf.aligned import aligned_grids
from indexes.documents.pdf.boxes import by_boxes
from indexes.documents.pdf.columns import Item, columns_of
from indexes.documents.pdf.grids import Grid, ruled_grids
from indexes.documents.pdf.late import in_place, with_initials
from indexes.documents.pdf.markers import with_markers_first
from indexes.documents.pdf.rows import Row, rows_of
from indexes.documents.pdf.rulings import Rulings
from indexes.documents.pdf.writing import Run, Writing


@dataclass
class Page:
    """A page's content.

    Attributes:
        writing: the runs of each direction in which it is written
        rulings: its lines
        width, height: in points, as shown
    """

    writing: list[Writing]
    rulings: Rulings
    width: float
    height: float


Piece = Row | Grid


def pieces_of(page: Page, number: int) -> list[Piece]:
    """Return the rows and tables of page `number` (from 0) in reading order.

    What runs in another direction than most of the page (stamps, labels of axes) comes last.
    """
    main_first = sorted(page.writing, key=lambda way: -sum(len(run.text) for run in way.runs))
    pieces = [list(_pieces(way, page.rulings, number)) for way in main_first]
    for piece in chain.from_iterable(pieces[1:]):
        if isinstance(piece, Row):
            piece.aside = True
    return list(chain.from_iterable(pieces))


def _pieces(writing: Writing, rulings: Rulings, number: int) -> Iterator[Piece]:
    runs = with_initials(with_markers_first(writing.runs))
    lines = writing.turned(rulings)
    items = _with_grids(runs, ruled_grids(runs, lines))
    groups = by_boxes(items, lines)
    for group in (in_place(part) for each in groups for part in columns_of(each)):
        runs = [item for item in group if isinstance(item, Run)]
        plain: list[Run] = []
        for item in _with_grids(group, aligned_grids(runs)):
            if isinstance(item, Grid):
                yield from rows_of(plain, number)
                plain = []
                item.page = number
                yield item
            else:
                plain.append(item)
        yield from rows_of(plain, number)


def _with_grids(items: Sequence[Item], grids: list[Grid]) -> list[Item]:
    """The items with each table in the place of the first of its runs."""
    of_run = {id(part): grid for grid in grids for run in grid.runs for part in (run, *run.pieces)}
    found: dict[int, Item] = {}
    for item in items:
        for part in _parts(item):
            piece = of_run.get(id(part), item)
            found.setdefault(id(piece), piece)
    return list(found.values())


def _parts(item: Item) -> Sequence[Item]:
    return item.pieces or (item,) if isinstance(item, Run) else (item,)
