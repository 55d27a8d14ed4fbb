"""LangChain's own retrievers and compressors, as peers."""

import uuid
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from langchain_classic.retrievers import ParentDocumentRetriever
from langchain_classic.retrievers.document_compressors import (
    EmbeddingsFilter,
    LLMChainExtractor,
    LLMChainFilter,
)
from langchain_classic.storage import InMemoryStore
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.messages import BaseMessage, get_buffer_string
from langchain_core.outputs import LLMResult
from langchain_qdrant import QdrantVectorStore, RetrievalMode, SparseEmbeddings, SparseVector
from langchain_text_splitters import RecursiveCharacterTextSplitter

from indexes.compression.build import OVERFETCH
from indexes.details import JudgedPassage, PeerCompressionDetails
from indexes.errors import ModelError, RagError
from indexes.evaluation.peers.base import VECTOR, WORDS, Only, Peer
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text, fill, located, quotes, tokens_of
from indexes.index import HierarchicalIndex
from indexes.langchain.models import LlamaIndexEmbeddings, chat_model
from indexes.store.bm25 import bm25_document, bm25_query
from indexes.tokens import count_tokens
from indexes.trace import stage

_CHUNKS = uuid.UUID("0b1f7a54-6f0e-5d55-9a0e-6b1f4c3f7d21")
_PARENTS = uuid.UUID("9f0a5b6e-1c7d-5d0e-8b35-2d7f5a2c9e10")
# Characters of a token, roughly: only to ask for about as many hits as a budget takes.
_CHARACTERS_PER_TOKEN = 4.4


class LangChainPeer(Peer):
    """`VectorStoreRetriever` over `RecursiveCharacterTextSplitter`'s chunks."""

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        self._tokens_per_hit = self._size("chunk_size") * 0.7
        self._searches_words = settings.options.get("search") == "hybrid"

    def _size(self, name: str) -> float:
        """A chunk size in tokens, about."""
        size = float(self.settings.options[name])
        return size if self._counts_tokens else size / _CHARACTERS_PER_TOKEN

    @property
    def _counts_tokens(self) -> bool:
        return self.settings.options.get("length") == "cl100k tokens"

    def _splitter(self, size: str, overlap: str) -> RecursiveCharacterTextSplitter:
        titled = bool(self.settings.options.get("title")) and size == "chunk_size"
        kind = _TitledSplitter if titled else RecursiveCharacterTextSplitter
        return kind(
            chunk_size=self.settings.options[size],
            chunk_overlap=self.settings.options[overlap],
            length_function=count_tokens if self._counts_tokens else len,
        )

    @cached_property
    def vectorstore(self) -> QdrantVectorStore:
        """LangChain's own store, on our engine and with our embedding model."""
        mode = RetrievalMode.HYBRID if self._searches_words else RetrievalMode.DENSE
        return _NamedChunks(
            client=self.index.engine.client,
            collection_name=self.collection,
            embedding=LlamaIndexEmbeddings(self.index.embedding),
            vector_name=VECTOR,
            sparse_embedding=_Bm25() if self._searches_words else None,
            sparse_vector_name=WORDS,
            retrieval_mode=mode,
            validate_collection_config=False,
        )

    def _document(self, text: Text) -> Document:
        about = {"document_id": text.document_id, "source": text.source, "title": text.title}
        return Document(page_content=text.text, metadata=about)

    def _add(self, text: Text, *, embed: bool) -> None:
        if not embed:
            return
        chunks = self._splitter("chunk_size", "chunk_overlap").split_documents(
            [self._document(text)]
        )
        # `add_start_index` guesses: it is wrong where lengths are counted in tokens.
        spans = located(text.text, [self._said(chunk) for chunk in chunks])
        for chunk, (start, _) in zip(chunks, spans, strict=True):
            chunk.metadata["start_index"] = start
        self.vectorstore.add_documents(chunks)

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        found = self.vectorstore.similarity_search_with_score(question, k=hits)
        return [self._passage(document, score) for document, score in found]

    def _said(self, document: Document) -> str:
        """A chunk's text without the title that was put before it."""
        return document.page_content.removeprefix(document.metadata.get("titled", ""))

    def _passage(self, document: Document, score: float) -> PeerPassage:
        start = document.metadata["start_index"]
        text = self._said(document)
        origin = self._texts[document.metadata["document_id"]]
        return PeerPassage(origin, start, start + len(text), text, score)


