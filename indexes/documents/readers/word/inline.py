"""The text of a paragraph: runs, fields, equations, notes' marks; tracked deletions left out."""

from dataclasses import dataclass, field
from typing import Any

from indexes.documents.extracted import UnreadableError
from indexes.documents.readers.cells import raised
from indexes.documents.readers.described import description
from indexes.documents.readers.symbols import symbol
from indexes.documents.readers.word.equations import linear
from indexes.documents.readers.word.names import (
    MC,
    TBL,
    VAL,
    VML,
    WP,
    M,
    P,
    R,
    W,
    number,
    switched_on,
    value,
)
from indexes.documents.readers.word.numbers import roman
from indexes.documents.readers.word.styles import Styles, style_id
from indexes.documents.report import ReadingReport

MAX_ELEMENTS = 3_000_000

_DELETED = frozenset({f"{W}del", f"{W}moveFrom"})
# What is about the text, not of it.
_ABOUT = frozenset(
    f"{W}{name}"
    for name in (
        "pPr", "rPr", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "fldData", "rubyPr",
        "commentReference", "annotationRef", "footnoteRef", "endnoteRef", "separator",
        "continuationSeparator", "instrText", "delText", "delInstrText", "softHyphen",
        "lastRenderedPageBreak", "bookmarkStart", "bookmarkEnd", "proofErr",
    )
)  # fmt: skip
_TYPED = {f"{W}cr": "\n", f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}noBreakHyphen": "-"}
# Where drawings say what they show: new ones, old ones, and letters that are drawn.
_DESCRIBED = {f"{WP}docPr": "descr", f"{VML}shape": "alt", f"{VML}textpath": "string"}


