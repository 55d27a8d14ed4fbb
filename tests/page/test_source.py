"""A document opened at a place: text, page, marks and file, for whom it is."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.page.layout import make_workbench
from app.page.opening import Opening
from app.page.originals import Originals
from app.page.source import Sources
from app.page.visitors import COOKIE, signed
from indexes.documents.pictures import page_picture
from indexes.errors import DocumentError
from tests.page.conftest import opened, request_of
from tests.page.fakes import ScriptedLLM

LETTER = Path(__file__).parents[2] / "app/samples/letters/alderquay-2019-shareholder-letter.pdf"
TABLE = (
    "# Depots\n\n| depot | vans |\n|---|---|\n| Aldbury | 5 |\n\nThe <b>harbour</b> closes at nine."
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A page that was started with a PDF and a Markdown file."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "depots.md").write_text(TABLE)
    with opened(folder, ScriptedLLM()) as index:
        index.ingest([LETTER, folder / "depots.md"])
        opening = Opening.of(index)
        opening.paths = (LETTER, folder / "depots.md")
        page = make_workbench(opening)
        mine = folder / "mine.md"
        mine.write_text("My secret is kept.")
        (*_, _last) = page.library.add(page.visitors.of(request_of("ann")).key, [mine])
        yield TestClient(Starlette(routes=Sources(page).routes()))


@pytest.mark.slow
def test_a_pdf_opens_at_the_sentence_with_its_page_and_boxes(client: TestClient) -> None:
    text = client.get("/source", params={"document": LETTER.name, "question": "revenue"}).text
    start = text.index("data-start=")
    assert 'class="sheet"' in text[:start]
    assert "page 1 of 6" in text
    assert '<b class="word">Revenue</b>' in text
    opened_at = client.get("/source", params={"document": LETTER.name, "start": 1326, "end": 1368})
    assert '<mark class="place">Revenue rose 17 percent' in opened_at.text
    assert "<i style=" in opened_at.text


def test_pages_are_leafed_through_and_drawn(client: TestClient) -> None:
    second = client.get("/source", params={"document": LETTER.name, "part": 1}).text
    assert "page 2 of 6" in second
    assert "disabled" not in second
    drawn = client.get("/source/page", params={"document": LETTER.name, "page": 2})
    assert drawn.headers["content-type"] == "image/png"
    assert drawn.content.startswith(b"\x89PNG")
    missing = client.get("/source/page", params={"document": LETTER.name, "page": 99})
    assert (missing.status_code, missing.text) == (
        404,
        "page 99 can't be shown: the file has no page 99",
    )


def test_other_formats_show_their_tables_and_nothing_of_them_is_html(client: TestClient) -> None:
    text = client.get("/source", params={"document": "depots.md"}).text
    assert "<td" in text
    assert "Aldbury" in text
    assert "&lt;b&gt;harbour&lt;/b&gt;" in text
    assert 'class="sheet"' not in text


def test_the_original_is_saved_as_it_is(client: TestClient) -> None:
    saved = client.get("/source/file", params={"document": LETTER.name})
    assert saved.content == LETTER.read_bytes()
    assert "attachment" in saved.headers["content-disposition"]
    assert saved.headers["content-type"] == "application/octet-stream"


def test_a_visitors_document_is_nobody_elses(client: TestClient) -> None:
    for path in ("/source", "/source/file", "/source/page"):
        for cookie in ({}, {COOKIE: "eve".ljust(43, "-")}):
            client.cookies = cookie  # type: ignore[assignment]
            refused = client.get(path, params={"document": "mine.md"})
            assert (refused.status_code, refused.text) == (
                404,
                "this document is not here any more",
            ), path
    client.cookies = {COOKIE: signed("ann".ljust(43, "-"))}  # type: ignore[assignment]
    assert "My secret" in client.get("/source", params={"document": "mine.md"}).text
    assert client.get("/source/file", params={"document": "mine.md"}).text == "My secret is kept."


_KILLED = """
import os, signal, sys, tempfile
from pathlib import Path
from app.page.originals import Originals

tempfile.tempdir = sys.argv[1]
originals = Originals()
originals.keep("mine", Path(__file__))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_page_kept_of_uploads_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = tmp_path / "killed.py"
    script.write_text(_KILLED)
    subprocess.run([sys.executable, script, tmp_path], check=False, cwd=Path(__file__).parents[2],
                   env={"PYTHONPATH": "."})  # fmt: skip
    (left,) = tmp_path.glob("advanced-rag-*")
    Originals().keep("theirs", script)
    assert not left.exists()


@pytest.mark.parametrize("part", ["-1", "999999", "x", "1e9", "٣"])
def test_whatever_part_is_asked_for_something_is_shown(client: TestClient, part: str) -> None:
    asked = {"document": LETTER.name, "part": part, "start": part, "end": part}
    assert client.get("/source", params=asked).status_code == 200


def test_what_is_no_pdf_is_not_drawn() -> None:
    with pytest.raises(DocumentError, match="page 1 can't be shown: the file is not a readable"):
        page_picture(b"no pdf", 1)
