"""Comparisons on disk outlive the page, for its owner only."""

import stat
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from app.page import shelf as shelf_module
from app.page.conversation import Run
from app.page.history import History
from app.page.layout import make_workbench
from app.page.opening import Opening
from app.page.reopening import Reopening
from app.page.shelf import Shelf, shelf_of
from indexes.index import HierarchicalIndex
from tests.page.conftest import request_of
from tests.page.test_layout import QUESTION, Page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


async def compared(index: HierarchicalIndex, shelf: Shelf, **options: Any) -> Run:
    """A comparison on a page that keeps it on disk, to the end."""
    page = Page(make_workbench(Opening.of(index), shelf=shelf))
    await page.begin(QUESTION, ["regular", "parent"], **options)
    await page.lane(0)
    await page.lane(1)
    run = page.visitors.tab(request_of("ann")).run
    assert run is not None
    return run


@pytest.mark.slow
async def test_a_comparisons_address_survives_a_restart(
    index: HierarchicalIndex, folder: Path
) -> None:
    run = await compared(index, Shelf(folder), documents=["letter"])
    # Another page, which has the folder only.
    workbench = make_workbench(Opening.of(index), shelf=Shelf(folder))
    page = Page(workbench)
    reopening = Reopening(workbench, page.compare, [gr.Slider(0, 1)] * 5)
    request = request_of("ann")
    request.__dict__["query_params"] = {"run": run.id}
    shown = "\n".join(part for part in reopening.reopen(request) if isinstance(part, str))
    assert "3.18 billion" in shown
    assert "passage 1, cited" in shown
    assert "What it took" in shown
    assert "1 of 1 document: Keelstrand letter" in shown
    assert "Earlier questions (1)" in shown
    again = workbench.history.find(run.id)
    assert again is not None
    assert again.views == run.views
    assert [view.trace for view in again.views] == [view.trace for view in run.views]
    assert again.documents == ("letter",)
    # Whoever has the address sees it; whose it was is listed to nobody else.
    assert workbench.history.of(workbench.visitors.of(request_of("ben")).key) == []


@pytest.mark.slow
async def test_only_this_user_can_read_them(index: HierarchicalIndex, folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.secret()
    await compared(index, shelf)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert Shelf(folder).secret() == shelf.secret()


@pytest.mark.slow
async def test_a_visitor_can_have_them_forgotten(index: HierarchicalIndex, folder: Path) -> None:
    run = await compared(index, Shelf(folder))
    workbench = make_workbench(Opening.of(index), shelf=Shelf(folder))
    page = Page(workbench)
    reopening = Reopening(workbench, page.compare, [gr.Slider(0, 1)] * 5)
    assert "Forget them all" in reopening.list_earlier(request_of("ann"))
    reopening.forget_all(request_of("ben"))
    assert workbench.history.find(run.id) is not None
    assert reopening.forget_all(request_of("ann"))[0] == ""
    assert workbench.history.find(run.id) is None
    assert not list(folder.glob("*.json"))


def run_called(question: str) -> Run:
    return Run(question, question, None, {}, [])


def test_their_number_and_size_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(Shelf(folder))
    monkeypatch.setattr(shelf_module, "_MOST_RUNS", 3)
    for number in range(5):
        run = run_called(f"question {number}")
        history.keep("ann", run)
        history.store(run)
    assert len(list(folder.glob("*.json"))) == 3
    size = sum(file.stat().st_size for file in folder.glob("*.json"))
    monkeypatch.setattr(shelf_module, "_MOST_BYTES", size)
    monkeypatch.setattr(shelf_module, "_LONGEST_RUN", size)
    long, longer = run_called("x" * (size // 8)), run_called("x" * size)
    for run in (long, longer):
        history.keep("ann", run)
        history.store(run)
    kept = {file.stem for file in folder.glob("*.json")}
    assert long.id in kept
    assert len(kept) < 4
    assert longer.id not in kept
    # In this process nothing is lost by that.
    assert history.find(longer.id) is longer


@pytest.mark.parametrize("name", ["../secret", "secret", "a" * 22, "", "x/y" * 9, None, 5])
def test_an_address_leads_to_nothing_else(folder: Path, name: Any) -> None:
    shelf = Shelf(folder)
    shelf.secret()
    assert History(shelf).find(name) is None


@pytest.mark.parametrize("content", ["", "{", "{}\n{}\n", "[]\n[]\n", '{"visitor": 1}\n7\n'])
def test_what_cannot_be_read_is_left_out(folder: Path, content: str) -> None:
    shelf = Shelf(folder)
    (folder / f"{'a' * 22}.json").write_text(content)
    assert shelf.load("a" * 22) is None
    assert shelf.entries("ann") == []


def test_where_nothing_can_be_written_nothing_is_kept(
    index: HierarchicalIndex, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    settings = index.settings.model_copy(update={"cache": tmp_path / "cache"})
    assert shelf_of(settings) is None
