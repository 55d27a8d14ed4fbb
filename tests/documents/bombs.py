"""Files that are made to stop whoever reads them. Most are small; all are made quickly."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

from tests.documents.test_word import W, word

_P = f'<w:p xmlns:w="{W}"><w:r><w:t>hello</w:t></w:r></w:p>'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def laughs(inside: str) -> str:
    """XML whose entities unfold to 10 GB, before an element that uses them."""
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9)
    )
    return f'<?xml version="1.0"?><!DOCTYPE x [{entities}]>{inside}'


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip file of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def lying(data: bytes, part: str, claimed: int) -> bytes:
    """A zip file that says that one of its parts is as small as this."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo(part).file_size
    return data.replace(struct.pack("<I", size), struct.pack("<I", claimed))


def pdf(objects: list[bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of these objects, numbered from 1."""
    out, places = b"%PDF-1.7\n", []
    parts = [out]
    at = len(out)
    for number, content in enumerate(objects, 1):
        places.append(at)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
        at += len(parts[-1])
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return b"".join(parts) + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer <</Size %d %s>>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, trailer, at)
    )


def stream(data: bytes, more: bytes = b"") -> bytes:
    """A stream object."""
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(data), more, data)


def page(content: bytes, filters: bytes = b"", *more: bytes) -> bytes:
    """A PDF of one page with this content."""
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]"
            b"/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>/Contents 4 0 R>>",
            stream(content, filters),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *more,
        ]
    )


def _same_page() -> bytes:
    kids = b"3 0 R " * 1_000_000
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[" + kids + b"]/Count 1000000>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
        ]
    )


def _doubling_forms() -> bytes:
    def form(number: int) -> bytes:
        inner = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
        return stream(b"/X Do /X Do", inner % (number + 1))

    last = stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    return page(b"/X Do /X Do", b"", *(form(number) for number in range(6, 36)), last)


def _page_loop() -> bytes:
    loop = b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 1>>"
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", loop, loop])


def _page_doubling() -> bytes:
    nodes = [b"<</Type/Pages/Kids[%d 0 R %d 0 R]/Count 2>>" % (n + 1, n + 1) for n in range(2, 42)]
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>"])


def _form_fields() -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(4, 4 + 40_000))
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(b)/Rect[0 0 9 9]>>"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[" + kids + b"]>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Annots[" + kids + b"]>>",
            *[field] * 40_000,
        ]
    )


def _lines(count: int) -> bytes:
    return page(b"".join(b"%d 0 m %d 700 l S 0 %d m 600 %d l S\n" % (n, n, n, n)
                         for n in range(count)))  # fmt: skip


def sheet(rows: str, more: str = "", dimension: str = "A1:XFD1048576", **parts: str) -> bytes:
    """A workbook of one sheet with these rows."""
    return packed(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
            'package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="'
            'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
            "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            f'relationships"><Relationship Id="r1" Type="{_RELATION}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_RELATION}"><sheets>'
            '<sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
            f'package/2006/relationships"><Relationship Id="r1" Type="{_RELATION}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><dimension ref="{dimension}"'
            f"/><sheetData>{rows}</sheetData>{more}</worksheet>",
            **parts,
        }
    )


def _cell(place: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>hello</t></is></c>'


def _far_cells() -> bytes:
    return sheet(f'<row r="1">{_cell("A1")}</row><row r="1048576">{_cell("XFD1048576")}</row>')


def _merged_everything() -> bytes:
    return sheet(
        f'<row r="1">{_cell("A1")}</row>',
        '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
    )


def _ods(body: str, head: str = "") -> bytes:
    oasis = "urn:oasis:names:tc:opendocument:xmlns:"
    return packed(
        {
            "content.xml": f'{head}<office:document-content xmlns:office="{oasis}office:1.0" '
            f'xmlns:text="{oasis}text:1.0" xmlns:table="{oasis}table:1.0"><office:body>{body}'
            "</office:body></office:document-content>"
        }
    )


def _ods_repeated() -> bytes:
    cell = '<table:table-cell table:number-columns-repeated="16384"><text:p>hello</text:p>'
    return _ods(
        '<office:spreadsheet><table:table><table:table-row table:number-rows-repeated="1048576">'
        f"{cell}</table:table-cell></table:table-row></table:table></office:spreadsheet>"
    )


def _odt_spaces() -> bytes:
    return _ods('<office:text><text:p>a<text:s text:c="2000000000"/>b</text:p></office:text>')


def _odt_laughs() -> bytes:
    return _ods("<office:text><text:p>&j;</text:p></office:text>", laughs(""))


def _odt_deep() -> bytes:
    depth = 100_000
    inside = f"{'<text:section>' * depth}<text:p>hello</text:p>{'</text:section>' * depth}"
    return _ods(f"<office:text>{inside}</office:text>")


def _nested_mail() -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return b"From: a\nMIME-Version: 1.0\n" + b"".join(head % (n, n) for n in range(20_000))


def _forwarded_mail() -> bytes:
    return b"From: a\nContent-Type: message/rfc822\n\n" * 20_000 + b"From: a\n\nhello"


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and unpacks to that in black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = zlib.compressobj(9)
    packed_rows = row.compress(b"\0" * 20_000_000) + row.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", packed_rows), chunk(b"IEND", b"")]
    )


def _tiff_pages() -> bytes:
    """A TIFF whose second page is its first, for ever."""
    entries = [
        (256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 200), (278, 4, 1, 8), (279, 4, 1, 64),
    ]  # fmt: skip
    table = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", *entry) for entry in entries
    )
    head = struct.pack("<2sHI", b"II", 42, 8) + table + struct.pack("<I", 8)
    return head.ljust(200, b"\0") + b"\0" * 64


def _epub(chapter: str, head: str = "") -> bytes:
    return packed(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/>'
            "</rootfiles></container>",
            "c.opf": f'{head}<package><manifest><item id="a" href="a.xhtml" '
            'media-type="application/xhtml+xml"/></manifest><spine>'
            + '<itemref idref="a"/>' * 50_000
            + "</spine></package>",
            "a.xhtml": chapter,
        }
    )


READ = "read"
ABSURD = "absurd"
_TIME = "absurd|took too long"
# What a library makes of it differs: a page without text, or all memory gone.
_MEMORY = "768 MB|no text"

# Name → what makes it, and what is to come of it: READ, or a part of the line that is said.
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "million-pages.pdf": (_same_page, "more than 10000 pages"),
    "page-loop.pdf": (_page_loop, "damaged"),
    "page-doubling.pdf": (_page_doubling, "no text"),
    "doubling-forms.pdf": (_doubling_forms, _MEMORY),
    "twenty-million-q.pdf": (lambda: page(b"q " * 20_000_000), _MEMORY),
    "zip.pdf": (
        lambda: page(zlib.compress(b" " * 400_000_000, 9), b"/Filter/FlateDecode"),
        _MEMORY,
    ),
    "nested-arrays.pdf": (lambda: page(b"[" * 500_000 + b"]" * 500_000), "no text"),
    "garbage.pdf": (lambda: b"%PDF-1.4\n" + b"a" * 20_000_000, "not a readable PDF"),
    "million-strings.pdf": (
        lambda: page(b"BT /F1 12 Tf 72 700 Td " + b"(a)Tj " * 1_000_000 + b"ET"),
        f"{_MEMORY}|{READ}",
    ),
    "fields.pdf": (_form_fields, READ),
    "rulings.pdf": (lambda: _lines(20_000), "no text"),
    "laughs.docx": (lambda: word("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>"), "XML is damaged"),
    "deep.docx": (
        lambda: word("<w:sdt>" * 100_000 + _P + "</w:sdt>" * 100_000),
        "XML is damaged",
    ),
    "empty.docx": (lambda: word("<w:p/>" * 10_000_000), ABSURD),
    "lying.docx": (
        lambda: lying(word("<w:p/>" * 10_000_000), "word/document.xml", 1000),
        "damaged",
    ),
    "attributes.docx": (
        lambda: word(_P + "<w:p " + " ".join(map(' a{}="1"'.format, range(200_000))) + "/>"),
        READ,
    ),
    "far-cells.xlsx": (_far_cells, READ),
    "merged-everything.xlsx": (_merged_everything, READ),
    "laughs.xlsx": (
        lambda: sheet("", **{"xl/sharedStrings.xml": laughs("<sst><si><t>&j;</t></si></sst>")}),
        "no text",
    ),
    "rows.xlsx": (lambda: sheet("<row/>" * 2_000_000), _TIME),
    "repeated.ods": (_ods_repeated, _TIME),
    "spaces.odt": (_odt_spaces, READ),
    "laughs.odt": (_odt_laughs, "XML is damaged"),
    "deep.odt": (_odt_deep, "XML is damaged"),
    "chapters.epub": (lambda: _epub("<p>hello</p>"), READ),
    "laughs.epub": (lambda: _epub(laughs("<html><p>&j;</p></html>")), READ),
    "nested.eml": (_nested_mail, READ),
    "forwarded.eml": (_forwarded_mail, READ),
    "deep.html": (lambda: b"<div>" * 100_000 + b"hello", READ),
    "very-deep.html": (lambda: b"<b>" * 1_000_000 + b"hello", ABSURD),
    "tables.html": (lambda: b"<table><tr><td>" * 100_000 + b"hello", ABSURD),
    "spans.html": (
        lambda: b"<table>" + b"<tr><td rowspan=65534 colspan=1000>hello" * 50 + b"</table>",
        READ,
    ),
    "deep.json": (lambda: b"[" * 1_000_000, ABSURD),
    "deep-objects.json": (lambda: b'{"a":' * 1_000_000, ABSURD),
    "long-number.json": (lambda: b"9" * 1_000_000, READ),
    "deep.ipynb": (lambda: b'{"cells": ' + b"[" * 1_000_000, ABSURD),
    "deep.rtf": (lambda: rb"{\rtf1 " + b"{" * 1_000_000 + b"hello", READ),
    "binary.rtf": (lambda: rb"{\rtf1\bin2147483647 hello", READ),
    "cell.csv": (lambda: b'a,b\n1,"' + b"x" * 4_000_000, READ),
    "cells.csv": (lambda: b"," * 1_000_000, "no text"),
    "one-line.txt": (lambda: b"lorem ipsum dolor sit amet " * 40_000, READ),
    "one-word.txt": (lambda: b"a" * 500_000, READ),
    "quotes.md": (lambda: b"> " * 500_000 + b"hello", READ),
    "lists.md": (lambda: "".join(" " * n + "- a\n" for n in range(2000)).encode(), READ),
    "cues.vtt": (lambda: b"WEBVTT\n\n" + b"0:01.0 --> 0:02.0\nx\n\n" * 40_000, READ),
    "huge.png": (lambda: png(60_000, 60_000), "too large a picture"),
    "wide.png": (lambda: png(2_000_000_000, 1), "too large a picture"),
    "pages.tiff": (_tiff_pages, "no text that can be recognised"),
}
