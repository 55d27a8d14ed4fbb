"""One key for all fields of ours."""

import pytest

from indexes.namespace import OURS, ours, theirs


def test_each_side_has_its_own_start() -> None:
    metadata = {"start": "noon", OURS: {"start": 120}}
    assert ours(metadata) == {"start": 120}
    assert theirs(metadata) == {"start": "noon"}


def test_our_fields_can_be_changed_in_place() -> None:
    metadata = {OURS: {"tokens": 9}}
    ours(metadata)["tokens"] = 5
    assert metadata == {OURS: {"tokens": 5}}


@pytest.mark.parametrize("value", [None, "text", 7, ["start"]])
def test_what_is_no_dict_under_our_key_is_read_as_nothing(value: object) -> None:
    assert ours({OURS: value}) == {}
    assert theirs({OURS: value}) == {}
