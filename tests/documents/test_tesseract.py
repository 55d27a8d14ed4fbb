"""Where only Tesseract is installed, it recognises pages; here a script stands in for it."""

import importlib.util
import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from indexes.documents import load_document
from indexes.documents.limits import Limits
from indexes.errors import DocumentError
from tests.documents.files import error_for

HERE = Limits(in_process=True)

# A word's level, page, block, paragraph, line, word; box; confidence; text.
TABLE = """level and so on
1\t1\t0\t0\t0\t0\t0\t0\t640\t240\t-1\t
5\t1\t1\t1\t1\t1\t20\t20\t80\t30\t96\tDredge
5\t1\t1\t1\t1\t2\t110\t20\t80\t30\t95\tthe
5\t1\t1\t1\t1\t3\t200\t20\t100\t30\t91\tharbour
5\t1\t1\t1\t2\t1\t20\t120\t80\t30\t90\t
"""


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says what the stand-in does; it gets a picture, and prints a table."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "script.py"
    program = folder / "tesseract"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "rapidocr" else find(name)
    )
    script.write_text(
        "import sys\n"
        "assert sys.argv[1:] == ['stdin', 'stdout', 'tsv']\n"
        "assert sys.stdin.buffer.read(3) == b'P6 '\n"
        f"print({TABLE!r}, end='')\n"
    )
    return script


def scan(folder: Path, pages: int = 1) -> Path:
    """A file of white pages."""
    page = Image.new("RGB", (640, 240), "white")
    path = folder / "scan.tiff"
    page.save(path, "TIFF", save_all=True, append_images=[page] * (pages - 1), dpi=(200, 200))
    return path


def test_what_tesseract_finds_is_the_text(tesseract: Path, tmp_path: Path) -> None:
    found = load_document(scan(tmp_path), ocr=True, limits=HERE)
    assert found.text == "Dredge the harbour"
    report = found.metadata["advanced_rag"]["report"]
    assert report["guessed"] == ["the text was recognised by Tesseract"]


@pytest.mark.slow
def test_each_page_is_told_as_it_is_recognised(tesseract: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    load_document(
        scan(tmp_path, 3),
        ocr=True,
        limits=HERE,
        on_page=lambda done, known: told.append((done, known)),
    )
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_a_tesseract_that_fails_is_told_with_the_fix(tesseract: Path, tmp_path: Path) -> None:
    tesseract.write_text("raise SystemExit(1)")
    with pytest.raises(DocumentError, match=r"Tesseract cannot recognise it.*pip install"):
        load_document(scan(tmp_path), ocr=True, limits=HERE)


def test_scanned_pages_of_a_pdf_are_recognised_too(tesseract: Path, tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    page = Image.new("RGB", (640, 240), "white")
    buffer = io.BytesIO()
    page.save(buffer, "PDF", save_all=True, append_images=[page], resolution=200)
    path.write_bytes(buffer.getvalue())
    assert "--ocr" in error_for(path)
    told: list[tuple[int, int]] = []
    found = load_document(
        path, ocr=True, limits=HERE, on_page=lambda done, known: told.append((done, known))
    )
    assert found.text.count("Dredge the harbour") == 2
    assert told == [(1, 2), (2, 2), (0, 2), (1, 2), (2, 2)]
