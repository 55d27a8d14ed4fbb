"""For LangChain applications: our patterns as retrievers, our compressors as compressors,
LangChain's models as ours.

    retriever = PatternRetriever(index=HierarchicalIndex.open("my-index"), pattern="parent")
    chain = {"context": retriever | format_docs, "question": RunnablePassthrough()} | prompt | llm

    # ParentDocumentRetriever(vectorstore=…, docstore=…, child_splitter=…, parent_splitter=…)
    retriever = ParentDocuments.open("my-index", child_size=400, parent_size=2000)
    retriever.add_documents(documents)

Needs `langchain-core` only (extra `langchain`). `docs/from-langchain.md` has each piece side
by side with LangChain's.
"""

import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
    Callbacks,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import Document as OurDocument
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import ConfigDict, Field, PositiveInt

from indexes.answers import Context, passages_of
from indexes.compression.build import build_judge, build_postprocessor
from indexes.compression.passages import GAP
from indexes.errors import DocumentError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.models.given import given_embedding, given_llm
from indexes.models.langchain import (
    LangChainEmbedding,
    LangChainLLM,
    LlamaIndexEmbeddings,
    as_embedding,
    as_llm,
    chat_model,
)
from indexes.models.providers import build_embedding, build_llm
from indexes.namespace import OURS, ours
from indexes.patterns import POSTPROCESSORS, find_pattern
from indexes.settings import load_settings

__all__ = [
    "LangChainEmbedding",
    "LangChainLLM",
    "LlamaIndexEmbeddings",
    "ParentDocuments",
    "PassageCompressor",
    "PatternRetriever",
    "as_embedding",
    "as_llm",
    "chat_model",
    "to_langchain",
    "to_llama_index",
]

# English text has about so many characters to a cl100k token.
CHARACTERS_PER_TOKEN = 4.4
# A number of passages is reached by raising the budget, up to here.
_LARGEST_BUDGET = 65_536
_SMALLEST_CHUNK = 16
# What no one but LangChain's own stores needs.
_THEIRS = re.compile(r"^_")


