"""What a full disk does: each operation, with one place or another on a disk without room.

    python -m tests.benchmarks.disks [--on ext4|tmpfs|faults] [--only OPERATION] [--json]

A small index, the cache, the temporary folder or the export lies on a disk of its own, which is
filled up to some bytes. A process of its own then does one thing. It may say in one line that it
can't; it must not be ended by a signal, nor lose a document: with room again, the index opens,
holds every document as it was or as it was to be, passes a deep verification, and what was asked
for succeeds.

The disk is a file with a file system in it, mounted where only this process sees it, for which it
has to be root; `tmpfs` is one in memory. Elsewhere, the faults are made up: free room is what is
said, and files may not grow.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from llama_index.core.schema import Document

import indexes.disks
from indexes.index import HierarchicalIndex
from tests.benchmarks.damage import answers, apart, documents, opened

PLACES = ("index", "cache", "temporary", "export")
DISK_MB = 400
# How much is left, in KB: nothing, too little, and hardly enough.
LEFT = (0, 4_000, 34_000)


class Disk:
    """A disk of its own, at `place`, whose free room can be set."""

    def __init__(self, place: Path, kind: str) -> None:
        self.place = place
        self.kind = kind
        place.mkdir()
        if kind == "ext4":
            image = place.with_suffix(".image")
            with image.open("wb") as file:
                file.truncate(DISK_MB * 1024 * 1024)
            _run("mkfs.ext4", "-q", "-m", "0", str(image))
            _run("mount", "-o", "loop", str(image), str(place))
        elif kind == "tmpfs":
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place))

    def free(self) -> int:
        return shutil.disk_usage(self.place).free

    @contextmanager
    def filled(self, left: int) -> Any:
        """Fill it up to so many bytes."""
        filler = self.place / "filler"
        if self.kind == "faults":
            yield
            return
        if self.free() > 2 * DISK_MB * 1024 * 1024:
            raise SystemExit("the disk is not the one that was made: nothing is filled")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while (room := self.free() - left) > 0:
                file.write(bytes(min(room, 1 << 20)))
                os.fsync(file.fileno())
        try:
            yield
        finally:
            filler.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


# --- what is done ---------------------------------------------------------------------------

NEW = Document(id_="new", text="Year 2031. " + "A gull sat on the pier and slept. " * 400)


def changed() -> Document:
    return Document(id_="d1", text="Year 2017, corrected. " + documents()[1].text)


class Work:
    """The operations, on an index and beside it."""

    def __init__(self, index: Path, beside: Path) -> None:
        self.index = index
        self.beside = beside

    def ask(self) -> None:
        with opened(self.index) as index:
            assert answers(index)

    def ingest(self) -> None:
        with opened(self.index) as index:
            index.ingest([NEW])

    def update(self) -> None:
        with opened(self.index) as index:
            index.ingest([changed()])

    def remove(self) -> None:
        with opened(self.index) as index:
            if any(found.document_id == "d2" for found in index.documents()):
                index.remove("d2")

    def optimise(self) -> None:
        with opened(self.index) as index:
            index.engine.client._client.optimize(index.store.collection)

    def verify(self) -> None:
        with opened(self.index) as index:
            assert index.verify(deep=True).clean

    def repair(self) -> None:
        with opened(self.index) as index:
            index.verify(repair=True)

    def rebuild(self) -> None:
        with opened(self.index) as index:
            index.rebuild()

    def export(self) -> None:
        with opened(self.index) as index:
            index.export_file(self.beside / "export.jsonl")

    def import_(self) -> None:
        with opened(self.beside / "imported") as index:
            index.import_file(self.index.parent / "kept.jsonl")

    def copy(self) -> None:
        with opened(self.index) as index, opened(self.beside / "copied") as target:
            index.copy_to(target)

    def make(self) -> None:
        with opened(self.beside / "made") as index:
            index.ingest(documents()[:2])


OPERATIONS: dict[str, Callable[[Work], None]] = {
    name.strip("_"): call
    for name, call in vars(Work).items()
    if callable(call) and not name.startswith("__")
}


def contents(index: HierarchicalIndex) -> dict[str, str]:
    """All texts, by document."""
    found = {}
    for manifest in index.documents():
        leaves = index.store.leaves(manifest.document_id, manifest.version or "", 100_000)
        found[manifest.document_id] = "".join(leaf.text for leaf in leaves)
    return found


def afterwards(folder: Path) -> list[str]:
    """What is wrong with the index once there is room again."""
    allowed = {document.id_: {document.text} for document in documents()}
    allowed["d1"].add(changed().text)
    allowed["new"] = {NEW.text}
    with opened(folder) as index:
        index.ingest([])  # finishes what was cut short
        there = contents(index)
        wrong = [f"{name} is lost" for name in ("d0", "d1", "d3", "d4", "d5") if name not in there]
        wrong += [f"{name} is wrong" for name, text in there.items() if text not in allowed[name]]
        wrong += [str(problem) for problem in index.verify(deep=True).problems]
    return wrong


def litter(folder: Path) -> list[str]:
    """What operations that failed left behind."""
    names = [path.name for path in folder.rglob("*") if ".rebuild-" in str(path)]
    names += [path.name for path in folder.glob("*") if path.name.startswith(".export")]
    shards = list(folder.glob("**/shard-*"))
    return names + [path.name for path in shards[len({path.parent for path in shards}) :]]


# --- the matrix -----------------------------------------------------------------------------


def case(whole: Path, disk: Disk, scratch: Path, operation: str, place: str, left: int) -> Any:
    """One operation with one place on the full disk: (what came of it, in words)."""
    for old in (*disk.place.iterdir(), *scratch.iterdir()):
        if old.name != "lost+found":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    home = disk.place if place == "index" else scratch
    work = Work(home / "index", disk.place if place in ("index", "export") else scratch)
    _run("cp", "-r", "--sparse=always", f"{whole}/.", str(home))

    def on_the_full_disk() -> None:
        if disk.kind == "faults":
            resource.setrlimit(resource.RLIMIT_FSIZE, (left, left))
            indexes.disks.free_bytes = lambda path: (
                left if path.is_relative_to(disk.place) else 1 << 40
            )
        if place == "temporary":
            os.environ["TMPDIR"] = tempfile.tempdir = str(disk.place)
        if place == "cache":
            os.environ["RAG_CACHE"] = str(disk.place)
        OPERATIONS[operation](work)

    with disk.filled(left):
        came = apart(on_the_full_disk)
    kind = next((name for name in ("signal", "traceback", "told") if name in came), "done")
    wrong = apart(lambda: afterwards(work.index))
    lost = wrong.get("gave") if "gave" in wrong else [f"afterwards: {wrong}"]
    again = apart(lambda: OPERATIONS[operation](work))
    if "gave" not in again:
        lost = [*(lost or []), f"again: {again}"]
    lost = [*(lost or []), *(f"left behind: {name}" for name in litter(home))]
    return kind, str(came.get(kind, ""))[-600:], lost


def matrix(kind: str, only: str | None) -> dict[str, Any]:
    """All of them."""
    found: Counter[str] = Counter()
    worst: list[str] = []
    said: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as base:
        whole, scratch = Path(base) / "whole", Path(base) / "scratch"
        whole.mkdir()
        scratch.mkdir()
        made = apart(lambda: _make(whole))
        assert "gave" in made, made
        disk = Disk(Path(base) / "disk", kind)
        try:
            for operation in [only] if only else OPERATIONS:
                for place in PLACES:
                    # Few write to the other places, and never much.
                    for left in LEFT if place in ("index", "export") else LEFT[:1]:
                        came, words, lost = case(
                            whole, disk, scratch, operation, place, left * 1024
                        )
                        found["cases"] += 1
                        found[came] += 1
                        said[words] += came == "told"
                        about = f"{operation}, {place} on the full disk, {left} KB left"
                        bad = came in ("signal", "traceback") or "\n" in words
                        for wrong in [f"{came}: {words}"] * bad + [f"lost: {lost}"] * bool(lost):
                            worst.append(f"{about}: {wrong[:600]}")
                            print(worst[-1], flush=True)
                        found["lost"] += bool(lost)
        finally:
            if kind != "faults":
                _run("umount", "-l", str(disk.place))
    return {
        "on": kind,
        **{name: found[name] for name in ("cases", "done", "told", "traceback", "signal", "lost")},
        "worst": worst,
        "said": dict(said.most_common(40)),
    }


def _make(whole: Path) -> None:
    with opened(whole / "index") as index:
        index.ingest(documents())
        index.export_file(whole / "kept.jsonl")


def mounts(kind: str) -> bool:
    """Whether this process may mount such a disk."""
    with tempfile.TemporaryDirectory() as base:
        try:
            disk = Disk(Path(base) / "disk", kind)
        except (subprocess.CalledProcessError, OSError):
            return False
        _run("umount", str(disk.place))
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", choices=("ext4", "tmpfs", "faults"))
    parser.add_argument("--only", choices=tuple(OPERATIONS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if os.environ.get("RAG_ALONE") is None and shutil.which("unshare"):
        # What is mounted from here on, nobody else sees, and it goes with this process.
        alone = {**os.environ, "RAG_ALONE": "1"}
        command = ["unshare", "--mount", sys.executable, "-m", __spec__.name, *sys.argv[1:]]
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0:
            sys.exit(subprocess.run(command, env=alone, check=False).returncode)
    may = os.environ.get("RAG_ALONE") is not None
    kinds = [options.on] if options.on else ["ext4", "tmpfs", "faults"]
    kind = next(one for one in kinds if one == "faults" or (may and mounts(one)))
    found = matrix(kind, options.only)
    for name, count in found.items():
        if name not in ("worst", "said"):
            print(f"{name:12} {count}")
    for words, count in found["said"].items():
        if count:
            print(f"{count:5} {words}")
    if options.json:
        print(json.dumps(found))
    sys.exit(bool(found["worst"]))


if __name__ == "__main__":
    main()
