"""LlamaIndex's own auto-merging, as a peer: `HierarchicalNodeParser` and
`AutoMergingRetriever` over its own Qdrant store and a `SimpleDocumentStore`.
"""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.node_parser import (
    HierarchicalNodeParser,
    SentenceSplitter,
    get_leaf_nodes,
)
from llama_index.core.retrievers import AutoMergingRetriever, VectorIndexRetriever
from llama_index.core.schema import BaseNode, Document, MetadataMode, NodeWithScore
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.utils import globals_helper
from llama_index.vector_stores.qdrant import QdrantVectorStore

from indexes.evaluation.peers.base import VECTOR, Only, Peer
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text
from indexes.index import HierarchicalIndex

_NODES = uuid.UUID("2b8f0f0e-7a2e-5a53-9a94-0d8c9f6b1f77")


class LlamaIndexPeer(Peer):
    """What its peers share: nodes with ids made from the document's, whose places are known."""

    # The store fills `document_id` itself: with the id of a leaf's parent.
    _document_key = "of_document"

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        _load_tokenizer()
        self._places: dict[str, tuple[int, int]] = {}
        self._nodes: dict[str, list[str]] = {}

    def _store(self, **options: Any) -> QdrantVectorStore:
        return QdrantVectorStore(
            self.collection,
            client=self.index.engine.client,
            aclient=self.index.engine.aclient,
            dense_vector_name=VECTOR,
            **options,
        )

    def _document(self, text: Text) -> Document:
        # Metadata is embedded with the text, LlamaIndex's default: the title, as ours.
        return Document(
            id_=f"{text.document_id}/{text.version}",
            text=text.text,
            metadata={"title": text.title, self._document_key: text.document_id},
            excluded_embed_metadata_keys=[self._document_key],
            excluded_llm_metadata_keys=[self._document_key],
        )

    def _drop(self, document_id: str) -> None:
        for name in self._nodes.pop(document_id, []):
            self._places.pop(name, None)

    def _passages(self, found: Sequence[NodeWithScore]) -> list[PeerPassage]:
        passages = []
        for one in found:
            start, end = self._places[one.node.node_id]
            origin = self._texts[one.node.metadata[self._document_key]]
            text = origin.text[start:end]
            passages.append(PeerPassage(origin, start, end, text, one.score or 0.0))
        return passages


def _load_tokenizer() -> None:
    """Load the sentence tokenizer of LlamaIndex's splitters.

    Their first use reads NLTK's stop words, too, which they don't need. NLTK refuses files with
    more than one link, as uv installs them; by then the tokenizer is there.
    """
    with suppress(PermissionError):
        _ = globals_helper.punkt_tokenizer


class AutoMergingPeer(LlamaIndexPeer):
    """The stock retriever. Its nodes live in memory, its leaves in our engine.

    The parser's own ids are random, and the nodes of a new process would not be those that were
    stored.
    """

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        self._docstore = SimpleDocumentStore()
        self._tokens_per_hit = float(settings.options["chunk_sizes"][-1])
        self._fixed_hits = "similarity_top_k" in settings.options

    def _hits(self, budget: int) -> int:
        fixed = self.settings.options.get("similarity_top_k")
        return int(fixed) if fixed is not None else max(6, round(budget / self._tokens_per_hit))

    @cached_property
    def _parser(self) -> HierarchicalNodeParser:
        sizes = self.settings.options["chunk_sizes"]
        overlap = self.settings.options["chunk_overlap"]
        return HierarchicalNodeParser.from_defaults(
            node_parser_ids=[str(size) for size in sizes],
            node_parser_map={
                str(size): SentenceSplitter(
                    chunk_size=size, chunk_overlap=overlap, id_func=_ids_of(size)
                )
                for size in sizes
            },
        )

    @cached_property
    def _storage(self) -> StorageContext:
        return StorageContext.from_defaults(docstore=self._docstore, vector_store=self._store())

    @cached_property
    def _vectors(self) -> VectorStoreIndex:
        return VectorStoreIndex([], storage_context=self._storage, embed_model=self.index.embedding)

    def _add(self, text: Text, *, embed: bool) -> None:
        nodes = self._parser.get_nodes_from_documents([self._document(text)])
        self._locate(text.text, nodes)
        self._docstore.add_documents(nodes)
        self._nodes[text.document_id] = [node.node_id for node in nodes]
        if embed:
            self._vectors.insert_nodes(get_leaf_nodes(nodes))

    def _locate(self, text: str, nodes: list[BaseNode]) -> None:
        """Offsets in the document: the parser's are relative to the parent, or missing."""
        before: dict[str | None, int] = {}
        for node in nodes:
            parent = node.parent_node.node_id if node.parent_node else None
            first, last = self._places[parent] if parent else (0, len(text))
            said = node.get_content(metadata_mode=MetadataMode.NONE)
            start = text.find(said, before.get(parent, first), last)
            if start < 0:
                raise ValueError(f"a chunk is not in its parent: {said[:60]!r}")
            before[parent] = start + 1
            self._places[node.node_id] = (start, start + len(said))

    def _drop(self, document_id: str) -> None:
        # `delete_ref_doc` would leave every parent behind.
        for name in self._nodes.get(document_id, []):
            self._docstore.delete_document(name, raise_error=False)
        super()._drop(document_id)

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        retriever = AutoMergingRetriever(
            cast(VectorIndexRetriever, self._vectors.as_retriever(similarity_top_k=hits)),
            self._storage,
        )
        return self._passages(retriever.retrieve(question))


def _ids_of(size: int) -> Callable[[int, BaseNode], str]:
    def identity(place: int, parent: BaseNode) -> str:
        return str(uuid.uuid5(_NODES, f"{parent.node_id}/{size}/{place}"))

    return identity
