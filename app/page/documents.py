"""The Documents tab: what is indexed, adding to it, and how a document was cut."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import gradio as gr

from indexes import RagError
from indexes.documents.formats import suffixes
from indexes.errors import StoreUnreachableError
from indexes.models.hub import better_model

from .receiving import received
from .render import documents as listed
from .render.markup import html
from .render.outline import outline
from .samples import has_samples
from .view import UNEXPECTED, one_line
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes.store.points import Manifest

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LISTS = 2
_SECONDS_BETWEEN_LOOKS = 0.2

# The one event of the list: a press on a button of a document.
_PRESSED = """element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-delete], button[data-browse]');
    if (button) trigger('click', {remove: button.dataset.delete, browse: button.dataset.browse});
});"""
# On a small screen a tree that was asked for is below all documents.
_REVEAL = """() => {
    const tree = document.querySelector('#tree .outline');
    const asks = document.activeElement?.matches('[data-browse]');
    if (asks && tree?.getBoundingClientRect().top > innerHeight - 100) tree.scrollIntoView();
}"""


class Documents:
    """The tab's components, and what happens between them. Holds nothing of any visitor."""

    def __init__(self, page: Workbench) -> None:
        self.page = page
        self._away_since: datetime | None = None

    def draw(self) -> None:
        """Place the components."""
        settings, shared = self.page.opening.settings, self.page.library.shared
        with gr.Row(elem_id="documents-columns"):
            with gr.Column(elem_id="adding", elem_classes="plain"):
                self.page.html("documents-title", listed.title(settings.max_file_mb, shared=shared))
                self.files = gr.File(
                    label="Add documents",
                    show_label=False,
                    file_count="multiple",
                    file_types=suffixes(),
                    height=104,
                    elem_id="upload",
                )
                self.ocr = gr.Checkbox(
                    settings.ocr,
                    label="Recognise the text of scanned pages and pictures (slow)",
                    container=False,
                    elem_id="ocr",
                )
                self.progress = self.page.html("progress")
                self.cancel = gr.Button(
                    "Cancel", size="sm", visible=False, elem_id="cancel-button", min_width=0
                )
                self.shelf = self.page.html("shelf", js_on_load=_PRESSED)
            with gr.Column(elem_id="browsing", elem_classes="plain"):
                self.tree = self.page.html("tree", _NO_TREE)

    def connect(self, library: list[Any], welcome: Any) -> None:
        """Say which function answers which event.

        Args:
            library: components that show which documents there are, this tab's list first.
            welcome: makes the updates of the others of them, from what the list has.
        """
        self.welcome = welcome
        shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        writing: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "write", **shared}
        free = {**shared, "concurrency_limit": None}
        self.files.upload(
            self.add,
            [self.files, self.ocr],
            [self.files, self.progress, self.cancel, *library],
            preprocess=False,  # the files stay where they were received
            # While others are added, too: by default Gradio drops them without a word.
            trigger_mode="multiple",
            **free,
        )
        self.cancel.click(self.end_adding, None, None, **free)
        self.shelf.click(
            self.pressed, None, [self.tree, *library], trigger_mode="multiple", **writing
        ).then(None, None, None, js=_REVEAL, api_visibility="private")

    async def greet(self, request: gr.Request) -> AsyncGenerator[list[Any], None]:
        """What there is, anew as long as it grows by what the page was started with."""
        opening = self.page.opening
        while not opening.ready:
            if opening.away:
                yield self._unreachable()
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        while not opening.prepared:
            missing = await asyncio.to_thread(self._missing)
            if opening.away:
                yield self._unreachable()
            else:
                yield await asyncio.to_thread(self.show, request, missing)
            await asyncio.sleep(_SECONDS_BETWEEN_LISTS)
        update = await asyncio.to_thread(self.show, request)
        yield update
        while self._away_since:
            await asyncio.sleep(_SECONDS_BETWEEN_LISTS)
            update = await asyncio.to_thread(self.show, request)
            yield update

    def _missing(self) -> str:
        try:
            missing = self.page.library.indexing()
        except RagError:
            return ""
        return f"Indexing {missing.next}: {missing}." if missing else ""

    def _unreachable(self) -> list[Any]:
        """What is shown while the index's server was never there."""
        away = self.page.opening.away
        shelf = listed.failed_shelf(f"{away}.")
        llm, none = self.page.opening.llm, None
        head = listed.head([], llm=llm, embedding=none, away=away)
        return [shelf, head, *self.welcome(False, False)]

    def show(self, request: gr.Request, notice: str = "") -> list[Any]:
        """The list of documents, and everything else that depends on what is there."""
        visitor = self.page.visitors.of(request).key
        library = self.page.library
        documents: list[Manifest] = []
        failed = False
        away = ""
        try:
            documents = library.documents(visitor)
            shelf = listed.shelf(
                documents,
                lambda manifest: library.may_delete(manifest, visitor),
                notice,
                shared=library.shared,
            )
        except RagError as error:
            failed, shelf = True, listed.failed_shelf(one_line(error))
            if isinstance(error, StoreUnreachableError):
                self._away_since = self._away_since or datetime.now()
                away = f"cannot be reached since {self._away_since:%H:%M}; trying again"
        except Exception:  # the tab says so, and tries again; what it was is in the log
            logger.exception("the documents cannot be listed")
            failed, shelf = True, listed.failed_shelf(UNEXPECTED)
        if not away:
            self._away_since = None
        index = self.page.opening.wait()
        head = listed.head(
            documents,
            llm=index.llm_capabilities,
            embedding=index.embedding_capabilities,
            better=better_model(index.llm_capabilities, index.settings.cache),
            away=away or ("cannot be read" if failed else ""),
            indexing=notice if not self.page.opening.prepared else "",
        )
        empty = not documents and not failed
        if empty and notice:
            return [shelf, head, listed.coming(notice), gr.update(visible=False), gr.skip()]
        return [shelf, head, *self.welcome(empty, has_samples(documents), documents)]

    def add(self, sent: object, ocr: object, request: gr.Request) -> Iterator[list[Any]]:
        """Index what was uploaded, and show the list as it is then."""
        files = received(sent)
        visitor = self.page.visitors.of(request).key
        nothing = [gr.skip()] * 5
        ended = 0
        try:
            for uploads in self.page.library.add(visitor, files, ocr=ocr is True):
                now = sum(upload.ended for upload in uploads)
                yield [
                    None if now == len(uploads) else gr.skip(),
                    listed.progress(uploads),
                    gr.update(visible=now < len(uploads)),
                    *(self.show(request) if now > ended else nothing),
                ]
                ended = now
        except RagError as error:
            yield [None, listed.refused(one_line(error)), gr.update(visible=False), *nothing]

    def end_adding(self, request: gr.Request) -> None:
        """Cancel what the visitor is adding; its own stream shows what came of it."""
        self.page.library.cancel(self.page.visitors.of(request).key)

    def pressed(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Delete the document whose button was pressed, or show its tree."""
        data = event._data if isinstance(event._data, dict) else {}
        visitor = self.page.visitors.of(request).key
        nothing = [gr.skip()] * 5
        try:
            browse, remove = data.get("browse"), data.get("remove")
            if isinstance(browse, str) and browse:
                return [_tree(self.page.library.outline(visitor, browse)), *nothing]
            if isinstance(remove, str) and remove:
                gone = self.page.library.remove(visitor, remove)
                notice = f"Deleted {gone.title or gone.source}."
                return [_NO_TREE, *self.show(request, notice)]
        except RagError as error:
            return [gr.skip(), *self.show(request, one_line(error))]
        except Exception:  # the tab says so; what it was is in the log
            logger.exception("a document cannot be deleted or shown")
            return [gr.skip(), *self.show(request, UNEXPECTED)]
        return [gr.skip()] * 6


def _tree(found: Any) -> str:
    return html('<section aria-label="Hierarchy"><h2>Hierarchy</h2>{}</section>', outline(found))


_NO_TREE = (
    '<div class="empty"><p>Press <b>Show its tree</b> beside a document to see how it was cut: '
    "large chunks, the middle ones inside them, and the leaves that are searched.</p></div>"
)
