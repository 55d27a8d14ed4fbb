"""docs/reference.md says what the code says."""

import pytest

from tests.reference import PAGE, reference


@pytest.mark.slow
def test_the_reference_is_what_make_reference_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make reference`"
