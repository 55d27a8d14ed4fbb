"""Filling a budget of tokens: by a judge's scores where there are any, else in order.

A budget is paid for in any case, so a judge that scores fills it with the best there is,
whatever its thresholds: only then do patterns compare at equal budgets.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from llama_index.core.schema import NodeWithScore

from indexes.compression.passages import GAP, Passage
from indexes.compression.verdicts import Verdict
from indexes.sentences import Span
from indexes.tokens import count_tokens, token_starts

# What a neighbour that is in counts, in standard deviations of the scores.
CONTIGUITY = 0.2

_GAP_TOKENS = count_tokens(GAP)


def fit(nodes: Sequence[NodeWithScore], budget: int) -> tuple[list[NodeWithScore], int, int]:
    """The first nodes that fit into `budget` cl100k tokens; the last ends with a sentence.

    Something is always returned where there is something: if not even one sentence fits,
    it is cut at a word.

    Returns:
        The nodes, the tokens of all that came, and of those that fit.
    """
    passages = [Passage.of(node) for node in nodes]
    fitting: list[NodeWithScore] = []
    left = budget
    for node, passage in zip(nodes, passages, strict=True):
        if passage.tokens <= left:
            fitting.append(node)
            left -= passage.tokens
            continue
        spans = _within(passage, left) or (_words(passage, left) if not fitting else [])
        if spans:
            fitting.append(passage.kept(spans))
            left -= passage.tokens_of(spans)
        break
    return fitting, sum(passage.tokens for passage in passages), budget - left


def best_sentences(
    passages: Sequence[Passage],
    verdicts: Sequence[Verdict],
    budget: int,
    neighbours: int = 0,
    *,
    only_kept: bool = False,
) -> list[list[Span] | None]:
    """The best sentences that fit into `budget` tokens, as spans of each passage.

    The best first; a sentence beside one that is in counts `CONTIGUITY` standard deviations more
    for each, for evidence comes in runs and is read in runs.

    Args:
        passages: where they are from.
        verdicts: with a score for each sentence; a passage without is passed over.
        budget: cl100k tokens of what is kept, gaps included.
        neighbours: sentences to take with each one, before and after, where they fit.
        only_kept: of those that the judge kept.
    """
    scores = [score for verdict in verdicts for score in verdict.scores or ()]
    bonus = CONTIGUITY * float(np.std(scores)) if scores else 0.0
    known = [_offered(verdict, only_kept) for verdict in verdicts]
    waiting = [
        (-score, place, sentence)
        for place, offered in enumerate(known)
        for sentence, score in offered.items()
    ]
    heapify(waiting)
    taken: list[dict[int, int]] = [{} for _ in passages]
    order: list[tuple[int, int]] = []
    left = budget
    while waiting:
        _, place, sentence = heappop(waiting)
        passage, own = passages[place], taken[place]
        around = range(sentence - neighbours, sentence + neighbours + 1)
        for near in sorted(around, key=lambda near: abs(near - sentence)):
            if not 0 <= near < len(passage.sentences) or near in own:
                continue
            beside = (near - 1 in own) + (near + 1 in own)
            cost = count_tokens(passage.slice(passage.sentences[near]))
            cost += 0 if beside or not own else _GAP_TOKENS
            if cost > left:
                continue
            left -= cost
            own[near] = cost
            order.append((place, near))
            for next_ in (near - 1, near + 1):
                if next_ in known[place] and next_ not in own:
                    beside = (next_ - 1 in own) + (next_ + 1 in own)
                    heappush(waiting, (-known[place][next_] - bonus * beside, place, next_))
    # What stands between sentences has tokens too.
    while order and _tokens(passages, taken) > budget:
        place, sentence = order.pop()
        del taken[place][sentence]
    return [p.joined(list(t)) if t else None for p, t in zip(passages, taken, strict=True)]


def _offered(verdict: Verdict, only_kept: bool) -> dict[int, float]:
    """The scores of a passage's sentences that may be taken, by their places."""
    kept = verdict.sentences if only_kept else None
    return {
        place: score
        for place, score in enumerate(verdict.scores or ())
        if kept is None or kept[place]
    }


def _tokens(passages: Sequence[Passage], taken: Sequence[dict[int, int]]) -> int:
    return sum(
        passage.tokens_of(passage.joined(list(sentences)))
        for passage, sentences in zip(passages, taken, strict=True)
        if sentences
    )


def best_passages(
    passages: Sequence[Passage], verdicts: Sequence[Verdict], budget: int
) -> list[list[Span] | None]:
    """The best passages up to `budget` tokens and beyond by at most one, which `fit` cuts."""
    order = sorted(range(len(passages)), key=lambda place: (-(verdicts[place].score or 0), place))
    spans: list[list[Span] | None] = [None] * len(passages)
    left = budget
    for place in order:
        if left <= 0:
            break
        spans[place] = passages[place].whole
        left -= passages[place].tokens
    return spans


def _within(passage: Passage, tokens: int) -> list[Span]:
    """Its spans up to the last sentence that fits."""
    low, high = 0, len(passage.sentences)
    while low < high:
        middle = (low + high + 1) // 2
        if passage.tokens_of(passage.joined(range(middle))) <= tokens:
            low = middle
        else:
            high = middle - 1
    return passage.joined(range(low))


def _words(passage: Passage, tokens: int) -> list[Span]:
    """Its first words, as many as fit."""
    if not passage.sentences:
        return []
    start, end = passage.sentences[0]
    text = passage.slice((start, end))
    starts = token_starts(text)
    length = starts[tokens] if tokens < len(starts) else len(text)
    while length and not text[length].isspace():
        length -= 1
    length = len(text[:length].rstrip())
    return [(start, start + length)] if length else []
