"""Comparisons on disk, so that their addresses outlive the page: for the owner of a loopback page.

A file each, which only this user can read. The first line is what a list of them shows, the second
is all of it. The oldest give way; what cannot be read is left out.
"""

import hashlib
import json
import logging
import re
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from indexes import Settings
from indexes.disks import write_in_one_step
from indexes.trace import Stage

from .conversation import Run
from .view import View
from .visitors import sign_with

logger = logging.getLogger(__name__)

_MOST_RUNS = 200
_MOST_BYTES = 50_000_000
_LONGEST_RUN = 4_000_000
_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECRET = "secret"  # noqa: S105 - the name of a file
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Entry:
    """A comparison as a list shows it.

    Attributes:
        id: of its address.
        asked: the question.
        told: patterns, budget and time.
    """

    id: str
    asked: str
    told: str


class Shelf:
    """Comparisons in a folder. Thread-safe.

    Args:
        folder: made if it isn't there, for this user only.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._lock = threading.Lock()

    def secret(self) -> bytes:
        """What cookies are signed with, so that a browser is known again after a restart."""
        with self._lock:
            path = self._folder / _SECRET
            with suppress(OSError):
                if len(found := path.read_bytes()) == _SECRET_BYTES:
                    return found
            made = secrets.token_bytes(_SECRET_BYTES)
            write_in_one_step(path, made, private=True)
            return made

    def save(self, visitor: str, entry: Entry, run: Run) -> None:
        """Keep a comparison that has ended."""
        head = {"visitor": visitor, "asked": entry.asked, "told": entry.told}
        data = f"{json.dumps(head)}\n{json.dumps(_as_data(run))}\n".encode()
        if len(data) > _LONGEST_RUN or not _NAME.fullmatch(run.id):
            logger.warning("a comparison of %d bytes is not kept on disk", len(data))
            return
        with self._lock:
            try:
                write_in_one_step(self._folder / f"{run.id}.json", data, private=True)
                self._make_room()
            except OSError as error:
                logger.warning("a comparison cannot be kept on disk: %s", error)

    def load(self, name: str) -> Run | None:
        """A comparison by its address; None if it isn't here."""
        if not _NAME.fullmatch(name):
            return None
        try:
            with (self._folder / f"{name}.json").open(encoding="utf-8") as file:
                file.readline()
                return _as_run(json.loads(file.read(_LONGEST_RUN)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("a comparison on disk cannot be read: it is left out", exc_info=True)
            return None

    def entries(self, visitor: str) -> list[Entry]:
        """The comparisons of a visitor, the latest first."""
        return [Entry(path.stem, head["asked"], head["told"])
                for path in reversed(self._files()) if (head := _head(path))
                and head["visitor"] == visitor]  # fmt: skip

    def clear(self, visitor: str) -> None:
        """Delete all comparisons of a visitor."""
        with self._lock:
            for path in self._files():
                if (head := _head(path)) and head["visitor"] == visitor:
                    path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """The files of all comparisons, the oldest first."""
        found = []
        for path in self._folder.glob("*.json"):
            with suppress(OSError):
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    def _make_room(self) -> None:
        files = self._files()
        sizes = [path.stat().st_size for path in files]
        total = sum(sizes)
        for place, (path, size) in enumerate(zip(files, sizes, strict=True)):
            if len(files) - place <= _MOST_RUNS and total <= _MOST_BYTES:
                break
            path.unlink(missing_ok=True)
            total -= size


def shelf_of(settings: Settings) -> Shelf | None:
    """Where the comparisons of an index are; None where none can be kept.

    From then on cookies are signed with what is kept there.
    """
    name = hashlib.sha256(f"{settings.index}\n{settings.collection}".encode()).hexdigest()[:16]
    try:
        shelf = Shelf(Path(settings.cache) / "page" / name)
        sign_with(shelf.secret())
    except OSError as error:
        logger.warning("comparisons are not kept on disk: %s", error)
        return None
    return shelf


def _head(path: Path) -> dict[str, str] | None:
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(file.readline(_LONGEST_RUN))
        return {name: str(head[name]) for name in ("visitor", "asked", "told")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def _views() -> TypeAdapter[list[View]]:
    return TypeAdapter(list[View])


def _as_data(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "asked": run.asked,
        "question": run.question,
        "condensed": run.condensed.model_dump(mode="json") if run.condensed else None,
        # What filters keep a search to is made anew: whose documents those were may have changed.
        "options": {name: value for name, value in run.options.items() if name != "filters"},
        "views": _views().dump_python(run.views, mode="json"),
        "notice": run.notice,
        "preparing": run.preparing,
        "model": run.model,
        "scope": run.scope,
        "documents": list(run.documents),
        "blind": run.blind,
        "vote": None if run.vote is None else list(run.vote),
        "judged": run.judged,
        "began": run.began.isoformat(),
        "references": [place.model_dump() for place in run.references],
        "words": list(run.words),
    }


def _as_run(data: Any) -> Run:
    from indexes.evaluation.questions import Reference

    if not isinstance(data, dict):
        raise TypeError("a comparison is a JSON object")
    condensed, vote = data.pop("condensed"), data.pop("vote")
    views = _views().validate_python(data.pop("views"))
    return Run(
        condensed=Stage.model_validate(condensed) if condensed else None,
        views=views,
        vote=None if vote is None else tuple(vote),
        documents=tuple(data.pop("documents")),
        began=datetime.fromisoformat(data.pop("began")),
        references=tuple(map(Reference.model_validate, data.pop("references"))),
        words=tuple(data.pop("words", ())),
        started=set(range(len(views))),
        followed=True,
        **data,
    )
