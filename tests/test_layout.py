"""Where text stands on its pages is packed small and comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents.blocks import Mark
from indexes.documents.layout import boxes_of, packed, unpacked

LAYOUT = [
    Mark(0, 1, (72.0, 70.5, 300.1, 82.0)),
    Mark(40, 1, (72.0, 85.0, 310.0, 97.0)),
    Mark(90, 2, (72.0, 70.0, 200.0, 82.0)),
]

places = st.floats(-100, 5000).map(lambda value: round(value, 1))
marks = st.builds(
    Mark, st.integers(0, 10**8), st.integers(1, 10**4), st.tuples(places, places, places, places)
)


@pytest.mark.slow
@given(st.lists(marks, max_size=50))
def test_what_is_packed_comes_back(layout: list[Mark]) -> None:
    assert [mark[:2] for mark in unpacked(packed(layout))] == [m[:2] for m in sorted(layout)]
    for found, meant in zip(unpacked(packed(layout)), sorted(layout), strict=True):
        assert found.box is not None
        assert meant.box is not None
        assert all(abs(a - b) < 0.051 for a, b in zip(found.box, meant.box, strict=True))


def test_a_span_has_the_boxes_of_the_lines_that_it_touches() -> None:
    text = packed(LAYOUT)
    assert [page for page, _ in boxes_of(text, 0, 200)] == [1, 1, 2]
    assert boxes_of(text, 45, 50) == [(1, (72.0, 85.0, 310.0, 97.0))]
    assert [page for page, _ in boxes_of(text, 39, 41)] == [1, 1]
    assert boxes_of(text, 40, 40) == []


def test_nonsense_has_no_boxes() -> None:
    assert boxes_of("no layout", 0, 10) == []
    assert boxes_of("", 0, 10) == []


def test_a_line_takes_a_dozen_bytes() -> None:
    lines = [
        Mark(80 * place, 1 + place // 50, (72.0, 70.0 + 12 * (place % 50), 500.0, 82.0))
        for place in range(500)
    ]
    assert len(packed(lines)) < 12 * len(lines)
