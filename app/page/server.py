"""Serving the page: on loopback, with no word to anyone outside.

serve(Opening(settings), port=7860)  # blocks until Ctrl-C
"""

import asyncio
import logging
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from gradio.routes import App
from starlette.routing import Mount

from app.page.layout import build_page
from app.page.opening import Opening
from app.page.security import LOOPBACK, Guard
from app.page.theme import page_theme
from indexes.errors import SettingsError

_ASSETS = Path(__file__).parent / "assets"
_NO_DOCS = {"docs_url": None, "redoc_url": None, "openapi_url": None}
# Streams to browsers never end by themselves.
_SECONDS_TO_FINISH = 2


def make_app(opening: Opening) -> FastAPI:
    """The page of an index as an ASGI application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/page", StaticFiles(directory=_ASSETS))
    gr.mount_gradio_app(
        app,
        build_page(opening),
        path="/",
        app_kwargs=_NO_DOCS,
        footer_links=[],
        run_history=False,
        # Errors are shown by the page itself, in words; what slips through stays in the log.
        show_error=False,
        max_file_size=int(opening.settings.max_file_mb * 1024 * 1024),
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        theme=page_theme(),
        css_paths=_ASSETS / "page.css",
        head='<script src="page/page.js" defer></script>',
    )
    app.add_middleware(Guard)
    return app


def serve(
    opening: Opening,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        opening: what is asked; it is opened once the page answers, and closed in the end.
        host: a loopback address or `localhost`.
        port: 0 takes a free one.
        open_browser: open the page in the visitor's browser.
        on_ready: told the page's address once it answers.

    Raises:
        SettingsError: the host is not loopback, or the port is taken.
        RagError: the index cannot be opened, or not be prepared.
    """
    listener = _listen(host, port)
    with listener:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}"

        def ready() -> None:
            if on_ready is not None:
                on_ready(address)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        try:
            asyncio.run(_run(opening, listener, ready))
        finally:
            opening.close()


async def _run(opening: Opening, listener: socket.socket, ready: Callable[[], None]) -> None:
    await PageServer(opening, ready).serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    if host not in LOOPBACK:
        raise SettingsError(
            f"the page cannot be served on {host}: without credentials, which it has none of "
            "yet, it is for this machine only: use --host 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            f"port {port} on {host} cannot be used ({reason}): choose another --port"
        ) from error
    return listener


class PageServer(uvicorn.Server):
    """Serves the page, tells when it is up, and ends on a signal by returning.

    Uvicorn raises the signal again when it is done, which would end the process before
    the index is closed. To be made inside a running event loop: where Gradio finds none,
    it makes one of its own.

    Args:
        opening: what is asked.
        ready: called once the page answers.
    """

    def __init__(self, opening: Opening, ready: Callable[[], None] = lambda: None) -> None:
        app = make_app(opening)
        mounted = [route.app for route in app.routes if isinstance(route, Mount)]
        self._gradio = next(found for found in mounted if isinstance(found, App))
        self._opening = opening
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell so."""
        await super().startup(sockets)
        if self.started:
            self._ready()
            self._opening.start(on_failure=self._end)

    def _end(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without tracebacks for the streams that browsers hold open."""
        self._gradio.stop_event.set()
        with _silent("uvicorn.error"):
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on Ctrl-C and SIGTERM; a second one does not wait for anything."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(_signal: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Let a logger say nothing for a while."""
    log = logging.getLogger(name)

    def drop(_record: logging.LogRecord) -> bool:
        return False

    log.addFilter(drop)
    try:
        yield
    finally:
        log.removeFilter(drop)
