"""Which passages are judged in which call.

Calls cost their prompt's instructions each time, so several passages share one, up to a
number of tokens; more calls at once answer sooner. A passage longer than a call can hold
is divided between calls where its sentences are judged, and cut where it is judged whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexes.compression.passages import Passage
from indexes.tokens import count_tokens

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
    """Divide the passages at `places` into calls of about `tokens` tokens at most.

    Args:
        passages: all of them.
        places: those to be judged; others have been.
        tokens: a call's share.
        together: whether passages may share a call.
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
