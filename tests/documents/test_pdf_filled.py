"""PDF: what is filled in, footnotes, writing from top to bottom, pictures beside text."""

import io

import pytest
from fpdf import FPDF
from PIL import Image

from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers import pdf
from tests.documents.bombs import pdf as raw_pdf


def page(content: str, *more: str, on_page: str = "", catalogue: str = "") -> Extracted:
    """A page of one content stream in Helvetica (F1); further objects are numbered from 6."""
    data = content.encode("latin-1")
    objects = [
        f"<</Type/Catalog/Pages 2 0 R {catalogue}>>".encode(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>" + on_page.encode() + b">>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(data), data),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *(each.encode() for each in more),
    ]
    return pdf.read(raw_pdf(objects), Reading())


def words(x: int, y: int, text: str, font: str = "F1", size: int = 11) -> str:
    return f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"


def field(kind: str, name: str, rect: str, more: str) -> str:
    return (
        f"<</Type/Annot/Subtype/Widget/FT/{kind}/T({name})/Rect[{rect}]/F 4/P 3 0 R"
        f"/DA(/F1 11 Tf 0 g){more}>>"
    )


def test_values_of_a_form_stand_behind_their_labels() -> None:
    labels = words(50, 700, "Name") + words(50, 670, "Berth") + words(80, 640, "With a mast")
    ticked = "/V/Yes/AS/Yes/AP<</N<</Yes 10 0 R/Off 10 0 R>>>>"
    found = page(
        labels + words(80, 610, "With oars"),
        field("Tx", "name", "120 695 300 712", "/V(Ada Lund)"),
        field("Ch", "berth", "120 665 300 682", "/Ff 131072/Opt[(North)(South)]/V(South)"),
        field("Btn", "mast", "60 638 72 650", ticked),
        field("Btn", "oars", "60 608 72 620", ticked.replace("/Yes/AS/Yes", "/Off/AS/Off")),
        "<</Type/XObject/Subtype/Form/BBox[0 0 12 12]/Length 0>>stream\n\nendstream",
        on_page="/Annots[6 0 R 7 0 R 8 0 R 9 0 R]",
        catalogue="/AcroForm<</Fields[6 0 R 7 0 R 8 0 R 9 0 R]/DR<</Font<</F1 5 0 R>>>>>>",
    )
    lines = [line.replace(" | ", " ") for line in found.text.splitlines() if line]
    assert lines == ["Name Ada Lund", "Berth South", "☒ With a mast", "☐ With oars"]


def test_a_footnote_stays_on_its_page_and_its_number_apart() -> None:
    document = FPDF(format="A4")
    for number in (1, 2):
        document.add_page()
        document.set_font("Helvetica", size=11)
        document.text(20, 30, f"The rent of berth {number} is due on the first day of a quarter")
        end = 20 + document.get_string_width(
            "The rent of berth 1 is due on the first day of a quarter"
        )
        document.set_font("Helvetica", size=7)
        document.text(end + 0.3, 28.5, str(number))
        document.text(20, 270, f"{number} Berth {number} has the longer quay.")
    found = pdf.read(bytes(document.output()), Reading())
    assert found.page_starts is not None
    second = found.page_starts[1]
    for text, number in ((found.text[:second], 1), (found.text[second:], 2)):
        first, _, note = text.strip().partition("\n")
        assert first == f"The rent of berth {number} is due on the first day of a quarter {number}"
        assert note.strip() == f"{number} Berth {number} has the longer quay."


@pytest.mark.slow
def test_columns_of_japanese_are_read_from_top_to_bottom_and_from_the_right() -> None:
    columns = ["吾輩は猫である。名前は", "まだ無い。どこで生れた", "かとんと見当がつかぬ。"]
    shown = "".join(
        f"BT /F2 12 Tf 1 0 0 1 {520 - 20 * at} 780 Tm <{column.encode('utf-16-be').hex()}> Tj ET\n"
        for at, column in enumerate(columns)
    )
    found = page(
        shown,
        "<</Type/Font/Subtype/Type0/BaseFont/HeiseiMin-W3/Encoding/UniJIS-UCS2-V"
        "/DescendantFonts[7 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/HeiseiMin-W3/DW 1000"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>>>",
    )
    assert found.text.replace("\n", "") == "".join(columns)
    assert found.report.tables == 0


def test_pictures_beside_text_are_counted_ornaments_are_not() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(buffer, "PNG")
    document = FPDF(format="A4")
    document.add_page()
    document.set_font("Helvetica", size=11)
    document.text(20, 30, "The chart of the harbour:")
    document.image(buffer, 20, 40, 80, 60)
    document.image(buffer, 20, 110, 4, 3)
    found = pdf.read(bytes(document.output()), Reading())
    assert found.report.left_out == {"pictures": 1}
