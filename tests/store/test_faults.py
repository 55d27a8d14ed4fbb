"""A sample of what `python -m tests.benchmarks.faults` does, and what it has found."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import Document

from indexes.errors import DiskError, StoreError
from indexes.index import HierarchicalIndex
from indexes.store.edge import salvage
from indexes.store.edge.folder import WORK
from tests.benchmarks.faults import RIGHT, Work, sweep, work_on
from tests.fakes import WordEmbedding
from tests.faults import Into

_EVERY = {"disk": 20, "server": 5, "grpc": 5}


@pytest.fixture(params=["disk", "server", "grpc"])
def worked_on(request: pytest.FixtureRequest) -> Iterator[tuple[str, Work, Into]]:
    with work_on(request.param) as found:
        yield request.param, *found


@pytest.mark.slow  # some 0.3 s a place
@pytest.mark.parametrize("name", ["aask", "change", "export", "import_"])
def test_what_is_raised_below_is_told_in_one_line_and_costs_nothing(
    worked_on: tuple[str, Work, Into], name: str
) -> None:
    kind, work, into = worked_on
    every = _EVERY[kind]
    cases = list(sweep(work, name, into, every=every))
    assert not [case for case in cases if case[2] not in RIGHT]
    assert any(became != "not reached" for *_, became in cases)


def opened(folder: Path) -> HierarchicalIndex:
    return HierarchicalIndex.open(folder, embedding=WordEmbedding())


def refuse(path: str | Path, *_: object, **__: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    with opened(tmp_path / "index") as index:
        index.ingest([Document(id_="lamp", text="The lamp was lit by Ada. " * 9)])
    return tmp_path / "index"


def test_an_export_that_can_neither_write_nor_clear_away_is_told(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled) as index, monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(DiskError, match="mounted for reading only"):
            index.export_file(filled.parent / "export.jsonl")


@pytest.mark.slow
def test_a_rebuild_for_which_the_engine_can_write_nothing_is_told(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Service runtime error: Os { code: 27, kind: FileTooLarge }")

    with opened(filled) as index:
        with monkeypatch.context() as patch:
            patch.setattr(salvage.edge.EdgeShard, "create", fail)
            with pytest.raises(DiskError, match="ulimit -f"):
                index.rebuild()
        assert [found.source for found in index.documents()] == ["lamp"]


@pytest.mark.slow
def test_a_folder_whose_left_overs_cannot_be_seen_is_opened_and_closed(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glob = Path.glob

    def failing(path: Path, pattern: str) -> Iterator[Path]:
        if pattern.startswith(WORK):
            refuse(path)
        return glob(path, pattern)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", failing)
        with opened(filled) as index:
            assert index.documents()
    with opened(filled) as index:
        assert index.documents()


def test_a_folder_that_cannot_be_looked_at_is_told(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(DiskError, match="mounted for reading only"):
        opened(filled).documents()


def test_a_path_that_is_none_is_told() -> None:
    with pytest.raises(StoreError, match="holds a NUL"):
        opened(Path("a\0b")).documents()
