"""Patterns by name, and what each delivers: verbatim, within the budget, numbered."""

import asyncio
from pathlib import Path

import pytest

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.namespace import ours
from indexes.patterns import PATTERNS, find_pattern
from indexes.settings import load_settings
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding

TOPICS = ["harbour", "orchard", "glacier", "volcano"]
COMPRESSING = [
    "extract",
    "filter",
    "rerank",
    "parent+extract",
    "parent+filter",
    "parent-ratio+extract",
    "parent+rerank+extract",
    "extract+filter",
]


def text_about(topic: str) -> str:
    return " ".join(
        f"Fact {n} about the {topic}. Its keeper is {n} years old. Nobody minds that."
        for n in range(20)
    )


@pytest.fixture
def folder(tmp_path: Path, index: HierarchicalIndex) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for topic in TOPICS:
        (folder / f"{topic}.txt").write_text(text_about(topic), encoding="utf-8")
    index.ingest([folder])
    return folder


def test_any_retriever_goes_with_any_postprocessors() -> None:
    pattern = find_pattern("parent+rerank+extract")
    assert (pattern.method, pattern.postprocessors) == ("tree", ("rerank", "extract"))
    assert find_pattern("parent-ratio+filter").method == "ratio"
    alone = find_pattern("extract+filter")
    assert (alone.name, alone.method) == ("extract+filter", "leaves")
    assert find_pattern("regular+extract").postprocessors == ("extract",)
    for name in PATTERNS:
        assert find_pattern(name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "best", "parent+best", "extract+parent", "parent+", "+extract", "parent+extract+extract",
     "parent+parent", "Parent", "extract" + "+extract" * 10_000],
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(SettingsError, match=r"choose one of regular, parent, .*rerank, extract"):
        find_pattern(name)


@pytest.mark.parametrize("pattern", COMPRESSING)
def test_contexts_are_verbatim_within_the_budget_and_numbered(
    index: HierarchicalIndex, folder: Path, pattern: str
) -> None:
    contexts, trace = index.retrieve("Which fact is about the volcano?", pattern)
    assert contexts
    for context in contexts:
        text = (folder / context.document).read_text(encoding="utf-8")
        assert context.text == text[context.start : context.end] != ""
    numbers = [context.number for context in contexts]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert numbers == sorted(numbers)
    assert trace["fit"].tokens_out <= 120
    ran = [stage.name for stage in trace.stages]
    assert ran == [
        "embed question",
        "search",
        "merge",
        *find_pattern(pattern).postprocessors,
        "fit",
    ]
    first = trace[find_pattern(pattern).postprocessors[0]]
    assert first.details.judge == "embedding"
    if pattern != "parent+filter":  # grown passages are not shortened: no more than fits
        assert (first.tokens_in or 0) > 120


@pytest.mark.parametrize("pattern", COMPRESSING)
async def test_async_delivers_what_sync_delivers(
    index: HierarchicalIndex, folder: Path, pattern: str
) -> None:
    question = "Which fact is about the harbour?"
    awaited, _ = await index.aretrieve(question, pattern)
    assert awaited == (await asyncio.to_thread(index.retrieve, question, pattern))[0]


def test_the_question_is_embedded_once(
    index: HierarchicalIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    original = WordEmbedding._get_query_embedding
    monkeypatch.setattr(
        WordEmbedding,
        "_get_query_embedding",
        lambda self, query: asked.append(query) or original(self, query),
    )
    index.retrieve("Which fact is about the volcano?", "parent+rerank+extract")
    assert len(asked) == 1


def test_kept_spans_of_one_passage_share_its_number_and_its_id(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    settings = load_settings(judge="llm", levels=LEVELS, budget=120)
    judged = HierarchicalIndex(settings, engine=index.engine, embedding=index.embedding, llm=llm)
    llm.enqueue('{"keep": [1, 3, 6]}')
    contexts, trace = judged.retrieve("Which fact is about the volcano?", "parent+extract")
    assert [context.number for context in contexts][:2] == [1, 1]
    assert contexts[0].id == contexts[1].id
    assert contexts[0].end < contexts[1].start
    assert trace["extract"].llm_calls == 1
    assert trace["extract"].details.judge == "llm"


@pytest.mark.slow
def test_the_model_reads_a_compressed_passage_as_one_and_cites_its_number(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    settings = load_settings(judge="llm", levels=LEVELS, budget=120)
    judged = HierarchicalIndex(settings, engine=index.engine, embedding=index.embedding, llm=llm)
    llm.enqueue('{"keep": [1, 3, 8]}', "It is so [1], and not so [9].")
    answer = judged.ask("Which fact is about the volcano?", "parent+extract")
    first = [context for context in answer.contexts if context.number == 1]
    assert len(first) > 1
    assert " … ".join(context.text.strip() for context in first) in llm.prompts[-1]
    (citation,) = answer.citations
    assert (citation.context, citation.start, citation.end) == (1, first[0].start, first[-1].end)


def test_nothing_that_helps_means_no_answer_if_so_wanted(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    settings = load_settings(judge="llm", fallback="empty", levels=LEVELS, budget=120)
    judged = HierarchicalIndex(settings, engine=index.engine, embedding=index.embedding, llm=llm)
    llm.enqueue('{"keep": []}')
    answer = judged.ask("Which fact is about the volcano?", "filter")
    assert (answer.answer, answer.contexts) == ("The documents do not say.", [])


def test_judgements_are_remembered_when_wanted(
    index: HierarchicalIndex, folder: Path, llm: ScriptedLLM
) -> None:
    settings = load_settings(judge="llm", judge_cache=100, levels=LEVELS, budget=120)
    judged = HierarchicalIndex(settings, engine=index.engine, embedding=index.embedding, llm=llm)
    llm.enqueue('{"keep": [1]}')
    _, first = judged.retrieve("Which fact is about the volcano?", "extract")
    _, again = judged.retrieve("Which fact is about the volcano?", "extract")
    assert (first.total("llm_calls"), again.total("llm_calls")) == (1, 0)


def test_the_query_engine_and_the_retriever_take_compositions(
    index: HierarchicalIndex, folder: Path
) -> None:
    nodes = index.retriever("parent+extract", budget=60).retrieve("the orchard keeper")
    assert all(ours(node.node.metadata)["spans"] for node in nodes)
    response = index.query_engine("parent+extract").query("the orchard keeper")
    assert response.source_nodes and ours(response.metadata)["pattern"] == "parent+extract"
