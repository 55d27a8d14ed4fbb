"""A document opened at a place: its text there, its page as a picture, and the file itself.

    GET source?document=ID&start=120&end=480&question=…     a piece of HTML for the dialog
    GET source/page?document=ID&page=3&width=1200           a picture of the page
    GET source/file?document=ID                             the original, to save

Who asks is known by the cookie, and sees what the visitor's library shows.
"""

import asyncio
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from indexes import DocumentError, RagError

from .library import ALL_LEAVES
from .render.source import Opened, Part, Sheet, opened
from .view import one_line
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes.documents.pictures import PagePicture
    from indexes.store.points import Manifest

# Characters shown at once: a page, or as much of a document without pages.
_MOST_SHOWN = 12_000
_PART = 8_000
_MOST_BOXES = 1_500
_WIDTHS = (1000, 1800)
_MOST_PICTURE_BYTES = 48 * 1024 * 1024
_MOST_TEXTS = 24
# Pages that are drawn at the same time, by all visitors.
_DRAWN_AT_ONCE = 2
_SECONDS_KEPT = "private, max-age=600"
_WORD = re.compile(r"\w{3,}")
_COMMON = re.compile(
    "and|are|but|can|did|does|for|from|had|has|have|how|its|many|much|not|our|that|the|their|them|"
    "there|they|this|was|were|what|when|where|which|who|why|will|with|you|your"
)


@dataclass(frozen=True)
class _Whole:
    manifest: "Manifest"
    text: str
    parts: tuple[Part, ...]


