"""A page that is really served, and a browser that really opens it."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from playwright.sync_api import Browser, sync_playwright
from starlette.types import ASGIApp

from app.page.layout import make_workbench
from app.page.opening import Opening
from app.page.server import PageServer
from indexes.index import HierarchicalIndex

_AXE = Path(__file__).parents[2] / ".venv/axe/node_modules/axe-core/axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# A test's browser talks to the test's page and to no one else.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium() -> str | None:
    """The browser of the system."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def axe() -> Path | None:
    """The accessibility checker, where the Makefile has fetched it."""
    return _AXE if _AXE.exists() else None


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=[*_QUIET])
        try:
            yield found
        finally:
            found.close()


@contextmanager
def served(
    index: HierarchicalIndex,
    *,
    shared: bool = False,
    paths: tuple[Path, ...] = (),
    behind: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **options: Any,
) -> Iterator[str]:
    """The address of the page of an index, in a thread of this process.

    `paths` are what it was started with, `behind` what stands between it and its visitors,
    `options` those of `PageServer`.
    """
    servers: list[PageServer] = []
    listener = socket.create_server(("127.0.0.1", 0))

    async def run() -> None:
        opening = Opening.of(index)
        opening.paths = paths
        page = make_workbench(opening, shared=shared)
        # The first visit waits for imports; these visits are to be like all others.
        page.lanes.find_peers()
        server = PageServer(page, **options)
        server.config.app = behind(cast(ASGIApp, server.config.app))
        servers.append(server)
        await servers[0].serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not (servers and servers[0].started):
            assert thread.is_alive() and time.monotonic() < deadline, "the page did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(10)
        listener.close()
