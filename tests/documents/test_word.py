"""Word documents: what a reader of the printed page sees, from packages of any make."""

from collections.abc import Mapping
from pathlib import Path

import docx
import pytest

from indexes.documents import load_document
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.readers import package
from indexes.documents.readers.word.numbers import written as counted
from tests.documents.files import (
    error_for,
    extracted,
    grows_linearly,
    headings_of,
    tables_of,
    written,
    zipped,
)

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMES = (
    f'xmlns:w="{W}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def links(**targets: str) -> str:
    """A part of relations: kind → target."""
    inside = "".join(
        f'<Relationship Id="r{at}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets.items())
    )
    return f'<Relationships xmlns="{RELATIONS}">{inside}</Relationships>'


def word(body: str, more: Mapping[str, str] | None = None, **parts: str) -> bytes:
    """A package of a body, and other parts by their kind: `styles`, `numbering`, `footnotes`."""
    made = {
        "_rels/.rels": links(officeDocument="word/document.xml"),
        "word/document.xml": f"<w:document {NAMES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": links(**{kind: f"{kind}.xml" for kind in parts}),
    }
    for kind, content in parts.items():
        made[f"word/{kind}.xml"] = f"<w:{kind} {NAMES}>{content}</w:{kind}>"
    return zipped({**made, **(more or {})})


def read(body: str, more: Mapping[str, str] | None = None, **parts: str) -> Extracted:
    return extracted("a.docx", word(body, more, **parts))


def p(text: str, style: str = "", num: tuple[int, int] | None = None, more: str = "") -> str:
    numbered = (
        f'<w:numPr><w:ilvl w:val="{num[1]}"/><w:numId w:val="{num[0]}"/></w:numPr>' if num else ""
    )
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{numbered}{more}</w:pPr>{r(text)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def level(at: int, form: str, text: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/>{more}</w:lvl>'
    )


def numbering(*abstract: str, nums: str = "") -> str:
    """Abstract numberings 0, 1, …, each used by the numbering of the next number."""
    described = "".join(
        f'<w:abstractNum w:abstractNumId="{at}">{levels}</w:abstractNum>'
        for at, levels in enumerate(abstract)
    )
    used = "".join(
        f'<w:num w:numId="{at + 1}"><w:abstractNumId w:val="{at}"/></w:num>'
        for at in range(len(abstract))
    )
    return described + used + nums


def style(id_: str, name: str, properties: str = "", based_on: str = "") -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{id_}"><w:name w:val="{name}"/>{base}'
        f"{properties}</w:style>"
    )


def table(*rows: str, properties: str = "") -> str:
    return f"<w:tbl>{properties}{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def cell(content: str = "", properties: str = "") -> str:
    inside = content if content.startswith("<") else p(content)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inside}</w:tc>"


# Structure


