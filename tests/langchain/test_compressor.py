"""Our compressors in LangChain's `ContextualCompressionRetriever`."""

import json
from pathlib import Path

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.retrievers import BaseRetriever

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.langchain import PassageCompressor, PatternRetriever
from indexes.namespace import ours
from tests.fakes import ScriptedLLM, WordEmbedding

TEXT = "It rained. Ada lit the lamp. The sea was calm. Ada slept by day."
QUESTION = "Who lit the lamp?"


class Canned(BaseRetriever):
    """LangChain's side: documents as its splitters make them."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, **_: object) -> list[Document]:
        return self.documents


def retriever(llm: object, name: str = "extract", **metadata: object) -> BaseRetriever:
    documents = [
        Document(page_content=TEXT, metadata={"source": "a.txt", **metadata}, id="one"),
        Document(page_content="Nothing about that.", metadata={"source": "b.txt"}),
    ]
    return ContextualCompressionRetriever(
        base_compressor=PassageCompressor.of(name, llm=llm),
        base_retriever=Canned(documents=documents),
    )


def says(*kept: list[int]) -> FakeListChatModel:
    """Answers each call with the same numbers."""
    return FakeListChatModel(responses=[json.dumps({"keep": numbers}) for numbers in kept])


def test_sentences_are_cut_from_the_source() -> None:
    [found] = retriever(says([2, 4])).invoke(QUESTION)
    assert found.page_content == "Ada lit the lamp. … Ada slept by day."
    assert [TEXT[start:end] for start, end in ours(found.metadata)["spans"]] == [
        "Ada lit the lamp.",
        "Ada slept by day.",
    ]
    assert (found.id, found.metadata["source"]) == ("one", "a.txt")


def test_offsets_count_from_the_document_where_its_splitter_tells_them() -> None:
    [found] = retriever(says([2]), start_index=1000).invoke(QUESTION)
    assert ours(found.metadata)["spans"] == [[1011, 1028]]


async def test_async_and_filters() -> None:
    [found] = await retriever(says([1]), "filter").ainvoke(QUESTION)
    assert found.page_content == TEXT


def test_whatever_the_model_says_the_query_goes_on() -> None:
    found = retriever(FakeListChatModel(responses=["I can't say."])).invoke(QUESTION)
    assert [document.page_content for document in found] == [TEXT, "Nothing about that."]


def test_without_an_llm_embeddings_judge() -> None:
    compressor = PassageCompressor.of("extract", embedding=WordEmbedding(), budget=8)
    [found] = compressor.compress_documents([Document(page_content=TEXT)], QUESTION)
    assert found.page_content == "Ada lit the lamp."


def test_it_goes_into_a_pipeline() -> None:
    pipeline = DocumentCompressorPipeline(
        transformers=[
            PassageCompressor.of("filter", llm=says([1])),
            PassageCompressor.of("extract", llm=says([2])),
        ]
    )
    documents = [Document(page_content=TEXT), Document(page_content="Nothing.")]
    [found] = pipeline.compress_documents(documents, QUESTION)
    assert found.page_content == "Ada lit the lamp."


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(SettingsError, match="choose one of rerank, extract, filter"):
        PassageCompressor.of("summarize")


def test_a_compressed_pattern_is_one_document_a_passage(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    llm = ScriptedLLM()
    llm.enqueue('{"keep": [2, 4]}')
    with HierarchicalIndex.open(tmp_path / "index", judge="llm", fill=False) as opened:
        index = HierarchicalIndex(
            opened.settings, engine=opened.engine, embedding=WordEmbedding(), llm=llm
        )
        index.ingest([tmp_path / "a.txt"])
        [found] = PatternRetriever(index=index, pattern="extract", k=3).invoke(QUESTION)
    assert found.page_content == "Ada lit the lamp. … Ada slept by day."
    assert [TEXT[start:end] for start, end in ours(found.metadata)["spans"]] == [
        "Ada lit the lamp.",
        "Ada slept by day.",
    ]
    assert (ours(found.metadata)["start"], ours(found.metadata)["end"]) == (11, len(TEXT))
