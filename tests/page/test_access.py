"""Without a mouse, and for who hears the page: axe on every tab and dialog, keyboard alone.

And what is being sent can be ended at once.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from app.samples import LETTERS
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from indexes.settings import Settings
from tests.page.fakes import ScriptedLLM, WordEmbedding
from tests.page.running import axe, browser, chromium, served
from tests.page.test_browser import Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="NO BROWSER: install Chromium to test the page"),
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]

ASKED = "Which internal breakdown gave rise to the cloud business?"
REPLY = (
    "Nobody had 17 of them [1]. The stock ledger fell over [1-2].\n\n"
    "| year | margin |\n|---|---|\n| 2019 | 22.3% |\n\n```\ncode\n```\n\n$E = mc^2$"
)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    expect.set_options(timeout=60_000)
    with browser() as found:
        yield found
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    llm = ScriptedLLM(reply=REPLY, whole="1")
    described(llm, fit=["answer", "condense", "grade"])
    settings = Settings(index=str(tmp_path_factory.mktemp("access") / "index"), budget=512)
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=llm) as index:
        index.ingest([LETTERS])
        with served(index, paths=(LETTERS,)) as found:
            yield found


def tab_to(page: Page, selector: str, *, most: int = 150) -> None:
    """Press Tab until what has the focus is that."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")


@pytest.mark.skipif(axe() is None, reason="NO AXE: `make .venv/browser` fetches it with npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_tab_or_dialog(
    chrome: Browser, address: str, scheme: Literal["light", "dark"]
) -> None:
    context = chrome.new_context(color_scheme=scheme, bypass_csp=True)
    visitor = Visit(context, address)
    page = visitor.page
    found: list[str] = []

    def check(where: str, part: str = "") -> None:
        page.wait_for_timeout(300)
        if not page.evaluate("'axe' in window"):
            page.add_script_tag(path=axe())
        for violation in page.evaluate("part => axe.run(part || document)", part)["violations"]:
            nodes = [node["html"][:160] for node in violation["nodes"]]
            found.append(f"{where}: {violation['id']} ({violation['impact']}): {nodes}")

    for tab in ("Compare", "Inspect", "My questions", "Documents", "Settings"):
        visitor.open(tab)
        check(f"{tab}, new")
    visitor.open("Documents")
    page.get_by_role("button", name="Show its tree").first.click()
    expect(page.locator("#tree .outline")).to_be_visible()
    check("Documents, a tree")
    visitor.open("Compare")
    visitor.ask(ASKED)
    visitor.lane(1)
    visitor.lane(2)
    page.locator("#evidence-1 summary").first.click()
    page.locator("#comparison details summary").first.click()
    page.get_by_text("Earlier questions (1)").click()
    check("Compare, answered")
    page.locator("#picked button").click()
    page.locator("#documents-asked input").click()
    check("Compare, choosing documents")
    page.keyboard.press("Escape")
    page.locator("#picked button").click()
    page.locator("#answer-1 .quotes a.source").first.click()
    expect(page.locator("#source mark.place").first).to_be_visible()
    check("source", "#source")
    page.locator("#source").get_by_role("button", name="Mark evidence").click()
    page.locator("#source .sentence[role=checkbox]").first.click()
    expect(page.locator("#source .marking")).to_contain_text("1 marked")
    check("source, marking", "#source")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Inspect this journey").first.click()
    expect(page.locator(".journey")).to_be_visible()
    for details in page.locator(".journey details:not([open]) > summary").all()[:4]:
        details.click()
    check("Inspect, a journey")
    visitor.open("My questions")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Compare all patterns on my questions").click()
    expect(page.locator("#mine-status")).to_contain_text("done")
    check("My questions, tried")
    visitor.open("Compare")
    visitor.ask("And who repaired it?")
    visitor.lane(2)
    page.get_by_text("Earlier questions (2)").click()
    page.get_by_role("link", name="compare with the one above").click()
    expect(page.get_by_role("heading", name="Two comparisons")).to_be_visible()
    check("Compare, two beside each other")
    assert "\n".join(found) == ""
    assert visitor.complaints == []
    context.close()


