"""Other frameworks' retrievers as lanes: same documents, engine, models and budget."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.utils import globals_helper

from indexes.errors import ModelError, SettingsError, StoreError
from indexes.evaluation.lanes import lane_names, open_lane
from indexes.evaluation.peers import describe_peer, open_peer, peer_names
from indexes.evaluation.peers.texts import PeerPassage, Text, fill, located, quotes, text_of
from indexes.index import HierarchicalIndex
from indexes.progress import Progress
from indexes.tokens import count_tokens
from tests.benchmarks.fixed import token_chunks
from tests.fakes import ScriptedLLM, WordEmbedding

QUESTION = "Who looked after the lamp?"
QUIET = [name for name in peer_names() if not describe_peer(name).uses_llm]


def texts() -> dict[str, str]:
    """Repetitive enough to be found in the wrong place, long enough to have parents."""
    return {
        f"{topic}.md": "\n\n".join(
            f"Part {n} of the {topic}. The keeper looked after the {topic}. "
            f"He wrote about it, as always — in line {n}."
            for n in range(60)
        )
        for topic in ("lamp", "roses", "bees")
    }


@pytest.fixture
def filled(index: HierarchicalIndex, tmp_path: Path) -> HierarchicalIndex:
    for name, text in texts().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    index.ingest([tmp_path / name for name in texts()])
    return index


@pytest.mark.slow
@pytest.mark.parametrize("name", QUIET)
def test_a_peer_fills_the_budget_with_the_documents_own_words(
    filled: HierarchicalIndex, name: str
) -> None:
    contexts, trace = open_peer(name, filled).retrieve(QUESTION, budget=700)
    if name == "langchain-embeddings-filter":
        return  # nothing is as similar as its threshold: that is its result
    tokens = sum(context.tokens for context in contexts)
    assert tokens <= 700
    if "-k" not in name and "filter" not in name:
        assert tokens > 500
    for context in contexts:
        assert context.text == texts()[context.document][context.start : context.end]
        assert context.tokens == count_tokens(context.text)
    assert trace["search"].nodes_out


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in QUIET if name.startswith("llamaindex")][:2])
def test_files_that_nltk_refuses_to_read_stop_no_lane(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refused(*_: object, **__: object) -> list[str]:
        raise PermissionError("refusing multiply-linked file")

    monkeypatch.setattr("nltk.corpus.reader.wordlist.WordListCorpusReader.words", refused)
    monkeypatch.setattr(globals_helper, "_punkt_tokenizer", None)
    contexts, _ = open_peer(name, filled).retrieve(QUESTION, budget=700)
    assert contexts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["langchain-regular-hybrid", "langchain-parent-hybrid"])
def test_passages_of_equal_scores_come_in_one_order_whatever_the_engine_s(
    filled: HierarchicalIndex, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langchain_qdrant import QdrantVectorStore

    searched = QdrantVectorStore.similarity_search_with_score
    shuffle = random.Random(7).shuffle

    found: list[tuple[Any, float]] = []

    def in_any_order(*args: Any, **options: Any) -> list[tuple[Any, float]]:
        # Once: which of those with equal scores are among the first so many is chance.
        if not found:
            found.extend((chunk, 0.5) for chunk, _ in searched(*args, **options))
        shuffle(found)
        return list(found)

    monkeypatch.setattr(QdrantVectorStore, "similarity_search_with_score", in_any_order)
    peer = open_peer(name, filled)
    answers = [
        [(context.document, context.start) for context in peer.retrieve(QUESTION, budget=300)[0]]
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.slow
async def test_async_gives_the_same(filled: HierarchicalIndex) -> None:
    peer = open_peer("langchain-parent", filled)
    expected, _ = peer.retrieve(QUESTION, budget=300)
    found, _ = await peer.aretrieve(QUESTION, budget=300)
    assert found == expected


def test_what_was_embedded_is_not_embedded_again(filled: HierarchicalIndex) -> None:
    assert open_peer("langchain-parent", filled).prepare() == 3
    again = open_peer("langchain-parent", filled)
    embedding: WordEmbedding = filled.embedding
    before = len(embedding.texts)
    assert again.prepare() == 0
    contexts, _ = again.retrieve(QUESTION, budget=300)
    assert contexts
    assert len(embedding.texts) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["langchain-regular", "langchain-parent", "llamaindex-auto-merging"]
)
def test_a_peer_follows_its_index(filled: HierarchicalIndex, tmp_path: Path, name: str) -> None:
    peer = open_peer(name, filled)
    peer.prepare()
    (tmp_path / "lamp.md").write_text("The lamp is gone. Nobody looked after it.", "utf-8")
    filled.ingest([tmp_path / "lamp.md"])
    filled.remove("bees.md")
    contexts, _ = peer.retrieve(QUESTION, budget=10_000)
    assert {context.document for context in contexts} == {"lamp.md", "roses.md"}
    assert "The lamp is gone." in " ".join(context.text for context in contexts)
    assert not any("Part 3 of the lamp" in context.text for context in contexts)
    # What is left of the old is not in the engine either.
    fresh, _ = open_peer(name, filled).retrieve(QUESTION, budget=10_000)
    assert {context.text for context in fresh} == {context.text for context in contexts}


@pytest.mark.slow
def test_progress_is_told(filled: HierarchicalIndex) -> None:
    steps: list[Progress] = []
    open_peer("langchain-regular", filled).prepare(steps.append)
    assert [(step.done, step.known) for step in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert {step.what for step in steps} == {"langchain-regular"}


@pytest.mark.slow
def test_peers_leave_the_index_itself_alone(filled: HierarchicalIndex) -> None:
    before = filled.statistics()
    open_peer("langchain-regular", filled).prepare()
    assert filled.statistics() == before
    assert filled.verify().clean


def test_an_empty_index_says_so(index: HierarchicalIndex) -> None:
    with pytest.raises(StoreError, match="nothing is indexed"):
        open_peer("langchain-regular", index).retrieve(QUESTION)


# Compressors that ask a model


@pytest.mark.slow
def test_an_extractors_own_words_have_no_place(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue("The keeper looked after the lamp.", "I think it was the keeper.", "NO_OUTPUT")
    llm.enqueue(*["NO_OUTPUT"] * 9)
    contexts, trace = open_peer("langchain-extract", filled).retrieve(QUESTION, budget=650)
    quoted, invented = contexts
    assert texts()[quoted.document][quoted.start : quoted.end] == quoted.text
    assert invented.start == invented.end
    assert "model's own words" in invented.reason
    stage = trace["extract"]
    assert stage.llm_calls == len(llm.prompts) == stage.nodes_in
    assert stage.llm_tokens_in == 100 * stage.llm_calls
    assert stage.details.invented_tokens == count_tokens(invented.text)
    assert stage.tokens_out < stage.tokens_in


@pytest.mark.slow
def test_a_filter_that_gets_no_yes_or_no_aborts_as_langchain_does(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    with pytest.raises(ModelError, match="LLMChainFilter aborts the query"):
        open_peer("langchain-filter", filled).retrieve(QUESTION, budget=300)


@pytest.mark.slow
def test_a_filter_keeps_what_it_is_told_to(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue("YES", "NO", *["NO"] * 9)
    peer = open_peer("langchain-filter", filled)
    everything, _ = open_peer("langchain-regular", filled).retrieve(QUESTION, budget=650)
    contexts, _ = peer.retrieve(QUESTION, budget=650)
    assert len(contexts) == 1
    assert contexts[0] in everything


# Names


@pytest.mark.slow
def test_lanes_are_patterns_and_peers(filled: HierarchicalIndex) -> None:
    assert {"regular", "parent", "langchain-parent"} <= set(lane_names())
    assert "langchain-extract" not in lane_names(with_llm=False)
    for name in ("parent", "langchain-regular"):
        lane = open_lane(name, filled)
        lane.prepare()
        contexts, _ = lane.retrieve(QUESTION, budget=100)
        assert contexts
        assert lane.info.name == name
    with pytest.raises(SettingsError, match="choose one of regular, parent"):
        open_lane("langchain", filled)
    with pytest.raises(SettingsError, match="choose one of langchain-regular"):
        open_peer("parent", filled)


def test_without_the_packages_only_what_needs_none_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indexes.evaluation.peers.find_spec", lambda _: None)
    assert peer_names() == ["hichunk-merging"]
    with pytest.raises(SettingsError, match=r"advanced-rag-patterns\[evaluation\]"):
        describe_peer("langchain-parent")


# Texts


@pytest.mark.slow
def test_the_text_of_a_document_is_its_leaves(filled: HierarchicalIndex) -> None:
    for manifest in filled.documents():
        assert text_of(filled, manifest).text == texts()[manifest.source]


def passage(text: str, start: int = 100) -> PeerPassage:
    origin = Text("d", "1", "a.md", "A", " " * start + text)
    return PeerPassage(origin, start, start + len(text), text, 1.0)


def test_quotes_are_found_word_for_word() -> None:
    shown = passage("One is first. Two comes next. Three is last.")
    assert [(q.start, q.end) for q in quotes(shown, " Two comes next.\n")] == [(114, 129)]
    # Neighbours are one passage; what lies apart is two.
    joined = quotes(shown, "One is first.\nTwo comes next.")
    assert [(q.start, q.end, q.text) for q in joined] == [
        (100, 129, "One is first. Two comes next.")
    ]
    apart = quotes(shown, "One is first.\nThree is last.")
    assert [q.text for q in apart] == ["One is first.", "Three is last."]


def test_what_is_not_quoted_is_told_apart() -> None:
    shown = passage("One is first. Two comes next.")
    said = quotes(shown, "Sure! Here it is:\nTwo comes next.")
    assert [q.text for q in said if q.start == q.end] == ["Sure!", "Here it is:"]
    assert [q.text for q in said if q.start < q.end] == ["Two comes next."]


def test_the_last_piece_is_cut_at_a_sentence() -> None:
    passages = [passage("Short one."), passage("A first sentence. And a second that is longer.")]
    taken = fill(passages, count_tokens("Short one.") + count_tokens("A first sentence.") + 1)
    assert [p.text for p in taken] == ["Short one.", "A first sentence."]
    assert taken[1].end - taken[1].start == len(taken[1].text)


# Chunks cut elsewhere


def test_token_chunks_are_runs_of_tokens() -> None:
    text = texts()["lamp.md"]
    spans = token_chunks(text, size=50, overlap=20)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert all(count_tokens(text[start:end]) <= 52 for start, end in spans)
    assert all(after[0] < before[1] for before, after in pairwise(spans))
    assert "".join(text[s:e] for s, e in token_chunks(text, size=50)) == text


def test_chunks_are_located_in_their_order() -> None:
    text = "same. same. other. same."
    assert located(text, ["same.", "same.", "other. same."]) == [(0, 5), (6, 11), (12, 24)]
    with pytest.raises(ValueError, match="chunk 1 is not in the text"):
        located(text, ["same.", "changed."])
