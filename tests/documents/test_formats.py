"""What each of the smaller formats makes of a file of its kind, and of a broken one."""

import io
import json
from collections import Counter
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from indexes.documents.extracted import UnreadableError
from indexes.documents.formats import suffixes
from indexes.documents.readers.delimited import rows_of
from indexes.documents.readers.shown import Value, shown
from tests.documents.files import extracted, grows_linearly, headings_of, tables_of, text_of, zipped

# Slides


def presentation() -> bytes:
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[1])
    slide.shapes.title.text = "Harbour plan"
    frame = slide.placeholders[1].text_frame
    frame.text = "Dredge the basin"
    frame.add_paragraph().text = "by May"
    frame.paragraphs[1].level = 1
    slide.notes_slide.notes_text_frame.text = "Ask the treasurer."
    slide = made.slides.add_slide(made.slide_layouts[5])
    slide.shapes.title.text = "Budget"
    place = (Inches(1), Inches(2), Inches(6), Inches(2))
    table = slide.shapes.add_table(3, 3, *place).table
    for at, row in enumerate([("", "2022", "2023"), ("Ely", "5", ""), ("Diss", "", "7")]):
        for column, text in enumerate(row):
            table.cell(at, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    chart = CategoryChartData()
    chart.categories = ["a", "b"]
    chart.add_series("Rent", (1.5, 2))
    below = (Inches(1), Inches(5), Inches(4), Inches(2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *below, chart)
    hidden = made.slides.add_slide(made.slide_layouts[5])
    hidden.shapes.title.text = "Secret"
    hidden._element.set("show", "0")
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def test_slides_are_pages_with_their_notes_tables_and_charts():
    found = extracted("a.pptx", presentation())
    assert found.text.startswith(
        "Harbour plan\n\n• Dredge the basin\n  • by May\n\n[Notes] Ask the treasurer.\n\nBudget\n\n"
    )
    assert tables_of(found) == [
        [["", "2022", "2023"], ["Ely Diss", "5", ""], ["Ely Diss", "", "7"]],
        [["", "Rent"], ["a", "1.5"], ["b", "2"]],
    ]
    assert found.page_kind == "slide"
    assert found.page_starts == (0, found.text.index("Budget"))
    assert found.report.left_out == {"hidden slides": 1}


def test_a_shape_that_is_there_for_newer_programs_and_for_older_ones_is_read_once():
    from lxml import etree

    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[1])
    slide.placeholders[1].text_frame.text = "As PowerPoint has it with a formula"
    shape = slide.placeholders[1]._element
    names = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    both = etree.SubElement(slide.shapes._spTree, f"{{{names}}}AlternateContent")
    choice = etree.SubElement(both, f"{{{names}}}Choice", Requires="a14")
    fallback = etree.SubElement(both, f"{{{names}}}Fallback")
    fallback.append(etree.fromstring(etree.tostring(shape)))
    choice.append(shape)
    buffer = io.BytesIO()
    made.save(buffer)
    assert text_of("a.pptx", buffer.getvalue()) == "• As PowerPoint has it with a formula"


@pytest.mark.parametrize(
    ("put", "read"),
    [
        (["Left", "l1", "l2", "Right", "r1", "r2"], ["Left", "l1", "l2", "Right", "r1", "r2"]),
        (["Left", "Right", "l1", "r1", "l2", "r2"], ["Left", "Right", "l1", "r1", "l2", "r2"]),
    ],
    ids=["by column", "by row"],
)
def test_boxes_in_columns_are_read_in_the_order_they_were_put(put: list[str], read: list[str]):
    places = {
        "Left": (1, 2),
        "l1": (1, 3),
        "l2": (1, 4),
        "Right": (5, 2),
        "r1": (5, 3),
        "r2": (5, 4),
    }
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    for name in put:
        left, top = places[name]
        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(0.5))
        box.text_frame.text = name
    foot = slide.shapes.add_textbox(Inches(1), Inches(6), Inches(8), Inches(0.5))
    foot.text_frame.text = "Foot"
    buffer = io.BytesIO()
    made.save(buffer)
    assert text_of("a.pptx", buffer.getvalue()).split("\n\n") == [*read, "Foot"]