def test_headings_have_levels_from_names_outlines_and_bases():
    found = read(
        p("Lease", "Title")
        + p("Rent", "berschrift1")
        + p("Due dates", "Mine")
        + p("By outline", more='<w:outlineLvl w:val="2"/>')
        + p("Running text"),
        styles=style("Title", "Title")
        + style("berschrift1", "heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>')
        + style("Sub", "heading 2")
        + style("Mine", "Clause heading", based_on="Sub"),
    )
    assert headings_of(found) == [(1, "Lease"), (1, "Rent"), (2, "Due dates"), (3, "By outline")]
    assert found.text.endswith("\n\nRunning text")
    assert found.heading == "Lease"


def test_numbers_are_those_that_the_reader_sees():
    legal = (
        level(0, "decimal", "%1.")
        + level(1, "decimal", "%1.%2")
        + level(2, "lowerLetter", "%1.%2 (%3)")
        + level(3, "lowerRoman", "(%4)")
    )
    appendix = level(0, "upperLetter", "Appendix %1", '<w:suff w:val="space"/>')
    found = read(
        p("Term", num=(1, 0))
        + p("Rent", num=(1, 0))
        + p("Amount", num=(1, 1))
        + p("Payment", num=(1, 1))
        + p("by bank", num=(1, 2))
        + p("in euros", num=(1, 3))
        + p("in dollars", num=(1, 3))
        + p("in cash", num=(1, 2))
        + p("An aside.")
        + p("Repairs", num=(1, 0))
        + p("Walls", num=(1, 1))
        + p("Plan", num=(2, 0))
        + p("Inventory", num=(2, 0)),
        numbering=numbering(legal, appendix),
    )
    assert found.text.split("\n") == [
        "1. Term", "2. Rent", "  2.1 Amount", "  2.2 Payment", "    2.2 (a) by bank",
        "      (i) in euros", "      (ii) in dollars", "    2.2 (b) in cash", "", "An aside.", "",
        "3. Repairs", "  3.1 Walls", "Appendix A Plan", "Appendix B Inventory",
    ]  # fmt: skip


def test_numbered_headings_carry_their_number():
    found = read(
        p("Rent", "H1") + p("Amount", "H2") + p("Repairs", "H1") + p("Walls", "H2"),
        styles=style("H1", "heading 1", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>')
        + style("H2", "heading 2", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'),
        numbering=numbering(
            level(0, "upperRoman", "Article %1.", '<w:pStyle w:val="H1"/>')
            + level(1, "decimal", "%1.%2", '<w:isLgl/><w:pStyle w:val="H2"/>')
        ),
    )
    assert headings_of(found) == [
        (1, "Article I. Rent"), (2, "1.1 Amount"), (1, "Article II. Repairs"), (2, "2.1 Walls"),
    ]  # fmt: skip


def test_lists_go_on_restart_and_can_be_switched_off():
    again = (
        '<w:num w:numId="7"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">'
        '<w:startOverride w:val="1"/></w:lvlOverride></w:num>'
        '<w:num w:numId="8"><w:abstractNumId w:val="0"/></w:num>'
    )
    found = read(
        p("a", num=(1, 0)) + p("b", num=(1, 0)) + p("goes on", num=(8, 0))
        + p("anew", num=(7, 0)) + p("second", num=(7, 0))
        + p("off", "Numbered", num=(0, 0)) + p("on", "Numbered"),
        styles=style("Numbered", "x", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'),
        numbering=numbering(level(0, "decimal", "%1)"), nums=again),
    )  # fmt: skip
    assert found.text == "1) a\n2) b\n3) goes on\n1) anew\n2) second\n\noff\n\n3) on"


def test_bullets_are_signs_also_those_from_fonts_of_symbols():
    found = read(
        "".join(p(name, num=(at, 0)) for at, name in enumerate("abc", 1)),
        numbering=numbering(
            level(0, "bullet", "\uf0b7"), level(0, "bullet", "o"), level(0, "bullet", "–")
        ),
    )
    assert found.text == "• a\n• b\n– c"


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (4, "upperRoman", "IV"), (1994, "lowerRoman", "mcmxciv"), (28, "lowerLetter", "bb"),
        (3, "decimalZero", "03"), (22, "ordinal", "22nd"), (12, "ordinal", "12th"),
        (21, "cardinalText", "Twenty-one"), (20, "ordinalText", "Twentieth"),
        (32, "ordinalText", "Thirty-second"), (3, "russianLower", "в"),
        (12, "chineseCounting", "十二"), (5, "unheard of", "5"), (0, "lowerLetter", "0"),
        (-1, "upperRoman", "-1"),
    ],
)  # fmt: skip
def test_counters(number: int, form: str, text: str):
    assert counted(number, form) == text


# Text


def test_notes_stand_behind_their_paragraph_and_at_the_end():
    found = read(
        f'<w:p>{r("The rent")}<w:r><w:footnoteReference w:id="5"/></w:r>{r(" is due.")}</w:p>'
        f'<w:p>{r("Later")}<w:r><w:endnoteReference w:id="2"/></w:r></w:p>' + p("Last."),
        footnotes='<w:footnote w:type="separator" w:id="-1"><w:p/></w:footnote>'
        f'<w:footnote w:id="5"><w:p><w:r><w:footnoteRef/></w:r>{r(" In advance.")}</w:p>'
        f"{p('By bank.')}</w:footnote>",
        endnotes=f'<w:endnote w:id="2">{p("Much later.")}</w:endnote>',
    )
    assert found.text == (
        "The rent[1] is due.\n\n[1] In advance. By bank.\n\nLater[i]\n\nLast.\n\n[i] Much later."
    )


def test_a_note_that_is_missing_is_reported():
    found = read(f'<w:p>{r("Deposit")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>')
    assert found.text == "Deposit[1]"
    assert found.report.unreadable == ["footnote 1 is not in the file"]


def test_deletions_are_out_insertions_in():
    found = read(
        f'<w:p>{r("The fee is ")}<w:del w:id="1"><w:r><w:delText>500</w:delText></w:r></w:del>'
        f'<w:ins w:id="2">{r("650")}</w:ins>{r(" pounds.")}</w:p>'
        f'<w:p><w:pPr><w:rPr><w:del w:id="3"/></w:rPr></w:pPr>{r("One sentence, ")}</w:p>'
        + p("joined.")
        + table(cell("kept"), f'<w:trPr><w:del w:id="4"/></w:trPr>{cell("gone")}')
    )
    assert found.text == "The fee is 650 pounds.\n\nOne sentence, joined.\n\nkept"
    assert found.report.left_out == {"deleted text": 2}


def test_superscripts_are_raised_and_readings_stand_behind_their_characters():
    high, low = (f'<w:vertAlign w:val="{way}script"/>' for way in ("super", "sub"))
    ruby = f"<w:ruby><w:rt>{r('kan')}</w:rt><w:rubyBase>{r('漢')}</w:rubyBase></w:ruby>"
    found = read(
        f"<w:p>{r('9 m')}{r('2', high)}{r(' of H')}{r('2', low)}{r('O ')}<w:r>{ruby}</w:r></w:p>"
    )
    assert found.text == "9 m² of H2O 漢(kan)"
    lifted = '<w:position w:val="7"/><w:sz w:val="14"/>'
    assert read(f"<w:p>{r('9 m')}{r('2', lifted)}</w:p>").text == "9 m²"


SHOWN = '<w:vanish w:val="0"/>'


def test_hidden_text_comments_headers_and_pictures_are_counted():
    found = read(
        f"<w:p>{r('Seen')}{r('unseen', '<w:vanish/>')}{r(' too', SHOWN)}</w:p>",
        more={"word/media/image1.png": "x"},
        comments=f'<w:comment w:id="0">{p("Really?")}</w:comment>',
        header=p("Draft"),
        footer="<w:p/>",
    )
    assert found.text == "Seen too"
    assert found.report.left_out == {"hidden text": 1, "comments": 1, "headers and footers": 1}


def test_a_field_shows_its_result():
    def field(instruction: str, result: str) -> str:
        mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
        return (
            mark.format("begin") + f"<w:r><w:instrText>{instruction}</w:instrText></w:r>"
            + mark.format("separate") + result + mark.format("end")
        )  # fmt: skip

    inner = field("MERGEFIELD city", r("Ely"))
    condition = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>IF </w:instrText></w:r>'
        + inner
        + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        + r("a town")
        + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    found = read(
        f"<w:p>{r('See ')}{field('REF _1', r('clause 3'))}; {condition}"
        f'<w:fldSimple w:instr="PAGE">{r(", page 9")}</w:fldSimple></w:p>'
    )
    assert found.text == "See clause 3a town, page 9"


def test_a_text_box_is_read_once():
    box = f"<w:txbxContent>{p('In the box')}</w:txbxContent>"
    found = read(
        f"<w:p>{r('Beside it')}<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>"
        f'<wp:docPr id="1" name="Box 1" descr="A map of the harbour"/><wps:txbx>{box}</wps:txbx>'
        f"</w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict>"
        "</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert found.text == "Beside it A map of the harbour\n\nIn the box"


def test_equations_are_read_in_a_line():
    def math(*parts: str) -> str:
        return f"<m:oMath>{''.join(parts)}</m:oMath>"

    def t(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    fraction = f"<m:f><m:num>{t('a+b')}</m:num><m:den>{t('2')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{t('x')}</m:e><m:sup>{t('n+1')}</m:sup></m:sSup>"
    root = f"<m:rad><m:deg/><m:e>{t('b')}{power}</m:e></m:rad>"
    total = (
        f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{t("i=1")}</m:sub>'
        f"<m:sup>{t('n')}</m:sup><m:e>{t('i')}</m:e></m:nary>"
    )
    matrix = (
        f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e><m:m><m:mr><m:e>"
        f"{t('1')}</m:e><m:e>{t('2')}</m:e></m:mr></m:m></m:e></m:d>"
    )
    found = read(
        f"<w:p>{r('so')}{math(t('m='), fraction)}{r(', then')}{math(root)}</w:p>"
        f"<w:p><m:oMathPara>{math(total)}</m:oMathPara></w:p><w:p>{math(matrix)}</w:p>"
    )
    assert found.text == "so m=(a+b)/2, then √(bx^(n+1))\n\n∑_(i=1)^n i\n\n[[1, 2]]"


def test_breaks_tabs_hyphens_and_symbols():
    found = read(
        f"<w:p>{r('one')}<w:r><w:br/></w:r>{r('two')}<w:r><w:tab/></w:r>{r('three')}"
        f'<w:r><w:br w:type="page"/><w:noBreakHyphen/><w:sym w:font="Wingdings" w:char="F0FC"/>'
        "<w:softHyphen/></w:r></w:p>"
    )
    assert found.text == "one\ntwo three -✓"


def test_a_large_capital_begins_its_word_and_soft_hyphens_are_not_read():
    frame = '<w:pPr><w:framePr w:dropCap="drop" w:lines="3"/></w:pPr>'
    rest = r("obody may arbi\xadtrate.")
    found = read(f"<w:p>{frame}{r('N')}</w:p><w:p>{rest}</w:p>")
    assert found.text == "Nobody may arbitrate."


# Tables


def test_a_table_keeps_empty_cells_and_expands_merged_ones():
    across = '<w:gridSpan w:val="2"/>'
    found = read(
        table(
            cell() + cell("Year 2022", across) + cell("Note"),
            cell("Depot") + cell("Q1") + cell("Q2") + cell(),
            cell("Ely", '<w:vMerge w:val="restart"/>') + cell("5") + cell() + cell("x"),
            cell("", "<w:vMerge/>") + cell() + cell("7") + cell(),
            '<w:trPr><w:gridBefore w:val="1"/></w:trPr>' + cell("late") + cell("8") + cell(),
        )
    )
    assert tables_of(found) == [
        [
            ["", "Year 2022", "Year 2022", "Note"],
            ["Depot", "Q1", "Q2", ""],
            ["Ely", "5", "", "x"],
            ["Ely", "", "7", ""],
            ["", "late", "8", ""],
        ]
    ]
    assert found.report.tables == 1


def test_rows_that_repeat_on_every_page_are_the_header():
    repeated = "<w:trPr><w:tblHeader/></w:trPr>"
    rows = [repeated + cell("A") + cell("B"), repeated + cell("C") + cell("D"), cell("1") * 2]
    found = read(table(*rows))
    (span,) = found.structure.tables
    assert found.text[: span.header_end] == "A | B\nC | D\n"


def test_lists_in_cells_keep_their_numbers_and_stay_in_their_cell():
    found = read(
        table(
            cell("Duty") + cell("Detail"),
            cell("Supplier")
            + cell(p("The supplier shall:") + p("deliver", num=(1, 0)) + p("bill", num=(1, 0))),
        ),
        numbering=numbering(level(0, "lowerLetter", "(%1)")),
    )
    assert tables_of(found)[0][1] == ["Supplier", "The supplier shall: (a) deliver (b) bill"]


def test_nested_tables_stay_in_their_cell_and_frames_are_opened():
    inner = table(cell("x") + cell("1"), cell("y") + cell("2"))
    found = read(
        table(cell("Key") + cell("Value"), cell("Both") + cell(inner + "<w:p/>"))
        + table(cell(p("A boxed remark.") + p("In two paragraphs.")))
    )
    assert tables_of(found) == [[["Key", "Value"], ["Both", "x, 1; y, 2"]]]
    assert found.text.endswith("\n\nA boxed remark.\n\nIn two paragraphs.")


# Packages of any make


def in_strict(data: dict[str, str]) -> dict[str, str]:
    return {
        name: content.replace(
            "http://schemas.openxmlformats.org/wordprocessingml/2006/",
            "http://purl.oclc.org/ooxml/wordprocessingml/",
        ).replace(
            "http://schemas.openxmlformats.org/officeDocument/2006/",
            "http://purl.oclc.org/ooxml/officeDocument/",
        )
        for name, content in data.items()
    }


PLAIN = {
    "_rels/.rels": links(officeDocument="word/document.xml"),
    "word/document.xml": f"<w:document {NAMES}><w:body>{p('Hello', 'H')}</w:body></w:document>",
    "word/_rels/document.xml.rels": links(styles="styles.xml"),
    "word/styles.xml": f"<w:styles {NAMES}>{style('H', 'heading 2')}</w:styles>",
}


@pytest.mark.parametrize(
    "parts",
    [
        PLAIN,
        in_strict(PLAIN),
        {**PLAIN, "word/_rels/document.xml.rels": links(image="NULL", styles="styles.xml")},
        {**PLAIN, "word/_rels/document.xml.rels": links(hyperlink="#_top", styles="styles.xml")},
        {**PLAIN, "_rels/.rels": links(thumbnail="gone.jpeg", officeDocument="word/document.xml")},
        {**PLAIN, "_rels/.rels": links(officeDocument="/word/document.xml")},
        {name: content for name, content in PLAIN.items() if "rels" not in name},
        {name.replace("/", "\\"): content for name, content in PLAIN.items()},
        {**PLAIN, "word/numbering.xml": "<broken", "docProps/core.xml": "\0"},
    ],
    ids=[
        "plain",
        "strict",
        "null",
        "dangling",
        "thumbnail",
        "absolute",
        "unrelated",
        "backslashes",
        "broken",
    ],
)
def test_only_the_text_parts_are_needed(parts: dict[str, str]):
    found = extracted("a.docx", zipped(parts))
    assert headings_of(found) == [(2, "Hello")]


def test_a_document_under_another_name_is_found():
    parts = {name.replace("document", "document2"): part for name, part in PLAIN.items()}
    parts["_rels/.rels"] = links(officeDocument="word/document2.xml")
    assert extracted("a.docm", zipped(parts)).text == "Hello"


def test_what_python_docx_writes_is_read(tmp_path: Path):
    made = docx.Document()
    made.core_properties.title = ""
    made.add_heading("Harbour Ledger", level=1)
    made.add_paragraph("one", style="List Bullet")
    made.add_paragraph("two", style="List Number")
    grid = made.add_table(rows=2, cols=2)
    for place, text in zip(grid._cells, ["Key", "Value", "x", "1"], strict=True):
        place.text = text
    made.add_paragraph("after\tthe\ntable")
    made.save(str(tmp_path / "x.docx"))
    document = load_document(tmp_path / "x.docx")
    assert document.text == (
        "Harbour Ledger\n\n• one\n1. two\n\nKey | Value\nx | 1\n\nafter the\ntable"
    )
    assert document.metadata["title"] == "Harbour Ledger"
    made.core_properties.title = "The Declared One"
    made.save(str(tmp_path / "x.docx"))
    assert load_document(tmp_path / "x.docx").metadata["title"] == "The Declared One"


# Damaged and hostile files


def test_damaged_xml_is_read_as_far_as_it_goes_and_reported():
    whole = PLAIN["word/document.xml"]
    cut = {**PLAIN, "word/document.xml": whole[: whole.index("</w:body>")] + "<w:p><w:r><w:t>an"}
    found = extracted("a.docx", zipped(cut))
    assert found.text.startswith("Hello")
    assert "XML is damaged" in found.report.unreadable[0]


def test_what_is_no_word_document_is_refused(tmp_path: Path):
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
    assert "encrypted or in an old Office format" in error_for(written(tmp_path, "old.docx", ole))
    for content in (b"hello", b"PK\x03\x04" + b"\0" * 50, zipped({"a.txt": "x"})):
        assert "save it again" in error_for(written(tmp_path, "x.docx", content))
    deep = word("<w:p>" * 5000 + "</w:p>" * 5000)
    assert "damaged" in error_for(written(tmp_path, "deep.docx", deep))


@pytest.mark.slow
def test_bombs_are_refused_before_they_unpack(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UnreadableError, match="absurd size"):
        read("<w:p/>" * (package.MAX_TAGS + 1))
    monkeypatch.setattr(package, "MAX_PART_BYTES", 1 << 20)
    with pytest.raises(UnreadableError, match="absurd size"):
        read(" " * (2 << 20))


def test_no_entity_is_resolved(tmp_path: Path):
    secret = written(tmp_path, "secret.txt", "SECRET")
    xml = PLAIN["word/document.xml"].replace("Hello", "Hello &e; there")
    declared = f'<!DOCTYPE d [<!ENTITY e SYSTEM "file://{secret}">]>'
    parts = {**PLAIN, "word/document.xml": declared + xml}
    assert extracted("a.docx", zipped(parts)).text == "Hello there"
    laughs = "".join(f'<!ENTITY e{at} "{f"&e{at - 1};" * 10}">' for at in range(1, 10))
    parts["word/document.xml"] = f'<!DOCTYPE d [<!ENTITY e0 "ha">{laughs}]>' + xml.replace(
        "&e;", "&e9;"
    )
    with pytest.raises(UnreadableError, match="damaged"):
        extracted("a.docx", zipped(parts))


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        p("word"),
        p("x", num=(1, 0)),
        f"<w:p>{r('Note')}<w:r><w:footnoteReference w:id='1'/></w:r></w:p>",
        table(cell("a") + cell("b")),
        f"<w:p>{r('a')}<m:oMath><m:f><m:num/><m:den/></m:f></m:oMath></w:p>",
    ],
    ids=["paragraphs", "items", "notes", "tables", "equations"],
)
def test_time_grows_with_the_length(unit: str):
    lists = numbering(level(0, "decimal", "%1."))
    made = {n: word(unit * n, numbering=lists, footnotes="") for n in (500, 2000)}
    grows_linearly(lambda n: extracted("a.docx", made[n]), 500)


@pytest.mark.slow
def test_runs_and_rows_grow_with_the_length_too():
    runs = {n: word(f"<w:p>{r('ab ') * n}</w:p>") for n in (2000, 8000)}
    grows_linearly(lambda n: extracted("a.docx", runs[n]), 2000)
    rows = {n: word(table(*[cell("a") + cell("b")] * n)) for n in (500, 2000)}
    grows_linearly(lambda n: extracted("a.docx", rows[n]), 500)


def test_what_is_chosen_in_a_list_of_a_form_is_text():
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList>{}<w:listEntry w:val="red"/>'
        '<w:listEntry w:val="green"/></w:ddList></w:ffData></w:fldChar></w:r><w:r><w:instrText>'
        'FORMDROPDOWN</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    chosen, first = field.format('<w:result w:val="1"/>'), field.format("")
    body = (
        f"<w:p><w:r><w:t xml:space='preserve'>Buoys: </w:t></w:r>{chosen}</w:p><w:p>{first}</w:p>"
    )
    assert read(body).text == "Buoys: green\n\nred"


def test_drawn_letters_and_descriptions_of_old_drawings_are_text():
    body = (
        '<w:p><w:r><w:pict><v:shape alt="The new mole"/></w:pict></w:r></w:p>'
        '<w:p><w:r><w:pict><v:shape><v:textpath string="Open day"/></v:shape></w:pict></w:r></w:p>'
    )
    assert read(body).text == "The new mole\n\nOpen day"
