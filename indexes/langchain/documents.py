"""Documents from one framework to the other.

A LangChain document of ours is a run of its source's text. Its metadata is the source's, as it
was handed in, and under `advanced_rag` ours: which run it is, and how it was found.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from llama_index.core.schema import Document as OurDocument

from indexes.answers import Context
from indexes.compression.passages import GAP
from indexes.documents.given import from_langchain
from indexes.namespace import OURS, theirs

# What depends on the question: the same passage may be found by several.
_OF_THE_QUESTION = frozenset({"score", "number", "reason", "leaf_scores"})


class PassageFields(dict[str, Any]):
    """Our fields of a document. Equal are those of the same passage, whatever it was found by.

    LangChain compares documents to drop what several questions found
    (`MultiQueryRetriever`); two scores of one passage must not make it two.

    >>> PassageFields(start=3, score=0.9) == PassageFields(start=3, score=0.1)
    True
    """

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return _of_the_passage(self) == _of_the_passage(other)

    def __ne__(self, other: object) -> bool:
        return not self == other


def _of_the_passage(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in fields.items() if name not in _OF_THE_QUESTION}


def with_fields(metadata: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a document of ours: the user's, and our fields under one key."""
    return {**theirs(metadata), OURS: PassageFields(fields)}


def to_langchain(passage: Context | Sequence[Context]) -> Document:
    """A passage as a LangChain document: text, and where it is from.

    Of a compressed passage, which is several contexts, the texts are joined by " … " and
    `spans` says where they are. What our own reader found on a page says `page` as
    LangChain's loaders do, from 0.
    """
    contexts = [passage] if isinstance(passage, Context) else list(passage)
    first = contexts[0]
    fields = first.model_dump(exclude={"text", "document", "id", "metadata"})
    fields |= {
        "source": first.document,
        "end": contexts[-1].end,
        "tokens": sum(context.tokens for context in contexts),
    }
    if len(contexts) > 1:
        fields["spans"] = [[context.start, context.end] for context in contexts]
    metadata = with_fields(first.metadata, fields)
    if first.pages is not None:
        metadata.setdefault("page", first.pages[0] - 1)
    text = GAP.join(context.text for context in contexts)
    return Document(page_content=text, metadata=metadata, id=first.id or None)


def to_llama_index(document: Document, id_: str | None = None) -> OurDocument:
    """A LangChain document as one that can be ingested, text and metadata as they are.

    Without an id, here or in the document, it gets one from its content and metadata when it
    is ingested.
    """
    named = document if id_ is None else document.model_copy(update={"id": id_})
    return from_langchain(named)
