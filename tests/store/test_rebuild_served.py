"""A server's damaged collection is made anew beside it, and changes places with it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from indexes.errors import StoreError
from indexes.index import HierarchicalIndex
from indexes.progress import Progress
from indexes.store.nodes import matching
from indexes.store.points import DENSE
from indexes.store.rebuild_served import _Served
from tests.store.stand_in import StandIn
from tests.store.test_server import KEY, TOPICS, Place, documents

HARBOUR = "harbour keeper"

Opened = Callable[[], HierarchicalIndex]


@pytest.fixture(scope="module")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server with four documents keeps: to be copied, for making it takes longer."""
    folder = tmp_path_factory.mktemp("filled") / "served"
    with StandIn(folder, key=KEY) as server, Place(server.url, KEY).open() as index:
        index.ingest(documents())
    return folder


@pytest.fixture
def server(filled_folder: Path, tmp_path: Path) -> Iterator[StandIn]:
    """A server with an index of four documents."""
    # Unlike shutil, it leaves holes of files out.
    subprocess.run(["cp", "-r", filled_folder, tmp_path / "served"], check=True)
    with StandIn(tmp_path / "served", key=KEY) as running:
        yield running


@pytest.fixture
def opened(server: StandIn) -> Opened:
    """Opens the server's index."""
    return Place(server.url, KEY).open


def collections(server: StandIn) -> set[str]:
    return {found.name for found in server.backend.get_collections().collections}


def found(index: HierarchicalIndex) -> list[Any]:
    passages, _ = index.retrieve(HARBOUR)
    return [(passage.document_id, passage.start, passage.text) for passage in passages]


def spoil_vector(server: StandIn, topic: str) -> None:
    (point,), _ = server.backend.scroll(
        "documents", matching(kind="leaf", document_id=topic), limit=1, with_vectors=True
    )
    point.vector[DENSE] = [0.0] * len(point.vector[DENSE])
    wrong = models.PointStruct(id=point.id, vector=point.vector, payload=point.payload)
    server.backend.upsert("documents", [wrong])


def lose_leaf(server: StandIn, topic: str) -> None:
    (point,), _ = server.backend.scroll(
        "documents", matching(kind="leaf", document_id=topic), limit=1
    )
    server.backend.delete("documents", models.PointIdsList(points=[point.id]))


@pytest.mark.slow
def test_a_damaged_vector_is_embedded_again_and_the_name_stays(
    server: StandIn, opened: Opened
) -> None:
    with opened() as index:
        right = found(index)
        spoil_vector(server, "harbour")
        assert index.verify(deep=True).unrepaired[0].fix == "run `advanced-rag rebuild`"
        report = index.rebuild()
        assert sorted(report.restored) == sorted(TOPICS)
        assert (report.embedded, report.lost, report.kept, report.beside) == (1, [], "", "")
        assert found(index) == right
    assert collections(server) == {"documents-rebuilt-1"}
    assert server.aliases == {"documents": "documents-rebuilt-1"}
    with opened() as index:
        assert found(index) == right
        assert index.verify(deep=True).clean
        assert len(index.ingest(documents()).unchanged) == len(TOPICS)


@pytest.mark.slow
def test_rebuilt_again_the_alias_moves_on(server: StandIn, opened: Opened) -> None:
    with opened() as index:
        index.rebuild()
        index.rebuild()
        index.rebuild()
        assert index.verify(deep=True).clean
    assert collections(server) == {"documents-rebuilt-1"}
    assert server.aliases == {"documents": "documents-rebuilt-1"}


@pytest.mark.slow
def test_other_names_of_the_collection_come_along(server: StandIn, opened: Opened) -> None:
    server.aliases = {"letters": "documents"}
    with opened() as index:
        index.rebuild()
    assert server.aliases == dict.fromkeys(["letters", "documents"], "documents-rebuilt-1")


