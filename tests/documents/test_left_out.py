"""Nothing is dropped in silence: what each format leaves out is in the reading report."""

import io
import zipfile

import pytest

from tests.documents.files import extracted
from tests.documents.seeds import members, seeds
from tests.documents.test_formats import MAIL, book, opendocument

_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_more(name: str, **parts: str | bytes) -> bytes:
    """A format's sample with more parts in its package; those that it has already are replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, content in {**members(seeds(name)[0]), **parts}.items():
            archive.writestr(part, content)
    return buffer.getvalue()


def embedding(*kinds: str) -> str:
    links = "".join(
        f'<Relationship Id="x{at}" Type="{_OFFICE}/{kind}" Target="../embeddings/x{at}.bin"/>'
        for at, kind in enumerate(kinds)
    )
    return f'<Relationships xmlns="{_RELATIONS}">{links}</Relationships>'


def left_out(name: str, content: str | bytes) -> dict[str, int]:
    return extracted(name, content).report.left_out


@pytest.mark.parametrize(("name", "folder"), [("docx", "word"), ("xlsx", "xl"), ("pptx", "ppt")])
def test_macros_and_embedded_files_of_office_documents(name: str, folder: str) -> None:
    before = left_out(f"a.{name}", seeds(name)[0])
    parts: dict[str, str | bytes] = {
        f"{folder}/vbaProject.bin": b"\xd0\xcf",
        f"{folder}/parts/_rels/a.xml.rels": embedding("oleObject", "package", "image"),
        f"{folder}/charts/_rels/chart9.xml.rels": embedding("package"),
    }
    found = left_out(f"a.{name}", with_more(name, **parts))
    assert found == {**before, "macros": 1, "embedded files": 2}


def test_comments_on_slides() -> None:
    comments = '<p:cmLst xmlns:p="x"><p:cm/><p:cm/></p:cmLst>'
    found = left_out("a.pptx", with_more("pptx", **{"ppt/comments/comment1.xml": comments}))
    assert found["comments"] == 2


def test_hidden_rows_columns_sheets_and_comments_of_a_workbook() -> None:
    assert left_out("a.xlsx", seeds("xlsx")[0]) == {
        "hidden rows": 1, "hidden columns": 1, "hidden sheets": 1, "comments": 1,
    }  # fmt: skip


def test_hidden_and_deleted_text_and_headers_of_a_word_document() -> None:
    assert left_out("a.docx", seeds("docx")[0]) == {
        "hidden text": 1, "deleted text": 1, "headers and footers": 1,
    }  # fmt: skip


def test_macros_of_an_opendocument() -> None:
    body = "<office:text><text:p>x</text:p></office:text>"
    found = left_out("a.odt", opendocument(body, **{"Basic/Standard/Module1.xml": "<x/>"}))
    assert found == {"macros": 1}


def test_hidden_text_and_menus_of_a_page() -> None:
    found = left_out("a.html", seeds("html")[0])
    assert found["hidden text"] == 1
    assert sum(found.values()) > 1


def test_embedded_files_of_rtf() -> None:
    source = r"{\rtf1 a {\object\objemb{\*\objdata 00}} {\pict\pngblip 00} b}"
    assert left_out("a.rtf", source) == {"embedded files": 1, "pictures": 1}


@pytest.mark.parametrize(
    ("hidden", "what"),
    [
        (r"{\v secret}", "hidden text"),
        (r"\v secret\v0 ", "hidden text"),
        (r"\v secret\plain ", "hidden text"),
        (r"{\deleted\revauth1 gone}", "deleted text"),
    ],
)
def test_hidden_and_deleted_text_of_rtf(hidden: str, what: str) -> None:
    found = extracted("a.rtf", r"{\rtf1 The \{rent\} " + hidden + r"is due.\par}")
    assert found.text == "The {rent} is due."
    assert found.report.left_out == {what: 1}


def test_pictures_of_a_book() -> None:
    package = book(
        **{
            "OEBPS/c.opf": "<package><manifest>"
            '<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="map" href="map.png" media-type="image/png"/></manifest>'
            '<spine><itemref idref="one"/></spine></package>'
        }
    )
    assert left_out("a.epub", package) == {"pictures": 1}


def test_attachments_of_a_message() -> None:
    assert left_out("a.eml", MAIL % b"") == {"attachments": 1}


def test_files_and_scripts_inside_a_pdf() -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="The plan hangs on this page.")
    pdf.embed_file(bytes=b"x", basename="plan.txt")
    pdf.embed_file(bytes=b"y", basename="map.txt")
    assert left_out("a.pdf", bytes(pdf.output())) == {"embedded files": 2}


def test_watermarks_of_a_pdf_and_what_is_beyond_its_edge() -> None:
    from fpdf import FPDF

    pdf = FPDF()
    for page in ("one", "two", "three"):
        pdf.add_page()
        pdf.set_font("helvetica", size=12)
        pdf.text(20, 30, f"This is page {page}.")
        with pdf.rotation(45, 100, 150):
            pdf.text(100, 150, "DRAFT")
    pdf.text(20, 600, "Cut off.")
    found = extracted("a.pdf", bytes(pdf.output()))
    assert found.text.split("\n\n") == [f"This is page {n}." for n in ("one", "two", "three")]
    assert found.report.left_out == {"watermarks": 3, "characters that nobody sees": 7}


def test_damaged_xml_is_told_with_what_was_read() -> None:
    body = "<office:text><text:p>Kept.</text:p><text:p>Cut"
    found = extracted("a.odt", opendocument(body))
    assert found.text.startswith("Kept.")
    assert found.report.unreadable == ["the XML is damaged at line 1: text may be missing"]
