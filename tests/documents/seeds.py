"""A small file of every format with a bit of everything in it, made anew by code.

What is hostile is made of these: cut, spliced, blown up (`tests.benchmarks.fuzz`).
"""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from tests.documents.test_formats import MAIL, book, opendocument, presentation
from tests.documents.test_word import W

_PDFS = Path(__file__).parent.glob("*.pdf")


def _pdf() -> bytes:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_compression(False)
    for page in range(2):
        pdf.add_page()
        pdf.set_font("helvetica", size=18)
        pdf.start_section(f"Part {page}", level=page)
        pdf.cell(text=f"Part {page}: the har-", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("helvetica", size=11)
        pdf.multi_cell(0, text="bour is dredged in May. " * 12, new_x="LMARGIN", new_y="NEXT")
        with pdf.table() as table:
            for cells in (("Depot", "Q1", "Q2"), ("Ely", "5", ""), ("Diss", "", "7")):
                row = table.row()
                for cell in cells:
                    row.cell(cell)
    return bytes(pdf.output())


def _pdfs() -> list[bytes]:
    return [_pdf(), *(path.read_bytes() for path in sorted(_PDFS))]


def _word() -> bytes:
    from docx import Document

    made = Document()
    made.add_heading("Lease", 1)
    made.add_paragraph("The rent is due on the first.", style="List Number")
    paragraph = made.add_paragraph("Paid in advance, ")
    paragraph.add_run("always").font.hidden = True
    table = made.add_table(3, 3)
    for at, text in enumerate(("", "Q1", "Q2", "Ely", "5", "", "Diss", "", "7")):
        table.cell(at // 3, at % 3).text = text
    table.cell(1, 1).merge(table.cell(2, 2))
    made.sections[0].header.paragraphs[0].text = "Draft"
    paragraph._p.append(_tracked())
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def _tracked() -> object:
    from docx.oxml import parse_xml

    return parse_xml(f'<w:del xmlns:w="{W}"><w:r><w:delText>never</w:delText></w:r></w:del>')


def _excel() -> bytes:
    from datetime import datetime

    from openpyxl import Workbook
    from openpyxl.comments import Comment

    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "Rent"
    for row in (("Depots", None, None), ("Depot", "Q1", "Q2"), ("Ely", 5.25, None)):
        sheet.append(row)
    sheet.append(["Diss", datetime(2024, 3, 5), "=SUM(B3:B4)"])
    sheet["B3"].number_format = "0.0%"
    sheet["A3"].comment = Comment("Really?", "Ann")
    sheet.merge_cells("A1:C1")
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["C"].hidden = True
    made.create_sheet("Secret").sheet_state = "hidden"
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


_HTML = """<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Depots | Ely</title>
<script>var x = "<p>";</script><style>p {}</style></head><body><nav><ul><li><a href=/>Home</a>
</ul></nav><main><h1>Depots &amp; piers</h1><p>The <b>har&shy;bour</b> is &#x64;redged.<br>Soon.
<p hidden>Not this.<ol start=3><li>one<ul><li>two</ul></ol><table><caption>Rent</caption><tr>
<th rowspan=2>Depot<th colspan=2>2022<tr><th>Q1<th>Q2<tr><td>Ely<td>5<td></table><pre>a
  b</pre><img src="data:image/png;base64,AAAA" alt="A pier"><math><mfrac><mi>a</mi><mn>2</mn>
</mfrac></math><dl><dt>a<dd>b</dl><blockquote>Quoted.</blockquote></main><footer>(c)</footer>"""

_MARKDOWN = """---
title: Depots
---
# Depots

Setext
------

The *har-
bour* is **dredged**[^1]. See [the plan](http://x/ "t") and ![a pier](data:image/png;base64,AAAA).

1. one
   - two

     > quoted

| Depot | Q1 |
|-------|---:|
| Ely   |  5 |

```python
x = 1
```

[^1]: In May.
<!-- hidden -->
"""

_RTF = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Calibri;}{\f1\fcharset2 Symbol;}}"
    rb"{\info{\title Lease}}\uc1\pard\b Lease\b0\par The caf\'e9 \u8211? open.\par "
    rb"\pard{\pntext\f1\'B7\tab}{\*\pn\pnlvlblt{\pntxtb\'B7}}first\par {\listtext 1.\tab}one\par "
    rb"\trowd\cellx2000\cellx4000\pard\intbl Depot\cell Q1\cell\row "
    rb"\trowd\cellx2000\cellx4000\intbl Ely\cell \cell\row \pard Deposit"
    rb"{\super\chftn}{\footnote \pard\plain \chftn  Waived for {\b members}.} after.\par "
    rb"{\pict\wmetafile8 0100}{\header Head}\bin3 xyz}"
)

