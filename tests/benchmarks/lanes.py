"""Three stores behind one interface: this project's, LlamaIndex's stock parts, LangChain's.

Without a URL the peers run as their documentation has it for a laptop: qdrant-client's local
mode in a folder, which is slower than a server; with one, everybody's points are on that server.
Their document stores are on disk. Where there is a choice it is in their favour:
documents in groups, splitters without overlap (LangChain's counting characters, which
is faster than tokens), few hits, searches by meaning only; the lanes that end in `-hybrid` are
their own hybrid search, with our BM25 weights.
"""

import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import Document
from pydantic import PrivateAttr

from tests.benchmarks.synthetic import CHARACTERS_PER_TOKEN, FakeVectors, Text

LEVELS = (1024, 256, 128)
BUDGET = 1024
# 12 leaves that merge in part, and 4 parents (LangChain's default): more than the budget.
STOCK_HITS = 12
LANGCHAIN_HITS = 4
_GROUP = 16  # documents handed to a peer at once


class Lane(Protocol):
    """A store on its way through the benchmark. Texts go in, contexts come out."""

    round_trips: int
    """Calls to an engine or document store so far, by queries."""

    def ingest(self, texts: Iterable[Text]) -> int:
        """Store them so that they survive a restart; the number of leaves."""

    def query(self, question: str) -> list[str]:
        """The texts of the contexts."""

    def delete(self, document_id: str) -> None:
        """Remove every trace of a document, so that it survives a restart."""

    def points(self) -> int:
        """How many points the engine holds."""

    def settle(self) -> bool:
        """Finish what runs in the background now; False where there is no such thing."""


