"""Marking sentences as evidence, from the dialog in which a document is read.

    GET evidence?document=ID&question=…        what is marked of it: [[start, end], …]
    POST evidence {"document", "question", "start", "end"}     mark a place, or unmark it

Whose marks they are is known by the cookie.
"""

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from indexes import DocumentError, RagError, SettingsError
from indexes.answers import MAX_QUESTION_CHARACTERS
from indexes.evaluation.questions import Reference

from .view import one_line
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes.store.points import Manifest

_MOST_BYTES = 20_000
_LONGEST_DOCUMENT = 10**9


class Marking:
    """The routes with which visitors mark evidence on `page`. Stateless."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def routes(self) -> list[Route]:
        """The routes under which marking is served."""
        return [
            Route("/evidence", self._read, methods=["GET"]),
            Route("/evidence", self._mark, methods=["POST"]),
        ]

    async def _read(self, request: Request) -> JSONResponse:
        asked = request.query_params
        try:
            return await self._marks(request, asked.get("document", ""), asked.get("question", ""))
        except RagError as error:
            return JSONResponse({"error": one_line(error)}, 404)

    async def _mark(self, request: Request) -> JSONResponse:
        try:
            body = await _body(request)
            document, question = str(body.get("document", "")), str(body.get("question", ""))
            found = await asyncio.to_thread(self._manifest, request, document)
            place = _place(found.source, body.get("start"), body.get("end"))
            marked = self.page.visitors.of(request).marked
            marked.toggle(question[:MAX_QUESTION_CHARACTERS], place)
            return await self._marks(request, document, question)
        except RagError as error:
            return JSONResponse({"error": one_line(error)}, 400)

    async def _marks(self, request: Request, document: str, question: str) -> JSONResponse:
        found = await asyncio.to_thread(self._manifest, request, document)
        marked = self.page.visitors.of(request).marked
        places = [
            [place.start, place.end]
            for place in marked.references(question)
            if place.document == found.source
        ]
        return JSONResponse({"marked": places, "questions": len(marked.questions)})

    def _manifest(self, request: Request, document: str) -> "Manifest":
        visitor = self.page.visitors.of(request).key
        for found in self.page.library.documents(visitor):
            if document in (found.document_id, found.source):
                return found
        raise DocumentError("this document is not here any more")


async def _body(request: Request) -> dict[str, object]:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise SettingsError("that is too long to be a mark")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingsError("a mark is a JSON object") from error
    if not isinstance(body, dict):
        raise SettingsError("a mark is a JSON object")
    return body


def _place(document: str, start: object, end: object) -> Reference:
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in (start, end))
    if not (isinstance(start, int) and isinstance(end, int) and whole):
        raise SettingsError("a mark has a start and an end")
    if not 0 <= start < end <= _LONGEST_DOCUMENT:
        raise SettingsError("a mark ends behind its start")
    return Reference(document=document, start=start, end=end)
