"""What several tests share."""

import gc
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Hardly anything that is imported is garbage: to look for it takes a sixth of the time.
gc.disable()

from indexes.index import HierarchicalIndex  # noqa: E402
from indexes.settings import load_settings  # noqa: E402
from tests.fakes import ScriptedLLM, WordEmbedding  # noqa: E402

# How long an example takes is this machine's affair, not the code's.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# An index waits for its disk at every step, and hundreds are made. Where there is memory for files
# (Linux), the tests' folders lie in it; those that passed go at once.
_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# What a slow test takes, as so many of the others, and what one that installs packages, runs a
# language model, or opens a browser. The first notebook embeds what the others find embedded.
_SLOW, _LONG, _FIRST = 10, 1000, 20_000
_LONGEST = ("test_access", "test_browser", "test_jumpstart", "test_package", "test_readme")

# Fixtures that open an index, a page, or a server to speak with.
_OPENING = {"index", "filled_folder", "workbench", "stand_in", "damage", "publisher"}

_ALL_SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow\b", re.MULTILINE)

# Small chunks, so that short texts have parents.
LEVELS = (96, 48, 24)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: tests wait for servers, for the disk, for others."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """What is imported stays: no test that looks for garbage looks through it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no slow test is wanted, a file of slow ones isn't even imported."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(_ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_itemcollected(item: pytest.Item) -> None:
    """What opens an index, or speaks with a server, takes a tenth of a second and more."""
    if _OPENING & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process has to wait for the last of another."""
    weight: Counter[Path] = Counter()
    for item in items:
        long = item.path.suffix == ".ipynb" or item.path.stem in _LONGEST
        slow = _FIRST if item.path.stem == "1_regular" else _LONG if long else _SLOW
        weight[item.path] += slow if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: -weight[item.path])


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        if not name.startswith("RAG_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def embedding() -> WordEmbedding:
    return WordEmbedding()


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest.fixture
def index(
    tmp_path: Path, embedding: WordEmbedding, llm: ScriptedLLM
) -> Iterator[HierarchicalIndex]:
    """An empty index on the real engine, with models that do what they are told."""
    with opened(tmp_path / "index", embedding, llm) as made:
        yield made


def opened(folder: Path, embedding: WordEmbedding, llm: ScriptedLLM) -> HierarchicalIndex:
    """The fixture `index`, for one that several tests share."""
    settings = load_settings(index=str(folder), levels=LEVELS, budget=120, judge="embedding")
    return HierarchicalIndex(settings, embedding=embedding, llm=llm)
