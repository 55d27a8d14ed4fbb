"""What compression works on: a node's text as runs of its document, cut into sentences.

    passage = Passage.of(node)
    passage.sentences               # spans of the document, white space trimmed
    passage.kept([(40, 95)])        # a new node that says only this; the old is untouched

A node that was compressed before is read back from its spans, so compression can be
applied to its own results.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from indexes.namespace import OURS, ours
from indexes.places import headline
from indexes.sentences import Span, sentence_spans
from indexes.tokens import count_tokens, token_starts

# What stands between kept spans, for the model that reads them.
GAP = " … "
# Text without full stops is judged in pieces of at most this many tokens.
LONGEST_SENTENCE = 96
# What is said of a passage beside its text.
_TITLE = ("title", "heading", "header")
# Below this many letters and digits a sentence says nothing alone: "1.", "|---|", "—".
_FEWEST_LETTERS = 3
# Where a sentence that is too long is divided, best first.
_BREAKS = (";:", ",、，", None)


@dataclass(frozen=True)
class Segment:
    """A run of a document's text; offsets are the document's characters.

    Attributes:
        score: the best of what a judge gave its sentences, if one has scored them.
    """

    start: int
    text: str
    score: float | None = None

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Passage:
    """A node, its document's name, and the runs of text that it consists of."""

    node: NodeWithScore
    document: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, node: NodeWithScore) -> "Passage":
        """Read a node of ours, or anybody's.

        Offsets are the document's where the node tells them and its text has that
        length; else they count from the node's own first character.
        """
        place = node.node.metadata
        name = ours(place).get("source") or place.get("source") or place.get("file_name")
        name = name or node.node.ref_doc_id or ""
        return cls(node, str(name), segments_of(node.node))

    @property
    def text(self) -> str:
        """The passage's text, with a mark where sentences were left out."""
        return GAP.join(segment.text for segment in self.segments)

    @property
    def title(self) -> str:
        """What it is from, for people and models: document, heading, header of its table."""
        place = {**self.node.node.metadata, **ours(self.node.node.metadata)}
        title, heading, header = (str(place.get(name) or "") for name in _TITLE)
        return " › ".join(filter(None, (headline(title, heading), header))) or self.document

    @cached_property
    def tokens(self) -> int:
        """How long it is, in cl100k tokens."""
        return count_tokens(self.text)

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """What can be kept or dropped, in order; never white space alone."""
        return tuple(
            (segment.start + start, segment.start + end)
            for segment in self.segments
            for start, end in judged_spans(segment.text)
        )

    @property
    def scores(self) -> list[float]:
        """The retriever's score of each sentence: that of the leaf it begins in, where the
        node tells the scores of its leaves; else the node's. NaN where there is none.
        """
        whole = math.nan if self.node.score is None else self.node.score
        leaves = ours(self.node.node.metadata).get("leaf_scores")
        if not _are_scores(leaves):
            return [whole] * len(self.sentences)
        starts = [start for start, _ in leaves]
        return [
            float(leaves[max(0, bisect_right(starts, start) - 1)][1]) for start, _ in self.sentences
        ]

    def slice(self, span: Span) -> str:
        """The text of a span that lies within one segment."""
        start, end = span
        for segment in self.segments:
            if segment.start <= start and end <= segment.end:
                return segment.text[start - segment.start : end - segment.start]
        raise ValueError(f"{span} lies in no segment of this passage")

    def joined(self, kept: Sequence[int]) -> list[Span]:
        """The spans of these sentences (by place, from 0), neighbours joined."""
        spans: list[Span] = []
        before = -2
        for place in sorted(set(kept)):
            start, end = self.sentences[place]
            if place == before + 1 and self._together(spans[-1][1], start):
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
            before = place
        return spans

    def _together(self, end: int, start: int) -> bool:
        return any(s.start <= end and start < s.end for s in self.segments)

    @property
    def whole(self) -> list[Span]:
        """The spans of all of it, white space included."""
        return [(segment.start, segment.end) for segment in self.segments]

    def text_of(self, spans: Sequence[Span]) -> str:
        """These spans as the answering model reads them, gaps marked."""
        return GAP.join(self.slice(span) for span in spans)

    def tokens_of(self, spans: Sequence[Span]) -> int:
        """The same in cl100k tokens."""
        return count_tokens(self.text_of(spans)) if spans else 0

    def kept(self, spans: Sequence[Span], scores: Sequence[float] | None = None) -> NodeWithScore:
        """A new node of these spans only, with the same id, score and metadata.

        Args:
            spans: of the document, in order.
            scores: a judge's, of each sentence: the node tells the best of each span. Without
                any, what an earlier judge gave is kept.
        """
        text = self.text_of(spans)
        node = self.node.node.model_copy(deep=True)
        about = {**ours(node.metadata), "spans": [list(span) for span in spans]}
        about["span_scores"] = [self._score(span, scores) for span in spans]
        node.metadata[OURS] = {**about, "tokens": count_tokens(text)}
        for hidden in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
            if OURS not in hidden:
                hidden.append(OURS)
        # A vector of the whole is not one of what is left of it.
        node.embedding = node.embedding if spans == self.whole else None
        node.set_content(text)
        return NodeWithScore(node=node, score=self.node.score)

    def _score(self, span: Span, scores: Sequence[float] | None) -> float | None:
        """The best score of what overlaps a span."""
        scored = (
            [((s.start, s.end), s.score) for s in self.segments]
            if scores is None
            else zip(self.sentences, scores, strict=True)
        )
        there = [
            score
            for (start, end), score in scored
            if score is not None and start < span[1] and span[0] < end
        ]
        return max(there, default=None)


