"""Where in a document something leads, as attributes that the page's script reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from indexes import Citation, Context
from indexes.answers import passages_of
from indexes.sentences import sentence_spans

from .markup import html

_WORD = re.compile(r"\w+")
_LONGEST = 4000


@dataclass(frozen=True)
class Place:
    """A passage of a document, and what of it is meant.

    Attributes:
        document: its id; of a lane that knows none, its source
        passage: characters that the model was given
        marked: the sentence that is meant, or all of it
    """

    document: str
    passage: tuple[int, int]
    marked: tuple[int, int]

    @property
    def attributes(self) -> Markup:
        """HTML attributes of a link or a button that leads to the place."""
        return html(
            'data-document="{}" data-start="{}" data-end="{}" data-from="{}" data-to="{}"',
            self.document,
            *self.marked,
            *self.passage,
        )


def place_of(citation: Citation, contexts: Sequence[Context], answer: str) -> Place:
    """Where a citation leads: to the sentence of its passage that is most like what was said."""
    parts = passages_of(contexts).get(citation.context, [])
    if not parts:
        return Place(
            citation.document, (citation.start, citation.end), (citation.start, citation.end)
        )
    passage = (parts[0].start, parts[-1].end)
    document = parts[0].document_id or parts[0].document
    if citation.origin != "model":
        return Place(document, passage, (citation.start, citation.end))
    said = _said(answer, citation.answer_start)
    return Place(document, passage, _closest(said, parts) or passage)


def _said(answer: str, before: int) -> set[str]:
    """Words of the sentence that ends with a marker."""
    text = answer[max(0, before - _LONGEST) : before].rstrip()
    spans = sentence_spans(text)
    return _words(text[slice(*spans[-1])]) if spans else set()


def _closest(said: set[str], parts: Sequence[Context]) -> tuple[int, int] | None:
    """The sentence that shares most words, rarer ones counting more, without being long."""
    best, found = 0.0, None
    for part in parts:
        for start, end in sentence_spans(part.text[: 8 * _LONGEST]):
            words = _words(part.text[start:end])
            shared = sum(2.0 if word.isdigit() else 1.0 for word in said & words)
            score = shared / (len(words) + len(said)) if words else 0.0
            if score > best:
                length = len(part.text[start:end].rstrip())
                best, found = score, (part.start + start, part.start + start + length)
    return found


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if len(word) > 3 or word.isdigit()}
