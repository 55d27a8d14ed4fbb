"""Texts on their way to an embedding model's endpoint, in requests that it takes."""

from collections.abc import Callable
from functools import partial

from indexes.models.refusals import Refusal
from indexes.models.sagemaker.manners import EmbeddingManner
from indexes.models.sagemaker.vectors import read_vectors, write_texts

Vector = list[float]

# A text that is too long for the model after all is cut this often, each time by a quarter.
_CUTS = 8
_KEPT = 0.75


class Batch:
    """Texts for an embedding endpoint: which are left, and in which format to send them."""

    def __init__(self, texts: list[str], manner: EmbeddingManner) -> None:
        self.manner = manner
        self.vectors: list[Vector] = []
        self._left = list(texts)
        self._at_once = manner.batch
        self._cuts = 0

    def request(self, model: str) -> tuple[bytes, Callable[[bytes], list[Vector]]]:
        """The next request's body, and what reads its answer."""
        texts = self._next()
        body = write_texts(texts, self.manner.payload, model if self.manner.named else None)
        return body, partial(read_vectors, expected=len(texts))

    def add(self, vectors: list[Vector]) -> bool:
        """Take an answer; whether it was the last."""
        self.vectors += vectors
        del self._left[: len(vectors)]
        self._at_once, self._cuts = self.manner.batch, 0
        return not self._left

    def learns(self, refusal: Refusal, *, cut: bool) -> bool:
        """Adapt after a refusal; False if nothing is left to try.

        Args:
            refusal: of the last request
            cut: whether a text that is too long may be cut at its end
        """
        texts = self._next()
        if refusal.is_too_long and len(texts) > 1:
            self._at_once = len(texts) // 2  # one of them is too long: find it
            return True
        if refusal.is_too_long and cut and self._cuts < _CUTS:
            self._cuts += 1
            self._left[0] = texts[0][: max(1, int(len(texts[0]) * _KEPT))]
            return True
        other = self.manner.after(refusal, len(texts))
        if other is None:
            return False
        self.manner, self._at_once = other, min(self._at_once, other.batch)
        return True

    def _next(self) -> list[str]:
        return self._left[: self._at_once]