def segments_of(node: BaseNode) -> tuple[Segment, ...]:
    """The runs of a document that a node's text consists of; none for an empty text."""
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    if not text:
        return ()
    about = ours(node.metadata)
    compressed = _compressed(text, about.get("spans"), about.get("span_scores"))
    return compressed or (Segment(_base(node, text), text),)


def _compressed(text: str, spans: Any, scores: Any) -> tuple[Segment, ...]:
    """Segments of a text that compression has made; nothing if the spans don't fit it."""
    if not isinstance(spans, list) or not all(_is_span(span) for span in spans):
        return ()
    if not isinstance(scores, list) or len(scores) != len(spans):
        scores = [None] * len(spans)
    segments: list[Segment] = []
    place = 0
    for (start, end), score in zip(spans, scores, strict=True):
        if place:
            if text[place : place + len(GAP)] != GAP:
                return ()
            place += len(GAP)
        known = float(score) if isinstance(score, int | float) else None
        segments.append(Segment(start, text[place : place + end - start], known))
        place += end - start
    return tuple(segments) if place == len(text) else ()


def _is_span(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(offset, int) for offset in value)
        and 0 <= value[0] < value[1]
    )


def _are_scores(value: Any) -> TypeGuard[list[tuple[int, float]]]:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and isinstance(pair[0], int)
            and isinstance(pair[1], int | float)
            for pair in value
        )
    )


def _base(node: BaseNode, text: str) -> int:
    about = ours(node.metadata)
    places = (
        (about.get("start"), about.get("end")),
        (getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)),
    )
    for start, end in places:
        if isinstance(start, int) and isinstance(end, int) and end - start == len(text):
            return start
    return 0


# Sentences to be judged


def judged_spans(text: str) -> list[Span]:
    """Split `text` into sentences worth judging: none blank, too short or too long.

    Spans are trimmed. A list's number or a table's rule goes with what follows it; text without
    full stops is divided at the best place there is.
    """
    spans: list[Span] = []
    held: int | None = None
    for start, end in _merged(text, sentence_spans(text)):
        start, end = _trimmed(text, start, end)
        if start == end:
            continue
        if _letters(text[start:end]) < _FEWEST_LETTERS:
            held = start if held is None else held
            continue
        spans.extend(_divided(text, start if held is None else held, end))
        held = None
    if held is not None:
        _, end = _trimmed(text, held, len(text))
        if spans:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((held, end))
    return spans


def _merged(text: str, spans: Iterable[Span]) -> list[Span]:
    """A Markdown table's head and the rule below it are one: the rule says nothing."""
    merged: list[Span] = []
    for start, end in spans:
        rule = text[start:end].strip()
        if merged and rule.startswith("|") and not rule.strip("|-: \t"):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, end - (len(piece) - len(piece.rstrip())))


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _divided(text: str, start: int, end: int) -> list[Span]:
    """Pieces of at most `LONGEST_SENTENCE` tokens, about equally long."""
    # A token has at least one character, mostly four.
    if end - start <= LONGEST_SENTENCE:
        return [(start, end)]
    starts = token_starts(text[start:end])
    parts = -(-len(starts) // LONGEST_SENTENCE)
    if parts == 1:
        return [(start, end)]
    pieces: list[Span] = []
    begin = start
    for part in range(1, parts):
        lower = start + starts[len(starts) * (2 * part - 1) // (2 * parts)]
        upper = start + starts[len(starts) * part // parts]
        cut = _break(text, max(lower, begin + 1), upper)
        if begin < cut < end:
            pieces.append(_trimmed(text, begin, cut))
            begin = cut
    pieces.append(_trimmed(text, begin, end))
    return [(first, last) for first, last in pieces if first < last]


def _break(text: str, lower: int, upper: int) -> int:
    """The last good place to cut between two offsets; the upper one if there is none."""
    for marks in _BREAKS:
        for place in range(upper, lower, -1):
            before = text[place - 1]
            if before in marks if marks else before.isspace():
                return place
    return upper
