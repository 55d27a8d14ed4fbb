"""Text with markup: exactly the file's characters, and where its headings, tables and code are.

reStructuredText, AsciiDoc, Org and LaTeX; only the forms that are plain to see, line by line.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from indexes.documents.extracted import Extracted, HeadingSpan, Structure, TableSpan
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.lines import Line, lines_of
from indexes.documents.report import ReadingReport

_LONGEST = 300
# reStructuredText
_RULE = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}\s*")
_COMMON = "=-~^\"'`#*+"
_COLUMNS = re.compile(r"={2,}(?: +={2,})+\s*")
_GRID = re.compile(r"\s*\+(?:[-=]+\+)+\s*")
_DIRECTIVE = re.compile(r"\s*\.\. (code-block|code|sourcecode|parsed-literal)::")
_NO_PARAGRAPH = re.compile(r"\s*\.\. ")
# AsciiDoc
_EQUALS = re.compile(r"(={1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?")
_FENCE = re.compile(r"(-{4,}|\.{4,}|```).*")
# Org
_STARS = re.compile(
    r"(\*{1,8})[ \t]+(?:(?:TODO|DONE|NEXT|WAITING|CANCELLED)[ \t]+)?(?:\[#\w\][ \t]+)?(\S.*?)"
    r"(?:[ \t]+:[\w@#%:]+:)?[ \t]*"
)
_ORG_TITLE = re.compile(r"#\+title:\s*(\S.*)", re.IGNORECASE)
_ORG_BLOCK = re.compile(r"\s*#\+begin_(src|example)\b", re.IGNORECASE)
# LaTeX
_SECTION = re.compile(
    r"\s*\\(part|chapter|section|subsection|subsubsection|paragraph)\*?(?:\[[^\]]{0,300}\])?\{"
)
_SECTIONS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph")
_TEX_TITLE = re.compile(r"\s*\\title(?:\[[^\]]{0,300}\])?\{")
_VERBATIM = re.compile(r"\s*\\begin\{(verbatim|lstlisting|minted|Verbatim|Highlighting)\*?\}")
_MACRO = re.compile(r"\\(?:label|footnote|thanks)\{[^{}]{0,300}\}|\\[a-zA-Z]+\*?\s?|[{}~]")


@dataclass
class _Found:
    """What stands where."""

    title: str | None = None
    heading: str | None = None
    headings: list[HeadingSpan] = field(default_factory=list)
    tables: list[TableSpan] = field(default_factory=list)
    code: list[tuple[int, int]] = field(default_factory=list)
    unended: set[str] = field(default_factory=set)  # blocks that have no end further down

    def head(self, start: int, end: int, level: int, text: str) -> None:
        """Note a heading."""
        self.headings.append(HeadingSpan(start, end, level))
        self.heading = self.heading or text

    def table(self, rows: Sequence[int], header_end: int, end: int) -> None:
        """Note a table by the starts of its rows; rules may stand above the first."""
        if rows:
            self.tables.append(TableSpan(rows[0], end, max(header_end, rows[0]), tuple(rows)))


def _reader(scan: Callable[[list[Line], _Found], None]) -> Callable[[bytes, Reading], Extracted]:
    def read(data: bytes, reading: Reading) -> Extracted:
        """The file's text, its title and its structure.

        Raises:
            UnreadableError: it is binary, or in an encoding that cannot be told.
        """
        report = ReadingReport()
        text = decode(data).told(report)
        found = _Found()
        scan(list(lines_of(text)), found)
        report.tables = len(found.tables)
        structure = Structure(tuple(found.headings), tuple(found.tables), tuple(found.code))
        return Extracted(
            text, title=found.title, heading=found.heading, structure=structure, report=report
        )

    return read


# reStructuredText


def _restructured(lines: list[Line], found: _Found) -> None:
    """Titles are underlined, or ruled on both sides; levels come in the order of their rules."""
    levels: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if _DIRECTIVE.match(line.text) or _opens_literal(line.text):
            at = _indented(lines, at, found)
        elif _GRID.fullmatch(line.text):
            at = _grid(lines, at, found)
        elif _COLUMNS.fullmatch(line.text):
            at = _columned(lines, at, found)
        elif ruled := _ruled(lines, at):
            kind, title, last = ruled
            if kind not in levels:
                levels.append(kind)
            found.head(line.start, lines[last].end, levels.index(kind) + 1, title)
            at = last + 1
        else:
            at += 1


def _opens_literal(line: str) -> bool:
    return line.rstrip().endswith("::") and not _NO_PARAGRAPH.match(line)


def _indented(lines: list[Line], at: int, found: _Found) -> int:
    """The lines below that are indented deeper are code, once an empty one has come."""
    outer = lines[at].indent
    first = at + 1
    while first < len(lines) and lines[first].text.strip() and lines[first].indent > outer:
        first += 1  # options of a directive
    end = last = first
    while end < len(lines) and (lines[end].indent > outer or not lines[end].text.strip()):
        if lines[end].text.strip():
            last = end + 1
        end += 1
    while first < last and not lines[first].text.strip():
        first += 1
    if first < last:
        found.code.append((lines[first].start, lines[last - 1].end))
    return max(last, at + 1) if first < last else at + 1


def _ruled(lines: list[Line], at: int) -> tuple[str, str, int] | None:
    """The kind of a title's rules, the title, and its last line; None if no title begins here."""
    line = lines[at].text.rstrip()
    below = lines[at + 1].text.rstrip() if at + 1 < len(lines) else ""
    if _RULE.fullmatch(line):
        third = lines[at + 2].text.rstrip() if at + 2 < len(lines) else ""
        titled = below.strip() and not _RULE.fullmatch(below) and third == line
        return (2 * line[0], below.strip(), at + 2) if titled else None
    before = lines[at - 1].text if at else ""
    if not line or line[0].isspace() or len(line) > _LONGEST or not _RULE.fullmatch(below):
        return None
    if before.strip() and not _NO_PARAGRAPH.match(before) and not _RULE.fullmatch(before):
        return None
    least = min(len(line), 4) if below[0] in _COMMON else len(line)
    return (below[0], line, at + 1) if len(below) >= least else None


