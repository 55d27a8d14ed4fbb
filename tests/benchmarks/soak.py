"""Many questions with writes between them, and what the process holds meanwhile.

    python -m tests.benchmarks.soak [--questions 2000] [--json]

Every few questions a file is uploaded, documents are added or changed, one is deleted, all are
copied to another folder; in the middle of each quarter the collection is rebuilt. Embedding and
answers cost nothing, so that what grows is ours. At the end of each quarter, memory, threads,
descriptors, mapped files and files left in temporary places are read of `/proc` (Linux), and
each document must be as it was written.
"""

import argparse
import gc
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.benchmarks.versioned import LEVELS, HashEmbedding, document, shown, text_of
from tests.fakes import ScriptedLLM

PATTERNS = ("regular", "parent", "parent-ratio", "parent-whole")
NAMES = tuple(f"doc-{number}" for number in range(6))
UPLOAD = "upload.txt"
# What an allocator may keep of a quarter's work, whatever that was.
_SLACK = 16 * 2**20


@dataclass(frozen=True)
class Held:
    """What the process holds after so many questions, and on disk beside its indexes."""

    questions: int
    seconds: float
    memory: int
    threads: int
    descriptors: int
    mapped: int
    temporary: int
    index: int


def grown(quarters: Sequence[Held]) -> list[str]:
    """What grew from the second quarter to the last; the first is for warming up."""
    _, early, *_, late = quarters
    found = []
    if late.memory > early.memory * 1.1 + _SLACK:
        found.append(f"memory grew from {early.memory:,} to {late.memory:,} bytes")
    for name in ("threads", "descriptors", "mapped", "temporary"):
        before, after = getattr(early, name), getattr(late, name)
        if after > before * 1.1 + 2:
            found.append(f"{name} grew from {before} to {after}")
    return found


class Soak:
    """An index in a folder that is asked, filled, emptied, copied and rebuilt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rng = random.Random(7)
        self._there: dict[str, str] = {}
        self._started = time.perf_counter()
        self._index = _opened(folder / "index")
        self._copy = _opened(folder / "copy")

    def run(self, questions: int) -> list[Held]:
        """Four quarters of so many questions in all, and what was held after each."""
        quarter = max(1, questions // 4)
        self._write()
        quarters = []
        for asked in range(1, 4 * quarter + 1):
            self._ask()
            self._between(asked)
            if asked % quarter == quarter // 2:
                self._index.rebuild()
            if asked % quarter == 0:
                assert shown(self._index) == self._there, "documents are not as they were written"
                quarters.append(self._held(asked))
        return quarters

    def close(self) -> None:
        self._index.close()
        self._copy.close()

    def _ask(self) -> None:
        pattern = self._rng.choice(PATTERNS)
        question = f"What is sentence {self._rng.randrange(18)} like?"
        assert self._index.ask(question, pattern, budget=400).answer

    def _between(self, asked: int) -> None:
        if asked % 4 == 0:
            self._write()
        if asked % 10 == 0 and (names := [name for name in NAMES if name in self._there]):
            name = self._rng.choice(names)
            self._index.remove(name)
            del self._there[name]
        if asked % 25 == 0:
            self._upload(asked)
        if asked % 20 == 0:
            assert self._index.copy_to(self._copy).failed == []

    def _write(self) -> None:
        given = {name: self._rng.randrange(1, 10**9) for name in self._rng.sample(NAMES, 2)}
        assert self._index.ingest([document(*one) for one in given.items()]).failed == []
        self._there.update({name: text_of(name, version) for name, version in given.items()})

    def _upload(self, version: int) -> None:
        """A file, which is read in a process of its own."""
        path = self._folder / UPLOAD
        text = text_of(UPLOAD, version)
        path.write_text(text, encoding="utf-8")
        found = self._index.load(path)
        assert self._index.ingest([found]).failed == []
        self._there[UPLOAD] = text

    def _held(self, asked: int) -> Held:
        gc.collect()
        beside = [tempfile.gettempdir(), self._folder / "index"]
        usual = {"collections", "holder.json", ".lock"}
        left = [
            path for folder in beside for path in Path(folder).iterdir() if path.name not in usual
        ]
        return Held(
            asked,
            time.perf_counter() - self._started,
            _memory(),
            _status("Threads"),
            len(list(Path("/proc/self/fd").iterdir())),
            len({line.split()[-1] for line in _lines("maps") if str(self._folder) in line}),
            len(left),
            sum(
                512 * p.stat().st_blocks for p in (self._folder / "index").rglob("*") if p.is_file()
            ),
        )


def _opened(folder: Path) -> HierarchicalIndex:
    settings = load_settings(index=str(folder), levels=LEVELS, top_k=1000)
    return HierarchicalIndex(settings, embedding=HashEmbedding(), llm=ScriptedLLM())


def _lines(name: str) -> list[str]:
    return Path("/proc/self", name).read_text(encoding="utf-8").splitlines()


def _status(name: str) -> int:
    return next(int(line.split()[1]) for line in _lines("status") if line.startswith(f"{name}:"))


def _memory() -> int:
    return 1024 * _status("VmRSS")


def soak(questions: int) -> list[Held]:
    """In folders of its own, temporary files among them."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory() as scratch:
        temporary = Path(scratch) / "temporary"
        temporary.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
        run = Soak(Path(scratch))
        try:
            return run.run(questions)
        finally:
            run.close()
            tempfile.tempdir = before[0]
            if before[1] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    quarters = soak(options.questions)
    problems = grown(quarters)
    if options.json:
        print(json.dumps({"quarters": list(map(asdict, quarters)), "problems": problems}))
    else:
        print("".join(f"{name:>14}" for name in asdict(quarters[0])))
        for held in quarters:
            print("".join(f"{value:14,.0f}" for value in asdict(held).values()))
        print("\n".join(problems) or "flat")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
