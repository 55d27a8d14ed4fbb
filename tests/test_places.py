"""Where a passage is, as people say it."""

import pytest

from indexes.documents.assembly import assemble
from indexes.documents.blocks import PageBreak, Paragraph, table_of
from indexes.places import headline, place_of
from indexes.tree import build_tree

SHEETS = {"page_kind": "sheet", "page_labels": ["Prices", "Notes"]}
LABELLED = {"page_labels": ["i", "ii", "1", "2"]}


@pytest.mark.parametrize(
    ("about", "pages", "rows", "said"),
    [
        ({}, (4, 4), None, "page 4"),
        ({}, (4, 5), None, "pages 4-5"),
        (LABELLED, (2, 2), None, "page 2 (ii)"),
        (LABELLED, (2, 3), None, "pages 2-3 (ii to 1)"),
        ({"page_labels": ["1", "2"]}, (2, 2), None, "page 2"),
        ({"page_kind": "slide"}, (3, 3), None, "slide 3"),
        (SHEETS, (1, 1), (3, 5), "sheet Prices, rows 3-5"),
        (SHEETS, (1, 2), None, "sheets Prices to Notes"),
        ({"page_kind": "chapter", "page_labels": ["The sea"]}, (1, 1), None, "chapter The sea"),
        ({}, None, (7, 7), "row 7"),
        ({}, None, None, ""),
    ],
)
def test_places_in_words(about, pages, rows, said) -> None:
    assert place_of(about, pages, rows) == said


def test_leaves_know_the_numbers_of_their_rows() -> None:
    cells = [["Depot", "Boats", "Remarks"]]
    cells += [[f"Depot {n}", str(n), "The keeper lives there with a cat."] for n in range(30)]
    cells.insert(5, ["", "", ""])
    table = table_of(cells, first_number=3)
    assert table is not None
    found = assemble([PageBreak("Boats"), Paragraph("All."), table], max_characters=9999)
    tree = build_tree(
        found.text, document_id="d", version="v", levels=(64, 32), structure=found.structure
    )
    numbers = dict(zip(table.lines, table.numbers, strict=True))
    for leaf, rows in zip(tree.leaves, tree.rows, strict=True):
        lines = [ln for ln in found.text[leaf.start : leaf.end].splitlines() if ln in numbers]
        assert rows == ((numbers[lines[0]], numbers[lines[-1]]) if lines else None)
    assert max(table.numbers) == 3 + 31


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("Handbook", "Setup › Network", "page 4"), "Handbook › Setup › Network, page 4"),
        (("Handbook", "Handbook › Setup", ""), "Handbook › Setup"),
        (("Handbook", "", "row 7"), "Handbook, row 7"),
        (("", "Setup", ""), "Setup"),
        (("", "", ""), ""),
    ],
)
def test_what_a_passage_is_from_on_one_line(parts: tuple[str, str, str], said: str) -> None:
    assert headline(*parts) == said
