"""LlamaIndex's plain retrievers, as peers: hybrid search over chunks, and sentences in windows.

`VectorStoreIndex` over its own Qdrant store. A window (`SentenceWindowNodeParser` with
`MetadataReplacementPostProcessor`) is delivered by its place: the parser joins its sentences by
blanks, which are not always the document's.
"""

import uuid
from functools import cached_property

from llama_index.core import VectorStoreIndex
from llama_index.core.node_parser import NodeParser, SentenceSplitter, SentenceWindowNodeParser
from llama_index.core.schema import MetadataMode
from llama_index.core.vector_stores.types import VectorStoreQueryMode

from indexes.evaluation.peers.base import WORDS, Only
from indexes.evaluation.peers.llamaindex import LlamaIndexPeer
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text, located
from indexes.index import HierarchicalIndex
from indexes.store.bm25 import bm25_document, bm25_query

_NODES = uuid.UUID("5d8e2c57-5a3c-5f0e-b8a3-6f2f1f0c4b11")
# A sentence with its neighbours, roughly.
_TOKENS_OF_A_SENTENCE = 25.0


class PlainPeer(LlamaIndexPeer):
    """The stock index and retriever."""

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        self._window: int | None = settings.options.get("window_size")
        self._searches_words = settings.options.get("search") == "hybrid"
        size = settings.options.get("chunk_size")
        sentences = 2 * (self._window or 0) + 1
        self._tokens_per_hit = float(size or _TOKENS_OF_A_SENTENCE * sentences)

    @cached_property
    def _parser(self) -> NodeParser:
        if self._window is not None:
            return SentenceWindowNodeParser.from_defaults(window_size=self._window)
        options = self.settings.options
        return SentenceSplitter(
            chunk_size=options["chunk_size"], chunk_overlap=options["chunk_overlap"]
        )

    @cached_property
    def _vectors(self) -> VectorStoreIndex:
        words = self._searches_words
        store = self._store(
            sparse_vector_name=WORDS,
            enable_hybrid=words,
            sparse_doc_fn=_documents if words else None,
            sparse_query_fn=_queries if words else None,
        )
        return VectorStoreIndex.from_vector_store(store, embed_model=self.index.embedding)

    def _add(self, text: Text, *, embed: bool) -> None:
        document = self._document(text)
        nodes = self._parser.get_nodes_from_documents([document])
        spans = located(
            text.text, [node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]
        )
        beside = self._window or 0
        for place, node in enumerate(nodes):
            node.id_ = str(uuid.uuid5(_NODES, f"{self.collection}/{document.id_}/{place}"))
            first, last = max(0, place - beside), min(len(spans) - 1, place + beside)
            self._places[node.id_] = (spans[first][0], spans[last][1])
        self._nodes[text.document_id] = [node.id_ for node in nodes]
        if embed:
            self._vectors.insert_nodes(nodes)

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        mode = VectorStoreQueryMode.DEFAULT
        if self._searches_words:
            mode = VectorStoreQueryMode.HYBRID
        retriever = self._vectors.as_retriever(
            similarity_top_k=hits, sparse_top_k=hits, vector_store_query_mode=mode
        )
        return self._passages(retriever.retrieve(question))


def _documents(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
    found = [bm25_document(text) for text in texts]
    return [vector.indices for vector in found], [vector.values for vector in found]


def _queries(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
    found = [bm25_query(text) for text in texts]
    return [vector.indices for vector in found], [vector.values for vector in found]
