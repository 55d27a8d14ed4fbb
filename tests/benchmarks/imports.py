"""Seconds from the shell to a result: of imports, and of commands, beside what they stand on.

    python -m tests.benchmarks.imports [--times 5] [--json]

Each runs in a process of its own, interpreter included, after one run that is not counted:
the first compiles and reads files. Of the others the fastest counts, for what makes one
slower is what else runs on the machine. The commands look at the sample letters, in a folder
made for it; `ask` has the local models choose quotes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from app.samples import LETTERS

_STATEMENTS = (
    "import llama_index.core, qdrant_client",
    "import indexes",
    "from indexes import HierarchicalIndex",
    "from indexes.langchain import ParentDocuments",
)
_COMMANDS = (
    ("--help",),
    ("statistics",),
    ("documents",),
    ("ask", "What happened to Bosun?", "--answer", "quotes"),
)
_COMMAND = (sys.executable, "-m", "app")
MEASURED: Mapping[str, tuple[str, ...]] = {
    "python": (sys.executable, "-c", "pass"),
    **{line: (sys.executable, "-c", line) for line in _STATEMENTS},
    **{f"advanced-rag {words[0]}": (*_COMMAND, *words) for words in _COMMANDS},
}


def fastest(
    arguments: Sequence[str], times: int, environment: Mapping[str, str]
) -> dict[str, float]:
    """The shortest wall clock and processor time of a process, in seconds."""
    clocks, processor = [], []
    for _ in range(times + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)
        clocks.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "seconds": round(min(clocks[1:]), 3),
        "processor_seconds": round(min(processor[1:]), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # Modules as an installation has them: compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        environment |= {"RAG_INDEX": folder, "RAG_PROVIDER": "local"}
        ingest = [*_COMMAND, "ingest", str(LETTERS)]
        subprocess.run(ingest, check=True, env=environment, stdout=subprocess.DEVNULL)
        found = {
            name: fastest(arguments, options.times, environment)
            for name, arguments in MEASURED.items()
        }
    print(f"{'':48}{'seconds':>10}{'processor':>12}")
    for name, took in found.items():
        print(f"{name:48}{took['seconds']:10.2f}{took['processor_seconds']:12.2f}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
