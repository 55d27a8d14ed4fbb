"""How often the adviser recommends something when nothing differs, and when something does.

    python -m tests.benchmarks.advice --json

Mostly on matrices of recalls, with the adviser's own code for all but retrieval: 24 settings, 60
questions, 50 seeds for each kind of noise, each kind its own. `--corpora N` adds N made corpora of
each kind, from documents to recommendation.
"""

import argparse
import json
import tempfile
from collections.abc import Callable

import numpy as np
from llama_index.core.schema import Document
from numpy.typing import NDArray

from indexes.evaluation.advice.adviser import advise
from indexes.evaluation.advice.choosing import choose
from indexes.evaluation.advice.variants import Variant, variants
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.evaluation.made_corpora import BUDGET, LEVELS, Kind, corpus
from tests.fakes import ScriptedLLM, WordEmbedding

BUDGETS = (256, 512, 1024)
QUESTIONS = 60
Matrix = NDArray[np.float64]


def all_or_nothing(random: np.random.Generator, documents: int) -> Matrix:
    """Evidence is found or not, as often by each setting."""
    return random.integers(0, 2, (24, QUESTIONS, 3)).astype(float)


def hard_and_easy(random: np.random.Generator, documents: int) -> Matrix:
    """Questions differ far more than settings, as real ones do."""
    base = random.random((1, QUESTIONS, 1))
    return np.clip(base + random.normal(0, 0.15, (24, QUESTIONS, 3)), 0, 1)


def by_document(random: np.random.Generator, documents: int) -> Matrix:
    """Each setting is lucky with some documents: chance, as far as other documents go."""
    luck = random.normal(0, 0.15, (24, documents, 1))
    rows = luck[:, [place % documents for place in range(QUESTIONS)]]
    return np.clip(0.5 + rows + random.normal(0, 0.1, (24, QUESTIONS, 3)), 0, 1)


NOISE: dict[str, tuple[Callable[[np.random.Generator, int], Matrix], int]] = {
    "all or nothing, 5 documents": (all_or_nothing, 5),
    "all or nothing, 20 documents": (all_or_nothing, 20),
    "hard and easy, 5 documents": (hard_and_easy, 5),
    "hard and easy, 20 documents": (hard_and_easy, 20),
    "lucky with documents, 20 documents": (by_document, 20),
}


def settings_tried() -> list[Variant]:
    """24 settings, the first in use."""
    return variants(
        Variant("parent", "hybrid", LEVELS),
        patterns=["regular", "parent", "extract", "parent+extract"],
        searches=["hybrid", "dense", "bm25"],
        levels=[LEVELS, (48, 24)],
        judges=["embedding"],
    )


def decided(
    make: Callable[[np.random.Generator, int], Matrix], documents: int, seed: int, gain: float = 0.0
) -> tuple[bool, bool]:
    """Whether anything is decided, and whether for the setting that is better by `gain`."""
    recalls = make(np.random.default_rng(seed), documents)
    better = 7
    recalls[better] = np.clip(recalls[better] + gain, 0, 1)
    groups = [f"{place % documents}.txt" for place in range(QUESTIONS)]
    choice = choose(
        settings_tried(), groups, BUDGETS, lambda v, asked, at: recalls[v][asked][:, at]
    )
    return choice.decided, choice.decided and choice.winner == better


def on_corpora(kind: Kind, seeds: int) -> list[str]:
    """What is recommended for each made corpus; empty where nothing is."""
    found = []
    for seed in range(seeds):
        made = corpus(kind, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            settings = load_settings(index=folder, levels=LEVELS, budget=BUDGET, judge="embedding")
            with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM()) as index:
                index.ingest(
                    [Document(text=text, id_=name, metadata={"source": name})
                     for name, text in made.texts.items()]
                )  # fmt: skip
                advice = advise(
                    index,
                    made.questions,
                    patterns=["regular", "parent", "extract"],
                    searches=["hybrid"],
                    budgets=[BUDGET],
                )
        found.append(advice.recommended.pattern if advice.decided else "")
    return found


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--corpora", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds = range(given.seeds)
    noise = {
        name: sum(decided(make, documents, 1000 * kind + seed)[0] for seed in seeds) / given.seeds
        for kind, (name, (make, documents)) in enumerate(NOISE.items())
    }
    found = {
        f"+{gain:.2f}": sum(decided(hard_and_easy, 20, seed, gain)[1] for seed in seeds)
        / given.seeds
        for gain in (0.05, 0.1, 0.2)
    }
    kinds: tuple[Kind, ...] = ("regular", "parent", "extract", "noise")
    made = {kind: on_corpora(kind, given.corpora) for kind in kinds if given.corpora}
    for name, rate in noise.items():
        print(f"{rate:5.0%} false recommendations: {name}")
    for name, rate in found.items():
        print(f"{rate:5.0%} found: one setting of 24 better by {name} recall, 60 questions")
    for kind, recommended in made.items():
        print(f"{kind}: {', '.join(name or 'not decided' for name in recommended)}")
    if given.json:
        print(
            json.dumps(
                {
                    "seeds": given.seeds,
                    "false_recommendations": noise,
                    "worst": max(noise.values()),
                    "found": found,
                    "corpora": made,
                }
            )
        )


if __name__ == "__main__":
    main()
