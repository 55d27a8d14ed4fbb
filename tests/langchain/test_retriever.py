"""Our patterns as LangChain retrievers, on the real engine."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from indexes.documents import load_document
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.langchain import ParentDocuments, PatternRetriever
from indexes.namespace import ours
from tests.conftest import LEVELS, opened
from tests.fakes import ScriptedLLM, WordEmbedding

LETTERS = Path(__file__).parents[2] / "app" / "samples" / "letters"
TOPICS = ("lamp", "roses", "tides", "bread", "snow", "bees", "clocks", "maps")
QUESTION = "Who looks after the lamp?"


def texts() -> dict[str, str]:
    """Documents that are long enough to have parents."""
    return {
        f"{topic}.txt": " ".join(
            f"The {topic} were looked after by keeper {n}, who wrote line {n} about {topic}."
            for n in range(12)
        )
        for topic in TOPICS
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HierarchicalIndex]:
    """An index of these documents, which no test changes."""
    folder = tmp_path_factory.mktemp("retriever")
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")
    with opened(folder / "index", WordEmbedding(), ScriptedLLM()) as index:
        index.ingest([folder / name for name in texts()])
        yield index


class TestLangChainsOwnSuite(RetrieversIntegrationTests):
    """langchain-tests: what every LangChain retriever must do."""

    @pytest.fixture(autouse=True, params=["regular", "parent"])
    def _pattern(self, request: pytest.FixtureRequest, filled: HierarchicalIndex) -> None:
        self._params = {"index": filled, "pattern": request.param}

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return PatternRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self._params

    @property
    def retriever_query_example(self) -> str:
        return QUESTION


def test_a_document_says_where_it_is_from(filled: HierarchicalIndex) -> None:
    found = PatternRetriever(index=filled, pattern="parent").invoke(QUESTION)
    assert found
    for document in found:
        place = ours(document.metadata)
        whole = texts()[place["source"]]
        assert document.page_content == whole[place["start"] : place["end"]]
        assert {"score", "level", "leaves", "title", "tokens"} <= set(place)
        assert document.id
    scores = [ours(document.metadata)["score"] for document in found]
    assert scores == sorted(scores, reverse=True)


def test_the_budget_bounds_what_comes(filled: HierarchicalIndex) -> None:
    retriever = PatternRetriever(index=filled, pattern="parent", budget=60)
    tokens = [ours(document.metadata)["tokens"] for document in retriever.invoke(QUESTION)]
    assert 30 < sum(tokens) <= 60
    tokens = [ours(d.metadata)["tokens"] for d in retriever.invoke(QUESTION, budget=30)]
    assert sum(tokens) <= 30


def test_where_nothing_is_found_it_is_looked_for_once(
    filled: HierarchicalIndex, caplog: pytest.LogCaptureFixture
) -> None:
    retriever = PatternRetriever(index=filled, pattern="regular", k=3, filters={"yeer": 2001})
    assert retriever.invoke(QUESTION) == []
    assert [record.getMessage() for record in caplog.records if "yeer" in record.getMessage()] == [
        "a filter finds nothing: no metadata has yeer"
    ]


def test_filters_are_passed_on(filled: HierarchicalIndex) -> None:
    wanted = MetadataFilters(filters=[MetadataFilter(key="file_name", value="bees.txt")])
    retriever = PatternRetriever(index=filled, pattern="regular", filters=wanted)
    assert {d.metadata["source"] for d in retriever.invoke(QUESTION)} == {"bees.txt"}


async def test_async_batch_and_streams_give_the_same(filled: HierarchicalIndex) -> None:
    retriever = PatternRetriever(index=filled, pattern="parent", k=2)
    expected = retriever.invoke(QUESTION)
    assert await retriever.ainvoke(QUESTION) == expected
    assert retriever.batch([QUESTION, QUESTION]) == [expected, expected]
    assert await retriever.abatch([QUESTION]) == [expected]
    assert list(retriever.stream(QUESTION)) == [expected]


class Seen(BaseCallbackHandler):
    """Records what a retriever reports."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        self.events.append(("start", (query, kwargs["tags"], kwargs["name"])))

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.events.append(("end", len(documents)))

    def on_retriever_error(self, error: BaseException, **kwargs: Any) -> None:
        self.events.append(("error", type(error)))


