"""LangChain's `ParentDocumentRetriever` on our index."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.documents import Document
from llama_index.core.schema import Document as OurDocument
from pydantic import model_validator

from indexes.documents import adopt, is_blank
from indexes.errors import DocumentError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.langchain.documents import to_llama_index
from indexes.langchain.retriever import PatternRetriever
from indexes.langchain.sizes import levels_of, tokens_of
from indexes.settings import load_settings

logger = logging.getLogger(__name__)

# LangChain's vector stores return so many.
_K = 4
_CHILD, _PARENT = 400, 2000
_NOT_GIVEN: Any = object()
_CONSTRUCTOR = ("vectorstore", "docstore", "byte_store", "child_splitter", "parent_splitter")


class ParentDocuments(PatternRetriever):
    """What `ParentDocumentRetriever` does, on our index: `k` parents, each of them whole.

        retriever = ParentDocuments.open("my-index", child_size=400, parent_size=2000)
        retriever.add_documents(documents)
        retriever.invoke("How did AWS evolve?")

    Children are found by meaning and by words; their parents come in the order of the best
    child. No budget cuts them, unless one is given. There is no docstore: adding a document
    again changes nothing, and adding another with the same id replaces it.

    For parents that grow only as far as a budget allows, use `PatternRetriever` with the
    pattern `parent`.

    Args:
        k: parents to return
        budget: cl100k tokens that whole parents may fill, instead of counting them
    """

    pattern: str | None = "parent-whole"

    @model_validator(mode="before")
    @classmethod
    def _only_ours(cls, given: Any) -> Any:
        theirs = [name for name in _CONSTRUCTOR if isinstance(given, dict) and name in given]
        if theirs:
            raise SettingsError(
                f"ParentDocuments takes no {theirs[0]}: one index holds children and parents: "
                "ParentDocuments.open(folder, embedding=…, child_splitter=…, parent_splitter=…)"
            )
        return given

    @classmethod
    def open(
        cls,
        index: str | Path | None = None,
        *,
        embedding: Any = None,
        llm: Any = None,
        child_size: int | None = None,
        parent_size: int | None = _NOT_GIVEN,
        child_splitter: Any = None,
        parent_splitter: Any = _NOT_GIVEN,
        search_type: str = "similarity",
        search_kwargs: dict[str, Any] | None = None,
        budget: int | None = None,
        settings: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Self:
        """Open an index, or make one, with chunks of these sizes.

        Sizes are those of the arguments or of LangChain's splitters, in characters; they are
        converted at 4.4 characters a token. Splitters' overlap and separators aren't used.

        Args:
            index: folder or server URL
            embedding: LangChain `Embeddings`, or a LlamaIndex model; default: the settings'
            llm: likewise, for patterns that ask one
            child_size: characters of the chunks that are searched; by default 400
            parent_size: characters of the chunks that are delivered, by default 2,000; None
                delivers whole documents
            child_splitter: instead of `child_size`; then parents are whole documents where
                nothing is said of them, as in LangChain
            parent_splitter: instead of `parent_size`
            search_type: `similarity` searches by meaning and by words;
                `similarity_score_threshold` by meaning, for children of at least that cosine
            search_kwargs: `k` counts parents (default 4); `filter`; `score_threshold`
            budget: cl100k tokens of whole parents, instead of `k`
            settings: further settings by name
            fields: further fields of the retriever, such as `tags`

        Raises:
            SettingsError: an option means nothing here; the message says what does
            IndexMismatchError: the index was made with other chunk sizes
        """
        if child_splitter is not None and parent_splitter is _NOT_GIVEN:
            parent_splitter = None if parent_size is _NOT_GIVEN else _NOT_GIVEN
        child = _one_of(child_size, child_splitter, _CHILD, "child")
        given = parent_size if parent_splitter is _NOT_GIVEN else parent_splitter
        parent = _PARENT if given is _NOT_GIVEN else given
        searching = _searching(search_type, dict(search_kwargs or {}))
        if budget is None:
            searching.setdefault("k", _K)
        opened = HierarchicalIndex(
            load_settings(
                index=str(index) if index is not None else None,
                levels=levels_of(
                    tokens_of(child, "child_size"),
                    None if parent is None else tokens_of(parent, "parent_size"),
                ),
                **(settings or {}),
            ),
            embedding=embedding,
            llm=llm,
        )
        try:
            return cls(index=opened, budget=budget, **searching, **fields)
        except BaseException:
            opened.close()
            raise

    def add_documents(
        self,
        documents: Sequence[Document],
        ids: Sequence[str] | None = None,
        add_to_docstore: bool = True,
        **kwargs: Any,
    ) -> list[str]:
        """Add LangChain documents, or replace those with the same ids.

        A document without an id gets one from its content and metadata: adding it again
        changes nothing, and a changed one is another. One without text (a scanned page, say)
        is left out, and logged.

        Args:
            documents: of any source
            ids: one for each; by default the documents' own, else made up
            add_to_docstore: LangChain's; here there is none
            kwargs: LangChain's, for its vector store; ignored

        Returns:
            An id for each document, in their order, for `delete`; "" for one left out.

        Raises:
            SettingsError: not as many ids as documents
            DocumentError: some documents can't be indexed; the message names them, and says
                that the others are in
        """
        if ids is not None and len(ids) != len(documents):
            raise SettingsError(f"{len(ids)} ids for {len(documents)} documents: give one each")
        adopted: dict[str, OurDocument] = {}
        names = []
        for place, document in enumerate(documents):
            ours = to_llama_index(document, ids[place] if ids is not None else None)
            if is_blank(ours):
                logger.warning("left out, having no text in it: %s", _place_of(document, place))
                names.append("")
                continue
            ours = adopt(ours)
            if ours.id_ in adopted and ids is not None:
                raise SettingsError(f"ids: {ours.id_!r} is given twice: ids must differ")
            adopted[ours.id_] = ours
            names.append(ours.id_)
        report = self.index.ingest(list(adopted.values()))
        if report.failed:
            said = "; ".join(error for _, error in report.failed)
            raise DocumentError(f"{said} (the other {len(adopted) - len(report.failed)} are in)")
        return names

    async def aadd_documents(
        self,
        documents: Sequence[Document],
        ids: Sequence[str] | None = None,
        add_to_docstore: bool = True,
        **kwargs: Any,
    ) -> list[str]:
        """Add LangChain documents without blocking the event loop; see `add_documents`."""
        return await asyncio.to_thread(
            self.add_documents, documents, ids, add_to_docstore, **kwargs
        )

    def update_documents(self, ids: Sequence[str], documents: Sequence[Document]) -> list[str]:
        """Replace the documents with these ids, which `add_documents` with ids does too."""
        return self.add_documents(documents, ids)

    async def aupdate_documents(
        self, ids: Sequence[str], documents: Sequence[Document]
    ) -> list[str]:
        """Replace the documents with these ids without blocking the event loop."""
        return await self.aadd_documents(documents, ids)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove documents with all their chunks, which LangChain's retriever can't.

        An id that isn't there, or was "" for a document left out, is passed over.
        """
        for name in ids:
            self.index.store.remove(name)

    async def adelete(self, ids: Sequence[str]) -> None:
        """Remove documents without blocking the event loop; see `delete`."""
        await asyncio.to_thread(self.delete, ids)


