"""Scored leaves → passages that fill a context budget. Arithmetic only; no I/O.

`spread` judges each leaf in the context of its tree, `fill` takes leaves in that order
until the budget is full, and leaves that follow each other are delivered as one passage.
A passage that covers a parent is that parent: this is auto-merging, done so that merging
never pushes other evidence out of the budget.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from operator import eq

import numpy as np

from indexes.candidates import Candidates, Scores
from indexes.sentences import sentence_spans
from indexes.store.ancestry import Ancestor, Span
from indexes.store.points import Leaf
from indexes.tokens import count_tokens

# Shares of the mean of both neighbours and of the root's; how chosen: docs/architecture.md.
NEIGHBOURS_WEIGHT = 0.5
# A neighbour beyond the document's edge counts as half as relevant as the leaf itself:
# as nothing, it would hold the edges back; as the leaf's equal, push them ahead.
BEYOND_EDGE = 0.5
ROOT_WEIGHT = 0.5
# What BM25 counts beside similarity, both in standard deviations.
BM25_WEIGHT = 0.7
# A parent is completed once more than this share of its tokens is in.
COMPLETE_ABOVE = 2 / 3


@dataclass(frozen=True)
class LeafRun:
    """A run of text of one document. Offsets are characters of the document's text.

    Attributes:
        leaves: the leaves it is made of, in order; the outer ones may be cut.
        score: the best of their scores, higher being better.
        reason: how it came to be as long as it is, in words.
        scores: those of the leaves, if they are not all of them `score`.
    """

    leaves: tuple[Leaf, ...]
    start: int
    end: int
    score: float
    reason: str = ""
    scores: tuple[float, ...] = ()

    @cached_property
    def text(self) -> str:
        """The document's text from `start` to `end`."""
        offset = self.leaves[0].start
        joined = "".join(leaf.text for leaf in self.leaves)
        return joined[self.start - offset : self.end - offset]

    @cached_property
    def text_tokens(self) -> int:
        """Those of `text`."""
        return count_tokens(self.text)

    @cached_property
    def covers(self) -> Ancestor | None:
        """The largest parent whose text this is, exactly."""
        return next(
            (
                parent
                for parent in self.leaves[0].ancestors
                if (parent.start, parent.end) == (self.start, self.end)
            ),
            None,
        )

    @property
    def level(self) -> int:
        """The level of the parent it covers; else that of its leaves."""
        return self.covers.level if self.covers else self.leaves[0].level


@dataclass(frozen=True, slots=True)
class Piece:
    """Leaves that follow each other, as places of candidates: what `pack` takes whole or cuts.

    Attributes:
        score, reason, scores: as a `LeafRun` has them.
    """

    places: Sequence[int]
    score: float
    reason: str = ""
    scores: tuple[float, ...] = ()


def spread(candidates: Candidates) -> Scores:
    """Judge leaves in the context of their tree: one relevance each, higher is better.

    Similarity (the leaf's own plus its parent's) and BM25 are each standardised over the
    candidates and added; then every leaf takes shares of its neighbours' relevance and
    of its root's. A neighbour that is not among the candidates counts as average: 0.

    Args:
        candidates: all leaves of the roots that were found, in document order.
    """
    own = _standardise(candidates.dense + candidates.parent_dense)
    own += BM25_WEIGHT * _standardise(candidates.bm25)
    positions = candidates.positions
    same = np.array(list(map(eq, candidates.documents, candidates.documents[1:])), bool)
    follows = (np.diff(positions) == 1) & same
    before = np.where(positions == 0, BEYOND_EDGE * own, 0.0)
    before[1:][follows] = own[:-1][follows]
    after = np.where(candidates.last, BEYOND_EDGE * own, 0.0)
    after[:-1][follows] = own[1:][follows]
    mean = np.bincount(candidates.roots, own) / np.maximum(np.bincount(candidates.roots), 1)
    relevance: Scores = own + NEIGHBOURS_WEIGHT / 2 * before + NEIGHBOURS_WEIGHT / 2 * after
    relevance += ROOT_WEIGHT * mean[candidates.roots]
    return relevance


def _standardise(scores: Scores) -> Scores:
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


def in_order(scores: Scores) -> list[int]:
    """Places of the candidates, best first; ties in document order, the same every time."""
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


# Filling the budget


