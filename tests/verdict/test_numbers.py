"""Figures are what they are worth, however they are written."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.verdict.matching import fit
from indexes.verdict.numbers import decimal_comma, figures


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$1.2 billion", "1,200 million dollars"),
        ("37%", "37 per cent"),
        ("thirty-five days", "35 days"),
        ("3 May 2021", "2021-05-03"),
        ("May 3rd, 2021", "03.05.2021"),
        ("1 541 000", "1,541,000"),
        ("US$5m", "$5 million"),
        ("2 hundred", "200"),
        ("a million euros", "€1,000,000"),
        ("about 500 people", "514 people"),
    ],
)
def test_two_ways_of_writing_one(one: str, other: str) -> None:
    ((said,), (source,)) = figures(one), figures(other)
    assert fit(said, source) == "same"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("37%", "37 stores"),
        ("5 km", "5 miles"),
        ("$5 million", "$5 billion"),
        ("37%", "37 percentage points"),
        ("3 May 2021", "5 March 2021"),
        ("the third", "3 doors"),
        ("1.5", "15"),
    ],
)
def test_two_that_are_not_one(one: str, other: str) -> None:
    assert all(fit(a, b) == "no" for a in figures(one) for b in figures(other))


def test_a_rounded_one_is_near_only() -> None:
    ((said,), (source,)) = figures("12%"), figures("12.4%")
    assert fit(said, source) == "near"


def test_the_text_says_what_a_comma_is() -> None:
    german = "Der Umsatz stieg auf 3,5 Millionen, der Preis auf 1.250 Euro."
    assert decimal_comma(german)
    assert [figure.values[0] for figure in figures(german, comma=True)] == [3_500_000, 1250]
    assert not decimal_comma("It grew 3.5% to 1,250.")


@pytest.mark.slow
@given(st.text(max_size=400))
def test_figures_lie_within_any_text_in_order_and_apart(text: str) -> None:
    found = figures(text, comma=decimal_comma(text))
    for before, after in pairwise(found):
        assert before.end <= after.start
    assert all(0 <= figure.start < figure.end <= len(text) for figure in found)


@pytest.mark.slow
@given(st.decimals(0, 10**9, places=2))
def test_a_number_survives_being_written_in_english(value: Decimal) -> None:
    (figure,) = figures(f"{value:,}")
    assert figure.values == (value,)