@dataclass
class Notes:
    """Footnotes and endnotes: the number each has in the text, in the order they come in."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def mark(self, kind: str, id_: str) -> str:
        """What stands in the text where a note belongs: `1`, `2` or, for an endnote, `i`, `ii`."""
        if (kind, id_) not in self.known:
            count = self.counts[kind] = self.counts.get(kind, 0) + 1
            self.known[kind, id_] = str(count) if kind == "footnote" else roman(count)
        return self.known[kind, id_]


@dataclass
class Line:
    """A paragraph's content.

    Attributes:
        text: its text
        boxes: its text boxes, as elements that hold paragraphs
        notes: the notes that it refers to: kind, id and mark
        drawings: relation ids of its diagrams and charts
    """

    text: str = ""
    boxes: list[Any] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)


class Inline:
    """Reads paragraphs in order, for a field may begin in one and end in the next.

    Args:
        styles: the document's
        notes: its notes' numbers
        report: told what is left out
    """

    def __init__(self, styles: Styles, notes: Notes, report: ReadingReport) -> None:
        self._styles = styles
        self._notes = notes
        self._report = report
        self._fields: list[bool] = []  # of each open one: whether its result has begun
        self._work = 0
        self._parts: list[str] = []
        self._line = Line()
        self._ends_in_equation = False

    def read(self, paragraph: Any, *, hidden: bool = False) -> Line:
        """Read the text of a paragraph; `hidden` says that its style hides it."""
        self._parts, self._line, self._ends_in_equation = [], Line(), False
        self._children(paragraph, hidden)
        self._line.text = "".join(self._parts)
        return self._line

    def _children(self, element: Any, hidden: bool) -> None:
        self._work += len(element)
        if self._work > MAX_ELEMENTS:
            raise UnreadableError("holds an absurd number of elements: split it")
        for child in element:
            self._child(child, hidden)

    def _child(self, child: Any, hidden: bool) -> None:
        tag = child.tag
        if tag == f"{W}r":
            self._run(child, hidden)
        elif tag == f"{W}t":
            # An entity that nobody resolves splits the text.
            tails = (part.tail or "" for part in child)
            self._add((child.text or "") + "".join(tails), hidden)
        elif tag in _TYPED:
            self._add(_TYPED[tag], hidden)
        elif tag == f"{W}br":
            self._add("\n" if child.get(f"{W}type", "textWrapping") == "textWrapping" else " ")
        elif tag in _DELETED:
            self._report.leave_out("deleted text")
        elif not isinstance(tag, str) or tag in _ABOUT:
            return
        elif tag == f"{W}fldChar":
            self._field(child)
        elif tag in (f"{M}oMath", f"{M}oMathPara"):
            self._equation(child)
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            self._note(child, tag.removeprefix(W).removesuffix("Reference"))
        elif tag == f"{W}sym":
            self._symbol(child, hidden)
        elif tag == f"{MC}AlternateContent":
            self._alternative(child, hidden)
        elif tag in (f"{W}drawing", f"{W}pict", f"{W}object"):
            self._drawing(child)
        elif tag == f"{W}ruby":
            self._ruby(child, hidden)
        elif tag in (P, TBL):  # paragraphs don't nest, but files do
            self._line.boxes.append(child)
        else:
            self._children(child, hidden)

    def _run(self, run: Any, hidden: bool) -> None:
        before = len(self._parts)
        self._children(run, self._is_hidden(run, hidden))
        if _is_raised(run):
            text = "".join(self._parts[before:])
            last = self._parts[before - 1][-1:] if before else ""
            self._parts[before:] = [raised(text, last)]

    def _ruby(self, ruby: Any, hidden: bool) -> None:
        """Characters, and how they are read: in the file that comes first."""
        for base in ruby.findall(f"{W}rubyBase"):
            self._children(base, hidden)
        for reading in ruby.findall(f"{W}rt"):
            self._add(f"({''.join(reading.itertext())})", hidden)

    def _is_hidden(self, run: Any, hidden: bool) -> bool:
        said = switched_on(run, f"{W}rPr/{W}vanish")
        if said is None and (style := style_id(run)) is not None:
            return hidden or self._styles.of(style).hidden
        return hidden if said is None else said

    def _add(self, text: str | None, hidden: bool = False) -> None:
        if not text or not all(self._fields):
            return
        if hidden:
            self._report.leave_out("hidden text")
            return
        if self._ends_in_equation and text[0].isalnum():
            self._parts.append(" ")
        self._ends_in_equation = False
        self._parts.append(text)

    def _field(self, mark: Any) -> None:
        kind = mark.get(f"{W}fldCharType")
        if kind == "begin":
            self._add(_chosen(mark))
            self._fields.append(False)
        elif kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _equation(self, element: Any) -> None:
        text = linear(element)
        before = self._parts[-1][-1] if self._parts else ""
        self._add(f" {text}" if before.isalnum() else text)
        self._ends_in_equation = True

    def _note(self, reference: Any, kind: str) -> None:
        id_ = reference.get(f"{W}id", "")
        mark = self._notes.mark(kind, id_)
        self._line.notes.append((kind, id_, mark))
        if not switched_on_attribute(reference, "customMarkFollows"):
            self._add(f"[{mark}]")

    def _symbol(self, element: Any, hidden: bool) -> None:
        try:
            code = int(element.get(f"{W}char", ""), 16)
        except ValueError:
            return
        self._add(symbol(element.get(f"{W}font", ""), code), hidden)

    def _alternative(self, element: Any, hidden: bool) -> None:
        """What a newer program shows, or what an older one does instead: the same, twice."""
        choices = element.findall(f"{MC}Choice") or element.findall(f"{MC}Fallback")
        for choice in choices[:1]:
            self._children(choice, hidden)

    def _drawing(self, element: Any) -> None:
        for found in element.iter():
            tag = found.tag
            if tag == f"{W}txbxContent":
                if not _inside_another(found, element):
                    self._line.boxes.append(found)
            elif tag in _DESCRIBED and (said := description(found.get(_DESCRIBED[tag], ""))):
                self._add(f" {said} ")
            elif isinstance(tag, str) and tag.endswith(("}relIds", "/chart}chart")):
                id_ = found.get(f"{R}dm") or found.get(f"{R}id")
                if id_:
                    self._line.drawings.append(id_)


def _chosen(field: Any) -> str:
    """What is ticked or chosen in a field of a form."""
    box, choice = field.find(f"{W}ffData/{W}checkBox"), field.find(f"{W}ffData/{W}ddList")
    if box is not None:
        ticked = switched_on(box, f"{W}checked")
        if ticked is None:
            ticked = switched_on(box, f"{W}default")
        return "☒" if ticked else "☐"
    if choice is None:
        return ""
    entries = [entry.get(VAL, "") for entry in choice.findall(f"{W}listEntry")]
    at = number(choice, f"{W}result")
    at = (number(choice, f"{W}default") or 0) if at is None else at
    return entries[at] if 0 <= at < len(entries) else ""


def switched_on_attribute(element: Any, name: str) -> bool:
    """Whether an attribute says yes."""
    return element.get(f"{W}{name}", "0") not in ("0", "false", "off")


def _inside_another(box: Any, drawing: Any) -> bool:
    """Whether a text box is in another one, or repeats one for older programs."""
    for above in box.iterancestors():
        if above is drawing:
            return False
        if above.tag in (f"{W}txbxContent", f"{MC}Fallback"):
            return True
    return False


def _is_raised(run: Any) -> bool:
    """Whether a run is a superscript, or small and lifted as LibreOffice writes one."""
    lifted = (number(run, f"{W}rPr/{W}position") or 0) > 0
    small = run.find(f"{W}rPr/{W}sz") is not None
    return value(run, f"{W}rPr/{W}vertAlign") == "superscript" or (lifted and small)
