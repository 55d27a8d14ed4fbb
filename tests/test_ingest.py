"""What may be handed over to be indexed, and that nothing of it is lost or mistaken."""

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import Document, ImageDocument, NodeWithScore, TextNode
from qdrant_client import models

from indexes.errors import DocumentError, ModelError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.namespace import OURS, ours, theirs
from indexes.progress import IngestReport, Progress
from tests.fakes import WordEmbedding

COLLIDING = {
    "start": 10.5,
    "end": "noon",
    "level": "beginner",
    "score": None,
    "title": "My film",
    "source": "film.mp4",
    "text": "a subtitle",
    "kind": "leaf",
    "document_id": "theirs",
    "pages": "all",
    "version": 3,
    "metadata": {"deep": [1, {"x": None}]},
    "tags": ["a", "b"],
    "ratio": 1.0,
    "big": 2**70,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a letter, and with files that nobody asked to be indexed."""
    folder = tmp_path / "here"
    for name in ("letters/a.md", "letter.md", "private-diary.md", "notes/salary.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"The otter of {name} came at dusk.")
    monkeypatch.chdir(folder)
    return folder


def stored(index: HierarchicalIndex) -> dict[str, Any]:
    """Each document's metadata as it comes back, by id."""
    return {manifest.document_id: manifest.metadata for manifest in index.documents()}


# One thing, or many


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ("letter.md", ["letter.md"]),
        ("./letters", ["a.md"]),
        (Path("letters"), ["a.md"]),
        ({"letter.md"}, ["letter.md"]),
        (("letters/a.md", Path("letter.md")), ["a.md", "letter.md"]),
        (Document(text="An otter.", id_="one"), ["one"]),
        (TextNode(text="An otter.", id_="one"), ["one"]),
        (NodeWithScore(node=TextNode(text="An otter.", id_="one"), score=1.0), ["one"]),
        (LangChainDocument(page_content="An otter.", id="one"), ["one"]),
        ([LangChainDocument(page_content="x", metadata={"source": "s"}), "letter.md"],
         ["s", "letter.md"]),
        ((Document(text=f"Otter {n}", id_=str(n)) for n in range(2)), ["0", "1"]),
        ([], []),
    ],
)  # fmt: skip
def test_one_path_one_document_or_any_mixture(
    index: HierarchicalIndex, here: Path, given: Any, added: list[str]
) -> None:
    report = index.ingest(given)
    assert report.added == added
    assert (report.failed, report.skipped) == ([], [])
    assert len(index.documents()) == len(added)