def test_callbacks_tags_and_config_are_langchains(filled: HierarchicalIndex) -> None:
    seen = Seen()
    retriever = PatternRetriever(index=filled, pattern="regular", k=1, tags=["ours"])
    bound = retriever.with_config(callbacks=[seen], tags=["now"], run_name="look up")
    bound.invoke(QUESTION)
    [(_, (query, tags, name)), end] = seen.events
    assert (query, set(tags), name) == (QUESTION, {"ours", "now"}, "look up")
    assert end == ("end", 1)


def test_errors_are_ours_and_reported(index: HierarchicalIndex) -> None:
    seen = Seen()
    with pytest.raises(Exception, match="run `advanced-rag ingest FILES` first") as caught:
        PatternRetriever(index=index).invoke(QUESTION, {"callbacks": [seen]})
    assert seen.events[-1] == ("error", caught.type)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"k": 0}, "number of documents"), ({"n": 3}, "takes k, budget"), ({"pattern": "x"}, "'x'")],
)
def test_a_mistyped_call_says_what_it_takes(
    filled: HierarchicalIndex, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        PatternRetriever(index=filled).invoke(QUESTION, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": 0}, "k=0: give the number of documents"),
        ({"k": "3"}, "k='3'"),
        ({"budget": -5}, "budget=-5"),
        ({"budget": "512"}, "budget='512'"),
        ({"pattern": "parrent"}, "no pattern is called 'parrent'"),
        ({"options": {"search": "semantic"}}, "search='semantic'"),
        ({"options": {"serch": "dense"}}, "did you mean search"),
        ({"options": 3}, "give a dictionary"),
        ({"search_kwargs": {"k": 3}}, "not search_kwargs"),
        ({"index": "my-index"}, r"index=HierarchicalIndex\.open"),
    ],
)
def test_a_mistyped_retriever_is_refused_when_it_is_made(
    index: HierarchicalIndex, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        PatternRetriever(**{"index": index, **given})


@pytest.mark.parametrize("given", [{"budget": -5}, {"budget": "512"}, {"budget": 2.5}])
def test_a_call_checks_its_budget(filled: HierarchicalIndex, given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="budget="):
        PatternRetriever(index=filled).invoke(QUESTION, **given)


def test_an_index_is_not_shown(filled: HierarchicalIndex) -> None:
    assert "index" not in repr(PatternRetriever(index=filled)).split("(")[1]


def test_the_default_levels_are_untouched(filled: HierarchicalIndex) -> None:
    assert filled.store.fingerprint().levels == LEVELS


@pytest.mark.slow
def test_offsets_of_a_loaded_pdf_are_those_of_our_own_loader(index: HierarchicalIndex) -> None:
    """A PDF that LangChain's side handed over as one text keeps its offsets."""
    [letter] = LETTERS.glob("*2020*.pdf")
    loaded = load_document(letter)
    parents = ParentDocuments(index=index, pattern="parent")
    parents.add_documents([Document(page_content=loaded.text, metadata={"source": "letter"})])
    for document in parents.invoke("What changed this year?"):
        place = ours(document.metadata)
        start, end = place["start"], place["end"]
        assert document.page_content == loaded.text[start:end]


def test_a_retriever_with_models_that_were_handed_over_says_why_it_cannot_be_pickled(
    filled: HierarchicalIndex,
) -> None:
    with pytest.raises(SettingsError, match="models that were handed over can't be pickled"):
        pickle.dumps(PatternRetriever(index=filled))


@pytest.mark.filterwarnings("ignore:The `copy` method is deprecated")
@pytest.mark.parametrize("copied", ["model_copy", "copy"])
def test_a_copy_is_changed_or_refused_and_never_as_it_was(
    filled: HierarchicalIndex, copied: str
) -> None:
    retriever = PatternRetriever(index=filled, k=3)
    assert len(getattr(retriever, copied)(update={"k": 1}).invoke(QUESTION)) == 1
    assert getattr(retriever, copied)().k == 3
    for changed, said in (({"filter": {"year": 1}}, "not filter"), ({"k": 0}, "1 or more")):
        with pytest.raises(SettingsError, match=said):
            getattr(retriever, copied)(update=changed)
