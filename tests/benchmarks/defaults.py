"""Which defaults the development sets choose for each budget, and what each loses by the others'.

    python -m tests.benchmarks.defaults [--corpora chunking_evaluation,privacy_qa,…]
        [--data FOLDER] [--index FOLDER] [--questions N] [--budgets 256,512,…] [--json]

One rule: of all choices of pattern, search mode and weights, the one with the highest recall in the
mean over the corpora, each counting alike. It is applied to all corpora, and, leaving one out, to
the others; what the left-out one loses against its own best choice is what the rule costs there.
Each question is searched for once a mode; choices are arithmetic over what that found.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

from llama_index.core.schema import NodeWithScore, QueryBundle

from indexes import merging
from indexes.candidates import SearchResult
from indexes.evaluation.questions import Question, read_questions
from indexes.evaluation.spans import Place, characters, merged, overlap
from indexes.index import HierarchicalIndex
from indexes.merging import Piece, grow, in_order, pack, spread
from indexes.retrieval import TreeRetriever, _Plan
from indexes.settings import SearchMode
from tests.benchmarks.passages import DATA

CORPORA = "chunking_evaluation,privacy_qa,evidence_inference,qmsum"
BUDGETS = "256,512,1024,2048,4096"


@dataclass(frozen=True)
class Choice:
    """Settings that could be the default; weights are those of `indexes.merging`."""

    pattern: str = "parent"
    search: SearchMode = "hybrid"
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short, for a table."""
        changed = [
            f"{name.removesuffix('_WEIGHT').lower()} {value:g}"
            for name, value in self.weights.items()
        ]
        return ", ".join([f"{self.pattern} {self.search}", *changed])


DEFAULT = Choice()
CHOICES = (
    DEFAULT,
    Choice(search="dense"),
    Choice(search="bm25"),
    *(Choice("regular", search) for search in ("hybrid", "dense", "bm25")),
    *(Choice(weights={"BM25_WEIGHT": weight}) for weight in (0.4, 1.0)),
    *(
        Choice(weights={"NEIGHBOURS_WEIGHT": weight, "ROOT_WEIGHT": weight})
        for weight in (0.0, 0.25, 0.75)
    ),
)


class Finding(TreeRetriever):
    """Keeps all that a search found, with its texts, instead of delivering some of it."""

    found: SearchResult

    def _plan(self, found: SearchResult) -> _Plan:
        return _Plan(found.candidates.hits, "", list(range(len(found.candidates))), [])

    def _deliver(self, found: SearchResult, plan: _Plan) -> list[NodeWithScore]:
        self.found = found
        return []


def recall(choice: Choice, found: SearchResult, question: Question, budget: int) -> float:
    """Of a question's evidence, by what a choice takes of what was found."""
    candidates = found.candidates
    if choice.pattern == "regular":
        hits = candidates.hits
        best = [place for place in in_order(hits) if hits[place] > 0]
        runs = pack(candidates, [Piece((place,), float(hits[place])) for place in best], budget)
    elif len(candidates):
        with mock.patch.dict(vars(merging), choice.weights):
            runs = grow(candidates, spread(candidates), budget)
    else:
        runs = []
    places = [Place(found.sources[r.leaves[0].document_id], r.start, r.end) for r in runs]
    evidence = merged(question.references)
    return overlap(evidence, merged(places)) / characters(evidence)


def measure(
    index: HierarchicalIndex, questions: Sequence[Question], budgets: Sequence[int]
) -> dict[int, dict[str, float]]:
    """Mean recall of each choice within each budget."""
    values: dict[int, dict[str, list[float]]] = {
        budget: {choice.name: [] for choice in CHOICES} for budget in budgets
    }
    for question in questions:
        asked = QueryBundle(question.question)
        for mode in dict.fromkeys(choice.search for choice in CHOICES):
            for some in _alike(budgets):
                finding = Finding(index.store, index.embedding, search=mode, budget=some[-1])
                asked = asked if mode == "bm25" else finding.embed(asked)
                finding.retrieve(asked)
                for budget in some:
                    for choice in CHOICES:
                        if choice.search == mode:
                            found = recall(choice, finding.found, question, budget)
                            values[budget][choice.name].append(found)
    return {
        budget: {name: statistics.fmean(found) for name, found in row.items()}
        for budget, row in values.items()
    }


def _alike(budgets: Sequence[int]) -> Iterator[list[int]]:
    """Groups of budgets for which as many hits and roots are looked at."""
    small = [budget for budget in sorted(budgets) if budget <= 2048]
    yield from filter(None, [small, *([budget] for budget in sorted(budgets) if budget > 2048)])


def chosen(tables: Sequence[dict[str, float]]) -> str:
    """The choice with the highest mean; of equals, the first."""
    return max(tables[0], key=lambda name: statistics.fmean(table[name] for table in tables))


@dataclass(frozen=True)
class Row:
    """What a budget's defaults give on a corpus: recall, and by which choice.

    Attributes:
        default: of the default as it is.
        best: of the corpus' own best choice.
        by_others: of the choice that all other corpora make.
    """

    default: float
    best: float
    best_choice: str
    by_others: float
    others_choice: str


def rows_of(tables: dict[str, dict[str, float]]) -> dict[str, Row]:
    """Leave one out: a row for each corpus."""
    rows = {}
    for corpus, table in tables.items():
        others = [other for name, other in tables.items() if name != corpus] or [table]
        own, theirs = chosen([table]), chosen(others)
        rows[corpus] = Row(table[DEFAULT.name], table[own], own, table[theirs], theirs)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", default=CORPORA)
    parser.add_argument("--data", type=Path, default=DATA, help="where the corpora are")
    parser.add_argument("--index", type=Path, help="where the indexes are, or are kept")
    parser.add_argument("--questions", type=int, help="of each corpus, how many; all by default")
    parser.add_argument("--budgets", default=BUDGETS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_dir():
        raise SystemExit(f"the development data is not here: put it at {options.data}")
    budgets = [int(budget) for budget in options.budgets.split(",")]
    results: dict[str, dict[int, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for corpus in options.corpora.split(","):
            folder = options.data / corpus
            questions = [q for q in read_questions(folder / "questions.jsonl") if q.references]
            count = min(options.questions or len(questions), len(questions))
            some = [questions[at * len(questions) // count] for at in range(count)]
            with HierarchicalIndex.open((options.index or Path(scratch)) / corpus) as index:
                index.ingest(folder / "corpora")
                results[corpus] = measure(index, some, budgets)
    reports = {}
    for budget in budgets:
        tables = {corpus: table[budget] for corpus, table in results.items()}
        rule, rows = chosen(list(tables.values())), rows_of(tables)
        reports[budget] = {"chosen": rule, "corpora": {name: asdict(r) for name, r in rows.items()}}
        print(f"\n{budget} tokens: all together choose {rule}")
        for corpus, row in rows.items():
            print(
                f"  {corpus:20} default {row.default:.3f} ({row.default - row.best:+.3f})"
                f"  the others choose {row.others_choice}: {row.by_others:.3f}"
                f" ({row.by_others - row.best:+.3f})  own: {row.best_choice} {row.best:.3f}"
            )
    if options.json:
        print(json.dumps({"recall": results, "chosen": reports}))


if __name__ == "__main__":
    main()
