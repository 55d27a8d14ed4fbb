"""Readers: one a format, found by a file's extension; a user's own stand beside ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.documents import load_document, register_reader, unregister_reader
from indexes.documents.blocks import Block, Heading, Paragraph
from indexes.documents.formats import READERS, suffixes
from indexes.documents.reader import Reader, Reading
from indexes.errors import DocumentError, SettingsError


def captions(data: bytes) -> Iterator[Block]:
    """A user's reader: a heading, then a line a paragraph."""
    yield Heading("Captions")
    for line in data.decode().splitlines():
        yield Paragraph(line)


@pytest.fixture
def added() -> Iterator[None]:
    """The reader of captions is there, for one test."""
    register_reader("Captions", captions, suffixes=["capt", ".CAP"])
    yield
    unregister_reader("Captions")


@pytest.mark.usefixtures("added")
def test_a_users_reader_reads_its_extensions(tmp_path: Path):
    path = tmp_path / "talk.capt"
    path.write_text("One.\nTwo.")
    document = load_document(path)
    assert document.text == "Captions\n\nOne.\n\nTwo."
    assert document.metadata["title"] == "Captions"
    assert {".cap", ".capt"} <= set(suffixes())


@pytest.mark.usefixtures("added")
def test_an_extension_is_not_taken_over_by_accident(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"\.capt files are read by Captions: pass replace"):
        register_reader("Other", captions, suffixes=[".capt"])
    with pytest.raises(SettingsError, match="replace=True"):
        register_reader("Captions", captions, suffixes=[".xyz"])
    register_reader("Other", lambda data: "mine", suffixes=[".capt", ".txt"], replace=True)
    try:
        for name in ("a.capt", "a.txt"):
            (tmp_path / name).write_text("theirs")
            assert load_document(tmp_path / name).text == "mine"
    finally:
        unregister_reader("Other")
    assert load_document(tmp_path / "a.txt").text == "theirs"


@pytest.mark.parametrize("given", [[], [""], ["."], " "])
def test_a_reader_without_an_extension_is_refused(given: list[str]):
    with pytest.raises(SettingsError, match="name its file extensions"):
        register_reader("Nothing", captions, suffixes=given)


def test_whatever_a_reader_raises_is_one_line_that_names_the_file(tmp_path: Path):
    def broken(_data: bytes) -> str:
        raise KeyError("inside\nof it")

    register_reader("Broken", broken, suffixes=[".broken"])
    try:
        (tmp_path / "a.broken").write_text("x")
        with pytest.raises(DocumentError) as caught:
            load_document(tmp_path / "a.broken")
    finally:
        unregister_reader("Broken")
    assert "a.broken: the reader 'Broken' failed (KeyError): correct its fun" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["One.", "Two."], "One.\n\nTwo."),
        (None, "gave a NoneType: its function returns a text, or blocks"),
        (b"text", "gave a bytes"),
        ({"text": "x"}, "gave a dict"),
    ],
)
def test_a_reader_gives_a_text_or_paragraphs_or_is_told_what_it_gave(
    tmp_path: Path, given: object, said: str
):
    register_reader("Odd", lambda data: given, suffixes=[".odd"])
    (tmp_path / "a.odd").write_text("x")
    try:
        if isinstance(given, list):
            assert load_document(tmp_path / "a.odd").text.strip() == said
        else:
            with pytest.raises(DocumentError, match=said):
                load_document(tmp_path / "a.odd")
    finally:
        unregister_reader("Odd")


def test_a_missing_package_is_named_with_its_extra():
    reader = Reader("Slides", (".x",), "x/y", "no_such_package.slides:read", extra="formats")
    with pytest.raises(Exception, match=r'pip install "advanced-rag-patterns\[formats\]"'):
        reader.read(b"", Reading())


@pytest.mark.slow
def test_our_readers_are_found_and_start_without_llamaindex():
    # Reading happens in small processes that start often.
    script = (
        "import sys; from indexes.documents.formats import READERS\n"
        "[reader._resolved() for reader in READERS.values()]\n"
        "print([name for name in sys.modules if name.startswith('llama_index')])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
    assert len(READERS) >= 5
