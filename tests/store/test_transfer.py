"""Collections as files, and copied from one index to another."""

import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import Document
from qdrant_client import models

import indexes.index
from app.cli.main import main
from indexes.errors import IndexMismatchError, SettingsError, StoreError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.nodes import matching
from indexes.store.upkeep import verify
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.store.test_upkeep import change, document, leaves, points, put_copy, text_of

NAMES = ("harbour", "orchard", "volcano")


@pytest.fixture
def filled(index: HierarchicalIndex) -> HierarchicalIndex:
    index.ingest([*map(document, NAMES), document("note", "Short. \u2028 Ünïcode \U0001f30b.")])
    return index


@pytest.fixture
def other(tmp_path: Path, llm: ScriptedLLM) -> Iterator[HierarchicalIndex]:
    """Another index, in another folder, whose embedding model nobody asked."""
    settings = load_settings(index=str(tmp_path / "other"), levels=LEVELS, budget=120)
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=llm) as opened:
        yield opened


def content(index: HierarchicalIndex) -> dict[str, Any]:
    """Every point with its payload and vectors, but for what tells collections apart."""
    found, _ = index.engine.client.scroll(
        index.settings.collection, limit=10_000, with_vectors=True
    )
    for point in found:
        (point.payload or {}).pop("made", None)
    return {str(point.id): (point.payload, Vectors(point.vector)) for point in found}


class Vectors:
    """A point's vectors, equal to others up to rounding: the engine normalises them anew."""

    def __init__(self, given: Any) -> None:
        given = given or {}
        self.dense = given.get("dense", [])
        sparse = given.get("bm25", models.SparseVector(indices=[], values=[]))
        self.words = dict(zip(sparse.indices, sparse.values, strict=True))

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Vectors)
        return self.words == pytest.approx(other.words) and self.dense == pytest.approx(
            other.dense, abs=1e-6
        )


def titles(index: HierarchicalIndex) -> list[str]:
    return [manifest.source for manifest in index.documents()]


class Died(BaseException):
    """The process is gone: nothing may handle this."""


