"""Functions of users are given what their parameters name."""

import functools
from typing import Any

import pytest

from indexes.errors import SettingsError
from indexes.parameters import call, parameters

OFFERED = {"question": lambda: "Who?", "budget": lambda: 512}


class Maker:
    def __init__(self, budget: int, extra: str = "e") -> None:
        self.made = (budget, extra)


class Echo:
    def __call__(self, question: str) -> str:
        return question


def given(function: Any) -> Any:
    return call(function, OFFERED, "thing 'mine'")


def test_it_is_given_what_it_names() -> None:
    assert given(lambda question, budget: (question, budget)) == ("Who?", 512)
    assert given(lambda budget: budget) == 512
    assert given(lambda: 1) == 1


def test_a_single_parameter_may_be_called_anything() -> None:
    assert given(lambda q: q) == "Who?"
    assert given(len) == 4


def test_classes_partials_methods_and_callables_are_functions_too() -> None:
    assert given(Maker).made == (512, "e")
    assert given(functools.partial(lambda a, budget: (a, budget), 1)) == (1, 512)
    assert given(Echo()) == "Who?"


def test_parameters_with_defaults_keep_them() -> None:
    assert given(lambda question, k=3, *more, **others: (question, k)) == ("Who?", 3)
    assert given(lambda **others: others) == {}


def test_what_is_not_named_is_not_made() -> None:
    def never() -> None:
        raise AssertionError("nobody asked for it")

    assert call(lambda question: question, {**OFFERED, "index": never}, "thing") == "Who?"


@pytest.mark.parametrize(
    "function", [lambda question, chunks: 1, lambda a, b: 1, lambda *, chunks: 1]
)
def test_what_is_not_offered_is_refused_with_what_is(function: Any) -> None:
    with pytest.raises(SettingsError, match=r"thing 'mine': .* are among question, budget"):
        given(function)


@pytest.mark.parametrize("what", [3, "text", None, []])
def test_what_is_no_function_is_refused(what: Any) -> None:
    with pytest.raises(SettingsError, match="thing 'mine': give a function or a class, not"):
        parameters(what, OFFERED, "thing 'mine'")