@pytest.mark.slow
def test_by_an_alias_what_it_leads_to_is_dropped_and_its_other_names_are_told(
    server: StandIn, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    with opened() as index:
        index.rebuild()
        server.aliases["letters"] = "documents-rebuilt-1"
        index.store.drop()
        assert "documents-rebuilt-1 is dropped, to which letters lead" in caplog.text
        assert not index.store.exists()
        assert (collections(server), server.aliases) == (set(), {})
        index.ingest(documents())
        assert len(index.documents()) == len(TOPICS)


@pytest.mark.slow
def test_an_alias_that_cannot_be_resolved_is_told(
    server: StandIn, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as index:
        index.rebuild()

        def refused() -> dict[str, str]:
            raise StoreError("the key may not")

        monkeypatch.setattr(index.store, "aliases", refused)
        with pytest.raises(StoreError, match=r"documents .* is an alias: name the collection"):
            index.store.drop()
    assert collections(server) == {"documents-rebuilt-1"}


@pytest.mark.slow
def test_indexes_of_filters_come_along(server: StandIn, opened: Opened) -> None:
    with opened() as index:
        index.store.make_index("metadata.letters", models.PayloadSchemaType.INTEGER)
        index.rebuild()
    assert "metadata.letters" in server.backend.get_collection("documents-rebuilt-1").payload_schema


@pytest.mark.slow
def test_where_something_is_lost_the_old_collection_stays_as_it_was(
    server: StandIn, opened: Opened
) -> None:
    lose_leaf(server, "market")
    before = server.backend.count("documents").count
    with opened() as index:
        report = index.rebuild()
    assert [source for source, _ in report.lost] == ["market"]
    assert "leaves are missing" in report.lost[0][1]
    assert (report.kept, report.beside) == ("collection documents", "documents-rebuilt-1")
    assert server.backend.count("documents").count == before
    assert server.aliases == {}
    with Place(server.url, KEY, "documents-rebuilt-1").open() as index:
        index.ingest([next(document for document in documents() if document.id_ == "market")])
        assert index.verify(deep=True).clean
        assert len(index.documents()) == len(TOPICS)


@pytest.mark.slow
def test_what_an_alias_named_keeps_its_own_name_where_something_is_lost(
    server: StandIn, opened: Opened
) -> None:
    with Place(server.url, KEY, "letters").open() as index:
        server.aliases = {"letters": "documents"}
        lose_leaf(server, "market")
        report = index.rebuild()
        assert (report.kept, report.beside) == ("collection documents", "")
        assert sorted(found.source for found in index.documents()) == sorted(report.restored)
    assert server.aliases == {"letters": "letters-rebuilt-1"}


@pytest.mark.slow
def test_what_is_lost_is_taken_from_an_export(
    server: StandIn, opened: Opened, tmp_path: Path
) -> None:
    with opened() as index:
        right = found(index)
        index.export_file(tmp_path / "all.jsonl")
        lose_leaf(server, "market")
        report = index.rebuild(export=tmp_path / "all.jsonl")
        assert report.imported == ["market"]
        assert (report.lost, report.beside) == ([], "")
        assert found(index) == right


@pytest.mark.slow
def test_a_point_that_cannot_be_read_costs_its_document_only(
    server: StandIn, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    (point,), _ = server.backend.scroll(
        "documents", matching(kind="leaf", document_id="market"), limit=1
    )
    read = _Served._retrieved

    def broken(self: _Served, ids: Any, **wanted: Any) -> Any:
        if point.id in ids:
            raise StoreError("the server failed (500): its file is damaged")
        return read(self, ids, **wanted)

    monkeypatch.setattr(_Served, "_retrieved", broken)
    with opened() as index:
        report = index.rebuild()
        assert [source for source, _ in report.lost] == ["market"]
        assert (len(report.restored), report.beside) == (len(TOPICS) - 1, "documents-rebuilt-1")
        assert sorted(found.source for found in index.documents()) == sorted(TOPICS)


class Killed(BaseException):
    """The process is gone: nothing below may handle this."""


# Requests of a rebuild that change something: it is killed before each of them, and not at all.
WRITES = 14


@pytest.mark.slow
@pytest.mark.parametrize("after", range(WRITES + 1))
def test_a_rebuild_that_is_killed_can_be_run_again(
    server: StandIn, opened: Opened, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    done = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done > after:
                raise Killed
            return original(*args, **kwargs)

        return call

    with opened() as index:
        right = found(index)
        spoil_vector(server, "harbour")
        writes = ["create_collection", "create_payload_index", "upsert", "delete"]
        with monkeypatch.context() as patch:
            for name in (*writes, "delete_collection", "update_collection_aliases"):
                for client in {index.engine.client, index.engine.client}:
                    patch.setattr(client, name, dying(getattr(client, name)))
            try:
                index.rebuild()
            except Killed:
                pass
            else:
                assert done == after == WRITES
    with opened() as index:
        if server.backend.collection_exists("documents") or server.aliases.get("documents"):
            assert sorted(found.source for found in index.documents()) == sorted(TOPICS)
        else:
            with pytest.raises(StoreError, match=r"cut short: run `advanced-rag rebuild`"):
                index.ingest(documents())
        assert sorted(index.rebuild().restored) == sorted(TOPICS)
        assert found(index) == right
        assert index.verify(deep=True).clean
    assert collections(server) == {server.aliases["documents"]}
    assert [*server.aliases] == ["documents"]


@pytest.mark.slow
def test_documents_that_come_meanwhile_are_not_left_behind(server: StandIn, opened: Opened) -> None:
    def write(step: Progress) -> None:
        if step.done == 2:
            with opened() as other:
                other.remove("market")

    with opened() as index:
        with pytest.raises(StoreError, match=r"came or went .* when nobody writes"):
            index.rebuild(on_progress=write)
        assert len(index.documents()) == len(TOPICS) - 1
    assert collections(server) == {"documents"}
    assert server.aliases == {}


@pytest.mark.slow
def test_a_collection_of_somebody_else_is_not_touched(server: StandIn, opened: Opened) -> None:
    with Place(server.url, KEY, "documents-rebuilt-1").open() as theirs:
        theirs.ingest(documents()[:1])
    with opened() as index:
        index.rebuild()
    assert server.aliases == {"documents": "documents-rebuilt-2"}
    assert "documents-rebuilt-1" in collections(server)


def test_what_is_not_there_is_not_rebuilt(tmp_path: Path) -> None:
    with StandIn(tmp_path / "empty", key=KEY) as server:
        with (
            Place(server.url, KEY).open() as index,
            pytest.raises(StoreError, match="nothing is indexed"),
        ):
            index.rebuild()
        assert collections(server) == set()
        assert server.aliases == {}
