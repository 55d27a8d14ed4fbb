"""Damaged files are told, with the way back; and what can be read comes back."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import Document

from indexes.errors import StoreError
from indexes.index import HierarchicalIndex
from indexes.store.edge import seal
from tests.fakes import WordEmbedding

TEXTS = {
    "harbour": "The lamp in the harbour was lit by Ada. She wrote it into the ledger. " * 30,
    "tide": "The bell rang at high tide. A pilot brought the rope and the anchor. " * 30,
    "storm": "A storm took the mast. It was sold in 2021 for less than the sails. " * 30,
}
QUESTION = "Who lit the lamp in the harbour?"

Opened = Callable[[], HierarchicalIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens an index of three documents, which was closed."""

    def open_() -> HierarchicalIndex:
        return HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding())

    with open_() as index:
        index.ingest([Document(id_=name, text=text) for name, text in TEXTS.items()])
    return open_


def file(tmp_path: Path, pattern: str) -> Path:
    """One of the engine's files."""
    (found,) = (tmp_path / "index" / "collections" / "documents").glob(f"shard-*/{pattern}")
    return found


def spoil(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the first page of a file that holds something."""
    with path.open("r+b") as opened:
        at = 0
        while not any(page := opened.read(4096)):
            at += len(page)
        opened.seek(at)
        opened.write(change(page))


def zeroed(page: bytes) -> bytes:
    return bytes(len(page))


def found(index: HierarchicalIndex) -> list[Any]:
    passages, _ = index.retrieve(QUESTION, "parent", budget=200)
    return [(passage.document_id, passage.start, passage.text) for passage in passages]


@pytest.mark.slow
def test_an_index_that_is_only_read_stays_as_it_was_left(opened: Opened) -> None:
    for _ in range(2):
        with opened() as index:
            assert found(index)
            assert index.verify(deep=True).clean
    with opened() as index:
        index.ingest([Document(id_="more", text="A gull sat on the pier.")])
        # While it is written to, nothing is said of its files.
        assert index.verify(deep=True).clean
        index.remove("more")
    with opened() as index:
        assert index.verify().clean


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        "segments/*/vector_storage-dense/vectors/chunk_0.mmap",
        "segments/*/vector_storage-bm25/store/page_0.dat",
        "segments/*/payload_index/*-root-map/page_0.dat",
    ],
)
def test_a_flipped_bit_anywhere_is_told_by_verify(
    opened: Opened, tmp_path: Path, pattern: str
) -> None:
    spoil(file(tmp_path, pattern), lambda page: page[:9] + bytes([page[9] ^ 16]) + page[10:])
    with opened() as index:
        problems = [problem for problem in index.verify().problems if problem.kind == "files"]
    assert [problem.fix for problem in problems] == ["run `advanced-rag rebuild`"]
    assert problems[0].detail.endswith("was changed")


@pytest.mark.slow
def test_vectors_that_are_gone_are_told_without_a_note_too(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "index" / "collections" / "documents" / seal.NAME).unlink()
    spoil(file(tmp_path, "segments/*/vector_storage-dense/vectors/chunk_0.mmap"), zeroed)
    with opened() as index:
        kinds = {problem.kind for problem in index.verify(deep=True).problems}
    assert kinds == {"lost"}


@pytest.mark.slow
def test_what_the_engine_would_drop_silently_is_refused_and_rebuilt(
    opened: Opened, tmp_path: Path
) -> None:
    with opened() as index:
        right = found(index)
    file(tmp_path, "segments/*/version.info").unlink()
    with opened() as index:
        with pytest.raises(StoreError, match=r"version.info is missing\): `advanced-rag rebuild`"):
            index.documents()
        report = index.rebuild()
        assert sorted(report.restored) == sorted(TEXTS)
        assert (report.embedded, report.lost, report.kept) == (0, [], "")
        assert found(index) == right
    with opened() as index:
        assert found(index) == right
        assert index.verify(deep=True).clean
    assert [path.name for path in (tmp_path / "index").iterdir() if "rebuild" in path.name] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mutable_id_tracker.mappings", zeroed),
        ("mutable_id_tracker.mappings", None),
        ("mutable_id_tracker.versions", None),
        ("payload_storage/bitmask.dat", None),
        ("payload_storage/gaps.dat", None),
    ],
)
def test_texts_come_back_without_the_list_of_points(
    opened: Opened, tmp_path: Path, name: str, change: Callable[[bytes], bytes] | None
) -> None:
    with opened() as index:
        right = found(index)
    lost = file(tmp_path, f"segments/*/{name}")
    if change is None:
        lost.unlink()
    else:
        spoil(lost, change)
    with opened() as index:
        assert sorted(index.rebuild().restored) == sorted(TEXTS)
        assert found(index) == right
        assert index.verify(deep=True).clean
        # The ids are as they would be, had all been ingested again.
        again = index.ingest([Document(id_=name, text=text) for name, text in TEXTS.items()])
        assert len(again.unchanged) == len(TEXTS)


@pytest.mark.slow
def test_vectors_that_are_gone_are_embedded_again(opened: Opened, tmp_path: Path) -> None:
    with opened() as index:
        right = found(index)
    file(tmp_path, "segments/*/vector_storage-dense/vectors/chunk_0.mmap").unlink()
    with opened() as index:
        report = index.rebuild()
        assert report.embedded > 0
        assert sorted(report.restored) == sorted(TEXTS)
        assert found(index) == right
        assert index.verify(deep=True).clean


@pytest.mark.slow
def test_a_lost_text_is_told_kept_and_taken_from_an_export(opened: Opened, tmp_path: Path) -> None:
    export = tmp_path / "all.jsonl.gz"
    # More than stands on one page of a file, whatever is written first.
    logs = {f"log {n}": f"Day {n}. {'The pier was swept. ' * 40}" for n in range(20)}
    names = sorted([*TEXTS, *logs])
    with opened() as index:
        index.ingest([Document(id_=name, text=text) for name, text in logs.items()])
        right = found(index)
        index.export_file(export)
    payloads = file(tmp_path, "segments/*/payload_storage/page_0.dat")
    spoil(payloads, zeroed)
    with opened() as index:
        report = index.rebuild()
        assert report.lost
        assert len(report.restored) + len(report.lost) == len(names)
        assert any(Path(report.kept).iterdir())
        assert index.verify(deep=True).clean
        again = index.rebuild(export=export)
        assert sorted([*again.restored, *again.imported]) == names
        assert found(index) == right


@pytest.mark.slow
def test_where_nothing_can_be_read_nothing_is_changed(opened: Opened, tmp_path: Path) -> None:
    os.truncate(file(tmp_path, "segments/*/payload_storage/tracker.dat"), 0)
    with opened() as index, pytest.raises(StoreError, match="nothing of the collection"):
        index.rebuild()
    saved = tmp_path / "index" / "collections" / "documents" / "collection.json"
    assert json.loads(saved.read_text())["shard"]
    saved.unlink()
    with opened() as index, pytest.raises(StoreError, match=r"collection\.json is missing"):
        index.documents()
