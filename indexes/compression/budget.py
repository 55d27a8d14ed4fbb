"""Compressed nodes into a budget of tokens, in their order; the last is cut to fit."""

from collections.abc import Sequence

from llama_index.core.schema import NodeWithScore

from indexes.compression.passages import Passage
from indexes.sentences import Span
from indexes.tokens import token_starts


def fit(nodes: Sequence[NodeWithScore], budget: int) -> tuple[list[NodeWithScore], int, int]:
    """The first nodes that fit into `budget` cl100k tokens; the last ends with a sentence.

    Something is always returned where there is something: if not even one sentence fits,
    it is cut at a word.

    Returns:
        The nodes, the tokens of all that came, and of those that fit.
    """
    passages = [Passage.of(node) for node in nodes]
    fitting: list[NodeWithScore] = []
    left = budget
    for node, passage in zip(nodes, passages, strict=True):
        if passage.tokens <= left:
            fitting.append(node)
            left -= passage.tokens
            continue
        spans = _within(passage, left) or (_words(passage, left) if not fitting else [])
        if spans:
            fitting.append(passage.kept(spans))
            left -= passage.tokens_of(spans)
        break
    return fitting, sum(passage.tokens for passage in passages), budget - left


def _within(passage: Passage, tokens: int) -> list[Span]:
    """Its spans up to the last sentence that fits."""
    low, high = 0, len(passage.sentences)
    while low < high:
        middle = (low + high + 1) // 2
        if passage.tokens_of(passage.joined(range(middle))) <= tokens:
            low = middle
        else:
            high = middle - 1
    return passage.joined(range(low))


def _words(passage: Passage, tokens: int) -> list[Span]:
    """Its first words, as many as fit."""
    if not passage.sentences:
        return []
    start, end = passage.sentences[0]
    text = passage.slice((start, end))
    starts = token_starts(text)
    length = starts[tokens] if tokens < len(starts) else len(text)
    while length and not text[length].isspace():
        length -= 1
    length = len(text[:length].rstrip())
    return [(start, start + length)] if length else []