class FakeEmbedding(BaseEmbedding):
    """`FakeVectors` as LlamaIndex's embedding."""

    model_name: str = "fake"
    embed_batch_size: int = 256
    _vectors: FakeVectors = PrivateAttr()
    _questions: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def __init__(self, vectors: FakeVectors) -> None:
        super().__init__()
        self._vectors = vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vectors.of([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._vectors.of(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        # What making a vector up takes is no store's.
        if query not in self._questions:
            self._questions[query] = self._vectors.of([query])[0]
        return self._questions[query]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _counted(lane: Lane, call: Callable[..., Any]) -> Callable[..., Any]:
    def counting(*args: Any, **kwargs: Any) -> Any:
        lane.round_trips += 1
        return call(*args, **kwargs)

    return counting


def _document(text: Text) -> Document:
    metadata = {"title": text.title, "source": f"{text.id}.txt"}
    return Document(id_=text.id, text=text.text, metadata=metadata)


def _groups(texts: Iterable[Text]) -> Iterator[list[Text]]:
    remaining = iter(texts)
    while group := list(islice(remaining, _GROUP)):
        yield group


def _client(folder: Path, url: str, collection: str) -> Any:
    """A peer's client, without its collection of an earlier time."""
    from qdrant_client import QdrantClient

    if not url:
        return QdrantClient(path=str(folder / "qdrant"))
    client = QdrantClient(url=url, check_compatibility=False, timeout=60)
    client.delete_collection(collection)
    return client


class Ours:
    """`HierarchicalIndex` in a folder or on a server, pattern `parent`, default settings."""

    def __init__(self, folder: Path, vectors: FakeVectors, url: str = "") -> None:
        from indexes.index import HierarchicalIndex
        from indexes.settings import load_settings

        settings = load_settings(index=url or str(folder), collection="benchmark-ours")
        self.index = HierarchicalIndex(settings, embedding=FakeEmbedding(vectors))
        if url and self.index.store.exists():
            self.index.store.drop()
        self.retriever: Any = None
        self.round_trips = 0

    def ingest(self, texts: Iterable[Text]) -> int:
        leaves = self.index.ingest(_document(text) for text in texts).leaves
        self.retriever = self.index.retriever("parent", budget=BUDGET)
        backend: Any = self.index.engine.client._client
        for name in ("query_batch_points", "query_points", "retrieve", "scroll", "count"):
            setattr(backend, name, _counted(self, getattr(backend, name)))
        wire: Any = self.index.engine.wire
        wire.search = _counted(self, wire.search)
        return leaves

    def query(self, question: str) -> list[str]:
        return [found.node.get_content() for found in self.retriever.retrieve(question)]

    def delete(self, document_id: str) -> None:
        self.index.remove(document_id)

    def points(self) -> int:
        store = self.index.store
        return self.index.engine.client.count(store.collection).count

    def settle(self) -> bool:
        backend: Any = self.index.engine.client._client
        if self.index.engine.embedded:
            backend.optimize(self.index.store.collection)
        return self.index.engine.embedded


class Stock:
    """`HierarchicalNodeParser`, `AutoMergingRetriever`, `SimpleDocumentStore` saved as JSON."""

    hybrid = False

    def __init__(self, folder: Path, vectors: FakeVectors, url: str = "") -> None:
        from llama_index.core import StorageContext, VectorStoreIndex
        from llama_index.core.node_parser import HierarchicalNodeParser, SentenceSplitter
        from llama_index.core.retrievers import AutoMergingRetriever, VectorIndexRetriever
        from llama_index.core.storage.docstore import SimpleDocumentStore
        from llama_index.vector_stores.qdrant import QdrantVectorStore

        self.round_trips = 0
        self.client = _client(folder, url, "stock")
        self.docstore = SimpleDocumentStore()
        self.saved = folder / "docstore.json"
        # The parser's own default is one splitter a size, each with an overlap of 20.
        self.parser = HierarchicalNodeParser.from_defaults(
            node_parser_ids=[str(size) for size in LEVELS],
            node_parser_map={
                str(size): SentenceSplitter(chunk_size=size, chunk_overlap=0) for size in LEVELS
            },
        )
        storage = StorageContext.from_defaults(
            docstore=self.docstore,
            vector_store=QdrantVectorStore(
                "stock",
                client=self.client,
                **({"enable_hybrid": True, **_sparse_functions()} if self.hybrid else {}),
            ),
        )
        self.index = VectorStoreIndex(
            [], storage_context=storage, embed_model=FakeEmbedding(vectors)
        )
        self.retriever = AutoMergingRetriever(
            VectorIndexRetriever(
                self.index,
                similarity_top_k=STOCK_HITS,
                vector_store_query_mode="hybrid" if self.hybrid else "default",
                sparse_top_k=STOCK_HITS if self.hybrid else None,
            ),
            storage,
        )

    def ingest(self, texts: Iterable[Text]) -> int:
        from llama_index.core.node_parser import get_leaf_nodes

        leaves = 0
        for group in _groups(texts):
            nodes = self.parser.get_nodes_from_documents([_document(text) for text in group])
            below = get_leaf_nodes(nodes)
            self.docstore.add_documents(nodes)
            self.index.insert_nodes(below)
            leaves += len(below)
        self.docstore.persist(str(self.saved))
        for name in ("query_points", "retrieve", "scroll", "count"):
            setattr(self.client, name, _counted(self, getattr(self.client, name)))
        store: Any = self.docstore._kvstore
        store.get = _counted(self, store.get)
        return leaves

    def query(self, question: str) -> list[str]:
        return [found.node.get_content() for found in self.retriever.retrieve(question)]

    def delete(self, document_id: str) -> None:
        from llama_index.core.schema import NodeRelationship

        # `delete_ref_doc` of the index leaves every node in the document store, and that
        # of the document store all but the roots: a node's source is its parent.
        self.index.delete_ref_doc(document_id, delete_from_docstore=True)
        waiting = [document_id]
        children: dict[str, list[str]] = {}
        for node in self.docstore.docs.values():
            source = node.relationships.get(NodeRelationship.SOURCE)
            children.setdefault(getattr(source, "node_id", ""), []).append(node.node_id)
        while waiting:
            for name in children.get(waiting.pop(), []):
                self.docstore.delete_document(name, raise_error=False)
                waiting.append(name)
        self.docstore.persist(str(self.saved))

    def points(self) -> int:
        return self.client.count("stock").count

    def settle(self) -> bool:
        return False


class LangChain:
    """`ParentDocumentRetriever` with a Qdrant store and a `LocalFileStore`."""

    hybrid = False

    def __init__(self, folder: Path, vectors: FakeVectors, url: str = "") -> None:
        from langchain_classic.retrievers import ParentDocumentRetriever
        from langchain_classic.storage import LocalFileStore, create_kv_docstore
        from langchain_core.embeddings import Embeddings
        from langchain_qdrant import QdrantVectorStore, RetrievalMode
        from langchain_text_splitters import RecursiveCharacterTextSplitter
        from qdrant_client import models

        from indexes.evaluation.peers.langchain import _Bm25

        class Fake(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return vectors.of(texts)

            def embed_query(self, text: str) -> list[float]:
                return vectors.of([text])[0]

        def splitter(tokens: int) -> RecursiveCharacterTextSplitter:
            size = round(tokens * CHARACTERS_PER_TOKEN)
            return RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=0)

        self.round_trips = 0
        self.client = _client(folder, url, "langchain")
        words = {"words": models.SparseVectorParams(modifier=models.Modifier.IDF)}
        self.client.create_collection(
            "langchain",
            models.VectorParams(size=vectors.dimension, distance=models.Distance.COSINE),
            sparse_vectors_config=words if self.hybrid else None,
        )
        mode = RetrievalMode.HYBRID if self.hybrid else RetrievalMode.DENSE
        files = LocalFileStore(folder / "parents")
        self.retriever = ParentDocumentRetriever(
            vectorstore=QdrantVectorStore(
                self.client,
                "langchain",
                Fake(),
                retrieval_mode=mode,
                sparse_embedding=_Bm25() if self.hybrid else None,
                sparse_vector_name="words",
            ),
            docstore=create_kv_docstore(files),
            child_splitter=splitter(LEVELS[-1]),
            parent_splitter=splitter(LEVELS[0]),
            search_kwargs={"k": LANGCHAIN_HITS},
        )
        self._files: Any = files

    def ingest(self, texts: Iterable[Text]) -> int:
        from langchain_core.documents import Document as Given

        for group in _groups(texts):
            self.retriever.add_documents(
                [
                    Given(text.text, metadata={"title": text.title, "document_id": text.id})
                    for text in group
                ]
            )
        for name in ("query_points", "retrieve", "scroll", "count"):
            setattr(self.client, name, _counted(self, getattr(self.client, name)))
        # A file for each parent, read one after the other.
        self._files._get_full_path = _counted(self, self._files._get_full_path)
        return self.points()

    def query(self, question: str) -> list[str]:
        return [found.page_content for found in self.retriever.invoke(question)]

    def delete(self, document_id: str) -> None:
        from qdrant_client import models

        # The retriever can't: the user looks for the children and deletes them by hand.
        place = models.FieldCondition(
            key="metadata.document_id", match=models.MatchValue(value=document_id)
        )
        wanted = models.Filter(must=[place])
        found, _ = self.client.scroll("langchain", scroll_filter=wanted, limit=10_000)
        parents = {point.payload["metadata"]["doc_id"] for point in found if point.payload}
        self.client.delete("langchain", models.FilterSelector(filter=wanted))
        self.retriever.docstore.mdelete(sorted(parents))

    def points(self) -> int:
        return self.client.count("langchain").count

    def settle(self) -> bool:
        return False


class StockHybrid(Stock):
    """The same with LlamaIndex's own hybrid search."""

    hybrid = True


class LangChainHybrid(LangChain):
    """The same with LangChain's own hybrid search."""

    hybrid = True


def _sparse_functions() -> dict[str, Any]:
    """BM25 weights as LlamaIndex's store takes them."""
    from indexes.store.bm25 import bm25_document, bm25_query

    def encoded(encode: Any) -> Any:
        def of(texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
            found = [encode(text) for text in texts]
            return [one.indices for one in found], [one.values for one in found]

        return of

    return {"sparse_doc_fn": encoded(bm25_document), "sparse_query_fn": encoded(bm25_query)}


LANES: dict[str, Callable[[Path, FakeVectors, str], Lane]] = {
    "ours": Ours,
    "stock": Stock,
    "langchain": LangChain,
    "stock-hybrid": StockHybrid,
    "langchain-hybrid": LangChainHybrid,
}


def open_lane(name: str, folder: Path, vectors: FakeVectors, url: str = "") -> Lane:
    """A lane with an empty store, in `folder` or on a server."""
    # qdrant-client says that local mode is not for many points: that is what we measure.
    warnings.filterwarnings("ignore", message="Local mode is not recommended")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return LANES[name](folder, vectors, url)