def test_shares_and_dates_of_a_chart_are_written_as_such():
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    chart = CategoryChartData(number_format="0%")
    chart.categories = [date(2024, 3, 1), date(2024, 4, 1)]
    chart.add_series("Share", (0.255, 0.7))
    place = (Inches(1), Inches(2), Inches(6), Inches(2))
    slide.shapes.add_chart(XL_CHART_TYPE.LINE, *place, chart)
    buffer = io.BytesIO()
    made.save(buffer)
    assert tables_of(extracted("a.pptx", buffer.getvalue())) == [
        [["", "Share"], ["2024-03-01", "25.5%"], ["2024-04-01", "70%"]]
    ]


def test_only_what_stands_above_the_line_is_raised():
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    paragraph = slide.shapes.title.text_frame.paragraphs[0]
    for text, baseline in (("10 m", None), ("2", "30000"), (" of H", None), ("2", "-25000")):
        run = paragraph.add_run()
        run.text = text
        run.font.bold = True
        if baseline:
            run.font._element.set("baseline", baseline)
    buffer = io.BytesIO()
    made.save(buffer)
    assert text_of("a.pptx", buffer.getvalue()) == "10 m² of H2"


# Sheets


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.25, "0%", "25%"), (0.125, "0.0%", "12.5%"),
        (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
        (7, "000", "007"), (1234567, "#,##0,", "1,235"), (1234.5, "[$€-407]#,##0.00", "€1,234.50"),
        (12, "0.##", "12"), (0.5, "0.0#", "0.5"), (0, '0;-0;"-"', "-"), (-3, "0", "-3"),
        (0.1 + 0.2, "General", "0.3"), (1200, "General", "1200"), (3, '0 "days"', "3 days"),
        (1.5, '_(* #,##0.00_);_(* "-"??_);_(@_)', "1.50"), (True, "General", "TRUE"),
        (2.5, "0", "3"), (0.125, "0.00", "0.13"), (1.005, "0.00", "1.01"), (-2.5, "0", "-3"),
        (7700900412, "00000 000000", "07700 900412"), (123456789, "000-00-0000", "123-45-6789"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"), (234567.5, "# ##0.00", "234 567.50"),
        (None, "0", ""),
        (datetime(2024, 3, 5), "dd/mm/yyyy", "05/03/2024"),
        (datetime(2024, 3, 5), "mmm-yy", "Mar-24"),
        (datetime(2024, 3, 5), "mm-dd-yy", "2024-03-05"),
        (datetime(2024, 3, 5, 14, 7), "h:mm AM/PM", "2:07 PM"),
        (datetime(2024, 3, 5), "[$-409]dddd, mmmm d, yyyy", "Tuesday, March 5, 2024"),
    ],
)  # fmt: skip
def test_values_are_written_as_the_sheet_shows_them(value: Value, form: str, text: str):
    assert shown(value, form) == text


