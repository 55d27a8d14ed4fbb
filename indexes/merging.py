"""Scored leaves → passages that fill a context budget. Arithmetic only; no I/O.

`spread` judges each leaf in the context of its tree, `fill` takes leaves in that order
until the budget is full, and leaves that follow each other are delivered as one passage.
A passage that covers a parent is that parent: this is auto-merging, done so that merging
never pushes other evidence out of the budget.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.search import Candidate
from indexes.sentences import sentence_spans
from indexes.store.points import Ancestor, Leaf
from indexes.tokens import count_tokens

Scores = NDArray[np.float64]

# How relevance spreads: shares of the mean of the two neighbours, and of the root's.
# Chosen on two corpora (docs/architecture.md); little changes around these values.
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
        covers: the largest parent that it covers exactly, if any.
        reason: how it came to be as long as it is, in words.
        scores: those of the leaves, if they are not all of them `score`.
    """

    leaves: tuple[Leaf, ...]
    start: int
    end: int
    score: float
    reason: str = ""
    scores: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        """The document's text from `start` to `end`."""
        offset = self.leaves[0].start
        joined = "".join(leaf.text for leaf in self.leaves)
        return joined[self.start - offset : self.end - offset]

    @property
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


def spread(candidates: Sequence[Candidate]) -> Scores:
    """Judge leaves in the context of their tree: one relevance each, higher is better.

    Similarity (the leaf's own plus its parent's) and BM25 are each standardised over the
    candidates and added; then every leaf takes shares of its neighbours' relevance and
    of its root's. A neighbour that is not among the candidates counts as average: 0.

    Args:
        candidates: all leaves of the roots that were found, in document order.
    """
    dense = np.array([found.dense + found.parent_dense for found in candidates])
    words = np.array([found.bm25 for found in candidates])
    own = _standardise(dense) + BM25_WEIGHT * _standardise(words)
    relevance = own.copy()
    place = {(c.leaf.document_id, c.leaf.position): i for i, c in enumerate(candidates)}
    roots: defaultdict[str, list[int]] = defaultdict(list)
    for (document, position), i in place.items():
        roots[candidates[i].leaf.root].append(i)
        edges = ((position - 1, position == 0), (position + 1, candidates[i].last))
        for neighbour, edge in edges:
            j = place.get((document, neighbour))
            beside = BEYOND_EDGE * own[i] if edge else own[j] if j is not None else 0.0
            relevance[i] += NEIGHBOURS_WEIGHT / 2 * beside
    for members in roots.values():
        relevance[members] += ROOT_WEIGHT * own[members].mean()
    return relevance


def _standardise(scores: Scores) -> Scores:
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


def in_order(candidates: Sequence[Candidate], scores: Sequence[float] | Scores) -> list[int]:
    """Places of the candidates, best first; ties in document order, the same every time."""
    return sorted(range(len(candidates)), key=lambda place: (-float(scores[place]), place))


# Filling the budget


def grow(candidates: Sequence[Candidate], scores: Scores, budget: int) -> list[LeafRun]:
    """Fill `budget` tokens leaf by leaf, best first, completing parents on the way.

    Once most of a parent is in and the rest of it fits, the rest is taken too. Leaves
    that follow each other become one passage. The last leaf is cut at a sentence end.

    Returns:
        Passages, the best first.
    """
    order = in_order(candidates, scores)
    return _within(budget, lambda allowance: _grow(candidates, scores, order, allowance))


def pack(pieces: Sequence[LeafRun], budget: int) -> list[LeafRun]:
    """Take `pieces` as they come while they fit; the last is cut at a sentence end."""
    return _within(budget, lambda allowance: _pack(pieces, allowance))


def _within(budget: int, fill: Callable[[int], list[LeafRun]]) -> list[LeafRun]:
    """Make the passages' texts fit: tokens at the seams differ from the leaves' counts."""
    allowance = budget
    while allowance > 0:
        passages = fill(allowance)
        excess = sum(count_tokens(passage.text) for passage in passages) - budget
        if excess <= 0:
            return passages
        allowance -= excess
    return []


@dataclass(frozen=True, slots=True)
class _Taken:
    leaf: Leaf
    start: int
    end: int
    score: float


