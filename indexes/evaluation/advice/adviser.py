"""Documents and questions → the settings that find the evidence best, and how sure that is.

    advice = advise(index, read_questions("questions.jsonl"), documents=["letters/"])
    print(advice.in_words())
    advice.write_settings("settings.json")      # for every command's --settings

The index is not changed. Other levels and embeddings are tried on indexes of their own, which are
deleted again; vectors are made once for each text.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from llama_index.core.schema import BaseNode

from indexes.documents.given import Given, given_items
from indexes.errors import SettingsError
from indexes.evaluation.advice.advice import Advice, Measured, advice_of
from indexes.evaluation.advice.choosing import Recalls, choose
from indexes.evaluation.advice.drafted import draft_checked
from indexes.evaluation.advice.variants import Levels, Variant, variants
from indexes.evaluation.peers.texts import texts_of
from indexes.evaluation.questions import Question, located
from indexes.evaluation.runs import Line, asked_line
from indexes.evaluation.scores import Prices
from indexes.evaluation.spans import score_spans
from indexes.evaluation.vectors import RememberedEmbedding
from indexes.index import WINDOW_MARGIN, HierarchicalIndex
from indexes.models.providers import build_embedding
from indexes.models.specs import with_specs
from indexes.patterns import PATTERNS, find_pattern
from indexes.progress import OnProgress, Progress
from indexes.settings import SearchMode, Settings, has_cross_encoder

BUDGETS = (256, 512, 1024, 2048)
SEARCHES: tuple[SearchMode, ...] = ("hybrid", "dense", "bm25")
# Half and twice the default sizes, beside those in use.
LEVELS: tuple[Levels, ...] = ((1024, 256, 128), (512, 128, 64), (2048, 512, 256))


def advise(
    index: HierarchicalIndex,
    questions: Sequence[Question] | None = None,
    *,
    documents: Given | Iterable[Given] | None = None,
    patterns: Sequence[str] | None = None,
    searches: Sequence[SearchMode] = SEARCHES,
    levels: Sequence[Levels] | None = None,
    judges: Sequence[str] | None = None,
    embeddings: Sequence[str] = (),
    budgets: Sequence[int] = BUDGETS,
    budget: int | None = None,
    prices: Prices = Prices(),  # noqa: B008 - frozen
    count: int = 40,
    vectors: Path | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Advice:
    """Try settings on questions with known evidence, and say which to take.

    Args:
        index: the documents are in it; its settings are those in use
        questions: those without evidence are left out; half choose, half confirm. None has
            `count` of them drafted by the index's language model, and filtered
        documents: the same documents as they were ingested, for other levels and embeddings;
            without them only those of the index are tried
        patterns: by default all
        searches: search modes
        levels: chunk sizes; by default those in use, half and twice the default's
        judges: who decides in `extract`, `filter` and `rerank`; by default `embedding`, the LLM
            if it is fit to judge, and a cross-encoder if one is set
        embeddings: specs of further embedding models
        budgets: tokens of context that are tried
        budget: tokens at which to choose; by default where the curve of recall bends
        prices: of the language model, for what a question costs
        count: of questions to draft
        vectors: file in which vectors are kept; by default as long as this takes
        on_progress: called as documents are indexed and questions asked

    Raises:
        SettingsError: there are too few questions, an argument is wrong, or the language model is
            not fit to draft questions
        ModelError, StoreError: the embedding model or the engine fails
    """
    dropped: dict[str, int] | None = None
    if questions is None:
        drafted = draft_checked(index, count, on_progress=on_progress)
        questions, dropped = drafted.questions, drafted.dropped
    asked = located((one for one in questions if one.references), texts_of(index))
    if documents is None and (embeddings or levels):
        raise SettingsError(
            "other levels or embeddings need the documents themselves: name their files"
        )
    sizes = sorted({*budgets, *([budget] if budget else [])})
    # An iterator would be used up by the first index.
    given = None if documents is None else list(given_items(documents))
    every = variants(
        used_by(index),
        patterns=list(PATTERNS) if patterns is None else patterns,
        searches=searches,
        levels=_levels(index, levels, known=given is not None),
        judges=_judges(index) if judges is None else judges,
        embeddings=(None, *embeddings),
    )
    with _Bench(index, given, vectors, on_progress) as bench:
        measured = _Measuring(bench, asked, every, sizes, on_progress)
        choice = choose(
            every, [question.group for question in asked], sizes, measured, budget=budget
        )
    advice = advice_of(Measured(asked, every, tuple(sizes), measured.lines, prices), choice)
    return replace(advice, dropped=dropped)


def used_by(index: HierarchicalIndex) -> Variant:
    """The settings in use, as one of those that are compared."""
    settings = index.settings
    judge = index.judge.kind if settings.judge == "auto" else settings.judge
    return Variant(
        settings.pattern,
        settings.search,
        tuple(index.store.fingerprint().levels),
        judge if find_pattern(settings.pattern).postprocessors else "",
    )


def _levels(
    index: HierarchicalIndex, given: Sequence[Levels] | None, *, known: bool
) -> list[Levels]:
    used = tuple(index.store.fingerprint().levels)
    if not known:
        return [used]
    window = index.embedding_capabilities.window
    fitting = [sizes for sizes in LEVELS if sizes[-1] * WINDOW_MARGIN <= window]
    return list(dict.fromkeys([used, *(fitting if given is None else map(tuple, given))]))


def _judges(index: HierarchicalIndex) -> list[str]:
    judges = ["embedding"]
    if index.llm_capabilities.fits("judge"):
        judges.append("llm")
    if has_cross_encoder(index.settings):
        judges.append("cross-encoder")
    return judges


class _Bench:
    """The indexes that settings are tried on: the one given, others made when first asked for."""

    def __init__(
        self,
        index: HierarchicalIndex,
        documents: Sequence[Path | BaseNode] | None,
        vectors: Path | None,
        on_progress: OnProgress,
    ) -> None:
        self._index = index
        self._documents = documents
        self._vectors = vectors
        self._on_progress = on_progress
        used = tuple(index.store.fingerprint().levels)
        self._made: dict[tuple[Levels, str | None], HierarchicalIndex] = {(used, None): index}
        self._models: dict[str | None, RememberedEmbedding] = {}
        self._open = ExitStack()

    def __enter__(self) -> "_Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def index(self, variant: Variant) -> HierarchicalIndex:
        """An index with a variant's levels and embedding."""
        key = (variant.levels, variant.embedding)
        if key not in self._made:
            self._made[key] = self._open.enter_context(self._filled(variant))
        return self._made[key]

    @contextmanager
    def _filled(self, variant: Variant) -> Iterator[HierarchicalIndex]:
        with tempfile.TemporaryDirectory(prefix="advise-") as folder:
            settings = _in_folder(self._index.settings, folder, variant.levels)
            llm = self._index.llm if variant.judge == "llm" else None
            embedding = self._embedding(variant.embedding)
            with HierarchicalIndex(settings, embedding=embedding, llm=llm) as index:
                index.ingest(self._documents or [], on_progress=self._on_progress)
                yield index

    def _embedding(self, spec: str | None) -> RememberedEmbedding:
        if spec not in self._models:
            model = self._index.embedding
            if spec is not None:
                settings = self._index.settings
                model = build_embedding(with_specs(settings, embedding=spec))
            self._models[spec] = (
                model
                if isinstance(model, RememberedEmbedding)
                else RememberedEmbedding(model, self._vectors)
            )
        return self._models[spec]


