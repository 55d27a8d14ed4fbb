"""LlamaIndex's and LangChain's own Qdrant stores, on the embedded engine.

They come with `pip install -r pyproject.toml --extra evaluation`.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexes.store.connect import Engine, connect

NEEDS = "not installed: this test needs the extra `evaluation`"


def words(text: str) -> list[float]:
    """A vector that counts letters: enough for nearest neighbours that can be foreseen."""
    return [float(text.lower().count(letter)) + 0.01 for letter in "abcdefghijklmnopqrstuvwxyz"]


TEXTS = {"zebras": "zzz zebra zoo", "queens": "qqq queen quilt", "foxes": "xxx fox box"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with connect(str(tmp_path / "index")) as engine:
        yield engine


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_llama_indexs_store_does_its_ordinary_work(engine: Engine) -> None:
    qdrant = pytest.importorskip("llama_index.vector_stores.qdrant", reason=NEEDS)
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    from llama_index.core.vector_stores import types

    store = qdrant.QdrantVectorStore(
        "c", client=engine.client, aclient=engine.aclient, batch_size=2
    )
    nodes = [
        TextNode(
            id_=str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            text=text,
            embedding=words(text),
            metadata={"name": name, "letters": len(text)},
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc-{name}")},
        )
        for name, text in TEXTS.items()
    ]
    store.add(nodes[:2])
    await store.async_add(nodes[2:])

    query = types.VectorStoreQuery(query_embedding=words("zebra"), similarity_top_k=2)
    result = store.query(query)
    assert result.nodes[0].get_content() == TEXTS["zebras"]
    assert result.nodes[0].metadata["name"] == "zebras"
    assert result.similarities[0] > result.similarities[1]
    assert (await store.aquery(query)).ids == result.ids

    named = types.MetadataFilters(
        filters=[
            types.MetadataFilter(key="name", value=["foxes"], operator=types.FilterOperator.IN),
            types.MetadataFilter(key="letters", value=5, operator=types.FilterOperator.GT),
        ]
    )
    query.filters = named
    assert [node.metadata["name"] for node in store.query(query).nodes] == ["foxes"]
    assert [node.get_content() for node in store.get_nodes([nodes[1].node_id])] == [TEXTS["queens"]]
    store.delete("doc-foxes")
    assert store.query(query).nodes == []
    await store.adelete_nodes([nodes[0].node_id])
    assert engine.client.count("c").count == 1
    store.clear()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_langchains_store_does_its_ordinary_work(engine: Engine) -> None:
    langchain = pytest.importorskip("langchain_qdrant", reason=NEEDS)
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from qdrant_client import models

    class Letters(Embeddings):
        """Embeds by counting letters."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [words(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return words(text)

    engine.client.create_collection(
        "c", models.VectorParams(size=26, distance=models.Distance.COSINE)
    )
    store: Any = langchain.QdrantVectorStore(engine.client, "c", Letters())
    documents = [
        Document(page_content=text, metadata={"name": name}) for name, text in TEXTS.items()
    ]
    ids = store.add_documents(documents)
    hits = store.similarity_search_with_score("zebra", k=2)
    assert hits[0][0].page_content == TEXTS["zebras"]
    assert hits[0][1] > hits[1][1]
    assert (await store.asimilarity_search("queen", k=1))[0].metadata["name"] == "queens"
    only = models.Filter(
        must=[models.FieldCondition(key="metadata.name", match=models.MatchValue(value="foxes"))]
    )
    assert [hit.metadata["name"] for hit in store.similarity_search("zebra", filter=only)] == [
        "foxes"
    ]
    assert store.max_marginal_relevance_search("zebra", k=2, fetch_k=3)
    assert [found.page_content for found in store.get_by_ids(ids[:1])] == [TEXTS["zebras"]]
    store.delete(ids[:2])
    assert engine.client.count("c").count == 1