def test_the_whole_way_by_keyboard(chrome: Browser, address: str) -> None:
    """Choose, ask blind, vote, have it judged, open the source, mark, inspect, try, go back."""
    context = chrome.new_context()
    visitor = Visit(context, address)
    page = visitor.page
    press = page.keyboard.press
    tab_to(page, "#question textarea")
    page.keyboard.type(ASKED)
    tab_to(page, "#documents-asked input")
    page.keyboard.type("2019")
    press("Enter")
    press("Escape")
    tab_to(page, "#blind input")
    press("Space")
    page.locator("#question textarea").focus()
    tab_to(page, "#ask-button")
    press("Enter")
    visitor.lane(1)
    visitor.lane(2)
    # The vote.
    tab_to(page, "#ballot [data-vote]")
    press("Enter")
    expect(page.locator("#ballot")).to_contain_text("You voted for")
    # The judge.
    tab_to(page, "#exports button:last-child")
    press("Enter")
    expect(page.locator(".verdict")).to_contain_text("undecided: its choice depends on")
    # A citation, its source, and back to where one was.
    page.locator("#question textarea").focus()
    tab_to(page, "#answer-1 a.source")
    press("Enter")
    expect(page.locator("#source mark.place").first).to_be_visible()
    tab_to(page, "#source [data-marking]")
    press("Enter")
    tab_to(page, "#source .sentence[role=checkbox]")
    press("Space")
    expect(page.locator("#source .marking")).to_contain_text("1 marked for this question")
    press("ArrowRight")
    press("Escape")
    expect(page.locator("#source")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('#answer-1 a.source')")
    # Inspect, and its chapters.
    tab_to(page, ".lane .inspect")
    press("Enter")
    expect(page.locator(".journey")).to_be_visible()
    tab_to(page, ".chapters a")
    press("Enter")
    assert page.evaluate("document.activeElement.closest('.journey') !== null")
    # The tabs are one stop, and arrow keys go between them.
    page.get_by_role("tab", name="Inspect").focus()
    press("ArrowRight")
    expect(page.locator("#mine-list")).to_contain_text(ASKED)
    tab_to(page, "#mine-go button")
    press("Enter")
    expect(page.locator("#mine-status")).to_contain_text("done")
    # Earlier questions.
    page.get_by_role("tab", name="My questions").focus()
    press("Home")
    tab_to(page, ".history summary")
    press("Enter")
    tab_to(page, ".history li a")
    press("Enter")
    expect(page.locator("#ballot")).to_contain_text("You voted for")
    assert visitor.complaints == []
    context.close()


def test_a_file_that_is_being_sent_can_be_cancelled_and_nothing_of_it_stays(
    chrome: Browser, index: HierarchicalIndex, tmp_path: Path
) -> None:
    large, small = tmp_path / "large.txt", tmp_path / "small.txt"
    large.write_text("The harbour closes at nine. " * 30_000)
    small.write_text("The harbour closes at nine.")
    with served(index) as address:
        context = chrome.new_context()
        visitor = Visit(context, address)
        page = visitor.page
        slow = context.new_cdp_session(page)
        network = {"offline": False, "latency": 0, "downloadThroughput": -1}
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", {**network, "uploadThroughput": 40_000})
        visitor.upload(large)
        note = page.locator(".sending")
        expect(note).to_contain_text("Sending large.txt")
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        _until(lambda: any(folder.glob("upload-*/*")))
        note.get_by_role("button", name="Cancel").click()
        expect(note).to_be_hidden()
        _until(lambda: not any(folder.glob("upload-*")))
        assert page.locator(".shelf > li").count() == 1
        slow.send("Network.emulateNetworkConditions", {**network, "uploadThroughput": -1})
        visitor.upload(small)
        expect(page.locator("#progress")).to_contain_text("1 added")
        _until(lambda: not any(folder.glob("upload-*")))
        assert visitor.complaints == []
        context.close()


def test_what_is_sent_while_another_file_is_added_waits_and_is_added_too(
    chrome: Browser, index: HierarchicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("The harbour closes at nine.")
    second.write_text("The ferry leaves at ten.")
    go_on = threading.Event()
    load = index.load

    def load_slowly(path: Path, **named: Any) -> Any:
        if path.name == first.name:
            assert go_on.wait(60)
        return load(path, **named)

    monkeypatch.setattr(index, "load", load_slowly)
    with served(index) as address:
        context = chrome.new_context()
        visitor = Visit(context, address)
        page = visitor.page
        visitor.upload(first)
        expect(page.locator("#progress")).to_contain_text("first.txt")
        visitor.upload(second)
        expect(page.locator("#progress")).to_contain_text("second.txt")
        go_on.set()
        expect(page.locator(".shelf > li")).to_have_count(3)
        expect(page.locator("#cancel-button")).to_be_hidden()
        assert visitor.complaints == []
        context.close()


def _until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)
