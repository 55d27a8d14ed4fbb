"""Takes the picture of the page for the README: a real question to the real local models.

python -m tests.page.screenshot
"""

import tempfile
from pathlib import Path

from playwright.sync_api import expect

from app.samples import LETTERS
from indexes.index import HierarchicalIndex
from tests.page.running import browser, served

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "page.png"
QUESTION = "How did the cloud business evolve?"
# Seconds: two busy cores need a while for a whole answer.
PATIENCE = 300


def main() -> None:
    """Index the sample letters in a folder of their own, ask, wait, and take the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        HierarchicalIndex.open(Path(folder) / "index") as index,
    ):
        index.ingest([LETTERS])
        with served(index) as address, browser() as chrome:
            page = chrome.new_page(viewport={"width": 1280, "height": 1080})
            page.goto(address)
            page.get_by_label("Your question").fill(QUESTION)
            page.get_by_role("button", name="Ask", exact=True).click()
            answered = page.locator(".answer:is(.done, .failed)")
            expect(answered).to_be_visible(timeout=PATIENCE * 1000)
            expect(page.locator(".answer.done")).to_be_visible()
            page.mouse.move(0, 0)
            page.wait_for_timeout(400)
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=PICTURE)
    print(PICTURE)


if __name__ == "__main__":
    main()
