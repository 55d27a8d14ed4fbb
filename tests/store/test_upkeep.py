"""Figures, verification and repair of a collection."""

import re
from collections.abc import Callable

import pytest
from llama_index.core.schema import Document
from qdrant_client import models

from indexes.errors import StoreError
from indexes.index import HierarchicalIndex
from indexes.store.nodes import matching
from indexes.store.points import fingerprint_point, manifest_id, manifest_point
from indexes.store.statistics import statistics
from indexes.store.upkeep import Problem, verify
from tests.fakes import WordEmbedding


def text_of(name: str, sentences: int = 30) -> str:
    return " ".join(f"Fact {n} about the {name} is known to few." for n in range(sentences))


def document(name: str, text: str | None = None) -> Document:
    return Document(text=text or text_of(name), id_=name, metadata={"source": f"{name}.txt"})


@pytest.fixture
def filled(index: HierarchicalIndex) -> HierarchicalIndex:
    """Three documents of several roots each, and one of a single leaf."""
    index.ingest([*map(document, ("harbour", "orchard", "volcano")), document("note", "Short.")])
    return index


def leaves(index: HierarchicalIndex, name: str, kind: str = "leaf") -> list[models.Record]:
    """The leaves, or the parents, of a document in their order."""
    found, _ = index.engine.client.scroll(
        index.settings.collection,
        scroll_filter=matching(document_id=name, kind=kind),
        limit=1000,
        with_vectors=True,
    )
    return sorted(found, key=lambda point: (point.payload or {})["start"])


def delete(index: HierarchicalIndex, *points: models.Record) -> None:
    index.engine.client.delete(index.settings.collection, [point.id for point in points])


def change(index: HierarchicalIndex, point: models.Record, **payload: object) -> None:
    index.engine.client.set_payload(index.settings.collection, payload, points=[point.id])


def put_copy(index: HierarchicalIndex, point: models.Record, id_: str, **payload: object) -> None:
    """A second point like this one, under another id and with other fields."""
    copy = models.PointStruct(
        id=id_, vector=point.vector or {}, payload={**(point.payload or {}), **payload}
    )
    index.engine.client.upsert(index.settings.collection, [copy])


def points(index: HierarchicalIndex) -> int:
    return index.engine.client.count(index.settings.collection).count


def problems(index: HierarchicalIndex, *, repair: bool = False) -> list[Problem]:
    return verify(index.store, repair=repair).problems


OTHER = "00000000-0000-0000-0000-000000000001"


# Figures


def test_statistics_count_what_is_there(filled: HierarchicalIndex) -> None:
    found = statistics(filled.store)
    manifests = filled.documents()
    assert found.documents == 4
    assert found.leaves == sum(manifest.leaves for manifest in manifests)
    assert found.characters == 3 * len(text_of("harbour")) + len("Short.")
    assert found.points == points(filled)
    assert found.bytes_on_disk is not None and found.bytes_on_disk > 10_000
    assert found.fingerprint == filled.store.fingerprint()


def test_statistics_need_an_index(index: HierarchicalIndex) -> None:
    with pytest.raises(StoreError, match="advanced-rag ingest"):
        statistics(index.store)


# A clean index


def test_a_clean_index_is_clean(filled: HierarchicalIndex) -> None:
    found = verify(filled.store)
    assert (found.problems, found.clean, found.documents) == ([], True, 4)
    assert found.nodes + found.documents + 1 == found.points == points(filled)


def test_an_empty_collection_is_clean(filled: HierarchicalIndex) -> None:
    for name in ("harbour", "orchard", "volcano", "note"):
        filled.remove(name)
    assert verify(filled.store).clean


def test_an_updated_document_is_clean(filled: HierarchicalIndex) -> None:
    filled.ingest([document("harbour", text_of("pier", 12))])
    assert problems(filled) == []


