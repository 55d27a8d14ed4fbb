"""The page in a real browser: asking, uploading, deleting, and staying safe."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from indexes.index import HierarchicalIndex
from tests.page.conftest import letter_in, opened
from tests.page.fakes import ScriptedLLM
from tests.page.running import browser, chromium, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="NO BROWSER: install Chromium to test the page"),
    # Gradio keeps figures of its queue with pandas, in a way that pandas 4 will not know.
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]

HOSTILE = """# <img src=x onerror="window.pwned=1"> notes

The harbour closes at nine. <script>window.pwned = 1</script>
![picture](http://evil.example/x.png) <iframe src="http://evil.example"></iframe> ${window.pwned=1}
"""


class Visit:
    """A visitor's page, and what it said and fetched meanwhile."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._fetched(request.url, address))
        page.goto(address)
        expect(page.get_by_role("heading", name="Advanced RAG Patterns")).to_be_visible()

    def ask(self, question: str) -> None:
        self.page.get_by_label("Your question").fill(question)
        self.page.get_by_role("button", name="Ask", exact=True).click()

    def _heard(self, kind: str, text: str) -> None:
        # Gradio's client warns of a method of its own at every upload; an error is an error.
        if kind == "error":
            self.complaints.append(text)

    def _fetched(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.strangers.append(url)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ScriptedLLM]]:
    """One page for all tests of this file: its address, and the model behind it."""
    folder, llm = tmp_path_factory.mktemp("page"), ScriptedLLM()
    with opened(folder, llm) as index:
        index.ingest([letter_in(folder)])
        with served(index) as address:
            yield address, llm


@pytest.fixture
def llm(page_server: tuple[str, ScriptedLLM]) -> ScriptedLLM:
    """The model, as if it had never been asked."""
    llm, fresh = page_server[1], ScriptedLLM()
    for name in ("reply", "pause", "error", "asked", "written", "ended"):
        setattr(llm, name, getattr(fresh, name))
    return llm


@pytest.fixture
def visit(
    chrome: Browser, page_server: tuple[str, ScriptedLLM], llm: ScriptedLLM
) -> Iterator[Visit]:
    """A visit that must end without a complaint and without a word to a stranger."""
    page = chrome.new_page()
    visit = Visit(page, page_server[0])
    yield visit
    page.close()
    assert visit.complaints == []
    assert visit.strangers == []


