"""What a collection holds, in figures."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint
from indexes.store.scan import visible


@dataclass(frozen=True)
class Statistics:
    """What a collection holds. `bytes_on_disk` is known for an embedded index only."""

    documents: int
    leaves: int
    nodes: int
    points: int
    characters: int
    tokens: int
    bytes_on_disk: int | None
    fingerprint: Fingerprint


def statistics(store: TreeStore) -> Statistics:
    """Count what queries can see, and every point.

    Raises:
        StoreError: nothing is indexed yet, or the index cannot be read.
    """
    fingerprint = store.fingerprint()
    totals: Counter[str] = Counter()
    for manifest in visible(store):
        totals["documents"] += 1
        for name in ("leaves", "nodes", "characters", "tokens"):
            totals[name] += getattr(manifest, name)
    return Statistics(
        documents=totals["documents"],
        leaves=totals["leaves"],
        nodes=totals["nodes"],
        points=store.count(),
        characters=totals["characters"],
        tokens=totals["tokens"],
        bytes_on_disk=_bytes_on_disk(store) if store.engine.embedded else None,
        fingerprint=fingerprint,
    )


def _bytes_on_disk(store: TreeStore) -> int:
    """What the collection's files take up; the engine's log files are mostly holes."""
    total = 0
    for file in (Path(store.engine.address) / "collections" / store.collection).rglob("*"):
        try:
            found = file.stat()
        except FileNotFoundError:
            continue  # the engine renames and removes files while we look
        blocks = getattr(found, "st_blocks", None)
        total += found.st_size if blocks is None else blocks * 512
    return total