def in_reach(candidates: Candidates, scores: Scores, budget: int) -> list[int]:
    """The places whose text `grow` may need, at whatever budget up to this one."""
    order = in_order(scores)
    used = np.cumsum(candidates.tokens[order])
    reached = set(order[: int(used.searchsorted(budget, "right")) + 1])
    tokens = candidates.tokens.tolist()
    waiting = list(reached)
    # How much was reached when a parent was looked at.
    seen: dict[range, int] = {}
    while waiting:
        leaf = waiting.pop()
        for parent in candidates.parents(leaf):
            below = candidates.under(leaf, parent)
            if below is None or seen.get(below) == len(reached) or reached.issuperset(below):
                continue
            seen[below] = len(reached)
            taken = sum(tokens[place] for place in below if place in reached)
            if taken > COMPLETE_ABOVE * sum(tokens[below.start : below.stop]):
                waiting += [place for place in below if place not in reached]
                reached.update(below)
    return sorted(reached)


def in_pieces(candidates: Candidates, pieces: Sequence[Piece], budget: int) -> list[int]:
    """The places whose text `pack` may need, at whatever budget up to this one."""
    reached: list[int] = []
    used = 0
    for piece in pieces:
        if used > budget:
            break
        reached += piece.places
        used += int(candidates.tokens[list(piece.places)].sum())
    return sorted(reached)


def grow(candidates: Candidates, scores: Scores, budget: int) -> list[LeafRun]:
    """Fill `budget` tokens leaf by leaf, best first, completing parents on the way.

    Once most of a parent is in and the rest of it fits, the rest is taken too. Leaves
    that follow each other become one passage, the best first. The last leaf is cut at a sentence
    end.

    Args:
        candidates: all leaves of the roots that were found, those `in_reach` with their texts.
        scores: of each.
        budget: in tokens.
    """
    order = in_order(scores)
    return _within(budget, lambda allowance: _grow(candidates, scores, order, allowance))


def pack(candidates: Candidates, pieces: Sequence[Piece], budget: int) -> list[LeafRun]:
    """Take `pieces` as they come while they fit; the last is cut at a sentence end.

    Args:
        candidates: those `in_pieces` with their texts.
        pieces: of them.
        budget: in tokens.
    """
    return _within(budget, lambda allowance: _pack(candidates, pieces, allowance))


def whole(candidates: Candidates, piece: Piece) -> LeafRun:
    """A piece with its leaves."""
    leaves = tuple(candidates.leaves[place] for place in piece.places)
    start, end = leaves[0].start, leaves[-1].end
    return LeafRun(leaves, start, end, piece.score, piece.reason, piece.scores)


def _within(budget: int, fill: Callable[[int], list[LeafRun]]) -> list[LeafRun]:
    """Make the passages' texts fit: tokens at the seams differ from the leaves' counts."""
    allowance = budget
    while allowance > 0:
        passages = fill(allowance)
        excess = sum(passage.text_tokens for passage in passages) - budget
        if excess <= 0:
            return passages
        allowance -= excess
    return []


def _grow(
    candidates: Candidates, scores: Scores, order: Sequence[int], budget: int
) -> list[LeafRun]:
    taken: dict[int, tuple[int, int]] = {}
    reasons: dict[int, str] = {}
    tokens: list[int] = candidates.tokens.tolist()
    places = list(zip(candidates.starts.tolist(), candidates.ends.tolist(), strict=True))
    left = budget

    def take(place: int) -> int:
        taken[place] = places[place]
        return tokens[place]

    for place in order:
        if place in taken:
            continue
        if tokens[place] > left:
            start, end = _cut_leaf(candidates, place, left, taken)
            if start < end:
                taken[place] = (start, end)
            break
        left -= take(place)
        for parent in reversed(candidates.parents(place)):
            below = candidates.under(place, parent)
            missing = [leaf for leaf in below or () if leaf not in taken]
            if below is None or not missing:
                continue
            rest = sum(tokens[leaf] for leaf in missing)
            total = sum(tokens[below.start : below.stop])
            if rest > left or total - rest <= COMPLETE_ABOVE * total:
                continue
            left -= sum(take(leaf) for leaf in missing)
            reasons[below.start] = (
                f"completed: {len(below) - len(missing)} of {len(below)} leaves were in, "
                f"the rest fitted"
            )
    return _join(candidates, scores, taken, reasons)


def _join(
    candidates: Candidates,
    scores: Scores,
    taken: dict[int, tuple[int, int]],
    reasons: dict[int, str],
) -> list[LeafRun]:
    """Runs of leaves that touch, as passages, the best first."""
    runs: list[list[int]] = []
    for place in sorted(taken):
        here = (candidates.documents[place], taken[place][0])
        if runs and here == (candidates.documents[runs[-1][-1]], taken[runs[-1][-1]][1]):
            runs[-1].append(place)
        else:
            runs.append([place])
    passages = []
    for run in runs:
        if len(run) == 1:
            reason = ""
        else:
            found = [reasons[place] for place in run if place in reasons]
            reason = "; ".join([f"{len(run)} leaves that follow each other", *found])
        passages.append(
            LeafRun(
                leaves=tuple(candidates.leaves[place] for place in run),
                start=taken[run[0]][0],
                end=taken[run[-1]][1],
                score=float(scores[run].max()),
                reason=reason,
                scores=tuple(scores[run].tolist()) if len(run) > 1 else (),
            )
        )
    return sorted(passages, key=lambda passage: -passage.score)


