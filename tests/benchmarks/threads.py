"""Threads that read and threads that write share one index.

    python -m tests.benchmarks.threads [--seconds 60] [--readers 8] [--writers 4]
        [--copiers 0] [--json]

Each writer adds, updates and deletes documents of its own. Copiers copy all to a folder of their
own, again and again. Readers look at everything: a
document they see must be whole and of one version, which its every sentence names. At the
end each document must be as its writer left it, and the check of all points must find
nothing.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.benchmarks.versioned import (
    LEVELS,
    HashEmbedding,
    document,
    shown,
    text_of,
    versions_in,
)

DOCUMENTS_PER_WRITER = 2


@dataclass
class Outcome:
    """What came of it. `seen` counts documents in answers, whole ones all."""

    seconds: float
    readers: int
    writers: int
    queries: int = 0
    seen: int = 0
    writes: int = 0
    copies: int = 0
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


class _Crowd:
    def __init__(self, index: HierarchicalIndex, outcome: Outcome) -> None:
        self.index = index
        self.outcome = outcome
        self.stop = threading.Event()
        self.guard = threading.Lock()
        self.expected: dict[str, str] = {}

    def until_stopped(self, step: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        try:
            while not self.stop.is_set():
                step(rng)
        except BaseException:  # noqa: BLE001 - told, and the others are stopped
            with self.guard:
                self.outcome.failures.append(traceback.format_exc())
            self.stop.set()

    def read(self, rng: random.Random) -> None:
        pattern = rng.choice(["whole", "parent", "regular", "parent-ratio"])
        if pattern == "whole":
            documents = shown(self.index)
            for name, text in documents.items():
                found = versions_in(text)
                assert len(found) == 1, f"{name} is a mix of {found}"
                assert text == text_of(*found.pop()), f"{name} is not whole: {text[:200]}"
        else:
            contexts, _ = self.index.retrieve("sentence like no other", pattern, budget=120)
            documents = {context.document: context.text for context in contexts}
            versions: dict[str, set[int]] = {}
            for context in contexts:
                for name, version in versions_in(context.text):
                    versions.setdefault(name, set()).add(version)
                    whole = text_of(name, version)
                    assert context.text == whole[context.start : context.end]
            assert all(len(found) == 1 for found in versions.values()), f"a mix: {versions}"
        with self.guard:
            self.outcome.queries += 1
            self.outcome.seen += len(documents)

    def writer(self, number: int) -> Callable[[random.Random], None]:
        names = [f"doc-{number}-{n}" for n in range(DOCUMENTS_PER_WRITER)]
        there: dict[str, str] = {}

        def write(rng: random.Random) -> None:
            chosen = rng.sample(names, rng.choice([1, 1, 2]))
            if rng.random() < 0.2 and chosen[0] in there:
                self.index.remove(chosen[0])
                del there[chosen[0]]
            else:
                versions = {name: rng.randrange(1, 10**9) for name in chosen}
                report = self.index.ingest([document(*one) for one in versions.items()])
                assert report.failed == []
                there.update({name: text_of(name, one) for name, one in versions.items()})
            with self.guard:
                self.outcome.writes += 1
                for name in names:
                    self.expected.pop(name, None)
                self.expected.update(there)

        return write

    def copier(self, target: HierarchicalIndex) -> Callable[[random.Random], None]:
        def copy(_: random.Random) -> None:
            report = self.index.copy_to(target)
            assert all("keeps changing" in reason for _, reason in report.failed), report.failed
            for name, text in shown(target).items():
                assert text in {text_of(*one) for one in versions_in(text)}, f"{name} is not whole"
            with self.guard:
                self.outcome.copies += 1

        return copy


def run(
    index: HierarchicalIndex,
    seconds: float,
    readers: int,
    writers: int,
    copies: Sequence[HierarchicalIndex] = (),
) -> Outcome:
    """Read and write for so long; the first failure ends it."""
    outcome = Outcome(seconds, readers, writers)
    crowd = _Crowd(index, outcome)
    index.ingest([])
    steps = [crowd.read] * readers + [crowd.writer(number) for number in range(writers)]
    steps += [crowd.copier(target) for target in copies]
    threads = [
        threading.Thread(target=crowd.until_stopped, args=(step, seed))
        for seed, step in enumerate(steps)
    ]
    for thread in threads:
        thread.start()
    crowd.stop.wait(seconds)
    crowd.stop.set()
    for thread in threads:
        thread.join()
    if not outcome.failures:
        if shown(index) != crowd.expected:
            outcome.failures.append("at the end, documents are not as their writers left them")
        outcome.failures += [str(problem) for problem in index.verify().problems]
        for target in copies:
            index.copy_to(target)
            copied = shown(target)
            if any(copied.get(name) != text for name, text in crowd.expected.items()):
                outcome.failures.append("at the end, a copy lacks documents")
            outcome.failures += [str(problem) for problem in target.verify().problems]
    return outcome


def opened(folder: Path) -> HierarchicalIndex:
    """An index in a folder."""
    settings = load_settings(index=str(folder), levels=LEVELS, top_k=1000)
    return HierarchicalIndex(settings, embedding=HashEmbedding())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--copiers", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        index, *copies = (
            stack.enter_context(opened(Path(scratch) / f"index-{number}"))
            for number in range(1 + options.copiers)
        )
        outcome = run(index, options.seconds, options.readers, options.writers, copies)
    if options.json:
        print(json.dumps(outcome.to_json()))
    else:
        for name, value in outcome.to_json().items():
            if name != "failures":
                print(f"{name:12}{value:10g}")
        print(f"{'failures':12}{len(outcome.failures):10}")
        for failure in outcome.failures:
            print(failure)
    sys.exit(bool(outcome.failures))


if __name__ == "__main__":
    main()
