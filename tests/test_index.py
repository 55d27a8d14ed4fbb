"""Documents in, contexts and cited answers out: the library as a caller sees it."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty
from llama_index.core.schema import Document, MetadataMode

from indexes.answers import NOT_FOUND, Answer, Context, Retrieved, Word
from indexes.errors import (
    DocumentError,
    IndexMismatchError,
    ModelError,
    SettingsError,
    StoreError,
)
from indexes.index import HierarchicalIndex
from indexes.namespace import ours
from indexes.settings import load_settings
from indexes.store.points import Manifest
from indexes.trace import Trace
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding

TOPICS = ["harbour", "orchard", "glacier", "market", "library", "volcano"]


def text_about(topic: str, sentences: int = 30) -> str:
    return " ".join(
        f"Fact {n} about the {topic} concerns its {topic} keeper." for n in range(sentences)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for topic in TOPICS:
        (folder / f"{topic}.txt").write_text(text_about(topic), encoding="utf-8")
    return folder


def points(index: HierarchicalIndex) -> int:
    return index.engine.client.count(index.settings.collection).count


# Documents


def test_what_is_ingested_is_listed(index: HierarchicalIndex, folder: Path) -> None:
    report = index.ingest([folder])
    assert sorted(report.added) == sorted(f"{topic}.txt" for topic in TOPICS)
    listed = index.documents()
    assert [manifest.title for manifest in listed] == sorted(TOPICS)
    assert all(manifest.settled and manifest.leaves > 1 for manifest in listed)


def test_ingesting_twice_adds_and_embeds_nothing(
    index: HierarchicalIndex, folder: Path, embedding: WordEmbedding
) -> None:
    index.ingest([folder])
    before, embedded = points(index), len(embedding.texts)
    report = index.ingest([folder])
    assert (points(index), report.embedded, report.added) == (before, 0, [])
    assert len(embedding.texts) == embedded
    assert sorted(report.unchanged) == sorted(f"{topic}.txt" for topic in TOPICS)


def test_a_changed_document_replaces_its_old_version(
    index: HierarchicalIndex, folder: Path
) -> None:
    index.ingest([folder])
    (folder / "glacier.txt").write_text("The glacier is a lake of blue ice now.", encoding="utf-8")
    report = index.ingest([folder])
    assert report.updated == ["glacier.txt"]
    contexts, _ = index.retrieve("glacier")
    texts = [context.text for context in contexts if context.document == "glacier.txt"]
    assert texts == ["The glacier is a lake of blue ice now."]


def test_unchanged_chunks_of_a_changed_document_keep_their_vectors(
    index: HierarchicalIndex, folder: Path, embedding: WordEmbedding
) -> None:
    text = text_about("glacier", 60)
    (folder / "glacier.txt").write_text(text, encoding="utf-8")
    chunks = index.ingest([folder / "glacier.txt"]).embedded
    before = len(embedding.texts)
    changed = text.replace("Fact 31 about", "Myth 31 about")
    (folder / "glacier.txt").write_text(changed, encoding="utf-8")
    report = index.ingest([folder / "glacier.txt"])
    # One leaf and the parent around it.
    assert (report.embedded, report.reused) == (2, chunks - 2)
    assert all("Myth 31" in text for text in embedding.texts[before:])
    contexts, _ = index.retrieve("glacier", budget=10_000)
    assert "".join(c.text for c in sorted(contexts, key=lambda c: c.start)) == changed


def test_shards_share_the_files_between_them(index: HierarchicalIndex, folder: Path) -> None:
    parts = [set(index.ingest([folder], shard=(part, 3)).added) for part in (1, 2, 3)]
    assert sum(map(len, parts)) == len(TOPICS)
    assert set.union(*parts) == {f"{topic}.txt" for topic in TOPICS}


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0)])
def test_a_shard_that_is_none_is_refused(
    index: HierarchicalIndex, folder: Path, shard: tuple[int, int]
) -> None:
    with pytest.raises(SettingsError, match="give i/n"):
        index.ingest([folder], shard=shard)


@pytest.mark.slow
def test_files_are_parsed_in_other_processes_with_the_same_result(
    index: HierarchicalIndex, folder: Path
) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nonsense")
    report = index.ingest([folder], workers=2)
    assert sorted(report.added) == sorted(f"{topic}.txt" for topic in TOPICS)
    assert [Path(name).name for name, _ in report.failed] == ["broken.pdf"]
    assert sorted(index.ingest([folder]).unchanged) == sorted(report.added)


def test_removing_a_document_removes_every_point_of_it(
    index: HierarchicalIndex, folder: Path
) -> None:
    index.ingest([folder / "orchard.txt"])
    before = points(index)
    index.ingest([folder / "volcano.txt"])
    index.remove("volcano.txt")
    assert points(index) == before
    assert [manifest.source for manifest in index.documents()] == ["orchard.txt"]


def test_a_dropped_collection_is_made_anew(index: HierarchicalIndex) -> None:
    index.ingest([Document(text=text_about(topic), id_=topic) for topic in TOPICS])
    index.store.drop()
    assert index.documents() == []
    index.ingest([Document(text=text_about("harbour"), id_="harbour")])
    contexts, _ = index.retrieve("keeper")
    assert contexts
    assert all("harbour" in context.text for context in contexts)


def test_removing_what_is_not_there_is_an_error(index: HierarchicalIndex, folder: Path) -> None:
    index.ingest([folder])
    with pytest.raises(DocumentError, match=r"no document is called 'nope\.txt'"):
        index.remove("nope.txt")


def test_a_bad_file_is_reported_and_the_rest_goes_on(
    index: HierarchicalIndex, folder: Path
) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nonsense")
    report = index.ingest([folder])
    assert len(report.added) == len(TOPICS)
    assert sorted(Path(name).name for name, _ in report.failed) == ["broken.pdf", "empty.txt"]


def test_documents_of_llamaindex_are_taken_as_they_are(index: HierarchicalIndex) -> None:
    index.ingest([Document(text=text_about("comet"), id_="c1", metadata={"title": "On comets"})])
    (manifest,) = index.documents()
    assert (manifest.document_id, manifest.title) == ("c1", "On comets")


def test_titles_are_embedded_with_every_chunk(
    index: HierarchicalIndex, folder: Path, embedding: WordEmbedding
) -> None:
    index.ingest([folder / "market.txt"])
    assert all(text.startswith("market\n") for text in embedding.texts[1:])


def test_each_character_of_text_is_stored_once(index: HierarchicalIndex, folder: Path) -> None:
    index.ingest([folder / "market.txt"])
    found, _ = index.engine.client.scroll(index.settings.collection, limit=1000)
    stored = sorted(
        (point.payload["start"], point.payload["text"])
        for point in found
        if point.payload and "text" in point.payload
    )
    assert "".join(text for _, text in stored) == text_about("market")


# Retrieval


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_contexts_are_exact_and_fill_the_budget(
    index: HierarchicalIndex, folder: Path, pattern: str
) -> None:
    index.ingest([folder])
    contexts, trace = index.retrieve("What concerns the volcano keeper?", pattern)
    assert contexts[0].document == "volcano.txt"
    for context in contexts:
        text = (folder / context.document).read_text(encoding="utf-8")
        assert context.text == text[context.start : context.end]
    tokens = sum(context.tokens for context in contexts)
    assert 100 <= tokens <= 120
    assert trace["merge"].tokens_out == tokens


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_a_question_costs_three_round_trips_and_one_embedding(
    index: HierarchicalIndex, folder: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.ingest([folder])
    calls: list[str] = []
    wire, backend = index.engine.wire, index.engine.client._client
    read = ("query_batch_points", "query_points", "retrieve", "scroll", "count")
    for owner, name in ((wire, "search"), *((backend, name) for name in read)):
        original = getattr(owner, name)

        def counted(*args, _name=name, _original=original, **kwargs):
            calls.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)
    _, trace = index.retrieve("glacier keeper", pattern)
    assert calls == ["search"] * 3
    assert trace["search"].round_trips == 3


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
async def test_async_finds_what_sync_finds(
    index: HierarchicalIndex, folder: Path, pattern: str
) -> None:
    index.ingest([folder])
    question = "Which fact concerns the harbour?"
    awaited, _ = await index.aretrieve(question, pattern)
    assert awaited == (await asyncio.to_thread(index.retrieve, question, pattern))[0]


@pytest.mark.parametrize("search", ["dense", "bm25", "hybrid"])
def test_each_search_mode_finds_its_document(
    index: HierarchicalIndex, folder: Path, search: str
) -> None:
    index.ingest([folder])
    contexts, _ = index.retrieve("orchard", "parent", search=search)
    assert contexts[0].document == "orchard.txt"


@pytest.mark.parametrize("pattern", ["regular", "extract"])
def test_passages_come_best_first_or_in_their_documents_order(
    index: HierarchicalIndex, folder: Path, pattern: str
) -> None:
    index.ingest([folder])
    question = "Which fact concerns the glacier keeper or the market?"
    best = [n.node.node_id for n in index.retriever(pattern, budget=300).retrieve(question)]
    read = index.retriever(pattern, order="document", budget=300).retrieve(question)
    assert sorted(node.node.node_id for node in read) == sorted(best)
    places = [(node.node.ref_doc_id, ours(node.node.metadata)["start"]) for node in read]
    documents = list(dict.fromkeys(document for document, _ in places))
    assert places == sorted(places, key=lambda place: (documents.index(place[0]), place[1]))
    assert [node.node.node_id for node in read] != best


@pytest.mark.slow
def test_documents_of_equal_scores_rank_the_same_in_whatever_order_they_came(
    tmp_path: Path, embedding: WordEmbedding
) -> None:
    texts = [f"Berth {n} lies in the harbour." for n in range(30)]
    found = []
    for name, given in (("one", texts), ("two", texts[::-1])):
        with HierarchicalIndex.open(tmp_path / name, embedding=embedding) as index:
            index.ingest([Document(text=text, id_=text) for text in given])
            found.append([c.text for c in index.retrieve("Which harbour?", "regular")[0]])
    assert found[0] == found[1]


def test_a_question_of_stop_words_is_answered_by_meaning_alone(
    index: HierarchicalIndex, folder: Path
) -> None:
    index.ingest([folder])
    contexts, _ = index.retrieve("what is the", "parent")
    assert contexts


def test_words_that_occur_nowhere_find_nothing_by_words(
    index: HierarchicalIndex, folder: Path
) -> None:
    index.ingest([folder])
    assert index.retrieve("xylophone", "parent", search="bm25")[0] == []


def test_merged_passages_name_their_parent(index: HierarchicalIndex, folder: Path) -> None:
    index.ingest([folder])
    contexts, trace = index.retrieve("volcano", "parent", budget=400)
    parents = [context for context in contexts if context.level < len(LEVELS) - 1]
    assert parents and all(context.leaves > 1 and context.reason for context in parents)
    decisions = trace["merge"].details.passages
    assert [decision.id for decision in decisions] == [context.id for context in contexts]


def test_a_merged_passage_tells_the_scores_of_its_leaves(
    index: HierarchicalIndex, folder: Path
) -> None:
    index.ingest([folder])
    found = index.retriever("parent", budget=400).retrieve("What does the harbour keeper do?")
    merged = [node for node in found if ours(node.metadata)["leaves"] > 1]
    assert merged
    for node in merged:
        starts, scores = zip(*ours(node.metadata)["leaf_scores"], strict=True)
        assert len(starts) == ours(node.metadata)["leaves"]
        assert starts[0] == ours(node.metadata)["start"]
        assert list(starts) == sorted(starts)
        assert max(scores) == node.score
        assert "leaf_scores" not in node.node.get_content(MetadataMode.LLM)


def test_many_questions_at_once_are_all_answered(index: HierarchicalIndex, folder: Path) -> None:
    index.ingest([folder])

    async def ask_all() -> list[Answer]:
        return await asyncio.gather(*(index.aask(f"about the {topic}") for topic in TOPICS))

    for topic, answer in zip(TOPICS, asyncio.run(ask_all()), strict=True):
        assert answer.contexts[0].document == f"{topic}.txt"
        assert [stage.name for stage in answer.trace.stages] == [
            "embed question",
            "search",
            "merge",
            "quote",
            "answer",
            "cite",
        ]


# Answers


def test_an_answer_streams_and_ends_whole(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    llm.enqueue("The keeper keeps it [1].")
    events = list(index.stream("Who keeps the library?"))
    assert isinstance(events[0], Retrieved)
    words = [event.text for event in events[1:-1] if isinstance(event, Word)]
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert "".join(words) == answer.answer == "The keeper keeps it [1]."
    assert answer.contexts == events[0].contexts


def test_citations_lead_to_document_and_offsets(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    llm.enqueue("A thing [1], more things 【1, 2】, one [Passage 2], and a wrong number [99].")
    answer = index.ask("library", "regular")
    assert [citation.context for citation in answer.citations] == [1, 1, 2, 2]
    first = answer.citations[0]
    assert answer.answer[first.answer_start : first.answer_end] == "[1]"
    assert (first.document, first.start) == ("library.txt", answer.contexts[0].start)
    assert first.origin == "model"


def test_an_answer_without_markers_is_cited_by_similarity(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    llm.enqueue("Fact 3 about the library concerns its library keeper. Bananas are yellow!")
    answer = index.ask("library fact 3")
    (citation,) = answer.citations
    assert citation.origin == "similarity"
    text = text_about("library")[citation.start : citation.end]
    assert "about the library concerns its library keeper." in text
    assert answer.trace["cite"].details.origin == "similarity"


def test_a_sentence_whose_marker_is_refused_is_cited_by_similarity(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    contexts, _ = index.retrieve("library fact 3", "regular")
    right = next(one.number for one in contexts if "Fact 3 " in one.text)
    wrong = next(one.number for one in contexts if "Fact 3 " not in one.text)
    llm.enqueue(
        f"- Fact 3 about the library concerns its library keeper. [{wrong}]\n- It is kept [1]."
    )
    answer = index.ask("library fact 3", "regular")
    assert [(one.origin, one.context) for one in answer.citations] == [
        ("similarity", right),
        ("model", 1),
    ]
    assert answer.trace["cite"].details.refused == 1


def test_nothing_found_is_said_without_asking_the_model(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    answer = index.ask("xylophone", search="bm25")
    assert (answer.answer, answer.contexts, llm.prompts) == (NOT_FOUND, [], [])


def test_passages_beyond_the_models_window_are_left_out_and_said_so(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    llm.context_window = 900
    answer = index.ask("library market", budget=2000)
    assert "window of 900 tokens" in answer.trace["answer"].details.left_out
    # Some models say this where they don't know.
    llm.context_window = -1
    assert not index.ask("library market", budget=2000).trace["answer"].details.left_out


def test_a_failing_model_is_a_model_error(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    llm.enqueue(ModelError("the model is out: start it"))
    with pytest.raises(ModelError, match="the model is out"):
        index.ask("library")


def test_it_is_a_llamaindex_query_engine(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    response = index.query_engine("parent").query("Who keeps the harbour?")
    assert str(response) == "Scripted answer [1]."
    assert response.source_nodes[0].metadata["source"] == "harbour.txt"


# Mistakes


def test_asking_before_anything_is_indexed_names_the_command(index: HierarchicalIndex) -> None:
    with pytest.raises(StoreError, match="advanced-rag ingest"):
        index.retrieve("anything")


@pytest.mark.parametrize("question", ["", "  \n", "x" * 5000])
def test_unfit_questions_are_refused(index: HierarchicalIndex, folder: Path, question: str) -> None:
    index.ingest([folder])
    with pytest.raises(SettingsError, match="question"):
        index.retrieve(question)


def test_an_unknown_pattern_names_those_there_are(index: HierarchicalIndex) -> None:
    with pytest.raises(SettingsError, match="choose one of regular, parent"):
        index.retriever("parents")


def test_other_chunk_sizes_are_refused(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    settings = load_settings(index=index.settings.index, levels=(256, 64))
    resized = HierarchicalIndex(settings, engine=index.engine, embedding=WordEmbedding(), llm=llm)
    with pytest.raises(IndexMismatchError, match="chunk sizes 96,48,24, not 256,64"):
        resized.ingest([folder])


def test_chunk_sizes_come_from_the_collection_unless_set(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    index.ingest([folder])
    settings = load_settings(index=index.settings.index)
    again = HierarchicalIndex(settings, engine=index.engine, embedding=WordEmbedding(), llm=llm)
    assert len(again.ingest([folder]).unchanged) == len(TOPICS)


def test_leaves_that_the_embedding_model_cannot_read_are_refused(
    tmp_path: Path, embedding: WordEmbedding
) -> None:
    settings = load_settings(index=str(tmp_path / "index"), levels=(2048, 1024))
    with (
        HierarchicalIndex(settings, embedding=embedding) as index,
        pytest.raises(SettingsError, match="RAG_LEVELS"),
    ):
        index.ingest([])


# Transactions


def visible(index: HierarchicalIndex) -> dict[str, str]:
    """What queries can see: every document's text, put together from whole passages."""
    contexts, _ = index.retrieve(" ".join(TOPICS), "parent", budget=100_000)
    texts: dict[str, str] = {}
    for context in sorted(contexts, key=lambda context: (context.document, context.start)):
        texts[context.document] = texts.get(context.document, "") + context.text
    return texts