def _grid(lines: list[Line], at: int, found: _Found) -> int:
    end = at
    rows: list[int] = []
    header_end = 0
    while end < len(lines) and lines[end].text.strip()[:1] in ("+", "|"):
        ruled = _GRID.fullmatch(lines[end].text)
        if ruled and end + 1 < len(lines) and lines[end + 1].text.strip()[:1] == "|":
            rows.append(lines[end].start)
            if "=" in lines[end].text and end > at:
                header_end = lines[end].start
        end += 1
    found.table(rows, header_end, lines[end - 1].end)
    return end


def _columned(lines: list[Line], at: int, found: _Found) -> int:
    """A table between rules of `==== ====`: two with a head, three without one."""
    rules = [at]
    end = at + 1
    while end < len(lines) and len(rules) < 3:
        if _COLUMNS.fullmatch(lines[end].text):
            rules.append(end)
            if end + 1 == len(lines) or not lines[end + 1].text.strip():
                break
        end += 1
    if len(rules) < 2:
        return at + 1
    last = rules[-1]
    body = rules[1] + 1 if len(rules) > 2 else at + 1
    rows = [lines[at].start]
    rows += [line.start for line in lines[body:last] if line.text[:1].strip()]
    found.table(rows, lines[body].start if len(rules) > 2 else lines[at].start, lines[last].end)
    return last + 1


# AsciiDoc


