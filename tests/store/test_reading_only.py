"""An index that can't be written to, as on a disk mounted for reading only, answers from a copy."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import Document

from indexes.errors import DiskError, StoreLockedError
from indexes.index import HierarchicalIndex
from indexes.store.edge import folder as folders
from indexes.store.edge.backend import EdgeBackend
from indexes.waits import told
from tests.fakes import WordEmbedding

TEXT = "The lamp in the harbour was lit by Ada. " * 20
REFUSED = "Read-only file system.*: it is mounted for reading only: choose another folder"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of an index of one document."""
    with opened(tmp_path / "index") as index:
        index.ingest([Document(id_="lamp", text=TEXT)])
    return tmp_path / "index"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


@pytest.fixture
def read_only(place: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """It, on a disk that refuses to be written to; afterwards it is as it was."""
    assert temporary.exists()

    def refused(_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    before = contents(place)
    monkeypatch.setattr(folders, "Hold", refused)
    yield place
    assert contents(place) == before


def opened(place: Path) -> HierarchicalIndex:
    return HierarchicalIndex.open(place, embedding=WordEmbedding())


def contents(place: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(place.rglob("*"))}


def answered(index: HierarchicalIndex) -> bool:
    return bool(index.retrieve("Who lit the lamp?", "parent", budget=100)[0])


@pytest.mark.slow
def test_questions_are_answered_which_is_said_in_a_line(read_only: Path, temporary: Path) -> None:
    said: list[str] = []
    with told(said.append), opened(read_only) as index:
        assert [found.document_id for found in index.documents()] == ["lamp"]
        assert answered(index)
        assert index.verify(deep=True).clean
        assert index.statistics().documents == 1
        (copies,) = temporary.iterdir()
        assert copies.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []
    (line,) = said
    assert line.startswith(f"{read_only} can only be read (Read-only file system)")


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        lambda index: index.ingest([Document(id_="bell", text="The bell rang.")]),
        lambda index: index.remove("lamp"),
        lambda index: index.rebuild(),
        lambda index: index.store.drop(),
        lambda index: index.engine.client.create_payload_index("documents", "k", "keyword"),
        lambda index: index.engine.client.create_collection("more", {}),
    ],
)
def test_writing_is_refused_in_a_line_and_answers_go_on(
    read_only: Path, write: Callable[[HierarchicalIndex], object]
) -> None:
    with opened(read_only) as index:
        with pytest.raises(DiskError, match=REFUSED) as caught:
            write(index)
        assert "\n" not in str(caught.value)
        assert answered(index)


@pytest.mark.slow
def test_it_can_be_exported_and_copied_to_where_it_can_be_written_to(
    read_only: Path, tmp_path: Path
) -> None:
    with opened(read_only) as index:
        assert index.export_file(tmp_path / "all.jsonl").copied == ["lamp"]


@pytest.mark.slow
def test_what_a_killed_reader_left_goes(read_only: Path, temporary: Path) -> None:
    gone, alive = (temporary / f"advanced-rag-read-{pid}-x" for pid in (2**22 + 1, os.getpid()))
    gone.mkdir()
    alive.mkdir()
    with opened(read_only) as index:
        assert answered(index)
        assert not gone.exists()
        assert alive.exists()


def test_while_another_process_writes_to_it_it_is_not_copied(
    read_only: Path, temporary: Path
) -> None:
    with (read_only / ".lock").open("rb") as lock, opened(read_only) as index:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreLockedError, match="another process"):
            index.documents()
    assert not any(path.glob("*") for path in temporary.iterdir() if path.is_file())


def test_without_room_for_a_copy_it_is_told(
    read_only: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.disks.free_bytes", lambda _: 0)
    with (
        opened(read_only) as index,
        pytest.raises(DiskError, match=rf"can only be read.*on the disk of {temporary}.*make room"),
    ):
        index.documents()


def test_a_folder_that_is_no_index_is_refused_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(folders, "Hold", refused)
    with pytest.raises(DiskError, match=REFUSED):
        EdgeBackend(tmp_path / "empty")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_whose_rights_were_taken_is_read(place: Path, temporary: Path) -> None:
    every = [place, *place.rglob("*")]
    for path in every:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        with opened(place) as index:
            assert answered(index)
            assert any(temporary.iterdir())
            with pytest.raises(DiskError, match="another user"):
                index.remove("lamp")
    finally:
        for path in every:
            path.chmod(path.stat().st_mode | 0o200)
