"""Lanes × budgets → one comparison, kept in a file for each run.

    comparison = Comparison.of(
        index, questions, lanes=["parent", "langchain-parent"], budgets=[512, 1024]
    )

A run whose file is there, made by the same code from the same documents, questions and
settings, is read instead of repeated.
"""

import hashlib
import json
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import indexes
from indexes.evaluation.judges import NAME as PERFECT
from indexes.evaluation.lanes import describe_lane, open_lane
from indexes.evaluation.peers.texts import texts_of
from indexes.evaluation.questions import Question, located
from indexes.evaluation.runs import (
    Line,
    append_line,
    asked_line,
    read_run,
    read_unfinished,
    write_run,
)
from indexes.evaluation.scores import SUBSETS, Prices, QuestionScore, Summary, score_run, summarize
from indexes.index import HierarchicalIndex
from indexes.lanes import Lane, LaneInfo
from indexes.progress import OnProgress, Progress
from indexes.store.refusals import store_errors

_log = logging.getLogger(__name__)

# Why it matters.
SHARDS = (
    "the rarity of words is counted shard by shard, so searches by words differ for that alone; "
    "make them with the same RAG_QDRANT_SHARDS"
)

# What a lane delivers depends on these; how it is scored and shown does not.
_NOT_IN_RUNS = frozenset(
    {"bootstrap.py", "comparison.py", "drafting.py", "facts.py", "grading.py", "plots.py",
     "power.py", "ranks.py", "report.py", "scores.py", "spans.py"}
)  # fmt: skip
_PACKAGES = (
    "llama-index-core",
    "langchain-core",
    "langchain-classic",
    "langchain-qdrant",
    "langchain-text-splitters",
    "llama-index-vector-stores-qdrant",
    "qdrant-client",
    "qdrant-edge-py",
    "ir-measures",
    "xllamacpp",
)


@dataclass(frozen=True)
class LaneResult:
    """A lane's figures, at each budget."""

    info: LaneInfo
    scored: Mapping[int, list[QuestionScore]]
    errors: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def summaries(self) -> Mapping[int, Summary]:
        """Means over all questions, at each budget; drawing their intervals takes a while."""
        return {budget: summarize(scored) for budget, scored in self.scored.items()}

    def mean(self, budget: int, figure: str) -> float:
        """The mean over all questions of a figure: `recall`, `precision`, `seconds`, `tokens`."""
        summary = self.summaries[budget]
        found = summary.intervals.get(figure)
        return found.mean if found else summary.means[figure]


@dataclass(frozen=True)
class Comparison:
    """Everything that a report needs.

    Attributes:
        shards: of each lane's collection; words' rarity is counted shard by shard.
    """

    questions: int
    multi: int
    documents: int
    characters: int
    budgets: tuple[int, ...]
    lanes: tuple[LaneResult, ...]
    about: Mapping[str, str]
    shards: Mapping[str, int] = field(default_factory=dict)

    @property
    def differing_shards(self) -> str:
        """How many shards the lanes' collections have, if not all as many; else empty."""
        if len({*self.shards.values()}) < 2:
            return ""
        return ", ".join(f"{lane} {count}" for lane, count in self.shards.items())

    def told(self, lane: LaneResult) -> bool:
        """Whether a lane's judge was told the evidence: not to be held against those without."""
        if self.about["llm"] != PERFECT:
            return False
        return any(question.values["llm_calls"] for question in lane.scored[self.budgets[0]])

    @classmethod
    def of(
        cls,
        index: HierarchicalIndex,
        questions: Sequence[Question],
        *,
        lanes: Sequence[str],
        budgets: Sequence[int],
        folder: str | Path = Path(".rag/evaluation/runs"),
        prices: Prices = Prices(),  # noqa: B008 - frozen
        on_progress: OnProgress = lambda _: None,
    ) -> "Comparison":
        """Run what was not run before, and score everything.

        Args:
            index: the documents are in it; peers add collections beside them.
            questions: those without evidence are left out.
            lanes: patterns and peers, by name.
            budgets: cl100k tokens of context.
            folder: for the runs.
            prices: of the language model.
            on_progress: called as documents are embedded and questions asked.

        Raises:
            SettingsError: no lane goes by one of the names, or evidence is not in the documents.
            StoreError, ModelError: a lane fails altogether.
        """
        texts = texts_of(index)
        asked = located((one for one in questions if one.references), texts)
        # Question vectors are made beforehand: no lane's time includes them.
        for done, question in enumerate(asked):
            on_progress(Progress("embedded", "questions", done, len(asked)))
            index.embedding.get_query_embedding(question.question)
        made: list[LaneResult] = []
        shards: dict[str, int] = {}
        for name in lanes:
            info = describe_lane(name, index)
            # Opened only for what was not run before: a peer cuts all documents to be ready.
            lane = cache(partial(_ready, name, index, on_progress))
            shards[name] = _shards(index, lane)
            scored, errors = {}, {}
            for budget in budgets:
                digest = _digest(index, info, shards[name], asked, budget)
                path = Path(folder) / f"{name}-{budget}-{digest}.jsonl"
                lines = _run(lane, info, asked, budget, path, on_progress)
                scored[budget] = score_run(asked, lines, texts=texts, prices=prices)
                failed = [line.error for line in lines if line.error]
                undecided = sum(line.undecided for line in lines)
                if failed:
                    errors[budget] = f"{len(failed)} of {len(lines)} questions: {failed[0]}"
                elif undecided:
                    errors[budget] = f"{undecided} passages were left as they were: no judgement"
            made.append(LaneResult(info, scored, errors))
        comparison = cls(
            questions=len(asked),
            multi=sum(len(question.references) > 1 for question in asked),
            documents=len(texts),
            characters=sum(map(len, texts.values())),
            budgets=tuple(budgets),
            lanes=tuple(made),
            about=_about(index),
            shards=shards,
        )
        if differing := comparison.differing_shards:
            _log.warning("the collections differ in shards (%s): %s", differing, SHARDS)
        return comparison


