"""Retrievers and engines are copied and pickled as the call that made them."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import PromptTemplate

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.retrieval import TreeRetriever
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.llamaindex.conftest import QUESTION


def parts(index: HierarchicalIndex) -> list[Any]:
    return [
        index.retriever("parent", budget=64),
        index.retriever("parent+extract", budget=64, judge="embedding"),
        index.query_engine("parent", budget=64),
    ]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_share_the_index(filled: HierarchicalIndex, place: int, copied: Any) -> None:
    part = parts(filled)[place]
    twin = copied(part)
    assert twin is not part
    assert twin._call[0] is filled
    ask = "query" if hasattr(part, "query") else "retrieve"
    assert str(getattr(twin, ask)(QUESTION)) == str(getattr(part, ask)(QUESTION))


@pytest.mark.slow
def test_a_copy_of_an_engine_keeps_its_prompts_and_changes_alone(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    engine = filled.query_engine("parent")
    engine.update_prompts({"text_qa_template": PromptTemplate("First {context} {question}")})
    twin = copy.deepcopy(engine)
    twin.query(QUESTION)
    assert llm.prompts[-1].startswith("First ")
    twin.update_prompts({"text_qa_template": PromptTemplate("Second {context} {question}")})
    engine.query(QUESTION)
    assert llm.prompts[-1].startswith("First ")


def test_a_retriever_made_by_hand_is_copied(
    filled: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    retriever = TreeRetriever(filled.store, embedding, budget=64)
    assert copy.deepcopy(retriever).retrieve(QUESTION) == retriever.retrieve(QUESTION)
    with pytest.raises(SettingsError, match=r"made by hand can't be pickled: make it by"):
        pickle.dumps(retriever)


def test_models_that_were_handed_over_are_not_pickled(filled: HierarchicalIndex) -> None:
    for part in parts(filled):
        with pytest.raises(SettingsError, match="models that were handed over can't be pickled"):
            pickle.dumps(part)


def test_an_engine_that_was_handed_over_is_not_pickled(filled: HierarchicalIndex) -> None:
    other = HierarchicalIndex(filled.settings, engine=filled.engine)
    with pytest.raises(SettingsError, match="on an engine that was handed over"):
        pickle.dumps(other)


ELSEWHERE = """
import pickle, sys
retriever, engine = pickle.load(sys.stdin.buffer)
print(retriever.retrieve("harbour")[0].node.ref_doc_id, engine.get_prompts())
"""


@pytest.mark.slow  # a process of its own that loads the local models
def test_another_process_opens_the_index_by_its_address(tmp_path: Path) -> None:
    with HierarchicalIndex.open(tmp_path / "index", levels=LEVELS, search="bm25") as index:
        from llama_index.core.schema import Document

        index.ingest(Document(text="The harbour closes at nine.", id_="a"))
        engine = index.query_engine("parent")
        engine.update_prompts({"text_qa_template": PromptTemplate("Mine {context} {question}")})
        pickled = pickle.dumps((index.retriever("parent"), engine))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=pickled, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith("a ")
    assert "Mine {context}" in done.stdout.decode()