@pytest.mark.parametrize("cut_after", range(1, 9))
def test_an_ingest_that_dies_leaves_the_old_version_or_the_new_one(
    index: HierarchicalIndex, folder: Path, cut_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = text_about("volcano"), text_about("volcano", 55).replace("Fact", "Legend")
    index.ingest([folder / "volcano.txt", folder / "market.txt"])
    settled = points(index)
    (folder / "volcano.txt").write_text(new, encoding="utf-8")

    class Died(BaseException):
        """The process is gone: nothing below may handle this."""

    writes = 0
    backend = index.engine.client._client
    for name in ("upsert", "delete"):
        original = getattr(backend, name)

        def dying(*args, _original=original, **kwargs):
            nonlocal writes
            writes += 1
            if writes > cut_after:
                raise Died
            return _original(*args, **kwargs)

        monkeypatch.setattr(backend, name, dying)
    with contextlib.suppress(Died):
        index.ingest([folder / "volcano.txt"])
    monkeypatch.undo()

    reopened = HierarchicalIndex(
        index.settings, engine=index.engine, embedding=WordEmbedding(), llm=ScriptedLLM()
    )
    seen = visible(reopened)
    assert seen["market.txt"] == text_about("market")
    assert seen["volcano.txt"] in (old, new)

    reopened.ingest([folder / "volcano.txt"])
    assert visible(reopened)["volcano.txt"] == new
    manifests: list[Manifest] = reopened.documents()
    assert all(manifest.settled for manifest in manifests)
    (folder / "volcano.txt").write_text(old, encoding="utf-8")
    reopened.ingest([folder / "volcano.txt"])
    assert points(reopened) == settled, "something was left behind"


def test_an_outline_shows_the_tree_and_its_text(index: HierarchicalIndex, tmp_path: Path) -> None:
    text = "\n\n".join(f"Paragraph {n} tells of the harbour and its boats." for n in range(40))
    (tmp_path / "harbour.txt").write_text(text, encoding="utf-8")
    index.ingest([tmp_path / "harbour.txt"])
    (manifest,) = index.documents()
    outline = index.outline(manifest.document_id)
    assert outline.whole
    assert outline.text(0, len(text)) == text
    assert outline.text(30, 90) == text[30:90]
    assert outline.sections[0].start == 0
    root = outline.sections[0]
    assert root.children
    assert root.end == root.children[-1].end
    short = index.outline(manifest.document_id, most=3)
    assert (len(short.leaves), short.whole) == (3, False)


def test_an_outline_of_no_document_says_so(index: HierarchicalIndex) -> None:
    with pytest.raises(DocumentError, match="no document has the id"):
        index.outline("nobody")


def test_a_trace_shows_the_best_leaves_with_their_scores(
    index: HierarchicalIndex, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The harbour closes at nine. " * 60, encoding="utf-8")
    index.ingest([tmp_path / "a.txt"])
    for pattern in ("regular", "parent", "parent-ratio"):
        _, trace = index.retrieve("When does the harbour close?", pattern)
        details = trace["merge"].details
        ranked = details.ranked
        scores = [row.score for row in ranked]
        assert scores == sorted(scores, reverse=True), pattern
        assert {leaf for row in details.passages for leaf in row.leaves}, pattern
        assert any(row.hit for row in ranked), pattern
        assert Trace.model_validate_json(trace.model_dump_json()) == trace


def test_an_answer_in_a_notebook_is_its_words_and_where_they_are_from() -> None:
    contexts = [
        Context(
            number=number, document=name, start=0, end=1, text="x", score=1, level=0, place=place
        )
        for number, name, place in (
            (1, "a.pdf", "pages 2-3"),
            (1, "a.pdf", "pages 2-3"),
            (2, "b.md", ""),
        )
    ]
    answer = Answer(question="?", pattern="parent", answer="It rose [1].", contexts=contexts)
    assert str(answer) == "It rose [1].\n[1] a.pdf, pages 2-3\n[2] b.md"
    answer.finish_note = "ask again"
    assert pretty(answer) == "It rose [1].\nask again\n[1] a.pdf, pages 2-3\n[2] b.md"
    assert "contexts=" in repr(answer)
