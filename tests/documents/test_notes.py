"""Footnotes, wherever a format keeps them: their mark is in the text, and before the note."""

import pytest

from tests.documents.files import extracted, tables_of, text_of
from tests.documents.test_formats import book, opendocument


def _odt_note(text: str, mark: str, kind: str = "footnote") -> str:
    return (
        f'<text:note text:note-class="{kind}"><text:note-citation>{mark}</text:note-citation>'
        f"<text:note-body><text:p>{text}</text:p></text:note-body></text:note>"
    )


def test_a_footnote_in_a_cell_of_opendocument_follows_the_table():
    row = "<table:table-row>{}</table:table-row>"
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    body = (
        "<office:text><table:table>"
        + row.format(cell.format("Berth") + cell.format("Fee"))
        + row.format(cell.format("Quay") + cell.format("5" + _odt_note("At night 6.", "1")))
        + "</table:table><text:p>So it is.</text:p></office:text>"
    )
    assert text_of("a.odt", opendocument(body)) == (
        "Berth | Fee\nQuay | 5[1]\n\n[1] At night 6.\n\nSo it is."
    )


def test_endnotes_of_opendocument_follow_the_document():
    first = f"<text:p>Free{_odt_note('Since May.', 'i', 'endnote')} entry.</text:p>"
    body = f"<office:text>{first}<text:p>Next.</text:p></office:text>"
    assert text_of("a.odt", opendocument(body)) == "Free[i] entry.\n\nNext.\n\n[i] Since May."


@pytest.mark.parametrize(
    "reference",
    [
        '<sup><a href="#n1">1</a></sup>',
        '<a href="#n1"><sup>1</sup></a>',
        '<a href="#n1" role="doc-noteref">1</a>',
        '<a class="footnote-ref" href="#n1">1</a>',
        '<sup>[<a href="#n1">1</a>]</sup>',
        '<sup><a href="#n1"><span>[</span>1<span>]</span></a></sup>',
    ],
)
def test_what_refers_to_a_note_of_a_page_is_no_figure_of_the_text(reference: str):
    note = '<ol><li id="n1">In tons. <a href="#r">↩︎</a></ol>'
    page = f"<p>Cargo grew by 12{reference} in May.</p>{note}"
    assert text_of("a.html", page) == "Cargo grew by 12[1] in May.\n\n1. In tons."


def test_other_links_and_raised_figures_of_a_page_stay_what_they_are():
    page = '<p>10<sup>6</sup> m<sup>2</sup>, see <a href="#s">4</a><sup><a href="/tm">TM</a></sup>'
    assert text_of("a.html", page) == "10⁶ m², see 4TM"
    backlinks = (
        '<p>^ <sup><a href="#r1"><i>a</i></a></sup> <sup><a href="#r2"><i>b</i></a></sup> Ann'
    )
    assert text_of("a.html", backlinks) == "^ a b Ann"


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ('<aside epub:type="footnote" id="n1"><p>In tons.</p></aside>', "[2] In tons."),
        ('<p role="doc-footnote" id="n1"><a href="#r">2.</a> In tons.</p>', "[2] In tons."),
        ('<div epub:type="rearnote">* In tons.</div>', "[*] In tons."),
    ],
)
def test_notes_of_a_book_have_their_mark_in_front(note: str, text: str):
    chapter = (
        '<html><body><p>12<a epub:type="noteref" href="one.xhtml#n1">2</a> in May.</p>'
        f"{note}</body></html>"
    )
    found = extracted("a.epub", book(**{"OEBPS/one.xhtml": chapter}))
    assert found.text.startswith(f"12[2] in May.\n\n{text}\n\nTwo")


def test_a_note_in_a_table_of_a_page_stays_with_its_value():
    page = '<table><tr><th>Berth<th>Fee<tr><td>Quay<td>12<a href="#n"><sup>3</sup></a></table>'
    assert tables_of(extracted("a.html", page)) == [[["Berth", "Fee"], ["Quay", "12[3]"]]]
