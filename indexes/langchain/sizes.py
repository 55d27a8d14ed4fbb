"""LangChain's chunk sizes as ours: characters, or whatever its splitters count, as tokens."""

from collections.abc import Callable
from typing import Any

from indexes.errors import SettingsError
from indexes.settings import WHOLE_DOCUMENTS
from indexes.tokens import count_tokens

# English text has about so many characters to a cl100k token.
CHARACTERS_PER_TOKEN = 4.4
# What a splitter's own length function is measured by.
_SAMPLE = (
    "The harbour was quiet when the wardens counted the herons at dusk. They wrote down what "
    "they had seen, mended two fences, and agreed to meet again in the second week of October. "
) * 4


def levels_of(child: int, parent: int | None) -> tuple[int, ...]:
    """Chunk sizes of a hierarchy, root first: one level where a parent holds a single child.

    Args:
        child: tokens of the chunks that are searched
        parent: tokens of those that are delivered; None for whole documents
    """
    if parent is None:
        return (WHOLE_DOCUMENTS, child)
    return (parent, child) if parent > child else (parent,)


def tokens_of(given: Any, name: str) -> int:
    """The tokens of a size in characters, or of a LangChain splitter's chunks.

    A splitter's overlap means nothing here: chunks tile, and a parent is delivered whole.

    Args:
        given: characters, or a `TextSplitter`
        name: what it is the size of, for the message

    Raises:
        SettingsError: it is neither, or nothing fits into it
    """
    size, length = given, len
    if not isinstance(given, int):
        # Public as arguments only; every splitter of LangChain's keeps them so.
        size = getattr(given, "_chunk_size", None)
        length = getattr(given, "_length_function", len)
    if not isinstance(size, int) or isinstance(size, bool):
        raise SettingsError(
            f"{name}={given!r}: give a number of characters, or a splitter that has a chunk_size"
        )
    if size < 1:
        raise SettingsError(f"{name}={size}: give 1 or more")
    return max(1, round(size / _per_token(length)))


def _per_token(length: Callable[[str], int]) -> float:
    if length is len:
        return CHARACTERS_PER_TOKEN
    return max(length(_SAMPLE), 1) / count_tokens(_SAMPLE)
