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
from itertools import chain, compress

import numpy as np
import tiktoken
from numpy.typing import NDArray

_BLANKS = re.compile(r"[ \t]{64,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Characters of which Python and the encoding's engine surely think alike: Latin letters, digits,
# white space, and others.
_LETTER = "A-Za-zªµºÀ-ÖØ-öø-\u024f"
_DIGIT = "0-9²³¹¼-¾"
_SPACE = "\t-\r \xa0\u2000-\u200a\u202f\u205f"
_FOREIGN = re.compile(
    "[^\x00-\x7f\xa0-\u024f\u2000-\u2027\u202a-\u2064\u20a0-\u20bf\u2122\u2190-\u21ff\u25a0-\u25ff]"
)
# What cl100k never joins, as it says itself; its first words are ours, which are the most frequent.
_PIECE = re.compile(
    f" ?[A-Za-z]++(?![{_LETTER}])"
    "|'(?i:[sdmt]|ll|ve|re)"
    f"|[^\r\n{_LETTER}{_DIGIT}]?+[{_LETTER}]++"
    f"|[{_DIGIT}]{{1,3}}+"
    f"| ?[^{_SPACE}{_LETTER}{_DIGIT}]++[\r\n]*+"
    f"|[{_SPACE}]++\\Z|[{_SPACE}]*[\r\n]|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]"
)
# Shorter texts have hardly any piece twice.
_REPETITIVE = 2000
_REMEMBERED = 1 << 16
_LONGEST_REMEMBERED = 64
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
    if len(text) < _REPETITIVE or (not text.isascii() and _FOREIGN.search(text)):
        return _encoded_starts(text)
    pieces = _PIECE.findall(text)
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    begins = np.cumsum(lengths) - lengths
    if len(_INSIDE) > _REMEMBERED:
        _INSIDE.clear()
    inside = list(map(_INSIDE.__getitem__, pieces))
    several = list(compress(range(len(inside)), inside))
    counts = [len(inside[place]) for place in several]
    later = np.fromiter(chain.from_iterable(inside), np.int64, sum(counts))
    later += np.repeat(begins[several], counts)
    # Stable: it merges what ascends already.
    return np.sort(np.concatenate([begins, later]), kind="stable")


class _Inside(dict[str, tuple[int, ...]]):
    """Where in a piece its tokens begin, but for the first."""

    def __missing__(self, piece: str) -> tuple[int, ...]:
        found: tuple[int, ...] = ()
        # Most are one token, which the vocabulary tells quicker than encoding.
        if piece.encode() not in _encoding()._mergeable_ranks:
            found = tuple(_encoded_starts(piece).tolist()[1:])
        if len(piece) <= _LONGEST_REMEMBERED:
            self[piece] = found
        return found


_INSIDE = _Inside()


def _encoded_starts(text: str) -> NDArray[np.int64]:
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