def _ready(name: str, index: HierarchicalIndex, on_progress: OnProgress) -> Lane:
    lane = open_lane(name, index)
    lane.prepare(on_progress)
    return lane


def _shards(index: HierarchicalIndex, lane: Callable[[], Lane]) -> int:
    """Shards of the collection that a lane searches."""
    if index.engine.embedded:
        return 1
    collection = getattr(lane(), "collection", index.store.collection)
    with store_errors(index.engine.address):
        params = index.engine.client.get_collection(collection).config.params
    return params.shard_number or 1


def _run(
    lane: Callable[[], Lane],
    info: LaneInfo,
    questions: Sequence[Question],
    budget: int,
    path: Path,
    on_progress: OnProgress,
) -> list[Line]:
    """A lane's results: those in its file, and what an interrupted run had not got to."""
    unfinished = path.with_suffix(".part")
    # What failed is asked again; what an interrupted run got is not.
    found = read_run(path) if path.exists() else read_unfinished(unfinished)
    known = {line.id: line for line in found if line.error is None}
    if len(known) < len(questions):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_run(unfinished, known.values())
        for done, question in enumerate(questions):
            on_progress(Progress("asked", f"{info.name} at {budget}", done, len(questions)))
            if question.id not in known:
                ask = partial(lane().retrieve, question.question, budget=budget)
                known[question.id] = asked_line(question.id, ask)
                append_line(unfinished, known[question.id])
        write_run(unfinished, [known[question.id] for question in questions])
        unfinished.replace(path)
    return [known[question.id] for question in questions]


def _digest(
    index: HierarchicalIndex,
    info: LaneInfo,
    shards: int,
    questions: Sequence[Question],
    budget: int,
) -> str:
    """Names everything that a run depends on."""
    given = {
        "code": _code(),
        "versions": _versions(),
        "lane": [info.name, info.what, info.options],
        "budget": budget,
        "top_k": index.settings.top_k,
        "models": [index.embedding.model_name, _llm(index)],
        "shards": shards,
        "documents": sorted((found.source, str(found.version)) for found in index.documents()),
        "questions": [question.model_dump() for question in questions],
    }
    plain = json.dumps(given, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


@cache
def _code() -> str:
    root = Path(indexes.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if path.parent.name == "advice":
            continue
        if path.parent.name == "evaluation" and path.name in _NOT_IN_RUNS:
            continue
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _llm(index: HierarchicalIndex) -> str:
    return index.llm_capabilities.name


def _about(index: HierarchicalIndex) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "embedding": index.embedding.model_name,
        "llm": _llm(index),
        "engine": "Qdrant Edge, in-process" if index.engine.embedded else "Qdrant server",
        "python": platform.python_version(),
        "machine": platform.machine(),
        **_versions(),
    }


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Plain data: every figure of every lane, budget and subset."""
    return {
        "about": dict(comparison.about),
        "questions": comparison.questions,
        "multi": comparison.multi,
        "documents": comparison.documents,
        "characters": comparison.characters,
        "lanes": [
            {
                "name": lane.info.name,
                "framework": lane.info.framework,
                "what": lane.info.what,
                "options": lane.info.options,
                "notes": list(lane.info.notes),
                "errors": {str(budget): error for budget, error in lane.errors.items()},
                "budgets": {
                    str(budget): {
                        "all": summary.to_json(),
                        **{
                            subset: summarize(lane.scored[budget], subset).to_json()
                            for subset in SUBSETS[1:]
                            if _has(lane.scored[budget], subset)
                        },
                    }
                    for budget, summary in lane.summaries.items()
                },
            }
            for lane in comparison.lanes
        ],
    }


def _has(scored: Sequence[QuestionScore], subset: str) -> bool:
    return any((question.references > 1) == (subset == "multi") for question in scored)
