"""Where an answer comes from: by the numbers that it carries, else by similarity."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from indexes.answers import NOT_FOUND, Citation, Context, passages_of
from indexes.sentences import Span, sentence_spans

_RANGE = r"\d{1,3}(?:\s*[-–]\s*\d{1,3})?"
_MARKER = re.compile(rf"\[({_RANGE}(?:\s*[,;]\s*{_RANGE})*)\]")
# From this cosine on, a sentence of the answer is taken to come from a passage.
_SAME_SENSE = 0.5


def marked(answer: str, contexts: Sequence[Context]) -> list[Citation]:
    """Citations by the numbers in the answer; numbers of no passage are left alone."""
    found = []
    passages = passages_of(contexts)
    for match in _MARKER.finditer(answer):
        for number in dict.fromkeys(_numbers(match[1])):
            if number in passages:
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
    return found


def _numbers(written: str) -> Iterator[int]:
    """`1, 3-5` as 1, 3, 4, 5."""
    for part in re.split("[,;]", written):
        first, *last = map(int, re.split("[-–]", part))
        yield from range(first, (last[0] if last else first) + 1)


class Compared:
    """Finds, for each sentence of an answer, the closest sentence of its passages."""

    def __init__(self, answer: str, contexts: Sequence[Context]) -> None:
        self._answer = answer
        self._said: list[Span] = []
        self._sources: list[tuple[int, Context, Span]] = []
        if NOT_FOUND not in answer:
            self._said = sentence_spans(answer)
            self._sources = [
                (number, context, span)
                for number, passage in passages_of(contexts).items()
                for context in passage
                for span in sentence_spans(context.text)
            ]

    @property
    def texts(self) -> list[str]:
        """What is to be embedded; nothing if there is nothing to compare."""
        if not self._said or not self._sources:
            return []
        said = [self._answer[start:end] for start, end in self._said]
        return said + [context.text[start:end] for _, context, (start, end) in self._sources]

    def citations(self, vectors: Sequence[Sequence[float]]) -> list[Citation]:
        """The citations, given the embeddings of `texts`."""
        matrix = np.array(vectors)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-12
        similar = matrix[: len(self._said)] @ matrix[len(self._said) :].T
        found = []
        for (said_start, said_end), scores in zip(self._said, similar, strict=True):
            best = int(scores.argmax())
            if scores[best] < _SAME_SENSE:
                continue
            number, context, (start, end) = self._sources[best]
            found.append(
                Citation(
                    context=number,
                    answer_start=said_start,
                    answer_end=said_start + len(self._answer[said_start:said_end].rstrip()),
                    document=context.document,
                    pages=context.pages,
                    place=context.place,
                    start=context.start + start,
                    end=context.start + end,
                    origin="similarity",
                )
            )
        return found
