"""Subtitles (WebVTT, SubRip): what is said, without when."""

import re
from collections.abc import Iterator

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Paragraph
from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.report import ReadingReport

_TIMES = re.compile(r"\s*[\d:.,]{4,15}\s{0,9}-->\s{0,9}[\d:.,]{4,15}")
_VOICE = re.compile(r"<v(?:\.[\w.]{0,40})?[ \t]([^>]{1,100})>")
_TAG = re.compile(r"</?[a-z\d][^<>]{0,100}>|\{\\[^{}]{0,40}\}", re.IGNORECASE)
_ENDS = (".", "!", "?", "…", "。", "”", '"')
_LONGEST = 600


def read(data: bytes, reading: Reading) -> Extracted:
    """The words of subtitles, as sentences.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told.
    """
    report = ReadingReport()
    text = decode(data).told(report).removeprefix("\ufeff")
    return assemble(_paragraphs(text), max_characters=reading.max_characters, report=report)


def _paragraphs(text: str) -> Iterator[Block]:
    said: list[str] = []
    length = 0
    for line in _spoken(text):
        voice = line.partition(": ")[0] if ": " in line[:60] else ""
        if said and (length > _LONGEST or voice) and (said[-1].endswith(_ENDS) or voice):
            yield Paragraph(" ".join(said))
            said, length = [], 0
        said.append(line)
        length += len(line)
    if said:
        yield Paragraph(" ".join(said))


def _spoken(text: str) -> Iterator[str]:
    """The lines of cues; what stands before the first of a block's times is its name."""
    before = ""
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.strip("\n").split("\n")
        timed = next((at for at, line in enumerate(lines[:3]) if _TIMES.match(line)), None)
        if timed is None:
            continue
        for line in lines[timed + 1 :]:
            plain = _TAG.sub("", _VOICE.sub(r"\1: ", line)).strip()
            if plain and plain != before:  # rolling captions repeat themselves
                yield plain
            before = plain or before
