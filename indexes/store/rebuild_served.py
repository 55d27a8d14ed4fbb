"""A new collection beside a damaged one on a server, and the switch from the old to the new.

A server renames nothing, but gives names: aliases, which change in one step. So the new collection
is called NAME-rebuilt-1, and NAME becomes an alias of it. Marks are aliases, too:

    NAME-rebuilding     of a new collection that is not complete: the next rebuild deletes it
    NAME-rebuilt        of one that is: where NAME is gone, the next rebuild makes the switch

The old collection is deleted only if all that was in it came along. Otherwise it stays: where NAME
was an alias before, under its own name; where NAME is the collection's own, there is no switch,
and the report says what the new one is called.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qdrant_client import models

from indexes.beside.spool import Spool
from indexes.errors import StoreError
from indexes.store.collection import rebuilt_mark
from indexes.store.nodes import TreeStore
from indexes.store.points import DENSE
from indexes.store.refusals import store_errors
from indexes.store.restoring import RebuildReport, Restoring
from indexes.store.scan import manifest_points, visible
from indexes.store.upkeep import verify

_log = logging.getLogger(__name__)

_PAGE = 256


def rebuild_served(
    store: TreeStore, restoring: Callable[[Spool], Restoring], export: Path | None
) -> RebuildReport:
    """Make a server's collection anew. Killed at whatever instant, it can be run again.

    Args:
        store: the damaged collection, by its name or an alias.
        restoring: fills a new collection with what was read.
        export: where to take what can't be read from.

    Raises:
        StoreError: there is no such collection, nothing of it can be read, or it changed
            meanwhile: the collection is as it was. Or the server fails.
    """
    return _Served(store).run(restoring, export)


class _Served:
    def __init__(self, store: TreeStore) -> None:
        self._store = store
        self._name = store.collection
        self._begun = f"{self._name}-rebuilding"
        self._done = rebuilt_mark(self._name)
        self._aliases = store.aliases()

    def run(self, restoring: Callable[[Spool], Restoring], export: Path | None) -> RebuildReport:
        here = self._store.exists()
        if not here and self._done in self._aliases:
            return self._take_up(self._aliases[self._done])
        if not here:
            self._store.fingerprint()  # says that there is none
        for mark in {self._begun, self._done} & self._aliases.keys():
            self._delete(self._aliases[mark])
        before = self._state()
        with (
            tempfile.TemporaryDirectory(prefix="rebuild-") as folder,
            Spool(Path(folder) / "points.sqlite") as spool,
        ):
            read = self._read(spool, needed=export is None)
            new = TreeStore(self._store.engine, self._free_name(), self._store.server)
            run = restoring(spool)
            try:
                run.prepare(new, export)
                self._name_them({self._begun: new.collection})
                report = run.write(new, export)
                self._check(new, before)
            except BaseException:
                self._delete(new.collection)
                raise
            whole = read and not report.lost and not spool.unread()
            self._switch(new.collection, report, whole=whole)
        return report

    # Reading

    def _read(self, spool: Spool, *, needed: bool) -> bool:
        """Read all points; whether all were asked for, which must be where they are `needed`."""
        try:
            for points in self._store.scroll(None, payload=False, page=_PAGE):
                self._read_points([point.id for point in points], spool)
        except StoreError as error:
            if needed:
                raise
            _log.warning("not all points can be asked for: %s", error)
            return False
        return True

    def _read_points(self, ids: Sequence[Any], spool: Spool) -> None:
        """Read points, those one by one that can't be read with others."""
        try:
            spool.add(self._retrieved(ids, with_payload=True, with_vectors=[DENSE]))
        except StoreError as error:
            _log.warning("%d points can't be read at once: %s", len(ids), error)
            self._store.described()  # whether the server is there at all
            if len(ids) > 1:
                self._read_points(ids[: len(ids) // 2], spool)
                self._read_points(ids[len(ids) // 2 :], spool)
                return
            spool.add([(str(ids[0]), None, None)])
            try:
                spool.add(self._retrieved(ids, with_payload=True, with_vectors=False))
            except StoreError:
                return

    def _retrieved(self, ids: Sequence[Any], **wanted: Any) -> list[tuple[str, Any, Any]]:
        with store_errors(self._store.engine.address):
            found = self._store.engine.client.retrieve(self._store.collection, ids, **wanted)
        return [
            (
                str(point.id),
                point.payload,
                point.vector.get(DENSE) if isinstance(point.vector, dict) else None,
            )
            for point in found
        ]

    def _state(self) -> dict[str, str] | None:
        """What the manifests say, by which a change is noticed; None if they can't be read."""
        try:
            return {
                str(point.id): json.dumps(point.payload, sort_keys=True)
                for point in manifest_points(self._store)
            }
        except StoreError:
            return None

    # Writing

    def _free_name(self) -> str:
        """A name for the new collection: of none, or of one of ours without documents."""
        number = 1
        while True:
            name = f"{self._name}-rebuilt-{number}"
            found = TreeStore(self._store.engine, name)
            if not found.exists():
                return name
            # Cut short before it was marked.
            if found.count() <= 1 and name not in self._aliases.values():
                self._delete(name)
                return name
            number += 1

    def _check(self, new: TreeStore, before: dict[str, str] | None) -> None:
        """Complete the new collection, and see that it may take the old one's place."""
        old, made = self._store.described(), new.described()
        if old is not None and made is not None:
            for key, found in old.payload_schema.items():
                if key not in made.payload_schema:
                    new.make_index(key, found.params or found.data_type)
        if wrong := verify(new).unrepaired:
            raise StoreError(
                f"the new collection is not right ({wrong[0].detail}): nothing was changed; "
                "see the server's log, and run it again"
            )
        if self._state() != before:
            raise StoreError(
                "documents came or went while the collection was rebuilt: nothing was changed; "
                "run it again when nobody writes to it"
            )

    def _switch(self, new: str, report: RebuildReport, *, whole: bool) -> None:
        """Put the new collection in the old one's place."""
        old = self._aliases.get(self._name, self._name)
        others = [name for name, of in self._aliases.items() if of == old and name != self._name]
        moved = dict.fromkeys(others, new)
        if old != self._name:
            self._name_them({self._name: new, **moved}, gone=self._begun)
            if whole:
                self._delete(old)
            else:
                report.kept = f"collection {old}"
        elif whole:
            self._name_them({self._done: new, **moved}, gone=self._begun)
            self._delete(old)
            self._name_them({self._name: new}, gone=self._done)
        else:
            self._name_them({}, gone=self._begun)
            report.kept = f"collection {old}"
            report.beside = new

    def _take_up(self, new: str) -> RebuildReport:
        """The switch of a rebuild that was killed between deleting the old and naming the new."""
        self._name_them({self._name: new}, gone=self._done)
        return RebuildReport(restored=[found.source for found in visible(self._store)])

    def _name_them(self, names: dict[str, str], gone: str | None = None) -> None:
        """Give collections names, and take one away, in one step."""
        steps: list[Any] = [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(alias_name=name, collection_name=of)
            )
            for name, of in names.items()
        ]
        if gone is not None:
            steps.append(
                models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=gone))
            )
        with store_errors(self._store.engine.address):
            self._store.engine.client.update_collection_aliases(steps)

    def _delete(self, collection: str) -> None:
        with store_errors(self._store.engine.address):
            self._store.engine.client.delete_collection(collection)
