"""A folder of embedded collections, open in one process at a time.

    FOLDER/
      .lock  holder.json        who has it open
      collections/NAME/         see `collection.py`

Within the process the folder is opened once and shared by reference count. One daemon
thread looks after it: it flushes what was written, and has collections optimised that
changed a lot and are at rest.
"""

import atexit
import contextlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qdrant_client.http import models

from indexes.disks import explained, write_in_one_step
from indexes.errors import DiskError, StoreError
from indexes.store.edge import seal
from indexes.store.edge.borrowed import Borrowed
from indexes.store.edge.collection import Collection
from indexes.store.edge.failures import damage_errors, engine_errors
from indexes.store.edge.holding import Hold

_log = logging.getLogger(__name__)

# What a server refuses in a name, and a leading dot: names are folder names here.
_NAME = re.compile(r'(?![.\s])[^<>:"/\\|?*\x00-\x1f\x7f]{1,200}(?<![.\s])')

# Where a collection is made anew; what is left there when the folder is opened, goes.
WORK = ".rebuild-"
FLUSH_SECONDS = 5.0
OPTIMIZE_AFTER = 20_000  # points written: less is not worth copying the shard for
# A question asked on the command line is over before an optimisation could help it, and
# one begun in the middle of writing has the most to carry over.
SETTLE_SECONDS = 15.0
# Where writing doesn't end, it begins in its midst after so many times as much: what is in no graph
# costs every question .2 µs a point. Or after this share of all points, since all are copied. Not
# where more is written a second than embedding gives: all of that would be written twice.
_SLICE = 8
_PACE = 500
_TICK_SECONDS = 0.5

_open: dict[Path, "EdgeFolder"] = {}
_open_lock = threading.RLock()


