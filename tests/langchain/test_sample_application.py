"""An application written as AWS's sample is, with its retriever swapped and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_classic.chains import RetrievalQA
from langchain_classic.retrievers import ContextualCompressionRetriever, ParentDocumentRetriever
from langchain_classic.retrievers.document_compressors import LLMChainExtractor
from langchain_classic.storage import InMemoryStore
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from qdrant_client import models

from indexes.documents import load_document
from indexes.errors import DocumentError
from indexes.index import HierarchicalIndex
from indexes.langchain import ParentDocuments, PatternRetriever, chat_model
from indexes.langchain.models import LlamaIndexEmbeddings
from indexes.namespace import OURS
from indexes.settings import load_settings
from tests.fakes import DIMENSION, ScriptedLLM, WordEmbedding
from tests.test_development_data import DATA

LETTERS = Path(__file__).parents[2] / "app" / "samples" / "letters"
QUERY = "How did the cloud business evolve?"
PROMPT = PromptTemplate.from_template(
    "<s>[INST]\nUse the following pieces of context to answer the question.\n\n{context}\n\n"
    "Question: {question}\n\n[/INST]"
)


# --- the application: not a line of it knows whose retriever it has -----------------------


def answer(llm: BaseChatModel, retriever: BaseRetriever, query: str) -> dict[str, object]:
    chain = RetrievalQA.from_chain_type(
        llm=llm,
        chain_type="stuff",
        retriever=retriever,
        return_source_documents=True,
        chain_type_kwargs={"prompt": PROMPT},
    )
    result = chain.invoke({"query": query})
    return {
        "answer": result["result"],
        "sources": [document.metadata["source"] for document in result["source_documents"]],
        "texts": [document.page_content for document in result["source_documents"]],
    }


def compressed(llm: BaseChatModel, retriever: BaseRetriever) -> BaseRetriever:
    return ContextualCompressionRetriever(
        base_compressor=LLMChainExtractor.from_llm(llm), base_retriever=retriever
    )


# --- the retrievers -----------------------------------------------------------------------


def letters() -> list[Document]:
    loaded = [load_document(path) for path in sorted(LETTERS.glob("*.pdf"))]
    return [
        Document(page_content=found.text, metadata={"source": found.metadata["source"]})
        for found in loaded
    ]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    settings = load_settings(index=str(tmp_path / "index"), budget=512)
    with HierarchicalIndex(settings, embedding=WordEmbedding()) as opened:
        yield opened


@pytest.fixture
def theirs(index: HierarchicalIndex) -> ParentDocumentRetriever:
    parameters = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    index.engine.client.create_collection("theirs", vectors_config=parameters)
    retriever = ParentDocumentRetriever(
        vectorstore=QdrantVectorStore(
            index.engine.client, "theirs", LlamaIndexEmbeddings(index.embedding)
        ),
        docstore=InMemoryStore(),
        child_splitter=RecursiveCharacterTextSplitter(chunk_size=400),
        parent_splitter=RecursiveCharacterTextSplitter(chunk_size=2000),
    )
    retriever.add_documents(letters())
    return retriever


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[ParentDocuments]:
    retriever = ParentDocuments.open(
        tmp_path / "swapped", child_size=400, parent_size=2000, embedding=WordEmbedding()
    )
    retriever.add_documents(letters())
    yield retriever
    retriever.index.close()


def test_the_application_runs_on_either(
    theirs: ParentDocumentRetriever, ours: ParentDocuments
) -> None:
    for retriever in (theirs, ours):
        llm = ScriptedLLM()
        llm.enqueue("It grew.")
        result = answer(chat_model(llm), retriever, QUERY)
        assert result["answer"] == "It grew."
        assert set(result["sources"]) <= {document.metadata["source"] for document in letters()}
        [prompt] = llm.prompts
        assert all(text in prompt for text in result["texts"])


def test_langchains_compressor_works_on_our_retriever(ours: ParentDocuments) -> None:
    llm = ScriptedLLM()
    llm.enqueue(*["NO_OUTPUT"] * 2, *["The cloud grew."] * 20)
    ours.k = 3
    result = answer(chat_model(llm), compressed(chat_model(llm), ours), QUERY)
    assert result["texts"] == ["The cloud grew."]
    assert result["answer"] == "The cloud grew."


# --- offsets, there and back --------------------------------------------------------------


class OneVector(WordEmbedding):
    """Quick: what is found doesn't matter, where it is does."""

    def _embed(self, text: str) -> list[float]:
        return [1.0, len(text) / 1000]


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["chunking_evaluation", "privacy_qa", "amazon_letters"])
def test_offsets_are_exact_for_every_document_of_the_set(tmp_path: Path, corpus: str) -> None:
    """Document → LangChain → our index → LangChain: every text is where it says it is."""
    folder = DATA / corpus
    if not folder.exists():
        pytest.skip(f"THE DEVELOPMENT DATA IS MISSING: expected {corpus} in ../shared/data")
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".txt", ".pdf"})
    texts: dict[str, str] = {}
    for path in files:
        try:
            texts[path.name] = load_document(path).text
        except DocumentError as error:
            raise AssertionError(path) from error
    given = [Document(page_content=t, metadata={"source": name}) for name, t in texts.items()]
    with HierarchicalIndex(
        load_settings(index=str(tmp_path / "index"), budget=100_000, top_k=1000),
        embedding=OneVector(),
    ) as index:
        ParentDocuments(index=index).add_documents(given)
        seen: set[str] = set()
        for pattern in ("regular", "parent"):
            for name, text in texts.items():
                wanted = {"must": [{"key": "metadata.source", "match": {"value": name}}]}
                retriever = PatternRetriever(
                    index=index, pattern=pattern, filters=models.Filter(**wanted)
                )
                for document in retriever.invoke(f"What about {text[:40]}?"):
                    place = json.loads(document.model_dump_json())["metadata"]
                    assert place["source"] == name
                    run = place[OURS]
                    assert document.page_content == text[run["start"] : run["end"]]
                    seen.add(name)
    assert seen == set(texts)
