"""Recall of gold characters at equal context budgets, on the development data.

    python -m tests.benchmarks.retrieval [--corpora chunking_evaluation,privacy_qa]
        [--patterns regular,parent] [--budgets 512,1024,2048] [--questions N] [--index FOLDER]
        [--json]

Runs the command line as a user would: `ingest` once into FOLDER (kept, if named), then
`run` for each pattern and budget. With --questions only so many, evenly spread. How each pattern
differs from the first one, question by question, with its 95% interval, is told, too.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from indexes.evaluation.bootstrap import difference
from indexes.evaluation.questions import read_questions, write_questions
from indexes.evaluation.runs import read_run
from indexes.evaluation.scores import score_run, summarize

DATA = Path(__file__).parents[3] / "shared" / "data"


def app(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "app", *arguments], check=True)


def measure(
    corpus: str, index: Path, patterns: list[str], budgets: list[int], count: int | None
) -> dict[str, dict[str, float]]:
    place = ["--index", str(index / corpus)]
    app("ingest", str(DATA / corpus / "corpora"), *place)
    asked = [one for one in read_questions(DATA / corpus / "questions.jsonl") if one.references]
    if count is not None and count < len(asked):
        asked = [asked[number * len(asked) // count] for number in range(count)]
    questions = index / f"{corpus}.jsonl"
    write_questions(questions, asked)
    table = {}
    recalls: dict[tuple[str, int], list[float]] = {}
    for pattern in patterns:
        for budget in budgets:
            out = index / f"{corpus}-{pattern}-{budget}.jsonl"
            app("run", "--questions", str(questions), "--pattern", pattern,
                "--budget", str(budget), "--out", str(out), *place)  # fmt: skip
            scored = score_run(asked, read_run(out))
            found = summarize(scored)
            recalls[pattern, budget] = [one.values["recall"] or 0.0 for one in scored]
            apart = difference(
                recalls[pattern, budget],
                recalls[patterns[0], budget],
                [question.group for question in asked],
            )
            table[f"{pattern}@{budget}"] = {
                "questions": found.questions,
                "recall": found.intervals["recall"].mean,
                "whole": found.intervals["whole"].mean,
                "against_first": apart.mean,
                "against_first_low": apart.low,
                "against_first_high": apart.high,
                "seconds_median": statistics.median(q.values["seconds"] or 0.0 for q in scored),
            }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", default="chunking_evaluation,privacy_qa")
    parser.add_argument("--patterns", default="regular,parent,parent-ratio")
    parser.add_argument("--budgets", default="512,1024,2048")
    parser.add_argument("--questions", type=int, help="of each corpus; all by default")
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
            patterns = options.patterns.split(",")
            results[corpus] = measure(corpus, index, patterns, budgets, options.questions)
    for corpus, table in results.items():
        print(f"\n{corpus}: recall of gold characters\n{'pattern':16}", end="")
        print("".join(f"{budget:>8}" for budget in budgets), "  median s at the last")
        for pattern in options.patterns.split(","):
            rows = [table[f"{pattern}@{budget}"] for budget in budgets]
            print(f"{pattern:16}", "".join(f"{row['recall']:8.3f}" for row in rows),
                  f"  {rows[-1]['seconds_median']:.3f}  against the first:",
                  *(f" {row['against_first']:+.3f} [{row['against_first_low']:+.3f}, "
                    f"{row['against_first_high']:+.3f}]" for row in rows), sep="")  # fmt: skip
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