class EdgeFolder:
    """The collections of one folder. Get it with `open_folder`, leave it with `release`.

    Args:
        path: an existing folder, resolved.
        optimize_after: points written since the last optimisation that bring on the
            next one.
        settle_seconds: how long the collection must have been at rest by then.
    """

    def __init__(
        self,
        path: Path,
        optimize_after: int = OPTIMIZE_AFTER,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.path = path
        self.references = 0
        self.pid = os.getpid()
        self._optimize_after = optimize_after
        self._settle_seconds = settle_seconds
        self._guard = threading.RLock()
        self._collections: dict[str, Collection] = {}
        self._flushed_at = time.monotonic()
        self._stop = threading.Event()
        self._hold = self._acquire()
        # What a rebuild left that was killed; where it can't be seen now, the next one sees it.
        with contextlib.suppress(OSError):
            for left in path.glob(f"{WORK}*"):
                shutil.rmtree(left, ignore_errors=True)
        self._thread = threading.Thread(
            target=self._maintain, name=f"upkeep of {path.name}", daemon=True
        )
        self._thread.start()

    def _acquire(self) -> Hold | Borrowed:
        try:
            return Hold(self.path)
        except OSError as error:
            if not Borrowed.helps(self.path, error):
                raise
            return Borrowed(self.path, error)

    @property
    def refusal(self) -> str:
        """Why nothing can be written here; empty if it can."""
        return self._hold.refusal if isinstance(self._hold, Borrowed) else ""

    def _check_writable(self) -> None:
        self._check_open()
        if self.refusal:
            raise DiskError(self.refusal)

    def _path(self, name: str) -> Path:
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise StoreError(
                f"{name!r} is not a collection name: use letters, digits, '-', '_' and '.'"
            )
        return self.path / "collections" / name

    def names(self) -> list[str]:
        """The collections that exist."""
        with engine_errors(f"cannot list the collections in {self.path}"):
            found = (self.path / "collections").glob("*/collection.json")
            return sorted(file.parent.name for file in found)

    def exists(self, name: str) -> bool:
        """Whether there is such a collection."""
        path = self._path(name)
        with engine_errors(f"cannot look for collection {name!r} in {self.path}"):
            if (path / "collection.json").is_file():
                return True
            damaged = (path / seal.NAME).is_file()
        if damaged:
            raise StoreError(
                f"collection {name!r} in {self.path} is damaged (collection.json is missing): "
                "`advanced-rag rebuild` saves what can be read"
            )
        return False

    def collection(self, name: str) -> Collection:
        """An existing collection, opened when it is first asked for.

        Raises:
            StoreError: there is none of that name, or its files are damaged.
        """
        self._check_open()
        found = self._collections.get(name)
        if found is not None:
            return found
        with self._guard:
            self._check_open()
            if name not in self._collections:
                path = self._path(name)
                if not self.exists(name):
                    raise StoreError(
                        f"collection {name!r} does not exist in {self.path}: "
                        "index documents into it first, or name another with --collection"
                    )
                if isinstance(self._hold, Borrowed):
                    path = self._hold.copy(path)
                with damage_errors(f"cannot open collection {name!r} in {self.path}"):
                    self._collections[name] = Collection.load(path, self.refusal)
            return self._collections[name]

    def create(self, name: str, config: models.CollectionConfig) -> None:
        """Make a collection.

        Raises:
            StoreError: it exists already, or the engine refuses the parameters.
        """
        with self._guard:
            self._check_writable()
            path = self._path(name)
            if self.exists(name):
                raise StoreError(f"collection {name!r} already exists in {self.path}")
            with engine_errors(f"cannot create collection {name!r} in {self.path}"):
                self._collections[name] = Collection.create(path, config)

    def delete(self, name: str) -> bool:
        """Remove a collection; False when there is none."""
        with self._guard:
            self._check_writable()
            if not self.exists(name):
                return False
            with engine_errors(f"cannot delete collection {name!r} in {self.path}"):
                collection = self._collections.pop(name, None)
                if collection is None:
                    Collection.remove(self._path(name))
                else:
                    collection.delete()
            return True

    def let_go(self, name: str) -> Path:
        """Close a collection that may be damaged; the folder that its files are in.

        Raises:
            StoreError: there is none of that name.
        """
        with self._guard:
            self._check_writable()
            collection = self._collections.pop(name, None)
            if collection is not None:
                with contextlib.suppress(StoreError), engine_errors(f"cannot close {name!r}"):
                    collection.close()
            path = self._path(name)
            if not any(path.glob("shard-*")):
                raise StoreError(
                    f"there is no collection {name!r} in {self.path}: name another --collection"
                )
            return path

    def replace(self, name: str, made: Path, *, keep: bool) -> Path | None:
        """Put another collection, which is closed, in the place of one.

        Args:
            name: the one that goes.
            made: the folder of the one that comes.
            keep: keep the files that go.

        Returns:
            Where they are, if they were kept.
        """
        with self._guard:
            path, kept = self._path(name), None
            before = list(path.glob("shard-*"))
            saved = (made / "collection.json").read_text(encoding="utf-8")
            shard = path / str(json.loads(saved)["shard"])
            (made / shard.name).rename(shard)
            (path / seal.NAME).unlink(missing_ok=True)
            write_in_one_step(path / "collection.json", saved)
            seal.write(shard)
            if keep:
                (self.path / "damaged").mkdir(exist_ok=True)
                stamp = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S}-"
                kept = Path(tempfile.mkdtemp(prefix=stamp, dir=self.path / "damaged"))
            for place in before:
                if kept:
                    place.rename(kept / place.name)
                else:
                    shutil.rmtree(place, ignore_errors=True)
            return kept

    def _check_open(self) -> None:
        if self._stop.is_set():
            raise StoreError(f"the index {self.path} was closed: open it again")
        if self.pid != os.getpid():
            # The engine's threads stayed behind in the parent.
            raise StoreError(f"the index {self.path} was opened before a fork: open it after")

    # --- upkeep -------------------------------------------------------------------------

    def _maintain(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            self._flush_when_due()
            with self._guard:
                collections = list(self._collections.values())
            for collection in collections:
                if self._wants_optimizing(collection):
                    self._optimize(collection)

    def _wants_optimizing(self, collection: Collection) -> bool:
        if self.refusal:
            return False
        rested = time.monotonic() - collection.written_at >= self._settle_seconds
        slices = self._optimize_after * _SLICE
        if rested or collection.changes < slices:
            return rested and collection.changes >= self._optimize_after
        if collection.changes > _PACE * (time.monotonic() - collection.counted_since):
            return False
        with contextlib.suppress(StoreError), collection.engine() as engine:  # closed meanwhile
            return collection.changes >= engine.info().points_count // _SLICE
        return False

    def _optimize(self, collection: Collection) -> None:
        started = time.perf_counter()
        before = collection.changes
        try:
            with engine_errors(f"cannot optimise collection {collection.name!r}"):
                done = collection.optimize(self._carry_on)
        except StoreError as error:
            if not collection.closed:
                # Another attempt would fail as well; the next writes may change that.
                collection.changes -= before
                _log.warning("%s; searches stay exact and slower", error)
            return
        if done:
            seconds = time.perf_counter() - started
            _log.info("optimised collection %r in %.1f s", collection.name, seconds)

    def _carry_on(self) -> bool:
        """What the upkeep does while it waits for an optimisation."""
        self._flush_when_due()
        return not self._stop.is_set()

    def _flush_when_due(self) -> None:
        if time.monotonic() - self._flushed_at < FLUSH_SECONDS:
            return
        self._flushed_at = time.monotonic()
        with self._guard:
            collections = list(self._collections.values())
        for collection in collections:
            try:
                with engine_errors(f"cannot flush collection {collection.name!r}"):
                    collection.flush()
            except StoreError as error:
                if not collection.closed:
                    _log.warning("%s; the log still has what was written", error)

    def close(self) -> None:
        """Flush and close everything, and let go of the folder."""
        self._stop.set()
        if self.pid != os.getpid():
            return
        errors: list[StoreError] = []
        with self._guard:
            collections, self._collections = self._collections, {}
        for collection in collections.values():
            try:
                with engine_errors(f"cannot close collection {collection.name!r}"):
                    collection.close()
            except StoreError as error:
                errors.append(error)
        if self._thread is not threading.current_thread():
            self._thread.join()
        try:
            with engine_errors(f"cannot let go of {self.path}"):
                self._hold.give_back()
        except StoreError as error:
            errors.append(error)
        if errors:
            raise errors[0]


def open_folder(path: Path, **upkeep: Any) -> EdgeFolder:
    """The folder at `path`, made when missing and shared when it is open already.

    Args:
        path: of the folder.
        upkeep: arguments of `EdgeFolder`; whoever opens the folder first decides.

    Raises:
        StoreLockedError: another process has it open.
        StoreError: it cannot be made or written to.
    """
    with _open_lock:
        path = path.expanduser()
        try:
            if path.exists() and not path.is_dir():
                raise StoreError(f"{path} is a file: --index takes a folder or a server's URL")
            (path / "collections").mkdir(parents=True, exist_ok=True)
            path = path.resolve()
            folder = _open.get(path)
            if folder is None or folder.pid != os.getpid():
                folder = _open[path] = EdgeFolder(path, **upkeep)
        except OSError as error:
            own = "choose a folder of your own with --index"
            raise DiskError(explained(f"cannot write to {path}", error, own)) from error
        folder.references += 1
        return folder


def release(folder: EdgeFolder) -> None:
    """Give one reference back; the last one closes the folder."""
    with _open_lock:
        folder.references -= 1
        if folder.references <= 0:
            if _open.get(folder.path) is folder:
                del _open[folder.path]
            folder.close()


@atexit.register
def _close_all() -> None:
    with _open_lock:
        while _open:
            _, folder = _open.popitem()
            try:
                folder.close()
            except StoreError as error:
                _log.error("the index at %s was not closed cleanly: %s", folder.path, error)
