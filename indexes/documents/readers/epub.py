"""EPUB: the chapters of a book, in the order of its spine."""

import posixpath
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, PageBreak
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.html.page import blocks_of, decoded
from indexes.documents.readers.html.tree import parsed
from indexes.documents.readers.package import Package
from indexes.documents.report import ReadingReport

_CONTAINER = "META-INF/container.xml"
_CHAPTERS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_ENCRYPTED = "META-INF/encryption.xml"


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a book.

    Raises:
        UnreadableError: it is protected, damaged or unpacks to an absurd size.
    """
    package, report = Package(data), ReadingReport()
    protected = any(
        not link.get("URI", "").lower().endswith((".ttf", ".otf", ".woff", ".woff2"))
        for link in package.xml(_ENCRYPTED).iter("{*}CipherReference")
    )
    if protected:
        raise UnreadableError("is protected against copying: get a copy without protection")
    book = next(
        (root.get("full-path", "") for root in package.xml(_CONTAINER).iter("{*}rootfile")), ""
    ) or next((name for name in package.names() if name.endswith(".opf")), "")
    if book not in package:
        raise UnreadableError("holds no book: open it in a reader and export it again")
    root = package.xml(book)
    kinds = Counter(item.get("media-type", "").partition("/")[0] for item in root.iter("{*}item"))
    report.leave_out("pictures", kinds["image"])
    report.leave_out("recordings", kinds["audio"] + kinds["video"])
    title = next((one_line(element.text or "") for element in root.iter("{*}title")), None)
    return assemble(
        _chapters(package, root, posixpath.dirname(book), report),
        max_characters=reading.max_characters,
        title=title,
        page_kind="chapter",
        report=report,
    )


def _chapters(package: Package, root: Any, folder: str, report: ReadingReport) -> Iterator[Block]:
    items = {item.get("id", ""): item for item in root.iter("{*}item")}
    # A chapter comes once, however often it is named.
    names = dict.fromkeys(link.get("idref", "") for link in root.iter("{*}itemref"))
    for name in names:
        item = items.get(name)
        if item is None or "nav" in item.get("properties", "").split():
            continue
        if item.get("media-type", _CHAPTERS[0]) not in _CHAPTERS:
            continue
        part = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if part not in package:
            report.unreadable.append(f"chapter {one_line(part)} is not in the file")
            continue
        page = parsed(decoded(package.content(part), ReadingReport()))
        blocks = blocks_of(page, report, furniture=False)
        if blocks:
            named = next((block.text for block in blocks if isinstance(block, Heading)), "")
            yield PageBreak(one_line(named)[:80])
            yield from blocks
