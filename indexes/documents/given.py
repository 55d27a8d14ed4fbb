"""What a caller hands over to be indexed → paths and LlamaIndex documents.

One thing or many, in any mixture: a string or `Path` names a file or a folder; documents are
LlamaIndex's (or nodes, or retrieved nodes) or LangChain's, which are known by their shape, so
that LangChain need not be installed. What is none of these is refused before anything is read.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from llama_index.core.schema import BaseNode, Document, NodeWithScore

from indexes.errors import SettingsError


@runtime_checkable
class PageLike(Protocol):
    """A document as LangChain has it."""

    page_content: str
    metadata: dict[Any, Any]


Given: TypeAlias = str | os.PathLike[str] | BaseNode | NodeWithScore | PageLike


def given_items(given: Given | Iterable[Given]) -> Iterable[Path | BaseNode]:
    """Paths and documents among what was given, in its order.

    A list is checked whole before the first is taken; an iterator as it goes.

    Raises:
        SettingsError: something is neither a path nor a document.
    """
    if isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray):
        return [_item(item) for item in given]
    if _is_one(given) or not isinstance(given, Iterable) or _is_no_collection(given):
        return [_item(given)]
    return _items(given)


def _items(given: Iterable[Any]) -> Iterator[Path | BaseNode]:
    for item in given:
        yield _item(item)


def _is_one(given: Any) -> bool:
    # A LangChain document can be iterated over: it is a pydantic model.
    return isinstance(given, str | os.PathLike | BaseNode | NodeWithScore | PageLike)


def _is_no_collection(given: Any) -> bool:
    """What Python iterates over, but nobody means a list of documents by."""
    return isinstance(given, bytes | bytearray | memoryview | Mapping | io.IOBase)


def _item(item: Any) -> Path | BaseNode:
    if isinstance(item, str | os.PathLike):
        path = os.fspath(item)
        if not isinstance(path, str) or not path.strip():
            raise SettingsError(f"{item!r} is no path: name a file or a folder ('.' for this one)")
        return Path(path)
    if isinstance(item, NodeWithScore):
        return item.node
    if isinstance(item, BaseNode):
        return item
    if isinstance(item, PageLike):
        return from_langchain(item)
    kind = type(item).__name__
    remedy = {
        "bytes": "write it to a file, or give Document(text=...)",
        "dict": "give Document(text=..., metadata=...)",
    }.get(kind, "give paths, LlamaIndex documents or LangChain documents")
    raise SettingsError(f"{kind} can't be ingested: {remedy}")


def from_langchain(document: PageLike) -> Document:
    """A LangChain document as LlamaIndex's, with all its metadata; its id only if it has one."""
    name = getattr(document, "id", None)
    identity = {"id_": str(name)} if name else {}
    text = document.page_content
    return Document(text=text, metadata=dict(document.metadata), **identity)
