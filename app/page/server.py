"""Serving the page: on loopback unless told otherwise, with no word to anyone outside.

serve(index, port=7860)  # blocks until Ctrl-C
"""

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
import traceback
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount

from indexes import SettingsError
from indexes.extras import needed

from .layout import build_page, make_workbench
from .marking import Marking
from .opening import Opening
from .patience import PatientProtocol
from .receiving import Receiving, sweep_unclaimed
from .security import LOOPBACK, Access, Guard, access_beyond
from .shelf import shelf_of
from .source import Sources
from .temporary import give_folder_back, take_folder
from .theme import page_theme
from .uploads import MOST_FILES
from .workbench import Workbench

logger = logging.getLogger(__name__)

_ASSETS = Path(__file__).parent / "assets"
_STYLES = ("page", "compare", "source", "inspect", "documents")
_SCRIPTS = ("page", "events")
_NO_DOCS: dict[str, str | None] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
# Streams to browsers never end by themselves.
_SECONDS_TO_FINISH = 2
_SECONDS_BETWEEN_EXPIRIES = 60.0


def make_app(page: Workbench, *, access: Access | None = None, mcp: bool = False) -> FastAPI:
    """The page as an ASGI application.

    Args:
        page: what it works with.
        access: who may call it, and under which names; by default this machine, unasked.
        mcp: offer `ask` and `retrieve` as tools, too, under `/gradio_api/mcp/`.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/page", StaticFiles(directory=_ASSETS))
    most_bytes = int(page.opening.settings.max_file_mb * 1024 * 1024)
    receiving = Receiving(most_bytes)
    app.router.routes += [
        *Sources(page).routes(),
        *Marking(page).routes(),
        *receiving.routes(),
    ]
    gr.mount_gradio_app(
        app,
        build_page(page),
        path="/",
        app_kwargs=dict(_NO_DOCS),  # Gradio writes into it
        footer_links=[],
        run_history=False,
        # Errors are shown by the page itself, in words; what slips through stays in the log.
        show_error=False,
        max_file_size=most_bytes,
        enable_monitoring=False,
        mcp_server=mcp,
        ssr_mode=False,
        pwa=False,
        theme=page_theme(),
        css_paths=[_ASSETS / f"{name}.css" for name in _STYLES],
        head="".join(f'<script src="page/{name}.js" defer></script>' for name in _SCRIPTS),
    )
    gradio = mounted(app)
    for kind in (FnIndexInferError, KeyError):
        gradio.add_exception_handler(kind, _unknown_function)
    named = {str(function.api_name) for function in gradio.get_blocks().fns.values()}
    app.add_middleware(
        Guard,
        access=access or Access(),
        most_upload_bytes=most_bytes * MOST_FILES,
        functions=named | {"predict"},  # that one is called by its number
        knows=partial(_knows, gradio),
    )
    return app


def mounted(app: FastAPI) -> App:
    """Gradio's own application within ours."""
    apps = (route.app for route in app.routes if isinstance(route, Mount))
    return next(found for found in apps if isinstance(found, App))


def _knows(gradio: App, event: str) -> bool:
    """Whether there is an event of that name, whose outcome someone could wait for."""
    events = gradio.get_blocks()._queue
    return (
        event in events.event_ids_to_events
        or event in events.pending_messages_per_session
        or any(event in names for names in events.pending_event_ids_session.values())
    )


async def _unknown_function(_request: Request, error: Exception) -> Response:
    """Answer a call of a function that there isn't; other errors are errors."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if last.name == "get_fn":
        return PlainTextResponse("there is no such function", 404)
    logger.error("a request failed", exc_info=error)
    return PlainTextResponse("Internal Server Error", 500)


def serve(
    opening: Opening,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    names: Sequence[str] = (),
    shared: bool = False,
    mcp: bool = False,
    history: bool = True,
    open_browser: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        opening: what is asked; it is opened once the page answers, and closed in the end.
        host: an address to listen on. Beyond loopback, RAG_PAGE_USER and RAG_PAGE_PASSWORD
            must be set, and are asked for.
        port: 0 takes a free one.
        names: host names under which the page may be called, beside its own.
        shared: visitors share the documents that they add.
        mcp: offer the endpoints as tools of MCP.
        history: keep comparisons on disk, if the page is served on loopback only.
        open_browser: open the page in the visitor's browser.
        on_ready: told the page's address once it answers.

    Raises:
        SettingsError: the host demands credentials, or the port is taken.
        RagError: the index cannot be opened, or not be prepared.
    """
    access = Access() if host in LOOPBACK and not names else access_beyond(host, names)
    if mcp:
        with needed("mcp", "--mcp"):
            import mcp as _  # noqa: F401
    listener = listen(host, port)
    with listener:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}"

        def ready() -> None:
            if on_ready is not None:
                on_ready(address)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        threading.Thread(target=_import_matplotlib, daemon=True).start()
        shelf = shelf_of(opening.settings) if history and host in LOOPBACK and not names else None
        page = make_workbench(opening, shared=shared, shelf=shelf)
        try:
            asyncio.run(_run(page, listener, ready, access, mcp))
        finally:
            if opening.ready:
                page.visitors.forget_all()
            opening.close()


def _import_matplotlib() -> None:
    """Import what Gradio imports on the event loop at its first event, where it is installed.

    There, it would keep everybody waiting for two seconds. With the backend that Gradio
    chooses anyway, the largest part of it is not imported at all.
    """
    with suppress(ImportError):
        import matplotlib

        if "matplotlib.pyplot" not in sys.modules:
            matplotlib.use("agg")


async def _run(
    page: Workbench,
    listener: socket.socket,
    ready: Callable[[], None],
    access: Access,
    mcp: bool,
) -> None:
    await PageServer(page, ready, access=access, mcp=mcp).serve(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address; port 0 takes a free one.

    Raises:
        SettingsError: the port is taken, or is none
    """
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
        page: what it works with.
        ready: called once the page answers.
        access: who may call it.
        mcp: offer the endpoints as tools.
    """

    def __init__(
        self,
        page: Workbench,
        ready: Callable[[], None] = lambda: None,
        *,
        access: Access | None = None,
        mcp: bool = False,
    ) -> None:
        take_folder()
        app = make_app(page, access=access, mcp=mcp)
        self._gradio = mounted(app)
        self._ready = ready
        self._opening = page.opening
        self._visitors = page.visitors
        self._next_expiry = time.monotonic() + _SECONDS_BETWEEN_EXPIRIES
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
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

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; now and then, see who is gone."""
        if time.monotonic() >= self._next_expiry:
            self._next_expiry = time.monotonic() + _SECONDS_BETWEEN_EXPIRIES
            await asyncio.to_thread(self._visitors.expire)
            await asyncio.to_thread(sweep_unclaimed)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without tracebacks for the streams that browsers hold open."""
        self._gradio.stop_event.set()
        with _silent("uvicorn.error"):
            await super().shutdown(sockets)
        give_folder_back()

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