@pytest.mark.slow
@given(
    st.floats() | st.datetimes(),
    st.text(st.sampled_from('0#,.%;"-()E+?ymdhs[]$€@_* \\/'), max_size=20),
)
def test_any_format_shows_something_or_nothing(value: float | datetime, form: str):
    assert isinstance(shown(value, form), str)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "Depots by quarter\n\nDepot,Q1,Q2\nEly,5,\nDiss,,\"7,5\"\nAldbury,,\n"),
        (
            "a.csv",
            "sep=;\r\nDepots by quarter;;\r\n;;\r\nDepot;Q1;Q2\r\nEly;5;\r\nDiss;;7,5\r\n"
            "Aldbury;;\r\n",
        ),
        ("a.tsv", "Depots by quarter\n\nDepot\tQ1\tQ2\nEly\t5\t\nDiss\t\t7,5\nAldbury\t\t"),
        ("a.csv", "\ufeffDepots by quarter\n\nDepot|Q1|Q2\nEly|5|\nDiss||7,5\nAldbury||\n"),
    ],
)  # fmt: skip
def test_separated_values_are_a_table_below_their_title(name: str, content: str):
    found = extracted(name, content)
    assert found.text.startswith("Depots by quarter\n\n")
    assert tables_of(found) == [
        [["Depot", "Q1", "Q2"], ["Ely", "5", ""], ["Diss", "", "7,5"], ["Aldbury", "", ""]]
    ]
    assert found.structure.tables[0].header_end == found.structure.tables[0].rows[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", 'id\tname\n1\t"Ann\n2\tBo\n'),
        ("a.tsv", 'id\tname\n1\t"Ann\n2\t"Bo\n'),
        ("a.csv", 'id,name\n1,"Ann\n2,Bo\n'),
    ],
)
def test_a_quotation_mark_that_is_never_closed_is_text(name: str, content: str):
    (table,) = tables_of(extracted(name, content))
    assert [[cell.replace('"', "") for cell in row] for row in table] == [
        ["id", "name"], ["1", "Ann"], ["2", "Bo"]
    ]  # fmt: skip


@pytest.mark.slow
@given(st.text(st.sampled_from('ab",;\t\n\r\x1e '), max_size=60), st.sampled_from(",;\t|"))
def test_rows_of_any_text_have_all_its_words(text: str, delimiter: str):
    rows = rows_of(text, delimiter)
    kept = Counter(chain.from_iterable(chain.from_iterable(rows)))
    assert (kept["a"], kept["b"]) == (text.count("a"), text.count("b"))


def test_the_first_of_several_lines_above_a_table_is_its_title():
    found = extracted("a.csv", "Depots by quarter,\nAs of May,\n,\nDepot,Q1\nEly,5\n")
    assert found.text.startswith("Depots by quarter\n\nAs of May\n\n")
    assert found.heading == "Depots by quarter"


OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
NAMES = " ".join(
    f'xmlns:{short}="{OASIS}{name}:1.0"'
    for short, name in {
        "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing",
        "presentation": "presentation", "svg": "svg-compatible",
    }.items()
) + ' xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip


def opendocument(body: str, styles: str = "", **more: str) -> bytes:
    content = (
        f"<office:document-content {NAMES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body>{body}</office:body></office:document-content>"
    )
    return zipped({"content.xml": content, **more})


def test_an_opendocument_text():
    styles = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" '
        'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" '
        'style:num-format="a" style:num-prefix="(" style:num-suffix=")"/></text:list-style>'
    )
    body = (
        "<office:text><text:tracked-changes><text:changed-region><text:deletion><text:p>gone"
        "</text:p></text:deletion></text:changed-region></text:tracked-changes>"
        '<text:h text:outline-level="2">Lease</text:h><text:p>The rent<text:note>'
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>In advance.</text:p>"
        '</text:note-body></text:note> is<text:s text:c="2"/>due<text:line-break/>now.'
        "<office:annotation><text:p>Really?</text:p></office:annotation></text:p>"
        '<text:list text:style-name="L"><text:list-item><text:p>Term</text:p><text:list>'
        "<text:list-item><text:p>one year</text:p></text:list-item></text:list></text:list-item>"
        "<text:list-item><text:p>Rent</text:p></text:list-item></text:list><table:table>"
        '<table:table-row><table:table-cell/><table:table-cell table:number-columns-spanned="2">'
        "<text:p>2022</text:p></table:table-cell><table:covered-table-cell/></table:table-row>"
        '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>Crates</text:p>'
        "</table:table-cell><table:table-cell><text:p>1</text:p></table:table-cell>"
        "<table:table-cell/></table:table-row><table:table-row><table:covered-table-cell/>"
        "<table:table-cell/><table:table-cell><text:p>3</text:p></table:table-cell>"
        '</table:table-row></table:table><text:p>So <draw:frame><draw:object xlink:href="./O"/>'
        "</draw:frame></text:p></office:text>"
    )
    math = '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>a</mi><mo>=</mo><mn>2</mn></math>'
    found = extracted("a.odt", opendocument(body, styles, **{"O/content.xml": math}))
    assert found.text == (
        "Lease\n\nThe rent[1] is due\nnow.\n\n[1] In advance.\n\n1. Term\n  (a) one year\n2. Rent"
        "\n\n | 2022 | 2022\nCrates | 1 | \nCrates |  | 3\n\nSo a=2"
    )
    assert headings_of(found) == [(2, "Lease")]
    assert found.report.left_out == {"deleted text": 1, "comments": 1}


