"""The page from a notebook: it is served in a thread, and shows what was registered there.

register_pattern("mine", lambda question: my_search(question))
page = open_page(index)
page.url
page.close()
"""

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from indexes import SettingsError

from .layout import make_workbench
from .opening import Opening
from .server import PageServer, listen
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes import HierarchicalIndex

_SECONDS_TO_END = 10.0


class OpenPage:
    """A page that is being served. Closing it leaves the index open.

    Attributes:
        url: where it is
    """

    def __init__(self, index: "HierarchicalIndex", *, port: int = 0) -> None:
        self._started: Future[PageServer] = Future()
        self._workbench = make_workbench(Opening.of(index), shared=True)
        self._listener = listen("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()
        try:
            self._started.result()
        except BaseException:  # Ctrl-C, too, must not keep the port
            self._listener.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<the page at {self.url}>"

    def close(self) -> None:
        """Stop serving."""
        self._started.result().should_exit = True
        self._thread.join(_SECONDS_TO_END)
        self._listener.close()

    def _serve(self) -> None:
        try:
            asyncio.run(self._run(self._workbench))
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
                return
            raise
        if not self._started.done():
            self._started.set_exception(SettingsError(f"the page did not start at {self.url}"))

    async def _run(self, page: Workbench) -> None:
        server = PageServer(page, lambda: self._started.set_result(server))
        await server.serve(sockets=[self._listener])


def open_page(index: "HierarchicalIndex", *, port: int = 0) -> OpenPage:
    """Serve the page of an index in the background, on this machine only.

    Example:
        page = open_page(index)
        print(page.url)

    Args:
        index: what it asks; it stays open when the page is closed
        port: 0 takes a free one

    Raises:
        SettingsError: the port is taken
    """
    return OpenPage(index, port=port)
