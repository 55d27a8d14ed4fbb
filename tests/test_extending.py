"""What a stranger adds in a notebook's cell: patterns and judges of their own."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever as LangChainRetriever
from llama_index.core import Document
from llama_index.core.schema import NodeWithScore, TextNode

from app.page.lanes import Lanes
from app.page.opening import Opening
from indexes.compression import EmbeddingJudge
from indexes.documents import load_document, register_reader, unregister_reader
from indexes.errors import RagError, SettingsError
from indexes.evaluation.lanes import lane_names, open_lane
from indexes.extensions import JUDGES, register_judge
from indexes.index import HierarchicalIndex
from indexes.patterns import PATTERNS, find_pattern, register_pattern
from indexes.settings import load_settings

QUESTION = "What became of Bosun?"
SOLD = "Bosun was sold in May."
TEXT = f"{SOLD} The harbour was dredged. Nobody was harmed. A gull was seen at noon."


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    for registry in (PATTERNS, JUDGES):
        for name in [name for name in registry if name.startswith("mine")]:
            registry.unregister(name)


@pytest.fixture
def filled(index: HierarchicalIndex) -> HierarchicalIndex:
    index.ingest([Document(text=TEXT, id_="a", metadata={"source": "log.txt"})])
    return index


class Theirs(LangChainRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[LangChainDocument]:
        return [LangChainDocument(page_content=SOLD, metadata={"source": "x"}, id="7")]


async def awaited(question: str) -> list[str]:
    await asyncio.sleep(0)
    return [SOLD]


SOURCES = {
    "texts": lambda question: [SOLD],
    "any name for the question": lambda q: [SOLD],
    "nodes": lambda question: [TextNode(text=SOLD)],
    "nodes with scores": lambda question: [NodeWithScore(node=TextNode(text=SOLD), score=2.0)],
    "documents": lambda question: [Document(text=SOLD)],
    "langchain documents": lambda question: [LangChainDocument(page_content=SOLD)],
    "a langchain retriever": Theirs(),
    "an async function": awaited,
    "a function of the index": lambda index, budget: index.retriever("regular", budget=budget),
    "the index, asked": lambda question, index: index.retriever("regular").retrieve(question),
}


@pytest.mark.parametrize("name", SOURCES)
async def test_a_pattern_of_ones_own_answers(filled: HierarchicalIndex, name: str) -> None:
    register_pattern("mine", SOURCES[name])
    answer = await asyncio.to_thread(filled.ask, QUESTION, "mine")
    assert (answer.pattern, answer.answer) == ("mine", "Scripted answer [1].")
    assert answer.contexts[0].text.startswith(SOLD)
    again = await filled.aask(QUESTION, "mine")
    assert [context.text for context in again.contexts] == [
        context.text for context in answer.contexts
    ]
    assert answer.trace["retrieve"].nodes_out


def test_it_is_the_first_part_of_compositions_and_fills_the_budget(
    filled: HierarchicalIndex,
) -> None:
    register_pattern("mine", lambda question: [TEXT, TEXT + " Twice."])
    assert find_pattern("mine+rerank+extract").postprocessors == ("rerank", "extract")
    contexts, trace = filled.retrieve(QUESTION, "mine+extract", budget=16)
    assert SOLD in [context.text for context in contexts]
    assert sum(context.tokens for context in contexts) <= 16
    assert trace["extract"].details.judge == "embedding"


def test_a_composition_has_a_name_of_its_own(filled: HierarchicalIndex) -> None:
    register_pattern("mine", "parent+rerank", summary="Thorough.")
    found = find_pattern("mine+extract")
    assert (found.method, found.postprocessors) == ("tree", ("rerank", "extract"))
    assert filled.retrieve(QUESTION, "mine")[0]


def test_it_is_offered_by_lanes_and_by_the_page(filled: HierarchicalIndex) -> None:
    lanes = Lanes(Opening.of(filled))
    register_pattern("mine", lambda question: [SOLD], summary="By heart.")
    assert "mine" in lane_names()
    contexts, _ = open_lane("mine", filled).retrieve(QUESTION, budget=64)
    assert contexts[0].text == SOLD
    assert lanes.choices["mine"].summary == "By heart."
    assert lanes.check("mine") == "mine"


def test_filters_reach_a_function_that_takes_them_and_no_other(filled: HierarchicalIndex) -> None:
    register_pattern("mine", lambda index, filters: index.retriever("regular", filters=filters))
    wanted = {"source": "elsewhere.txt"}
    assert filled.retrieve(QUESTION, "mine", filters=wanted)[0] == []
    register_pattern("mine-2", lambda question: [SOLD])
    with pytest.raises(SettingsError, match="pattern 'mine-2' takes no filters: give its function"):
        filled.retrieve(QUESTION, "mine-2", filters=wanted)


@pytest.mark.parametrize("returned", [None, 3, "text", [3], [None], {"text": "t"}])
def test_what_is_no_passage_is_refused_in_words(filled: HierarchicalIndex, returned: Any) -> None:
    register_pattern("mine", lambda question: returned)
    with pytest.raises(SettingsError, match=r"pattern 'mine' gave a \w+: its function returns a"):
        filled.retrieve(QUESTION, "mine")


def test_a_function_that_fails_is_named(filled: HierarchicalIndex) -> None:
    def broken(question: str) -> list[str]:
        raise KeyError("chunks")

    register_pattern("mine", broken)
    with pytest.raises(RagError, match=r"pattern 'mine' failed \(KeyError: 'chunks'\)") as failure:
        filled.ask(QUESTION, "mine")
    assert isinstance(failure.value.__cause__, KeyError)


def test_a_pattern_is_refused_when_it_is_registered() -> None:
    for name in ("parent", "rerank", "parent-whole"):
        with pytest.raises(SettingsError, match="already"):
            register_pattern(name, lambda question: [])
    with pytest.raises(SettingsError, match="can't name a pattern"):
        register_pattern("mine+extract", lambda question: [])
    with pytest.raises(SettingsError, match="no pattern is called 'nonsense'"):
        register_pattern("mine", "nonsense")
    with pytest.raises(SettingsError, match="asks for chunks"):
        register_pattern("mine", lambda question, chunks: [])
    with pytest.raises(SettingsError, match="give a function or a class"):
        register_pattern("mine", 3)


# Judges


def test_a_function_that_scores_judges(filled: HierarchicalIndex) -> None:
    register_judge("mine", lambda question, texts: ["Bosun" in text for text in texts])
    contexts, trace = filled.retrieve(QUESTION, "extract", judge="mine", budget=16)
    assert contexts[0].text.startswith(SOLD)
    details = trace["extract"].details
    assert details.judge == "mine"
    first, *others = [sentence.score for sentence in details.passages[0].sentences]
    assert first > max(others)


def test_a_judge_is_made_of_what_it_asks_for_or_is_one(filled: HierarchicalIndex) -> None:
    register_judge("mine", EmbeddingJudge)
    register_judge("mine-2", EmbeddingJudge(filled.embedding))
    for name in ("mine", "mine-2"):
        assert filled.retrieve(QUESTION, "parent+extract", judge=name)[0]
        load_settings(judge=name)


@pytest.mark.parametrize("scores", [None, [1.0], ["x", "y"], [float("nan")] * 4])
def test_scores_that_cannot_be_read_drop_nothing(filled: HierarchicalIndex, scores: Any) -> None:
    register_judge("mine", lambda question, texts: scores)
    contexts, trace = filled.retrieve(QUESTION, "extract", judge="mine")
    assert "".join(context.text for context in contexts) == TEXT
    assert trace["extract"].details.passages[0].outcome == "unreadable"


def test_a_judge_that_fails_is_said_in_the_log(
    filled: HierarchicalIndex, caplog: pytest.LogCaptureFixture
) -> None:
    register_judge("mine", lambda question, texts: 1 / 0)
    assert filled.retrieve(QUESTION, "extract", judge="mine")[0]
    assert "judge 'mine': everything is kept: division by zero" in caplog.text


async def test_a_judge_may_be_async(filled: HierarchicalIndex) -> None:
    async def scores(question: str, texts: list[str]) -> list[float]:
        await asyncio.sleep(0)
        return ["Bosun" in text for text in texts]

    register_judge("mine", scores)
    asked = {"judge": "mine", "budget": 16}
    for contexts, _ in (
        filled.retrieve(QUESTION, "extract", **asked),
        await filled.aretrieve(QUESTION, "extract", **asked),
    ):
        assert contexts[0].text.startswith(SOLD)


def test_a_judge_that_is_replaced_is_asked_no_more(filled: HierarchicalIndex) -> None:
    asked: list[int] = []

    def judge(number: int) -> Callable[[str, list[str]], list[float]]:
        def scores(question: str, texts: list[str]) -> list[float]:
            asked.append(number)
            return [1.0] * len(texts)

        return scores

    for number in (1, 2):
        register_judge("mine", judge(number), replace=number > 1)
        filled.retrieve(QUESTION, "regular+rerank", judge="mine")
    assert asked == [1, 2]


def test_what_is_no_judge_is_refused(filled: HierarchicalIndex) -> None:
    with pytest.raises(SettingsError, match="judge 'mine': its function asks for prompt"):
        register_judge("mine", lambda llm, prompt: None)
    register_judge("mine", lambda llm: None)
    with pytest.raises(SettingsError, match="judge 'mine': its function returned a NoneType"):
        filled.retrieve(QUESTION, "extract", judge="mine")
    with pytest.raises(SettingsError, match=r"no judge is called 'kean'.*auto, embedding, llm"):
        load_settings(judge="kean")


# Readers


def test_a_reader_that_is_changed_reads_known_files_again(
    index: HierarchicalIndex, tmp_path: Path
) -> None:
    file = tmp_path / "a.mine"
    file.write_text("The harbour was dredged.")
    try:
        register_reader("mine", lambda data: data.decode(), suffixes=[".mine"])
        assert index.ingest(file).added == ["a.mine"]
        assert index.ingest(file).unchanged == ["a.mine"]
        register_reader("mine", lambda d: d.decode().upper(), suffixes=[".mine"], replace=True)
        assert index.ingest(file).updated == ["a.mine"]
    finally:
        unregister_reader("mine")
    contexts, _ = index.retrieve("the harbour", "regular")
    assert contexts[0].text == "THE HARBOUR WAS DREDGED."


def test_a_reader_of_a_module_that_is_reloaded_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mine").write_text("the harbour")
    (tmp_path / "b.txt").write_text("a file that is read before the module can be found")
    load_document(tmp_path / "b.txt")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    try:
        # Bytecode is known by a source's second and length: these two differ in length.
        for said in ("One", "Three"):
            (tmp_path / "mine_reader.py").write_text(
                f"def read(data):\n    return {said!r} + ': ' + data.decode()\n"
            )
            sys.modules.pop("mine_reader", None)
            importlib.invalidate_caches()
            module = importlib.import_module("mine_reader")
            register_reader("mine", module.read, suffixes=[".mine"], replace=said == "Three")
            assert load_document(tmp_path / "a.mine").text == f"{said}: the harbour"
    finally:
        unregister_reader("mine")
        sys.modules.pop("mine_reader", None)
