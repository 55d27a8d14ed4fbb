"""The page, opened from a notebook."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from app.page import open_page
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.patterns import PATTERNS, register_pattern


@pytest.fixture
def mine() -> Iterator[None]:
    register_pattern("mine", lambda question: ["By heart: it rose."], summary="By heart.")
    yield
    PATTERNS.unregister("mine")


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_a_pattern_of_the_notebook_is_offered_by_the_page(index: HierarchicalIndex) -> None:
    with open_page(index) as page:
        config = httpx.get(f"{page.url}/config").json()
        choices = [
            name
            for part in config["components"]
            for _, name in part.get("props", {}).get("choices") or []
        ]
        assert "mine" in choices
    with pytest.raises(httpx.ConnectError):
        httpx.get(page.url)
    assert index.retrieve("What rose?", "mine")[0][0].text == "By heart: it rose."


def test_a_port_that_is_taken_is_said_to_be(index: HierarchicalIndex) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 cannot be used"):
            open_page(index, port=port)