def _one_of(size: Any, splitter: Any, default: int, what: str) -> Any:
    if size is not None and splitter is not None:
        raise SettingsError(f"{what}_size and {what}_splitter say the same: give one of them")
    return splitter if splitter is not None else default if size is None else size


def _searching(search_type: str, search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """The retriever's fields for LangChain's way to search."""
    kind = getattr(search_type, "value", search_type)
    fields = {"k": search_kwargs.pop("k", None), "filters": search_kwargs.pop("filter", None)}
    options: dict[str, Any] = {}
    if "score_threshold" in search_kwargs:
        options = {"score_threshold": search_kwargs.pop("score_threshold"), "search": "dense"}
    elif kind == "similarity_score_threshold":
        raise SettingsError("search_type similarity_score_threshold: give score_threshold, too")
    if kind == "mmr" or {"fetch_k", "lambda_mult"} & search_kwargs.keys():
        raise SettingsError(
            "search_type mmr isn't served: parents don't overlap, so none repeats another: leave "
            "out mmr, fetch_k and lambda_mult"
        )
    if kind not in ("similarity", "similarity_score_threshold"):
        raise SettingsError(
            f"search_type {kind!r}: choose similarity or similarity_score_threshold"
        )
    if search_kwargs:
        raise SettingsError(
            f"search_kwargs: {', '.join(sorted(search_kwargs))}: only k, filter and "
            "score_threshold mean something here"
        )
    return {**{name: said for name, said in fields.items() if said is not None}, "options": options}


def _place_of(document: Document, place: int) -> str:
    source, page = (document.metadata.get(name) for name in ("source", "page"))
    where = [str(source)] if source else []
    where += [f"page {page}"] if page is not None else []
    return ", ".join([*where, f"document {place + 1} of the call"])