def _in_folder(used: Settings, folder: str, levels: Levels) -> Settings:
    """The settings in use for an index in a folder, which has none of a server's."""
    server = {name for name in Settings.model_fields if name.startswith("qdrant_")}
    values = {name: getattr(used, name) for name in Settings.model_fields.keys() - server}
    values |= {name: Settings.model_fields[name].default for name in server}
    values |= {"index": folder, "collection": "tried", "levels": levels}
    return Settings.model_construct(_fields_set=used.model_fields_set - server, **values)


class _Measuring:
    """Recall of variants on questions; keeps what was delivered."""

    def __init__(
        self,
        bench: _Bench,
        questions: Sequence[Question],
        every: Sequence[Variant],
        budgets: Sequence[int],
        on_progress: OnProgress,
    ) -> None:
        self._bench = bench
        self._questions = questions
        self._every = every
        self._budgets = budgets
        self._on_progress = on_progress
        self.lines: dict[tuple[int, int, int], Line] = {}

    def __call__(self, variant: int, questions: Sequence[int], budgets: Sequence[int]) -> Recalls:
        tried = self._every[variant]
        index = self._bench.index(tried)
        found = np.zeros((len(questions), len(budgets)))
        for row, place in enumerate(questions):
            self._on_progress(Progress("asked", str(tried), row, len(questions)))
            question = self._questions[place]
            for column, budget in enumerate(budgets):
                ask = partial(
                    index.retrieve,
                    question.question,
                    tried.pattern,
                    search=tried.search,
                    judge=tried.judge or None,
                    budget=self._budgets[budget],
                )
                line = asked_line(question.id, ask)
                self.lines[variant, budget, place] = line
                found[row, column] = score_spans(line.results, question.references).recall
        return found
