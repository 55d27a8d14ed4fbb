"""Sentence boundaries with exact offsets, for cutting chunks, passages and compression.

`sentencex` knows abbreviations, quotes and the full stops of other scripts. What it
leaves out is added here: the lines of lists, tables, headings and verse are sentences
of their own, while the line breaks of wrapped prose are not (`indexes.wrapping`).
"""

import re
from collections.abc import Iterator
from itertools import accumulate

import sentencex

from indexes.tokens import without_surrogates
from indexes.wrapping import unwrapped

Span = tuple[int, int]

_LINE_START = re.compile(r"\r\n?(?=[^\r\n])|\n(?=[^\r\n])")
# The same where no line ends in another way: found several times as quickly.
_AFTER_LINE_FEED = re.compile(r"\n(?=[^\n])")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_BEFORE_STOP = re.compile(r"[^\S\x00-\x7f](?=\.)")
_WHITE_SPACE = re.compile(r"\s*")
# The engine takes time with the square of some texts (a row of opening quotes), so it gets
# no more than this at once.
_BLOCK = 8_000
_PARAGRAPH_START = re.compile(r"(?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)\s*")
_AFTER_LINE_FEEDS = re.compile(r"\n[^\S\n]*\n\s*")


def sentence_spans(text: str) -> list[Span]:
    """Sentences of `text` as (start, end) offsets that tile it: no gap, no overlap.

    White space belongs to the sentence before it; at the very start, to the first.
    The empty text has no sentence. Linear in the length of the text.
    """
    return unwrapped_spans(unwrapped(text))


def unwrapped_spans(text: str) -> list[Span]:
    """The same of a text that is `unwrapped` already."""
    first = len(text) - len(text.lstrip())
    cuts = sorted({*_engine_cuts(text), *line_starts(text)})
    spans: list[Span] = []
    start = 0
    for cut in [*cuts, len(text)]:
        if cut <= first or cut == start:
            continue  # leading white space waits for the first sentence
        if text[start].isspace() and text[start:cut].isspace():
            spans[-1] = (spans[-1][0], cut)
        else:
            spans.append((start, cut))
        start = cut
    return spans or ([(0, len(text))] if text else [])


def _engine_cuts(text: str) -> Iterator[int]:
    cut = 0
    for start, end in _blocks(text):
        for boundary in _engine_ends(without_surrogates(text[start:end])):
            place = start + boundary
            # The end of a block is not the end of a sentence, unless the text ends there.
            if place < cut or place == end < len(text):
                continue
            # It may cut inside `\r\n` or before the white space that closes a sentence.
            if text[place : place + 1].isspace():
                match = _WHITE_SPACE.match(text, place)
                place = match.end() if match else place
            cut = place
            yield cut
        if end < len(text) and _closes_paragraph(text, end):
            yield end


def _engine_ends(text: str) -> list[int]:
    # It panics at `A .` with a space of several bytes, and says so on standard error.
    text = _BEFORE_STOP.sub(" ", text)
    try:
        return _ends(text)
    except BaseException as error:
        # A panic of Rust's is no `Exception`, and nothing that a text may end a process with.
        if type(error).__name__ != "PanicException":
            raise
        return _ends(_WIDE_SPACE.sub(" ", text))


def _ends(text: str) -> list[int]:
    ends = list(accumulate(map(len, sentencex.segment("en", text))))
    if sum(ends[-1:]) == len(text):
        return ends
    # It left something out. Places take it three times as long as texts.
    return [found["end_index"] for found in sentencex.get_sentence_boundaries("en", text)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Runs of whole paragraphs, or of whole words of a paragraph that is too long."""
    start, reached = 0, 0
    ends = [*paragraph_starts(text), len(text)] if len(text) > _BLOCK else [len(text)]
    for end in ends:
        if end - start > _BLOCK and reached > start:
            yield start, reached
            start = reached
        while end - start > _BLOCK:
            space = text.rfind(" ", start + _BLOCK // 2, start + _BLOCK) + 1
            middle = space or start + _BLOCK
            yield start, middle
            start = middle
        reached = end
    if reached > start:
        yield start, reached


def _closes_paragraph(text: str, place: int) -> bool:
    return "\n" in text[place - 1 : place] or "\r" in text[place - 1 : place]


def line_starts(text: str) -> list[int]:
    """Offsets at which a line begins, but for the first and for empty ones."""
    starts = _LINE_START if "\r" in text else _AFTER_LINE_FEED
    return [match.end() for match in starts.finditer(text)]


def paragraph_starts(text: str) -> list[int]:
    """Offsets at which a paragraph begins: behind each run of blank lines."""
    starts = _PARAGRAPH_START if "\r" in text else _AFTER_LINE_FEEDS
    return [match.end() for match in starts.finditer(text) if match.end() < len(text)]
