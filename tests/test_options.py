"""Options of a question: what there is, what each takes, and how a wrong one is refused."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core.schema import Document

from indexes.compression import EmbeddingJudge
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.retrieval import TreeRetriever
from indexes.settings import load_settings
from tests.conftest import opened
from tests.fakes import ScriptedLLM, WordEmbedding

QUESTION = "What does the harbour keeper do?"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HierarchicalIndex]:
    """An index of one document, which no test changes."""
    facts = [f"Fact {n} about the harbour concerns its keeper." for n in range(60)]
    with opened(tmp_path_factory.mktemp("options"), WordEmbedding(), ScriptedLLM()) as index:
        index.ingest([Document(text=" ".join(facts), id_="harbour")])
        yield index


def doors(index: HierarchicalIndex) -> dict[str, Any]:
    """Every way to ask, as functions of options alone."""
    return {
        "retriever": lambda **options: index.retriever("parent", **options),
        "query_engine": lambda **options: index.query_engine("parent", **options),
        "retrieve": lambda **options: index.retrieve(QUESTION, "parent", **options),
        "ask": lambda **options: index.ask(QUESTION, "parent", **options),
        "stream": lambda **options: index.stream(QUESTION, "parent", **options),
        "astream": lambda **options: index.astream(QUESTION, "parent", **options),
    }


WRONG = [
    ({"budgett": 100}, "no option is called 'budgett' here: did you mean budget"),
    ({"budget": "512"}, "budget='512': should be a valid integer"),
    ({"budget": 2.5}, "budget=2.5: should be a valid integer"),
    ({"budget": True}, "budget=True: should be a valid integer"),
    ({"budget": 0}, "budget=0: should be greater than or equal to 16"),
    ({"budget": -5}, "budget=-5: should be greater than or equal to 16"),
    ({"budget": 10**9}, "budget=1000000000: should be less than or equal to 1000000"),
    ({"top_k": "5"}, "top_k='5': should be a valid integer"),
    ({"top_k": -1}, "top_k=-1: should be greater than or equal to 1"),
    ({"search": "semantic"}, "search='semantic': should be 'hybrid', 'dense' or 'bm25'"),
    ({"judge": "bogus"}, "judge='bogus': choose one of auto, embedding, llm, cross-encoder"),
    ({"judge": 5}, "judge=5: give a judge, or one of auto"),
    ({"merge_ratio": 2}, "merge_ratio=2: should be less than or equal to 1"),
    ({"method": "bogus"}, "the pattern says it: regular"),
    ({"similarity_top_k": 3}, r"'similarity_top_k' here: budget=… says .*, top_k=… how many hits"),
    ({"embed_model": object()}, r"'embed_model' here: .*HierarchicalIndex\(embedding=…\)"),
]  # fmt: skip


@pytest.mark.parametrize("door", ["retriever", "query_engine", "retrieve", "ask", "stream"])
@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_option_is_refused_at_the_call(
    filled: HierarchicalIndex, door: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        doors(filled)[door](**options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("options", "message"), WRONG)
async def test_async_methods_refuse_the_same(
    filled: HierarchicalIndex, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        await filled.aretrieve(QUESTION, **options)
    with pytest.raises(SettingsError, match=message):
        await filled.aask(QUESTION, **options)
    with pytest.raises(SettingsError, match=message):
        filled.astream(QUESTION, **options)


@pytest.mark.parametrize("pattern", ["parrent", "", "parent+", 5, ["parent"]])
def test_a_wrong_pattern_is_refused_at_the_call(filled: HierarchicalIndex, pattern: Any) -> None:
    for ask in (filled.retriever, filled.query_engine):
        with pytest.raises(SettingsError, match="pattern"):
            ask(pattern)
    with pytest.raises(SettingsError, match="pattern"):
        filled.stream(QUESTION, pattern)


def test_a_filter_that_cannot_be_served_is_refused_at_the_call(filled: HierarchicalIndex) -> None:
    from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

    odd = MetadataFilters(filters=[MetadataFilter(key="year", value="abc", operator=">")])
    with pytest.raises(SettingsError, match="year"):
        filled.stream(QUESTION, filters=odd)


def test_options_are_what_settings_take(filled: HierarchicalIndex) -> None:
    for name, value in (("budget", 15), ("top_k", 0), ("search", "semantic"), ("judge", "bogus")):
        with pytest.raises(SettingsError, match=name):
            load_settings(**{name: value})
        with pytest.raises(SettingsError, match=name):
            filled.retriever(**{name: value})  # type: ignore[arg-type]


def test_none_means_the_settings_choice(filled: HierarchicalIndex) -> None:
    chosen, _ = filled.retrieve(QUESTION, budget=None, top_k=None, search=None, judge=None)
    assert chosen == filled.retrieve(QUESTION)[0]


def test_whole_numbers_of_numpy_are_whole_numbers(filled: HierarchicalIndex) -> None:
    found, _ = filled.retrieve(QUESTION, budget=np.int64(64))  # type: ignore[arg-type]
    assert 0 < sum(context.tokens for context in found) <= 64


def test_a_judge_may_be_handed_over(filled: HierarchicalIndex, embedding: WordEmbedding) -> None:
    _, trace = filled.retrieve(QUESTION, "extract", judge=EmbeddingJudge(embedding))
    assert trace["extract"].details.judge == "embedding"


def test_every_option_is_named_in_the_signature() -> None:
    for method in (HierarchicalIndex.ask, HierarchicalIndex.aretrieve, HierarchicalIndex.retriever):
        parameters = inspect.signature(method).parameters
        assert {"pattern", "budget", "top_k", "search", "filters", "judge"} <= set(parameters)
        assert all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters.values())


@pytest.mark.parametrize("top_k", [1, 3, 5])
def test_top_k_is_the_most_that_regular_delivers(filled: HierarchicalIndex, top_k: int) -> None:
    found, _ = filled.retrieve(QUESTION, "regular", top_k=top_k, budget=10_000)
    assert len(found) == top_k


def test_a_budget_is_filled_whatever_the_default_of_top_k(filled: HierarchicalIndex) -> None:
    found, _ = filled.retrieve(QUESTION, "regular", budget=10_000)
    assert "".join(c.text for c in sorted(found, key=lambda c: c.start)).count("Fact") == 60


def test_a_tree_retriever_checks_its_own_arguments(
    filled: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    for wrong in ({"method": "bogus"}, {"budget": -5}, {"search": "semantic"}, {"top_k": 0}):
        (name,) = wrong
        with pytest.raises(SettingsError, match=f"{name}="):
            TreeRetriever(filled.store, embedding, **wrong)  # type: ignore[arg-type]


def test_an_environment_variable_is_checked_by_the_same_types(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_BUDGET", "512")
    assert HierarchicalIndex(load_settings(index=str(tmp_path))).settings.budget == 512
    monkeypatch.setenv("RAG_BUDGET", "-5")
    with pytest.raises(SettingsError, match="RAG_BUDGET"):
        load_settings()


@pytest.mark.parametrize("question", [None, 5, b"Who?", ["Who?"]])
def test_a_question_is_text(filled: HierarchicalIndex, question: Any) -> None:
    for asked in (filled.ask, filled.retrieve):
        with pytest.raises(SettingsError, match=r"^a question is text, not \w+$"):
            asked(question)


@pytest.mark.parametrize("names", [None, 5, [None], b"letter"])
def test_documents_are_removed_by_names(filled: HierarchicalIndex, names: Any) -> None:
    with pytest.raises(SettingsError, match=r"^remove takes ids, sources or file names, not \w+$"):
        filled.remove(names)
    manifests = filled.documents()
    with pytest.raises(SettingsError, match="not Manifest"):
        filled.remove(manifests[0])  # type: ignore[call-overload]
    assert filled.documents() == manifests
