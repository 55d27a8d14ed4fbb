"""A file under another format's name is read as what it is, and the report says so."""

from pathlib import Path

import pytest

from indexes.documents import load_document
from indexes.documents.limits import Limits
from tests.documents.files import error_for, written
from tests.documents.seeds import seeds

HERE = Limits(in_process=True)


@pytest.mark.parametrize(
    ("name", "actual", "called"),
    [
        ("lease.docx", "pdf", "that it is PDF: its name says Word"),
        ("lease.pdf", "docx", "that it is Word: its name says PDF"),
        ("lease.docx", "rtf", "that it is RTF: its name says Word"),
        ("lease.xlsx", "html", "that it is HTML: its name says Excel"),
        ("lease.docx", "epub", "that it is EPUB: its name says Word"),
        ("lease.epub", "xlsx", "that it is Excel: its name says EPUB"),
    ],
)
def test_the_content_decides(tmp_path: Path, name: str, actual: str, called: str) -> None:
    content = seeds(actual)[0]
    document = load_document(written(tmp_path, name, content), limits=HERE)
    under_its_name = load_document(written(tmp_path, f"a.{actual}", content), limits=HERE)
    assert document.text == under_its_name.text
    assert called in document.metadata["advanced_rag"]["report"]["guessed"]


def test_a_text_that_begins_like_a_page_is_a_text(tmp_path: Path) -> None:
    text = "<html> is how a page begins."
    assert load_document(written(tmp_path, "a.txt", text), limits=HERE).text == text


def test_what_is_neither_is_refused_as_what_it_is_called(tmp_path: Path) -> None:
    assert "PDF" in error_for(written(tmp_path, "a.pdf", "Depot;Q1\n"))
