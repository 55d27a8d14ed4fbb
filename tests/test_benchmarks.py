"""Benchmarks take too long for the tests; that they can start is tested."""

import importlib
import pkgutil
import subprocess
from dataclasses import replace

import pytest

from indexes.evaluation.questions import Question, Reference
from tests import benchmarks
from tests.benchmarks.beside_peers import cut
from tests.benchmarks.defaults import chosen, rows_of
from tests.benchmarks.figures import RECORDED, Benchmark, Figure, measure, page, read, recorded
from tests.benchmarks.soak import Held, grown, soak


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [found.name for found in pkgutil.iter_modules(benchmarks.__path__)]
)
def test_a_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(f"tests.benchmarks.{name}")


def test_defaults_are_chosen_by_all_corpora_but_one_and_told_with_what_that_costs() -> None:
    tables = {
        "a": {"parent hybrid": 0.6, "parent dense": 0.5, "parent bm25": 0.7},
        "b": {"parent hybrid": 0.6, "parent dense": 0.8, "parent bm25": 0.3},
        "c": {"parent hybrid": 0.6, "parent dense": 0.6, "parent bm25": 0.5},
    }
    assert chosen(list(tables.values())) == "parent dense"
    row = rows_of(tables)["b"]
    # Without b, words alone are as good as both: the first of equals stays.
    assert (row.others_choice, row.by_others) == ("parent hybrid", 0.6)
    assert (row.best_choice, row.best, row.default) == ("parent dense", 0.8, 0.6)


def test_the_page_of_benchmarks_is_what_is_recorded_and_each_of_them_exists() -> None:
    kept = recorded()
    assert (RECORDED.parents[2] / "docs" / "benchmarks.md").read_text("utf-8") == page(kept)
    there = {found.name for found in pkgutil.iter_modules(benchmarks.__path__)}
    assert {benchmark.name for benchmark in kept} <= there
    assert all(benchmark.figures for benchmark in kept)


def test_a_figure_is_worse_only_beyond_what_noise_may_do_and_in_its_own_direction() -> None:
    slower = Figure(name="wait", path="ms", last=10, aim=11)
    assert [slower.model_copy(update={"now": ms}).worse for ms in (2, 12.4, 12.6)] == [
        False, False, True,
    ]  # fmt: skip
    assert slower.model_copy(update={"now": 11.5}).missed
    recall = Figure(name="recall", path="r", better="higher", within=0.01, last=0.9)
    assert recall.model_copy(update={"now": 0.85}).worse
    assert not recall.model_copy(update={"now": 0.99}).worse
    lost = Figure(name="lost", path="lost", within=0, last=0)
    assert lost.model_copy(update={"now": 1}).worse


def test_a_figure_is_read_from_what_a_benchmark_printed() -> None:
    printed = {"ours": {"ms": 4, "failures": ["a", "b"]}, "theirs": {"ms": 16}}
    assert read(Figure(name="times", path="theirs/ms", over="ours/ms"), printed) == 4
    assert read(Figure(name="failures", path="ours/failures"), printed) == 2
    assert read(Figure(name="silent", path="silent", absent=0), printed) == 0
    with pytest.raises(KeyError):
        read(Figure(name="gone", path="theirs/gone"), printed)


def test_a_benchmark_that_does_not_answer_is_told_of_and_keeps_its_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert words[1:] == ["-m", "tests.benchmarks.query", "--server", "--json"]
        return subprocess.CompletedProcess(words, 3, stdout="a table\nbut no object")

    monkeypatch.setattr(subprocess, "run", run)
    asked = Benchmark(
        command="query --server",
        about="",
        takes="",
        on="",
        figures=[Figure(name="x", path="x", last=1)],
    )
    assert measure(asked).startswith("query: exit code 3, JSONDecodeError")
    assert asked.figures[0].now is None


def test_a_soak_tells_what_grew() -> None:
    early = Held(10, 1.0, 300 * 2**20, 20, 12, 140, 1, 10**8)
    warm = replace(early, memory=200 * 2**20, threads=9, mapped=70)
    assert grown([warm, early, early, replace(early, memory=310 * 2**20, descriptors=13)]) == []
    leaking = replace(early, memory=400 * 2**20, descriptors=30, temporary=9)
    assert [found.split()[0] for found in grown([warm, early, early, leaking])] == [
        "memory", "descriptors", "temporary",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_short_soak_leaves_nothing_behind() -> None:
    quarters = soak(24)
    assert [held.questions for held in quarters] == [6, 12, 18, 24]
    assert {held.temporary for held in quarters} == {0}


def test_a_corpus_is_cut_to_the_documents_that_are_asked_about_most_for_their_length() -> None:
    texts = {"rare.txt": "x" * 100, "dense.txt": "a\n" * 10, "some.txt": "line\n" * 10}

    def asked(name: str, document: str, start: int) -> Question:
        place = Reference(document=document, start=start, end=start + 4)
        return Question(id=name, question="?", references=(place,))

    questions = [
        asked("1", "dense.txt", 0), asked("2", "dense.txt", 8), asked("3", "some.txt", 0),
        asked("4", "some.txt", 30), asked("5", "rare.txt", 0),
    ]  # fmt: skip
    kept, answered = cut(texts, questions, 42)
    # The second ends at a line, and the question behind that is left out.
    assert kept == {"dense.txt": texts["dense.txt"], "some.txt": "line\n" * 4}
    assert [question.id for question in answered] == ["1", "2", "3"]
    assert cut(texts, questions, 10_000) == (texts, questions)
