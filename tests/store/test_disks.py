"""Disks that are full, gone or not to be written: one line that helps, and nothing is lost."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import Document

from indexes import disks
from indexes.errors import DiskError, StoreError
from indexes.index import HierarchicalIndex
from indexes.store.edge.backend import EdgeBackend
from indexes.store.edge.failures import engine_errors
from tests.fakes import WordEmbedding

OLD = Document(id_="old", text="The lamp in the harbour was lit by Ada. " * 20)
NEW = Document(id_="new", text="The bell rang at high tide. " * 20)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    with HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding()) as opened:
        opened.ingest([OLD])
        yield opened


def there(index: HierarchicalIndex) -> list[str]:
    passages, _ = index.retrieve("Who lit the lamp?", "parent", budget=100)
    assert passages
    return sorted(found.document_id for found in index.documents())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no larger files."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_nothing_is_written_and_questions_go_on(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "free_bytes", lambda _: 20 * disks.MB)
    with pytest.raises(DiskError, match=r"20 MB are free on the disk of .*: make room"):
        index.ingest([NEW])
    with pytest.raises(DiskError, match="make room"):
        index.remove("old")
    assert there(index) == ["old"]
    monkeypatch.undo()
    index.ingest([NEW])
    index.remove("old")
    assert there(index) == ["new"]
    assert index.verify(deep=True).clean


def test_an_optimisation_needs_room_for_a_copy(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = index.engine.client._client
    assert isinstance(backend, EdgeBackend)
    monkeypatch.setattr(disks, "free_bytes", lambda _: 33 * disks.MB)
    with pytest.raises(DiskError, match=r"cannot optimise .*make room"):
        backend.optimize(index.store.collection)
    assert there(index) == ["old"]


@pytest.mark.slow
def test_an_index_on_a_full_disk_is_opened_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding()) as index:
        index.ingest([OLD])
    monkeypatch.setattr(disks, "free_bytes", lambda _: 0)
    monkeypatch.setattr(disks, "write_in_one_step", _full)
    with HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding()) as index:
        assert there(index) == ["old"]


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.slow
def test_a_limit_of_file_sizes_is_told(tmp_path: Path) -> None:
    with HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding()) as index:
        with files_of_at_most(disks.MB), pytest.raises(DiskError, match=r"ulimit -f") as caught:
            index.ingest([OLD])
        assert "\n" not in str(caught.value)
        index.ingest([OLD])
        assert there(index) == ["old"]


def test_an_export_that_finds_no_room_leaves_nothing(
    index: HierarchicalIndex, tmp_path: Path
) -> None:
    with files_of_at_most(100), pytest.raises(DiskError, match=r"out.jsonl .*ulimit -f"):
        index.export_file(tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "reading only"),
        (errno.EACCES, "another user"),
        (errno.EIO, "mounted"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
def test_what_the_engine_says_of_a_disk_names_the_fix(number: int, fix: str) -> None:
    with pytest.raises(DiskError, match=fix), engine_errors("cannot write"):
        raise RuntimeError(f"Service runtime error: IO Error: it failed (os error {number})")
    with pytest.raises(DiskError, match=fix), engine_errors("cannot write"):
        raise OSError(number, os.strerror(number))
    with pytest.raises(StoreError, match="rebuild"), engine_errors("cannot write"):
        raise RuntimeError("Service runtime error: it failed")


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=50)), max_size=5))
def test_copies_are_the_same_and_keep_their_holes(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, bytes]]
) -> None:
    place = tmp_path_factory.mktemp("copies")
    (place / "from").mkdir()
    with (place / "from" / "file").open("wb") as file:
        for at, data in parts:
            file.seek(at * 4096)
            file.write(data)
        file.truncate(301 * 4096)
    disks.copy_folder(place / "from", place / "to")
    assert (place / "to" / "file").read_bytes() == (place / "from" / "file").read_bytes()
    assert disks.taken(place / "to") <= disks.taken(place / "from")


def test_pages_are_whole_on_file_systems_with_smaller_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {(0, os.SEEK_DATA): 1024, (1024, os.SEEK_HOLE): 2048, (4096, os.SEEK_DATA): 9216}
    places[(9216, os.SEEK_HOLE)] = 12388
    monkeypatch.setattr(os, "lseek", lambda _, at, how: places[at, how])
    assert list(disks.filled(0, 12388)) == [(0, 4096), (8192, 12388)]
