"""All benchmarks with their last figures; measured anew, what got worse is marked.

    python -m tests.benchmarks.figures [--only NAME …] [--record] [--write docs/benchmarks.md]

`figures.json` beside this file says which benchmarks there are, how each is run, which of its
figures count, in which direction, and what they were last. With `--only` those benchmarks are run
again, with `--all` every one that needs nothing but this checkout and its data. `--record` keeps
what was found as the last figures. Without either, the table is printed as it is.

A figure is worse if it lies on the wrong side of the last one by more than `within`, a share of the
last: a quarter for times, which a busy machine changes, nothing for counts.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

RECORDED = Path(__file__).with_suffix(".json")
_HEADER = """\
# Benchmarks

Each prints a table and, with `--json`, one JSON object as its last line. The figures are from
machines with two shared cores, so compare figures of one run with one another. `make figures`
prints this page; `make figures ONLY="query store"` measures these two again and marks what got
worse; `RECORD=--record` keeps what it found. This page is made from
`tests/benchmarks/figures.json`.

"""
_ABSENT = "–"


class Figure(BaseModel):
    """One number of a benchmark's JSON object."""

    model_config = ConfigDict(extra="forbid")

    name: str
    path: str
    """Keys to it, with `/` between them."""
    over: str | None = None
    """The same of what it is divided by."""
    absent: float | None = None
    """What it is if it isn't there, of a count that leaves out what never happened."""
    unit: str = ""
    better: str = "lower"
    """`lower` or `higher`."""
    aim: float | None = None
    within: float = 0.25
    last: float | None = None
    now: float | None = None

    @property
    def worse(self) -> bool:
        """Whether it got worse by more than is let pass."""
        if self.now is None or self.last is None:
            return False
        lost = self.now - self.last if self.better == "lower" else self.last - self.now
        return lost > abs(self.last) * self.within + 1e-9

    @property
    def missed(self) -> bool:
        """Whether the newest figure misses the aim."""
        found = self.last if self.now is None else self.now
        if self.aim is None or found is None:
            return False
        return found > self.aim if self.better == "lower" else found < self.aim


class Benchmark(BaseModel):
    """How a benchmark is run, and its figures."""

    model_config = ConfigDict(extra="forbid")

    command: str
    """What follows `python -m tests.benchmarks.`."""
    about: str
    takes: str
    on: str
    """The day of the last figures, as YYYY-MM-DD; empty if they were never kept."""
    alone: bool = True
    """Whether it needs nothing that a checkout and its data lack."""
    figures: list[Figure]

    @property
    def name(self) -> str:
        return self.command.split()[0]


_ALL = TypeAdapter(list[Benchmark])


def recorded(path: Path = RECORDED) -> list[Benchmark]:
    """What is kept."""
    return _ALL.validate_json(path.read_bytes())


def keep(benchmarks: list[Benchmark], path: Path = RECORDED) -> None:
    """Keep what was measured now as the last figures."""
    today = datetime.now(UTC).date().isoformat()
    for benchmark in benchmarks:
        for figure in benchmark.figures:
            if figure.now is not None:
                figure.last, figure.now, benchmark.on = figure.now, None, today
    rows = _ALL.dump_python(benchmarks, exclude_defaults=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _at(found: Mapping[str, Any], path: str) -> float:
    """The number at `path`; what is a list there counts by its length."""
    value: Any = found
    for key in path.split("/"):
        value = value[key]
    return float(len(value) if isinstance(value, list) else value)


def read(figure: Figure, found: Mapping[str, Any]) -> float:
    """The figure, of what a benchmark printed.

    Raises:
        KeyError: it is not there.
    """
    try:
        value = _at(found, figure.path)
    except KeyError:
        if figure.absent is None:
            raise
        value = figure.absent
    return value / _at(found, figure.over) if figure.over else value


def measure(benchmark: Benchmark) -> str:
    """Run it and fill in `now`; why that did not work, or nothing."""
    words = [sys.executable, "-m", *shlex.split(f"tests.benchmarks.{benchmark.command}"), "--json"]
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    try:
        found = json.loads(lines[-1])
        for figure in benchmark.figures:
            figure.now = read(figure, found)
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        return f"{benchmark.name}: exit code {done.returncode}, {type(error).__name__}: {error}"
    return ""


def _cell(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def table(benchmarks: Iterable[Benchmark]) -> Iterator[str]:
    """The page, line by line: each benchmark with its command and its figures."""
    for benchmark in benchmarks:
        yield f"## {benchmark.name}: {benchmark.about}\n"
        yield f"`python -m tests.benchmarks.{benchmark.command} --json`, {benchmark.takes}.\n"
        measured = any(figure.now is not None for figure in benchmark.figures)
        columns = ["figure", "aim", f"last ({benchmark.on or 'never kept'})"]
        columns += ["now"] if measured else []
        yield "| " + " | ".join([*columns, ""]) + " |"
        yield "|---" * (len(columns) + 1) + "|"
        for figure in benchmark.figures:
            sign = "≤" if figure.better == "lower" else "≥"
            cells = [f"{figure.name}, {figure.unit}" if figure.unit else figure.name]
            cells += [_ABSENT if figure.aim is None else f"{sign} {_cell(figure.aim)}"]
            cells += [_cell(figure.last)] + ([_cell(figure.now)] if measured else [])
            marks = [
                word
                for word, holds in (("**worse**", figure.worse), ("missed", figure.missed))
                if holds
            ]
            yield "| " + " | ".join([*cells, ", ".join(marks)]) + " |"
        yield ""


def page(benchmarks: Iterable[Benchmark]) -> str:
    """docs/benchmarks.md."""
    return _HEADER + "\n".join(table(benchmarks)).rstrip("\n") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kept = recorded()
    names = [benchmark.name for benchmark in kept]
    parser.add_argument("--only", nargs="+", choices=names, default=[], metavar="NAME")
    parser.add_argument("--all", action="store_true", help="all that need nothing more")
    parser.add_argument("--record", action="store_true", help="keep them as the last figures")
    parser.add_argument("--write", type=Path, help="write the page to this file")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    failed = []
    for benchmark in kept:
        if benchmark.name in options.only or (options.all and benchmark.alone):
            print(f"{benchmark.name}: {benchmark.takes}", file=sys.stderr, flush=True)
            failed += [why] if (why := measure(benchmark)) else []
    print(page(kept))
    worse = [
        f"{benchmark.name}: {figure.name}"
        for benchmark in kept
        for figure in benchmark.figures
        if figure.worse
    ]
    print(*(f"WORSE  {line}" for line in worse), *(f"FAILED {line}" for line in failed), sep="\n")
    if options.record:
        keep(kept)
    if options.write:
        options.write.write_text(page(kept), "utf-8")
    if options.json:
        found = {b.name: {f.name: f.now for f in b.figures if f.now is not None} for b in kept}
        print(json.dumps({"figures": found, "worse": worse, "failed": failed}))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
