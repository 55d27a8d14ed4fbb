"""A process that ingests, updates, deletes, copies, exports, rebuilds is killed, again and again.

    python -m tests.benchmarks.crashes [--kills 100] [--seed 1] [--mostly rebuilt] [--json]

After every kill the folder is opened and looked at:

- queries show whole documents, each in the version that was last acknowledged, or in the
  one that was being written; nothing that was acknowledged is lost;
- the check of all points finds work that was cut short, and no damage;
- the export is the last one that was complete, and what was copied is whole.

After every other kill, and at the end, the interrupted work is done again, and the check
must find nothing at all. (In between, one crash meets what another left.)

Loading the library takes seconds, so it is loaded once, in a process that opens no index
and forks the ones that do.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import indexes.ingestion
from indexes.errors import DocumentError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.upkeep import verify
from indexes.tree import build_tree
from tests.benchmarks.versioned import LEVELS, HashEmbedding, document, shown, text_of

DOCUMENTS = [f"doc-{n}" for n in range(6)]
# So that a document takes several writes: there is more to interrupt.
SLICE = 8
LONGEST_SECONDS = 0.4
# A rebuild, or a copy, takes longer.
LONGER_SECONDS = 4.0
EXPORT = "export.jsonl"
TRANSFERS = ("rebuilt", "exported", "copied")
ABSENT = 0


@dataclass
class Log:
    """What was begun and what was acknowledged, in a file that outlives its writer.

    A line is `begin` or `done`, the document, and the version; 0 is a deletion.
    """

    path: Path

    def write(self, what: str, name: str, version: int) -> None:
        # One small write to a file opened for appending is one step.
        with self.path.open("ab", buffering=0) as file:
            file.write(f"{what} {name} {version}\n".encode())

    def read(self) -> tuple[dict[str, int], dict[str, set[int]]]:
        """By document: the acknowledged version, and those begun since."""
        done = dict.fromkeys(DOCUMENTS, ABSENT)
        begun: dict[str, set[int]] = {name: set() for name in DOCUMENTS}
        for line in self.path.read_text().splitlines():
            what, name, version = line.split()
            if what == "done":
                done[name] = int(version)
                begun[name].clear()
            elif what == "begin":
                begun[name].add(int(version))
        return done, begun

    def versions(self, name: str) -> set[str]:
        """All texts that a document ever had, or was about to have."""
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return {text_of(name, int(version)) for _, named, version in lines if named == name}

    def acknowledged(self) -> int:
        return self.path.read_text().count("done ")


@dataclass
class Outcome:
    """What came of it."""

    kills: int = 0
    acknowledged: int = 0
    interrupted: int = 0
    transfers: Counter[str] = field(default_factory=Counter)
    left_behind: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        counted = {"left_behind": dict(self.left_behind), "transfers": dict(self.transfers)}
        return {**self.__dict__, **counted}


def opened(folder: Path, name: str = "index") -> HierarchicalIndex:
    settings = load_settings(index=str(folder / name), levels=LEVELS, top_k=1000)
    return HierarchicalIndex(settings, embedding=HashEmbedding())


def make(folder: Path) -> None:
    """An index without documents."""
    with opened(folder) as index:
        index.ingest([])


def work(folder: Path, seed: int, mostly: str | None) -> None:
    """Ingest, update and delete until killed, and say so before and after."""
    rng = random.Random(seed)
    log = Log(folder / "log")
    indexes.ingestion._SLICE = SLICE
    with opened(folder) as index:
        log.write("ready", "-", 0)
        while True:
            chosen = rng.sample(DOCUMENTS, rng.choice([1, 1, 2, 4]))
            dice = rng.random()
            if mostly and index.documents() and dice < 0.8:
                transfer(index, folder, log, mostly)
                continue
            if dice < 0.25:
                delete(index, log, chosen[0])
                continue
            if dice < 0.5:
                transfer(index, folder, log, rng.choice(TRANSFERS))
                continue
            versions = {name: rng.randrange(1, 10**9) for name in chosen}
            for name, version in versions.items():
                log.write("begin", name, version)

            def acknowledge(step: Any, versions: dict[str, int] = versions) -> None:
                if step.event == "stored":
                    log.write("done", step.what, versions[step.what])

            index.ingest([document(*one) for one in versions.items()], on_progress=acknowledge)


def transfer(index: HierarchicalIndex, folder: Path, log: Log, what: str) -> None:
    """What changes no document."""
    if what == "exported":
        index.export_file(folder / EXPORT)
    elif what == "copied":
        with opened(folder, "copy") as target:
            index.copy_to(target)
    elif index.documents():
        index.rebuild()
    log.write(what, "-", 0)


def delete(index: HierarchicalIndex, log: Log, name: str) -> None:
    log.write("begin", name, ABSENT)
    try:
        index.remove(name)
    except DocumentError as error:
        assert "no document is called" in str(error), error
    log.write("done", name, ABSENT)


def check(folder: Path, *, recover: bool) -> dict[str, Any]:
    """Look at what is there after a kill. Raises AssertionError on anything wrong."""
    log = Log(folder / "log")
    done, begun = log.read()
    with opened(folder) as index:
        seen = shown(index)
        assert set(seen) == {manifest.source for manifest in index.documents()}
        for name in DOCUMENTS:
            allowed = {version: text_of(name, version) for version in {done[name], *begun[name]}}
            allowed.pop(ABSENT, None)
            if name not in seen:
                assert ABSENT in {done[name], *begun[name]}, f"{name} is lost"
            else:
                assert seen[name] in allowed.values(), f"{name} is not whole: {seen[name][:300]}"
        found = verify(index.store)
        kinds = Counter(problem.kind for problem in found.problems)
        assert set(kinds) <= {"unfinished", "leftover"}, found.problems
        interrupted = sum(bool(versions) for versions in begun.values())
        check_copies(folder, log)
        if recover:
            finish(index, log, begun)
            index.export_file(folder / EXPORT)
            with opened(folder, "copy") as target:
                index.copy_to(target)
                assert verify(target.store).clean
                copied = shown(target)
                assert all(copied[name] == text for name, text in shown(index).items())
            names = {"index", "copy", "log", EXPORT, "worker.json", "make.json", "check.json"}
            left = [path.name for path in (folder, folder / "index") for path in path.iterdir()]
            left = [name for name in left if name not in names | {"collections", "damaged"}]
            assert {*left} <= {".lock", "holder.json"}, f"left behind: {left}"
            found = verify(index.store)
            assert found.clean, found.problems
            done, _ = log.read()
            expected = {name: text_of(name, version) for name, version in done.items() if version}
            assert shown(index) == expected
    return {"left_behind": kinds, "interrupted": interrupted}


def check_copies(folder: Path, log: Log) -> None:
    """An export is complete or absent; what a copy shows are whole documents of some version."""
    if (folder / EXPORT).exists():
        *lines, last = (folder / EXPORT).read_bytes().splitlines(keepends=True)
        assert json.loads(last)["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    if (folder / "copy").exists():
        with opened(folder, "copy") as target:
            # Killed right at the start, it has a collection with nothing in it.
            if not target.store.exists() or target.store.count() == 0:
                return
            for name, text in shown(target).items():
                assert text in log.versions(name), f"{name} is not whole in the copy: {text[:300]}"
            kinds = {problem.kind for problem in verify(target.store).problems}
            assert kinds <= {"unfinished", "leftover"}, kinds


def finish(index: HierarchicalIndex, log: Log, begun: dict[str, set[int]]) -> None:
    """Do again what was interrupted, as whoever started it would."""
    index.ingest([])
    for name, versions in begun.items():
        if not versions:
            continue
        version = max(versions)
        if version == ABSENT:
            delete(index, log, name)
        else:
            index.ingest([document(name, version)])
            log.write("done", name, version)


def forked(task: Callable[[], Any], result: Path) -> int:
    """Run a task in a process of its own; its result, or how it failed, is in a file."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        result.write_text(json.dumps({"result": task()}))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, it is told and the process ends
        result.write_text(json.dumps({"error": traceback.format_exc()}))
    finally:
        os._exit(code)


