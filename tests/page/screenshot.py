"""Takes the pictures of the page for the README: a real question to the real local models.

python -m tests.page.screenshot
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from app.samples import LETTERS
from indexes.index import HierarchicalIndex
from tests.page.running import browser, served

PICTURES = Path(__file__).parents[2] / "docs" / "images"
# One whose evidence is known, so that there is a verdict.
QUESTION = "Why did moving a package get so much dearer in 2021?"
# Seconds: two busy cores need a while for a whole answer.
PATIENCE = 300


def main() -> None:
    """Index the sample letters in a folder of their own, compare, inspect, take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        HierarchicalIndex.open(Path(folder) / "index") as index,
    ):
        index.ingest([LETTERS])
        with served(index, paths=(LETTERS,)) as address, browser() as chrome:
            page = chrome.new_page(viewport={"width": 1440, "height": 1000})
            page.goto(address)
            page.locator("#patterns label").filter(has_text="Parent, then extract").click()
            page.locator("#patterns label").filter(has_text="as they are").click()
            page.get_by_label("Your question").fill(QUESTION)
            page.get_by_role("button", name="Compare", exact=True).click()
            for number in (1, 2):
                done = page.locator(f"#answer-{number} .answer.done")
                expect(done).to_be_visible(timeout=PATIENCE * 1000)
            take(page, "compare")
            page.locator("#comparison").evaluate("element => element.scrollIntoView()")
            page.evaluate("window.scrollBy(0, -40)")
            take(page, "verdict")
            page.locator("#answer-2 a.cite").first.click()
            expect(page.locator("#source mark.place").first).to_be_visible()
            page.wait_for_timeout(1500)
            take(page, "source")
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Inspect this journey").nth(1).click()
            expect(page.locator(".journey")).to_be_visible()
            page.locator(".journey").evaluate("element => element.scrollIntoView()")
            page.evaluate("window.scrollBy(0, -40)")
            take(page, "inspect")


def take(page: Page, name: str) -> None:
    """A picture of what is in the window now."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
