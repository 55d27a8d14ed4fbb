"""Blocks become a document's text, and every place in it is known."""

from itertools import pairwise

from indexes.documents.assembly import assemble
from indexes.documents.blocks import (
    Code,
    Heading,
    Item,
    Mark,
    Note,
    PageBreak,
    Paragraph,
    table_of,
)

ROOM = 1_000


def test_blocks_stand_apart_and_items_of_a_list_together():
    found = assemble(
        [
            Heading("Lease", level=1),
            Paragraph("  The tenant pays.  "),
            Item("rent,", "(a)"),
            Item("heating.", "(b)", depth=1),
            Code("if late:\n    pay()\n"),
            Note("See the annex.", "1"),
        ],
        max_characters=ROOM,
    )
    assert found.text == (
        "Lease\n\nThe tenant pays.\n\n(a) rent,\n  (b) heating.\n\n"
        "if late:\n    pay()\n\n[1] See the annex."
    )
    assert found.heading == "Lease"
    (heading,) = found.structure.headings
    assert found.text[heading.start : heading.end] == "Lease"
    ((start, end),) = found.structure.code
    assert found.text[start:end] == "if late:\n    pay()"


def test_a_table_keeps_its_empty_cells_and_knows_its_rows():
    table = table_of([["", "Q1", "Q2"], ["Ely", "5"], ["", "", ""], ["Diss", "", " 7\n8 "]])
    assert table is not None
    found = assemble([Paragraph("Depots"), table], max_characters=ROOM)
    assert found.text == "Depots\n\n | Q1 | Q2\nEly | 5 | \nDiss |  | 7 8"
    (span,) = found.structure.tables
    rows = [*span.rows, span.end + 1]
    assert [found.text[a : b - 1] for a, b in pairwise(rows)] == table.lines
    assert found.text[span.start : span.header_end] == " | Q1 | Q2\n"
    assert found.report.tables == 1


def test_a_table_without_cells_is_none():
    assert table_of([["", " "], []]) is None


def test_marks_give_the_pages_and_the_layout():
    first, second = (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)
    found = assemble(
        [
            Paragraph(" One two", marks=(Mark(0, 1, first), Mark(5, 3, second))),
            Item("four", marks=(Mark(0, 4, first),)),
        ],
        max_characters=ROOM,
    )
    assert found.text == "One two\n\n• four"
    # Page 2 has no text: it begins where page 3 does.
    assert found.page_starts == (0, 4, 4, 9)
    assert found.layout == (Mark(0, 1, first), Mark(4, 3, second), Mark(9, 4, first))


def test_page_breaks_name_slides_and_sheets():
    found = assemble(
        [PageBreak("Prices"), Paragraph("One"), PageBreak("Empty"), PageBreak("Notes")],
        max_characters=ROOM,
        page_kind="sheet",
    )
    assert found.page_starts == (0, 3, 3)
    assert found.page_labels == ("Prices", "Empty", "Notes")
