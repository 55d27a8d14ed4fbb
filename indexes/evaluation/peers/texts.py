"""What peers work on, and what they hand back.

A peer gets the texts of an index's documents, cuts and embeds them as it does, and returns
texts. Here each text gets its place in its document and becomes a passage, and the passages
fill a budget as all patterns' do: in their order, the last cut at the end of a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexes.answers import Context
from indexes.documents import pages_of
from indexes.index import HierarchicalIndex
from indexes.merging import cut_at_sentence
from indexes.sentences import Span, sentence_spans
from indexes.store.points import Manifest
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
class PeerPassage:
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


def located(text: str, chunks: Sequence[str]) -> list[Span]:
    """Where chunks that were cut from `text`, in order, are in it.

    Splitters that tell where a chunk starts guess from its predecessor's length; here each
    is looked for behind the start of the one before.

    Raises:
        ValueError: a chunk is not in the text: its splitter changed what it says.
    """
    spans: list[Span] = []
    after = 0
    for number, chunk in enumerate(chunks):
        start = text.find(chunk, after)
        if start < 0:
            raise ValueError(f"chunk {number} is not in the text behind character {after}")
        spans.append((start, start + len(chunk)))
        after = start + 1
    return spans


def text_of(index: HierarchicalIndex, manifest: Manifest) -> Text:
    """A document of an index, whole: its leaves, joined."""
    leaves = index.store.leaves(manifest.document_id, str(manifest.version), manifest.leaves)
    return Text(
        document_id=manifest.document_id,
        version=str(manifest.version),
        source=manifest.source,
        title=manifest.title,
        text="".join(leaf.text for leaf in leaves),
        page_starts=tuple(manifest.page_starts or ()),
    )


def texts_of(index: HierarchicalIndex) -> dict[str, str]:
    """The texts of all documents of an index, by source."""
    return {found.source: text_of(index, found).text for found in index.documents()}


def quotes(passage: PeerPassage, said: str) -> list[PeerPassage]:
    """Where what a model wrote about a passage comes from, word for word.

    Args:
        passage: what the model was shown.
        said: what it answered.

    Returns:
        Runs of the passage's document, in the order of the answer, and, without a place,
        what is not in the passage. Differences in white space at the ends don't count.
    """
    whole = said.strip()
    if place := _find(passage, whole):
        return [place]
    found: list[PeerPassage] = []
    for start, end in _lines_and_sentences(whole):
        part = whole[start:end].strip()
        if not part:
            continue
        quoted = _find(passage, part)
        if quoted is None:
            reason = "in no document: the model's own words"
            quoted = replace(passage, text=part, end=passage.start, reason=reason)
        elif found and found[-1].start < found[-1].end and _follows(passage, found[-1], quoted):
            before = found.pop()
            text = passage.text[before.start - passage.start : quoted.end - passage.start]
            quoted = replace(before, end=quoted.end, text=text)
        found.append(quoted)
    return found


def _find(passage: PeerPassage, part: str) -> PeerPassage | None:
    place = passage.text.find(part) if part else -1
    if place < 0:
        return None
    start = passage.start + place
    return replace(passage, start=start, end=start + len(part), text=part, reason="quoted")


def _follows(passage: PeerPassage, before: PeerPassage, after: PeerPassage) -> bool:
    between = passage.text[before.end - passage.start : after.start - passage.start]
    return before.end <= after.start and not between.strip()


def _lines_and_sentences(text: str) -> list[Span]:
    spans: list[Span] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        spans += [(offset + start, offset + end) for start, end in sentence_spans(line)]
        offset += len(line)
    return spans


def fill(passages: Sequence[PeerPassage], budget: int) -> list[PeerPassage]:
    """Take passages as they come while they fit; the last is cut at a sentence end."""
    taken: list[PeerPassage] = []
    left = budget
    for passage in passages:
        tokens = count_tokens(passage.text)
        if tokens <= left:
            taken.append(passage)
            left -= tokens
            continue
        length = cut_at_sentence(passage.text, left, or_word=not taken)
        if length:
            end = passage.start + length if passage.end > passage.start else passage.end
            taken.append(replace(passage, end=end, text=passage.text[:length], reason="cut to fit"))
        break
    return taken


def tokens_of(passages: Sequence[PeerPassage]) -> int:
    """How much room passages take, in cl100k tokens."""
    return sum(count_tokens(passage.text) for passage in passages)


def contexts_of(passages: Sequence[PeerPassage]) -> list[Context]:
    """Passages as our patterns' contexts."""
    return [
        Context(
            document=passage.origin.source,
            start=passage.start,
            end=passage.end,
            pages=pages_of(passage.origin.page_starts, passage.start, passage.end),
            text=passage.text,
            score=passage.score,
            level=0,
            title=passage.origin.title,
            id=f"{passage.origin.document_id}:{passage.start}-{passage.end}",
            tokens=count_tokens(passage.text),
            reason=passage.reason,
        )
        for passage in passages
    ]
