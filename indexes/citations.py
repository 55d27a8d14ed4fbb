"""Where an answer comes from: by the numbers that it carries, else by similarity.

A passage is cited only for a sentence whose figures it has, whoever cites it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from indexes.answers import Citation, Context, Support, passages_of
from indexes.sentences import Span, sentence_spans
from indexes.verdict.support import figures_missing
from indexes.verdict.windows import MARKER, without_markers

# From this likeness on, a sentence of the answer is taken to come from a passage.
_SAME_SENSE = 0.5


def citations_of(
    answer: str, contexts: Sequence[Context], support: Sequence[Support]
) -> tuple[list[Citation], int]:
    """An answer's citations in its order, and how many of its markers were refused.

    Args:
        answer: as the model wrote it.
        contexts: passages that it was given.
        support: what is known of the answer's sentences. The closest sentence of a passage is
            cited for one whose markers were refused, and for all if there is no marker.
    """
    found, refused = _marked(answer, contexts)
    if not found and not refused:
        return _similar(answer, contexts, support), 0
    unsourced = [
        one for one in support if any(start < one.end and one.start < end for start, end in refused)
    ]
    both = [*found, *_similar(answer, contexts, unsourced)]
    return sorted(both, key=lambda one: one.answer_start), sum(refused.values())


def _marked(answer: str, contexts: Sequence[Context]) -> tuple[list[Citation], Counter[Span]]:
    """Citations by the numbers in the answer, and how many were refused of which sentence.

    Numbers of no passage are left alone. The passages that a sentence cites must have its
    figures between them.
    """
    passages = passages_of(contexts)
    matches = [
        (match, [number for number in dict.fromkeys(_numbers(match[1])) if number in passages])
        for match in MARKER.finditer(answer)
    ]
    if not matches:
        return [], Counter()
    sentences = _Sentences(answer)
    cited: dict[Span, set[int]] = {}
    for match, numbers in matches:
        cited.setdefault(sentences.of(match.start()), set()).update(numbers)
    borne = {
        span: not figures_missing(
            sentences.plain[slice(*span)],
            [context for number in sorted(numbers) for context in passages[number]],
        )
        for span, numbers in cited.items()
    }
    found: list[Citation] = []
    refused: Counter[Span] = Counter()
    for match, numbers in matches:
        sentence = sentences.of(match.start())
        if not borne[sentence]:
            refused[sentence] += len(numbers)
            continue
        for number in numbers:
            context = passages[number][0]
            found.append(
                Citation(
                    context=number,
                    answer_start=match.start(),
                    answer_end=match.end(),
                    document=context.document,
                    pages=context.pages,
                    place=context.place,
                    start=context.start,
                    end=passages[number][-1].end,
                    origin="model",
                )
            )
    return found, refused


def _numbers(written: str) -> Iterator[int]:
    """`1, 3-5` as 1, 3, 4, 5."""
    for part in re.split("[,;]", written):
        first, *last = map(int, re.findall(r"\d+", part))
        yield from range(first, (last[0] if last else first) + 1)


class _Sentences:
    """The sentences of an answer; a marker belongs to the words before it."""

    def __init__(self, answer: str) -> None:
        self.plain = without_markers(answer)
        self._spans = sentence_spans(self.plain)

    def of(self, place: int) -> Span:
        """The sentence of a marker."""
        within = [span for span in self._spans if span[0] <= place < span[1]]
        return within[0] if within else (0, len(self.plain))


def _similar(
    answer: str, contexts: Sequence[Context], support: Sequence[Support]
) -> list[Citation]:
    """Citations of sentences that carry no numbers: the closest sentences."""
    passages = passages_of(contexts)
    found = []
    for judged in support:
        if judged.verdict == "unsupported" or judged.similarity < _SAME_SENSE:
            continue
        parts = passages[judged.context]
        if figures_missing(answer[judged.start : judged.end], parts):
            continue
        context = next((p for p in parts if p.start <= judged.source_start <= p.end), parts[0])
        found.append(
            Citation(
                context=judged.context,
                answer_start=judged.start,
                answer_end=judged.end,
                document=judged.document,
                pages=context.pages_of(judged.source_start, judged.source_end),
                place=context.place,
                start=judged.source_start,
                end=judged.source_end,
                origin="similarity",
            )
        )
    return found
