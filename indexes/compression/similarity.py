"""How relevant sentences and passages are. Arithmetic only.

Two know something of a sentence s: the judge, who has read it, and the retriever, who has seen
where it stands. For the sentences of all passages together,

    own(s)       = z(cos(question, s)) + 0.7 z(bm25(question, s)), and 0.25 of its neighbours' mean
    found(s)     = z(score) - 0.5 z(ln(rank)) + 0.3 z(cos(question, title))
    relevance(s) = found(s) + 0.4 (1 + c) own(s),    c = the skewness of own, from 0 to 2

where z standardises over the sentences, neighbours are those in the same passage, score is the
leaf's where the retriever tells that, else the passage's, and rank the passage's place, from 1.
Among documents that resemble each other only the titles tell whom a sentence is about.

By `found` alone, all of a leaf is kept or nothing: that is the pattern `parent`. By `own` alone,
sentences are picked wherever they are. The right place between the two follows from c, which says
how concentrated the judge's scores are. Evidence of a sentence or two stands out, and few scores
far above the rest skew them; of evidence that fills paragraphs, and of a judge who can't tell, the
scores lie evenly around their mean, and passages stay nearly as they were found. Where the
retriever tells all alike, the judge alone decides. How the weights were chosen, and what this wins
and costs: docs/compression.md.

That own is the embedding judge's. Any other judge's is z(its scores), and its neighbours' share; of
one who only chooses, 1 for what it chose and 0 for the rest.

A sentence is judged beside the question's others, so a threshold is a share of the way from the
average sentence (0) to the best (1).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.compression.passages import Passage

Scores = NDArray[np.float64]

# Chosen on the development sets, and tried on each when chosen on the others: docs/compression.md.
BM25_WEIGHT = 0.7
NEIGHBOURS_WEIGHT = 0.25
RANK_WEIGHT = 0.5
TITLE_WEIGHT = 0.3
JUDGE_WEIGHT = 0.4
MOST_CONCENTRATED = 2.0
# Of a passage as a whole: there is nothing else to tell documents apart that are alike.
PASSAGE_TITLE_WEIGHT = 0.7

_WORD = re.compile(r"\w+")
_K1, _B = 1.2, 0.75
# Of other languages' function words, the rarity of a word tells as much.
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at be but by did do does for from had has have how if in into is it its "
        "of on or s that the their there these they this to was were what when where which who "
        "why will with would you your we our i"
    )
)


@dataclass(frozen=True)
class Scoring:
    """What passes: scores are shares of the way from the average (0) to the best (1).

    Args:
        sentences: the least score of a sentence that is kept.
        passages: the least score of a passage that is kept.
        similarity: the least cosine to the question that anything kept must have, however
            it compares to the rest. Cosines of models differ: 0 asks for none.
        retriever: what the order and the scores count with which the passages came; 0 if
            they mean nothing.
    """

    sentences: float = 0.0
    passages: float = 0.0
    similarity: float = 0.0
    retriever: float = 1.0


@dataclass(frozen=True)
class Scored:
    """Shares for each sentence of each passage, and for each passage."""

    sentences: list[list[float]]
    passages: list[float]


def scored(
    question: str,
    passages: Sequence[Passage],
    similar: Scores,
    titles: Scores,
    retriever: float = 1.0,
) -> Scored:
    """Judge all sentences beside each other, and all passages by their best one.

    Args:
        question: its words count, beside its meaning.
        passages: in the order of their retrieval.
        similar: the cosine of each sentence to the question, passage after passage.
        titles: the cosine of each passage's title to the question.
        retriever: what their scores and their order count.
    """
    owners = _owners(passages)
    if not len(owners):
        return Scored([[] for _ in passages], [0.0 for _ in passages])
    texts = [passage.slice(span) for passage in passages for span in passage.sentences]
    own = standardised(similar) + BM25_WEIGHT * standardised(bm25(question, texts))
    own = own + NEIGHBOURS_WEIGHT * _neighbours(own, owners)
    placed = retriever * found(passages)
    named = standardised(titles[owners])
    relevance = shares(joined(own, placed + TITLE_WEIGHT * named))
    about = placed + PASSAGE_TITLE_WEIGHT * named
    best, best_about = np.full((2, len(passages)), -np.inf)
    np.maximum.at(best, owners, own)
    np.maximum.at(best_about, owners, about)
    whole = np.where(np.isfinite(best), best + best_about, 0.0)
    return Scored(_by_passage(relevance, passages), list(map(float, shares(whole))))


def placed_scores(said: Scores, passages: Sequence[Passage]) -> list[list[float]]:
    """What any judge says of the sentences, joined with where the retriever found them.

    Args:
        said: higher for what helps more; a judge who only chooses says 1 or 0.
        passages: in the order of their retrieval.
    """
    own = standardised(said)
    own = own + NEIGHBOURS_WEIGHT * _neighbours(own, _owners(passages))
    return _by_passage(shares(joined(own, found(passages))), passages)


def found(passages: Sequence[Passage]) -> Scores:
    """What the retriever says of each sentence, by its scores and its order."""
    ranks = standardised(np.log(_owners(passages) + 1.0))
    return standardised(_retrieved(passages)) - RANK_WEIGHT * ranks


def _owners(passages: Sequence[Passage]) -> NDArray[np.int64]:
    """The place of each sentence's passage."""
    return np.repeat(np.arange(len(passages)), [len(p.sentences) for p in passages])


