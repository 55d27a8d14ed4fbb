"""What a stranger meets: a sample question, who won and why, the source; a blind vote."""

from collections.abc import Iterator
from typing import Literal

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


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    expect.set_options(timeout=60_000)
    with browser() as found:
        yield found
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    llm = ScriptedLLM(
        reply="Nobody had 17 of them [1]. The stock ledger fell over [1-2].", whole="1"
    )
    described(llm, fit=["answer", "condense", "grade"])
    settings = Settings(index=str(tmp_path_factory.mktemp("stranger") / "index"), budget=512)
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=llm) as index:
        index.ingest([LETTERS])
        with served(index, paths=(LETTERS,)) as found:
            yield found


def in_window(page: Page, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + min(box["height"], 20) <= size["height"]


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [
        (1440, 900, "light"),
        (1024, 768, "dark"),
        (390, 844, "light"),
        (720, 450, "dark"),  # 1440 x 900 at 200%
    ],
)
def test_who_won_why_and_where_in_at_most_four_clicks(
    chrome: Browser,
    address: str,
    width: int,
    height: int,
    scheme: Literal["light", "dark"],
) -> None:
    context = chrome.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
    )
    visitor = Visit(context, address)
    page = visitor.page
    page.locator("#examples button").first.click()  # one
    for number in (1, 2):
        visitor.lane(number)
    # Answers are at the top; quotes come first.
    assert in_window(page, "#answer-1 .quotes blockquote, #answer-1 .text p")
    told = page.locator(".verdict .told").first
    expect(told).not_to_be_empty()
    expect(page.locator(".verdict table.facts tbody tr").first).to_be_visible()
    page.locator(".verdict .facts th .opens").first.click()  # two
    expect(page.locator("#source mark.place").first).to_be_in_viewport()
    # On the page's picture, too; on a phone it is above the text.
    expect(page.locator("#source .sheet i").first).to_be_in_viewport()
    sheet, words = (page.locator(f"#source {part}").bounding_box() for part in (".sheet", ".words"))
    assert sheet is not None
    assert words is not None
    assert (words["y"] >= sheet["y"] + sheet["height"] - 1) is (width < 864)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")
    page.locator("#lanes .inspect").first.click()
    expect(page.locator(".happened")).to_contain_text("leaves looked at")
    chapter = page.get_by_role("navigation", name="Chapters").get_by_role("link").last
    chapter.click()
    expect(page.get_by_role("heading", name="Stages")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 640:
        # No column of the tables is beside the screen.
        for cell in page.locator(".journey td:visible").all():
            box = cell.bounding_box()
            assert box is None or box["x"] + box["width"] <= width
    if source := axe():
        page.add_script_tag(path=source)
        serious = [
            f"{violation['id']}: {[node['html'][:160] for node in violation['nodes']]}"
            for violation in page.evaluate("axe.run()")["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert serious == []
    assert visitor.complaints == []
    assert visitor.strangers == []
    context.close()


def test_a_blind_vote_by_keyboard_a_judge_and_what_survives_a_reload(
    chrome: Browser, address: str
) -> None:
    context = chrome.new_context(bypass_csp=True)
    visitor = Visit(context, address)
    page = visitor.page
    page.locator("#documents-asked input").fill("2019")
    page.keyboard.press("Enter")
    page.locator("#blind input").focus()
    page.keyboard.press("Space")
    expect(page.locator("#picked b")).to_contain_text("blind")
    visitor.ask(ASKED)
    ballot = page.locator("#ballot")
    expect(ballot.get_by_role("button", name="Answer A")).to_be_visible()
    lanes = page.locator("#lanes")
    expect(lanes).to_contain_text("Answer B")
    expect(lanes).not_to_contain_text("parent")
    expect(page.locator("#lanes .inspect").first).to_be_hidden()
    expect(page.get_by_role("button", name="Save as JSON")).to_be_hidden()
    ballot.get_by_role("button", name="Neither").focus()
    page.keyboard.press("Enter")
    expect(ballot).to_contain_text("You voted for none of them")
    expect(ballot).to_contain_text("0 of 1")
    expect(lanes).to_contain_text("parent")
    expect(page.locator("#comparison .facts").last).to_contain_text("1 of 4 documents")
    if source := axe():
        page.add_script_tag(path=source)
        assert [
            violation["id"]
            for violation in page.evaluate("axe.run()")["violations"]
            if violation["impact"] in ("serious", "critical")
        ] == []
    page.get_by_role("button", name="Ask the model which answer is better").click()
    expect(page.locator(".verdict")).to_contain_text("undecided: its choice depends on")
    # What was changed since says so.
    page.locator("#question textarea").fill("Something else")
    expect(page.locator(".asked .stale")).to_be_visible()
    # The address, and what was set, are there again.
    page.reload()
    expect(page.locator("#ballot")).to_contain_text("You voted for none of them")
    expect(page.locator("#picked b")).to_contain_text("1 choice of documents · blind")
    page.get_by_text("Earlier questions (1)").click()
    page.get_by_role("button", name="Forget them all").click()
    expect(page.locator("#status")).to_contain_text("forgotten")
    assert visitor.complaints == []
    assert visitor.strangers == []
    context.close()


def test_marking_in_inspect_uploads_that_are_cancelled_and_a_paste_that_is_cut(
    chrome: Browser, address: str
) -> None:
    context = chrome.new_context()
    visitor = Visit(context, address)
    page = visitor.page
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", "why? " * 1000)
    page.locator("#question textarea").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_role("alert")).to_contain_text("the last 1,000 characters are cut")
    visitor.ask(ASKED)
    visitor.lane(1)
    visitor.lane(2)
    page.locator("#lanes .inspect").first.click()
    tree = page.locator(".journey .outline").first
    tree.get_by_role("button", name="Mark evidence").click()
    sentence = tree.get_by_role("checkbox").first
    sentence.focus()
    page.keyboard.press("Space")
    expect(sentence).to_be_checked()
    expect(tree.locator(".marking")).to_contain_text("1 marked for this question")
    visitor.open("My questions")
    expect(page.locator("#mine-list")).to_contain_text(ASKED)
    assert visitor.complaints == []
    context.close()
