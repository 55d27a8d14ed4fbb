"""What is known of a text's structure goes through JSON, and nonsense does not come back."""

import pytest

from indexes.documents.structure import HeadingSpan, Structure, TableSpan

STRUCTURE = Structure(
    headings=(HeadingSpan(0, 4, 1), HeadingSpan(10, 14, 2)),
    tables=(TableSpan(20, 40, 25, (20, 25, 30), (1, 2, 5)),),
    code=((50, 60),),
)


def test_a_structure_comes_back_from_json() -> None:
    assert Structure.of(STRUCTURE.to_json(), 60) == STRUCTURE


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {"headings": []},
        {"headings": [[1]], "tables": [], "code": []},
        {"headings": [[5, 2, 1]], "tables": [], "code": []},
        {"headings": [], "tables": [[0, 9, 99, [0], []]], "code": []},
        {"headings": [], "tables": [[0, 9, 0, ["x"], []]], "code": []},
        {"headings": [], "tables": [], "code": [[0, 61]]},
    ],
)
def test_what_is_none_is_nothing(given: object) -> None:
    assert Structure.of(given, 60) == Structure()
