"""Documents from one collection to another, with their vectors: nothing is embedded again.

    report = copy(embedded_store, server_store)      # TransferReport(copied=[…])

A group of small documents, or one large one, travels at a time. The target shows a
document only once its manifest is written, which happens last, and only if what came is
whole. Copied again, documents that are there in the same version are passed over; one
that was half copied is copied anew.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from indexes.errors import SettingsError
from indexes.progress import OnProgress, Progress
from indexes.store.check import DAMAGED
from indexes.store.columns import Point
from indexes.store.nodes import TreeStore, matching
from indexes.store.points import Manifest, manifest_point
from indexes.store.scan import PAGE, Walk, groups, visible

# What travels together, so that a thousand notes are not a thousand times four requests.
_GROUP_LEAVES = 1000
_GROUP_DOCUMENTS = 100
# A document that changes while it is copied is copied again this many times.
_TRIES = 3


@dataclass
class TransferReport:
    """What a transfer did. The lists hold the documents' sources.

    `unchanged` were there already, in the same version; `failed` comes with the reason.
    """

    copied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    points: int = 0
    seconds: float = 0.0


def copy(
    source: TreeStore,
    target: TreeStore,
    *,
    on_progress: OnProgress = lambda _: None,
) -> TransferReport:
    """Copy every visible document of `source` to `target`.

    What the target holds besides stays. No one else may write to it meanwhile.

    Args:
        source: any collection, on a folder or a server.
        target: another; made when missing.
        on_progress: called whenever points or documents have been stored.

    Returns:
        What was done. Damaged documents are in `failed`: they are not copied.

    Raises:
        SettingsError: both are the same collection.
        IndexMismatchError: the target was made with another model or other chunk sizes.
        StoreError: one of the engines fails. Documents that were copied stay.
    """
    if (source.engine.address, source.collection) == (target.engine.address, target.collection):
        raise SettingsError(
            f"{target.engine.address} (collection {target.collection}) cannot be copied onto "
            "itself: choose another --to or --to-collection"
        )
    started = time.perf_counter()
    target.prepare(source.fingerprint())
    run = _Copy(source, target, on_progress)
    try:
        for group in groups(visible(source), leaves=_GROUP_LEAVES, documents=_GROUP_DOCUMENTS):
            run.bring(group)
    finally:
        run.report.seconds = time.perf_counter() - started
    return run.report


class _Copy:
    def __init__(self, source: TreeStore, target: TreeStore, on_progress: OnProgress) -> None:
        self.report = TransferReport()
        self._source = source
        self._receiver = Receiver(target)
        self._on_progress = on_progress
        self._known = source.count(matching(kind="manifest"))

    def _tell(self, source: str) -> None:
        report = self.report
        done = len(report.copied) + len(report.unchanged) + len(report.failed)
        self._on_progress(Progress("copied", source, done, max(done, self._known)))

    def bring(self, group: Sequence[Manifest], tries: int = _TRIES) -> None:
        """Copy those of a group that the target lacks."""
        lacking = {manifest.document_id: manifest for manifest in self._receiver.lacking(group)}
        self.report.unchanged += [
            manifest.source for manifest in group if manifest.document_id not in lacking
        ]
        damaged = [found for found in lacking.values() if (found.version or "").endswith(DAMAGED)]
        for manifest in damaged:
            self._fail(manifest, "it is damaged")
            del lacking[manifest.document_id]
        again = self._transfer(lacking, tries) if lacking else []
        if group:
            self._tell(group[-1].source)
        if again:
            self.bring(again, tries - 1)

    def _transfer(self, wanted: dict[str, Manifest], tries: int) -> list[Manifest]:
        """Copy documents; returns those that changed meanwhile, as they are now."""
        walk = Walk(self._source, list(wanted.values()))
        self._receiver.begin(list(wanted.values()))
        for points in walk.nodes(vectors=True):
            self._receiver.put(points)
            self.report.points += len(points)
            if points:
                self._tell(wanted[points[-1].payload["document_id"]].source)
        problems = walk.problems()
        whole = [manifest for name, manifest in wanted.items() if not problems[name]]
        self._receiver.commit(whole)
        self.report.copied += [manifest.source for manifest in whole]
        again = []
        for name, manifest in wanted.items():
            if problems[name]:
                self._receiver.abandon(name)
                now = self._source.manifest(name)
                if now is not None and now.version == manifest.version:
                    self._fail(manifest, "; ".join(problems[name]))
                elif now is not None and now.version is not None:
                    if tries > 1:
                        again.append(now)
                    else:
                        self._fail(now, "it keeps changing")
        return again

    def _fail(self, manifest: Manifest, reason: str) -> None:
        self.report.failed.append((manifest.source, reason))


class Receiver:
    """Takes documents from elsewhere, each as one transaction.

    receiver.begin([manifest])      # what is visible stays so
    receiver.put(points)
    receiver.commit([manifest])     # the switch; older versions are deleted
    """

    def __init__(self, store: TreeStore) -> None:
        self._store = store
        self._before: dict[str, Manifest] = {}

    def lacking(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        """Those that are not here in the same version."""
        here = self._here(manifests)
        return [
            manifest
            for manifest in manifests
            if (there := here.get(manifest.document_id)) is None
            or not there.settled
            or there.version != manifest.version
        ]

    def _here(self, manifests: Sequence[Manifest]) -> dict[str, Manifest]:
        return self._store.manifests_of([manifest.document_id for manifest in manifests])

    def begin(self, manifests: Sequence[Manifest]) -> None:
        """Announce new versions, and clear away what a crash left of earlier tries."""
        for name, there in self._here(manifests).items():
            if not there.settled:
                self._store.settle(there)
            if there.version is not None:
                self._before[name] = there
        nothing: dict[str, Any] = {"version": None}
        shown = [
            self._before.get(manifest.document_id, manifest.model_copy(update=nothing))
            for manifest in manifests
        ]
        self._write([manifest.model_copy(update={"settled": False}) for manifest in shown])

    def put(self, points: Sequence[Point]) -> None:
        """Add nodes of documents that were begun."""
        for place in range(0, len(points), PAGE):
            self._store.put(points[place : place + PAGE])

    def commit(self, manifests: Sequence[Manifest]) -> None:
        """Show documents from now on, and delete what they replace."""
        replacing = {name.document_id for name in manifests} & self._before.keys()
        final = [
            manifest.model_copy(update={"settled": manifest.document_id not in replacing})
            for manifest in manifests
        ]
        self._write(final)
        for manifest in final:
            if manifest.document_id in replacing:
                self._store.settle(manifest)
                del self._before[manifest.document_id]

    def abandon(self, document_id: str) -> None:
        """Take back what was begun; an older version stays."""
        self._before.pop(document_id, None)
        there = self._store.manifest(document_id)
        if there is not None:
            self._store.settle(there)

    def _write(self, manifests: Sequence[Manifest]) -> None:
        if manifests:
            self._store.put([manifest_point(manifest) for manifest in manifests])
