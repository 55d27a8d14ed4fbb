"""The one to three sentences that answer a question best, word for word, without a language model.

Scored as the embedding judge scores them (`indexes.compression.similarity`): by meaning and by
words, beside their neighbours, and by what the retriever thought of their passage. A heading is
quoted with the sentence below it, a table's row with the table's header.
"""

from collections.abc import Sequence

import numpy as np

from indexes.answers import Quote
from indexes.compression.embedding_judge import Vectors
from indexes.compression.similarity import scored
from indexes.verdict.embedded import Sentences
from indexes.verdict.windows import Source

MOST_QUOTES = 3
# The least share of the way from the average sentence to the best that is worth a quote.
_LEAST = 0.4
# A line without a full stop that is shorter is a heading.
_HEADING_CHARACTERS = 90
_ENDS = tuple(".!?:;。！？…\"”’')]|")


def quotes_of(sentences: Sentences, vectors: Vectors) -> list[Quote]:
    """The best sentences, best first; none where there is nothing, or embedding failed."""
    sources = sentences.sources
    if not sources or vectors.outcome != "judged":
        return []
    scores = _scores(sentences, vectors)
    quotes: list[Quote] = []
    taken: set[int] = set()
    for place in np.argsort(-scores, kind="stable"):
        if len(quotes) == MOST_QUOTES or (quotes and scores[place] < _LEAST):
            break
        first, last = _whole(sources, int(place))
        if taken & {*range(first, last + 1)} or _repeats(sources[int(place)], quotes):
            continue
        taken |= {*range(first, last + 1)}
        quotes.append(_quote(sources, first, last, float(scores[place])))
    return quotes


def _scores(
    sentences: Sentences, vectors: Vectors
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    count = len(sentences.sources)
    similar = vectors.texts[:count] @ vectors.question
    known = dict(zip(sentences.titles, vectors.texts[count:] @ vectors.question, strict=True))
    titles = np.array([known.get(passage.title, 0.0) for passage in sentences.passages])
    found = scored(sentences.question, sentences.passages, similar, titles)
    return np.array([share for shares in found.sentences for share in shares])


def _whole(sources: Sequence[Source], place: int) -> tuple[int, int]:
    """The sentences to quote for one: a heading is nothing without what stands below it."""
    last = place
    while (
        last + 1 < len(sources)
        and sources[last + 1].context is sources[last].context
        and _is_heading(sources[last].text)
        and last - place < 2
    ):
        last += 1
    return place, last


def _is_heading(text: str) -> bool:
    text = text.strip()
    line = "\n" not in text and "|" not in text
    return line and len(text) <= _HEADING_CHARACTERS and not text.endswith(_ENDS)


def _repeats(source: Source, quotes: Sequence[Quote]) -> bool:
    """Whether it says to the letter what is quoted already: documents repeat themselves."""
    said = " ".join(source.text.split())
    return any(said in " ".join(quote.text.split()) for quote in quotes)


def _quote(sources: Sequence[Source], first: int, last: int, score: float) -> Quote:
    context = sources[first].context
    start, end = sources[first].span[0], sources[last].span[1]
    text = context.text[start:end]
    return Quote(
        text=text,
        document=context.document,
        start=context.start + start,
        end=context.start + end,
        pages=context.pages_of(context.start + start, context.start + end),
        context=sources[first].number,
        place=context.place,
        heading=context.heading,
        header=_header(sources[first]),
        score=round(score, 4),
    )


def _header(source: Source) -> str:
    """The header of the table that a row is of."""
    if "|" not in source.text:
        return ""
    above = source.context.text[: source.span[0]].rstrip("\n")
    rows = []
    for line in reversed(above.split("\n")):
        if "|" not in line:
            break
        rows.append(line)
    return rows[-1] if rows else source.context.header
