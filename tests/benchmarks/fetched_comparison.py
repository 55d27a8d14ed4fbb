"""`make comparison` as a stranger runs it: from an empty folder, with a publisher on this machine.

    python -m tests.benchmarks.fetched_comparison [--lanes regular,parent,langchain-regular-hybrid]
        [--characters N] [--json]

The checkout is copied, with nothing made before; its environment is lent. The publishers' files
are made from the development data (`tests.publishers`), cut to N characters a document, and fetched
from loopback. It runs twice: the second time, what was kept is read. Tells seconds, the memory of
the largest process, and how many files came.
"""

import argparse
import csv
import io
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest import mock

from app.corpora import Corpus, chosen
from tests import publishers
from tests.test_development_data import DATA

HOME = Path(__file__).parents[2]
CORPORA = ("chunking_evaluation", "privacy_qa")
LANES = "regular,parent,parent+extract,langchain-regular-hybrid,llamaindex-hybrid,hichunk-merging"


def cut(name: str, folder: Path, characters: int) -> None:
    """The development data of that name, each document cut, with the questions that are left."""
    (folder / name / "corpora").mkdir(parents=True)
    sizes = {}
    for path in sorted((DATA / name / "corpora").iterdir()):
        text = path.read_bytes().decode("utf-8")
        end = len(text) if len(text) <= characters else text.rindex("\n", 0, characters) + 1
        (folder / name / "corpora" / path.name).write_bytes(text[:end].encode("utf-8"))
        sizes[path.name] = end
    lines = (DATA / name / "questions.jsonl").read_text("utf-8").splitlines()
    left = [
        line
        for line in lines
        if all(place["end"] <= sizes[place["document"]] for place in json.loads(line)["references"])
    ]
    (folder / name / "questions.jsonl").write_text("\n".join(left) + "\n", "utf-8")
    if (DATA / name / "questions_df.csv").exists():
        table = io.StringIO((DATA / name / "questions_df.csv").read_text("utf-8"), newline="")
        rows = list(csv.DictReader(table))
        with (folder / name / "questions_df.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(row for row in rows if _inside(row, sizes))


def _inside(row: dict[str, str], sizes: dict[str, int]) -> bool:
    end = sizes[f"{row['corpus_id']}.md"]
    return all(place["end_index"] <= end for place in json.loads(row["references"]))


def listed(corpora: Sequence[Corpus]) -> str:
    """A list as `fetch benchmarks --list` takes it, without the publishers' own hashes."""
    every = [asdict(corpus) for corpus in corpora]
    for corpus in every:
        for file in corpus["files"]:
            file["sha256"] = ""
    return json.dumps({"corpora": every})


def made(folder: Path, mirror: str, lanes: str) -> dict[str, float]:
    """`make comparison` in a folder: seconds, and the largest process' memory until now."""
    command = [
        "make", "--silent", "-o", ".venv/dev", "comparison", "BENCHMARKS=data/benchmarks",
        f"MIRROR={mirror}", "LIST=list.json", f"COMPARED={lanes}",
    ]  # fmt: skip
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True)
    seconds = time.perf_counter() - started
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"seconds": round(seconds, 1), "megabytes": round(kilobytes / 1024)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", default=LANES)
    parser.add_argument("--characters", type=int, default=10**9, help="of each document")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpora = [corpus for corpus in chosen([]) if corpus.name in CORPORA]
    corpora = [
        replace(corpus, files=tuple(replace(file, sha256="") for file in corpus.files))
        for corpus in corpora
    ]
    asked: list[str] = []
    result: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        mock.patch.object(publishers, "DATA", Path(scratch) / "published"),
    ):
        files: dict[str, bytes] = {}
        for corpus in corpora:
            cut(corpus.name, publishers.DATA, options.characters)
            files |= publishers.mirrored(corpus, publishers.originals(corpus))
        folder = Path(scratch) / "checkout"
        for name in subprocess.check_output(["git", "ls-files"], cwd=HOME, text=True).splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HOME / name, folder / name)
        (folder / ".venv").symlink_to((HOME / ".venv").resolve())
        (folder / "list.json").write_text(listed(corpora), "utf-8")
        with publishers.serving(files, asked) as mirror:
            for turn in ("first", "second"):
                result[turn] = made(folder, mirror, options.lanes)
                result[turn]["fetched"] = len(asked)
        for page in ("comparison.md", "comparison-privacy-qa.md"):
            text = (folder / "docs" / page).read_text("utf-8")
            result[page] = text.count("\n| `")
    for turn in ("first", "second"):
        print(turn, result[turn])
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