def test_lines_of_code_and_the_title_of_an_opendocument_text_are_known_by_their_style():
    styles = '<style:style style:name="P1" style:parent-style-name="Preformatted_20_Text"/>'
    found = extracted(
        "a.odt",
        opendocument(
            '<office:text><text:p text:style-name="Title">Fees</text:p>'
            '<text:p text:style-name="P1">def fee():</text:p><text:p text:style-name="P1">'
            '<text:s text:c="4"/>return 5</text:p><text:p>That is all.</text:p></office:text>',
            styles,
        ),
    )
    assert found.text == "Fees\n\ndef fee():\n    return 5\n\nThat is all."
    assert headings_of(found) == [(1, "Fees")]
    assert len(found.structure.code) == 1


def test_raised_figures_of_an_opendocument_text_are_raised():
    styles = (
        '<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/>'
        '</style:style><style:style style:name="T2"><style:text-properties '
        'style:text-position="-33% 58%"/></style:style>'
    )
    body = (
        '<office:text><text:p>9 m<text:span text:style-name="T1">2</text:span> of CO'
        '<text:span text:style-name="T2">2</text:span></text:p></office:text>'
    )
    assert text_of("a.odt", opendocument(body, styles)) == "9 m² of CO2"


def test_a_formula_touches_the_full_stop_behind_it_but_no_word():
    frame = '<draw:frame><draw:object xlink:href="./O"/></draw:frame>'
    body = f"<office:text><text:p>Let {frame}, where<text:s/>{frame}is so.</text:p></office:text>"
    math = "<math><mi>a</mi><mo>=</mo><mn>2</mn></math>"
    part = f'<?xml version="1.0"?><!-- MathML -->{math}'
    assert text_of("a.odt", opendocument(body, **{"O/content.xml": part})) == (
        "Let a=2, where a=2 is so."
    )


def test_an_opendocument_sheet_and_slides():
    def cells(*texts: str) -> str:
        inside = (f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in texts)
        return f"<table:table-row>{''.join(inside)}</table:table-row>"

    empty = (
        '<table:table-row table:number-rows-repeated="1048570">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    sheet = (
        f'<office:spreadsheet><table:table table:name="Rent">{cells("Depot", "Q1", "Q2")}'
        f"{cells('Ely', '', '25 %')}{empty}</table:table></office:spreadsheet>"
    )
    found = extracted("a.ods", opendocument(sheet))
    assert tables_of(found) == [[["Depot", "Q1", "Q2"], ["Ely", "", "25 %"]]]
    box = "<draw:frame><draw:text-box><text:p>Till June.</text:p></draw:text-box></draw:frame>"
    boxed = sheet.replace("</table:table>", f"<table:shapes>{box}</table:shapes></table:table>")
    assert text_of("a.ods", opendocument(boxed)).endswith("Ely |  | 25 %\n\nTill June.")
    assert found.page_labels == ("Rent",)
    frame = '<draw:frame presentation:class="{}"><draw:text-box>{}</draw:text-box></draw:frame>'
    slide = (
        "<office:presentation><draw:page>"
        + frame.format("outline", "<text:p>Dredge</text:p>")
        + frame.format("title", "<text:p>Plan</text:p>")
        + f"<presentation:notes>{frame.format('notes', '<text:p>Ask.</text:p>')}"
        + frame.format("page-number", "<text:p>1</text:p>")
        + "</presentation:notes></draw:page></office:presentation>"
    )
    found = extracted("a.odp", opendocument(slide))
    assert found.text == "Plan\n\nDredge\n\n[Notes] Ask."
    assert found.page_kind == "slide"