def _grow(
    candidates: Sequence[Candidate], scores: Scores, order: Sequence[int], budget: int
) -> list[LeafRun]:
    taken: dict[tuple[str, int], _Taken] = {}
    known = {(c.leaf.document_id, c.leaf.position): i for i, c in enumerate(candidates)}
    reasons: dict[tuple[str, int], str] = {}
    left = budget

    def take(place: int) -> int:
        leaf = candidates[place].leaf
        key = (leaf.document_id, leaf.position)
        taken[key] = _Taken(leaf, leaf.start, leaf.end, float(scores[place]))
        return leaf.tokens

    for place in order:
        leaf = candidates[place].leaf
        if (leaf.document_id, leaf.position) in taken:
            continue
        if leaf.tokens > left:
            start, end = _cut_leaf(leaf, left, taken)
            if start < end:
                key = (leaf.document_id, leaf.position)
                taken[key] = _Taken(leaf, start, end, float(scores[place]))
            break
        left -= take(place)
        for parent in reversed(leaf.ancestors):
            keys = [
                (leaf.document_id, parent.first_leaf + offset) for offset in range(parent.leaves)
            ]
            missing = [key for key in keys if key not in taken]
            if not missing or any(key not in known for key in missing):
                continue
            rest = sum(candidates[known[key]].leaf.tokens for key in missing)
            whole = rest + sum(taken[key].leaf.tokens for key in keys if key in taken)
            if rest > left or whole - rest <= COMPLETE_ABOVE * whole:
                continue
            for key in missing:
                left -= take(known[key])
            reasons[keys[0]] = (
                f"completed: {len(keys) - len(missing)} of {len(keys)} leaves were in, "
                f"the rest fitted"
            )
    return _join(taken, reasons)


def _join(
    taken: dict[tuple[str, int], _Taken], reasons: dict[tuple[str, int], str]
) -> list[LeafRun]:
    """Runs of leaves that touch, as passages, the best first."""
    pieces = [taken[key] for key in sorted(taken)]
    runs: list[list[_Taken]] = []
    for piece in pieces:
        before = runs[-1][-1] if runs else None
        touches = (
            before is not None
            and before.leaf.document_id == piece.leaf.document_id
            and before.end == piece.start
        )
        if touches:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    passages = []
    for run in runs:
        found = [reasons.get((piece.leaf.document_id, piece.leaf.position)) for piece in run]
        if len(run) == 1:
            reason = ""
        else:
            reason = "; ".join([f"{len(run)} leaves that follow each other", *filter(None, found)])
        passages.append(
            LeafRun(
                leaves=tuple(piece.leaf for piece in run),
                start=run[0].start,
                end=run[-1].end,
                score=max(piece.score for piece in run),
                reason=reason,
                scores=tuple(piece.score for piece in run) if len(run) > 1 else (),
            )
        )
    return sorted(passages, key=lambda passage: -passage.score)


def _pack(pieces: Sequence[LeafRun], budget: int) -> list[LeafRun]:
    packed: list[LeafRun] = []
    left = budget
    for piece in pieces:
        tokens = sum(leaf.tokens for leaf in piece.leaves)
        if tokens <= left:
            packed.append(piece)
            left -= tokens
            continue
        length = cut_at_sentence(piece.text, left, or_word=not packed)
        if length:
            cut = "; cut at a sentence end to fit" if piece.reason else "cut to fit"
            end = piece.start + length
            leaves = tuple(leaf for leaf in piece.leaves if leaf.start < end)
            packed.append(LeafRun(leaves, piece.start, end, piece.score, piece.reason + cut))
        break
    return packed


def _cut_leaf(leaf: Leaf, tokens: int, taken: dict[tuple[str, int], _Taken]) -> tuple[int, int]:
    """The part of a leaf that fits: next to its neighbour, if only the one behind is in."""
    before = (leaf.document_id, leaf.position - 1) in taken
    after = (leaf.document_id, leaf.position + 1) in taken
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


def merge_by_ratio(candidates: Sequence[Candidate], ratio: float, top_k: int) -> list[LeafRun]:
    """Replace leaves by their parent where more than `ratio` of its children were found.

    What LlamaIndex's `AutoMergingRetriever` does, level by level from the leaves up: a
    parent's score is the mean of the children found, whatever their number.

    Args:
        candidates: all leaves of the roots that were found.
        ratio: between 0 and 1.
        top_k: how many hits, best first, take part.
    """
    order = in_order(candidates, [found.hit_score for found in candidates])[:top_k]
    scores = {
        candidates[place].leaf.id: candidates[place].hit_score
        for place in order
        if candidates[place].hit_score > 0
    }
    leaves = [found.leaf for found in candidates]
    paths = {leaf.id: [*(node.id for node in leaf.ancestors), leaf.id] for leaf in leaves}
    levels = {node.id: node.level for leaf in leaves for node in leaf.ancestors}
    reasons: dict[str, str] = {}
    for level in sorted(set(levels.values()), reverse=True):
        children: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for path in paths.values():
            for parent, child in pairwise(path):
                if levels[parent] == level:
                    children[parent][child] = None
        for parent, below in children.items():
            found = [child for child in below if child in scores]
            if found and len(found) / len(below) > ratio:
                scores[parent] = sum(scores.pop(child) for child in found) / len(found)
                reasons[parent] = f"merged: {len(found)} of {len(below)} children were found"
    pieces = []
    for name, group in groupby(leaves, lambda leaf: _first(paths[leaf.id], scores)):
        if name is not None:
            run = tuple(group)
            reason = reasons.get(name, "")
            pieces.append(LeafRun(run, run[0].start, run[-1].end, scores[name], reason))
    return sorted(pieces, key=lambda piece: -piece.score)


def _first(path: Sequence[str], scores: dict[str, float]) -> str | None:
    return next((name for name in path if name in scores), None)
