"""What peers work on, and what they hand back.

A peer gets the texts of an index's documents, cuts and embeds them as it does, and returns
pieces of text. Here each piece gets its place in its document, and the pieces fill a budget
as all patterns do: in their order, the last cut at the end of a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexes.answers import Context
from indexes.documents import pages_of
from indexes.index import HierarchicalIndex
from indexes.merging import cut_at_sentence
from indexes.sentences import Span, sentence_spans
from indexes.store.nodes import matching
from indexes.store.points import Manifest, leaf_of
from indexes.tokens import count_tokens


@dataclass(frozen=True)
class Text:
    """A document as a peer gets it."""

    document_id: str
    version: str
    source: str
    title: str
    text: str
    page_starts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A run of text that a peer delivers.

    `start` equals `end` for text that is in no document: a model made it up, or wrote it
    in other words.
    """

    origin: Text
    start: int
    end: int
    text: str
    score: float
    reason: str = ""


def text_of(index: HierarchicalIndex, manifest: Manifest) -> Text:
    """A document of an index, whole: its leaves, joined."""
    wanted = matching(kind="leaf", document_id=manifest.document_id, version=str(manifest.version))
    points = (point for page in index.store.scroll(wanted) for point in page)
    leaves = sorted(map(leaf_of, points), key=lambda leaf: leaf.position)
    return Text(
        document_id=manifest.document_id,
        version=str(manifest.version),
        source=manifest.source,
        title=manifest.title,
        text="".join(leaf.text for leaf in leaves),
        page_starts=tuple(manifest.page_starts or ()),
    )


def quotes(piece: Piece, said: str) -> list[Piece]:
    """Where what a model wrote about a piece comes from, word for word.

    Args:
        piece: what the model was shown.
        said: what it answered.

    Returns:
        Runs of the piece's document, in the order of the answer, and, without a place,
        what is not in the piece. Differences in white space at the ends don't count.
    """
    whole = said.strip()
    if place := _find(piece, whole):
        return [place]
    found: list[Piece] = []
    for start, end in _lines_and_sentences(whole):
        part = whole[start:end].strip()
        if not part:
            continue
        quoted = _find(piece, part)
        if quoted is None:
            reason = "in no document: the model's own words"
            quoted = replace(piece, text=part, end=piece.start, reason=reason)
        elif found and found[-1].start < found[-1].end and _follows(piece, found[-1], quoted):
            before = found.pop()
            text = piece.text[before.start - piece.start : quoted.end - piece.start]
            quoted = replace(before, end=quoted.end, text=text)
        found.append(quoted)
    return found


def _find(piece: Piece, part: str) -> Piece | None:
    place = piece.text.find(part) if part else -1
    if place < 0:
        return None
    start = piece.start + place
    return replace(piece, start=start, end=start + len(part), text=part, reason="quoted")


def _follows(piece: Piece, before: Piece, after: Piece) -> bool:
    between = piece.text[before.end - piece.start : after.start - piece.start]
    return before.end <= after.start and not between.strip()


def _lines_and_sentences(text: str) -> list[Span]:
    spans: list[Span] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        spans += [(offset + start, offset + end) for start, end in sentence_spans(line)]
        offset += len(line)
    return spans


def fill(pieces: Sequence[Piece], budget: int) -> list[Piece]:
    """Take pieces as they come while they fit; the last is cut at a sentence end."""
    taken: list[Piece] = []
    left = budget
    for piece in pieces:
        tokens = count_tokens(piece.text)
        if tokens <= left:
            taken.append(piece)
            left -= tokens
            continue
        length = cut_at_sentence(piece.text, left, or_word=not taken)
        if length:
            end = piece.start + length if piece.end > piece.start else piece.end
            taken.append(replace(piece, end=end, text=piece.text[:length], reason="cut to fit"))
        break
    return taken


def tokens_of(pieces: Sequence[Piece]) -> int:
    """How much room pieces take, in cl100k tokens."""
    return sum(count_tokens(piece.text) for piece in pieces)


def contexts_of(pieces: Sequence[Piece]) -> list[Context]:
    """Pieces as our patterns' contexts."""
    return [
        Context(
            document=piece.origin.source,
            start=piece.start,
            end=piece.end,
            pages=pages_of(piece.origin.page_starts, piece.start, piece.end),
            text=piece.text,
            score=piece.score,
            level=0,
            title=piece.origin.title,
            id=f"{piece.origin.document_id}:{piece.start}-{piece.end}",
            tokens=count_tokens(piece.text),
            reason=piece.reason,
        )
        for piece in pieces
    ]