# Books, letters, notebooks, data


def book(**more: str) -> bytes:
    manifest = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in ("two", "one", "gone")
    )
    return zipped(
        {
            "META-INF/container.xml": "<container><rootfiles>"
            '<rootfile full-path="OEBPS/c.opf"/></rootfiles></container>',
            "OEBPS/c.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            f"<dc:title>The Book</dc:title></metadata><manifest>{manifest}</manifest><spine>"
            '<itemref idref="one"/><itemref idref="gone"/><itemref idref="two"/></spine></package>',
            "OEBPS/one.xhtml": "<html><body><h1>One</h1><p>Café.</p></body></html>",
            "OEBPS/two.xhtml": "<html><body><h1>Two</h1><p>End.</p></body></html>",
            **more,
        }
    )


def test_the_chapters_of_a_book_come_in_the_order_of_its_spine():
    found = extracted("a.epub", book())
    assert found.text == "One\n\nCafé.\n\nTwo\n\nEnd."
    assert (found.title, found.page_kind) == ("The Book", "chapter")
    assert found.page_labels == ("One", "Two")
    assert found.report.unreadable == ["chapter OEBPS/gone.xhtml is not in the file"]
    protected = '<encryption><CipherReference URI="OEBPS/one.xhtml"/></encryption>'
    with pytest.raises(UnreadableError, match="protected"):
        extracted("a.epub", book(**{"META-INF/encryption.xml": protected}))


MAIL = b"""From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r
To: Ann <ann@example.org>\r
Subject: Re: =?iso-8859-1?Q?The_caf=E9?=\r
Date: Tue, 5 Mar 2024 10:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: multipart/alternative; boundary=c\r
\r
--c\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
The caf=C3=A9 opens at eight, and this line is soft =\r
broken.\r
\r
> quoted\r
--c\r
Content-Type: text/html\r
\r
<p>The caf&eacute;</p>%s\r
--c--\r
--b\r
Content-Type: application/pdf; name=plan.pdf\r
Content-Disposition: attachment; filename=plan.pdf\r
\r
xx\r
--b--\r
"""


def test_a_message_says_who_what_and_what_hangs_on_it():
    found = extracted("a.eml", MAIL % b"")
    assert found.text == (
        "Re: The café\n\nFrom: Jörg <j@example.org>\nTo: Ann <ann@example.org>\n"
        "Date: Tue, 05 Mar 2024 10:00:00 +0000\n\n"
        "The café opens at eight, and this line is soft broken.\n\n> quoted\n\n"
        "Attachments: plan.pdf"
    )
    assert found.title == "The café"
    assert found.report.left_out == {"attachments": 1}


def test_a_message_with_a_table_is_read_as_a_page():
    table = b"<table><tr><th>Depot<th>Q1<tr><td>Ely<td></table>"
    assert tables_of(extracted("a.eml", MAIL % table)) == [[["Depot", "Q1"], ["Ely", ""]]]


def test_rtf_as_wordpad_writes_it():
    found = extracted(
        "a.rtf",
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Calibri;}{\f1\fcharset2 Symbol;}}"
        r"{\*\generator Riched20 10.0.19041}{\info{\title Lease of the shed}}\uc1 "
        r"\pard\b Lease\b0\par The caf\'e9 \u8211? open.\par "
        r"\pard{\pntext\f1\'B7\tab}{\*\pn\pnlvlblt{\pntxtb\'B7}}first\par "
        r"{\listtext 1.\tab}one\par "
        r"\trowd\cellx2000\cellx4000\pard\intbl Depot\cell Q1\cell\row "
        r"\trowd\cellx2000\cellx4000\intbl Ely\cell \cell\row "
        r"\pard Deposit{\super\chftn}{\footnote \pard\plain \chftn  Waived for {\b members}.}"
        r" after.\par "
        r"{\pict\wmetafile8 0100}{\header Head}}",
    )
    assert found.text == (
        "Lease\n\nThe café – open.\n\n• first\n1. one\n\nDepot | Q1\nEly | \n\n"
        "Deposit[1] after.\n\n[1] Waived for members."
    )
    assert found.title == "Lease of the shed"
    assert found.report.left_out == {"pictures": 1, "headers and footers": 1}


