"""RTF, through striprtf; what it would drop is marked before."""

import re
from collections.abc import Iterator

from striprtf.striprtf import rtf_to_text

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Item, Paragraph, table_of
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.report import ReadingReport

_TITLE = re.compile(r"\{\\title ([^{}\\]{1,300})\}")
# The bullet or number of a paragraph, for readers that know nothing of lists.
_MARKER = re.compile(r"\{\\(?:pntext|listtext)(?![a-z])")
_ITEM = re.compile(r"([•·▪‣o§*–-]|\(?(?:\d{1,3}|[a-zA-Z]{1,4})[.)])\t(.+)", re.DOTALL)
_NO_TEXT = re.compile(r"\\(?:ftnalt|chftn|pard|plain)(?![a-z]) ?")
_HIDING = re.compile(r"\\[{}\\]|[{}]|\\plain(?![a-z])|\\(v|deleted)(0?)(?![a-z0-9]) ?")
_HIDDEN = {"v": "hidden text", "deleted": "deleted text"}
_WORDS = re.compile(r"\\[a-z]+-?\d* ?|[{}\s]")
_BRACES = re.compile(r"\\[{}\\]|[{}]")
_LEFT_OUT = {
    "pictures": r"\{(?:\\\*)?\\(?:shp)?pict(?![a-z])",
    "headers and footers": r"\{\\(?:header|footer)[lrf]?(?![a-z])",
    "embedded files": r"\{\\object(?![a-z])",
    "comments": r"\{\\\*\\annotation(?![a-z])",
}


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of an RTF file.

    Raises:
        UnreadableError: it is none.
    """
    source = data.decode("latin-1")
    if "{\\rtf" not in source[:100]:
        raise UnreadableError("is no RTF file: open it in a word processor and save it again")
    report = ReadingReport()
    for what, pattern in _LEFT_OUT.items():
        report.leave_out(what, len(re.findall(pattern, source)))
    title = _TITLE.search(source[:20_000])
    text: str = rtf_to_text(  # type: ignore[no-untyped-call]
        _with_notes(_shown(_MARKER.sub("{", source), report)), errors="replace"
    )
    return assemble(
        _blocks(text),
        max_characters=reading.max_characters,
        title=one_line(title[1]) if title else None,
        report=report,
    )


def _shown(source: str, report: ReadingReport) -> str:
    """What is not hidden, and not deleted with changes being tracked."""
    parts: list[str] = []
    outer: list[str] = []  # of each open group: what hides the text around it
    hides, at = "", 0
    for mark in _HIDING.finditer(source):
        between = source[at : mark.start()]
        if not hides:
            parts.append(between)
        elif _WORDS.sub("", between):
            report.leave_out(_HIDDEN[hides])
        at = mark.end()
        if mark[0] == "{":
            outer.append(hides)
        elif mark[0] == "}":
            hides = outer.pop() if outer else ""
        elif mark[0] == "\\plain":
            hides = ""
        elif mark[1]:
            hides = "" if mark[2] else mark[1]
        if not hides or mark[0] in "{}":
            parts.append(mark[0] if not mark[1] else " ")
    return "".join([*parts, source[at:]])


def _with_notes(source: str) -> str:
    """Footnotes in brackets where they are referred to."""
    parts: list[str] = []
    at = 0
    while (start := source.find("{\\footnote", at)) >= 0:
        depth = 0
        end = start
        for brace in _BRACES.finditer(source, start):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            end = brace.end()
            if depth == 0:
                break
        inside = _NO_TEXT.sub("", source[start + len("{\\footnote") : end - 1])
        parts += [source[at:start], "{ [", inside.strip(), "]}"]
        at = end
    return "".join([*parts, source[at:]])


def _blocks(text: str) -> Iterator[Block]:
    rows: list[list[str]] = []
    for line in text.split("\n"):
        if line.endswith("|"):
            rows.append(line.split("|")[:-1])
            continue
        if rows:
            yield from _table(rows)
            rows = []
        item = _ITEM.match(line.strip())
        if item:
            marker = item[1] if len(item[1]) > 1 or item[1] in "–-" else "•"
            yield Item(one_line(item[2]), marker)
        else:
            yield Paragraph(one_line(line))
    yield from _table(rows)


def _table(rows: list[list[str]]) -> Iterator[Block]:
    table = table_of(rows)
    if table is not None:
        yield table
