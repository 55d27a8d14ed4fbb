"""One collection on disk: a shard of Qdrant Edge, its parameters, and its upkeep.

    NAME/collection.json        parameters, and which shard is the current one
    NAME/seal.json              its files as they were left (`seal.py`); not while it is written to
    NAME/shard-…/               the engine's own files

`collection.json` is written last and removed first, each in one step: a collection
exists exactly when it is there, whatever instant the process died at.

Edge never optimises by itself, and `optimize()` (which builds HNSW graphs and clears out what was
deleted) holds Python's interpreter lock for its whole run. So a copy is optimised in a process of
its own (`apart.py`) while this one goes on reading and writing; then what changed meanwhile is
carried over and the copy takes the original's place.
"""

import contextlib
import json
import logging
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

from indexes.disks import MB, check_room, copy_folder, taken, write_in_one_step
from indexes.errors import DiskError, StoreError
from indexes.store.edge import apart, seal
from indexes.store.edge.config import edge_config, point_room

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_BATCH = 256
_FEW = 2_000  # points that are carried over at once: writers wait for a tenth of a second

# Room that a write needs for the engine's own files.
_ROOM = 32 * MB

# What a write touches: point ids, the points that match a filter, or (None) the schema.
Touched = list[Any] | edge.Filter | None


class _Shard:
    """An open shard and the number of threads inside it."""

    def __init__(self, path: Path, engine: edge.EdgeShard) -> None:
        self.path = path
        self.engine = engine
        self.users = 0


