"""Token counts, the unit of chunk sizes and context budgets.

Counted with OpenAI's cl100k encoding: local, fast (over 100 MB a second) and the same whichever
model answers, so that patterns and providers are compared at equal budgets. Model windows are
another matter: a model's own tokens run up to a third more.
"""

import re
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from toktok._toktok import Tokenizer

_BLANKS = re.compile(r"[ \t]{64,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Longest text whose count is remembered, in characters.
_PASSAGE = 10_000


def without_surrogates(text: str) -> str:
    """`text` as valid Unicode, character for character.

    Surrogates can't be encoded; each becomes one U+FFFD, so that offsets stay true.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def squeezed(text: str) -> str:
    """The text without long runs of blanks, which stand where a picture's bytes were."""
    # Looking for two of them is quicker, and most texts have none.
    return _BLANKS.sub(" ", text) if "  " in text or "\t" in text else text


def count_tokens(text: str) -> int:
    """The number of cl100k tokens in `text`; special tokens are ordinary text."""
    # A passage is counted when it is cut, when it is delivered, and when it is shown.
    return _counted(text) if len(text) <= _PASSAGE else _count(text)


def _count(text: str) -> int:
    count: int = _encoding().count(without_surrogates(text))
    return count


_counted = lru_cache(maxsize=2048)(_count)


def token_starts(text: str) -> NDArray[np.int64]:
    """For each token of `text`, the offset of the character in which it begins.

    They ascend. Tokens that split one character share its offset. The tokens of a span are
    those that begin in it, so one pass over a document measures all its spans:
    `searchsorted(starts, end) - searchsorted(starts, start)`.
    """
    text = without_surrogates(text)
    tokens = _encoding().encode_to_numpy(text, disallowed_special=())
    lengths = _token_bytes()[tokens]
    begins: NDArray[np.int64] = np.cumsum(lengths, dtype=np.int64) - lengths
    if text.isascii():
        return begins
    encoded = np.frombuffer(text.encode(), dtype=np.uint8)
    # All bytes of a character but the first are 0b10xxxxxx.
    characters: NDArray[np.int64] = np.cumsum((encoded & 0xC0) != 0x80) - 1
    found: NDArray[np.int64] = characters[begins]
    return found


@cache
def _encoding() -> Tokenizer:
    # The vocabulary is compiled into it. What the package names itself counts only.
    return Tokenizer("cl100k_base", "")


@cache
def _token_bytes() -> NDArray[np.uint8]:
    """How many bytes each token stands for: small numbers, so that the table stays in the cache."""
    return np.fromiter(map(len, _encoding().token_byte_values()), np.uint8)
