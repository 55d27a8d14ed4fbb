"""Token counts, the unit of chunk sizes and context budgets.

Counted with OpenAI's cl100k encoding, whose vocabulary llama-index-core carries: local,
fast (over 1 MB a second) and the same whichever model answers, so that patterns and
providers are compared at equal budgets. Model windows are another matter: a model's own
tokens run up to a third more.
"""

import re
from functools import cache

import tiktoken

_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """`text` as valid Unicode, character for character.

    Surrogates can't be encoded; each becomes one U+FFFD, so that offsets stay true.
    """
    return _SURROGATE.sub("\ufffd", text)


@cache
def _encoding() -> tiktoken.Encoding:
    # Importing it points tiktoken at the vocabulary file bundled in llama-index-core.
    from llama_index.core.utils import get_tokenizer

    get_tokenizer()
    return tiktoken.get_encoding("cl100k_base")


def count_tokens(text: str) -> int:
    """The number of cl100k tokens in `text`; special tokens are ordinary text."""
    return len(_encoding().encode_ordinary(text))


def token_starts(text: str) -> list[int]:
    """For each token of `text`, the offset of the character in which it begins.

    The list ascends. Tokens that split one character share its offset. The tokens of a
    span are those that begin in it, so one pass over a document measures all its spans:
    `bisect_left(starts, end) - bisect_left(starts, start)`.
    """
    encoding = _encoding()
    _, starts = encoding.decode_with_offsets(encoding.encode_ordinary(without_surrogates(text)))
    return starts
