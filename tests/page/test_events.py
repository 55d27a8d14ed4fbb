"""What a visitor's page hears of its events, over networks that delay and break off."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexes.index import HierarchicalIndex
from tests.page.fakes import ScriptedLLM
from tests.page.running import browser, chromium, served
from tests.page.test_browser import Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="NO BROWSER: install Chromium to test the page"),
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)
    with browser() as found:
        yield found


@contextmanager
def visited(
    chrome: Browser, index: HierarchicalIndex, on_the_way: Callable[[Message], object]
) -> Iterator[Visit]:
    """A visit through a network that does `on_the_way` with every piece of an answer."""

    def behind(app: ASGIApp) -> ASGIApp:
        async def passed_on(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                done = on_the_way(message)
                if asyncio.iscoroutine(done):
                    await done
                await send(message)

            await app(scope, receive, sent)

        return passed_on

    with served(index, behind=behind) as address:
        context = chrome.new_context()
        yield Visit(context, address)
        context.close()


def test_an_event_is_heard_of_that_was_sent_while_the_end_of_a_stream_was_on_its_way(
    chrome: Browser, index: HierarchicalIndex, llm: ScriptedLLM, tmp_path: Path
) -> None:
    async def ends_late(message: Message) -> None:
        if b"close_stream" in message.get("body", b""):
            await asyncio.sleep(0.5)

    (tmp_path / "orchard.txt").write_text("The orchard opens at ten.")
    with visited(chrome, index, ends_late) as visit:
        visit.upload(tmp_path / "orchard.txt")
        expect(visit.page.locator("#progress")).to_contain_text("1 added")
        expect(visit.page.locator(".shelf li")).to_have_count(2)
        visit.open("Compare")
        for _ in range(2):
            visit.ask()
            visit.lane(1)
            visit.lane(2)
        assert visit.complaints == []


def test_a_stream_that_breaks_off_is_noticed_and_the_page_comes_back_with_its_answers(
    chrome: Browser, index: HierarchicalIndex
) -> None:
    broken = []

    def breaks_once(message: Message) -> None:
        if b"Cloud revenue" in message.get("body", b"") and not broken:
            broken.append(message)
            raise ConnectionResetError

    with visited(chrome, index, breaks_once) as visit:
        visit.ask()
        visit.lane(1)
        visit.lane(2)
        assert broken
        assert any("broke off" in said for said in visit.complaints)


def test_who_leaves_while_answers_are_written_leaves_no_complaint(
    chrome: Browser, index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.holds = True
    with visited(chrome, index, lambda _: None) as visit:
        visit.ask()
        expect(visit.page.locator("#answer-1 .answer.writing .text")).to_contain_text("Cloud")
        visit.page.reload()
        expect(visit.page.get_by_label("Your question")).to_be_visible()
        llm.holds = False
        assert visit.complaints == []