def test_more_documents_than_one_batch_holds_are_all_looked_at(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.store.upkeep._GROUP_DOCUMENTS", 2)
    monkeypatch.setattr("indexes.store.pages._PAGE", 3)
    seen: list[tuple[int, int]] = []
    found = verify(filled.store, on_progress=lambda step: seen.append((step.done, step.known)))
    assert (found.documents, found.clean) == (4, True)
    assert seen == sorted(seen) and seen[-1] == (found.points, found.points)


def test_verifying_writes_nothing(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(filled, leaves(filled, "harbour")[3])
    backend = filled.engine.client._client
    for name in ("upsert", "delete", "set_payload"):
        monkeypatch.setattr(backend, name, lambda *_, **__: pytest.fail("it wrote"))
    assert problems(filled)


# Damage to a visible document


def lose_a_leaf(index: HierarchicalIndex) -> None:
    delete(index, leaves(index, "harbour")[2])


def lose_the_last_leaf(index: HierarchicalIndex) -> None:
    delete(index, leaves(index, "harbour")[-1])


def lose_everything(index: HierarchicalIndex) -> None:
    delete(index, *leaves(index, "harbour"), *leaves(index, "harbour", "parent"))


def lose_a_parent(index: HierarchicalIndex) -> None:
    delete(index, leaves(index, "harbour", "parent")[0])


def lose_a_vector(index: HierarchicalIndex) -> None:
    second = leaves(index, "harbour")[1]
    second.vector = {}
    put_copy(index, second, str(second.id))


def repeat_a_position(index: HierarchicalIndex) -> None:
    put_copy(index, leaves(index, "harbour")[1], OTHER)


def leave_a_gap(index: HierarchicalIndex) -> None:
    third = leaves(index, "harbour")[2]
    payload = third.payload or {}
    change(index, third, start=payload["start"] + 3, text=payload["text"][3:])


def overlap(index: HierarchicalIndex) -> None:
    second, third = leaves(index, "harbour")[1:3]
    text = (second.payload or {})["text"][-2:] + (third.payload or {})["text"]
    change(index, third, start=(third.payload or {})["start"] - 2, text=text)


def change_a_letter(index: HierarchicalIndex) -> None:
    leaf = leaves(index, "harbour")[2]
    change(index, leaf, text=(leaf.payload or {})["text"].replace("a", "o"))


def cut_a_text(index: HierarchicalIndex) -> None:
    leaf = leaves(index, "harbour")[2]
    change(index, leaf, text=(leaf.payload or {})["text"][:-1])


def claim_more_leaves(index: HierarchicalIndex) -> None:
    change(index, manifest_point_of(index), leaves=999)


def claim_more_nodes(index: HierarchicalIndex) -> None:
    change(index, manifest_point_of(index), nodes=999)


def claim_fewer_characters(index: HierarchicalIndex) -> None:
    change(index, manifest_point_of(index), characters=7)


def move_a_root(index: HierarchicalIndex) -> None:
    first = leaves(index, "harbour")[0]
    change(index, first, root=str(leaves(index, "harbour")[-1].id))


def disagree_about_a_parent(index: HierarchicalIndex) -> None:
    first = leaves(index, "harbour")[0]
    ancestors = (first.payload or {})["ancestors"]
    change(index, first, ancestors=re.sub(r"\+\d+", "+77", ancestors))


def forget_a_field(index: HierarchicalIndex) -> None:
    first = leaves(index, "harbour")[0]
    del (first.payload or {})["position"]
    put_copy(index, first, str(first.id))


def manifest_point_of(index: HierarchicalIndex, name: str = "harbour") -> models.Record:
    return index.engine.client.retrieve(index.settings.collection, [manifest_id(name)])[0]


DAMAGE = [
    (lose_a_leaf, "1 of 16 leaves are missing"),
    (lose_the_last_leaf, "1 of 16 leaves are missing"),
    (lose_everything, "16 of 16 leaves are missing, the first at position 0"),
    (lose_a_parent, "1 missing parents"),
    (lose_a_vector, "1 nodes without their vector"),
    (repeat_a_position, "1 leaves at a position that another has"),
    (leave_a_gap, "a gap before leaf 2"),
    (overlap, "an overlap before leaf 2"),
    (change_a_letter, "its text or metadata is not what was ingested"),
    (cut_a_text, "1 leaves whose text is longer or shorter than their place"),
    (claim_more_leaves, "of 999 leaves are missing"),
    (claim_more_nodes, "the manifest says 999"),
    (claim_fewer_characters, "of 7 characters"),
    (move_a_root, "1 leaves with a wrong root"),
    (disagree_about_a_parent, "leaves that disagree about a parent"),
    (forget_a_field, "1 nodes that cannot be read"),
]


@pytest.mark.parametrize(
    ("damage", "words"),
    [pytest.param(damage, words, id=damage.__name__) for damage, words in DAMAGE],
)
def test_every_kind_of_damage_is_found_named_and_mended_by_the_next_ingest(
    filled: HierarchicalIndex, damage: Callable[[HierarchicalIndex], None], words: str
) -> None:
    whole = points(filled)
    damage(filled)
    (problem,) = problems(filled)
    assert (problem.kind, problem.document_id, problem.source) == (
        "damaged",
        "harbour",
        "harbour.txt",
    )
    assert words in problem.detail
    assert "ingest it again" in problem.fix

    (problem,) = problems(filled, repair=True)
    assert not problem.repaired, "only the file can mend it"
    report = filled.ingest([document("harbour"), document("orchard")])
    assert (report.updated, report.unchanged) == (["harbour.txt"], ["orchard.txt"])
    assert problems(filled) == []
    assert points(filled) == whole


def test_what_is_whole_of_a_damaged_document_is_still_found_after_repair(
    filled: HierarchicalIndex,
) -> None:
    delete(filled, leaves(filled, "harbour")[0])
    before, _ = filled.retrieve("fact 29 about the harbour")
    problems(filled, repair=True)
    after, _ = filled.retrieve("fact 29 about the harbour")
    assert [context.text for context in after] == [context.text for context in before]
    assert after[0].document == "harbour.txt"
    assert {manifest.source for manifest in filled.documents()} >= {"harbour.txt"}


def test_damage_is_still_reported_after_repair(filled: HierarchicalIndex) -> None:
    delete(filled, leaves(filled, "harbour")[0])
    problems(filled, repair=True)
    for repair in (False, True):
        (problem,) = problems(filled, repair=repair)
        assert (problem.kind, problem.repaired) == ("damaged", False)
        assert "1 of 16 leaves are missing" in problem.detail


def test_a_repair_that_dies_between_its_writes_loses_nothing(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(filled, leaves(filled, "harbour")[0])

    class Died(BaseException):
        """The process is gone."""

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(filled.engine.client._client, "set_payload", die)
        with pytest.raises(Died):
            problems(filled, repair=True)
    (problem,) = problems(filled)
    assert "hidden by an unfinished repair" in problem.detail
    problems(filled, repair=True)
    assert len(leaves(filled, "harbour")) == 15
    assert filled.retrieve("fact 29 about the harbour")[0][0].document == "harbour.txt"


# What no query can see


def test_nodes_of_an_invisible_version_are_found_and_deleted(filled: HierarchicalIndex) -> None:
    whole = points(filled)
    put_copy(filled, leaves(filled, "harbour")[0], OTHER, version="older")
    (problem,) = problems(filled)
    assert (problem.kind, problem.source) == ("leftover", "harbour.txt")
    assert problem.detail == "1 nodes that no query can see"
    (problem,) = problems(filled, repair=True)
    assert problem.repaired
    assert problems(filled) == []
    assert points(filled) == whole


def test_nodes_of_no_document_are_found_and_deleted(filled: HierarchicalIndex) -> None:
    whole = points(filled)
    put_copy(filled, leaves(filled, "harbour")[0], OTHER, document_id="nobody's")
    (problem,) = problems(filled)
    assert (problem.kind, problem.document_id) == ("orphans", "nobody's")
    assert verify(filled.store, repair=True).clean
    assert problems(filled) == []
    assert points(filled) == whole


def test_a_document_that_lost_its_manifest_is_deleted_and_can_come_again(
    filled: HierarchicalIndex,
) -> None:
    whole = points(filled)
    delete(filled, manifest_point_of(filled))
    (problem,) = problems(filled)
    assert problem.kind == "orphans"
    problems(filled, repair=True)
    assert filled.ingest([document("harbour")]).added == ["harbour.txt"]
    assert problems(filled) == []
    assert points(filled) == whole


@pytest.mark.parametrize("visible", [False, True])
def test_work_that_was_cut_short_is_finished(filled: HierarchicalIndex, visible: bool) -> None:
    manifest = filled.store.manifest("harbour")
    assert manifest is not None
    version = manifest.version if visible else None
    cut = manifest.model_copy(update={"version": version, "settled": False})
    filled.store.put([manifest_point(cut)])
    (problem,) = problems(filled)
    assert problem.kind == "unfinished"
    assert verify(filled.store, repair=True).clean
    assert problems(filled) == []
    assert len(filled.documents()) == 3 + visible


def test_a_manifest_that_cannot_be_read_is_deleted_with_its_nodes(
    filled: HierarchicalIndex,
) -> None:
    change(filled, manifest_point_of(filled), settled={"not": "a flag"})
    (problem,) = problems(filled)
    assert (problem.kind, problem.document_id) == ("manifest", "harbour")
    assert verify(filled.store, repair=True).clean
    assert problems(filled) == []
    assert filled.ingest([document("harbour")]).added == ["harbour.txt"]


def test_points_of_others_are_reported_and_left_alone(filled: HierarchicalIndex) -> None:
    filled.engine.client.upsert(
        filled.settings.collection, [models.PointStruct(id=7, vector={}, payload={"mine": 1})]
    )
    (problem,) = problems(filled, repair=True)
    assert (problem.kind, problem.repaired) == ("foreign", False)
    assert filled.engine.client.retrieve(filled.settings.collection, [7])


def test_several_problems_are_all_reported(filled: HierarchicalIndex) -> None:
    lose_a_leaf(filled)
    put_copy(filled, leaves(filled, "orchard")[0], OTHER, version="older")
    put_copy(filled, leaves(filled, "volcano")[0], OTHER[:-1] + "2", document_id="nobody's")
    assert sorted(found.kind for found in problems(filled)) == ["damaged", "leftover", "orphans"]
    found = verify(filled.store, repair=True)
    assert [problem.kind for problem in found.unrepaired] == ["damaged"]


# While others write


def test_a_document_that_is_being_written_is_no_damage(
    filled: HierarchicalIndex, embedding: WordEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[Problem]] = []
    put = filled.store.put

    def put_and_look(written: list[models.PointStruct]) -> None:
        put(written)
        found.append(problems(filled))

    monkeypatch.setattr(filled.store, "put", put_and_look)
    filled.ingest([document("harbour", text_of("pier")), document("lagoon")])
    monkeypatch.undo()
    assert found and not any(found)
    assert problems(filled) == []


def test_a_document_that_changes_under_the_check_is_looked_at_again(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    scroll = filled.engine.client.scroll
    calls = 0

    def scroll_and_change(*args: object, **kwargs: object) -> object:
        nonlocal calls
        answer = scroll(*args, **kwargs)  # type: ignore[arg-type]
        calls += 1
        if calls == 1:
            monkeypatch.undo()
            filled.ingest([document("harbour", text_of("pier"))])
            filled.remove("orchard")
        return answer

    monkeypatch.setattr(filled.engine.client, "scroll", scroll_and_change)
    assert problems(filled) == []


def test_the_collections_own_point_is_known(filled: HierarchicalIndex) -> None:
    filled.store.put([fingerprint_point(filled.store.fingerprint())])
    assert problems(filled) == []
