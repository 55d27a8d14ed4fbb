"""A web page's blocks."""

import codecs
import re
from dataclasses import replace

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.html.furniture import without_furniture, without_hidden
from indexes.documents.readers.html.notes import marks_of
from indexes.documents.readers.html.tree import Parsed, parsed
from indexes.documents.readers.html.writing import Writer
from indexes.documents.report import ReadingReport

_DECLARED = re.compile(
    rb"(?:<meta[^>]{0,300}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.I
)
_KNOWN = re.compile(
    r"utf-?8|iso-?8859|windows-|cp\d|koi8|shift[_-]jis|sjis|x-sjis|euc|gb|big5|mac|tis-620|iso-2022-jp"
)
# The web says Latin-1 and means Windows-1252.
_MEANT = {
    "iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252",
    "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932",
    "x-sjis": "cp932", "ks_c_5601-1987": "cp949", "iso-8859-9": "cp1254",
}  # fmt: skip
_MEDIA = {"iframe": "frames", "audio": "recordings", "video": "recordings", "object": "objects"}


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a web page, without what is hidden and the site's menus and banners.

    Raises:
        UnreadableError: it holds too much, or cannot be parsed.
    """
    report = ReadingReport()
    page = parsed(decoded(data, report))
    blocks = blocks_of(page, report)
    found = assemble(
        blocks, max_characters=reading.max_characters, title=page.title or None, report=report
    )
    headings = [block for block in blocks if isinstance(block, Heading)]
    if not headings:
        return found
    return replace(found, heading=min(headings, key=lambda heading: heading.level).text)


def blocks_of(page: Parsed, report: ReadingReport, *, furniture: bool = True) -> list[Block]:
    """Turn a parsed page into blocks.

    Args:
        page: the page
        report: told what is left out
        furniture: look for menus and banners, which a book has none of
    """
    without_hidden(page.root, report)
    if furniture:
        without_furniture(page.root, report)
    for tag, what in _MEDIA.items():
        report.leave_out(what, page.found.get(tag, 0))
    report.leave_out("drawings with text", page.found.get("svg text", 0))
    return Writer(marks_of(page.root)).write(page.root)


def decoded(data: bytes, report: ReadingReport) -> str:
    """The markup, decoded as a browser would: mark, declaration, UTF-8, and then a guess."""
    if data.startswith(codecs.BOM_UTF8):
        report.encoding = "utf-8"
        return data[3:].decode("utf-8", "replace")
    declared = _DECLARED.search(data[:4096])
    if declared and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        said = declared[1].decode("ascii", "replace").lower()
        # A UTF-16 file could not say so in ASCII.
        name = "utf-8" if said.startswith("utf-16") else _MEANT.get(said, said)
        if _KNOWN.match(name):
            try:
                text = data.decode(name)
            except (LookupError, ValueError):
                report.guessed.append(f"it says that it is {said}, which it is not")
            else:
                report.encoding = name
                return text
    try:
        return decode(data).told(report)
    except UnreadableError:
        report.encoding = "cp1252"
        report.guessed.append("encoding cp1252")
        return data.decode("cp1252", "replace")
