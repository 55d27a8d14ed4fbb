"""Documents that leave our index: what they say, when they are equal, how they travel."""

import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MultiQueryRetriever,
)
from langchain_classic.retrievers.document_compressors import LLMChainExtractor
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.load import dumpd, dumps, load
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate

from indexes.documents import load_document
from indexes.index import HierarchicalIndex
from indexes.langchain import ParentDocuments, PassageCompressor, PatternRetriever, to_llama_index
from indexes.langchain.documents import PassageFields
from indexes.namespace import OURS, ours
from tests.fakes import WordEmbedding
from tests.langchain.test_retriever import LETTERS, QUESTION, texts

PARAPHRASES = "Who kept the lamp?\nWho was the lamp's keeper?\nlamp lamp keeper"


@pytest.fixture
def parents(tmp_path: Path) -> Iterator[ParentDocuments]:
    retriever = ParentDocuments.open(
        tmp_path / "parents", child_size=100, parent_size=400, embedding=WordEmbedding()
    )
    retriever.add_documents(
        [
            Document(
                page_content=text,
                metadata={
                    "url": f"https://example.test/{name}",
                    "acl": ["staff", "board"],
                    "source": name,
                    "score": "A+",
                    "start": "noon",
                    "page": 3,
                },
            )
            for name, text in texts().items()
        ]
    )
    yield retriever
    retriever.index.close()


# Metadata


def test_metadata_is_the_users_whatever_its_names(parents: ParentDocuments) -> None:
    [first, *_] = parents.invoke(QUESTION)
    metadata = dict(first.metadata)
    fields = metadata.pop(OURS)
    assert metadata == {
        "url": "https://example.test/lamp.txt",
        "acl": ["staff", "board"],
        "source": "lamp.txt",
        "score": "A+",
        "start": "noon",
        "page": 3,
    }
    assert isinstance(fields["score"], float)
    assert isinstance(fields["start"], int)


@pytest.mark.slow
def test_a_document_prompt_may_use_it(parents: ParentDocuments) -> None:
    chain = create_stuff_documents_chain(
        FakeListChatModel(responses=["Ada."]),
        ChatPromptTemplate.from_template("{context} {question}"),
        document_prompt=PromptTemplate.from_template("[{url}, page {page}] {page_content}"),
    )
    found = parents.invoke(QUESTION)
    assert chain.invoke({"context": found, "question": QUESTION}) == "Ada."


@pytest.mark.slow
def test_a_file_of_our_own_reader_says_what_langchains_loaders_say(
    index: HierarchicalIndex,
) -> None:
    [letter] = LETTERS.glob("*2019*.pdf")
    index.ingest([letter])
    for document in PatternRetriever(index=index, pattern="regular").invoke("shareholders"):
        assert document.metadata["source"] == letter.name
        assert document.metadata["title"] == load_document(letter).metadata["title"]
        assert document.metadata["page"] == ours(document.metadata)["pages"][0] - 1


# Equality


@pytest.mark.slow
def test_a_passage_found_by_two_questions_is_one_document(parents: ParentDocuments) -> None:
    first = parents.invoke(QUESTION, k=8)
    second = parents.invoke("keeper of the roses", k=8)
    both = [(one, other) for one in first for other in second if one.id == other.id]
    assert both
    assert any(one.metadata[OURS]["score"] != other.metadata[OURS]["score"] for one, other in both)
    assert all(one == other for one, other in both)
    different = [(one, other) for one in first for other in second if one.id != other.id]
    assert all(one != other for one, other in different)


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [False, True])
def test_several_questions_find_each_passage_once(
    parents: ParentDocuments, compressed: bool
) -> None:
    base = parents
    if compressed:
        base = ContextualCompressionRetriever(
            base_compressor=LLMChainExtractor.from_llm(FakeListChatModel(responses=["lamp"])),
            base_retriever=parents,
        )
    several = MultiQueryRetriever.from_llm(
        base, llm=FakeListChatModel(responses=[PARAPHRASES]), include_original=True
    )
    found = several.invoke(QUESTION)
    places = [
        (document.metadata[OURS]["document_id"], document.metadata[OURS]["start"])
        for document in found
    ]
    assert len(set(places)) == len(places)


@pytest.mark.slow
def test_an_ensemble_fuses_them(parents: ParentDocuments) -> None:
    both = EnsembleRetriever(
        retrievers=[parents, PatternRetriever(index=parents.index, pattern="parent-whole", k=4)],
        weights=[0.5, 0.5],
    )
    assert [d.id for d in both.invoke(QUESTION)] == [d.id for d in parents.invoke(QUESTION)]


def test_our_compressors_documents_are_equal_likewise() -> None:
    def compressed() -> list[Document]:
        document = Document(page_content="It rained. Ada lit the lamp.")
        judge = FakeListChatModel(responses=['{"keep": [2]}'])
        return PassageCompressor.of("extract", llm=judge).compress_documents([document], QUESTION)

    assert compressed() == compressed()


def test_fields_are_equal_but_for_what_depends_on_the_question() -> None:
    fields = PassageFields(start=1, end=5, score=0.5, number=1, reason="")
    assert fields == PassageFields(start=1, end=5, score=0.9, number=2, reason="whole")
    assert fields == {"start": 1, "end": 5}
    assert fields == {"start": 1, "end": 5}
    assert fields != PassageFields(start=2, end=5)
    assert fields != "start"


# Travel


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_documents_pickle_copy_and_serialise(parents: ParentDocuments) -> None:
    [first, *_] = parents.invoke(QUESTION)
    assert pickle.loads(pickle.dumps(first)) == first
    assert copy.deepcopy(first) == first.model_copy() == first
    again = load(dumpd(first), allowed_objects=[Document])
    assert (again, again.metadata[OURS]["score"]) == (first, first.metadata[OURS]["score"])
    assert json.loads(dumps(first)) == json.loads(json.dumps(dumpd(first)))
    assert Document.model_validate_json(first.model_dump_json()) == first


# The other way


def test_a_document_goes_in_as_it_is() -> None:
    given = Document(page_content="Ada.", metadata={"source": "a", "_id": "x"})
    ours_ = to_llama_index(given, "one")
    assert (ours_.id_, ours_.text) == ("one", "Ada.")
    assert ours_.metadata == given.metadata
    assert to_llama_index(Document(page_content="Ada.", id="mine")).id_ == "mine"
