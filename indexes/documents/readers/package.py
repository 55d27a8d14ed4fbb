"""Zip files of XML parts: Office Open XML, OpenDocument, EPUB. Opened tolerantly, and bounded.

Only the parts that are asked for are unpacked; what relations point nowhere, or at a picture
called NULL, nobody notices. Strict Office files are read as transitional ones: they differ in
the names of their namespaces. Nothing is ever fetched and no entity is resolved.
"""

import contextlib
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree

from indexes.documents.extracted import UnreadableError
from indexes.documents.report import ReadingReport

MAX_PARTS = 20_000
MAX_PART_BYTES = 64 * 1024 * 1024
MAX_BYTES = 256 * 1024 * 1024
MAX_TAGS = 4_000_000

_OLE = bytes.fromhex("d0cf11e0")
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/"
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ABSURD = "unpacks to an absurd size: split it, or save it without its images"
_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False}


@dataclass(frozen=True)
class Relation:
    """A link from one part to another.

    Attributes:
        id: what the part calls it
        kind: the last word of its type: "footnotes", "officeDocument"
        target: the other part, or an address if the link is external
        external: whether it leads out of the file
    """

    id: str
    kind: str
    target: str
    external: bool


class Package:
    """The parts of one file.

    Args:
        data: the file.

    Raises:
        UnreadableError: it is no zip file, is encrypted, or holds an absurd number of parts.
    """

    def __init__(self, data: bytes) -> None:
        if data.startswith(_OLE):
            # An OLE container: Office's old formats, or a new document under a password.
            raise UnreadableError(
                "is encrypted or in an old Office format: save it without a password as .docx, "
                ".xlsx or .pptx"
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            parts = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise UnreadableError(
                f"is damaged or no such file ({error}): open it in the program that made it and "
                "save it again"
            ) from error
        if len(parts) > MAX_PARTS:
            raise UnreadableError(_ABSURD)
        self._parts = {_plain(part.filename): part for part in parts}
        self._read = 0

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._parts

    def names(self) -> list[str]:
        """All parts, in the file's order."""
        return [part.filename for part in self._parts.values()]

    def check(self) -> None:
        """Refuse what unpacks to an absurd size, before another library unpacks all of it.

        Raises:
            UnreadableError: it does.
        """
        parts = self._parts.values()
        if sum(part.file_size for part in parts) > 2 * MAX_BYTES:
            raise UnreadableError(_ABSURD)
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels")):
                self.markup(part.filename)

    def content(self, name: str) -> bytes:
        """A part's content; empty if there is no such part.

        Raises:
            UnreadableError: it is damaged, encrypted or too large.
        """
        part = self._parts.get(_plain(name))
        if part is None:
            return b""
        if part.flag_bits & 1:
            raise UnreadableError("is encrypted: save it without a password")
        if part.compress_type not in _READABLE:
            raise UnreadableError("is packed in an unusual way: save it again")
        try:
            with self._zip.open(part) as stream:
                data = stream.read(MAX_PART_BYTES + 1)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            raise UnreadableError(f"is damaged ({part.filename}): save it again") from error
        except Exception as error:
            # zlib's own error class, which a damaged stream gives.
            raise UnreadableError(f"is damaged ({part.filename}): save it again") from error
        self._read += len(data)
        if len(data) > MAX_PART_BYTES or self._read > MAX_BYTES:
            raise UnreadableError(_ABSURD)
        return data

    def markup(self, name: str) -> bytes:
        """An XML part's content, in transitional namespaces.

        Raises:
            UnreadableError: as for `content`, or it holds an absurd number of elements.
        """
        data = self.content(name)
        if data.count(b"<") > MAX_TAGS:
            raise UnreadableError(_ABSURD)
        return _STRICT.sub(_TRANSITIONAL, data)

    def xml(self, name: str, report: ReadingReport | None = None) -> Any:
        """An XML part's root element; an empty one if it is missing or broken.

        Args:
            name: the part's
            report: told if the XML is damaged, so that something may be missing
        """
        data = self.markup(name)
        parser = etree.XMLParser(recover=True, **_SAFE)
        root = None
        with contextlib.suppress(etree.XMLSyntaxError):
            root = etree.fromstring(data, parser)
        if data and report is not None:
            _tell_damage(parser, report)
        return etree.Element("missing") if root is None else root

    def relations(self, name: str) -> list[Relation]:
        """Where a part leads; `""` is the package itself."""
        folder, base = posixpath.split(name)
        found = []
        for link in self.xml(posixpath.join(folder, "_rels", f"{base}.rels")):
            kind = link.get("Type", "").rsplit("/", 1)[-1]
            target = link.get("Target", "")
            external = link.get("TargetMode") == "External"
            if not external:
                target = posixpath.normpath(posixpath.join("/", folder, unquote(target)))[1:]
            found.append(Relation(link.get("Id", ""), kind, target, external))
        return found

    def related(self, name: str, kind: str) -> str:
        """The first part of a kind that a part leads to; `""` without one."""
        return next(
            (
                link.target
                for link in self.relations(name)
                if link.kind == kind and not link.external and link.target in self
            ),
            "",
        )

    def title(self) -> str | None:
        """The title in an Office file's properties."""
        core = self.related("", "core-properties") or "docProps/core.xml"
        title: str | None = self.xml(core).findtext("{http://purl.org/dc/elements/1.1/}title")
        return title


def tell_what_is_inside(package: Package, report: ReadingReport) -> None:
    """Note what a package holds beside the document: macros, files of other programs."""
    names = [name.lower() for name in package.names()]
    macros = any(name.endswith("vbaproject.bin") or name.startswith("basic/") for name in names)
    report.leave_out("macros", int(macros))
    for name in package.names():
        folder, _, base = name.rpartition("_rels/")
        # A chart's numbers are in a sheet of its own; they are read with the chart.
        if not base.endswith(".rels") or "charts/" in folder:
            continue
        kinds = [link.kind for link in package.relations(folder + base.removesuffix(".rels"))]
        report.leave_out("embedded files", kinds.count("oleObject") + kinds.count("package"))


def stream(data: bytes, tags: tuple[str, ...], report: ReadingReport) -> Iterator[Any]:
    """The outermost elements with these tags, one after another; each is gone when the next comes.

    Args:
        data: an XML part.
        tags: names of elements, with their namespace in braces.
        report: told if the XML is damaged, so that something may be missing.
    """
    parser = etree.iterparse(
        io.BytesIO(data), events=("start", "end"), tag=tags, recover=True, **_SAFE
    )
    depth = 0
    for event, element in parser:
        if event == "start":
            depth += 1
            continue
        depth -= 1
        if depth == 0:
            yield element
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]
    _tell_damage(parser, report)


def _tell_damage(parser: Any, report: ReadingReport) -> None:
    if len(parser.error_log):
        line = parser.error_log[0].line
        report.unreadable.append(f"the XML is damaged at line {line}: text may be missing")


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
