"""An RTF file's blocks, in reading order (Microsoft's specification, 1.9.1)."""

import re
from collections.abc import Callable

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Note
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.cells import flattened
from indexes.documents.readers.described import description
from indexes.documents.readers.rtf.flow import Flow
from indexes.documents.readers.rtf.fonts import DEFAULT, Font, page_of
from indexes.documents.readers.rtf.state import State
from indexes.documents.readers.rtf.words import Token, tokens
from indexes.documents.readers.word.numbers import roman
from indexes.documents.report import ReadingReport

_CHARACTERS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ",
    "qmspace": " ", "~": " ", "_": "-", "{": "{", "}": "}", "\\": "\\",
    # In a formula.
    "mden": "/", "msup": "^", "msub": "_",
}  # fmt: skip
# Groups that hold no text of the document; of those with a star before, all but a few.
_SKIPPED = frozenset(
    {
        "aftncn", "aftnsep", "aftnsepc", "atrfend", "atrfstart", "bkmkend", "bkmkstart",
        "colortbl", "filetbl", "fldinst", "ftncn", "ftnsep", "ftnsepc", "nonesttables", "objdata",
        "pn", "pntxta", "pntxtb", "rxe", "shprslt", "tc", "template", "txe", "xe",
    }
)  # fmt: skip
_KEPT = frozenset({"moMath", "moMathPara", "oMath", "picprop", "shppict"})
_MODES = {
    "fonttbl": "fonts", "stylesheet": "styles", "info": "info", "upr": "upr",
    "nesttableprops": "rows", "shp": "shape", "shpgrp": "shape", "shpinst": "shape",
    "do": "shape", "nonshppict": "older",
}  # fmt: skip
_PAGE_HEADS = frozenset(f"{kind}{of}" for kind in ("header", "footer") for of in ("", *"lrf"))
_OF_A_FORMULA = re.compile(r"m[a-zA-Z]+Pr")
_HEADING = re.compile(r"heading ([1-9])\b")
_DEEPEST = 20
_COLLECTED = frozenset({"text", "value", "fonts", "styles"})


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of an RTF file.

    Footnotes follow the paragraph that refers to them, endnotes the document. Comments, headers
    and footers, hidden and deleted text are left out.

    Raises:
        UnreadableError: it is none.
    """
    if b"{\\rtf" not in data[:100]:
        raise UnreadableError("is no RTF file: open it in a word processor and save it again")
    report = ReadingReport()
    body = _Body(report)
    return assemble(
        body.blocks(data),
        max_characters=reading.max_characters,
        title=one_line(body.title) or None,
        report=report,
    )


class _Body:
    """Follows the source, piece after piece."""

    def __init__(self, report: ReadingReport) -> None:
        self.title = ""
        self._report = report
        self._state = State()
        # Each open group: what held before it, and what is done when it ends.
        self._groups: list[tuple[State, Callable[[], None] | None]] = []
        self._opening = self._starred = False
        self._flows = [Flow()]
        self._endnotes: list[Block] = []
        self._notes = {"": 0, "end": 0}
        self._note_kind = ""
        self._numbered = False
        # Text that is not decoded yet, as bytes or as units of UTF-16; what follows those.
        self._bytes = ""
        self._units: list[int] = []
        self._to_skip = 0
        self._value = self._property = ""
        self._fonts: dict[int, Font] = {}
        self._font = Font()  # that is being described
        self._default = 0
        self._encoding = DEFAULT
        self._style = 0  # that is being described
        self._levels: dict[int, int] = {}

    def blocks(self, data: bytes) -> list[Block]:
        """All blocks of a file."""
        for token in tokens(data):
            self._token(token)
        self._flush()
        while self._groups:
            self._close()
        return [*self._flows[0].finished(), *self._endnotes]

    # Pieces of the source

    def _token(self, token: Token) -> None:
        kind, text, number = token
        if kind in ("text", "byte"):
            self._opening = False
            if skipped := self._to_skip:
                self._to_skip = max(skipped - len(text), 0)
                text = text[skipped:]
            if text and self._state.mode in _COLLECTED:
                if self._units:
                    self._flush()
                self._bytes += text
        elif kind == "word" and text == "u" and number is not None:
            if self._bytes:
                self._flush()
            self._units.append(number & 0xFFFF)
            self._to_skip, self._opening = self._state.fallback, False
        elif kind in ("word", "symbol") and self._to_skip:
            self._to_skip -= 1
        else:
            self._to_skip = 0
            if kind == "open":
                self._open()
            elif kind == "close":
                self._close()
            elif kind == "symbol":
                self._symbol(text)
            else:
                self._word(text, number)

    def _open(self) -> None:
        self._flush()
        self._groups.append((self._state, None))
        self._opening, self._starred = True, False
        if self._state.mode == "styles":
            self._style = 0

    def _close(self) -> None:
        self._flush()
        self._opening = False
        if self._groups:
            self._state, done = self._groups.pop()
            if done is not None:
                done()

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._starred = self._opening
        elif symbol in "\n\r":
            self._word("par", None)
        elif symbol in _CHARACTERS:
            self._flush()
            self._write(_CHARACTERS[symbol])

    def _word(self, word: str, number: int | None) -> None:
        opening, self._opening = self._opening, False
        mode = self._state.mode
        if mode == "skip":
            return
        self._flush()
        if opening and self._destination(word, self._starred):
            return
        if mode == "fonts":
            self._describe_font(word, number)
        elif mode == "styles":
            self._describe_style(word, number)
        elif word in _CHARACTERS:
            self._write(_CHARACTERS[word])
        else:
            self._do(word, number)

    def _flush(self) -> None:
        """Write what was collected."""
        if not self._bytes and not self._units:
            return
        raw, units = self._bytes, self._units
        self._bytes, self._units = "", []
        font = self._fonts.get(self._state.font) or self._fonts.get(self._default) or Font()
        if units:
            whole = b"".join(unit.to_bytes(2, "big") for unit in units)
            text = font.shown(whole.decode("utf-16-be", "ignore"))
        else:
            text = font.decoded(raw, self._encoding)
        self._write(text, fixed=font.fixed)

    def _write(self, text: str, *, fixed: bool = False) -> None:
        state = self._state
        if state.mode == "fonts":
            self._font.name += text.rstrip(";")
        elif state.mode == "styles":
            self._name_style(text.lower())
        elif state.mode == "value":
            self._value += text
        elif state.mode == "text" and state.hidden:
            self._report.leave_out(state.hidden, int(bool(text.strip())))
        elif state.mode == "text":
            self._flows[-1].write(text, fixed=fixed, high=state.high)

    # Groups

    def _destination(self, word: str, starred: bool) -> bool:
        """Whether a word says what its group is for."""
        state = self._state
        if state.mode == "upr" and word == "ud" and len(self._groups) > 1:
            self._state = self._groups[-2][0]
        elif state.mode == "upr" or (state.mode == "info" and word != "title"):
            self._mode("skip")
        elif word == "title":
            self._keep(self._name_document)
        elif word in ("listtext", "pntext"):
            self._keep(self._mark)
        elif word == "sn":
            self._keep(self._name_property)
        elif word == "sv":
            self._keep(self._describe)
        elif word == "footnote":
            self._note()
        elif word in ("shptxt", "dptxbxtext"):
            self._begin(self._box)
        elif word in _PAGE_HEADS:
            self._begin(self._page_head)
        elif word == "pict":
            self._report.leave_out("pictures", int(state.mode != "older"))
            self._mode("shape")
        elif word == "annotation":
            self._report.leave_out("comments")
            self._mode("skip")
        elif word in _MODES:
            self._mode(_MODES[word])
        elif word in _SKIPPED or (starred and word not in _KEPT) or _OF_A_FORMULA.fullmatch(word):
            self._mode("skip")
        else:
            if word == "object":
                self._report.leave_out("embedded files")
            return False
        return True

    def _mode(self, mode: str) -> None:
        self._state = self._state._replace(mode=mode)

    def _then(self, done: Callable[[], None]) -> None:
        """Do something when the group ends that has just begun."""
        if self._groups:
            self._groups[-1] = self._groups[-1][0], done

    def _keep(self, done: Callable[[], None]) -> None:
        """Keep the group's text by itself."""
        self._value = ""
        self._mode("value")
        self._then(done)

    def _begin(self, done: Callable[[Flow], None]) -> None:
        """Begin a text of its own; of those inside each other, only so many."""
        if len(self._flows) > _DEEPEST:
            return
        flow = Flow()
        self._flows.append(flow)
        self._state = self._state.inside()

        def end() -> None:
            self._flows.pop()
            done(flow)

        self._then(end)

    def _name_document(self) -> None:
        self.title = self.title or self._value

    def _mark(self) -> None:
        self._flows[-1].marker = self._value

    def _name_property(self) -> None:
        self._property = self._value.strip()

    def _describe(self) -> None:
        if self._property == "wzDescription" and (said := description(self._value)):
            self._flows[-1].write(f" {said} ")

    def _box(self, flow: Flow) -> None:
        self._flows[-1].hanging += flow.finished()

    def _page_head(self, flow: Flow) -> None:
        self._report.leave_out("headers and footers", int(bool(flow.finished())))

    def _note(self) -> None:
        outer = self._flows[-1]
        place = outer.place()

        def done(flow: Flow) -> None:
            blocks = flow.finished()
            kind, mark = self._note_kind, ""
            if self._numbered or not flow.begins_high:  # else it has a mark of its own
                self._notes[kind] += 1
                mark = roman(self._notes[kind]) if kind else str(self._notes[kind])
                outer.fill(place, f"[{mark}]")
            note = Note(flattened(blocks), mark)
            (self._endnotes if kind else outer.hanging).append(note)
            self._note_kind, self._numbered = "", False

        self._begin(done)

    # What words do

    def _do(self, word: str, number: int | None) -> None:
        flow = self._flows[-1]
        nested = self._state.mode == "rows"
        match word:
            case "par" | "sect" | "page" | "column":
                if not self._state.hidden:
                    flow.end_paragraph(self._state.layout(self._levels, in_row=flow.in_row))
            case "cell" | "nestcell":
                least = 1 if word == "cell" else 2
                layout = self._state.layout(self._levels, in_row=True, least=least)
                flow.end_cell(layout, 1 if word == "cell" else layout.depth)
            case "row":
                flow.end_row(1)
            case "nestrow":
                flow.end_row(max(self._state.tables, 2))
            case "trowd":
                flow.begin_row(nested)
            case "cellx":
                flow.edge(number or 0, nested)
            case "clmrg":
                flow.next_edge.right = True
            case "clvmrg":
                flow.next_edge.down = True
            case "trhdr":
                flow.heads[nested] = True
            case "chftn":
                self._numbered = True
            case "ftnalt":
                self._note_kind = "end"
            case "ansicpg":
                self._encoding = page_of(number or 0) or DEFAULT
            case "mac" | "pc" | "pca":
                self._encoding = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
            case "deff":
                self._default = number or 0
            case _:
                self._state = self._state.told(word, number)

    def _describe_font(self, word: str, number: int | None) -> None:
        if word == "f":
            self._font = self._fonts[number or 0] = Font()
        elif word == "fcharset":
            self._font.charset = number or 0
        elif word == "cpg":
            self._font.page = number or 0
        elif word == "fmodern":
            self._font.modern = True

    def _describe_style(self, word: str, number: int | None) -> None:
        if word == "s":
            self._style = number or 0
        elif word == "outlinelevel" and number is not None and 0 <= number < 9:
            self._levels.setdefault(self._style, number + 1)

    def _name_style(self, name: str) -> None:
        named = _HEADING.match(name.strip())
        if named:
            self._levels[self._style] = int(named[1])
        elif name.strip() == "title;":
            self._levels[self._style] = 1
