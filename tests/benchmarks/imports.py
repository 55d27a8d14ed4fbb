"""How long it takes to import the library, and to see the command's help.

    python -m tests.benchmarks.imports [--times 5] [--json]

Each runs in a process of its own, interpreter included, after one run that is not counted:
the first compiles and reads files. Of the others the fastest counts, for what makes one
slower is what else runs on the machine.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

MEASURED = {
    "import indexes": ("-c", "import indexes"),
    "from indexes import HierarchicalIndex": ("-c", "from indexes import HierarchicalIndex"),
    "from indexes.langchain import ParentDocuments": (
        "-c",
        "from indexes.langchain import ParentDocuments",
    ),
    "advanced-rag --help": ("-m", "app", "--help"),
}
NOTHING = ("-c", "pass")


def fastest(arguments: Sequence[str], times: int) -> dict[str, float]:
    """The shortest wall clock and processor time of a process, in seconds."""
    # Modules as an installation has them: compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    clocks, processor = [], []
    for _ in range(times + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL
        )
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
    found = {"python": fastest(NOTHING, options.times)}
    for name, arguments in MEASURED.items():
        found[name] = fastest(arguments, options.times)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'':48}{'seconds':>10}{'processor':>12}")
    for name, took in found.items():
        print(f"{name:48}{took['seconds']:10.2f}{took['processor_seconds']:12.2f}")


if __name__ == "__main__":
    main()
