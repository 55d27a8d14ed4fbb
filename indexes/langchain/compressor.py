"""Our postprocessors as LangChain compressors."""

import uuid
from collections.abc import Sequence
from typing import Any, Self

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import ConfigDict, Field

from indexes.compression.build import build_judge, build_postprocessor
from indexes.errors import SettingsError
from indexes.langchain.documents import with_fields
from indexes.langchain.runs import awithin, within
from indexes.models.providers import build_embedding, build_llm, embedding_of, llm_of
from indexes.namespace import ours
from indexes.patterns import POSTPROCESSORS
from indexes.settings import load_settings


class PassageCompressor(BaseDocumentCompressor):
    """Our extractor, filter or reranker for `ContextualCompressionRetriever`.

        compressor = PassageCompressor.of("extract", llm=ChatAnthropic(…))
        ContextualCompressionRetriever(base_compressor=compressor, base_retriever=anything)

    Documents keep id and metadata. What is kept of one are runs of its text, joined by
    " … "; `spans` in `metadata["advanced_rag"]` says where they are: in the source if the
    document tells where it starts (ours do, and so does a LangChain splitter's
    `start_index`), else in its text.

    Args:
        postprocessor: any of LlamaIndex's
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    postprocessor: BaseNodePostprocessor = Field(repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        *,
        llm: Any = None,
        embedding: Any = None,
        budget: int | None = None,
        **settings: Any,
    ) -> Self:
        """One of our postprocessors, by its name in patterns.

        Args:
            name: `extract`, `filter` or `rerank`
            llm: who judges; LangChain's, LlamaIndex's, or a spec; without one, the settings say who
            embedding: likewise, for judging by similarity
            budget: cl100k tokens that what is kept should fill
            settings: further settings by name, such as `fallback`

        Raises:
            SettingsError: there is none of that name, or a setting is wrong.
            ModelError: what was given is no model.
        """
        if name not in POSTPROCESSORS:
            known = ", ".join(POSTPROCESSORS)
            raise SettingsError(f"no postprocessor is called {name!r}: choose one of {known}")
        if llm is not None:
            settings.setdefault("judge", "llm")
        elif embedding is not None:
            settings.setdefault("judge", "embedding")
        chosen = load_settings(**settings)
        judge = build_judge(
            chosen,
            llm=lambda: llm_of(llm, chosen) or build_llm(chosen),
            embedding=lambda: embedding_of(embedding, chosen) or build_embedding(chosen),
        )
        return cls(postprocessor=build_postprocessor(name, judge, chosen, budget))

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Keep what helps to answer; judging models report to `callbacks`."""
        nodes = _nodes(documents)
        kept = within(
            callbacks, lambda: self.postprocessor.postprocess_nodes(nodes, query_str=query)
        )
        return _documents(kept, documents)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Keep what helps to answer, with judgements side by side on the event loop."""
        nodes = _nodes(documents)
        kept = await awithin(
            callbacks, lambda: self.postprocessor.apostprocess_nodes(nodes, query_str=query)
        )
        return _documents(kept, documents)


def _nodes(documents: Sequence[Document]) -> list[NodeWithScore]:
    nodes = []
    for document in documents:
        start = document.metadata.get("start_index")
        start = start if isinstance(start, int) and start >= 0 else None
        node = TextNode(
            id_=document.id or str(uuid.uuid4()),
            text=document.page_content,
            metadata=dict(document.metadata),
            start_char_idx=start,
            end_char_idx=start + len(document.page_content) if start is not None else None,
        )
        score = ours(document.metadata).get("score")
        nodes.append(NodeWithScore(node=node, score=score if score is None else float(score)))
    return nodes


def _documents(nodes: Sequence[NodeWithScore], given: Sequence[Document]) -> list[Document]:
    ids = {document.id for document in given}
    return [
        Document(
            page_content=node.node.get_content(),
            metadata=with_fields(node.node.metadata, ours(node.node.metadata)),
            # One that had no id gets none: equal documents stay equal.
            id=node.node.node_id if node.node.node_id in ids else None,
        )
        for node in nodes
    ]
