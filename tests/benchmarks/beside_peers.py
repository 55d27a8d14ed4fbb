"""Our patterns beside peers with the same titles and hybrid search, on all development sets.

    python -m tests.benchmarks.beside_peers [--corpora privacy_qa,qmsum] [--characters 150000]
        [--lanes parent,langchain-regular-hybrid] [--budgets 512,1024,2048] [--work FOLDER] [--json]

As `advanced-rag evaluate`, a corpus after the other, as a table in Markdown: recall, what the first
lane wins by at each budget (paired, 95%), and RR. Embedding a whole corpus for every peer takes
an hour of two cores, so with --characters each corpus is cut to so many: documents with the most
questions for their length, and the last one cut at a line. What is in --work is not done again.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from indexes.evaluation.comparison import Comparison
from indexes.evaluation.questions import Question, read_questions
from indexes.evaluation.scores import compare
from indexes.evaluation.vectors import RememberedEmbedding
from indexes.index import HierarchicalIndex
from indexes.models.providers import build_embedding
from indexes.settings import load_settings
from tests.benchmarks.passages import DATA

CORPORA = "chunking_evaluation,privacy_qa,evidence_inference,qmsum"
LANES = (
    "parent,parent+extract,regular,extract,langchain-regular-hybrid,langchain-parent-hybrid,"
    "llamaindex-hybrid,llamaindex-sentence-window,hichunk-merging"
)


def cut(
    texts: dict[str, str], questions: Sequence[Question], characters: int
) -> tuple[dict[str, str], list[Question]]:
    """The documents that are asked about most for their length, and the questions they answer."""
    asked = Counter(place.document for question in questions for place in question.references)
    kept: dict[str, str] = {}
    left = characters
    for name in sorted(texts, key=lambda name: (-asked[name] / len(texts[name]), name)):
        text = texts[name]
        if len(text) > left:
            text = text[: text.rfind("\n", 0, left) + 1]
        if text:
            kept[name] = text
        left -= len(texts[name])
        if left <= 0:
            break
    answered = [
        question
        for question in questions
        if all(place.end <= len(kept.get(place.document, "")) for place in question.references)
    ]
    return kept, answered


def measure(
    corpus: str, work: Path, characters: int, lanes: list[str], budgets: list[int]
) -> Comparison:
    """A corpus' comparison; vectors and runs are kept in `work`."""
    folder = DATA / corpus
    whole = {
        path.name: path.read_bytes().decode("utf-8")
        for path in sorted((folder / "corpora").iterdir())
    }
    questions = [one for one in read_questions(folder / "questions.jsonl") if one.references]
    texts, asked = cut(whole, questions, characters)
    place = work / f"{corpus}-{sum(map(len, texts.values()))}"
    (place / "documents").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (place / "documents" / name).write_bytes(text.encode("utf-8"))
    settings = load_settings(index=place / "index")
    embedding = RememberedEmbedding(build_embedding(settings), work / f"{corpus}.sqlite")
    with HierarchicalIndex(settings, embedding=embedding) as index:
        index.ingest([place / "documents"])
        return Comparison.of(index, asked, lanes=lanes, budgets=budgets, folder=place / "runs")


def share(value: float) -> str:
    """As papers print shares: .899."""
    return f"{value:.3f}".replace("0.", ".", 1)


def signed(value: float) -> str:
    """A difference: −.012."""
    return ("+" if value >= 0 else "−") + share(abs(value))


def table(found: Comparison) -> Iterator[str]:
    """Lines of Markdown: recall, and the interval of what the first lane wins; RR."""
    yield "| | " + " | ".join(f"{budget:,}" for budget in found.budgets) + " | RR |"
    yield "|---" * (len(found.budgets) + 2) + "|"
    first = found.lanes[0]
    best = {
        budget: max(lane.mean(budget, "recall") for lane in found.lanes) for budget in found.budgets
    }
    for lane in found.lanes:
        cells = []
        for budget in found.budgets:
            recall = lane.mean(budget, "recall")
            cell = share(recall)
            if cell == share(best[budget]):
                cell = f"**{cell}**"
            if lane is not first:
                apart = compare(first.scored[budget], lane.scored[budget], "recall")
                cell += f" [{signed(apart.low)}, {signed(apart.high)}]"
            cells.append(cell)
        ranks = " ".join(share(lane.mean(budget, "RR")) for budget in found.budgets)
        yield f"| `{lane.info.name}` | " + " | ".join(cells) + f" | {ranks} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", default=CORPORA)
    parser.add_argument("--characters", type=int, default=10**9, help="of each corpus")
    parser.add_argument("--lanes", default=LANES)
    parser.add_argument("--budgets", default="512,1024,2048")
    parser.add_argument("--work", type=Path, help="kept: a second time costs little")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the development data is not here: put it at {DATA}")
    budgets = [int(budget) for budget in options.budgets.split(",")]
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for corpus in options.corpora.split(","):
            found = measure(
                corpus, options.work or Path(scratch), options.characters,
                options.lanes.split(","), budgets,
            )  # fmt: skip
            results[corpus] = {
                lane.info.name: {
                    budget: {name: lane.mean(budget, name) for name in ("recall", "RR", "nDCG@10")}
                    for budget in budgets
                }
                for lane in found.lanes
            }
            print(
                f"\n{corpus}: {found.questions} questions, {found.documents} documents, "
                f"{found.characters:,} characters\n"
            )
            print("\n".join(table(found)), flush=True)
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
