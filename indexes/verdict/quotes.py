"""The one to three sentences that answer a question best, word for word, without a language model.

Each sentence is scored by its meaning, its words, and what the search has measured of the leaf that
it stands in; then with the one that follows in its paragraph: answers often take two. A heading is
quoted with the sentence below it, a question with its answer, a table's row with the table's
header; a header never alone, and a question only where there is nothing else.

    own(s) = z(cos(question, s)) + 0.1 z(bm25(question, s)) + 0.3 z(cosine(l)) + 0.1 z(score(l))

where l is the leaf, and z standardises over the sentences.
"""

from collections.abc import Sequence

import numpy as np

from indexes.answers import Quote
from indexes.compression.similarity import Scores, bm25, shares, standardised
from indexes.details import RankedLeaf
from indexes.sentences import paragraph_starts
from indexes.verdict.windows import Source

MOST_QUOTES = 3
# The least share of the way from the average sentence to the best that is worth a quote.
_LEAST = 0.4
# Chosen on the sample letters, where words alone mislead; not lower on two other corpora.
_WORDS_WEIGHT = 0.1
_LEAF_WEIGHT = 0.3
_SCORE_WEIGHT = 0.1
# A line that is shorter, and without a full stop or in capitals, is a heading.
_HEADING_CHARACTERS = 90
_ENDS = tuple(".!?:;。！？…\"”’')]|")
_BULLETS = tuple("•◦▪‣·–—*-")
_ASKS = tuple("?？؟")


def likeliest(
    question: str, sources: Sequence[Source], leaves: Sequence[RankedLeaf], most: int
) -> list[int]:
    """The places of the sentences that are worth being embedded, in their order.

    Args:
        question: what was asked
        sources: all sentences
        leaves: what the search measured
        most: how many
    """
    if len(sources) <= most:
        return list(range(len(sources)))
    cosine, score = _measured(sources, leaves)
    words = standardised(bm25(question, [source.told for source in sources]))
    promise = cosine + 0.25 * words + 0.001 * score
    return sorted(map(int, np.argsort(-promise, kind="stable")[:most]))


def quotes_of(
    question: str,
    sources: Sequence[Source],
    places: Sequence[int],
    cosines: Scores,
    leaves: Sequence[RankedLeaf] = (),
) -> list[Quote]:
    """The best, best first; none where there is nothing.

    Args:
        question: what was asked
        sources: all sentences
        places: of those that were compared with the question
        cosines: of these to the question
        leaves: what the search measured
    """
    if not places:
        return []
    # What was not compared can be quoted with what was, but never for itself.
    own = np.full(len(sources), -np.inf)
    cosine, score = _measured([sources[place] for place in places], leaves)
    words = standardised(bm25(question, [sources[place].told for place in places]))
    own[list(places)] = (
        standardised(cosines)
        + _WORDS_WEIGHT * words
        + _LEAF_WEIGHT * cosine
        + _SCORE_WEIGHT * score
    )
    own = np.where(np.isfinite(own), own, own[list(places)].min())
    runs = [_run(sources, place) for place in range(len(sources))]
    relevance = shares(np.array([own[a : b + 1].max() + own[a : b + 1].mean() for a, b in runs]))
    ranked = [int(place) for place in np.argsort(-relevance, kind="stable")]
    says = [place for place in ranked if not _asks(sources[runs[place][1]].text)]
    quotes: list[Quote] = []
    taken: set[int] = set()
    for place in says or ranked:
        if len(quotes) == MOST_QUOTES or (quotes and relevance[place] < _LEAST):
            break
        first, last = runs[place]
        if taken & {*range(first, last + 1)} or _repeats(sources[first], quotes):
            continue
        if _heads_a_table(sources, last):
            continue
        taken |= {*range(first, last + 1)}
        quotes.append(_quote(sources, first, last, float(relevance[place])))
    return quotes


def _measured(sources: Sequence[Source], leaves: Sequence[RankedLeaf]) -> tuple[Scores, Scores]:
    """Cosine and score of the leaf that each sentence begins in, standardised; of a leaf that is
    not among the best, the worst of them."""
    if not leaves:
        return np.zeros(len(sources)), np.zeros(len(sources))
    worst = min(leaf.cosine for leaf in leaves), min(leaf.score for leaf in leaves)
    rows = []
    for source in sources:
        start, document = source.context.start + source.span[0], source.context.document
        found = (leaf for leaf in leaves
                 if leaf.document == document and leaf.start <= start < leaf.end)  # fmt: skip
        leaf = next(found, None)
        rows.append(worst if leaf is None else (leaf.cosine, leaf.score))
    values = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return standardised(values[:, 0]), standardised(values[:, 1])


def _run(sources: Sequence[Source], place: int) -> tuple[int, int]:
    """A sentence and the next of its paragraph; rows of tables stand alone, headings and questions
    with what is below."""
    last = place
    while last + 1 < len(sources) and sources[last + 1].context is sources[place].context:
        asks = _asks(sources[last].text)
        if asks and _asks(sources[last + 1].text):
            break
        heading = asks or _is_heading(sources[last].text)
        rows = "|" in sources[last].text or "|" in sources[last + 1].text
        alone = rows or _apart(sources[last], sources[last + 1])
        if last - place == 2 or not (heading or (last == place and not alone)):
            break
        last += 1
    while last > place and sources[last].text.startswith("#"):  # the heading of what follows
        last -= 1
    return place, last


def _apart(one: Source, other: Source) -> bool:
    """Whether the paragraph ends between two sentences of a context."""
    return bool(paragraph_starts(one.context.text[one.span[1] : other.span[0] + 1]))


def _asks(text: str) -> bool:
    return text.rstrip().endswith(_ASKS)


def _is_heading(text: str) -> bool:
    text = text.strip()
    line = "\n" not in text and "|" not in text
    heads = (text.isupper() or not text.endswith(_ENDS)) and not text.startswith(_BULLETS)
    return line and len(text) <= _HEADING_CHARACTERS and heads


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
        header=sources[first].header,
        score=round(score, 4),
    )


def _heads_a_table(sources: Sequence[Source], place: int) -> bool:
    """Whether a row only names the columns of the table below it."""
    if "|" not in sources[place].text or sources[place].header or place + 1 == len(sources):
        return False
    row, below = sources[place], sources[place + 1]
    return below.context is row.context and "|" in below.text and not _apart(row, below)