def dying_after(index: HierarchicalIndex, writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the given write on, the index's engine is dead."""
    backend = index.engine.client._client
    done = 0
    for name in ("upsert", "delete"):
        original = getattr(backend, name)

        def dying(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done > writes:
                raise Died
            return _original(*args, **kwargs)

        monkeypatch.setattr(backend, name, dying)


# Copy


def test_a_copy_is_the_same_in_every_point(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    report = filled.copy_to(other)
    assert sorted(report.copied) == sorted(titles(filled))
    assert report.points == points(filled) - len(titles(filled)) - 1
    assert content(other) == content(filled)
    assert verify(other.store).clean


def test_nothing_is_embedded_for_a_copy(
    filled: HierarchicalIndex, other: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    before = len(embedding.texts)
    filled.copy_to(other)
    assert len(embedding.texts) == before
    assert other.embedding.texts == []  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_copy_answers_as_the_original_does(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    filled.copy_to(other)
    question = "Which fact is about the volcano?"
    assert [found.id for found in other.retrieve(question)[0]] == [
        found.id for found in filled.retrieve(question)[0]
    ]


@pytest.mark.slow
def test_copying_again_copies_what_changed(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    filled.copy_to(other)
    filled.ingest([document("harbour", text_of("pier", 20))])
    report = filled.copy_to(other)
    assert (report.copied, len(report.unchanged)) == (["harbour.txt"], 3)
    assert content(other) == content(filled)


@pytest.mark.slow
def test_what_the_target_holds_besides_stays(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    filled.copy_to(other)
    other.ingest([document("lagoon")])
    filled.copy_to(other)
    assert "lagoon.txt" in titles(other)
    assert verify(other.store).clean


@pytest.mark.slow
def test_large_documents_travel_in_pages(
    filled: HierarchicalIndex, other: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("scan.PAGE", "transfer._GROUP_LEAVES", "transfer._GROUP_DOCUMENTS"):
        monkeypatch.setattr(f"indexes.store.{name}", 3)
    steps: list[Any] = []
    filled.copy_to(other, on_progress=steps.append)
    assert content(other) == content(filled)
    assert len(steps) > 10
    assert (steps[-1].done, steps[-1].known) == (4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(8))
def test_a_copy_that_dies_shows_no_half_document_and_can_go_on(
    filled: HierarchicalIndex,
    other: HierarchicalIndex,
    writes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indexes.store.transfer._GROUP_DOCUMENTS", 2)
    other.ingest([document("harbour", text_of("harbour", 9)), document("lagoon")])
    with monkeypatch.context() as dying:
        dying_after(other, writes, dying)
        with pytest.raises(Died):
            filled.copy_to(other)
    old, new = text_of("harbour", 9), text_of("harbour")
    for name in titles(other):
        shown = shown_text(other, name)
        stem = name.removesuffix(".txt")
        assert shown in ((old, new) if stem == "harbour" else (shown_text(filled, name),)) or (
            stem == "lagoon"
        )
    filled.copy_to(other)
    assert verify(other.store).clean
    other.remove("lagoon.txt")
    assert content(other) == content(filled)


def shown_text(index: HierarchicalIndex, source: str) -> str:
    """A document as queries see it, put together from its passages."""
    contexts, _ = index.retrieve("fact about the short " + source, "parent", budget=100_000)
    found = sorted((c.start, c.text) for c in contexts if c.document == source)
    return "".join(text for _, text in found)


@pytest.mark.slow
def test_damaged_documents_are_reported_and_not_copied(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    filled.engine.client.delete(filled.settings.collection, [leaves(filled, "orchard")[0].id])
    report = filled.copy_to(other)
    (failed,) = report.failed
    assert failed == ("orchard.txt", "1 of 16 leaves are missing")
    assert "orchard.txt" not in titles(other)
    assert len(titles(other)) == 3
    assert verify(other.store).clean
    verify(filled.store, repair=True)
    assert filled.copy_to(other).failed == [("orchard.txt", "it is damaged")]


@pytest.mark.slow
def test_a_document_that_changes_under_the_copy_is_copied_as_it_is_then(
    filled: HierarchicalIndex, other: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = other.store.put
    changed = False

    def put_and_change(written: Any) -> None:
        nonlocal changed
        put(written)
        if not changed and len(written) > 1:
            changed = True
            filled.ingest([document("harbour", text_of("pier", 20))])
            filled.remove("orchard.txt")

    monkeypatch.setattr("indexes.store.scan.PAGE", 5)
    monkeypatch.setattr(other.store, "put", put_and_change)
    filled.copy_to(other)
    assert verify(other.store).clean
    assert shown_text(other, "harbour.txt") == text_of("pier", 20)
    filled.copy_to(other)
    assert set(titles(filled)) <= set(titles(other))


def test_unfinished_and_foreign_points_are_not_copied(
    filled: HierarchicalIndex, other: HierarchicalIndex
) -> None:
    stray = "00000000-0000-0000-0000-000000000001"
    put_copy(filled, leaves(filled, "harbour")[0], stray, version="older")
    filled.engine.client.upsert(
        filled.settings.collection, [models.PointStruct(id=7, vector={}, payload={})]
    )
    filled.copy_to(other)
    assert verify(other.store).clean
    assert len(titles(other)) == 4


def test_other_models_and_chunk_sizes_refuse_the_copy(
    filled: HierarchicalIndex, other: HierarchicalIndex, tmp_path: Path
) -> None:
    settings = load_settings(index=str(tmp_path / "other"), levels=(256, 64))
    with HierarchicalIndex(settings, embedding=WordEmbedding()) as resized:
        resized.ingest([document("lagoon")])
        with pytest.raises(IndexMismatchError, match="chunk sizes 256,64, not 96,48,24"):
            filled.copy_to(resized)


def test_a_collection_is_not_copied_onto_itself(filled: HierarchicalIndex) -> None:
    with pytest.raises(SettingsError, match="onto itself"):
        filled.copy_to(filled)


def test_a_collection_is_copied_to_another_in_the_same_folder(filled: HierarchicalIndex) -> None:
    settings = load_settings(index=filled.settings.index, collection="second")
    with HierarchicalIndex(settings, engine=filled.engine, embedding=WordEmbedding()) as second:
        filled.copy_to(second)
        assert content(second) == content(filled)


# Export and import


@pytest.fixture
def file(filled: HierarchicalIndex, tmp_path: Path) -> Path:
    """An export of four documents."""
    path = tmp_path / "letters.jsonl"
    filled.export_file(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_an_import_is_the_same_in_every_point(
    filled: HierarchicalIndex, other: HierarchicalIndex, tmp_path: Path, name: str
) -> None:
    report = filled.export_file(tmp_path / name)
    assert (len(report.copied), report.points) == (4, points(filled) - 5)
    assert gzip.decompress((tmp_path / name).read_bytes())[:9] if name.endswith("gz") else True
    imported = other.import_file(tmp_path / name)
    assert sorted(imported.copied) == sorted(report.copied)
    assert content(other) == content(filled)
    assert verify(other.store).clean


def test_the_same_collection_makes_the_same_file(
    filled: HierarchicalIndex, file: Path, tmp_path: Path
) -> None:
    filled.export_file(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()


def test_every_line_of_an_export_is_json(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert lines[0]["format"] == "advanced-rag-patterns"
    assert lines[0]["fingerprint"]["levels"] == list(LEVELS)
    assert [line["manifest"]["source"] for line in lines if "manifest" in line]
    assert lines[-1]["points"] == len(lines) - 2 - 4


def test_importing_twice_changes_nothing(other: HierarchicalIndex, file: Path) -> None:
    other.import_file(file)
    before = content(other)
    assert len(other.import_file(file).unchanged) == 4
    assert content(other) == before


@pytest.mark.slow
def test_an_import_replaces_older_versions(
    filled: HierarchicalIndex, other: HierarchicalIndex, file: Path
) -> None:
    other.import_file(file)
    filled.ingest([document("harbour", text_of("pier", 20))])
    filled.export_file(file)
    assert other.import_file(file).copied == ["harbour.txt"]
    assert content(other) == content(filled)


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(9))
def test_an_import_that_dies_shows_no_half_document_and_can_go_on(
    filled: HierarchicalIndex,
    other: HierarchicalIndex,
    file: Path,
    writes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indexes.store.archive_reading.PAGE", 10)
    other.ingest([document("harbour", text_of("harbour", 9))])
    with monkeypatch.context() as dying:
        dying_after(other, writes, dying)
        with pytest.raises(Died):
            other.import_file(file)
    for name in titles(other):
        whole = [shown_text(filled, name)]
        assert shown_text(other, name) in [*whole, text_of("harbour", 9)]
    other.import_file(file)
    assert content(other) == content(filled)


def test_an_empty_collection_is_exported_and_imported(
    filled: HierarchicalIndex, other: HierarchicalIndex, tmp_path: Path
) -> None:
    for name in titles(filled):
        filled.remove(name)
    filled.export_file(tmp_path / "empty.jsonl")
    assert other.import_file(tmp_path / "empty.jsonl").copied == []
    here, there = other.store.fingerprint(), filled.store.fingerprint()
    assert here.model_copy(update={"made": there.made}) == there


def test_a_damaged_index_is_not_exported(filled: HierarchicalIndex, tmp_path: Path) -> None:
    change(filled, leaves(filled, "harbour")[0], text="not what it was")
    with pytest.raises(StoreError, match=r"harbour\.txt is not whole .*verify"):
        filled.export_file(tmp_path / "all.jsonl")
    assert list(tmp_path.glob("*all.jsonl*")) == [], "not even a part of a file"


def test_an_export_that_fails_leaves_the_old_file(filled: HierarchicalIndex, file: Path) -> None:
    before = file.read_bytes()
    filled.engine.client.delete(filled.settings.collection, [leaves(filled, "orchard")[0].id])
    with pytest.raises(StoreError, match="is not whole"):
        filled.export_file(file)
    assert file.read_bytes() == before


def test_importing_into_other_chunk_sizes_is_refused(file: Path, tmp_path: Path) -> None:
    settings = load_settings(index=str(tmp_path / "other"), levels=(256, 64))
    with HierarchicalIndex(settings, embedding=WordEmbedding()) as resized:
        resized.ingest([document("lagoon")])
        with pytest.raises(IndexMismatchError, match="chunk sizes 256,64, not 96,48,24"):
            resized.import_file(file)


# Files that cannot be trusted


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same export, plain and compressed."""
    folder = tmp_path_factory.mktemp("exported")
    settings = load_settings(index=str(folder / "index"), levels=LEVELS)
    with HierarchicalIndex(settings, embedding=WordEmbedding()) as index:
        index.ingest([*map(document, NAMES), document("note", "Short.")])
        for suffix in ("", ".gz"):
            index.export_file(folder / f"all{suffix}")
    return {suffix: (folder / f"all{suffix}").read_bytes() for suffix in ("", ".gz")}


@pytest.fixture
def untrusted(exported: dict[str, bytes], tmp_path: Path) -> Path:
    """An export, to be tampered with."""
    path = tmp_path / "untrusted.jsonl"
    path.write_bytes(exported[""])
    return path


def rewritten(file: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the lines of a file, and make counts and hash fit again, as an attacker would."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]
    change(lines)
    footer = lines.pop()
    footer["points"] = sum("vector" in line for line in lines)
    body = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    footer["sha256"] = hashlib.sha256(body.encode()).hexdigest()
    file.write_text(body + json.dumps(footer, separators=(",", ":")) + "\n", encoding="utf-8")


def in_payload(**fields: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda lines: first_leaf(lines)["payload"].update(fields)


def in_manifest(**fields: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda lines: lines[1]["manifest"].update(fields)


def in_fingerprint(**fields: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda lines: lines[0]["fingerprint"].update(fields)


def in_vector(**fields: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda lines: first_leaf(lines)["vector"].update(fields)


def first(kind: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return next(line for line in lines if line.get("payload", {}).get("kind") == kind)


def first_leaf(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return first("leaf", lines)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = {
    "an id of another place": lambda lines: first_leaf(lines).update(id=lines[-2]["id"]),
    "an id that is a number": lambda lines: first_leaf(lines).update(id=7),
    "the collection's id": lambda lines: first_leaf(lines).update(
        id="00000000-0000-0000-0000-000000000000"
    ),
    "a leaf less": lambda lines: lines.remove(first_leaf(lines)),
    "a leaf twice": lambda lines: lines.insert(3, first_leaf(lines)),
    "a parent twice": lambda lines: lines.insert(3, first("parent", lines)),
    "a document twice": lambda lines: lines.insert(-1, lines[1]),
    "a document less": lambda lines: lines.__delitem__(slice(1, 2)),
    "other text": in_payload(text="x" * 10),
    "text that is a number": in_payload(text=5),
    "a kind of its own": in_payload(kind="manifest"),
    "a field too many": in_payload(extra=1),
    "another document": in_payload(document_id="other"),
    "another version": in_payload(version="other"),
    "a negative place": in_payload(start=-1),
    "a huge place": in_payload(end=2**70),
    "a place that is a text": in_payload(start="0"),
    "a place that is true": in_payload(position=True),
    "metadata that is a list": in_payload(metadata=[1]),
    "metadata without end": in_payload(metadata={"a": nested(100)}),
    "metadata with a huge number": in_payload(metadata={"a": 10**30}),
    "metadata with NaN": in_payload(metadata={"a": float("nan")}),
    "metadata with infinity": in_payload(metadata={"a": float("inf")}),
    "no ancestors": in_payload(ancestors=""),
    "wrong ancestors": in_payload(ancestors="0:0-x"),
    "a short vector": in_vector(dense=[1.0, 2.0]),
    "a vector with NaN": in_vector(dense=[float("nan")] * 64),
    "a vector of texts": in_vector(dense=["1"] * 64),
    "no vector": lambda lines: first_leaf(lines)["vector"].pop("dense"),
    "a vector of another name": in_vector(other=[1.0]),
    "an index twice": in_vector(bm25={"indices": [1, 1], "values": [1.0, 1.0]}),
    "an index too large": in_vector(bm25={"indices": [2**32], "values": [1.0]}),
    "fewer values than indices": in_vector(bm25={"indices": [1, 2], "values": [1.0]}),
    "a manifest without version": in_manifest(version=None),
    "an unsettled manifest": in_manifest(settled=False),
    "a manifest of more leaves": in_manifest(leaves=99),
    "a manifest of fewer characters": in_manifest(characters=1),
    "a manifest with another title": in_manifest(title="Another"),
    "pages in disorder": in_manifest(page_starts=[5, 1]),
    "pages that are texts": in_manifest(page_starts=["5"]),
    "a manifest with a field too many": in_manifest(extra=1),
    "no dimension": in_fingerprint(dimension=0),
    "a huge dimension": in_fingerprint(dimension=10**9),
    "another dimension": in_fingerprint(dimension=65),
    "levels that rise": in_fingerprint(levels=[24, 48, 96]),
    "no levels": in_fingerprint(levels=[]),
    "embedded levels that are none": in_fingerprint(embedded_levels=[7]),
    "another format": lambda lines: lines[0].update(version=3),
    "more documents than there are": lambda lines: lines[0].update(documents=5),
    "a line that is a list": lambda lines: lines.insert(2, [1]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
def test_a_line_that_is_not_what_it_should_be_changes_nothing(
    other: HierarchicalIndex, untrusted: Path, hostile: Callable[[list[dict[str, Any]]], object]
) -> None:
    rewritten(untrusted, hostile)
    with pytest.raises(StoreError) as caught:
        other.import_file(untrusted)
    message = str(caught.value)
    assert "line " in message and "nothing was imported" in message
    assert "\n" not in message and len(message) < 600
    assert not other.store.exists()


def test_a_rewritten_file_that_is_right_is_taken(other: HierarchicalIndex, untrusted: Path) -> None:
    """The tests above change what they say they change, and nothing else."""
    rewritten(untrusted, lambda lines: None)
    assert len(other.import_file(untrusted).copied) == 4


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_file_that_is_cut_off_changes_nothing(
    exported: dict[str, bytes], other: HierarchicalIndex, tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"all.jsonl{suffix}"
    data = exported[suffix]
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(StoreError, match="nothing was imported"):
        other.import_file(path)
    assert not other.store.exists()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_flipped_bit_is_noticed(
    exported: dict[str, bytes], other: HierarchicalIndex, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"all.jsonl{suffix}"
    data = exported[suffix]
    for place in range(100, len(data), len(data) // 7):
        flipped = bytearray(data)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(StoreError, match="nothing was imported"):
            other.import_file(path)
    assert not other.store.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}\n", b"hello\n", b"\xff\xfe\x00", b"[" * 100_000 + b"\n", b"\x1f\x8b\x08"],
    ids=["nothing", "a line", "an object", "a word", "bytes", "brackets", "a gzip head"],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_other_files_are_refused(
    other: HierarchicalIndex, tmp_path: Path, data: bytes, suffix: str
) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="nothing was imported"):
        other.import_file(path)


def test_a_line_without_end_is_not_read_into_memory(
    other: HierarchicalIndex, untrusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.store.archive_reading.MAX_LINE", 1000)
    with pytest.raises(StoreError, match="is longer than 1000 bytes"):
        other.import_file(untrusted)


def test_a_file_that_is_not_there_is_named(other: HierarchicalIndex, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(StoreError, match="is not a file"):
            other.import_file(path)


def test_a_place_that_cannot_be_written_is_named(filled: HierarchicalIndex, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        filled.export_file(tmp_path / "no" / "folder" / "all.jsonl")


# The command line


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def rag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Runs `advanced-rag …` in this process, on an index with one document."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setattr(indexes.index, "build_embedding", lambda _: WordEmbedding())
    (tmp_path / "harbour.txt").write_text(text_of("harbour"), encoding="utf-8")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["app", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    assert run("ingest", "harbour.txt").code == 0
    return run


@pytest.mark.slow
def test_the_commands_count_and_verify(rag: Callable[..., Ran]) -> None:
    figures = rag("statistics", "--json").json
    assert (figures["documents"], figures["characters"]) == (1, len(text_of("harbour")))
    assert figures["fingerprint"]["embedding"] and figures["bytes_on_disk"] > 0
    assert "bytes on disk" in rag("statistics").out
    assert rag("verify").out.startswith("clean: 1 documents")
    assert rag("verify", "--json").json["clean"] is True


@pytest.mark.slow
def test_the_commands_carry_an_index_elsewhere(rag: Callable[..., Ran], tmp_path: Path) -> None:
    assert rag("export", "all.jsonl.gz", "--json").json["copied"] == ["harbour.txt"]
    assert rag("import", "all.jsonl.gz", "--index", "second").out.startswith("1 imported: ")
    assert rag("copy", "--to", "third", "--to-collection", "other").out.startswith("1 copied: ")
    assert rag("copy", "--to", "third", "--to-collection", "other", "--json").json["unchanged"] == [
        "harbour.txt"
    ]
    for place in (["second"], ["third", "--collection", "other"]):
        assert rag("verify", "--index", *place).code == 0


@pytest.mark.slow
def test_verify_ends_with_one_line_while_something_is_wrong(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    with HierarchicalIndex.open(tmp_path / "index") as index:
        found, _ = index.engine.client.scroll(
            "documents", scroll_filter=matching(kind="leaf"), limit=1
        )
        index.engine.client.delete("documents", [found[0].id])
    for arguments in ([], ["--repair"], ["--json"]):
        ran = rag("verify", *arguments)
        assert ran.code == 1
        assert ran.err.strip().splitlines()[-1].startswith("error: damaged harbour.txt: ")
    assert rag("verify", "--json").json["problems"][0]["kind"] == "damaged"
    assert rag("copy", "--to", "second").code == 1
    assert rag("ingest", "harbour.txt").code == 0
    assert rag("verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["statistics", "--index", "empty"], 1, "run `advanced-rag ingest FILES` first"),
        (["verify", "--index", "empty"], 1, "run `advanced-rag ingest FILES` first"),
        (["export", "x.jsonl", "--index", "empty"], 1, "run `advanced-rag ingest FILES` first"),
        (["export"], 2, "Missing argument 'FILE'"),
        (["import", "nowhere.jsonl"], 1, "nowhere.jsonl is not a file"),
        (["import", "harbour.txt"], 1, "this is not a file that `advanced-rag export` wrote"),
        (["copy"], 2, "Missing option '--to'"),
        (["copy", "--to", "index"], 1, "onto itself"),
        (["copy", "--to", "harbour.txt"], 1, "is a file"),
        (["copy", "--to", "http://127.0.0.1:9"], 1, "127.0.0.1:9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_end_as_one_line(rag: Callable[..., Ran], arguments, code, line) -> None:
    ran = rag(*arguments)
    assert (ran.code, ran.out) == (code, "")
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ") and line in last


@pytest.mark.parametrize("command", ["statistics", "verify", "export", "import", "copy"])
def test_help_shows_an_example(rag: Callable[..., Ran], command: str) -> None:
    ran = rag(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"advanced-rag {command}" in ran.out


@pytest.mark.slow
def test_a_key_for_one_server_is_not_sent_to_another(
    rag: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.cli.transfer import target_key

    monkeypatch.setenv("RAG_QDRANT_API_KEY", "s3cr3t")
    folder, one, two = (
        load_settings(index=place) for place in ("f", "http://one:6333", "http://two:6333")
    )
    assert target_key(one, two) is None
    for source, target in ((folder, one), (one, one)):
        found = target_key(source, target)
        assert found is not None and found.get_secret_value() == "s3cr3t"
    monkeypatch.setenv("RAG_TO_QDRANT_API_KEY", "0ther")
    found = target_key(one, two)
    assert found is not None and found.get_secret_value() == "0ther"


@pytest.mark.slow
def test_the_commands_do_not_load_the_library_for_help() -> None:
    code = (
        "import sys; sys.argv = ['app', 'copy', '--help']\n"
        "from app.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'llama_index', 'qdrant_client'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_documents_of_llamaindex_survive_the_journey(
    index: HierarchicalIndex, other: HierarchicalIndex, tmp_path: Path
) -> None:
    metadata = {"year": 2024, "ratio": 0.1, "tags": ["a", {"b": None}], "open": True}
    index.ingest([Document(text=text_of("comet"), id_="c\0omet ∞", metadata=metadata)])
    index.export_file(tmp_path / "all.jsonl")
    other.import_file(tmp_path / "all.jsonl")
    assert content(other) == content(index)
    assert verify(other.store).clean