_TEXT = """DEPOTS AND PIERS

1. The harbour

The harbour is dredged in May, and the mole is looked
at by Dr. Aldbury twice a year. "It is old." It goes on
and is hard-
wrapped.

  * one
  * two

Depot      Q1     Q2
Ely         5
Diss               7
"""


def _odf(body: str) -> bytes:
    return opendocument(body, settings="<x/>")


_ODT = (
    '<office:text><text:h text:outline-level="2">Lease</text:h><text:p>The rent<text:note>'
    "<text:note-citation>1</text:note-citation><text:note-body><text:p>In advance.</text:p>"
    '</text:note-body></text:note> is<text:s text:c="2"/>due.<office:annotation><text:p>Really?'
    "</text:p></office:annotation></text:p><text:list><text:list-item><text:p>Term</text:p>"
    "</text:list-item></text:list><table:table><table:table-row><table:table-cell/>"
    '<table:table-cell table:number-columns-spanned="2"><text:p>2022</text:p></table:table-cell>'
    "<table:covered-table-cell/></table:table-row><table:table-row>"
    '<table:table-cell table:number-rows-spanned="2"><text:p>Crates</text:p></table:table-cell>'
    "<table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell/></table:table-row>"
    "</table:table></office:text>"
)
_ODS = (
    '<office:spreadsheet><table:table table:name="Rent"><table:table-row>'
    "<table:table-cell><text:p>Depot</text:p></table:table-cell><table:table-cell "
    'table:number-columns-repeated="3"><text:p>Q1</text:p></table:table-cell></table:table-row>'
    '<table:table-row table:number-rows-repeated="4"><table:table-cell office:value-type="float" '
    'office:value="5"><text:p>5</text:p></table:table-cell></table:table-row><table:table-row '
    'table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>'
    "</table:table-row></table:table></office:spreadsheet>"
)
_ODP = (
    '<office:presentation><draw:page draw:name="one"><draw:frame presentation:class="title">'
    "<draw:text-box><text:p>Plan</text:p></draw:text-box></draw:frame><draw:g><draw:frame>"
    "<draw:text-box><text:p>Dredge</text:p></draw:text-box></draw:frame></draw:g>"
    "<presentation:notes><draw:frame><draw:text-box><text:p>Ask.</text:p></draw:text-box>"
    "</draw:frame></presentation:notes></draw:page></office:presentation>"
)

_NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Survey\n", "Silt."]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "execute_result", "data": {"text/html": "<b>1</b>"}},
                {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["\x1b[31mx"]},
            ],
        },
        {"cell_type": "raw", "source": "x"},
    ],
    "metadata": {"kernelspec": {"language": "python"}},
    "nbformat": 4,
}
_RECORDS = {
    "title": "Lease",
    "tenant": {"name": "Ann", "tags": ["a", "b"]},
    "rows": [{"depot": "Ely", "q1": 2.5}, {"depot": "Diss", "q2": True, "when": None}],
}


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file (as MSG is) of streams, each at least 4,096 bytes, in its root."""
    names = list(streams)
    sectors = {name: -(-len(data) // 512) for name, data in streams.items()}
    directory_sectors = -(-(len(names) + 1) // 4)
    table: list[int] = [0xFFFFFFFD]
    chain = [(1, directory_sectors)]
    at = 1 + directory_sectors
    for name in names:
        chain.append((at, sectors[name]))
        at += sectors[name]
    for start, count in chain:
        table += [*range(start + 1, start + count), 0xFFFFFFFE]
    assert len(table) <= 128
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0,
    )  # fmt: skip
    entries = [_entry("Root Entry", 5, 1 if names else -1, -1, 0xFFFFFFFE, 0)]
    for place, name in enumerate(names, 1):
        after = place + 1 if place < len(names) else -1
        entries.append(_entry(name, 2, -1, after, chain[place][0], len(streams[name])))
    return b"".join(
        [
            header + b"\xff" * (512 - len(header)),
            b"".join(number.to_bytes(4, "little") for number in table).ljust(512, b"\xff"),
            b"".join(entries).ljust(512 * directory_sectors, b"\0"),
            *(data.ljust(512 * sectors[name], b"\0") for name, data in streams.items()),
        ]
    )


def _entry(name: str, kind: int, child: int, right: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    return struct.pack(
        "<64sHBBiii16x4x16xIQ", text, len(text), kind, 1, -1, right, child, start, size
    )


def message() -> bytes:
    """A message as Outlook saves it: subject, sender, body."""

    def text(value: str) -> bytes:
        return value.ljust(2048).encode("utf-16-le")

    properties = b"\0" * 32 + b"".join(
        struct.pack("<HHIQ", 0x001F, code, 6, 4098) for code in (0x0037, 0x1000, 0x0C1A)
    )
    properties += struct.pack("<HHIQ", 0x0003, 0x0E07, 6, 1) * 256
    return compound(
        {
            "__properties_version1.0": properties,
            "__substg1.0_0037001F": text("Re: The café"),
            "__substg1.0_1000001F": text("The café opens at eight.\r\n\r\n> quoted"),
            "__substg1.0_0C1A001F": text("Ann"),
        }
    )


def picture(kind: str) -> bytes:
    """A tiny picture; of the kinds that have pages, two."""
    from PIL import Image

    page = Image.new("RGB", (64, 24), "white")
    more = {"save_all": True, "append_images": [page]} if kind == "TIFF" else {}
    buffer = io.BytesIO()
    page.save(buffer, kind, dpi=(200, 200), **more)
    return buffer.getvalue()


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "pdf": _pdfs,
    "png": lambda: [picture("PNG")],
    "jpg": lambda: [picture("JPEG")],
    "tiff": lambda: [picture("TIFF")],
    "docx": lambda: [_word()],
    "xlsx": lambda: [_excel()],
    "pptx": lambda: [presentation()],
    "html": lambda: [_HTML.encode()],
    "md": lambda: [_MARKDOWN.encode()],
    "txt": lambda: [_TEXT.encode(), _TEXT.encode("utf-16"), "Çé où — naïve. ".encode("cp1252") * 9],
    "csv": lambda: [b'Rent\n\nDepot;Q1;Q2\nEly;5;\nDiss;"a\nb";"7,5"\n', b"a,b\n1,2\n"],
    "json": lambda: [json.dumps(_RECORDS, indent=1).encode()],
    "jsonl": lambda: [b'{"q": "x", "n": {"k": 1}}\n{"q": [1, 2]}\n"y"\n'],
    "epub": lambda: [book()],
    "eml": lambda: [MAIL % b"", MAIL % b"<table><tr><td>a<td>b</table>"],
    "msg": lambda: [message()],
    "rtf": lambda: [_RTF],
    "odt": lambda: [_odf(_ODT)],
    "ods": lambda: [_odf(_ODS)],
    "odp": lambda: [_odf(_ODP)],
    "ipynb": lambda: [json.dumps(_NOTEBOOK).encode()],
    "vtt": lambda: [b"WEBVTT\n\n1\n00:00.000 --> 00:02.000\n<v Ann>Hello,\nall.\n\nNOTE x\n"],
    "py": lambda: [b"def f(a):\n\treturn '\xe2\x82\xac'\r\n"],
}
FORMATS = tuple(_SEEDS)


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Files of a format, which is named by its extension without the dot."""
    return tuple(_SEEDS[name]())


def members(data: bytes) -> dict[str, bytes]:
    """What is in a zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
