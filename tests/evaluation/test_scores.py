"""Means, intervals, differences, rank metrics, compression and cost."""

import numpy as np
import pytest

from indexes.errors import SettingsError
from indexes.evaluation.bootstrap import difference, interval
from indexes.evaluation.questions import Question, Reference
from indexes.evaluation.ranks import rank_metrics
from indexes.evaluation.runs import Line, Result
from indexes.evaluation.scores import Prices, compare, score_run, summarize


def question(name: str, *spans: tuple[int, int], document: str = "a") -> Question:
    places = tuple(Reference(document=document, start=s, end=e) for s, e in spans)
    return Question(id=name, question=f"{name}?", references=places)


def line(name: str, *spans: tuple[int, int], document: str = "a", **more: object) -> Line:
    results = tuple(Result(document=document, start=s, end=e) for s, e in spans)
    return Line(id=name, results=results, **more)  # type: ignore[arg-type]


# The bootstrap


@pytest.mark.slow
def test_an_interval_holds_the_mean_and_shrinks_with_more_documents() -> None:
    random = np.random.default_rng(1)
    few, many = random.normal(size=10), random.normal(size=1000)
    narrow = interval(many.tolist(), [str(i) for i in range(1000)])
    wide = interval(few.tolist(), [str(i) for i in range(10)])
    assert narrow.low < narrow.mean < narrow.high
    assert narrow.high - narrow.low < wide.high - wide.low
    # The theory: 1.96 standard errors to both sides.
    assert (narrow.high - narrow.low) / 2 == pytest.approx(1.96 / 1000**0.5, rel=0.15)


@pytest.mark.slow
def test_questions_on_one_document_are_not_independent() -> None:
    # Ten documents whose hundred questions each agree: only ten are drawn.
    values = [float(document % 2) for document in range(10) for _ in range(100)]
    groups = [str(document) for document in range(10) for _ in range(100)]
    clustered = interval(values, groups)
    naive = interval(values, [str(i) for i in range(1000)])
    assert clustered.clusters == 10
    assert clustered.high - clustered.low > 5 * (naive.high - naive.low)


def test_a_difference_is_paired() -> None:
    random = np.random.default_rng(2)
    theirs = random.uniform(size=50)
    groups = [str(i) for i in range(50)]
    found = difference((theirs + 0.01).tolist(), theirs.tolist(), groups)
    assert (found.low, found.mean, found.high) == pytest.approx((0.01, 0.01, 0.01))


def test_an_interval_is_the_same_every_time() -> None:
    values, groups = [0.0, 1.0, 0.5], ["a", "b", "c"]
    assert interval(values, groups) == interval(values, groups)


@pytest.mark.parametrize(("values", "groups"), [([], []), ([1.0], ["a", "b"])])
def test_nothing_has_no_interval(values: list[float], groups: list[str]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        interval(values, groups)


# Ranks


def test_evidence_is_ranked_by_the_passage_that_delivers_it() -> None:
    asked = question("q", (0, 10), (50, 60))
    [found] = rank_metrics([asked], [line("q", (20, 30), (48, 60), (0, 4), (0, 40))])
    assert found["RR"] == 1 / 2
    assert found["R@5"] == 1
    # At ranks 2 and 4 of 4, by the definition of nDCG.
    gain = 1 / np.log2(3) + 1 / np.log2(5)
    assert found["nDCG@10"] == pytest.approx(gain / (1 + 1 / np.log2(3)))


def test_what_is_not_found_counts_as_nothing() -> None:
    found = rank_metrics([question("q", (0, 10)), question("r", (0, 10))], [line("q"), line("r")])
    assert [set(values.values()) for values in found] == [{0.0}, {0.0}]


# Scores


def test_questions_without_evidence_have_no_score() -> None:
    asked = [question("a", (0, 10)), question("b")]
    scored = score_run(asked, [line("a", (0, 10))])
    assert [found.id for found in scored] == ["a"]


def test_a_run_that_lacks_a_question_is_refused() -> None:
    with pytest.raises(SettingsError, match="lacks question a"):
        score_run([question("a", (0, 10))], [])


def test_one_and_several_references_are_kept_apart() -> None:
    asked = [question("a", (0, 10)), question("b", (0, 10), (20, 30))]
    scored = score_run(asked, [line("a", (0, 10)), line("b", (0, 10))])
    recalls = {s: summarize(scored, s).intervals["recall"].mean for s in ("all", "single", "multi")}
    assert recalls == {"all": 0.75, "single": 1.0, "multi": 0.5}


def test_compression_is_measured_against_what_it_got() -> None:
    asked = [question("a", (0, 10))]
    before = (Result(document="a", start=0, end=100),)
    kept = line("a", (5, 10), tokens=5, invented=1, tokens_before=25, results_before=before)
    [found] = score_run(asked, [kept])
    assert found.values["kept"] == 5 / 25
    assert found.values["retention"] == 0.5
    assert found.values["verbatim"] == pytest.approx(0.8)


def test_a_price_makes_tokens_a_cost() -> None:
    asked = [question("a", (0, 10))]
    run = [line("a", llm_tokens_in=2_000_000, llm_tokens_out=500_000)]
    [found] = score_run(asked, run, prices=Prices(tokens_in=3, tokens_out=10))
    assert found.values["cost"] == 2 * 3 + 0.5 * 10


def test_only_the_same_questions_are_compared() -> None:
    asked = [question("a", (0, 10)), question("b", (0, 10))]
    both = score_run(asked, [line("a", (0, 10)), line("b")])
    assert compare(both, both, "recall").mean == 0
    with pytest.raises(ValueError, match="different questions"):
        compare(both, both[:1], "recall")