class _NamedChunks(QdrantVectorStore):
    """A store that gives the same chunks to the same question, also after indexing anew.

    LangChain's ids are random, and passages of equal scores, which fusing ranks makes many of,
    come from the engine in any order: here ids follow from a chunk's place, and ties from ids.
    """

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Store the chunks of one document."""
        ids = [
            str(uuid.uuid5(_CHUNKS, f"{chunk.metadata['document_id']}/{place}"))
            for place, chunk in enumerate(documents)
        ]
        return super().add_documents(documents, **{**kwargs, "ids": ids})

    def similarity_search_with_score(
        self, query: str, *args: Any, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The best first, ties by id."""
        found = super().similarity_search_with_score(query, *args, **kwargs)
        return sorted(found, key=lambda hit: (-hit[1], hit[0].metadata["_id"]))


class _TitledSplitter(RecursiveCharacterTextSplitter):
    """Puts the document's title before each chunk, so that it is embedded with it."""

    def split_documents(self, documents: Iterable[Document]) -> list[Document]:
        """Chunks that begin with the title."""
        chunks = super().split_documents(documents)
        for chunk in chunks:
            chunk.metadata["titled"] = f"{chunk.metadata['title']}\n"
            chunk.page_content = chunk.metadata["titled"] + chunk.page_content
        return chunks


class _Bm25(SparseEmbeddings):
    """The engine's own BM25, as LangChain's sparse embeddings."""

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        """Term weights of documents."""
        return [_sparse(bm25_document(text)) for text in texts]

    def embed_query(self, text: str) -> SparseVector:
        """The terms of a query."""
        return _sparse(bm25_query(text))


def _sparse(vector: Any) -> SparseVector:
    return SparseVector(indices=vector.indices, values=vector.values)


class ParentDocumentPeer(LangChainPeer):
    """`ParentDocumentRetriever`, its parents in memory, its children in our engine.

    Its document store is made anew when the process starts, by cutting the documents
    again; ids are given (LangChain's own are random: it could not find the parents again).
    """

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        # Several children lead to one parent.
        self._tokens_per_hit = self._size("parent_size") * 0.35
        self._parents: dict[str, list[str]] = {}

    @cached_property
    def retriever(self) -> ParentDocumentRetriever:
        """LangChain's own retriever."""
        return ParentDocumentRetriever(
            vectorstore=self.vectorstore,
            docstore=InMemoryStore(),
            child_splitter=self._splitter("chunk_size", "chunk_overlap"),
            parent_splitter=self._splitter("parent_size", "parent_overlap"),
        )

    def _add(self, text: Text, *, embed: bool) -> None:
        splitter = self._splitter("parent_size", "parent_overlap")
        parents = splitter.split_documents([self._document(text)])
        spans = located(text.text, [parent.page_content for parent in parents])
        ids = []
        for number, (parent, (start, _)) in enumerate(zip(parents, spans, strict=True)):
            parent.metadata["start_index"] = start
            key = f"{text.document_id}/{text.version}/{number}"
            ids.append(str(uuid.uuid5(_PARENTS, key)))
        if embed:
            # Already cut: the parent splitter leaves texts of its own size as they are.
            self.retriever.add_documents(parents, ids=ids)
        else:
            self.retriever.docstore.mset(list(zip(ids, parents, strict=True)))
        self._parents[text.document_id] = ids

    def _drop(self, document_id: str) -> None:
        # LangChain's retriever has no delete: whoever uses it keeps track of the ids.
        self.retriever.docstore.mdelete(self._parents.pop(document_id, []))

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        self.retriever.search_kwargs = {"k": hits}
        found = self.retriever.invoke(question)
        # It gives no scores; the order is all there is.
        return [self._passage(document, -float(rank)) for rank, document in enumerate(found)]


