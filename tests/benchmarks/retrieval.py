"""Recall of gold characters at equal context budgets, on the development data.

    python -m tests.benchmarks.retrieval [--corpora chunking_evaluation,privacy_qa]
        [--patterns regular,parent] [--budgets 512,1024,2048] [--index FOLDER] [--json]

Runs the command line as a user would: `ingest` once into FOLDER (kept, if named), then
`run` for each pattern and budget.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from indexes.evaluation.questions import read_questions
from indexes.evaluation.runs import read_run
from indexes.evaluation.scores import score_run, summarize

DATA = Path(__file__).parents[3] / "shared" / "data"


def app(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "app", *arguments], check=True)


def measure(
    corpus: str, index: Path, patterns: list[str], budgets: list[int]
) -> dict[str, dict[str, float]]:
    place = ["--index", str(index / corpus)]
    app("ingest", str(DATA / corpus / "corpora"), *place)
    questions = DATA / corpus / "questions.jsonl"
    table = {}
    for pattern in patterns:
        for budget in budgets:
            out = index / f"{corpus}-{pattern}-{budget}.jsonl"
            app("run", "--questions", str(questions), "--pattern", pattern,
                "--budget", str(budget), "--out", str(out), *place)  # fmt: skip
            scored = score_run(read_questions(questions), read_run(out))
            found = summarize(scored)
            table[f"{pattern}@{budget}"] = {
                "questions": found.questions,
                "recall": found.intervals["recall"].mean,
                "whole": found.intervals["whole"].mean,
                "seconds_median": statistics.median(q.values["seconds"] or 0.0 for q in scored),
            }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", default="chunking_evaluation,privacy_qa")
    parser.add_argument("--patterns", default="regular,parent,parent-ratio")
    parser.add_argument("--budgets", default="512,1024,2048")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the development data is not here: put it at {DATA}")
    budgets = [int(budget) for budget in options.budgets.split(",")]
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        index = options.index or Path(scratch)
        index.mkdir(parents=True, exist_ok=True)
        for corpus in options.corpora.split(","):
            results[corpus] = measure(corpus, index, options.patterns.split(","), budgets)
    for corpus, table in results.items():
        print(f"\n{corpus}: recall of gold characters\n{'pattern':16}", end="")
        print("".join(f"{budget:>8}" for budget in budgets), "  median s at the last")
        for pattern in options.patterns.split(","):
            rows = [table[f"{pattern}@{budget}"] for budget in budgets]
            print(f"{pattern:16}", "".join(f"{row['recall']:8.3f}" for row in rows),
                  f"  {rows[-1]['seconds_median']:.3f}", sep="")  # fmt: skip
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
