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
class Piece:
    """Sentences of a passage, by their places, as one call sees them."""

    passage: int
    sentences: tuple[int, ...]


@dataclass(frozen=True)
class Pack:
    """What one call judges."""

    pieces: tuple[Piece, ...]


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
    pieces: list[tuple[Piece, int]] = []
    for place in places:
        pieces += _pieces(place, passages[place], tokens)
    packs: list[list[Piece]] = []
    room = 0
    for piece, size in pieces:
        if not packs or not together or size > room:
            packs.append([])
            room = tokens
        packs[-1].append(piece)
        room -= size
    return [Pack(tuple(pack)) for pack in _levelled(packs, dict(pieces), tokens, together)]


def _pieces(place: int, passage: Passage, tokens: int) -> list[tuple[Piece, int]]:
    heading = count_tokens(passage.title) + _LINE_TOKENS
    pieces: list[tuple[Piece, int]] = []
    taken: list[int] = []
    size = heading
    for number, span in enumerate(passage.sentences):
        cost = count_tokens(passage.slice(span)) + _LINE_TOKENS
        if taken and size + cost > tokens:
            pieces.append((Piece(place, tuple(taken)), size))
            taken, size = [], heading
        taken.append(number)
        size += cost
    if taken:
        pieces.append((Piece(place, tuple(taken)), size))
    return pieces


def _levelled(
    packs: list[list[Piece]], sizes: dict[Piece, int], tokens: int, together: bool
) -> list[list[Piece]]:
    """The same number of calls, of about the same length: the longest decides when all
    are answered.
    """
    if not together or len(packs) < 2:
        return packs
    pieces = [piece for pack in packs for piece in pack]
    share = sum(sizes[piece] for piece in pieces) / len(packs)
    levelled: list[list[Piece]] = [[]]
    filled = 0.0
    for piece in pieces:
        size = sizes[piece]
        full = filled + size / 2 > share * len(levelled) and len(levelled) < len(packs)
        over = sum(sizes[one] for one in levelled[-1]) + size > tokens
        if levelled[-1] and (full or over):
            levelled.append([])
        levelled[-1].append(piece)
        filled += size
    return levelled if len(levelled) <= len(packs) else packs
