"""Adding and deleting documents from the page."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from app.page.opening import Opening
from app.page.upload import UNEXPECTED, Uploads
from indexes.errors import DocumentError, ModelError
from indexes.index import HierarchicalIndex

Put = Callable[[str, str | bytes], Path]


def test_an_upload_is_indexed_and_its_file_deleted(
    empty_index: HierarchicalIndex, upload: Put
) -> None:
    file = upload("notes.md", "# Notes\n\nThe harbour closes at nine.\n")
    phases = list(Uploads(Opening.of(empty_index)).add([file]))
    assert phases[0].phase == "waiting"
    assert (phases[-1].phase, phases[-1].added) == ("done", 1)
    assert [found.source for found in empty_index.documents()] == ["notes.md"]
    assert not file.exists()


def test_a_bad_file_is_named_and_the_rest_goes_on(
    empty_index: HierarchicalIndex, upload: Put
) -> None:
    files = [
        upload("empty.txt", ""),
        upload("table.xlsx", "x"),
        upload("big.txt", "x" * (1024 * 1024 + 1)),
        upload("good.txt", "A good text."),
    ]
    last = list(Uploads(Opening.of(empty_index)).add(files))[-1]
    assert last.added == 1
    failed = dict(last.failed)
    assert failed["empty.txt"] == "is empty: leave it out"
    assert failed["big.txt"].startswith("is larger than 1 MB")
    assert "not supported" in failed["table.xlsx"]
    assert not any(str(files[0].parent) in reason for reason in failed.values())
    assert not any(file.exists() for file in files)


def test_a_file_uploaded_twice_is_unchanged(index: HierarchicalIndex, upload: Put) -> None:
    uploads = Uploads(Opening.of(index))
    for expected in ("added", "unchanged"):
        last = list(uploads.add([upload("notes.txt", "The same notes.")]))[-1]
        assert getattr(last, expected) == 1


def test_what_stops_an_upload_is_told_in_one_line(
    empty_index: HierarchicalIndex, upload: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ModelError("the embedding model is gone: start it")

    monkeypatch.setattr(empty_index, "ingest", fail)
    last = list(Uploads(Opening.of(empty_index)).add([upload("a.txt", "A text.")]))[-1]
    assert (last.phase, last.error) == ("failed", "the embedding model is gone: start it")


def test_what_nobody_expected_is_logged(
    empty_index: HierarchicalIndex,
    upload: Put,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(empty_index, "ingest", fail)
    with caplog.at_level(logging.ERROR):
        last = list(Uploads(Opening.of(empty_index)).add([upload("a.txt", "A text.")]))[-1]
    assert last.error == UNEXPECTED
    assert "secret detail" in caplog.text


def test_deleting_names_the_document(index: HierarchicalIndex) -> None:
    (document,) = index.documents()
    uploads = Uploads(Opening.of(index))
    assert uploads.remove(document.document_id) == "Deleted Keelstrand letter."
    assert index.documents() == []
    with pytest.raises(DocumentError):
        uploads.remove(document.document_id)
