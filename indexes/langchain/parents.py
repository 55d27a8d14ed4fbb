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
from indexes.errors import DocumentError, IndexMismatchError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.langchain.documents import to_llama_index
from indexes.langchain.retriever import PatternRetriever
from indexes.langchain.sizes import levels_of, tokens_of
from indexes.progress import IngestReport
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
    def _no_stores(cls, given: Any) -> Any:
        theirs = [name for name in _CONSTRUCTOR if isinstance(given, dict) and name in given]
        if theirs:
            raise SettingsError(
                f"ParentDocuments takes no {theirs[0]}: one index holds children and parents: "
                "ParentDocuments.open(folder, embedding=…, child_splitter=…, parent_splitter=…)"
            )
        return given

    @classmethod
    def _fields(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Fields, where LangChain's `search_type` and `search_kwargs` may stand for some."""
        if not given.keys() & {"search_type", "search_kwargs"}:
            return super()._fields(given)
        kwargs = dict(given.get("search_kwargs") or {})
        said = {"k": None, "filters": None, **_searching(given.get("search_type"), kwargs)}
        if said["k"] is None and given.get("budget") is None:
            said["k"] = _K
        rest = {name: one for name, one in given.items() if not name.startswith("search_")}
        return super()._fields({**said, **rest})

    @classmethod
    def open(
        cls,
        index: str | Path | None = None,
        *,
        embedding: Any = None,
        llm: Any = None,
        child_size: int = _NOT_GIVEN,
        parent_size: int | None = _NOT_GIVEN,
        child_splitter: Any = _NOT_GIVEN,
        parent_splitter: Any = _NOT_GIVEN,
        search_type: str = "similarity",
        search_kwargs: dict[str, Any] | None = None,
        budget: int | None = None,
        settings: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Self:
        """Open an index, or make one, with chunks of these sizes.

        Sizes are in characters, or in what a splitter counts; they are converted to tokens, at
        4.4 characters each. A splitter's overlap and separators aren't used. An index that is
        there keeps its sizes if none are given.

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
        levels = _levels(child_size, parent_size, child_splitter, parent_splitter)
        asked = {"budget": budget, "search_type": search_type, "search_kwargs": search_kwargs}
        searching = cls._fields(asked)
        address = str(index) if index is not None else None
        opened = HierarchicalIndex(
            load_settings(index=address, **(settings or {})), embedding=embedding, llm=llm
        )
        try:
            if levels is None and opened.store.made() is None:
                levels = levels_of(tokens_of(_CHILD, "child"), tokens_of(_PARENT, "parent"))
            if levels is not None:
                opened.settings = opened.settings.model_copy(update={"levels": levels})
                if opened.store.made() is not None:
                    _check_sizes(opened, levels)
            return cls(index=opened, **searching, **fields)
        except BaseException:  # Ctrl-C, too, must not keep the folder's lock
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
        adopted, names = _adopted(documents, ids)
        _all_in(self.index.ingest(adopted))
        return names

    async def aadd_documents(
        self,
        documents: Sequence[Document],
        ids: Sequence[str] | None = None,
        add_to_docstore: bool = True,
        **kwargs: Any,
    ) -> list[str]:
        """Add LangChain documents without blocking the event loop; see `add_documents`."""
        adopted, names = _adopted(documents, ids)
        _all_in(await self.index.aingest(adopted))
        return names

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
        self.index.store.remove_all([name for name in ids if name])

    async def adelete(self, ids: Sequence[str]) -> None:
        """Remove documents without blocking the event loop; see `delete`."""
        await asyncio.to_thread(self.delete, ids)


def _adopted(
    documents: Sequence[Document], ids: Sequence[str] | None
) -> tuple[list[OurDocument], list[str]]:
    """Documents as they will be stored, each once; and an id for each that was given."""
    if ids is not None and len(ids) != len(documents):
        raise SettingsError(f"{len(ids)} ids for {len(documents)} documents: give one each")
    adopted: dict[str, OurDocument] = {}
    names = []
    for place, document in enumerate(documents):
        given = to_llama_index(document, ids[place] if ids is not None else None)
        if is_blank(given):
            logger.warning("left out, having no text in it: %s", _place_of(document, place))
            names.append("")
            continue
        ours = adopt(given)
        if ours.id_ in adopted and ids is not None:
            raise SettingsError(f"ids: {ours.id_!r} is given twice: ids must differ")
        adopted[ours.id_] = ours
        names.append(ours.id_)
    return list(adopted.values()), names


def _place_of(document: Document, place: int) -> str:
    source, page = (document.metadata.get(name) for name in ("source", "page"))
    where = [str(source)] if source else []
    where += [f"page {page}"] if page is not None else []
    return ", ".join([*where, f"document {place + 1} of the call"])


def _all_in(report: IngestReport) -> None:
    if report.failed:
        said = "; ".join(error for _, error in report.failed)
        error = DocumentError(f"{said} (the other {len(report.document_ids)} are in)")
        error.report = report
        raise error


def _levels(
    child_size: Any, parent_size: Any, child_splitter: Any, parent_splitter: Any
) -> tuple[int, ...] | None:
    """Chunk sizes in tokens, root first; None where nothing was said of them."""
    sizes, splitters = (child_size, parent_size), (child_splitter, parent_splitter)
    for what, size, splitter in zip(("child", "parent"), sizes, splitters, strict=True):
        if size is not _NOT_GIVEN and splitter is not _NOT_GIVEN:
            raise SettingsError(f"{what}_size and {what}_splitter say the same: give one of them")
    if all(given is _NOT_GIVEN for given in (*sizes, *splitters)):
        return None
    child = _first_given(child_size, child_splitter, _CHILD)
    # LangChain's own default, where LangChain's own words are used.
    otherwise = _PARENT if child_splitter is _NOT_GIVEN else None
    parent = _first_given(parent_size, parent_splitter, otherwise)
    return levels_of(
        tokens_of(child, "child_size"),
        None if parent is None else tokens_of(parent, "parent_size"),
    )


def _check_sizes(index: HierarchicalIndex, levels: tuple[int, ...]) -> None:
    made = index.store.fingerprint().levels
    if made != levels:
        there, here = (" and ".join(map(str, sizes)) for sizes in (made, levels))
        raise IndexMismatchError(
            f"{index.engine.address} was made with chunks of {there} tokens, not {here}: leave out "
            "sizes and splitters to keep what it was made with, or open another index"
        )


def _first_given(*given: Any) -> Any:
    return next(one for one in given if one is not _NOT_GIVEN)


def _searching(search_type: Any, search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """The retriever's fields for LangChain's way to search."""
    kind = getattr(search_type, "value", search_type) or "similarity"
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
