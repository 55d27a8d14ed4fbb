"""Spans of documents, and how well those that were delivered cover those that were wanted.

The measures are those of the chunking evaluation report (Smith and Troynikov, "Evaluating
Chunking Strategies for Retrieval", Chroma 2024), over characters instead of tokens. For the
evidence E of a question and the passages R that were delivered:

    recall     |E ∩ R| / |E|
    precision  |E ∩ R| / |R|
    IoU        |E ∩ R| / (|R| + |E − R|)

What is delivered twice counts once in E ∩ R and twice in |R|: overlapping chunks cost their
room. Evidence that is marked twice counts once. `whole` is 1 where not a character of the
evidence that says anything is missing, else 0.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

Spans = dict[str, list[tuple[int, int]]]


class Placed(Protocol):
    """Whatever lies somewhere: `document` by its source, characters `start` to `end`."""

    @property
    def document(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Place:
    """A run of characters of a document. An empty one covers nothing."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpanScores:
    """How well passages cover the evidence of one question, each from 0 to 1."""

    recall: float
    precision: float
    iou: float
    whole: float


def merged(places: Iterable[Placed]) -> Spans:
    """Spans by document, in order, those that touch or overlap joined."""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in sorted(places, key=lambda place: (place.document, place.start)):
        spans = found[place.document]
        if spans and place.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], place.end))
        elif place.end > place.start:
            spans.append((place.start, place.end))
    return {document: spans for document, spans in found.items() if spans}


def characters(spans: Spans) -> int:
    """How many characters the spans have together."""
    return sum(end - start for places in spans.values() for start, end in places)


def overlap(left: Spans, right: Spans) -> int:
    """Characters that are in both; each side's spans must be merged."""
    return sum(
        max(0, min(end, other_end) - max(start, other_start))
        for document, places in left.items()
        for start, end in places
        for other_start, other_end in right.get(document, ())
    )


def missing(wanted: Spans, delivered: Spans) -> Spans:
    """What of `wanted` is not in `delivered`; both merged."""
    left: Spans = {}
    for document, places in wanted.items():
        rest = []
        for start, end in places:
            for other_start, other_end in delivered.get(document, ()):
                if other_end <= start or other_start >= end:
                    continue
                if other_start > start:
                    rest.append((start, other_start))
                start = max(start, other_end)
            if start < end:
                rest.append((start, end))
        if rest:
            left[document] = rest
    return left


def score_spans(
    passages: Iterable[Placed],
    references: Iterable[Placed],
    blank: Callable[[str, int, int], bool] = lambda document, start, end: False,
) -> SpanScores:
    """Compare what was delivered with what was wanted.

    Args:
        passages: what was delivered.
        references: the evidence, not empty.
        blank: tells whether characters of a document are only white space. Splitters
            strip the ends of their chunks; losing a blank loses no evidence.

    Raises:
        ValueError: there is no evidence: the question has no such score.
    """
    passages = list(passages)
    evidence, delivered = merged(references), merged(passages)
    if not evidence:
        raise ValueError("a question without evidence has no span scores")
    both = overlap(evidence, delivered)
    room = sum(max(0, passage.end - passage.start) for passage in passages)
    lost = missing(evidence, delivered)
    return SpanScores(
        recall=both / characters(evidence),
        precision=both / room if room else 0.0,
        iou=both / (room + characters(lost)),
        whole=float(all(blank(name, *span) for name, spans in lost.items() for span in spans)),
    )
