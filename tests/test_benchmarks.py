"""Benchmarks take too long for the tests; that they can start is tested."""

import importlib
import pkgutil
from dataclasses import replace

import pytest

from tests import benchmarks
from tests.benchmarks.defaults import chosen, rows_of
from tests.benchmarks.soak import Held, grown, soak


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