def test_an_answer_streams_in_and_its_citation_leads_to_the_passage(
    visit: Visit, llm: ScriptedLLM
) -> None:
    llm.pause = 0.15
    page = visit.page
    visit.ask("How did the revenue of the cloud business develop?")
    text = page.locator(".answer .text")
    expect(text).to_contain_text("Cloud revenue")
    expect(page.locator(".answer.writing")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("Scripted-1 is writing")
    expect(page.locator(".answer.done")).to_contain_text("3.18 billion")
    page.get_by_role("link", name="passage 1, cited").click()
    passage = page.locator("#passage-1")
    expect(passage).to_be_focused()
    expect(passage).to_contain_text("Its operating margin was 22.3 percent.")
    page.get_by_text("engine round trip").first.click()
    expect(page.get_by_role("cell", name="2", exact=True).first).to_be_visible()


def test_stop_stops_the_model(visit: Visit, llm: ScriptedLLM) -> None:
    llm.reply, llm.pause = "word " * 400, 0.02
    visit.ask("How did the cloud business develop?")
    page = visit.page
    expect(page.locator(".answer .text")).to_contain_text("word")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer.stopped .text")).to_contain_text("word")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    assert llm.ended == ["cut"]
    assert len(llm.written) < 400
    # The next question is not disturbed by the one that was stopped.
    llm.reply = "Short [1]."
    visit.ask("And now?")
    expect(page.locator(".answer.done .text")).to_have_text("Short1. ")


def test_leaving_the_page_stops_the_model(visit: Visit, llm: ScriptedLLM) -> None:
    llm.reply, llm.pause = "word " * 1000, 0.02
    visit.ask("How did the cloud business develop?")
    expect(visit.page.locator(".answer .text")).to_contain_text("word")
    visit.page.goto("about:blank")
    for _ in range(100):
        if llm.ended:
            break
        visit.page.wait_for_timeout(100)
    assert llm.ended == ["cut"]
    # Gradio's client complains of the stream that it lost; about:blank is no stranger.
    visit.complaints.clear()
    visit.strangers.clear()


def test_visitors_do_not_see_each_others_answers(
    visit: Visit, chrome: Browser, llm: ScriptedLLM
) -> None:
    visit.ask("How did the cloud business develop?")
    expect(visit.page.locator(".answer.done")).to_be_visible()
    other = chrome.new_page()
    other.goto(visit.page.url)
    expect(other.locator(".shelf li")).to_have_count(1)
    expect(other.locator(".answer")).to_have_count(0)
    expect(other.get_by_label("Your question")).to_have_value("")
    other.close()


def test_a_hostile_document_and_a_hostile_answer_stay_text(
    visit: Visit, llm: ScriptedLLM, tmp_path: Path
) -> None:
    page = visit.page
    file = tmp_path / "hostile.md"
    file.write_text(HOSTILE, encoding="utf-8")
    page.set_input_files("#upload input[type=file]", file)
    expect(page.locator("#progress")).to_contain_text("1 added")
    expect(page.locator(".shelf li")).to_have_count(2)

    llm.reply = HOSTILE + " [1]"
    visit.ask("When does the harbour close?")
    expect(page.locator(".answer.done .text")).to_contain_text("![picture](http://evil.example")
    expect(page.locator(".passages")).to_contain_text("<script>window.pwned = 1</script>")
    assert page.evaluate("window.pwned") is None
    assert page.locator(":is(#answer, #passages, #shelf) :is(img, script, iframe)").count() == 0

    hostile = page.locator(".shelf li").filter(has_text="hostile.md")
    hostile.get_by_text("Delete", exact=True).click()
    hostile.get_by_role("button", name="Delete it").click()
    expect(page.locator(".shelf li")).to_have_count(1)
    expect(page.locator("#shelf")).to_contain_text("Deleted hostile: notes")


def test_errors_are_said_in_words(visit: Visit, llm: ScriptedLLM, tmp_path: Path) -> None:
    page = visit.page
    visit.ask("   ")
    expect(page.get_by_role("alert")).to_have_text("the question is empty: ask something")
    llm.error = RuntimeError("secret detail")
    visit.ask("How did the cloud business develop?")
    expect(page.get_by_role("alert")).to_contain_text("Something went wrong on our side.")
    assert "secret detail" not in page.content()
    file = tmp_path / "empty.txt"
    file.write_text("")
    page.set_input_files("#upload input[type=file]", file)
    expect(page.locator("#progress")).to_contain_text("empty.txt is empty: leave it out")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll(
    chrome: Browser,
    page_server: tuple[str, ScriptedLLM],
    llm: ScriptedLLM,
    scheme: Literal["light", "dark"],
) -> None:
    llm.reply = "An endless" + "ly" * 200 + " long word [1]."
    size: ViewportSize = {"width": 390, "height": 844}
    phone = chrome.new_page(viewport=size, color_scheme=scheme)
    visitor = Visit(phone, page_server[0])
    visitor.ask("How did the cloud business develop?" + "x" * 300)
    expect(phone.locator(".answer.done")).to_be_visible()
    phone.locator(".trace summary").click()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.evaluate("document.body.classList.contains('dark')") is (scheme == "dark")
    assert visitor.complaints == []
    phone.close()


def test_an_empty_index_says_how_to_begin(
    chrome: Browser, empty_index: HierarchicalIndex, tmp_path: Path
) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# Notes\n\nThe harbour closes at nine.\n", encoding="utf-8")
    with served(empty_index) as address:
        page = chrome.new_page()
        Visit(page, address)
        expect(page.get_by_role("heading", name="Nothing is indexed yet")).to_be_visible()
        page.set_input_files("#upload input[type=file]", file)
        expect(page.locator(".shelf h3")).to_contain_text("Notes")
        expect(page.get_by_role("heading", name="Nothing is indexed yet")).to_be_hidden()
        page.close()
