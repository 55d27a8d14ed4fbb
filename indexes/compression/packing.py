"""Which passages are judged in which call, and how it shows them.

Calls cost their prompt's instructions each time, so several passages share one, up to a
number of tokens; more calls at once answer sooner. A passage longer than a call can hold
is divided between calls where its sentences are judged, and cut where it is judged whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexes.compression.passages import Passage
from indexes.tokens import count_tokens, token_starts

# A number, a line break: what each line of a prompt costs beside its text.
_LINE_TOKENS = 5


@dataclass(frozen=True)
class Excerpt:
    """Sentences of a passage, by their places, as one call sees them."""

    passage: int
    sentences: tuple[int, ...]


@dataclass(frozen=True)
class Pack:
    """What one call judges."""

    excerpts: tuple[Excerpt, ...]


def pack_sentences(
    passages: Sequence[Passage], places: Iterable[int], *, tokens: int, together: bool
) -> list[Pack]:
    """Divide passages into calls of about `tokens` tokens at most.

    Args:
        passages: all of them
        places: which of them are still to be judged
        tokens: the size of a call
        together: whether passages may share a call
    """
    excerpts: list[tuple[Excerpt, int]] = []
    for place in places:
        excerpts += _excerpts(place, passages[place], tokens)
    packs: list[list[Excerpt]] = []
    room = 0
    for excerpt, size in excerpts:
        if not packs or not together or size > room:
            packs.append([])
            room = tokens
        packs[-1].append(excerpt)
        room -= size
    return [Pack(tuple(pack)) for pack in _levelled(packs, dict(excerpts), tokens, together)]


def _excerpts(place: int, passage: Passage, tokens: int) -> list[tuple[Excerpt, int]]:
    heading = count_tokens(passage.title) + _LINE_TOKENS
    excerpts: list[tuple[Excerpt, int]] = []
    taken: list[int] = []
    size = heading
    for number, span in enumerate(passage.sentences):
        cost = count_tokens(passage.slice(span)) + _LINE_TOKENS
        if taken and size + cost > tokens:
            excerpts.append((Excerpt(place, tuple(taken)), size))
            taken, size = [], heading
        taken.append(number)
        size += cost
    if taken:
        excerpts.append((Excerpt(place, tuple(taken)), size))
    return excerpts


def _levelled(
    packs: list[list[Excerpt]], sizes: dict[Excerpt, int], tokens: int, together: bool
) -> list[list[Excerpt]]:
    """The same number of calls, of about the same length: the longest decides when all
    are answered.
    """
    if not together or len(packs) < 2:
        return packs
    excerpts = [excerpt for pack in packs for excerpt in pack]
    share = sum(sizes[excerpt] for excerpt in excerpts) / len(packs)
    levelled: list[list[Excerpt]] = [[]]
    filled = 0.0
    for excerpt in excerpts:
        size = sizes[excerpt]
        full = filled + size / 2 > share * len(levelled) and len(levelled) < len(packs)
        over = sum(sizes[one] for one in levelled[-1]) + size > tokens
        if levelled[-1] and (full or over):
            levelled.append([])
        levelled[-1].append(excerpt)
        filled += size
    return levelled if len(levelled) <= len(packs) else packs


def _line(text: str) -> str:
    """One line, so that no quotation can begin one with a number of its own."""
    return " ".join(text.split())


def numbered_sentences(passages: Sequence[Passage], pack: Pack) -> tuple[str, int]:
    """A pack's sentences, numbered from 1, under their passages' titles; and how many."""
    lines: list[str] = []
    number = 0
    title = None
    for excerpt in pack.excerpts:
        passage = passages[excerpt.passage]
        if lines:
            lines.append("")
        if passage.title != title:
            title = passage.title
            lines.append(f"From {_line(title) or 'a document'}:")
        for place in excerpt.sentences:
            number += 1
            lines.append(f"[{number}] {_line(passage.slice(passage.sentences[place]))}")
    return "\n".join(lines), number


def shown_whole(
    passages: Sequence[Passage], places: Sequence[int], tokens: int, *, numbered: bool
) -> str:
    """Passages as they are, each cut at `tokens`."""
    shown = []
    for number, place in enumerate(places, start=1):
        passage = passages[place]
        text = _line(_cut(passage.text, tokens))
        mark = f"[{number}] " if numbered else ""
        shown.append(f"{mark}{_line(passage.title) or 'a document'}: {text}")
    return "\n\n".join(shown)


def _cut(text: str, tokens: int) -> str:
    if len(text) <= tokens:
        return text
    starts = token_starts(text)
    return text if len(starts) <= tokens else text[: starts[tokens]]
