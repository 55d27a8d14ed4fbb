"""Collects a streamed answer, and holds back what may be the beginning of a stop text."""

from collections.abc import Sequence
from dataclasses import replace

from indexes.models.sagemaker.codecs import Ask, Delta
from indexes.models.sagemaker.reading import StreamDecoder
from indexes.models.thoughts import Splitter


class Gathered:
    """A stream's bytes as deltas, held back where they may be the start of a stop text.

    Finish and figures, which come somewhere near the end, stay with all that follows. What a
    reasoning model thinks within its text is taken out of it.

    Args:
        ask: whose stop texts end the answer.
    """

    def __init__(self, ask: Ask) -> None:
        self._decoder = StreamDecoder()
        self._splitter = Splitter()
        self._stop = ask.stop
        self._text = ""
        self._sent = 0
        self._so_far = Delta()
        self._closed = False
        self.feed = self._decoder.feed

    def close(self) -> list[Delta]:
        """The last deltas: what was held back is the answer's after all.

        Raises:
            CodecError: as `StreamDecoder.close`.
        """
        deltas = self._decoder.close()
        self._closed = True
        return [*deltas, Delta()]

    def add(self, delta: Delta) -> tuple[str, Delta]:
        """The text so far, and the delta with what may be shown of it."""
        piece = self._splitter.add(delta.text)
        words, thoughts, retracted = piece.words, piece.thoughts, piece.retracted
        if self._closed:
            rest = self._splitter.end()
            words, thoughts = words + rest.words, thoughts + rest.thoughts
        if retracted:
            self._text, self._sent = "", 0
        self._text += words
        end = len(ended(self._text, self._stop))
        if not self._closed and end == len(self._text):
            end -= _held_back(self._text, self._stop)
        known = self._so_far = replace(
            delta,
            text="",
            thinking=delta.thinking + thoughts,
            retracted=retracted,
            finish=delta.finish or self._so_far.finish,
            tokens_in=delta.tokens_in or self._so_far.tokens_in,
            tokens_out=delta.tokens_out or self._so_far.tokens_out,
        )
        shown = replace(known, text=self._text[self._sent : end])
        self._sent = max(self._sent, end)
        return self._text[: self._sent], shown


def parted(delta: Delta) -> Delta:
    """A whole answer, with what was thought within its text taken out of it."""
    splitter = Splitter()
    splitter.add(delta.text)
    splitter.end()
    return replace(delta, text=splitter.text, thinking=delta.thinking + splitter.thoughts)


def ended(text: str, stops: Sequence[str]) -> str:
    """Text up to the first stop text: TGI leaves it at the end of an answer."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _held_back(text: str, stops: Sequence[str]) -> int:
    """How many last characters may be the beginning of a stop text."""
    longest = 0
    for stop in stops:
        for length in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:length]):
                longest = length
                break
    return longest