class CompressedPeer(LangChainPeer):
    """A compressor over the regular peer's results, as `ContextualCompressionRetriever` has it.

    What is retrieved for it is as many budgets as our own compressors get.
    """

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        self._overfetch = index.settings.overfetch or OVERFETCH

    def _compressor(self) -> BaseDocumentCompressor:
        make: Callable[[CompressedPeer], BaseDocumentCompressor] = _COMPRESSORS[self.settings.what]
        return make(self)

    def _compress(
        self, question: str, passages: Sequence[PeerPassage], budget: int
    ) -> list[PeerPassage]:
        counter = _Counter()
        name = "filter" if "Filter" in self.settings.what else "extract"
        with stage(name) as record:
            record.nodes_in, record.tokens_in = len(passages), tokens_of(passages)
            given = [
                Document(page_content=passage.text, metadata={"place": place})
                for place, passage in enumerate(passages)
            ]
            compressor = self._compressor()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    said = compressor.compress_documents(given, question, [counter])
            except RagError:
                raise
            except ValueError as error:
                reason = " ".join(str(error).split())[:200]
                raise ModelError(
                    f"{self.settings.what} aborts the query on this answer: {reason}: choose a "
                    "larger model, or one of our patterns, which go on"
                ) from error
            finally:
                record.llm_calls = counter.calls
                record.llm_tokens_in = counter.tokens_in
                record.llm_tokens_out = counter.tokens_out
            kept = [
                part
                for document in said
                for part in self._kept(passages[document.metadata["place"]], document)
            ]
            kept = fill(kept, budget)
            record.nodes_out, record.tokens_out = len(said), tokens_of(kept)
            record.details = PeerCompressionDetails(
                peer=self.settings.what,
                passages=tuple(
                    JudgedPassage(
                        document=passage.origin.source,
                        start=passage.start,
                        end=passage.end,
                        kept=any(d.metadata["place"] == place for d in said),
                        tokens_in=count_tokens(passage.text),
                    )
                    for place, passage in enumerate(passages)
                ),
                invented_tokens=sum(
                    count_tokens(passage.text) for passage in kept if passage.start == passage.end
                ),
            )
        return kept

    @staticmethod
    def _kept(passage: PeerPassage, document: Document) -> list[PeerPassage]:
        if document.page_content == passage.text:
            return [passage]
        return quotes(passage, document.page_content)


_COMPRESSORS: dict[str, Callable[[CompressedPeer], BaseDocumentCompressor]] = {
    "LLMChainExtractor": lambda peer: LLMChainExtractor.from_llm(chat_model(peer.index.llm)),
    "LLMChainFilter": lambda peer: LLMChainFilter.from_llm(chat_model(peer.index.llm)),
    "EmbeddingsFilter": lambda peer: _embeddings_filter(peer),
}


def _embeddings_filter(peer: CompressedPeer) -> BaseDocumentCompressor:
    with warnings.catch_warnings():
        # It can't do without `langchain-community`, which warns that it is being retired.
        warnings.simplefilter("ignore", DeprecationWarning)
        return EmbeddingsFilter(
            embeddings=LlamaIndexEmbeddings(peer.index.embedding),
            k=None,
            similarity_threshold=peer.settings.options["similarity_threshold"],
        )


class _Counter(BaseCallbackHandler):
    """Counts a chain's calls of its model, and their tokens."""

    def __init__(self) -> None:
        self.calls = self.tokens_in = self.tokens_out = 0
        self._asked: dict[uuid.UUID, int] = {}

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: uuid.UUID,
        **kwargs: Any,
    ) -> None:
        """A call begins."""
        self.calls += 1
        self._asked[run_id] = sum(count_tokens(get_buffer_string(said)) for said in messages)

    def on_llm_end(self, response: LLMResult, *, run_id: uuid.UUID, **kwargs: Any) -> None:
        """A call has ended: the endpoint's own figures, else cl100k's."""
        message = getattr(response.generations[0][0], "message", None)
        used = getattr(message, "usage_metadata", None) or {}
        asked = self._asked.pop(run_id, 0)
        if used.get("total_tokens"):
            self.tokens_in += used["input_tokens"]
            self.tokens_out += used["output_tokens"]
        else:
            self.tokens_in += asked
            self.tokens_out += count_tokens(response.generations[0][0].text)
