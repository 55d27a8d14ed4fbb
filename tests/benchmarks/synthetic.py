"""Documents, questions and vectors that cost nothing to make and are the same every time.

No model is timed: what a benchmark of stores measures is the stores. Words are the
vocabulary's own English tokens, drawn by Zipf's law, with a topic for each document, so
that BM25's lists are as long as those of real text.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from zlib import adler32, crc32

import numpy as np
import tiktoken
from numpy.typing import NDArray

# A leaf of at most 128 tokens holds about this many words: sentences end early.
WORDS_PER_LEAF = 97
CHARACTERS_PER_TOKEN = 5.4
_TOPIC_WORDS = 200
_TOPIC_SHARE = 0.3
_DIRECTIONS = 4096


@dataclass(frozen=True)
class Text:
    """A document of 50 to 100 leaves."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """Documents of about `leaves` leaves in all."""

    leaves: int

    @cached_property
    def sizes(self) -> list[int]:
        """How many leaves each document is to have."""
        rng = np.random.default_rng(1)
        sizes: list[int] = []
        while (left := self.leaves - sum(sizes)) > 0:
            sizes.append(min(left, int(rng.integers(50, 101))))
        return sizes

    def documents(self) -> Iterator[Text]:
        """One after the other: all of them would fill the memory that is measured."""
        for number, leaves in enumerate(self.sizes):
            yield _document(number, leaves)

    def questions(self) -> Iterator[str]:
        """Questions without end, each about one document."""
        rng = np.random.default_rng(2)
        words, shares = _vocabulary()
        while True:
            number = int(rng.integers(len(self.sizes)))
            about = rng.choice(_topic(number), 5)
            plain = rng.choice(len(words), 5, p=shares)
            asked = " ".join(
                words[place] for pair in zip(plain, about, strict=True) for place in pair
            )
            yield f"what is {asked}?"


@cache
def _vocabulary() -> tuple[list[str], NDArray[np.float64]]:
    """Words that are one token each, frequent ones first, and how often each is used."""
    from llama_index.core.utils import get_tokenizer

    get_tokenizer()  # points tiktoken at the vocabulary that llama-index-core carries
    encoding = tiktoken.get_encoding("cl100k_base")
    found = []
    for token in range(50_000):
        piece = encoding.decode_single_token_bytes(token)
        if piece[:1] == b" " and piece[1:].isalpha() and piece[1:].islower() and len(piece) > 2:
            found.append(piece[1:].decode("ascii"))
    weights = 1 / (np.arange(len(found)) + 2.7)
    return found, weights / weights.sum()


def _topic(number: int) -> NDArray[np.int64]:
    words, _ = _vocabulary()
    return np.random.default_rng((3, number)).integers(100, len(words), _TOPIC_WORDS)


def _document(number: int, leaves: int) -> Text:
    rng = np.random.default_rng((4, number))
    words, shares = _vocabulary()
    total = leaves * WORDS_PER_LEAF
    topic = _topic(number)
    drawn = rng.choice(len(words), total, p=shares)
    own = rng.random(total) < _TOPIC_SHARE
    drawn[own] = rng.choice(topic, int(own.sum()))
    paragraphs: list[str] = []
    sentences: list[str] = []
    place = 0
    while place < total:
        length = int(rng.integers(8, 28))
        sentence = " ".join(words[word] for word in drawn[place : place + length])
        sentences.append(sentence.capitalize() + ".")
        place += length
        if len(sentences) == 6 or place >= total:
            paragraphs.append(" ".join(sentences))
            sentences = []
    title = " ".join(words[word] for word in topic[:4]).title()
    return Text(f"document-{number:05}", title, "\n\n".join(paragraphs))


class FakeVectors:
    """Unit vectors at random, the same for the same text; `seconds` is what they cost, of the
    thread's processor time: right on a busy machine, too.

    Each is the sum of two of 4,096 directions: texts have near and far neighbours.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.seconds = 0.0
        rng = np.random.default_rng(5)
        shape = (_DIRECTIONS, dimension)
        self._one = rng.standard_normal(shape).astype(np.float32)
        self._other = rng.standard_normal(shape).astype(np.float32)

    def of(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text."""
        started = time.thread_time()
        data = [text.encode() for text in texts]
        one = [crc32(text) % _DIRECTIONS for text in data]
        other = [crc32(text, adler32(text)) // 7 % _DIRECTIONS for text in data]
        rows = self._one[one] + self._other[other]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        vectors: list[list[float]] = rows.tolist()
        self.seconds += time.thread_time() - started
        return vectors
