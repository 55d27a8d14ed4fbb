"""LlamaIndex's plain retrievers, as peers: hybrid search over chunks, and sentences in windows.

`VectorStoreIndex` over its own Qdrant store. A window (`SentenceWindowNodeParser` with
`MetadataReplacementPostProcessor`) is delivered by its place: the parser joins its sentences by
blanks, which are not always the document's.
"""

import uuid
from functools import cached_property

from llama_index.core import VectorStoreIndex
from llama_index.core.node_parser import NodeParser, SentenceSplitter, SentenceWindowNodeParser
from llama_index.core.schema import Document, MetadataMode
from llama_index.core.vector_stores.types import VectorStoreQueryMode
from llama_index.vector_stores.qdrant import QdrantVectorStore

from indexes.evaluation.fixed import located
from indexes.evaluation.peers.base import VECTOR, WORDS, Only, Peer
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text
from indexes.index import HierarchicalIndex
from indexes.store.bm25 import bm25_document, bm25_query

_NODES = uuid.UUID("5d8e2c57-5a3c-5f0e-b8a3-6f2f1f0c4b11")
# A sentence with its neighbours, roughly.
_TOKENS_OF_A_SENTENCE = 25.0


class PlainPeer(Peer):
    """The stock index and retriever; nodes have ids that are made from the document's."""

    # The store fills `document_id` itself.
    _document_key = "of_document"

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        self._window: int | None = settings.options.get("window_size")
        self._searches_words = settings.options.get("search") == "hybrid"
        size = settings.options.get("chunk_size")
        sentences = 2 * (self._window or 0) + 1
        self._tokens_per_hit = float(size or _TOKENS_OF_A_SENTENCE * sentences)
        self._places: dict[str, tuple[int, int]] = {}
        self._nodes: dict[str, list[str]] = {}

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
        store = QdrantVectorStore(
            self.collection,
            client=self.index.engine.client,
            aclient=self.index.engine.aclient,
            dense_vector_name=VECTOR,
            sparse_vector_name=WORDS,
            enable_hybrid=words,
            sparse_doc_fn=_documents if words else None,
            sparse_query_fn=_queries if words else None,
        )
        return VectorStoreIndex.from_vector_store(store, embed_model=self.index.embedding)

    def _add(self, text: Text, *, embed: bool) -> None:
        # Metadata is embedded with the text, LlamaIndex's default: the title, as ours.
        document = Document(
            id_=f"{text.document_id}/{text.version}",
            text=text.text,
            metadata={"title": text.title, self._document_key: text.document_id},
            excluded_embed_metadata_keys=[self._document_key],
            excluded_llm_metadata_keys=[self._document_key],
        )
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

    def _drop(self, document_id: str) -> None:
        for name in self._nodes.pop(document_id, []):
            self._places.pop(name, None)

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        mode = VectorStoreQueryMode.DEFAULT
        if self._searches_words:
            mode = VectorStoreQueryMode.HYBRID
        retriever = self._vectors.as_retriever(
            similarity_top_k=hits, sparse_top_k=hits, vector_store_query_mode=mode
        )
        passages = []
        for found in retriever.retrieve(question):
            start, end = self._places[found.node.node_id]
            origin = self._texts[found.node.metadata[self._document_key]]
            passages.append(
                PeerPassage(origin, start, end, origin.text[start:end], found.score or 0.0)
            )
        return passages


def _documents(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
    found = [bm25_document(text) for text in texts]
    return [vector.indices for vector in found], [vector.values for vector in found]


def _queries(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
    found = [bm25_query(text) for text in texts]
    return [vector.indices for vector in found], [vector.values for vector in found]