@pytest.mark.parametrize(
    "given",
    [
        b"letter.md", bytearray(b"x"), None, 7, 2.5, True, {"text": "x"}, io.StringIO("letter.md"),
        "", "  ", [None], ["letter.md", b"letter.md"], [["letter.md"]], [7], object(),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused_before_anything_is_read(
    index: HierarchicalIndex, here: Path, given: Any
) -> None:
    with pytest.raises(SettingsError) as caught:
        index.ingest(given)
    assert "\n" not in str(caught.value)
    assert index.documents() == []


def test_a_path_that_is_not_there_is_reported(index: HierarchicalIndex, here: Path) -> None:
    report = index.ingest("no-such-folder/")
    assert report.added == []
    [(name, why)] = report.failed
    assert (name, "no such file" in why) == ("no-such-folder", True)


@pytest.mark.parametrize("workers", [-1, 1.5, True, "2"])
def test_workers_are_a_number_of_processes(index: HierarchicalIndex, workers: Any) -> None:
    with pytest.raises(SettingsError, match="workers="):
        index.ingest([], workers=workers)


@pytest.mark.parametrize("shard", ["1/2", 1, (1,), (1, 2, 3), (1.0, 2), (True, 2), None])
def test_a_shard_is_two_numbers(index: HierarchicalIndex, shard: Any) -> None:
    with pytest.raises(SettingsError, match="shard"):
        index.ingest([], shard=shard)


# Nothing is lost


def test_every_door_gives_back_the_metadata_as_it_was(index: HierarchicalIndex) -> None:
    text = "The newt sang ten seconds into the film."
    index.ingest(Document(text=text, id_="film", metadata=dict(COLLIDING)))
    [node] = index.retriever("parent").retrieve("newt")
    [source] = index.query_engine("parent").query("newt").source_nodes
    [context] = index.ask("newt").contexts
    for found in (node.node, source.node):
        assert theirs(found.metadata) == COLLIDING
        assert found.ref_doc_id == ours(found.metadata)["document_id"] == "film"
        assert (found.start_char_idx, found.end_char_idx) == (0, len(text))
        assert found.get_content() == text
    assert context.metadata == COLLIDING
    assert (context.document_id, context.document, context.title) == ("film", "film.mp4", "My film")
    assert (context.start, context.end, context.level) == (0, len(text), 2)
    assert index.verify().clean


def test_values_that_json_has_not_come_back_as_its_nearest(index: HierarchicalIndex) -> None:
    @dataclass
    class Odd:
        name: str = "odd"

    index.ingest(
        Document(
            text="A newt.",
            id_="n",
            metadata={
                "day": date(2024, 1, 2),
                "at": datetime(2024, 1, 2, 3, 4, 5),
                "path": Path("a/b"),
                "pair": (1, 2),
                "few": {3},
                "count": np.int64(9),
                "row": np.array([1.5, 2.5]),
                "missing": float("nan"),
                "odd": Odd(),
                "text": "a\0b\ud800",
            },
        )
    )
    assert stored(index)["n"] == {
        "day": "2024-01-02",
        "at": "2024-01-02T03:04:05",
        "path": "a/b",
        "pair": [1, 2],
        "few": [3],
        "count": 9,
        "row": [1.5, 2.5],
        "missing": None,
        "odd": str(Odd()),
        "text": "a\ufffdb\ufffd",
    }


def test_what_a_model_may_see_is_as_the_caller_said(index: HierarchicalIndex) -> None:
    index.ingest(
        Document(
            text="A newt.",
            id_="n",
            metadata={"year": 2021, "secret": "s", "summary": "long " * 1000},
            excluded_llm_metadata_keys=["secret"],
        )
    )
    [node] = index.retriever("regular").retrieve("newt")
    from llama_index.core.schema import MetadataMode

    assert node.node.get_content(MetadataMode.LLM) == "year: 2021\n\nA newt."
    assert OURS in node.node.excluded_embed_metadata_keys


def test_our_key_in_a_document_is_not_stored_as_the_users(index: HierarchicalIndex) -> None:
    index.ingest(Document(text="A newt.", id_="n", metadata={"a": 1, OURS: {"start": 7, "x": "y"}}))
    assert stored(index) == {"n": {"a": 1}}
    [context] = index.ask("newt").contexts
    assert (context.start, context.metadata) == (0, {"a": 1})


def test_long_metadata_is_kept_once_and_not_with_every_leaf(index: HierarchicalIndex) -> None:
    text = " ".join(f"Newt {n} was counted in the pond." for n in range(300))
    long = {"abstract": "word " * 40_000, "year": 2021, "acl": ["staff", "board"]}
    report = index.ingest(Document(text=text, id_="big", metadata=long))
    assert report.leaves > 50
    found, _ = index.engine.client.scroll(index.settings.collection, limit=1000)
    sizes = [len(str(point.payload)) for point in found]
    assert sum(size > 100_000 for size in sizes) == 1
    assert sum(sizes) < 200_000 + 2_000 * len(sizes)
    assert stored(index)["big"] == long
    wanted = models.Filter(
        must=[models.FieldCondition(key="metadata.acl", match=models.MatchValue(value="board"))]
    )
    assert index.retriever("parent", filters=wanted).retrieve("newt")


@pytest.mark.parametrize("metadata", [{"a": "x" * 5_000_000}, None])
def test_metadata_without_end_fails_with_its_document_only(
    index: HierarchicalIndex, metadata: dict[str, Any] | None
) -> None:
    if metadata is None:
        metadata = {}
        metadata["self"] = metadata
    good, bad = Document(text="A newt.", id_="good"), Document(text="A toad.", id_="bad")
    bad.metadata = metadata
    report = index.ingest([bad, good])
    assert (report.added, report.document_ids) == (["good"], ["good"])
    [(name, why)] = report.failed
    assert (name, "metadata" in why) == ("bad", True)


# Ids


def rows(count: int = 4) -> list[LangChainDocument]:
    return [
        LangChainDocument(page_content=f"name: newt {n}", metadata={"source": "t.csv", "row": n})
        for n in range(count)
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_rows_of_one_file_are_all_kept(index: HierarchicalIndex, at_once: bool) -> None:
    if at_once:
        report = index.ingest(rows())
        assert (report.added, len(set(report.document_ids))) == (["t.csv"] * 4, 4)
    else:
        for row in rows():
            assert index.ingest(row).added == ["t.csv"]
    assert len(index.documents()) == 4
    again = index.ingest(rows())
    assert (again.added, again.updated, len(again.unchanged)) == ([], [], 4)
    assert len(index.documents()) == 4


def test_splits_without_a_start_are_all_kept(index: HierarchicalIndex) -> None:
    splits = [
        LangChainDocument(page_content=f"Part {n}.", metadata={"source": "a.txt"}) for n in range(9)
    ]
    assert len(index.ingest(splits).added) == len(index.documents()) == 9


def test_equal_texts_with_other_metadata_are_two_documents(index: HierarchicalIndex) -> None:
    report = index.ingest(
        [Document(text="Nine newts.", metadata={"tenant": tenant}) for tenant in "ab"]
    )
    assert (len(report.added), report.failed) == (2, [])
    assert sorted(found["tenant"] for found in stored(index).values()) == ["a", "b"]


def test_the_same_document_twice_in_a_call_is_one(index: HierarchicalIndex) -> None:
    report = index.ingest([Document(text="Nine newts."), Document(text="Nine newts.")])
    assert (len(report.added), report.failed) == (1, [])
    assert report.skipped == [("document 2", "is the same as one before it")]
    assert report.document_ids == [index.documents()[0].document_id] * 2


def test_two_documents_under_one_id_in_a_call_are_told_apart(index: HierarchicalIndex) -> None:
    report = index.ingest([Document(text="Nine newts.", id_="n"), Document(text="Ten.", id_="n")])
    assert report.added == ["n"]
    [(name, why)] = report.failed
    assert (name, "give each its own" in why) == ("n", True)
    assert index.ask("newts").contexts[0].text == "Nine newts."


def test_an_id_that_was_given_replaces(index: HierarchicalIndex) -> None:
    index.ingest(Document(text="Nine newts.", id_="n"))
    assert index.ingest(Document(text="Nine newts.", id_="n", metadata={"a": 1})).updated == ["n"]
    assert index.ingest(Document(text="Ten newts.", id_="n")).updated == ["n"]
    assert stored(index) == {"n": {}}


def test_a_file_that_was_only_looked_at_is_the_same(index: HierarchicalIndex) -> None:
    def read(day: int) -> Document:
        about = {"file_name": "a.txt", "last_accessed_date": f"2024-01-0{day}"}
        return Document(text="A newt.", metadata=about)

    index.ingest(read(1))
    assert index.ingest(read(2)).unchanged == ["a.txt"]


# What is in


def test_blank_documents_are_skipped_with_a_note(index: HierarchicalIndex) -> None:
    pages = [
        LangChainDocument(page_content=text, metadata={"source": "a.pdf", "page": page})
        for page, text in enumerate(["A newt.", " \n", "", "A toad."])
    ]
    report = index.ingest([*pages, ImageDocument(image="aGVsbG8=")])
    assert (report.added, report.failed) == (["a.pdf", "a.pdf"], [])
    assert [why for _, why in report.skipped] == ["has no text in it"] * 3
    assert report.skipped[0][0] == "a.pdf (document 2)"


def test_every_document_is_in_one_list(index: HierarchicalIndex, here: Path) -> None:
    index.ingest(Document(text="Old.", id_="old"))
    (here / "mixed").mkdir()
    (here / "mixed" / "a.txt").write_text("A newt.")
    (here / "mixed" / "b.xyz").write_bytes(b"\0\1")
    told: list[str] = []
    report = index.ingest(
        [
            Document(text="Old.", id_="old"),
            Document(text="New.", id_="new"),
            Document(text=" "),
            "mixed",
            "missing.txt",
        ],
        on_progress=lambda step: told.append(step.event),
    )
    assert report.unchanged == ["old"]
    assert sorted(report.added) == ["a.txt", "new"]
    assert [Path(name).name for name, _ in report.skipped] == ["document 3", "b.xyz"]
    assert [name for name, _ in report.failed] == ["missing.txt"]
    assert len(report.document_ids) == 3
    assert {"skipped", "stored", "unchanged", "failed", "done"} <= set(told)


@dataclass
class Quota:
    """Lets so many texts be embedded."""

    left: int
    seen: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> list[float]:
        if len(self.seen) >= self.left:
            raise RuntimeError("quota exceeded:\ntry later")
        self.seen.append(text)
        return WordEmbedding()._embed(text)


class Limited(WordEmbedding):
    """An embedding whose quota ends."""

    quota: Any = None

    def _get_text_embedding(self, text: str) -> list[float]:
        return list(self.quota(text))


@pytest.mark.slow
def test_an_ingestion_that_breaks_off_tells_what_is_in(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.ingestion._SLICE", 4)
    limited = Limited(quota=Quota(40))
    broken = HierarchicalIndex(index.settings, engine=index.engine, embedding=limited)
    given = [Document(text=f"Newt {n}.", id_=f"n{n}") for n in range(60)]
    with pytest.raises(
        ModelError, match=r"quota exceeded: try later.*\(\d+ stored before"
    ) as caught:
        broken.ingest(given)
    report = caught.value.report
    assert isinstance(report, IngestReport)
    there = {manifest.document_id for manifest in index.documents()}
    assert set(report.document_ids) == there
    assert 0 < len(there) < 60
    assert len(index.ingest(given).unchanged) == len(there)
    assert len(index.documents()) == 60


# Async


async def test_ingesting_is_awaitable(index: HierarchicalIndex, here: Path) -> None:
    assert (await index.aingest("letter.md")).added == ["letter.md"]
    with pytest.raises(SettingsError):
        await index.aingest(None)  # type: ignore[arg-type]

    async def pages() -> Any:
        for n in range(3):
            yield Document(text=f"Newt {n}.", id_=f"n{n}")

    assert (await index.aingest(pages())).document_ids == ["n0", "n1", "n2"]


@pytest.mark.slow
async def test_cancelling_leaves_whole_documents(index: HierarchicalIndex) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def documents() -> Iterator[Document]:
        for n in range(100_000):
            yield Document(text=f"Newt {n}.", id_=f"n{n}")

    def tell(step: Progress) -> None:
        if step.event == "stored":
            loop.call_soon_threadsafe(begun.set)

    task = asyncio.create_task(index.aingest(documents(), on_progress=tell))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    there = index.documents()
    assert 0 < len(there) < 100_000
    assert index.ingest(Document(text="Newt 0.", id_="n0")).unchanged == ["n0"]
    assert index.verify().clean


async def test_cancelling_waits_for_no_more_than_the_model_takes_at_once(
    index: HierarchicalIndex, embedding: WordEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, asked = asyncio.get_running_loop(), []
    begun, cancelled = asyncio.Event(), threading.Event()
    vectors_of = WordEmbedding._get_text_embeddings

    def slow(self: WordEmbedding, texts: list[str]) -> list[list[float]]:
        asked.append(len(texts))
        loop.call_soon_threadsafe(begun.set)
        assert cancelled.wait(60)
        return vectors_of(self, texts)

    monkeypatch.setattr(WordEmbedding, "_get_text_embeddings", slow)
    monkeypatch.setattr(embedding, "embed_batch_size", 40)
    text = " ".join(f"Newt {n} is found in the pond at the mill." for n in range(600))
    task = asyncio.create_task(index.aingest(Document(text=text, id_="newts")))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    cancelled.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked == [40]
    assert index.documents() == []


# Removing


def test_removing_several_is_all_or_none(index: HierarchicalIndex) -> None:
    index.ingest([Document(text=f"Newt {n}.", id_=f"n{n}") for n in range(5)])
    with pytest.raises(DocumentError, match="no document is called 'nobody'"):
        index.remove(["n0", "nobody"])
    assert len(index.documents()) == 5
    gone = index.remove(["n0", "n3", "n0"])
    assert [manifest.document_id for manifest in gone] == ["n0", "n3"]
    assert sorted(stored(index)) == ["n1", "n2", "n4"]
    assert index.remove([]) == []
    assert index.verify().clean


def test_a_name_of_several_documents_asks_for_an_id(index: HierarchicalIndex) -> None:
    ids = index.ingest(rows(3)).document_ids
    with pytest.raises(DocumentError, match=r"3 documents are called 't\.csv'") as caught:
        index.remove("t.csv")
    assert all(name in str(caught.value) for name in ids)
    index.remove(ids[1])
    assert len(index.documents()) == 2


def test_an_id_goes_before_another_documents_name(index: HierarchicalIndex) -> None:
    index.ingest(
        [Document(text="A.", id_="b"), Document(text="B.", id_="a", metadata={"source": "b"})]
    )
    index.remove("b")
    assert list(stored(index)) == ["a"]


def test_removing_by_name_reads_no_other_manifest(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.ingest([Document(text=f"Newt {n}.", id_=f"n{n}") for n in range(50)])
    index.ingest(Document(text="A toad.", id_="t", metadata={"source": "toads/toad.txt"}))
    points: list[object] = []
    read: Callable[..., Any] = index.engine.client.scroll

    def counted(*args: Any, **kwargs: Any) -> Any:
        found, offset = read(*args, **kwargs)
        points.extend(found)
        return found, offset

    monkeypatch.setattr(index.engine.client, "scroll", counted)
    index.remove("n7")
    assert points == []
    index.remove("toad.txt")
    assert len(points) == 1


def test_the_working_directory_is_indexed_only_by_name(
    index: HierarchicalIndex, here: Path
) -> None:
    assert len(index.ingest(os.curdir).added) == 4
