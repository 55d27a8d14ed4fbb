"""The page in a real browser: comparing, inspecting, documents, and staying safe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from app.page.security import Access
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

QUESTION = "How did the revenue of the cloud business develop?"
HOSTILE = """# <img src=x onerror="window.pwned=1"> notes

The harbour closes at nine. <script>window.pwned = 1</script>
![picture](http://evil.example/x.png) <iframe src="http://evil.example"></iframe> ${window.pwned=1}
"""


# What has been marked so far is told half a second late.
_LATE = """() => {
  const real = window.fetch;
  window.fetch = async (...given) => {
    const answer = await real(...given);
    if (String(given[0]).startsWith("evidence?")) await new Promise((go) => setTimeout(go, 500));
    return answer;
  };
}"""


class Visit:
    """A visitor's page, and what it said and fetched meanwhile."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page = page = context.new_page()
        # A busy machine draws ten thousand words slowly.
        page.set_default_timeout(120_000)
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._fetched(request.url, address))
        page.goto(address)
        expect(page.get_by_role("heading", name="Advanced RAG Patterns")).to_be_visible()

    def ask(self, question: str = QUESTION) -> None:
        self.page.get_by_label("Your question").fill(question)
        self.page.get_by_role("button", name="Compare", exact=True).click()

    def open(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab).click()

    def upload(self, file: Path) -> None:
        self.open("Documents")
        self.page.set_input_files("#upload input[type=file]", file)

    def lane(self, number: int, phase: str = "done") -> Locator:
        """A lane's answer, once it is in a phase."""
        found = self.page.locator(f"#answer-{number} .answer.{phase}")
        expect(found).to_be_visible()
        return found

    def _heard(self, kind: str, text: str) -> None:
        # Gradio's client warns of a method of its own at every upload; an error is an error.
        if kind == "error":
            self.complaints.append(text)

    def _fetched(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.strangers.append(url)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    # How soon something shows is measured elsewhere; here it is to show at all.
    expect.set_options(timeout=60_000)
    with browser() as found:
        yield found
    expect.set_options(timeout=5_000)


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
    for name in tuple(ScriptedLLM.__annotations__):
        setattr(llm, name, getattr(fresh, name))
    return llm


@pytest.fixture
def visit(
    chrome: Browser, page_server: tuple[str, ScriptedLLM], llm: ScriptedLLM
) -> Iterator[Visit]:
    """A visit that must end without a complaint and without a word to a stranger."""
    context = chrome.new_context()
    visit = Visit(context, page_server[0])
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.strangers == []


def test_lanes_stream_side_by_side_and_a_citation_leads_to_its_passage(
    visit: Visit, llm: ScriptedLLM
) -> None:
    llm.holds = True
    page = visit.page
    visit.ask()
    for number in (1, 2):
        text = page.locator(f"#answer-{number} .answer.writing .text")
        expect(text).to_contain_text("Cloud revenue")
    llm.holds = False
    for number in (1, 2):
        expect(visit.lane(number)).to_contain_text("3.18 billion")
    expect(page.locator("table.lanes tbody tr")).to_have_count(2)
    expect(page.locator(".chart .bar")).to_have_count(2)
    expect(page.locator("#evidence-2 .figures")).to_contain_text("LLM calls1")
    page.locator("#answer-2").get_by_role("link", name="passage 1, cited").click()
    source = page.locator("#source")
    expect(source.locator("mark.place")).to_contain_text("Its revenue rose to 3.18 billion dollars")
    expect(source.locator(".words")).to_contain_text("The depots shipped 418 million parcels.")
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(page.locator("#lane2-passage-1")).to_have_class("passage cited found")


def test_a_lane_that_fails_says_so_and_the_other_goes_on(visit: Visit, llm: ScriptedLLM) -> None:
    llm.fails_at = 1
    visit.ask()
    phases = {visit.page.locator(f"#answer-{n} .answer") for n in (1, 2)}
    for phase in phases:
        expect(phase).not_to_have_attribute("aria-busy", "true")
    expect(visit.page.locator(".answer.failed")).to_contain_text("Something went wrong on our side")
    expect(visit.page.locator(".answer.done")).to_contain_text("3.18 billion")
    expect(visit.page.locator("#status")).to_contain_text("1 of 2 lanes failed")
    assert "secret detail" not in visit.page.content()


def test_stop_stops_every_lane(visit: Visit, llm: ScriptedLLM) -> None:
    llm.reply, llm.pause = "word " * 10_000, 0.02
    page = visit.page
    visit.ask()
    for number in (1, 2):
        expect(page.locator(f"#answer-{number} .answer .text")).to_contain_text("word")
    page.get_by_role("button", name="Stop").click()
    for number in (1, 2):
        expect(visit.lane(number, "stopped")).to_contain_text("word")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    assert llm.ended == ["cut", "cut"]
    written = len(llm.written)
    page.wait_for_timeout(200)
    assert len(llm.written) == written < 10_000
    # The next question is not disturbed by the one that was stopped.
    llm.reply = "Short [1]."
    visit.ask("And now?")
    expect(visit.lane(1).locator(".text")).to_have_text("Short1. ")


def test_leaving_the_page_stops_the_models(visit: Visit, llm: ScriptedLLM) -> None:
    llm.reply, llm.pause = "word " * 1000, 0.02
    visit.ask()
    for number in (1, 2):
        expect(visit.page.locator(f"#answer-{number} .answer .text")).to_contain_text("word")
    visit.page.goto("about:blank")
    for _ in range(600):
        if len(llm.ended) == 2:
            break
        visit.page.wait_for_timeout(100)
    assert llm.ended == ["cut", "cut"]
    # Gradio's client complains of the stream that it lost; about:blank is no stranger.
    visit.complaints.clear()
    visit.strangers.clear()


def test_a_follow_up_is_understood_and_a_comparison_saved(visit: Visit, llm: ScriptedLLM) -> None:
    page = visit.page
    visit.ask()
    visit.lane(2)
    llm.whole = "What was the operating margin of the cloud business?"
    visit.ask("And its margin?")
    expect(page.locator(".understood")).to_contain_text(f"Understood as {llm.whole}")
    expect(page.get_by_role("heading", name="And its margin?")).to_be_visible()
    visit.lane(1)
    visit.lane(2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    plain = json.loads(saved.value.path().read_text())
    assert plain["understood_as"] == llm.whole
    assert [lane["pattern"] for lane in plain["lanes"]] == ["regular", "parent"]
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as Markdown").click()
    assert saved.value.suggested_filename == "comparison.md"


def test_a_journey_is_inspected_from_a_lane_and_from_a_question(
    visit: Visit, llm: ScriptedLLM
) -> None:
    page = visit.page
    visit.ask()
    visit.lane(1)
    visit.lane(2)
    page.get_by_role("button", name="Inspect this journey").nth(1).click()
    expect(page.get_by_role("heading", name="Grown into passages")).to_be_visible()
    expect(page.locator(".journey")).to_contain_text("exactly as the model got it")
    expect(page.get_by_label("A question to look into")).to_have_value(QUESTION)
    asked = len(llm.asked)
    page.get_by_label("A question to look into").fill("How many parcels did the depots ship?")
    page.get_by_role("button", name="Retrieve").click()
    expect(page.locator(".journey")).to_contain_text("exactly as the model would get it")
    expect(page.locator(".journey .prompt")).to_contain_text("418 million parcels")
    assert len(llm.asked) == asked


def test_a_document_is_added_asked_cited_and_deleted_and_hostile_text_stays_text(
    visit: Visit, llm: ScriptedLLM, tmp_path: Path
) -> None:
    page = visit.page
    file = tmp_path / "hostile.md"
    file.write_text(HOSTILE, encoding="utf-8")
    visit.upload(file)
    expect(page.locator("#progress")).to_contain_text("1 added")
    expect(page.locator(".shelf li")).to_have_count(2)
    hostile = page.locator(".shelf > li").filter(has_text="hostile.md")
    hostile.get_by_role("button", name="Show its tree").click()
    expect(page.locator("#tree .outline")).to_contain_text("<script>window.pwned = 1</script>")

    visit.open("Compare")
    llm.reply = HOSTILE + " [1]"
    visit.ask("When does the harbour close?")
    expect(visit.lane(2)).to_contain_text("![picture](http://evil.example")
    expect(page.locator("#evidence-2")).to_contain_text("window.pwned = 1</script>")
    page.get_by_role("button", name="Inspect this journey").nth(1).click()
    expect(page.locator(".journey")).to_contain_text("<iframe src=")
    assert page.evaluate("window.pwned") is None
    ours = ":is(#answer-1, #answer-2, #evidence-2, #journey, #tree, #shelf)"
    assert page.locator(f"{ours} :is(img, script, iframe)").count() == 0

    visit.open("Documents")
    hostile.get_by_text("Delete…").click()
    hostile.get_by_role("button", name="Delete it").click()
    expect(page.locator(".shelf li")).to_have_count(1)
    expect(page.locator("#shelf")).to_contain_text("Deleted hostile: notes")


def test_each_file_has_its_own_outcome(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "good.txt").write_text("The orchard opens at ten.")
    visit.open("Documents")
    page.set_input_files(
        "#upload input[type=file]", [tmp_path / "empty.txt", tmp_path / "good.txt"]
    )
    expect(page.locator("#progress")).to_contain_text("empty.txt not added: it is empty")
    expect(page.locator("#progress")).to_contain_text("1 added, 1 failed")


def test_two_visitors_see_nothing_of_each_other(
    visit: Visit, chrome: Browser, llm: ScriptedLLM, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("The secret revenue of the cloud business is 7.")
    visit.upload(tmp_path / "secret.txt")
    expect(visit.page.locator(".shelf > li")).to_have_count(2)
    visit.open("Settings")
    visit.page.get_by_label("number input for Context budget").fill("512")
    visit.page.keyboard.press("Tab")
    visit.open("Compare")
    visit.ask("What is the secret revenue of the cloud business?")
    visit.lane(1)
    visit.lane(2)  # reloading a page that still streams is an error to its own scripts
    expect(visit.page.locator("#evidence-1")).to_contain_text("secret")

    context = chrome.new_context()
    # Not the address of this comparison, which is for showing it to others.
    other = Visit(context, visit.page.url.partition("?")[0])
    expect(other.page.locator(".answer")).to_have_count(0)
    other.open("Documents")
    expect(other.page.locator(".shelf > li")).to_have_count(1)
    other.open("Settings")
    expect(other.page.get_by_label("number input for Context budget")).to_have_value("256")
    other.open("Compare")
    other.ask("What is the secret revenue of the cloud business?")
    other.lane(1)
    other.lane(2)
    assert "secret.txt" not in other.page.content()
    # A reload is another tab of the same visitor: what was added is still there.
    visit.page.reload()
    visit.open("Documents")
    expect(visit.page.locator(".shelf > li")).to_have_count(2)
    assert other.complaints == []
    context.close()


def test_errors_are_said_in_words(visit: Visit) -> None:
    page = visit.page
    visit.ask("   ")
    expect(page.get_by_role("alert")).to_have_text("the question is empty: ask something")
    for number in (0, 1):
        page.locator("#patterns input").nth(number).uncheck()
    visit.ask()
    expect(page.get_by_role("alert")).to_contain_text("0 patterns are chosen: choose 2 to 4")


def test_an_error_leaves_the_answers_that_are_there(visit: Visit) -> None:
    visit.ask()
    answers = [visit.lane(place).inner_text() for place in (1, 2)]
    visit.ask("   ")
    expect(visit.page.get_by_role("alert")).to_have_text("the question is empty: ask something")
    expect(visit.page.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    assert [visit.lane(place).inner_text() for place in (1, 2)] == answers


def test_the_page_can_be_used_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.page

    def tab_to(selector: str) -> None:
        for _ in range(40):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"{selector} is out of reach")

    tab_to("#question textarea")
    page.keyboard.type(QUESTION)
    tab_to("#patterns input")
    tab_to("#ask-button")
    page.keyboard.press("Enter")
    visit.lane(1)
    visit.lane(2)
    tab_to("a.cite")
    page.keyboard.press("Enter")
    expect(page.locator("#source mark.place").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#answer-1 a.cite").first).to_be_focused()
    tab_to(".inspect")
    page.keyboard.press("Enter")
    expect(page.locator(".journey")).to_be_visible()
    tab_to("[data-tab-id=documents]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Documents")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_after_compare_the_first_answer_is_in_the_window(
    chrome: Browser, page_server: tuple[str, ScriptedLLM], llm: ScriptedLLM, width: int, height: int
) -> None:
    context = chrome.new_context(viewport={"width": width, "height": height})
    visitor = Visit(context, page_server[0])
    page = visitor.page
    visitor.ask()
    line = visitor.lane(1).locator(".text p").first
    visitor.lane(2)
    page.wait_for_timeout(300)
    box = line.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < box["y"] + 20 < height
    # Any pattern is two clicks away.
    expect(page.locator("#patterns")).to_be_hidden()
    page.locator("#picked button").click()
    page.locator("#patterns label").filter(has_text="Parent, then extract").click()
    expect(page.locator("#picked b")).to_have_text("regular, parent, parent+extract")
    page.locator("#patterns label").filter(has_text="Parent, then filter").click()
    expect(page.locator("#patterns input:not(:checked)").first).to_be_disabled()
    # Documents are chosen in a field that is seen to be one, as wide as what is above it.
    field, group = page.locator("#documents-asked .wrap-inner"), page.locator("#documents-asked")
    inner, outer = field.bounding_box(), group.bounding_box()
    assert inner is not None and outer is not None
    assert inner["width"] > 0.9 * outer["width"]
    framed = "element => getComputedStyle(element.closest('.wrap')).borderTopWidth"
    assert field.evaluate(framed) == "1px"
    # The source, with what was marked in it, needs no scrolling sideways.
    page.locator("#answer-1 a.cite").first.click()
    expect(page.locator("#source mark.place").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visitor.complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll_on_any_tab(
    chrome: Browser,
    page_server: tuple[str, ScriptedLLM],
    llm: ScriptedLLM,
    scheme: Literal["light", "dark"],
) -> None:
    llm.reply = "An endless" + "ly" * 200 + " long word [1]."
    size: ViewportSize = {"width": 390, "height": 844}
    context = chrome.new_context(viewport=size, color_scheme=scheme)
    visitor = Visit(context, page_server[0])
    phone = visitor.page

    def fits() -> None:
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    visitor.ask(QUESTION + "x" * 300)
    visitor.lane(1)
    visitor.lane(2)
    fits()
    phone.locator("#evidence-1 summary").click()
    fits()
    phone.get_by_role("button", name="Inspect this journey").first.click()
    expect(phone.locator(".journey")).to_be_visible()
    fits()
    for tab in ("Documents", "Settings"):
        _open_on_a_phone(phone, tab)
        phone.wait_for_timeout(200)
        fits()
    assert phone.evaluate("document.body.classList.contains('dark')") is (scheme == "dark")
    assert visitor.complaints == []
    context.close()


def _open_on_a_phone(phone: Page, name: str) -> None:
    tab = phone.get_by_role("tab", name=name)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
        return
    phone.locator(".overflow-menu > button").click()
    phone.locator(".overflow-dropdown").get_by_text(name).click()


def test_a_page_with_credentials_works_for_who_has_them(
    chrome: Browser, index: HierarchicalIndex
) -> None:
    with served(index, access=Access(user="ann", password="correct horse")) as address:
        for path in ("/", "/config", "/page/page.js", "/gradio_api/info"):
            assert httpx.get(address + path).status_code == 401, path
        context = chrome.new_context(
            http_credentials={"username": "ann", "password": "correct horse"}
        )
        visitor = Visit(context, address)
        visitor.ask()
        visitor.lane(1)
        visitor.lane(2)
        assert visitor.complaints == []
        context.close()


def test_an_empty_index_says_how_to_begin(
    chrome: Browser, empty_index: HierarchicalIndex, tmp_path: Path
) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# Notes\n\nThe harbour closes at nine.\n", encoding="utf-8")
    with served(empty_index) as address:
        context = chrome.new_context()
        visitor = Visit(context, address)
        expect(visitor.page.get_by_role("heading", name="Nothing is indexed yet")).to_be_visible()
        visitor.ask()
        expect(visitor.lane(1, "failed")).to_contain_text("nothing is indexed")
        visitor.upload(file)
        expect(visitor.page.locator(".shelf h3")).to_contain_text("Notes")
        visitor.open("Compare")
        expect(visitor.page.get_by_role("heading", name="Nothing is indexed yet")).to_be_hidden()
        context.close()


def test_the_local_models_answer_and_can_be_stopped(chrome: Browser, tmp_path: Path) -> None:
    # Long enough to be stopped, however slowly this machine clicks.
    with HierarchicalIndex.open(tmp_path / "index", max_answer_tokens=600) as index:
        index.ingest([letter_in(tmp_path)])
        with served(index) as address:
            context = chrome.new_context()
            context.set_default_timeout(60_000)
            visit = Visit(context, address)
            visit.ask()
            for number in (1, 2):
                assert visit.lane(number).locator(".text").inner_text().strip()
            expect(visit.page.locator("#evidence-2 .figures")).to_contain_text("LLM calls1")
            visit.ask("Tell everything about the depots and the vans, at length.")
            visit.page.get_by_role("button", name="Stop").click()
            for number in (1, 2):
                visit.lane(number, "stopped")
            context.close()
            assert (visit.complaints, visit.strangers) == ([], [])


def test_a_sentence_is_marked_as_evidence_by_keyboard_and_becomes_a_question_of_ones_own(
    visit: Visit,
) -> None:
    page = visit.page
    visit.ask()
    visit.lane(2)
    expect(page.locator(".verdict .apart, .verdict .hint").first).to_be_visible()
    expect(page.locator("#answer-1 .quotes blockquote").first).to_contain_text("3.18 billion")
    page.locator("#answer-1 .quotes a.source").first.click()
    dialog = page.locator("#source")
    dialog.get_by_role("button", name="Mark evidence").press("Enter")
    sentence = dialog.get_by_role("checkbox", name="Its revenue rose")
    expect(sentence).to_have_attribute("aria-checked", "false")
    sentence.press(" ")
    expect(sentence).to_have_attribute("aria-checked", "true")
    expect(dialog.locator(".marking")).to_contain_text("1 marked for this question")
    dialog.get_by_role("button", name="Close").click()
    # The comparison that is shown counts it at once, and forgets it as soon.
    expect(page.locator("#comparison table.facts")).to_contain_text("found, rank 1")
    page.locator("#answer-1 .quotes a.source").first.click()
    page.evaluate(_LATE)
    dialog.get_by_role("button", name="Mark evidence").click()
    sentence.press(" ")
    expect(page.locator("#comparison .verdict")).to_contain_text("is not known yet")
    page.wait_for_timeout(1_000)  # what was marked before comes late, and undoes nothing
    expect(dialog.locator(".marking")).to_contain_text("0 marked for this question")
    sentence.press(" ")
    expect(sentence).to_have_attribute("aria-checked", "true")
    dialog.get_by_role("button", name="Close").click()
    visit.open("My questions")
    expect(page.locator("#mine-list")).to_contain_text(QUESTION)
    page.get_by_role("button", name="Compare all patterns on my questions").click()
    expect(page.locator("#mine-result")).to_contain_text("Recall of your evidence")
    expect(page.locator("#mine-status")).to_contain_text("done")
    visit.open("Compare")
    visit.ask()
    expect(page.locator("#comparison table.facts")).to_contain_text("found")
