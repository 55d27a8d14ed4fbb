"""Benchmarks take too long for the tests; that they can start is tested."""

import importlib
import pkgutil

import pytest

from tests import benchmarks


@pytest.mark.parametrize(
    "name", [found.name for found in pkgutil.iter_modules(benchmarks.__path__)]
)
def test_a_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(f"tests.benchmarks.{name}")
