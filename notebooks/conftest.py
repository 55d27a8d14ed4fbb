"""The notebooks are tests: each runs from top to bottom, on one index for all of them."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from nbmake.pytest_items import NotebookItem


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need the local models: `-m "not slow"` leaves them out."""
    for item in items:
        if isinstance(item, NotebookItem):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def one_index() -> Iterator[None]:
    """Kernels inherit the environment."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RAG_INDEX"] = folder
        yield
        del os.environ["RAG_INDEX"]