def kill_and_check(
    folder: Path, number: int, rng: random.Random, outcome: Outcome, mostly: str | None
) -> None:
    log = Log(folder / "log")
    before = log.path.read_text().count("ready ")
    seed = rng.randrange(10**9)
    child = forked(lambda: work(folder, seed, mostly), folder / "worker.json")
    if rng.random() < 0.8:
        deadline = time.monotonic() + 60
        while log.path.read_text().count("ready ") == before:
            if os.waitpid(child, os.WNOHANG)[0] or time.monotonic() > deadline:
                raise AssertionError((folder / "worker.json").read_text())
            time.sleep(0.002)
    time.sleep(rng.uniform(0, LONGER_SECONDS if mostly or rng.random() > 0.7 else LONGEST_SECONDS))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise AssertionError((folder / "worker.json").read_text())
    outcome.kills += 1
    report = folder / "check.json"
    os.waitpid(forked(lambda: check(folder, recover=number % 2 == 1), report), 0)
    found = json.loads(report.read_text())
    if "error" in found:
        raise AssertionError(found["error"])
    outcome.left_behind.update(found["result"]["left_behind"])
    outcome.interrupted += found["result"]["interrupted"]


def run(
    kills: int,
    seed: int,
    on_kill: Callable[[Outcome], None] = lambda _: None,
    mostly: str | None = None,
) -> Outcome:
    """Kill so many times, at instants that `seed` chooses; stops at the first failure."""
    rng = random.Random(seed)
    outcome = Outcome()
    # Loads the tokens' and sentences' tables, here rather than in every child.
    build_tree(text_of("-", 1), document_id="-", version="1", levels=LEVELS)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log = Log(folder / "log")
        log.path.touch()
        os.waitpid(forked(lambda: make(folder), folder / "make.json"), 0)
        for number in range(1, kills + 1):
            try:
                # The last one is recovered from, too.
                kill_and_check(folder, number + (kills + 1) % 2, rng, outcome, mostly)
            except AssertionError as error:
                outcome.failures.append(f"kill {number}: {error}")
                break
            finally:
                outcome.acknowledged = log.acknowledged()
                said = Counter(line.split()[0] for line in log.path.read_text().splitlines())
                outcome.transfers = Counter({name: said[name] for name in TRANSFERS})
            on_kill(outcome)
    outcome.seconds = round(time.perf_counter() - started, 1)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mostly", choices=TRANSFERS, help="what the killed process does most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    def tell(outcome: Outcome) -> None:
        print(f"\r{outcome.kills} kills", end="", file=sys.stderr, flush=True)

    outcome = run(options.kills, options.seed, tell, options.mostly)
    print(file=sys.stderr)
    if options.json:
        print(json.dumps(outcome.to_json()))
    else:
        print(f"{'kills':28}{outcome.kills:8}")
        print(f"{'acknowledged changes':28}{outcome.acknowledged:8}")
        print(f"{'interrupted changes':28}{outcome.interrupted:8}")
        for kind, count in outcome.transfers.items():
            print(f"{kind:28}{count:8}")
        for kind, count in sorted(outcome.left_behind.items()):
            print(f"{'left behind: ' + kind:28}{count:8}")
        print(f"{'failures':28}{len(outcome.failures):8}")
        print(f"{'seconds':28}{outcome.seconds:8}")
        for failure in outcome.failures:
            print(failure)
    sys.exit(bool(outcome.failures))


if __name__ == "__main__":
    main()
