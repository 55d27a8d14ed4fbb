"""Questions on a spreadsheet, slides, an Arabic contract and a scan: the citation says where.

Through `ask --json`, as anyone would; with quick models, for finding the place is what counts.
"""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import fpdf
import openpyxl
import pptx
import pytest

from tests.test_commands import Ran, rag

__all__ = ["rag"]

_FONT = "DejaVuSans.ttf"


def asked(rag: Callable[..., Ran], question: str, *options: str) -> dict:
    ran = rag("ask", question, "--pattern", "regular", "--budget", "128", "--json", *options)
    assert ran.code == 0, ran.err
    return ran.json


def ingested(rag: Callable[..., Ran], *arguments: str) -> dict:
    ran = rag("ingest", *arguments, "--levels", "64,32", "--json")
    assert ran.code == 0, ran.err
    return ran.json


def font() -> Path:
    """A font with Arabic letters, which comes with matplotlib."""
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts/ttf", _FONT)


@pytest.mark.slow
def test_a_spreadsheet_is_cited_by_sheet_and_row(rag: Callable[..., Ran], tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    sheet.append(["Depots and what they hold"])
    sheet.append([])
    sheet.append(["Depot", "Pallets", "Manager"])
    for number in range(60):
        sheet.append([f"Depot {number}", 100 + number, f"keeper {number}"])
    sheet.append(["Catterick", None, "Pereira"])
    book.save(tmp_path / "stock.xlsx")
    report = ingested(rag, "stock.xlsx")["reports"]["stock.xlsx"]
    assert report["tables"] == 1
    answer = asked(rag, "Who is the manager of Catterick?")
    found = next(context for context in answer["contexts"] if "Catterick" in context["text"])
    assert "Catterick |  | Pereira" in found["text"]
    assert found["place"].startswith("sheet Prices, row")
    assert found["place"].endswith("64")
    assert found["header"] == "Depot | Pallets | Manager"
    assert all(cited["place"].startswith("sheet Prices") for cited in answer["citations"])
    answered = next(stage for stage in answer["trace"] if stage["name"] == "answer")
    assert "Depot | Pallets | Manager" in answered["details"]["prompt"]


@pytest.mark.slow
def test_a_slide_deck_is_cited_by_slide(rag: Callable[..., Ran], tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for title, body in [
        ("Harbour works", "An overview of the year."),
        ("Dredging", "The eastern basin was dredged to nine metres in May."),
        ("Costs", "The board paid forty thousand pounds."),
    ]:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    deck.save(tmp_path / "works.pptx")
    assert ingested(rag, "works.pptx")["reports"]["works.pptx"]["pages"] == 3
    answer = asked(rag, "How deep was the eastern basin dredged?")
    found = next(context for context in answer["contexts"] if "nine metres" in context["text"])
    assert found["place"].startswith("slide")
    assert found["pages"][0] <= 2 <= found["pages"][1]


@pytest.mark.slow
def test_an_arabic_contract_is_found_and_cited_by_page(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    # Made with a shaper of letters that can't be in one process with llama.cpp's bindings.
    shutil.copy(Path(__file__).parent / "documents" / "contract-arabic.pdf", "contract.pdf")
    ingested(rag, "contract.pdf")
    answer = asked(rag, "كم يدفع المستأجر")
    found = next(context for context in answer["contexts"] if "خمسمئة" in context["text"])
    assert "يدفع المستأجر خمسمئة دينار كل شهر" in " ".join(found["text"].split())
    assert found["pages"][1] == 2


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="extra ocr is missing")
@pytest.mark.slow  # recognition loads its models in the process that reads
def test_a_scanned_letter_is_read_with_ocr_and_cited_by_page(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (1240, 500), 255)
    drawn = ImageFont.truetype(str(font()), 40)
    ImageDraw.Draw(picture).text((80, 200), "The ferry leaves Brixworth at seven.", font=drawn)
    picture.save(tmp_path / "scan.png")
    letter = fpdf.FPDF()
    letter.add_page()
    letter.image(str(tmp_path / "scan.png"), w=190)
    letter.output(str(tmp_path / "letter.pdf"))
    refused = rag("ingest", "letter.pdf", "--levels", "64,32")
    assert refused.code == 1
    assert "--ocr" in refused.err
    ingested(rag, "letter.pdf", "--ocr")
    answer = asked(rag, "When does the ferry leave Brixworth?")
    assert "seven" in answer["contexts"][0]["text"]
    assert answer["contexts"][0]["place"] == "page 1"
