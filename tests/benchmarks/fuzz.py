"""Does any spoilt file get the better of a reader?

    python -m tests.benchmarks.fuzz [--count 2000] [--format pdf] [--only NUMBER] [--json]

Reads `count` spoilt files of each format (`tests.documents.mutation`; the same ones each time),
many in one process that is limited as the sandbox limits its own, and cuts them into trees.
What may come of a file:

- read: text, with every offset inside it and a report;
- refused: one line;
- ended: a library crashed, or took all memory. In use that costs one process, and gives one line;
- flaw: an exception out of this project's own code, an offset out of range, a message of
  several lines, more processor time than a file may take. There must be none.

Pictures are decoded, but not recognised: that would take an hour. Exits with 1 if there is a flaw.
"""

import argparse
import json
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.formats import reader_of
from indexes.documents.reader import Reading
from indexes.tree import build_tree
from tests.documents.mutation import mutant
from tests.documents.seeds import FORMATS

_OURS = str(Path(__file__).parents[2] / "indexes")
_LEVELS = (1024, 256, 128)
_MEMORY = 768 * 1024**2
# By the clock; the processor's time ends the process before that.
_PATIENCE = 60.0
_SECONDS = 6
_LONGEST_LINE = 400
_PICTURES = ("png", "jpg", "tiff")


@dataclass
class Findings:
    """What came of the spoilt files of one format."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    slowest: float = 0.0
    slowest_number: int = 0

    def note(self, number: int, what: str, seconds: float, said: str = "") -> None:
        """Count one."""
        self.counts[what] += 1
        if what == "flaw":
            self.flaws.append(f"{self.name} {number}: {said}")
        if what == "ended":
            self.ended.append(number)
        if seconds > self.slowest:
            self.slowest, self.slowest_number = seconds, number


# In the process that reads


def work(name: str, first: int, count: int) -> None:
    """Read spoilt files one after another, and print a line of JSON before and after each."""
    if name in _PICTURES:
        from indexes.documents.readers import picture

        picture.recognised = lambda *_: []
    _limit_memory()
    for number in range(first, first + count):
        data = mutant(name, number)
        _limit_time()
        print(json.dumps({"begins": number}), flush=True)
        started = time.process_time()
        what, said = outcome(name, data)
        print(json.dumps([number, what, time.process_time() - started, said]), flush=True)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    most = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _limit_time() -> None:
    until = int(time.process_time()) + _SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def outcome(name: str, data: bytes) -> tuple[str, str]:
    """What comes of a file, and what is said of it."""
    reader = reader_of(Path(f"a.{name}"))
    assert reader is not None
    try:
        found = reader.read(data, Reading(file_name=f"a.{name}", ocr=name in _PICTURES))
        tree = build_tree(
            found.text, document_id="", version="", levels=_LEVELS, structure=found.structure
        )
    except UnreadableError as error:
        return _judged(error)
    except MemoryError:
        return "refused", "memory"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "flaw", _place(error)
    wrong = wrong_places(found)
    if wrong or [node.start for node in tree.leaves[:1]] not in ([0], []):
        return "flaw", wrong or "the tree does not begin at 0"
    return "read", ""


def _judged(error: UnreadableError) -> tuple[str, str]:
    said = str(error)
    if "\n" in said or len(said) > _LONGEST_LINE or not said.isprintable():
        return "flaw", f"message: {said[:200]!r}"
    cause = error.__cause__
    if cause is not None and "is not a readable" in said and _inside(cause):
        return "flaw", _place(cause)
    return "refused", said


def _inside(error: BaseException) -> bool:
    """Whether it was raised in this project's code, not in a library's."""
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith(_OURS)


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(_OURS)]
    frame = ours[-1] if ours else last
    place = f"{Path(frame.filename).name}:{frame.lineno} {frame.line}"
    return f"{type(error).__name__}: {str(error)[:80]!r} at {place}"


def wrong_places(found: Extracted) -> str:
    """Which of the offsets lie outside of the text, or out of order."""
    length = len(found.text)
    found.text.encode()
    found.report.model_dump_json()
    structure = found.structure
    for what, places in {
        "pages": found.page_starts or (),
        "headings": [at for span in structure.headings for at in (span.start, span.end)],
        "rows": [at for table in structure.tables for at in (table.start, *table.rows, table.end)],
        "code": [at for span in structure.code for at in span],
        "layout": [mark.at for mark in found.layout],
    }.items():
        if any(left > right for left, right in pairwise([0, *places, length])):
            return f"{what} out of order, or of the text"
    return ""


# In the process that watches


def fuzz(name: str, count: int) -> Findings:
    """Spoilt files 0 to `count` of a format."""
    findings = Findings(name)
    number = 0
    while number < count:
        number = _watch(findings, number, count)
    return findings


def _watch(findings: Findings, first: int, count: int) -> int:
    """Have a process read from `first` on; the number after the last one it dealt with."""
    command = [sys.executable, "-m", "tests.benchmarks.fuzz", "--worker", findings.name]
    command += ["--first", str(first), "--count", str(count - first)]
    begun = first - 1
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        try:
            while select.select([process.stdout], [], [], _PATIENCE)[0]:
                line = process.stdout.readline()
                if not line.startswith(("{", "[")):
                    break
                told = json.loads(line)
                if isinstance(told, dict):
                    begun = told["begins"]
                else:
                    findings.note(*told)
                    first = told[0] + 1
            else:
                findings.note(begun, "flaw", _PATIENCE, f"nothing for {_PATIENCE:g} s")
                return begun + 1
            process.wait()
        finally:
            process.kill()
    if first >= count:
        return count
    if begun < first:
        raise SystemExit(f"{findings.name}: the process cannot begin: run --worker by hand")
    if process.returncode == -signal.SIGXCPU:
        findings.note(begun, "flaw", _SECONDS, f"took more than {_SECONDS} s")
    else:
        findings.note(begun, "ended", 0.0)
    return begun + 1


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="files of each format")
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--format", choices=FORMATS, action="append", help="may be repeated")
    parser.add_argument("--only", type=int, help="write the spoilt file of this number to stdout")
    parser.add_argument("--worker", choices=FORMATS, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    asked = parser.parse_args()
    if asked.worker:
        work(asked.worker, asked.first, asked.count)
        return
    names = asked.format or FORMATS
    if asked.only is not None:
        sys.stdout.buffer.write(mutant(names[0], asked.only))
        return
    print(f"{'format':8}{'read':>7}{'refused':>9}{'ended':>7}{'flaws':>7}  slowest (processor)")
    every = []
    for name in names:
        found = fuzz(name, asked.count)
        every.append(found)
        counts = found.counts
        print(
            f"{name:8}{counts['read']:7}{counts['refused']:9}{counts['ended']:7}"
            f"{counts['flaw']:7}  {found.slowest:.2f} s (number {found.slowest_number})",
            flush=True,
        )
        for line in found.flaws[:20]:
            print(f"    {line}")
        if found.ended:
            print(f"    ended: {found.ended[:20]}")
    flaws = sum(len(found.flaws) for found in every)
    if asked.json:
        figures = {
            found.name: {**found.counts, "slowest_seconds": round(found.slowest, 3)}
            for found in every
        }
        print(json.dumps({"count": asked.count, "flaws": flaws, "formats": figures}))
    if flaws:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
