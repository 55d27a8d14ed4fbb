"""Markdown: exactly the file's characters, and where its headings, tables and code are.

Only pictures that are written into the text are blanked, character for character. It is read
line by line, once; the forms are CommonMark's, tables GitHub's.
"""

import re
from dataclasses import dataclass, field

from indexes.documents.extracted import Extracted, HeadingSpan, Structure, TableSpan
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.lines import Line, lines_of
from indexes.documents.report import ReadingReport

_TOP = 1000
_MOST_MATTER = 200
_LONGEST = 300
_DATA_URI = re.compile(
    r"(data:[a-zA-Z]{1,20}/[\w.+-]{1,80}(?:;[\w.+-]{1,40}=?[\w.+-]{0,80}){0,4};base64,)"
    r"([A-Za-z0-9+/=_%-]{32,})"
)
_MATTER_TITLE = re.compile(r"title\s{0,9}[:=]\s{0,9}(\S.*)")
_RULE = re.compile(r"\|?\s{0,99}:?-+:?\s{0,99}(?:\|\s{0,99}:?-+:?\s{0,99})*\|?")
_LINK = re.compile(r"!?\[([^\]]{0,200})\]\([^)]{0,300}\)")
_TAG = re.compile(r"[*`]+|</?\w[^>]{0,200}>")


def read(data: bytes, reading: Reading) -> Extracted:
    """The file's text, its title and its structure.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told.
    """
    report = ReadingReport()
    return scanned(decode(data).told(report), report)


def scanned(text: str, report: ReadingReport) -> Extracted:
    """Find the title and the structure of a Markdown text."""
    text = blanked(text, report)
    found = _Scan(text)
    report.tables = len(found.tables)
    return Extracted(
        text,
        title=found.title,
        heading=found.heading,
        structure=Structure(tuple(found.headings), tuple(found.tables), tuple(found.code)),
        report=report,
    )


def blanked(text: str, report: ReadingReport) -> str:
    """Blank out embedded pictures by as many spaces; `report` is told how many there were."""

    def blank(match: re.Match[str]) -> str:
        report.leave_out("pictures written into the text")
        return match[1] + " " * len(match[2])

    return _DATA_URI.sub(blank, text)


def plain(heading: str) -> str:
    """A heading without its markup."""
    return _TAG.sub("", _LINK.sub(r"\1", heading[:_LONGEST])).strip()


@dataclass
class _Scan:
    """What stands where in a Markdown text."""

    text: str
    title: str | None = None
    heading: str | None = None
    headings: list[HeadingSpan] = field(default_factory=list)
    tables: list[TableSpan] = field(default_factory=list)
    code: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = list(lines_of(self.text))
        at = begin = self._matter(lines)
        top = lines[begin].start + _TOP if begin < len(lines) else 0
        while at < len(lines):
            line = lines[at]
            if fence := _fence(line.text):
                at = self._code(lines, at, fence)
            elif hashed := _hashed(line.text):
                self._add(line, line, *hashed, top)
                at += 1
            elif at + 1 < len(lines) and (level := _underlined(line.text, lines[at + 1].text)):
                self._add(line, lines[at + 1], level, line.text, top)
                at += 2
            elif at + 1 < len(lines) and _heads_a_table(line.text, lines[at + 1].text):
                at = self._table(lines, at)
            else:
                at += 1

    def _matter(self, lines: list[Line]) -> int:
        """Read the front matter, if there is one; the first line behind it."""
        if not lines or lines[0].text.lstrip("\ufeff").strip() not in ("---", "+++"):
            return 0
        for at, line in enumerate(lines[1:_MOST_MATTER], 1):
            if line.text.strip() in ("---", "+++", "..."):
                return at + 1
            if self.title is None and (said := _MATTER_TITLE.match(line.text)):
                self.title = said[1].strip().strip("\"'")
        self.title = None
        return 0

    def _add(self, line: Line, last: Line, level: int, text: str, top: int) -> None:
        shown = plain(text.strip())
        if shown:
            self.headings.append(HeadingSpan(line.start, last.end, level))
        if self.heading is None and line.start < top:
            self.heading = shown or None

    def _code(self, lines: list[Line], at: int, fence: str) -> int:
        for end in range(at + 1, len(lines)):
            closing = lines[end].text.strip()
            if closing.startswith(fence) and not closing.strip(fence[0]):
                break
        else:
            end = len(lines) - 1
        self.code.append((lines[at].start, lines[end].end))
        return end + 1

    def _table(self, lines: list[Line], at: int) -> int:
        rows = [lines[at].start]
        end = at + 2
        while end < len(lines) and "|" in lines[end].text and lines[end].text.strip():
            rows.append(lines[end].start)
            end += 1
        header_end = lines[end - 1].end if end == at + 2 else rows[1]
        self.tables.append(TableSpan(rows[0], lines[end - 1].end, header_end, tuple(rows)))
        return end


def _fence(line: str) -> str:
    """The marks that open a block of code, if the line does."""
    opening = line.lstrip(" \ufeff")
    mark = opening[:1]
    if mark not in ("`", "~") or len(line) - len(opening) > 3:
        return ""
    count = len(opening) - len(opening.lstrip(mark))
    return mark * count if count >= 3 and (mark == "~" or "`" not in opening[count:]) else ""


def _hashed(line: str) -> tuple[int, str] | None:
    """Level and text of a `# heading`."""
    opening = line.lstrip(" \ufeff")
    if not opening.startswith("#") or len(line) - len(opening) > 4:
        return None
    level = len(opening) - len(opening.lstrip("#"))
    rest = opening[level:]
    if level > 6 or (rest and rest[0] not in " \t"):
        return None
    text = rest.strip()
    bare = text.rstrip("#")
    return level, (bare.rstrip() if not bare or bare[-1] in " \t" else text)


def _underlined(line: str, below: str) -> int:
    """The level of a heading that the next line underlines, or 0."""
    marks = below.strip()
    if not marks or not line.strip() or line[:1] in " \t>|-*+#" or len(line) > _LONGEST:
        return 0
    if marks.strip("=") == "" and len(marks) > 1:
        return 1
    return 2 if marks.strip("-") == "" and len(marks) > 1 else 0


def _heads_a_table(line: str, below: str) -> bool:
    rule = below.strip()
    if "|" not in line or "-" not in rule or len(rule) > 10_000 or not _RULE.fullmatch(rule):
        return False
    return line.strip().strip("|").count("|") == rule.strip("|").count("|")
