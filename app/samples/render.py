"""Sets the letters in `source/` as PDFs in `letters/`.

Run it after editing a letter, then make the questions again, because their offsets have moved:

    python -m app.samples.render
    python -m app.samples.questions
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from . import LETTERS

SOURCE = Path(__file__).parent / "source"

# A PDF carries its own date. With the clock in it, rendering twice would never give the same bytes.
CREATED = datetime(2024, 1, 1, tzinfo=UTC)

MARGIN_MM = 27.0
LINE_MM = 4.85
GAP_MM = 2.3
TEXT_PT = 10.5
HULL_GREEN = (24, 74, 60)
INK = (28, 28, 28)
GREY = (120, 120, 120)


class Letter(FPDF):
    """One letter: the page's furniture, and one method for each kind of block.

    The core fonts need no font file and are not embedded, so a letter stays near 20 kB. They cover
    Latin-1 only, and a character outside it raises `FPDFUnicodeEncodingException`.
    """

    def __init__(self) -> None:
        super().__init__(format="letter")
        self.set_creation_date(CREATED)
        self.set_author("Alderquay, Inc. (a fictional company)")
        self.set_lang("en-US")
        self.set_margins(MARGIN_MM, 22, MARGIN_MM)
        self.set_auto_page_break(True, margin=24)
        self.add_page()

    def footer(self) -> None:
        """The page's number, and nothing that would read as text in every chunk."""
        self.set_y(-16)
        self.set_font("Helvetica", size=8)
        self.set_text_color(*GREY)
        self.cell(0, 5, str(self.page_no()), align="C")

    def title_block(self, title: str) -> None:
        """The title on the page, and in the metadata, where a loader finds it."""
        self.set_title(title)
        company, rest = title.split(" ", 1)
        self.set_text_color(*HULL_GREEN)
        self.set_font("Helvetica", "B", 22)
        self.cell(0, 9, company, new_x="LMARGIN", new_y="NEXT")
        self.set_font("Helvetica", size=12)
        self.cell(0, 7, rest, new_x="LMARGIN", new_y="NEXT")
        self.set_draw_color(*HULL_GREEN)
        self.set_line_width(0.5)
        self.line(self.l_margin + self.c_margin, self.y + 2, self.w - self.r_margin, self.y + 2)
        self.ln(7)

    def heading(self, text: str) -> None:
        """A section's name, never alone at the foot of a page."""
        if self.will_page_break(GAP_MM + 4 * LINE_MM):
            self.add_page()
        else:
            self.ln(GAP_MM)
        self.set_font("Helvetica", "B", 11)
        self.set_text_color(*HULL_GREEN)
        self.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(0.8)

    def paragraph(self, text: str) -> None:
        """Justified text, followed by a gap from which a parser tells paragraphs apart."""
        self._body(text)
        self.ln(GAP_MM)

    def bullets(self, items: list[str]) -> None:
        """An indented list."""
        indent, radius = 6.0, 0.55
        for item in items:
            if self.will_page_break(2 * LINE_MM):
                self.add_page()
            # The dot is drawn, not written: a bullet character is outside Latin-1.
            with self.local_context(fill_color=HULL_GREEN):
                self.circle(self.l_margin + 2.5, self.y + LINE_MM / 2, radius, style="F")
            self.set_left_margin(MARGIN_MM + indent)
            self._body(item)
            self.set_left_margin(MARGIN_MM)
            self.ln(0.9)
        self.ln(GAP_MM - 0.9)

    def figures(self, rows: list[list[str]]) -> None:
        """A table whose first column holds words and whose others hold numbers."""
        numbers = len(rows[0]) - 1
        height = 5.6
        if self.will_page_break((len(rows) + 1) * height):
            self.add_page()
        self.set_font("Helvetica", size=9)
        self.set_text_color(*INK)
        self.set_draw_color(*GREY)
        self.set_line_width(0.2)
        self.ln(1)
        with self.table(
            rows,
            align="LEFT",
            width=round(70 + 22 * numbers),
            col_widths=(70, *([22] * numbers)),
            text_align=("LEFT", *(["RIGHT"] * numbers)),
            line_height=height,
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=HULL_GREEN),
        ):
            pass
        self.ln(GAP_MM + 1.5)

    def _body(self, text: str) -> None:
        self.set_font("Times", size=TEXT_PT)
        self.set_text_color(*INK)
        self.multi_cell(0, LINE_MM, text, align="J", new_x="LMARGIN", new_y="NEXT")


def blocks(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """The kind of each block (`#`, `##`, `-`, `|`, or `p`) and its lines, without their markers."""
    lines = [line.strip() for line in markdown.splitlines()]
    for kind, group in groupby(lines, key=_kind):
        if kind == "p":
            yield from ((kind, [line]) for line in group if line)
        else:
            yield kind, [line.removeprefix(kind).strip() for line in group]


def render(markdown: str) -> Letter:
    """Sets one letter. The Markdown understood is what the letters use, and no more."""
    letter = Letter()
    for kind, lines in blocks(markdown):
        match kind:
            case "#":
                letter.title_block(lines[0])
            case "##":
                letter.heading(lines[0])
            case "-":
                letter.bullets(lines)
            case "|":
                rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
                letter.figures([row for row in rows if set("".join(row)) != {"-"}])
            case _:
                letter.paragraph(lines[0])
    return letter


def main() -> None:
    """Renders every letter in `source/`."""
    LETTERS.mkdir(exist_ok=True)
    for source in sorted(SOURCE.glob("*.md")):
        letter = render(source.read_text(encoding="utf-8"))
        target = LETTERS / f"{source.stem}-shareholder-letter.pdf"
        letter.output(str(target))
        print(f"{target.name}: {letter.pages_count} pages")


def _kind(line: str) -> str:
    if line.startswith("|"):
        return "|"
    first = line.split(" ", 1)[0]
    return first if first in {"#", "##", "-"} else "p"


if __name__ == "__main__":
    main()