class PatternRetriever(BaseRetriever):
    """A pattern on an index as a LangChain retriever.

    Each document's `page_content` is a run of its source's text, and its metadata is the
    source's as it was handed in. `metadata["advanced_rag"]` says which run it is: `source`,
    `document_id`, `start`, `end` (characters), `pages` and `page` for a PDF, `title`,
    `score`, `level` (0 is the root's), `leaves`, `tokens`, `number` and `reason`.

    Args:
        index: where to search.
        pattern: `regular`, `parent`, or a combination; by default the settings'.
        budget: cl100k tokens of context; by default the settings', or what `k` takes.
        k: documents to return, at most; by default as many as fill the budget. A pattern that
            compresses may leave fewer.
        filters: on documents' metadata, LlamaIndex's or Qdrant's own.
        options: further arguments of `HierarchicalIndex.retrieve`.

    `invoke(question, k=3)` and `invoke(question, budget=512)` change them for a call.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    index: HierarchicalIndex = Field(exclude=True, repr=False)
    pattern: str | None = None
    budget: PositiveInt | None = None
    k: PositiveInt | None = None
    filters: Any = None
    options: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        **kwargs: Any,
    ) -> list[Document]:
        asked = self._asked(kwargs)
        while True:
            contexts, _ = self.index.retrieve(query, **asked.options)
            if asked.satisfied(contexts):
                return asked.documents(contexts)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        **kwargs: Any,
    ) -> list[Document]:
        asked = self._asked(kwargs)
        while True:
            contexts, _ = await self.index.aretrieve(query, **asked.options)
            if asked.satisfied(contexts):
                return asked.documents(contexts)

    def _asked(self, changed: dict[str, Any]) -> "_Asked":
        given = {"k": self.k, "budget": self.budget, "pattern": self.pattern, **changed}
        # LangChain passes what its own runs need along with what was asked for.
        unknown = sorted(given.keys() - {"k", "budget", "pattern", "filters", "verbose"})
        if unknown:
            raise SettingsError(
                f"a retriever's call takes k, budget, pattern and filters, not {unknown[0]}"
            )
        k, budget = given["k"], given["budget"]
        if k is not None and (not isinstance(k, int) or k < 1):
            raise SettingsError(f"k={k!r}: give the number of documents, 1 or more")
        pattern = find_pattern(given["pattern"] or self.index.settings.pattern)
        return _Asked(
            k=k,
            # Not where a model is asked each time.
            grows=budget is None and not pattern.postprocessors,
            options={
                **self.options,
                "pattern": pattern.name,
                "budget": budget or self.index.budget,
                "filters": given.get("filters", self.filters),
            },
        )


class _Asked:
    """One call: as many passages as were asked for, from as large a budget as it takes."""

    def __init__(self, k: int | None, grows: bool, options: dict[str, Any]) -> None:
        self.k = k
        self.options = options
        self._grows = grows
        self._before = -1

    def satisfied(self, contexts: Sequence[Context]) -> bool:
        """Whether these are enough; if not, `options` ask for more."""
        tokens = sum(context.tokens for context in contexts)
        enough = self.k is None or len(passages_of(contexts)) >= self.k
        if enough or not self._grows or tokens == self._before:
            return True
        if self.options["budget"] >= _LARGEST_BUDGET:
            return True
        self._before = tokens
        self.options["budget"] *= 2
        return False

    def documents(self, contexts: Sequence[Context]) -> list[Document]:
        """The first `k` passages of them, a document each."""
        passages = list(passages_of(contexts).values())
        return [to_langchain(passage) for passage in passages[: self.k]]


class ParentDocuments(PatternRetriever):
    """`ParentDocumentRetriever`'s habits on our index: the pattern `parent`.

    Sizes are in characters there, in tokens here; they are converted at 4.4 characters a
    token. There is no docstore and no random id: adding a document again replaces it.

        retriever = ParentDocuments.open("my-index", child_size=400, parent_size=2000)
        retriever.add_documents(documents)
        retriever.invoke("How did AWS evolve?")
    """

    @classmethod
    def open(
        cls,
        index: str | Path | None = None,
        *,
        child_size: int = 400,
        parent_size: int = 2000,
        embedding: Any = None,
        llm: Any = None,
        search_kwargs: dict[str, Any] | None = None,
        budget: int | None = None,
        settings: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Self:
        """Open an index, or make one, with chunks of these sizes.

        Args:
            index: folder or server URL.
            child_size: characters of the chunks that are searched.
            parent_size: characters of the chunks that are delivered, at most.
            embedding: LangChain `Embeddings`, or a LlamaIndex model; default: the settings'.
            llm: likewise.
            search_kwargs: `k` and `filter` are understood; `k` counts documents here.
            budget: cl100k tokens of context; replaces counting.
            settings: further settings by name.
            fields: further fields of the retriever, such as `tags`.

        Raises:
            SettingsError: sizes that make no hierarchy, or search kwargs that mean nothing.
            IndexMismatchError: the index was made with other chunk sizes.
        """
        search = dict(search_kwargs or {})
        wanted = {"k": search.pop("k", None), "filters": search.pop("filter", None)}
        if search:
            raise SettingsError(
                f"search_kwargs: {', '.join(sorted(search))}: only k and filter mean something "
                "here; scores and diversity are the pattern's own affair"
            )
        opened = HierarchicalIndex(
            load_settings(
                index=str(index) if index is not None else None,
                levels=levels_of(child_size, parent_size),
                **(settings or {}),
            ),
            embedding=embedding,
            llm=llm,
        )
        return cls(index=opened, pattern="parent", budget=budget, **wanted, **fields)

    def add_documents(
        self, documents: Sequence[Document], ids: Sequence[str] | None = None
    ) -> list[str]:
        """Add LangChain documents, or replace those with the same ids.

        Documents without an id get one from their source and page, or else their text:
        adding the same again changes nothing.

        Returns:
            Their ids, for `delete`.

        Raises:
            SettingsError: not as many ids as documents.
            DocumentError: a document can't be indexed.
        """
        if ids is not None and len(ids) != len(documents):
            raise SettingsError(f"{len(ids)} ids for {len(documents)} documents: give one each")
        ours = [
            to_llama_index(document, ids[place] if ids is not None else None)
            for place, document in enumerate(documents)
        ]
        report = self.index.ingest(ours)
        if report.failed:
            raise DocumentError("; ".join(error for _, error in report.failed))
        return [document.id_ for document in ours]

    def delete(self, ids: Sequence[str]) -> None:
        """Remove documents with all their chunks, which LangChain's retriever can't.

        Raises:
            DocumentError: there is none with one of these ids.
        """
        for name in ids:
            self.index.remove(name)


def levels_of(child_size: int, parent_size: int) -> tuple[int, ...]:
    """Chunk sizes in tokens, root first, for sizes in characters.

    Raises:
        SettingsError: a parent that holds no two children.
    """
    child = round(child_size / CHARACTERS_PER_TOKEN)
    parent = round(parent_size / CHARACTERS_PER_TOKEN)
    if child < _SMALLEST_CHUNK or parent < 2 * child:
        raise SettingsError(
            f"child_size={child_size}, parent_size={parent_size}: children need "
            f"{round(_SMALLEST_CHUNK * CHARACTERS_PER_TOKEN)} characters or more, and parents "
            "twice as many as children"
        )
    return (parent, child)


def to_langchain(passage: Context | Sequence[Context]) -> Document:
    """A passage as a LangChain document: text, and where it is from.

    Of a compressed passage, which is several contexts, the texts are joined by " … " and
    `spans` says where they are.
    """
    contexts = [passage] if isinstance(passage, Context) else list(passage)
    first = contexts[0]
    about = first.model_dump(exclude={"text", "document", "id", "metadata"})
    about |= {
        "source": first.document,
        "end": contexts[-1].end,
        "tokens": sum(context.tokens for context in contexts),
    }
    if len(contexts) > 1:
        about["spans"] = [[context.start, context.end] for context in contexts]
    if first.pages is not None:
        # LangChain's PDF loaders count from 0.
        about["page"] = first.pages[0] - 1
    metadata = {**first.metadata, OURS: about}
    text = GAP.join(context.text for context in contexts)
    return Document(page_content=text, metadata=metadata, id=first.id or None)


class PassageCompressor(BaseDocumentCompressor):
    """Our extractor, filter or reranker for `ContextualCompressionRetriever`.

        compressor = PassageCompressor.of("extract", llm=ChatAnthropic(…))
        ContextualCompressionRetriever(base_compressor=compressor, base_retriever=anything)

    Documents keep id and metadata. What is kept of one are runs of its text, joined by
    " … "; `spans` in its metadata says where they are: in the source if the document tells
    where it starts (`start`, or a LangChain splitter's `start_index`), else in its text.

    Args:
        postprocessor: any of LlamaIndex's.
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
            name: `extract`, `filter` or `rerank`.
            llm: who judges; LangChain's or LlamaIndex's; without one, the settings say who.
            embedding: likewise, for judging by similarity.
            budget: cl100k tokens that what is kept should fill.
            settings: further settings by name, such as `fallback`.

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
            llm=lambda: given_llm(llm) or build_llm(chosen),
            embedding=lambda: given_embedding(embedding) or build_embedding(chosen),
        )
        return cls(postprocessor=build_postprocessor(name, judge, chosen, budget))

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """What helps to answer, of these."""
        nodes = self.postprocessor.postprocess_nodes(_nodes(documents), query_str=query)
        return _documents(nodes)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The same, with judgements side by side."""
        nodes = await self.postprocessor.apostprocess_nodes(_nodes(documents), query_str=query)
        return _documents(nodes)


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


def _documents(nodes: Sequence[NodeWithScore]) -> list[Document]:
    return [
        Document(
            page_content=node.node.get_content(),
            metadata=node.node.metadata,
            id=node.node.node_id,
        )
        for node in nodes
    ]


_IDS = uuid.UUID("d2f1b7b4-4f0e-5b0f-8a39-6b6a6a0b1d55")


def to_llama_index(document: Document, id_: str | None = None) -> OurDocument:
    """A LangChain document as one that can be ingested; the text stays as it is.

    Its metadata stays too, but for fields that begin with an underscore.
    """
    metadata = {name: value for name, value in document.metadata.items() if not _THEIRS.match(name)}
    name = id_ or document.id
    if name is None:
        place = [str(metadata.get(key, "")) for key in ("source", "page", "start_index")]
        key = "\n".join(place) if place[0] else document.page_content
        name = str(uuid.uuid5(_IDS, key))
    return OurDocument(id_=name, text=document.page_content, metadata=metadata)
