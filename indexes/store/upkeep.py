"""Checks every point of a collection, and repairs what can be repaired.

    found = verify(store)                  # Verification(problems=[…])
    found = verify(store, repair=True)     # deletes what no query can see anyway

The collection is read document by document (`indexes.store.check` says what each must
be), so that memory holds no more than one batch of small documents, or one large one.

Repair never deletes what a query can show. Nodes of no visible version go. A document
whose visible version is damaged stays: its whole roots are still found, and it is marked,
so that the next ingest of the same file writes it anew instead of calling it unchanged.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from qdrant_client import models

from indexes.progress import OnProgress, Progress, ProgressEvent
from indexes.store.check import DAMAGED, original_version
from indexes.store.edge.backend import EdgeBackend
from indexes.store.findable import Findable
from indexes.store.nodes import TreeStore, matching
from indexes.store.points import DENSE, Manifest, manifest_id, manifest_point
from indexes.store.refusals import store_errors
from indexes.store.scan import NODES, Walk, groups, manifest_of, manifest_points, nodes_of

# Leaves of the documents that are looked at together: many small ones in one scroll.
_GROUP_LEAVES = 4000
_GROUP_DOCUMENTS = 200
# A document that changes while it is looked at is looked at again this many times.
_TRIES = 3

# Nodes that are searched for by themselves, but for a deep look, which takes all.
_SAMPLE = 256

Kind = Literal[
    "damaged", "unfinished", "leftover", "orphans", "manifest", "foreign", "files", "lost"
]

_FIXES: dict[Kind, str] = {
    "damaged": "ingest it again, after verify --repair",
    "unfinished": "verify --repair, then ingest it again",
    "leftover": "verify --repair",
    "orphans": "verify --repair",
    "manifest": "verify --repair, then ingest the document again",
    "foreign": "move them: this collection should hold nothing else",
    "files": "run `advanced-rag rebuild`",
    "lost": "run `advanced-rag rebuild`",
}


@dataclass(frozen=True)
class Problem:
    """Something that should not be so.

    Attributes:
        kind: `damaged`: a visible document is not whole; `unfinished`: work that was cut
            short; `leftover`: nodes of a version that is not visible; `orphans`: nodes of
            no document; `manifest`: one that cannot be read; `foreign`: other points;
            `files`: they are not as they were left; `lost`: nodes that questions don't find.
        document_id: whose, or "".
        source: the document's, or "".
        detail: what is wrong.
        fix: what helps.
        repaired: it was so, and no longer is.
    """

    kind: Kind
    document_id: str
    source: str
    detail: str
    fix: str
    repaired: bool


@dataclass
class Verification:
    """What `verify` looked at and found."""

    documents: int = 0
    nodes: int = 0
    points: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, or no longer."""
        return not self.unrepaired

    @property
    def unrepaired(self) -> list[Problem]:
        """What is still wrong."""
        return [problem for problem in self.problems if not problem.repaired]


