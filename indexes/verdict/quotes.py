"""The one to three sentences that answer a question best, word for word, without a language model.

Scored by what the embedding judge scores by (`indexes.compression.similarity`), the meaning and the
words of each sentence and of the one that follows: answers often take two. A heading is quoted with
the sentence below it, a table's row with the table's header.
"""

from collections.abc import Sequence

import numpy as np

from indexes.answers import Quote
from indexes.compression.embedding_judge import Vectors
from indexes.compression.similarity import Scores, bm25, shares, standardised
from indexes.verdict.embedded import Sentences
from indexes.verdict.windows import Source

MOST_QUOTES = 3
# The least share of the way from the average sentence to the best that is worth a quote.
_LEAST = 0.4
# Chosen on the sample letters.
_WORDS_WEIGHT = 0.4
# A line without a full stop that is shorter is a heading.
_HEADING_CHARACTERS = 90
_ENDS = tuple(".!?:;。！？…\"”’')]|")


def quotes_of(sentences: Sentences, vectors: Vectors) -> list[Quote]:
    """The best, best first; none where there is nothing, or embedding failed."""
    sources = sentences.sources
    if not sources or vectors.outcome != "judged":
        return []
    own = _own(sentences, vectors)
    runs = [_run(sources, place) for place in range(len(sources))]
    relevance = shares(np.array([own[a : b + 1].max() + own[a : b + 1].mean() for a, b in runs]))
    quotes: list[Quote] = []
    taken: set[int] = set()
    for place in np.argsort(-relevance, kind="stable"):
        if len(quotes) == MOST_QUOTES or (quotes and relevance[place] < _LEAST):
            break
        first, last = runs[int(place)]
        if taken & {*range(first, last + 1)} or _repeats(sources[first], quotes):
            continue
        taken |= {*range(first, last + 1)}
        quotes.append(_quote(sources, first, last, float(relevance[place])))
    return quotes


def _own(sentences: Sentences, vectors: Vectors) -> Scores:
    """How much each sentence has to do with the question, by meaning and by words."""
    texts = [source.text for source in sentences.sources]
    by_meaning = standardised(vectors.texts[: len(texts)] @ vectors.question)
    return by_meaning + _WORDS_WEIGHT * standardised(bm25(sentences.question, texts))


def _run(sources: Sequence[Source], place: int) -> tuple[int, int]:
    """A sentence and the next; rows of tables stand alone, headings with two."""
    last = place
    while last + 1 < len(sources) and sources[last + 1].context is sources[place].context:
        heading = _is_heading(sources[last].text)
        alone = "|" in sources[last].text or "|" in sources[last + 1].text
        if last - place == 2 or not (heading or (last == place and not alone)):
            break
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