def _asciidoc(lines: list[Line], found: _Found) -> None:
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.fullmatch(line.text.rstrip()):
            at = _block(lines, at, fence[1], found)
            found.code.append((line.start, lines[at - 1].end))
        elif line.text.startswith("|==="):
            end = _block(lines, at, "|===", found)
            _asciidoc_table(lines[at:end], found)
            at = end
        elif headed := _EQUALS.fullmatch(line.text.rstrip()[:_LONGEST]):
            found.head(line.start, line.end, len(headed[1]), headed[2])
            if len(headed[1]) == 1 and found.title is None:
                found.title = headed[2]
            at += 1
        else:
            at += 1


def _asciidoc_table(lines: Sequence[Line], found: _Found) -> None:
    rows = [line for line in lines[1:] if line.text.startswith("|") and line.text[1:4] != "==="]
    if not rows or max(line.text.count("|") for line in rows) < 2:
        return  # cells on lines of their own
    starts = [lines[0].start, *(line.start for line in rows[1:])]
    header_end = rows[1].start if len(rows) > 1 else rows[0].end
    found.table(starts, header_end, lines[-1].end)


# Org


def _org(lines: list[Line], found: _Found) -> None:
    at = 0
    while at < len(lines):
        line = lines[at]
        if found.title is None and (titled := _ORG_TITLE.match(line.text)):
            found.title = titled[1].strip()
        if block := _ORG_BLOCK.match(line.text):
            at = _block(lines, at, f"#+end_{block[1].lower()}", found)
            found.code.append((line.start, lines[at - 1].end))
        elif headed := _STARS.fullmatch(line.text[:_LONGEST]):
            found.head(line.start, line.end, len(headed[1]), headed[2])
            at += 1
        elif line.text.lstrip().startswith("|"):
            at = _org_table(lines, at, found)
        else:
            at += 1


def _org_table(lines: list[Line], at: int, found: _Found) -> int:
    end = at
    while end < len(lines) and lines[end].text.lstrip().startswith("|"):
        end += 1
    rules = [n for n in range(at, end) if lines[n].text.lstrip().startswith("|-")]
    rows = [lines[n].start for n in range(at, end) if n not in rules]
    headed = at + 1 in rules and at + 2 < end
    header_end = lines[at + 2].start if headed else lines[at].start
    found.table(rows, header_end, lines[end - 1].end)
    return end


# LaTeX


def _latex(lines: list[Line], found: _Found) -> None:
    used = {match[1] for line in lines if (match := _SECTION.match(line.text))}
    levels = [name for name in _SECTIONS if name in used]
    at = 0
    while at < len(lines):
        line = lines[at]
        if block := _VERBATIM.match(line.text):
            at = _block(lines, at, f"\\end{{{block[1].lower()}", found)
            found.code.append((line.start, lines[at - 1].end))
            continue
        if headed := _SECTION.match(line.text):
            inside = _braced(line.text, headed.end())
            shown = " ".join(_MACRO.sub("", inside).split())
            end = line.start + headed.end() + len(inside) + 1
            if shown:
                start = line.start + line.indent
                found.head(start, min(end, line.end), levels.index(headed[1]) + 1, shown)
        elif found.title is None and (titled := _TEX_TITLE.match(line.text)):
            inside = _MACRO.sub("", _braced(line.text, titled.end()))
            found.title = " ".join(inside.replace("\\", " ").split()) or None
        at += 1


def _braced(line: str, start: int) -> str:
    """What stands in braces that have just opened; to the line's end where they stay open."""
    depth = 1
    for at in range(start, min(len(line), start + _LONGEST)):
        depth += {"{": 1, "}": -1}.get(line[at], 0)
        if depth == 0:
            return line[start:at]
    return line[start : start + _LONGEST]


def _block(lines: list[Line], at: int, ends: str, found: _Found) -> int:
    """Behind the next line that begins so, in any case; without one, behind this line."""
    if ends not in found.unended:
        for end in range(at + 1, len(lines)):
            if lines[end].text.lstrip().lower().startswith(ends):
                return end + 1
        found.unended.add(ends)
    return at + 1


read_restructured = _reader(_restructured)
read_asciidoc = _reader(_asciidoc)
read_org = _reader(_org)
read_latex = _reader(_latex)