class Collection:
    """An open collection. Make one with `create` or `load`.

    Args:
        path: its folder.
        config: the parameters it was made with.
        shard: the current shard.
        changes: points written since the last optimisation.
        sealed: nothing was written since its files were noted, or since they couldn't be.
        refusal: why nothing may be written; empty if it may.
    """

    def __init__(
        self,
        path: Path,
        config: models.CollectionConfig,
        shard: _Shard,
        changes: int = 0,
        *,
        sealed: bool = False,
        refusal: str = "",
    ) -> None:
        self.path = path
        self.config = config
        self.changes = changes
        self.operations = 0
        self.written_at = self.counted_since = time.monotonic()
        self._dirty = False
        self._sealed = sealed
        self._refusal = refusal
        self._current: _Shard | None = shard
        self._idle = threading.Condition()
        self._writing = threading.RLock()
        self._optimizing = threading.Lock()
        self._optimizer: subprocess.Popen[str] | None = None
        self._touched: set[Any] | None = None  # a set while a copy is being optimised
        self._copy_outdated = False
        self._closing = False

    @property
    def name(self) -> str:
        """The collection's name, which is its folder's."""
        return self.path.name

    @classmethod
    def create(cls, path: Path, config: models.CollectionConfig) -> "Collection":
        """Make the shard, then the file that says the collection exists."""
        shutil.rmtree(path, ignore_errors=True)
        check_room(path, _ROOM, f"cannot make collection {path.name!r}")
        place = _new_shard(path)
        place.mkdir(parents=True)
        try:
            engine = edge.EdgeShard.create(str(place), edge_config(config))
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        collection = cls(path, config, _Shard(place, engine))
        collection.save()
        return collection

    @classmethod
    def load(cls, path: Path, refusal: str = "") -> "Collection":
        """Open what is there; the engine replays what a crash left in its log."""
        saved = json.loads((path / "collection.json").read_text(encoding="utf-8"))
        config = models.CollectionConfig.model_validate(saved["config"])
        place = path / saved["shard"]
        seal.check(place)
        for leftover in path.glob("shard-*"):
            if leftover != place:
                shutil.rmtree(leftover, ignore_errors=True)
        apart.try_to_open(place)
        engine = edge.EdgeShard.load(str(place), edge_config(config))
        shard, changes = _Shard(place, engine), saved["changes"]
        return cls(path, config, shard, changes, sealed=True, refusal=refusal)

    def save(self) -> None:
        """Write the parameters and the current shard's name, in one step."""
        if self._current is None:
            return
        saved = {
            "shard": self._current.path.name,
            "changes": self.changes,
            "config": self.config.model_dump(mode="json", exclude_none=True),
        }
        write_in_one_step(self.path / "collection.json", json.dumps(saved))

    @contextlib.contextmanager
    def engine(self) -> Iterator[edge.EdgeShard]:
        """The current shard, which stays open until the block ends."""
        with self._idle:
            if self._current is None:
                raise StoreError(f"collection {self.name!r} was closed: open the index again")
            shard = self._current
            shard.users += 1
        try:
            yield shard.engine
        finally:
            with self._idle:
                shard.users -= 1
                self._idle.notify_all()

    def update(self, operation: edge.UpdateOperation, touched: Touched) -> int:
        """Apply a write; its number.

        Args:
            operation: what to do.
            touched: to which points.
        """
        with self._writing, self.engine() as engine:
            self._check_writable()
            self._check_room(touched)
            if self._touched is not None:
                self._note(engine, touched)
            self._unseal()
            engine.update(operation)
            self._dirty = True
            self.written_at = time.monotonic()
            if not self.changes:
                self.counted_since = self.written_at
            self.changes += len(touched) if isinstance(touched, list) else 1
            self.operations += 1
            return self.operations

    def _check_writable(self) -> None:
        if self._refusal:
            raise DiskError(self._refusal)

    def _check_room(self, touched: Touched) -> None:
        """Refuse a write that the disk may have no room for: see `indexes.disks`."""
        needed = _ROOM
        if isinstance(touched, list):
            needed += len(touched) * point_room(self.config)
        elif touched is None:  # every payload may be indexed
            needed += taken(self._place()) // 4
        check_room(self.path, needed, f"cannot write to collection {self.name!r}")

    def _unseal(self) -> None:
        if self._sealed:
            seal.remove(self._place())
            self._sealed = False

    def damaged_files(self) -> list[str]:
        """The files that are not as they were left, where nothing was written since."""
        return seal.damaged(self._place(), thorough=True) if self._sealed else []

    def _note(self, engine: edge.EdgeShard, touched: Touched) -> None:
        """Remember what the copy under optimisation will lack."""
        assert self._touched is not None  # noqa: S101
        if touched is None:
            self._copy_outdated = True
        elif isinstance(touched, list):
            self._touched.update(touched)
        else:
            self._touched.update(_matching(engine, touched))

    def flush(self) -> None:
        """Put on disk what only the log holds so far."""
        with self._writing:
            if self._dirty:
                with self.engine() as engine:
                    engine.flush()
                self._dirty = False

    def close(self) -> None:
        """Let those inside finish, then flush and close; an optimisation is given up."""
        with self._idle:
            self._closing = True
            child = self._optimizer
        if child is not None:
            child.kill()
        with self._writing:
            try:
                if (self.path / "collection.json").is_file():  # else it is being deleted
                    self.save()
            except OSError as error:  # only how much was written is forgotten
                _log.warning("cannot note the state of %s (%s)", self.path, error)
            with self._idle:
                shard, self._current = self._current, None
        if shard is not None:
            self._retire(shard)
            if not self._sealed and (self.path / "collection.json").is_file():
                seal.write(shard.path)

    @property
    def closed(self) -> bool:
        """Whether it was closed or deleted, or is about to be."""
        return self._closing

    def delete(self) -> None:
        """Close, then remove the files; the parameters go first."""
        (self.path / seal.NAME).unlink(missing_ok=True)
        (self.path / "collection.json").unlink(missing_ok=True)
        self.close()
        self.remove(self.path)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove the files of a collection that is not open."""
        (path / seal.NAME).unlink(missing_ok=True)
        (path / "collection.json").unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)

    def _retire(self, shard: _Shard) -> None:
        with self._idle:
            self._idle.wait_for(lambda: shard.users == 0)
        try:
            shard.engine.flush()
        finally:
            shard.engine.close()

    # --- optimisation -------------------------------------------------------------------

    def optimize(self, meanwhile: Callable[[], bool] = lambda: True) -> bool:
        """Build indexes and clear out deleted points, without stopping anyone for long.

        Writers wait while files are copied and the last changes carried over; readers don't wait.

        Args:
            meanwhile: called every tenth of a second; False gives the attempt up.

        Returns:
            Whether the optimised copy is the current shard now; False if there was nothing to do.

        Raises:
            StoreError: the optimising process failed; the collection is as it was.
        """
        with self._optimizing:
            place, original = _new_shard(self.path), None
            try:
                original = self._optimize(place, meanwhile)
            finally:
                with self._writing:
                    self._touched = None
                # Once it has taken the original's place it stays, whoever closes meanwhile.
                if original is None and (self._current is None or self._current.path != place):
                    shutil.rmtree(place, ignore_errors=True)
            if original is not None:
                self._retire(original)
                shutil.rmtree(original.path, ignore_errors=True)
                apart.give_memory_back()
            return original is not None

    def _optimize(self, place: Path, meanwhile: Callable[[], bool]) -> _Shard | None:
        """Put an optimised copy in the current shard's place; what was there, if so."""
        with self._writing, self.engine() as engine:
            engine.flush()
            self._dirty = False
            doing = f"cannot optimise collection {self.name!r}"
            check_room(self.path, 3 * taken(self._place()) + _ROOM, doing)
            copy_folder(self._place(), place)
            self._touched, self._copy_outdated = set(), False
            changes, copied_at = self.changes, time.monotonic()
        if not self._run_optimizer(place, meanwhile):
            return None
        copy = _Shard(place, edge.EdgeShard.load(str(place)))
        # While others write, each round leaves what was written during it.
        left = float("inf")
        while (carried := self._carry_over(copy.engine)) > _FEW and carried < left:
            left = carried
        with self._writing:
            self._unseal()
            self._carry_over(copy.engine)
            copy.engine.flush()
            with self._idle:
                original = self._current
                if original is None or self._copy_outdated:
                    copy.engine.close()
                    return None
                self._current = copy
            self.changes -= changes
            self.counted_since = copied_at
            self.save()
        return original

    def _place(self) -> Path:
        with self._idle:
            if self._current is None:
                raise StoreError(f"collection {self.name!r} was closed: open the index again")
            return self._current.path

    def _run_optimizer(self, place: Path, meanwhile: Callable[[], bool]) -> bool:
        """Optimise the shard at `place` in a process of its own; False when given up."""
        with self._idle:
            if self._closing:
                return False
            child = self._optimizer = apart.optimizer(place)
        try:
            while True:
                try:
                    _, output = child.communicate(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if not meanwhile() or self._copy_outdated:
                        return False
        finally:
            child.kill()
            child.communicate()
            with self._idle:
                self._optimizer = None
        if self._closing:
            return False
        if child.returncode == apart.NOTHING_TO_DO:
            with self._writing:
                self.changes = 0
            return False
        if child.returncode != 0:
            reason = (output.strip().splitlines() or [apart.ended(child.returncode)])[-1]
            raise StoreError(f"cannot optimise collection {self.name!r}: {reason}")
        return True

    def _carry_over(self, copy: edge.EdgeShard) -> int:
        """Bring the points that changed since the copy was made up to date in it; how many."""
        with self._writing:
            touched, self._touched = self._touched or set(), set()
        remaining = iter(touched)
        while ids := list(islice(remaining, _BATCH)):
            self._check_room(ids)
            with self.engine() as engine:
                found = engine.retrieve(ids, True, True)
            gone = set(ids) - {point.id for point in found}
            points = [edge.Point(point.id, point.vector or {}, point.payload) for point in found]
            copy.update(edge.UpdateOperation.upsert_points(points))
            copy.update(edge.UpdateOperation.delete_points(list(gone)))
        return len(touched)


def _new_shard(path: Path) -> Path:
    return path / f"shard-{uuid.uuid4().hex[:12]}"


def _matching(engine: edge.EdgeShard, condition: edge.Filter) -> Iterator[Any]:
    """The ids of all points that match."""
    offset = None
    while True:
        found, offset = engine.scroll(
            edge.ScrollRequest(
                offset=offset, limit=10_000, filter=condition, with_payload=False, with_vector=False
            )
        )
        yield from (point.id for point in found)
        if offset is None:
            return