def _pack(candidates: Candidates, pieces: Sequence[Piece], budget: int) -> list[LeafRun]:
    packed: list[LeafRun] = []
    left = budget
    for piece in pieces:
        tokens = int(candidates.tokens[list(piece.places)].sum())
        run = whole(candidates, piece)
        if tokens <= left:
            packed.append(run)
            left -= tokens
            continue
        length = cut_at_sentence(run.text, left, or_word=not packed)
        if length:
            cut = "; cut at a sentence end to fit" if piece.reason else "cut to fit"
            end = run.start + length
            leaves = tuple(leaf for leaf in run.leaves if leaf.start < end)
            packed.append(LeafRun(leaves, run.start, end, piece.score, piece.reason + cut))
        break
    return packed


def _cut_leaf(
    candidates: Candidates, place: int, tokens: int, taken: Container[int]
) -> tuple[int, int]:
    """The part of a leaf that fits: next to its neighbour, if only the one behind is in."""
    leaf = candidates.leaves[place]
    before = candidates.follows(place - 1) and place - 1 in taken
    after = candidates.follows(place) and place + 1 in taken
    if after and not before:
        sentences = sentence_spans(leaf.text)
        for start, _ in sentences[1:]:
            if count_tokens(leaf.text[start:]) <= tokens:
                return leaf.start + start, leaf.end
        return leaf.end, leaf.end
    return leaf.start, leaf.start + cut_at_sentence(leaf.text, tokens, or_word=not taken)


def cut_at_sentence(text: str, tokens: int, *, or_word: bool = False) -> int:
    """How many characters of `text` fit into `tokens`, ending where a sentence ends.

    Args:
        text: what is to be cut.
        tokens: the most it may have.
        or_word: cut at the end of a word if not even one sentence fits.
    """
    length = 0
    for _, end in sentence_spans(text):
        if count_tokens(text[:end].rstrip()) > tokens:
            break
        length = end
    if length == 0 and or_word:
        for end in [i for i, character in enumerate(text) if character.isspace()]:
            if count_tokens(text[:end]) > tokens:
                break
            length = end
    # Left whole, a text keeps the white space at its end, if there is room for it.
    whole = length == len(text) and count_tokens(text) <= tokens
    return length if whole else len(text[:length].rstrip())


# LlamaIndex's rule, for comparison


def merge_by_ratio(candidates: Candidates, ratio: float, top_k: int) -> list[Piece]:
    """Replace leaves by their parent where more than `ratio` of its children were found.

    What LlamaIndex's `AutoMergingRetriever` does, level by level from the leaves up: a
    parent's score is the mean of the children found, whatever their number.

    Args:
        candidates: all leaves of the roots that were found.
        ratio: between 0 and 1.
        top_k: how many hits, best first, take part.
    """
    scores: dict[_Name, float] = {
        place: float(candidates.hits[place])
        for place in in_order(candidates.hits)[:top_k]
        if candidates.hits[place] > 0
    }
    paths: list[list[_Name]] = [
        [*((candidates.documents[place], span) for span in candidates.parents(place)), place]
        for place in range(len(candidates))
    ]
    levels: dict[_Name, int] = {
        name: name[1].level for path in paths for name in path if isinstance(name, tuple)
    }
    reasons: dict[_Name, str] = {}
    for level in sorted(set(levels.values()), reverse=True):
        children: defaultdict[_Name, dict[_Name, None]] = defaultdict(dict)
        for path in paths:
            for parent, child in pairwise(path):
                if levels[parent] == level:
                    children[parent][child] = None
        for parent, below in children.items():
            found = [child for child in below if child in scores]
            if found and len(found) / len(below) > ratio:
                scores[parent] = sum(scores.pop(child) for child in found) / len(found)
                reasons[parent] = f"merged: {len(found)} of {len(below)} children were found"
    pieces = []
    for name, group in groupby(range(len(paths)), lambda place: _first(paths[place], scores)):
        if name is not None:
            pieces.append(Piece(list(group), scores[name], reasons.get(name, "")))
    return sorted(pieces, key=lambda piece: -piece.score)


# A leaf's place, or a parent of a document.
_Name = int | tuple[str, Span]


def _first(path: Sequence[_Name], scores: dict[_Name, float]) -> _Name | None:
    return next((name for name in path if name in scores), None)
