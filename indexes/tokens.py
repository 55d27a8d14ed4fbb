"""Token counts, the unit of chunk sizes and context budgets.

Counted with OpenAI's cl100k encoding, whose vocabulary llama-index-core carries: local,
fast (over 1 MB a second) and the same whichever model answers, so that patterns and
providers are compared at equal budgets. Model windows are another matter: a model's own
tokens run up to a third more.
"""

import importlib.util
import os
import re
from functools import cache, lru_cache

import numpy as np
import tiktoken
from numpy.typing import NDArray

_BLANKS = re.compile(r"[ \t]{64,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Longest text whose count is remembered, in characters.
_PASSAGE = 10_000


def without_surrogates(text: str) -> str:
    """`text` as valid Unicode, character for character.

    Surrogates can't be encoded; each becomes one U+FFFD, so that offsets stay true.
    """
    return _SURROGATE.sub("\ufffd", text)


def squeezed(text: str) -> str:
    """The text without long runs of blanks, which stand where a picture's bytes were."""
    return _BLANKS.sub(" ", text)


@cache
def _encoding() -> tiktoken.Encoding:
    # The vocabulary file is in llama-index-core, which takes seconds to import.
    spec = importlib.util.find_spec("llama_index.core")
    folders = spec.submodule_search_locations if spec else None
    if folders:
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", f"{folders[0]}/_static/tiktoken_cache")
    return tiktoken.get_encoding("cl100k_base")


def count_tokens(text: str) -> int:
    """The number of cl100k tokens in `text`; special tokens are ordinary text."""
    # A passage is counted when it is cut, when it is delivered, and when it is shown.
    return _counted(text) if len(text) <= _PASSAGE else len(_encoding().encode_ordinary(text))


@lru_cache(maxsize=2048)
def _counted(text: str) -> int:
    return len(_encoding().encode_ordinary(text))


def token_starts(text: str) -> NDArray[np.int64]:
    """For each token of `text`, the offset of the character in which it begins.

    They ascend. Tokens that split one character share its offset. The tokens of a span are
    those that begin in it, so one pass over a document measures all its spans:
    `searchsorted(starts, end) - searchsorted(starts, start)`.
    """
    text = without_surrogates(text)
    tokens = _encoding().encode_to_numpy(text, disallowed_special=())
    lengths = _token_bytes()[tokens]
    begins = np.cumsum(lengths) - lengths
    if text.isascii():
        return begins
    encoded = np.frombuffer(text.encode(), dtype=np.uint8)
    # All bytes of a character but the first are 0b10xxxxxx.
    characters: NDArray[np.int64] = np.cumsum((encoded & 0xC0) != 0x80) - 1
    found: NDArray[np.int64] = characters[begins]
    return found


@cache
def _token_bytes() -> NDArray[np.int64]:
    """How many bytes each token stands for."""
    encoding = _encoding()
    lengths = np.zeros(encoding.n_vocab, dtype=np.int64)
    # Asked for one by one, as the public interface has it, they take a third of a second.
    for token, number in encoding._mergeable_ranks.items():
        lengths[number] = len(token)
    return lengths