class Sources:
    """The dialog that shows a document at a place. Thread-safe."""

    def __init__(self, page: Workbench) -> None:
        self.page = page
        self._texts: OrderedDict[tuple[str, str], _Whole] = OrderedDict()
        self._pictures: OrderedDict[tuple[str, str, int, int], PagePicture] = OrderedDict()
        self._lock = threading.Lock()
        self._drawing = threading.Semaphore(_DRAWN_AT_ONCE)

    def routes(self) -> list[Route]:
        """The routes under which documents are shown."""
        return [
            Route("/source", self._answer(self._html)),
            Route("/source/page", self._answer(self._picture)),
            Route("/source/file", self._answer(self._file)),
        ]

    def _answer(
        self, work: Callable[[Request, str], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visitor = self.page.visitors.of(request).key
            try:
                return await asyncio.to_thread(work, request, visitor)
            except RagError as error:
                return PlainTextResponse(one_line(error), 404)

        return endpoint

    # What is served

    def _html(self, request: Request, visitor: str) -> Response:
        whole = self._whole(request, visitor)
        start = _number(request, "start", 0, len(whole.text))
        end = max(start, _number(request, "end", start, len(whole.text)))
        passage = (_number(request, "from", start), _number(request, "to", end))
        at = _part_of(whole.parts, start)
        place = min(_number(request, "part", at), len(whole.parts) - 1)
        part = whole.parts[place]
        question = request.query_params.get("question", "")[:4000]
        shown = Opened(
            manifest=whole.manifest,
            text=whole.text[part.start : part.end],
            parts=whole.parts,
            place=place,
            passage=passage,
            marked=(start, end),
            words=frozenset(_words(question)),
            question=question,
            sheet=self._sheet(whole.manifest, part, (start, end)),
            has_file=self._original(whole.manifest) is not None,
        )
        return HTMLResponse(opened(shown))

    def _picture(self, request: Request, visitor: str) -> Response:
        manifest = self._manifest(request, visitor)
        width = _WIDTHS[-1] if _number(request, "width", 0) > _WIDTHS[0] else _WIDTHS[0]
        drawn = self._drawn(manifest, _number(request, "page", 1), width)
        headers = {"cache-control": _SECONDS_KEPT}
        return Response(drawn.png, media_type="image/png", headers=headers)

    def _file(self, request: Request, visitor: str) -> Response:
        manifest = self._manifest(request, visitor)
        file = self._original(manifest)
        if file is None:
            raise DocumentError("the original isn't kept here, only its text")
        name = PurePath(manifest.file_name or manifest.source).name
        return FileResponse(file, filename=name, media_type="application/octet-stream")

    # Where it comes from

    def _manifest(self, request: Request, visitor: str) -> "Manifest":
        """The document that is named: by its id, or as other frameworks know it, by its source."""
        wanted = request.query_params.get("document", "")
        found = self.page.library.documents(visitor)
        for manifest in found:
            if manifest.document_id == wanted:
                return manifest
        named = [manifest for manifest in found if manifest.source == wanted]
        if not named:
            raise DocumentError("this document is not here any more")
        return named[0]

    def _whole(self, request: Request, visitor: str) -> _Whole:
        manifest = self._manifest(request, visitor)
        key = (manifest.document_id, str(manifest.version))
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
                return self._texts[key]
        read = self.page.library.outline(visitor, manifest.document_id, ALL_LEAVES)
        text = read.text(0, ALL_LEAVES)
        whole = _Whole(read.manifest, text, _parts(manifest, text))
        with self._lock:
            self._texts[key] = whole
            while len(self._texts) > _MOST_TEXTS:
                self._texts.popitem(last=False)
        return whole

    def _original(self, manifest: "Manifest") -> Path | None:
        most = int(self.page.opening.settings.max_file_mb * 1024 * 1024)
        return self.page.library.originals.of(manifest, most)

    def _sheet(self, manifest: "Manifest", part: Part, marked: tuple[int, int]) -> Sheet | None:
        """The page that a part is of, where it can be drawn."""
        is_pdf = manifest.about.get("media_type") == "application/pdf"
        if not part.page or not is_pdf or self._original(manifest) is None:
            return None
        from indexes.documents.layout import boxes_of

        try:
            drawn = self._drawn(manifest, part.page, _WIDTHS[0])
        except DocumentError as error:
            return Sheet(part.page, 0, 0, (), one_line(error))
        boxes = boxes_of(manifest.layout, *marked) if marked[1] > marked[0] else []
        here = tuple(box for page, box in boxes if page == part.page)[:_MOST_BOXES]
        return Sheet(part.page, drawn.width, drawn.height, here)

    def _drawn(self, manifest: "Manifest", page: int, width: int) -> "PagePicture":
        key = (manifest.document_id, str(manifest.version), page, width)
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        from indexes.documents.limits import Limits
        from indexes.documents.pictures import page_picture

        file = self._original(manifest)
        if file is None:
            raise DocumentError("the original isn't kept here, only its text")
        with self._drawing:
            limits = Limits.of(self.page.opening.settings)
            drawn = page_picture(file.read_bytes(), page, width=width, limits=limits)
        with self._lock:
            self._pictures[key] = drawn
            while sum(len(kept.png) for kept in self._pictures.values()) > _MOST_PICTURE_BYTES:
                self._pictures.popitem(last=False)
        return drawn


def _number(request: Request, name: str, default: int, most: int = 2**31) -> int:
    given = request.query_params.get(name, "")
    return (
        min(int(given), most)
        if given.isascii() and given.isdigit() and len(given) < 11
        else default
    )


def _words(question: str) -> set[str]:
    return {word for word in _WORD.findall(question.casefold()) if not _COMMON.fullmatch(word)}


def _part_of(parts: tuple[Part, ...], at: int) -> int:
    return max(0, bisect_right([part.start for part in parts], at) - 1)


def _parts(manifest: "Manifest", text: str) -> tuple[Part, ...]:
    """A document's pages, or what is shown of it at a time; long ones in several pieces."""
    starts = manifest.page_starts or [0]
    ends = [*starts[1:], len(text)]
    labels = manifest.about.get("page_labels") or []
    kind = str(manifest.about.get("page_kind") or "page")
    found: list[Part] = []
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        page = place + 1 if manifest.page_starts else 0
        label = str(labels[place]) if place < len(labels) else ""
        named = f"{kind} {page}" + (f" ({label})" if label and label != str(page) else "")
        limit = _MOST_SHOWN if page else _PART
        first = min(start, found[-1].end if found else 0) if not place else start
        for begin, finish in _pieces(text, first, end, limit):
            found.append(Part(begin, finish, page, named if page else ""))
    return tuple(found) or (Part(0, 0, 0, ""),)


def _pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """A span in pieces that end with a paragraph or a line, where there is one."""
    while end - start > limit * 1.25:
        cut = max(text.rfind("\n\n", start + limit // 2, start + limit), 0) or text.rfind(
            "\n", start + limit // 2, start + limit
        )
        cut = cut + 1 if cut > start else start + limit
        yield start, cut
        start = cut
    yield start, end
