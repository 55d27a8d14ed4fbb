"""PPTX: each slide that is shown is a page, with its notes."""

import io
from collections.abc import Iterator
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, Item, Note, PageBreak, Paragraph, table_of
from indexes.documents.extracted import Extracted, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.cells import raised
from indexes.documents.readers.charts import chart_table, diagram_texts
from indexes.documents.readers.order import in_order
from indexes.documents.readers.package import Package, tell_what_is_inside
from indexes.documents.readers.word.equations import linear
from indexes.documents.readers.word.numbers import letters, roman
from indexes.documents.report import ReadingReport

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DEEPEST = 20
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr")
_BULLETED = ("body", "obj", "")


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a presentation.

    Raises:
        UnreadableError: it is encrypted, damaged or unpacks to an absurd size.
    """
    from pptx import Presentation

    report = ReadingReport()
    package = Package(data)
    package.check()
    presentation = Presentation(io.BytesIO(data))
    for name in package.names():
        if name.startswith("ppt/comments/"):
            report.leave_out("comments", sum(1 for _ in package.xml(name).iter("{*}cm")))
    tell_what_is_inside(package, report)
    return assemble(
        _Slides(report).blocks(presentation),
        max_characters=reading.max_characters,
        title=package.title(),
        page_kind="slide",
        report=report,
    )


class _Slides:
    """Reads slides one after another."""

    def __init__(self, report: ReadingReport) -> None:
        self._report = report

    def blocks(self, presentation: Any) -> Iterator[Block]:
        """All slides that are shown."""
        for slide in presentation.slides:
            if slide._element.get("show") in ("0", "false"):
                self._report.leave_out("hidden slides")
                continue
            yield PageBreak()
            _choose(slide._element)
            yield from self._shapes(slide.shapes, slide.part, 0)
            if slide.has_notes_slide:
                frame = slide.notes_slide.notes_text_frame
                notes = "" if frame is None else frame.text.strip()
                if notes:
                    yield Note(notes.replace("\x0b", "\n"), "Notes")

    def _shapes(self, shapes: Any, part: Any, depth: int) -> Iterator[Block]:
        """Shapes in the order they are read: the title first."""
        listed = list(shapes)
        titles = [shape for shape in listed if _placeholder(shape) in _TITLES]
        rest = [shape for shape in listed if _placeholder(shape) not in _TITLES]
        for shape in [*titles, *in_order(rest)]:
            yield from self._shape(shape, part, depth)

    def _shape(self, shape: Any, part: Any, depth: int) -> Iterator[Block]:
        kind = _placeholder(shape)
        if kind in _FURNITURE:
            self._report.leave_out("headers and footers", int(bool(_words(shape))))
        elif kind in _TITLES:
            text = one_line(_words(shape))
            if text:
                yield Heading(text, 1)
        elif hasattr(shape, "shapes"):
            if depth < _DEEPEST:
                yield from self._shapes(shape.shapes, part, depth + 1)
        elif getattr(shape, "has_table", False):
            table = table_of(_grid(shape.table), int(bool(shape.table.first_row)))
            if table is not None:
                yield table
        elif getattr(shape, "has_chart", False):
            title, table = chart_table(shape.chart._chartSpace)
            if title:
                yield Paragraph(title)
            if table is not None:
                yield table
        elif getattr(shape, "has_text_frame", False):
            yield from _paragraphs(shape.text_frame._txBody, kind)
        else:
            yield from self._other(shape, part)

    def _other(self, shape: Any, part: Any) -> Iterator[Block]:
        """A picture's description, or a diagram's texts."""
        element = shape._element
        for found in element.iter():
            if isinstance(found.tag, str) and found.tag.endswith("}relIds"):
                root = _related(part, found.get(f"{_R}dm"))
                for text in () if root is None else diagram_texts(root):
                    yield Item(text)
        names = element.xpath("./*/p:cNvPr")
        said = one_line(names[0].get("descr", "")) if names else ""
        if element.tag.endswith("}pic"):
            self._report.leave_out("pictures")
            if any(map(str.isalpha, said)) and "." not in said.split()[-1][:-1]:
                yield Paragraph(said)


def _choose(slide: Any) -> None:
    """Put shapes that are there twice, for newer programs and for older ones, there once."""
    for both in list(slide.iter(f"{_MC}AlternateContent")):
        choices = both.findall(f"{_MC}Choice") or both.findall(f"{_MC}Fallback")
        for choice in choices[:1]:
            for shape in list(choice):
                both.addprevious(shape)
        if both.getparent() is not None:
            both.getparent().remove(both)


def _placeholder(shape: Any) -> str | None:
    """What a shape stands for: "title", "body", "" for anything; None if for nothing."""
    found = shape._element.xpath(".//p:nvPr/p:ph")
    return found[0].get("type", "") if found else None


def _words(shape: Any) -> str:
    return " ".join(_text(paragraph) for paragraph in shape._element.iter(f"{_A}p"))


def _paragraphs(body: Any, kind: str | None) -> Iterator[Block]:
    counters: dict[int, int] = {}
    for paragraph in body.iter(f"{_A}p"):
        text = _text(paragraph).strip()
        if not text:
            continue
        properties = paragraph.find(f"{_A}pPr")
        level = 0 if properties is None else int(properties.get("lvl", "0")) % 10
        marker = _marker(properties, level, counters, kind)
        yield Item(text, marker, level) if marker else Paragraph(text)


def _marker(properties: Any, level: int, counters: dict[int, int], kind: str | None) -> str:
    """The bullet or number of a paragraph; "" without one."""
    for deeper in [at for at in counters if at > level]:
        del counters[deeper]
    if properties is not None:
        if properties.find(f"{_A}buNone") is not None:
            return ""
        numbered = properties.find(f"{_A}buAutoNum")
        if numbered is not None:
            start = numbered.get("startAt", "1")
            first = int(start) if start.isdecimal() and len(start) < 6 else 1
            counters[level] = counters.get(level, first - 1) + 1
            return _number(counters[level], numbered.get("type", "arabicPeriod"))
        if properties.find(f"{_A}buChar") is not None:
            return "•"
    counters.pop(level, None)
    return "•" if kind in _BULLETED or level > 0 else ""


def _number(count: int, form: str) -> str:
    text = str(count)
    if form.startswith("alpha"):
        text = letters(count)
    elif form.startswith("roman"):
        text = roman(count)
    text = text.upper() if "Uc" in form else text
    if form.endswith("ParenBoth"):
        return f"({text})"
    return text + (")" if form.endswith("ParenR") else "." if form.endswith("Period") else "")


def _text(paragraph: Any) -> str:
    parts: list[str] = []
    for child in paragraph.iter():
        if child.tag == f"{_A}t":
            text = child.text or ""
            run = child.getparent().find(f"{_A}rPr")
            baseline = "" if run is None else run.get("baseline", "")
            if baseline and baseline[0] not in "-0":
                text = raised(text, parts[-1][-1:] if parts else "")
            parts.append(text)
        elif child.tag == f"{_A}br":
            parts.append("\n")
        elif child.tag == f"{_M}oMath":
            parts.append(linear(child))
    return "\n".join(map(one_line, "".join(parts).split("\n")))


def _grid(table: Any) -> list[list[str]]:
    rows: list[list[str]] = []
    for at, row in enumerate(table.rows):
        cells: list[str] = []
        for cell in row.cells:
            element = cell._tc
            if element.get("hMerge") in ("1", "true") and cells:
                cells.append(cells[-1])
            elif element.get("vMerge") in ("1", "true") and at and len(cells) < len(rows[-1]):
                cells.append(rows[-1][len(cells)])
            else:
                texts = (_text(paragraph) for paragraph in element.iter(f"{_A}p"))
                cells.append(" ".join(filter(None, texts)))
        rows.append(cells)
    return rows


def _related(part: Any, id_: str | None) -> Any:
    from lxml import etree

    try:
        blob = part.related_part(id_).blob
        return etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))
    except (KeyError, AttributeError, etree.XMLSyntaxError):
        return None
