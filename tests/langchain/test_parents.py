"""`ParentDocumentRetriever`'s habits, on our index."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_classic.storage import InMemoryStore
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import CharacterTextSplitter, RecursiveCharacterTextSplitter
from llama_index.core.utils import get_tokenizer
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from qdrant_client import models

from indexes.errors import IndexMismatchError, SettingsError
from indexes.langchain import LlamaIndexEmbeddings, ParentDocuments, PatternRetriever
from indexes.langchain.sizes import levels_of, tokens_of
from indexes.namespace import OURS, ours
from indexes.settings import WHOLE_DOCUMENTS
from tests.fakes import WordEmbedding
from tests.langchain.test_retriever import QUESTION, texts


@pytest.fixture
def parents(tmp_path: Path) -> Iterator[ParentDocuments]:
    retriever = ParentDocuments.open(
        tmp_path / "parents", child_size=100, parent_size=400, embedding=WordEmbedding()
    )
    yield retriever
    retriever.index.close()


def opened(tmp_path: Path, **options: Any) -> ParentDocuments:
    return ParentDocuments.open(tmp_path / "opened", embedding=WordEmbedding(), **options)


def documents() -> list[Document]:
    return [
        Document(page_content=text, metadata={"source": name, "year": 2020 + place})
        for place, (name, text) in enumerate(texts().items())
    ]


def rows(count: int) -> list[Document]:
    """What `CSVLoader` makes: many documents of one source."""
    return [
        Document(page_content=f"animal: otter\ncount: {n}", metadata={"source": "t.csv", "row": n})
        for n in range(count)
    ]


def splitter(size: int, **options: Any) -> RecursiveCharacterTextSplitter:
    return RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=0, **options)


# What is delivered


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_k_parents_come_each_of_them_whole(parents: ParentDocuments, k: int) -> None:
    parents.add_documents(documents())
    found = parents.invoke(QUESTION, k=k)
    assert len({document.id for document in found}) == len(found) == k
    for document in found:
        place = ours(document.metadata)
        assert place["level"] == 0
        assert document.page_content == texts()[place["source"]][place["start"] : place["end"]]


@pytest.mark.slow
def test_by_default_as_many_as_langchains_vector_stores_return(parents: ParentDocuments) -> None:
    parents.add_documents(documents())
    assert len(parents.invoke(QUESTION)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"parent_size": None},
        {"parent_splitter": None, "child_size": 100},
        {"child_splitter": splitter(100)},
    ],
)
def test_without_a_parents_size_whole_documents_are_parents(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    retriever = opened(tmp_path, **options)
    retriever.add_documents(documents())
    found = retriever.invoke(QUESTION, k=2)
    retriever.index.close()
    assert [document.page_content for document in found] == [
        texts()[document.metadata["source"]] for document in found
    ]
    assert found[0].metadata["source"] == "lamp.txt"


@pytest.mark.slow
@pytest.mark.parametrize(("child", "parent"), [(400, 600), (300, 300), (20, 2000), (600, 400)])
def test_children_and_parents_of_any_size(tmp_path: Path, child: int, parent: int) -> None:
    retriever = opened(tmp_path, child_size=child, parent_size=parent)
    retriever.add_documents(documents())
    found = retriever.invoke(QUESTION)
    retriever.index.close()
    assert len(found) == 4
    assert max(len(document.page_content) for document in found) > 0.6 * min(parent, 900)


@pytest.mark.slow
def test_a_budget_counts_tokens_instead(parents: ParentDocuments) -> None:
    parents.add_documents(documents())
    assert sum(ours(d.metadata)["tokens"] for d in parents.invoke(QUESTION, budget=200)) <= 200
    assert len(parents.invoke(QUESTION, budget=2000, k=2)) == 2


@pytest.mark.slow
def test_they_can_be_compressed(parents: ParentDocuments) -> None:
    parents.index.settings = parents.index.settings.model_copy(update={"judge": "embedding"})
    parents.add_documents(documents())
    [whole, *_] = parents.invoke(QUESTION, k=1)
    [kept] = parents.invoke(QUESTION, k=1, budget=40, pattern="parent-whole+extract")
    assert kept.metadata["source"] == whole.metadata["source"]
    assert len(kept.page_content) < len(whole.page_content)


@pytest.mark.slow
def test_growing_parents_are_another_pattern_on_the_same_index(parents: ParentDocuments) -> None:
    parents.add_documents(documents())
    grown = PatternRetriever(index=parents.index, pattern="parent", budget=120).invoke(QUESTION)
    assert sum(ours(document.metadata)["tokens"] for document in grown) <= 120


# Sizes


def test_sizes_in_characters_become_tokens() -> None:
    assert (tokens_of(400, "child_size"), tokens_of(2000, "parent_size")) == (91, 455)
    assert levels_of(91, 455) == (455, 91)
    assert levels_of(91, None) == (WHOLE_DOCUMENTS, 91)
    assert levels_of(91, 91) == (91,)


@pytest.mark.slow
def test_a_splitters_size_is_in_what_it_counts() -> None:
    assert tokens_of(splitter(400), "child") == 91
    assert tokens_of(CharacterTextSplitter(chunk_size=4000), "child") == 909
    get_tokenizer()  # points tiktoken at the vocabulary that llama-index-core carries
    tiktoken = RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        "cl100k_base", chunk_size=100, chunk_overlap=0
    )
    assert tokens_of(tiktoken, "child") == 100
    words = splitter(100, length_function=lambda text: len(text.split()))
    assert 100 < tokens_of(words, "child") < 150


@pytest.mark.parametrize("wrong", ["400", 4.5, True, object(), None])
def test_what_is_no_size_is_refused(wrong: object) -> None:
    with pytest.raises(SettingsError, match="number of characters, or a splitter"):
        tokens_of(wrong, "child_size")
    with pytest.raises(SettingsError, match="give 1 or more"):
        tokens_of(0, "child_size")


# Its constructor's arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search_type": "mmr"}, "mmr isn't served"),
        ({"search_kwargs": {"k": 3, "fetch_k": 20}}, "leave out mmr, fetch_k"),
        ({"search_type": "bogus"}, "choose similarity"),
        ({"search_type": "similarity_score_threshold"}, "give score_threshold"),
        ({"search_kwargs": {"where": {}}}, "where: only k, filter and score_threshold"),
        ({"child_size": 4, "child_splitter": CharacterTextSplitter()}, "give one of them"),
        ({"vectorstore": object()}, "takes no vectorstore.*ParentDocuments.open"),
        ({"docstore": object()}, "takes no docstore"),
    ],
)
def test_what_means_nothing_here_is_refused_at_once(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        opened(tmp_path, **options)
    opened(tmp_path).index.close()  # what was refused holds no lock


def test_langchains_constructor_is_told_of_ours() -> None:
    with pytest.raises(SettingsError, match=r"ParentDocuments\.open"):
        ParentDocuments(
            vectorstore=InMemoryVectorStore(LlamaIndexEmbeddings(WordEmbedding())),
            docstore=InMemoryStore(),
            child_splitter=CharacterTextSplitter(),
        )


def test_search_kwargs_are_langchains(tmp_path: Path) -> None:
    condition = models.FieldCondition(
        key="metadata.source", match=models.MatchValue(value="bees.txt")
    )
    retriever = opened(
        tmp_path,
        child_size=100,
        parent_size=400,
        search_type="similarity",
        search_kwargs={"k": 2, "filter": models.Filter(must=[condition])},
    )
    retriever.add_documents(documents())
    found = retriever.invoke(QUESTION)
    retriever.index.close()
    assert [document.metadata["source"] for document in found] == ["bees.txt", "bees.txt"]


@pytest.mark.slow
def test_a_score_threshold_keeps_far_children_out(tmp_path: Path) -> None:
    def found(threshold: float) -> list[Document]:
        retriever = opened(
            tmp_path,
            child_size=100,
            parent_size=400,
            search_type="similarity_score_threshold",
            search_kwargs={"k": 20, "score_threshold": threshold},
        )
        retriever.add_documents(documents())
        documents_found = retriever.invoke(texts()["lamp.txt"][:90])
        retriever.index.close()
        return documents_found

    near = found(0.8)
    assert {document.metadata["source"] for document in near} == {"lamp.txt"}
    assert len(near) < len(found(0.1)) == 20
    assert found(0.999) == []


def test_filters_may_be_changed(parents: ParentDocuments) -> None:
    parents.add_documents(documents())
    parents.filters = MetadataFilters(filters=[MetadataFilter(key="year", value=2025)])
    assert {d.metadata["source"] for d in parents.invoke(QUESTION)} == {"bees.txt"}


@pytest.mark.slow
def test_other_sizes_are_refused_with_the_sizes_there_are(tmp_path: Path) -> None:
    first = opened(tmp_path, child_size=100, parent_size=400)
    first.add_documents(documents())
    first.index.close()
    with pytest.raises(IndexMismatchError, match=r"91 and 23 tokens, not 909 and 182: leave out"):
        opened(tmp_path, child_size=800, parent_size=4000)


@pytest.mark.slow
def test_an_index_that_is_there_keeps_its_sizes(tmp_path: Path) -> None:
    first = opened(tmp_path, child_size=100, parent_size=400)
    first.add_documents(documents())
    expected = first.invoke(QUESTION)
    first.index.close()
    again = opened(tmp_path)
    assert again.invoke(QUESTION) == expected
    again.add_documents(documents())
    again.index.close()


# Adding, replacing, deleting


@pytest.mark.slow
def test_it_takes_the_same_documents(parents: ParentDocuments) -> None:
    parents.add_documents(documents(), ids=None, add_to_docstore=True)
    [first, *_] = parents.invoke("Who looked after the roses?")
    assert first.metadata["source"] == "roses.txt"
    assert first.metadata["year"] == 2021


@pytest.mark.slow
def test_adding_again_changes_nothing_and_deleting_deletes(parents: ParentDocuments) -> None:
    ids = parents.add_documents(documents())
    points = parents.index.statistics().points
    assert parents.add_documents(documents()) == ids
    assert parents.index.statistics().points == points
    parents.delete(ids[:7])
    assert [found.source for found in parents.index.documents()] == ["maps.txt"]
    parents.delete(ids[:1])  # as LangChain's stores have it: what isn't there is deleted


@pytest.mark.slow
def test_a_passage_says_which_document_to_delete(parents: ParentDocuments) -> None:
    ids = parents.add_documents(documents())
    [first, *_] = parents.invoke(QUESTION)
    assert first.metadata[OURS]["document_id"] == ids[0]
    parents.delete([first.metadata[OURS]["document_id"]])
    assert "lamp.txt" not in {found.source for found in parents.index.documents()}


def test_many_documents_of_one_source_are_all_kept(parents: ParentDocuments) -> None:
    ids = parents.add_documents(rows(3))
    ids += parents.add_documents(rows(5)[3:])
    assert len(set(ids)) == len(parents.index.documents()) == 5
    assert parents.add_documents(rows(5)) == ids
    assert {d.metadata["row"] for d in parents.invoke("otter", k=9)} == {0, 1, 2, 3, 4}


def test_one_document_given_twice_in_a_call_is_one(parents: ParentDocuments) -> None:
    first, second = parents.add_documents([rows(1)[0], rows(1)[0]])
    assert first == second
    assert len(parents.index.documents()) == 1


def test_a_document_with_the_same_id_replaces_the_old(parents: ParentDocuments) -> None:
    parents.add_documents(documents()[:1], ids=["one"])
    parents.add_documents([Document(page_content="Nothing about that.")], ids=["one"])
    assert [d.page_content for d in parents.invoke("lamp")] == ["Nothing about that."]
    parents.update_documents(["one"], [Document(page_content="Something else.", id="other")])
    assert [d.page_content for d in parents.invoke("lamp")] == ["Something else."]


def test_blank_pages_are_left_out_and_ids_stay_beside_their_documents(
    parents: ParentDocuments, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [
        Document(page_content=text, metadata={"source": "scan.pdf", "page": page})
        for page, text in enumerate(["The first page.", " \n", "The third page."])
    ]
    with caplog.at_level(logging.WARNING):
        ids = parents.add_documents(pages)
    assert (bool(ids[0]), ids[1], bool(ids[2])) == (True, "", True)
    assert "having no text in it: scan.pdf, page 1" in caplog.text
    assert {found.document_id for found in parents.index.documents()} == {ids[0], ids[2]}
    parents.delete(ids)
    assert parents.index.documents() == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [(["one"], "1 ids for 8 documents"), (["one"] * 8, "'one' is given twice")],
)
def test_ids_must_fit(parents: ParentDocuments, ids: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parents.add_documents(documents(), ids=ids)


@pytest.mark.slow
async def test_the_same_without_blocking(parents: ParentDocuments) -> None:
    ids = await parents.aadd_documents(documents())
    assert parents.add_documents(documents()) == ids
    assert [d.id for d in await parents.ainvoke(QUESTION)] == [
        d.id for d in parents.invoke(QUESTION)
    ]
    await parents.aupdate_documents(ids[:1], [Document(page_content="The lamp was sold.")])
    await parents.adelete(ids[1:])
    assert [d.page_content for d in await parents.ainvoke(QUESTION)] == ["The lamp was sold."]


def test_a_copy_with_other_search_kwargs_searches_by_them(parents: ParentDocuments) -> None:
    parents.add_documents(documents())
    kwargs = {"k": 2, "filter": {"year": {"$gte": 2026}}}
    remade = ParentDocuments(index=parents.index, search_kwargs=kwargs)
    for other in (parents.model_copy(update={"search_kwargs": kwargs}), remade):
        assert {document.metadata["year"] for document in other.invoke(QUESTION)} <= {2026, 2027}
        assert len(other.invoke(QUESTION)) == 2
        # They are said as a whole: no filter is none.
        again = other.model_copy(update={"search_kwargs": {}})
        assert again.filters is None
        assert len(again.invoke(QUESTION)) == 4
    with pytest.raises(SettingsError, match="only k, filter and score_threshold"):
        parents.model_copy(update={"search_kwargs": {"where": {}}})
