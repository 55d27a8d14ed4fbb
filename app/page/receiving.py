"""Uploads as their bytes come in, each in a folder of its own, which goes if it breaks off.

Gradio's own route would name a folder by what a file contains, which two visitors may have in
common, and would leave what was half sent.
"""

import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradio.route_utils import upload_fn
from gradio.routes import file_upload_statuses
from gradio.utils import get_upload_folder
from python_multipart.exceptions import FormParserError
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_PREFIX = "upload-"
# What was sent and then not asked for, by a browser that was closed between the two.
_SECONDS_UNCLAIMED = 3600.0


class Receiving:
    """The route to which browsers send files of at most `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def routes(self) -> list[Route]:
        """Take the place of Gradio's route."""
        return [Route("/gradio_api/upload", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Keep the files of a request, and answer with their paths, as Gradio's client expects."""
        root = Path(get_upload_folder())
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        name = request.query_params.get("upload_id")
        try:
            files, _, _ = await upload_fn(
                request, str(folder), self._most_bytes, name,
                upload_progress=file_upload_statuses if name else None,
            )  # fmt: skip
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if name:
                file_upload_statuses.stop_tracking(name)
            if isinstance(error, MultiPartException):
                too_large = "maximum allowed size" in error.message
                return PlainTextResponse(error.message, 413 if too_large else 400)
            if isinstance(error, FormParserError | ClientDisconnect):
                return PlainTextResponse("the upload broke off", 400)
            raise
        if not files:
            shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse([str(file) for file in files])


def received(sent: object) -> list[Path]:
    """The files that a browser says it has uploaded; what was never received is left out."""
    items = sent if isinstance(sent, list) else [sent]
    paths = [item.get("path") for item in items if isinstance(item, dict)]
    return [Path(path) for path in paths if isinstance(path, str) and _is_received(Path(path))]


def delete_files(files: Iterable[Path]) -> None:
    """Delete uploads, those that are left of them, and their folders."""
    for file in files:
        with suppress(OSError):
            file.unlink()
        if _is_received(file):
            for folder in file.parents[:2]:
                with suppress(OSError):
                    folder.rmdir()


def sweep_unclaimed() -> None:
    """Delete what was received an hour ago and never taken."""
    for folder in Path(get_upload_folder()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _SECONDS_UNCLAIMED:
                shutil.rmtree(folder, ignore_errors=True)


def _is_received(path: Path) -> bool:
    """Whether a path is where `receive` puts files: `upload-…/digest/name` of its folder."""
    root = Path(get_upload_folder())
    parts: Any = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return len(parts) == 3 and parts[0].startswith(_PREFIX) and ".." not in parts
