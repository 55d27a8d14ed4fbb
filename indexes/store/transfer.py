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

from indexes.errors import SettingsError
from indexes.progress import OnProgress, Progress
from indexes.store.check import DAMAGED
from indexes.store.nodes import TreeStore, matching
from indexes.store.points import Manifest
from indexes.store.scan import Walk, groups, visible

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
        self._target = target
        self._on_progress = on_progress
        self._known = source.count(matching(kind="manifest"))

    def _tell(self, source: str) -> None:
        report = self.report
        done = len(report.copied) + len(report.unchanged) + len(report.failed)
        self._on_progress(Progress("copied", source, done, max(done, self._known)))

    def bring(self, group: Sequence[Manifest], tries: int = _TRIES) -> None:
        """Copy those of a group that the target lacks."""
        wanted = {manifest.document_id: manifest for manifest in lacking(self._target, group)}
        self.report.unchanged += [
            manifest.source for manifest in group if manifest.document_id not in wanted
        ]
        damaged = [found for found in wanted.values() if (found.version or "").endswith(DAMAGED)]
        for manifest in damaged:
            self._fail(manifest, "it is damaged")
            del wanted[manifest.document_id]
        again = self._transfer(wanted, tries) if wanted else []
        if group:
            self._tell(group[-1].source)
        if again:
            self.bring(again, tries - 1)

    def _transfer(self, wanted: dict[str, Manifest], tries: int) -> list[Manifest]:
        """Copy documents; returns those that changed meanwhile, as they are now."""
        walk = Walk(self._source, list(wanted.values()))
        replaced = self._target.begin(list(wanted.values()))
        for points in walk.nodes(vectors=True):
            self._target.put(points)
            self.report.points += len(points)
            if points:
                self._tell(wanted[points[-1].payload["document_id"]].source)
        problems = walk.problems()
        whole = [manifest for name, manifest in wanted.items() if not problems[name]]
        self._target.commit(whole, replaced)
        self.report.copied += [manifest.source for manifest in whole]
        again = []
        for name, manifest in wanted.items():
            if problems[name]:
                self._target.abandon(name)
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


def lacking(store: TreeStore, manifests: Sequence[Manifest]) -> list[Manifest]:
    """Those that are not in a store in the same version."""
    here = store.manifests_of([manifest.document_id for manifest in manifests])
    return [
        manifest
        for manifest in manifests
        if (there := here.get(manifest.document_id)) is None
        or not there.settled
        or there.version != manifest.version
    ]