def test_a_notebook_is_its_markdown_its_code_and_what_it_printed():
    cells = [
        {"cell_type": "markdown", "source": ["# Survey\n", "Silt."]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [{"output_type": "stream", "text": ["1\n"]}],
        },
    ]
    found = extracted("a.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    assert found.text == "# Survey\nSilt.\n\n```python\nprint(1)\n```\n\n```\n1\n```"
    assert found.heading == "Survey"
    assert len(found.structure.code) == 2


def test_json_reads_as_lines_and_records_as_a_table():
    value = {
        "title": "Lease", "tenant": {"name": "Ann", "tags": ["a", "b"]},
        "rows": [{"depot": "Ely", "q1": 2.50}, {"depot": "Diss", "q2": True}],
    }  # fmt: skip
    found = extracted("a.json", json.dumps(value))
    assert found.text == (
        "title: Lease\ntenant.name: Ann\ntenant.tags: a, b\nrows:\n\n"
        "depot | q1 | q2\nEly | 2.5 | \nDiss |  | true"
    )
    assert found.title == "Lease"
    lines = extracted("a.jsonl", '{"q": "x", "n": {"k": 1}}\nbroken\n{"q": "y"}\n')
    assert lines.text == "q: x\nn.k: 1\n\nq: y"
    assert lines.report.unreadable == ["line 2 is no JSON"]
    with pytest.raises(UnreadableError, match="nested absurdly deep"):
        extracted("a.json", "[" * 100_000)


def test_subtitles_are_what_is_said():
    assert (
        text_of(
            "a.vtt",
            "WEBVTT\n\n1\n00:00.000 --> 00:02.000\n<v Ann>Hello there,\nall.\n\n"
            "00:02.000 --> 00:04.000\n<v Bob><i>Good</i> morning.\n",
        )
        == "Ann: Hello there, all.\n\nBob: Good morning."
    )
    srt = (
        "1\r\n00:00:01,000 --> 00:00:02,000\r\nOne\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,000\r\ntwo.\r\n"
    )
    assert text_of("a.srt", srt) == "One two."


@pytest.mark.parametrize("name", ["a.py", "a.ts", "a.go", "a.sql", "a.yaml", "a.toml", "a.xml"])
def test_source_code_is_exactly_the_file(name: str):
    content = "if a:\n\tb = '€'\r\n\n"
    found = extracted(name, content)
    assert found.text == content
    assert found.structure.code == ((0, len(content)),)


# All of them


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.csv", "a,b\n"), ("a.csv", "x\n\n"), ("a.csv", '"'), ("a.tsv", '1\t"x\n'),
        ("a.csv", '""","x\n'), ("a.jsonl", '{"a": 1}\n'),
        ("a.rtf", "{\\footnote x}"), ("a.rtf", "\\par x"), ("a.rtf", "{\\v x}"),
        ("a.rtf", "{\\v "), ("a.vtt", "\n\n0:01.0 --> 0:02.0\nx"),
        ("a.eml", "a: b\n"), ("a.ipynb", "["),
    ],
)  # fmt: skip
def test_time_grows_with_the_length(name: str, unit: str):
    head = {"a.rtf": "{\\rtf1 "}.get(name, "")

    def read(n: int) -> None:
        try:
            text_of(name, head + unit * n)
        except UnreadableError:
            return

    grows_linearly(read, 2000)


def test_all_that_is_promised_can_be_read():
    promised = ".pdf .docx .pptx .xlsx .csv .tsv .epub .eml .msg .rtf .odt .ods .odp .ipynb .json"
    assert set(promised.split()) <= set(suffixes())
    assert Path("a.py").suffix in suffixes()
