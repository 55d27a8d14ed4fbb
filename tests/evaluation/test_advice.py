"""The adviser: picks what must win, says nothing on noise, and writes a settings file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.schema import Document

from indexes.errors import SettingsError
from indexes.evaluation.advice.advice import Measured, advice_of
from indexes.evaluation.advice.adviser import advise
from indexes.evaluation.advice.choosing import Choice, Recalls, bend, choose, halves
from indexes.evaluation.advice.deciding import chance, decide, decide_all
from indexes.evaluation.advice.variants import Variant, variants
from indexes.evaluation.questions import Question, Reference
from indexes.evaluation.runs import Line, Result
from indexes.evaluation.scores import Prices
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.evaluation.made_corpora import BUDGET, LEVELS, Kind, corpus
from tests.fakes import ScriptedLLM, WordEmbedding

USED = Variant("parent", "hybrid", (96, 48, 24))
BUDGETS = (256, 512, 1024)


def some_variants() -> list[Variant]:
    return variants(
        USED,
        patterns=["regular", "parent", "extract", "parent+extract"],
        searches=["hybrid", "dense", "bm25"],
        levels=[(96, 48, 24), (48, 24)],
        judges=["embedding"],
    )


def chosen(recalls: Recalls, documents: int = 5, **options: int) -> Choice:
    """What is chosen where `recalls` are those of variants, questions and budgets."""
    groups = [f"{place % documents}.txt" for place in range(recalls.shape[1])]
    return choose(
        some_variants(), groups, BUDGETS, lambda v, asked, at: recalls[v][asked][:, at], **options
    )


def test_all_combinations_are_tried_once_and_the_one_in_use_comes_first() -> None:
    found = some_variants()
    assert found[0] == USED
    assert len(found) == len(set(found)) == 4 * 3 * 2
    assert {one.judge for one in found if "extract" in one.pattern} == {"embedding"}
    assert {one.judge for one in found if one.pattern in ("regular", "parent")} == {""}


def test_a_judge_that_is_dear_is_tried_with_the_search_and_levels_in_use_alone() -> None:
    found = variants(
        USED,
        patterns=["parent", "extract"],
        searches=["hybrid", "dense"],
        levels=[USED.levels, (48, 24)],
        judges=["embedding", "llm"],
    )
    assert [str(one) for one in found if one.judge == "llm"] == [
        "extract · hybrid · 96/48/24 · llm"
    ]
    assert sum(one.judge == "embedding" for one in found) == 4


def test_kinds_of_documents_are_told_apart_and_corrected_for_their_number() -> None:
    questions = [
        Question(
            id=n,
            question="Who?",
            references=(Reference(document=f"{n % 6}.{('md', 'pdf')[n % 2]}", start=0, end=10),),
        )
        for n in range(40)
    ]
    recalls = np.full((2, 40, 1), 0.4)
    # Better on Markdown alone.
    recalls[1, ::2] = 1.0
    passage = Result(document="0.md", start=0, end=5)
    lines = {
        (variant, 0, row): Line(id=row, results=(passage,), tokens=100, llm_tokens_in=50)
        for variant in range(2)
        for row in range(40)
    }
    pair = [USED, Variant("regular", "hybrid", USED.levels)]
    choice = choose(
        pair, [one.group for one in questions], [512], lambda v, a, at: recalls[v][a][:, at]
    )
    prices = Prices(tokens_in=2.0)
    advice = advice_of(Measured(questions, pair, (512,), lines, prices), choice)
    assert advice.recommended.pattern == "regular"
    assert [(kind.name, kind.decision.better) for kind in advice.kinds] == [
        (".md", True), (".pdf", False),
    ]  # fmt: skip
    point = advice.curves[0][0]
    assert (point.tokens, point.cost) == (150, pytest.approx(1000 * 150 * 2 / 1e6))
    assert advice.worth == advice.frontier[-1]
    # One document of the six is the right one.
    assert point.elsewhere == pytest.approx(5 / 6, abs=0.06)
    assert f"| .md | {advice.kinds[0].questions} |" in advice.markdown()


def test_the_halves_share_no_question_and_each_has_every_document() -> None:
    groups = [f"{place % 4}" for place in range(40)]
    choosing, confirming = halves(groups)
    assert sorted([*choosing, *confirming]) == [*range(40)]
    for half in (choosing, confirming):
        assert [sum(groups[place] == name for place in half) for name in "0123"] == [5] * 4
    # Where there are many documents, the halves share none.
    many = [f"{place % 20}" for place in range(60)]
    left, right = ({many[place] for place in half} for half in halves(many))
    assert (len(left), len(right), left & right) == (10, 10, set())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_is_better_is_chosen_and_confirmed_by_other_questions(seed: int) -> None:
    random = np.random.default_rng(seed)
    recalls = np.clip(random.normal(0.5, 0.1, (24, 60, 3)), 0, 1)
    recalls[7] += 0.2
    choice = chosen(recalls)
    assert (choice.winner, choice.reference, choice.recommended) == (7, 0, 7)
    assert choice.decided
    assert choice.decision.by.low > 0
    # The setting in use is never left out, and few settings see all questions.
    assert all(0 in rung.recalls for rung in choice.rungs)
    assert len(choice.recalls) < 24 / 2
    assert choice.recalls[7].shape == (30, 3)
    fixed = chosen(recalls, budget=1024)
    assert (fixed.budget, fixed.bends) == (2, None)


@pytest.mark.slow
def test_the_setting_in_use_can_win_too() -> None:
    recalls = np.full((24, 60, 3), 0.4)
    recalls[0] = 0.9
    choice = chosen(recalls)
    assert (choice.winner, choice.recommended, choice.decided) == (0, 0, True)
    assert some_variants()[choice.reference].pattern != "parent"


def test_equals_are_not_told_apart_and_the_setting_in_use_stays() -> None:
    choice = chosen(np.full((24, 60, 3), 0.5))
    assert (choice.winner, choice.decided, choice.recommended) == (0, False, 0)
    assert not any(found.better for found in choice.rivals.values())
    assert choice.more_questions is None


@pytest.mark.slow
def test_on_noise_nothing_is_decided() -> None:
    # More seeds and more kinds of noise: tests.benchmarks.advice.
    false = 0
    for seed in range(20):
        recalls = np.random.default_rng(seed).integers(0, 2, (24, 40, 3)).astype(float)
        found = chosen(recalls, documents=(4, 20)[seed % 2])
        assert found.recommended == (found.winner if found.decided else 0)
        false += found.decided
    assert false <= 1


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(SettingsError, match="3 questions with evidence: give 4 at least"):
        chosen(np.full((24, 3, 3), 0.5))
    # Four are enough to say that four decide nothing.
    assert not chosen(np.full((24, 4, 3), 0.5)).decided


def test_the_curve_bends_where_no_larger_budget_is_worth_it() -> None:
    assert bend([0.5, 0.7, 0.71], BUDGETS) == 1
    assert bend([0.5, 0.5, 0.5], BUDGETS) == 0
    assert bend([0.5, 0.6, 0.7], BUDGETS) == 2
    # Nothing at all is spent on what a filter drops.
    assert bend([0.0, 0.9], [0.0, 40.0]) == 0
    # A flat stretch is no bend when a rise follows.
    assert bend([0.5, 0.51, 0.9], BUDGETS) == 2


def test_chance_is_exact_for_few_documents_and_sees_documents_whole() -> None:
    assert chance([1.0] * 4, ["a"] * 4) == pytest.approx(1 / 16, abs=0.01)
    assert chance([0.0, 0.0], ["a", "b"]) == 1.0
    # Fifty questions about nine documents are nine, not fifty.
    ours = [1.0] * 50
    assert chance(ours, [str(place % 9) for place in range(50)]) == pytest.approx(1 / 512, abs=1e-3)


def test_many_claims_are_corrected_for_their_number() -> None:
    # Eleven documents of twelve for it: 13 ways of 4,096 are as good.
    ours, theirs = [1.0] * 11 + [0.0], [0.0] * 11 + [1.0]
    groups = [str(place) for place in range(12)]
    assert decide(ours, theirs, groups).better
    among = decide_all(ours, [theirs, *[ours] * 20], groups)
    assert not any(found.better for found in among)


Opened = Callable[[Kind], HierarchicalIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def of(kind: Kind) -> HierarchicalIndex:
        settings = load_settings(
            index=tmp_path / kind, levels=LEVELS, budget=BUDGET, judge="embedding"
        )
        index = HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM())
        texts = corpus(kind).texts.items()
        index.ingest(
            [Document(text=text, id_=name, metadata={"source": name}) for name, text in texts]
        )
        return index

    return of


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["regular", "parent", "extract"])
def test_the_pattern_that_must_win_is_recommended(
    opened: Opened, kind: Kind, tmp_path: Path
) -> None:
    with opened(kind) as index:
        advice = advise(
            index,
            corpus(kind).questions,
            patterns=["regular", "parent", "extract"],
            searches=["hybrid"],
            budgets=[BUDGET],
            prices=Prices(tokens_in=3),
        )
    assert advice.decided, advice.in_words()
    assert advice.recommended.pattern == kind
    advice.write_settings(tmp_path / "advice.json")
    loaded = load_settings(settings_file=tmp_path / "advice.json")
    assert (loaded.pattern, loaded.budget, loaded.levels) == (kind, BUDGET, LEVELS)
    assert advice.in_words().startswith(f"Take {kind}")
    assert f"| {kind} · hybrid" in advice.markdown()
    assert "cost, 1,000 questions" in advice.markdown()
    told = json.loads(json.dumps(advice.to_json()))
    assert told["settings"]["pattern"] == kind
    assert told["questions"] == {"choosing": 12, "confirming": 12}
    if kind == "regular":
        # What is about the question all along, and has no evidence, draws `parent` away.
        assert advice.curves[0][0].elsewhere < 0.7 < advice.curves[1][0].elsewhere


@pytest.mark.slow
def test_other_levels_are_tried_on_indexes_of_their_own(opened: Opened) -> None:
    with opened("noise") as index:
        before = [found.version for found in index.documents()]
        texts = corpus("noise").texts.items()
        documents = [
            Document(text=text, id_=name, metadata={"source": name}) for name, text in texts
        ]
        advice = advise(
            index,
            corpus("noise").questions,
            documents=documents,
            patterns=["regular"],
            searches=["bm25"],
            levels=[(48, 24)],
            budgets=[60, 120],
        )
        assert [found.version for found in index.documents()] == before
    assert not advice.decided
    assert advice.recommended == Variant("parent", "hybrid", LEVELS)
    assert {curve[0].variant.levels for curve in advice.curves} == {LEVELS, (48, 24)}
    assert advice.in_words().startswith("Not decided by these 24 questions: keep parent")
    assert all(0 <= point.elsewhere <= 1 for curve in advice.curves for point in curve)


@pytest.mark.slow
def test_other_levels_need_the_documents(opened: Opened) -> None:
    with (
        opened("noise") as index,
        pytest.raises(SettingsError, match="name their files"),
    ):
        advise(index, corpus("noise").questions, levels=[(48, 24)])
