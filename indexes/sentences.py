"""Sentence boundaries with exact offsets, for cutting chunks, passages and compression.

`sentencex` knows abbreviations, quotes and the full stops of other scripts. What it
leaves out is added here: the lines of lists, tables, headings and verse are sentences
of their own, while the soft line breaks of wrapped prose are not.
"""

import re
from collections.abc import Iterator

import sentencex

from indexes.tokens import without_surrogates

Span = tuple[int, int]

# A line that goes on in lower case continues the sentence of the line before.
_LINE_START = re.compile(r"\r\n?(?=[^\r\n])|\n(?=[^\r\n])")
_WHITE_SPACE = re.compile(r"\s*")
_PARAGRAPH_START = re.compile(r"(?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)\s*")


def sentence_spans(text: str) -> list[Span]:
    """Sentences of `text` as (start, end) offsets that tile it: no gap, no overlap.

    White space belongs to the sentence before it; at the very start, to the first.
    The empty text has no sentence. Linear in the length of the text.
    """
    cuts = sorted({*_engine_cuts(text), *_line_cuts(text)})
    spans: list[Span] = []
    start = 0
    for cut in [*cuts, len(text)]:
        if text[start:cut].strip():
            spans.append((start, cut))
        elif spans:
            spans[-1] = (spans[-1][0], cut)
        else:
            continue  # leading white space waits for the first sentence
        start = cut
    if not spans and text:
        spans.append((0, len(text)))
    return spans


def _engine_cuts(text: str) -> Iterator[int]:
    cut = 0
    for boundary in sentencex.get_sentence_boundaries("en", without_surrogates(text)):
        if boundary["end_index"] < cut:
            continue
        # It may cut inside `\r\n` or before the white space that closes a sentence.
        match = _WHITE_SPACE.match(text, boundary["end_index"])
        cut = match.end() if match else boundary["end_index"]
        yield cut


def _line_cuts(text: str) -> Iterator[int]:
    for match in _LINE_START.finditer(text):
        following = text[match.end() : match.end() + 64].lstrip(" \t")[:1]
        if not following.islower():
            yield match.end()


def line_starts(text: str) -> list[int]:
    """Offsets at which a line begins, but for the first and for empty ones."""
    return [match.end() for match in _LINE_START.finditer(text)]


def paragraph_starts(text: str) -> list[int]:
    """Offsets at which a paragraph begins: behind each run of blank lines."""
    return [match.end() for match in _PARAGRAPH_START.finditer(text) if match.end() < len(text)]
