"""What the tests of models share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.settings import Settings, load_settings
from tests.models.stand_in import StandIn


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for converted models, the same for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def local(cache: Path) -> Settings:
    return load_settings(cache=cache, context_window=1024, max_answer_tokens=12)