def _by_passage(values: Scores, passages: Sequence[Passage]) -> list[list[float]]:
    starts = np.cumsum([0, *(len(passage.sentences) for passage in passages)])
    return [list(map(float, values[a:b])) for a, b in pairwise(starts)]


def joined(own: Scores, found: Scores) -> Scores:
    """What the judge and the retriever say together of each sentence; see the module.

    Args:
        own: what the judge says.
        found: what the retriever says; 0 where it tells all alike.
    """
    skewness = float((standardised(own) ** 3).mean())
    concentrated = min(max(skewness, 0.0), MOST_CONCENTRATED)
    together: Scores = found + JUDGE_WEIGHT * (1 + concentrated) * own
    return together


def standardised(values: Scores) -> Scores:
    """In standard deviations from the mean; 0 where all are equal."""
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 1e-9 else np.zeros_like(values)


def _retrieved(passages: Sequence[Passage]) -> Scores:
    """The retriever's score of each sentence; all 0 if it scored only some passages."""
    scores = np.array([score for passage in passages for score in passage.scores])
    return scores if np.isfinite(scores).all() else np.zeros_like(scores)


def shares(values: Scores) -> Scores:
    """As shares of the way from the average to the best; all the best if all are equal."""
    if not len(values) or (reach := values.max() - values.mean()) <= 1e-9:
        return np.ones_like(values)
    found: Scores = (values - values.mean()) / reach
    return found


def _neighbours(values: Scores, owners: NDArray[np.int64]) -> Scores:
    """The mean of each one's neighbours of the same owner; 0 for one that has none."""
    total, count = np.zeros_like(values), np.zeros_like(values)
    together = owners[:-1] == owners[1:]
    total[:-1] += values[1:] * together
    total[1:] += values[:-1] * together
    count[:-1] += together
    count[1:] += together
    return np.divide(total, count, out=np.zeros_like(values), where=count > 0)


def bm25(question: str, texts: Sequence[str]) -> Scores:
    """BM25 of each text for the question's words, the texts being the whole collection.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009;
    k1 = 1.2, b = 0.75.
    """
    asked = set(_words(question))
    counts = [Counter(_words(text)) for text in texts]
    lengths = np.array([count.total() for count in counts], dtype=np.float64)
    average = max(float(lengths.mean()), 1.0) if len(texts) else 1.0
    scores = np.zeros(len(texts))
    for word in asked:
        found = np.array([count[word] for count in counts], dtype=np.float64)
        texts_with = np.count_nonzero(found)
        rarity = np.log(1 + (len(texts) - texts_with + 0.5) / (texts_with + 0.5))
        scores += rarity * found * (_K1 + 1) / (found + _K1 * (1 - _B + _B * lengths / average))
    return scores


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