def verify(
    store: TreeStore,
    *,
    repair: bool = False,
    deep: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> Verification:
    """Look at every point of the collection, and mend what can be mended.

    Documents that this process is writing are not taken for damage, and repairing waits for
    them. Those that another process writes to a server look like work that was cut short:
    repair when all is quiet.

    Args:
        store: what to look at.
        repair: delete what no query can see, and mark damaged documents for the next
            ingest. Without it nothing is written.
        deep: search for every node by its own vector and words, not for a sample of them: some
            10 ms each.
        on_progress: called with the points looked at and those there are.

    Raises:
        StoreError: nothing is indexed yet, or the index cannot be read.
    """
    with store.writing() if repair else nullcontext():
        return _Verifier(store, repair, deep, on_progress).run()


class _Verifier:
    def __init__(self, store: TreeStore, repair: bool, deep: bool, on_progress: OnProgress) -> None:
        self._store = store
        self._repair = repair
        self._on_progress = on_progress
        self._fingerprint = store.fingerprint()
        self._findable = Findable(store, len(self._fingerprint.levels) - 1)
        self._found = Verification(points=store.count())
        self._bare: set[str] = set()
        self._expected = store.count(matching(kind=(*NODES, "manifest")))
        self._seen = 0
        self._every = 1 if deep else max(1, self._found.points // _SAMPLE)

    def run(self) -> Verification:
        self._find_damaged_files()
        self._find_bare_nodes()
        for group in groups(self._readable(), leaves=_GROUP_LEAVES, documents=_GROUP_DOCUMENTS):
            self._look_at(group)
            self._tell("checked", min(self._seen, self._found.points))
        self._find_orphans()
        self._find_foreign_points()
        self._tell("done", self._found.points)
        return self._found

    def _tell(self, event: ProgressEvent, points: int) -> None:
        self._on_progress(Progress(event, "", points, self._found.points))

    def _report(
        self,
        kind: Kind,
        detail: str,
        manifest: Manifest | None = None,
        *,
        document_id: str = "",
        repaired: bool = False,
    ) -> None:
        self._found.problems.append(
            Problem(
                kind,
                manifest.document_id if manifest else document_id,
                manifest.source if manifest else "",
                detail,
                "" if repaired else _FIXES[kind],
                repaired,
            )
        )

    def _readable(self) -> Iterator[Manifest]:
        for point in manifest_points(self._store):
            self._seen += 1
            manifest = manifest_of(point)
            if manifest is None:
                self._unreadable(point)
            else:
                yield manifest

    def _unreadable(self, point: models.Record) -> None:
        # No query survives it, so it hides its document, and perhaps others.
        if self._repair:
            self._store.delete([str(point.id)])
        document_id = str((point.payload or {}).get("document_id", ""))
        self._report(
            "manifest",
            f"point {point.id} is not a manifest that can be read",
            document_id=document_id,
            repaired=self._repair,
        )

    def _find_damaged_files(self) -> None:
        backend = self._store.engine.client._client
        if isinstance(backend, EdgeBackend):
            for what in backend.damaged_files(self._store.collection):
                self._report("files", what)

    def _find_bare_nodes(self) -> None:
        condition = matching(kind=NODES)
        condition.must_not = [models.HasVectorCondition(has_vector=DENSE)]
        if self._store.count(condition) == 0:
            return
        for points in self._store.scroll(condition, payload=False):
            self._bare |= {str(point.id) for point in points}

    def _look_at(self, group: Sequence[Manifest], tries: int = _TRIES) -> None:
        walk = Walk(self._store, group)
        sample: list[tuple[str, str]] = []
        place = self._seen
        for points in walk.nodes(bare=self._bare):
            sample += [
                (point.payload["document_id"], point.id)
                for number, point in enumerate(points, place)
                if number % self._every == 0
            ]
            place += len(points)
        again: list[Manifest] = []
        wrong = walk.problems()
        # What isn't there can't be found: that is said of the document already.
        lost = self._findable.problems([id_ for name, id_ in sample if not wrong[name]])
        for manifest in group:
            name = manifest.document_id
            problems, others, nodes = wrong[name], walk.others[name], walk.checks[name].nodes
            suspicious = problems or others or not manifest.settled
            now = self._store.manifest(name) if suspicious else manifest
            if now != manifest and tries > 1:
                # It changed under our hands: a second look, or it is gone.
                again += [now] if now is not None else []
                continue
            self._judge(manifest, problems, others)
            self._found.documents += manifest.version is not None
            self._found.nodes += nodes
            self._seen += nodes + others.total()
        shown = [found for found in group if found.version is not None]
        if not again:
            lost += self._findable.manifest_problems(shown)
        for what in () if again or self._store.unfinished() else lost:
            self._report("lost", what)
        if again:
            self._look_at(again, tries - 1)

    def _judge(self, manifest: Manifest, problems: list[str], others: Counter[str]) -> None:
        if not manifest.settled and self._store.unfinished():
            return  # being written, by another thread
        count = others.total()
        marked = (manifest.version or "").endswith(DAMAGED)
        if marked and others.get(original_version(manifest)):
            # A repair that was cut short between its two writes.
            if self._repair:
                self._mark(manifest)
            problems, count = ["nodes that are hidden by an unfinished repair"], 0
        if not manifest.settled or count:
            kind: Kind = "leftover" if manifest.settled else "unfinished"
            what = "nodes that no query can see" if count else "no nodes left behind"
            hidden = ", the document itself is invisible" if manifest.version is None else ""
            if self._repair:
                self._store.settle(manifest)
            detail = f"{count or ''} {what}{hidden}".strip()
            self._report(kind, detail, manifest, repaired=self._repair)
        if marked:
            known = "found to be damaged before"
            self._report("damaged", "; ".join(problems or [known]), manifest)
        elif problems:
            if self._repair:
                self._mark(manifest)
            self._report("damaged", "; ".join(problems), manifest)

    def _mark(self, manifest: Manifest) -> None:
        """Let the next ingest write a damaged document anew; until then it stays as it is.

        A damaged version is another version than the one that was ingested: it gets a
        name of its own, first in the manifest, so that a crash in between leaves a
        document that the next ingest or repair puts right.
        """
        version = original_version(manifest)
        marked = manifest.model_copy(update={"version": version + DAMAGED, "settled": True})
        self._store.put([manifest_point(marked)])
        with store_errors(self._store.engine.address):
            self._store.engine.client.set_payload(
                self._store.collection,
                {"version": marked.version},
                points=nodes_of(manifest.document_id, version),
                wait=True,
            )

    def _find_orphans(self) -> None:
        """Nodes whose document is not there: only looked for if the counts say so."""
        if self._seen == self._expected:
            return
        orphans: Counter[str] = Counter()
        for points in self._store.scroll(matching(kind=NODES), payload=["document_id"]):
            here = Counter(str((point.payload or {}).get("document_id")) for point in points)
            known = self._with_manifest(here)
            orphans.update({name: count for name, count in here.items() if name not in known})
        for name, count in orphans.items():
            if self._repair:
                self._store.delete(nodes_of(name))
            self._report(
                "orphans",
                f"{count} nodes of a document that is not there",
                document_id=name,
                repaired=self._repair,
            )

    def _with_manifest(self, document_ids: Iterable[str]) -> set[str]:
        places = {manifest_id(name): name for name in document_ids}
        with store_errors(self._store.engine.address):
            found = self._store.engine.client.retrieve(
                self._store.collection, list(places), with_payload=False
            )
        return {places[str(point.id)] for point in found}

    def _find_foreign_points(self) -> None:
        kinds = (*NODES, "manifest", "collection")
        ours = [condition for kind in kinds for condition in matching(kind=kind).must or []]
        count = self._store.count(models.Filter(must_not=ours))
        if count:
            self._report("foreign", f"{count} points that are not this project's")
