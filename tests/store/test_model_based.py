"""Any sequence of changes, crashes and reopenings: queries show what a dictionary holds."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import indexes.ingestion
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.benchmarks.versioned import LEVELS, HashEmbedding, document, shown, text_of

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["ant", "bee", "cat"])
VERSIONS = st.integers(1, 5)
DOCUMENTS = st.dictionaries(NAMES, VERSIONS, min_size=1, max_size=2)
# A large document takes some ten writes.
WRITES = st.integers(0, 12)


class Died(BaseException):
    """The process is gone: nothing below may handle this."""


class Index(RuleBasedStateMachine):
    """An index beside a dictionary of what it should show.

    `maybe` holds what a crash may have left of a document instead: None if nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self.documents: dict[str, int] = {}
        self.maybe: dict[str, int | None] = {}
        self.index = self._open()

    def _open(self) -> HierarchicalIndex:
        wanted = load_settings(index=str(self.folder / "index"), levels=LEVELS, top_k=1000)
        return HierarchicalIndex(wanted, embedding=HashEmbedding())

    def teardown(self) -> None:
        self.index.close()
        shutil.rmtree(self.folder)

    @initialize()
    def make(self) -> None:
        self.index.ingest([])

    @contextlib.contextmanager
    def _cut_after(self, writes: int) -> Iterator[None]:
        """The engine dies at the write after so many; the process may or may not."""
        backend = self.index.engine.client._client
        done = 0

        def dying(original: Any) -> Any:
            def write(*args: Any, **kwargs: Any) -> Any:
                nonlocal done
                done += 1
                if done > writes:
                    raise Died
                return original(*args, **kwargs)

            return write

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Died):
            for name in ("upsert", "delete"):
                patch.setattr(backend, name, dying(getattr(backend, name)))
            yield

    # What is done to it

    @rule(changes=DOCUMENTS)
    def ingest(self, changes: dict[str, int]) -> None:
        self._settled()
        report = self.index.ingest([document(*one) for one in changes.items()])
        before, self.documents = self.documents, self.documents | changes
        assert sorted(report.added) == sorted(changes.keys() - before.keys())
        same = {name for name in changes if before.get(name) == changes[name]}
        assert sorted(report.unchanged) == sorted(same)
        assert report.failed == []

    @rule(changes=DOCUMENTS, writes=WRITES, reopen=st.booleans())
    def crash_while_ingesting(self, changes: dict[str, int], writes: int, reopen: bool) -> None:
        self._settled()
        with self._cut_after(writes):
            self.index.ingest([document(*one) for one in changes.items()])
        self.maybe = dict(changes)
        if reopen:
            self.reopen()

    @rule(name=NAMES)
    @precondition(lambda self: self.documents)
    def remove(self, name: str) -> None:
        self._settled()
        if name in self.documents:
            self.index.remove(name)
            del self.documents[name]

    @rule(name=NAMES, writes=st.integers(0, 3), reopen=st.booleans())
    @precondition(lambda self: self.documents)
    def crash_while_removing(self, name: str, writes: int, reopen: bool) -> None:
        self._settled()
        if name in self.documents:
            with self._cut_after(writes):
                self.index.remove(name)
            self.maybe = {name: None}
        if reopen:
            self.reopen()

    @rule()
    def reopen(self) -> None:
        self.index.close()
        self.index = self._open()

    @rule()
    @precondition(lambda self: not self.maybe)
    def ingest_what_is_there(self) -> None:
        report = self.index.ingest([document(*one) for one in self.documents.items()])
        assert sorted(report.unchanged) == sorted(self.documents)
        assert report.embedded == 0

    @rule()
    def recover(self) -> None:
        self._settled()
        self.index.ingest([])
        assert self.index.verify().problems == []

    @rule()
    def repair(self) -> None:
        self._settled()
        assert self.index.verify(repair=True).clean
        # What this process believes to be writing still is not touched; see `reopen`.
        self.reopen()
        self.index.verify(repair=True)
        assert self.index.verify().problems == []

    # What it must show

    def _settled(self) -> None:
        """Find out which way a crash went: one of the two, and whole."""
        seen = shown(self.index)
        for name, version in self.maybe.items():
            if version is not None and seen.get(name) == text_of(name, version):
                self.documents[name] = version
            elif version is None and name not in seen:
                del self.documents[name]
        self.maybe = {}
        self.queries_show_the_documents()

    @invariant()
    def queries_show_the_documents(self) -> None:
        expected = {name: text_of(name, version) for name, version in self.documents.items()}
        seen = shown(self.index)
        for name, version in self.maybe.items():
            if seen.get(name) != expected.get(name):
                after = None if version is None else text_of(name, version)
                assert seen.get(name) == after, f"{name} is neither the old nor the new"
            seen.pop(name, None)
            expected.pop(name, None)
        assert seen == expected


@pytest.fixture(autouse=True)
def small_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes.ingestion, "_SLICE", 8)


TestIndex = Index.TestCase
TestIndex.settings = settings(
    max_examples=8,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
