"""What tests of a server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.store import retries
from tests.store.stand_in import KEY, StandIn


@pytest.fixture
def hardly_any_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(retries, "LONGEST_WAIT_SECONDS", 0.2)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "served", key=KEY) as server:
        yield server
