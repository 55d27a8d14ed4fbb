"""The notebooks are tests: each runs from top to bottom, on one index for all of them."""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec

import pytest
from nbmake.pytest_items import NotebookItem

# A notebook's kernel inherits the environment, and knows no fixtures. So do the processes
# among which the tests are divided: they share the folder of the first.
if "NOTEBOOK_INDEX" not in os.environ:
    os.environ["NOTEBOOK_INDEX"] = tempfile.mkdtemp(prefix="notebooks-")
    atexit.register(shutil.rmtree, os.environ["NOTEBOOK_INDEX"], ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """A test shows that a notebook runs; with --overwrite its figures are kept, and so whole."""
    if not config.option.overwrite:
        os.environ.setdefault("NOTEBOOK_TAKES_ONE_IN", "6")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need the local models: `-m "not slow"` leaves them out."""
    for item in items:
        if isinstance(item, NotebookItem):
            item.add_marker(pytest.mark.slow)
            if "sagemaker" in item.path.name and find_spec("boto3") is None:
                item.add_marker(pytest.mark.skip("THE EXTRA sagemaker IS MISSING: make test"))
