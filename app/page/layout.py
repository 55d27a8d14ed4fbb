"""Where things are on the page, and which event goes where.

Everything a visitor does lives in the visitor's own components and `gr.State`; what visitors
share is the index. Functions get what a browser sent, and browsers send anything: each
checks its own input.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.page.ask import Stopper, answering
from app.page.opening import Opening
from app.page.render import answer as rendered
from app.page.render import documents as listed
from app.page.render.passages import passages
from app.page.render.trace import trace
from app.page.samples import example_questions, has_samples
from app.page.upload import UNEXPECTED, Uploads
from app.page.view import View
from indexes.answers import MAX_QUESTION_CHARACTERS
from indexes.errors import RagError
from indexes.media_types import MEDIA_TYPES
from indexes.patterns import PATTERNS

if TYPE_CHECKING:
    from indexes.store.points import Manifest

logger = logging.getLogger(__name__)

# As many as the local model has slots; the rest wait in the queue.
_ANSWERS_AT_ONCE = 4
_QUEUE_SIZE = 64
# Uploads that were never indexed are deleted after an hour.
_CACHE_SECONDS = (600, 3600)
_SECONDS_BETWEEN_LISTS = 2
_STILL_INDEXING = "Still indexing what the page was started with: more documents follow."


def build_page(opening: Opening) -> gr.Blocks:
    """The page of one index, which need not be open yet."""
    page = _Page(opening)
    blocks: gr.Blocks
    with gr.Blocks(
        title="Advanced RAG Patterns",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=_CACHE_SECONDS,
    ) as blocks:
        page.draw()
        page.connect(blocks)
    blocks.queue(max_size=_QUEUE_SIZE, default_concurrency_limit=_ANSWERS_AT_ONCE, api_open=False)
    return blocks


def _html(name: str, value: str = "", js_on_load: str | None = None) -> gr.HTML:
    """A place for our own HTML, without Gradio's styles and, mostly, without scripts."""
    return gr.HTML(value, elem_id=name, js_on_load=js_on_load, apply_default_css=False)


class _Page:
    """The components and the functions between them. Holds nothing of any visitor."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.settings = opening.settings
        self.uploads = Uploads(opening)
        self.examples = example_questions()

    @property
    def model(self) -> str:
        """The language model's name, once the index is open."""
        return self.opening.wait().llm.metadata.model_name

    def draw(self) -> None:
        """Place the components."""
        # Kept for what is shown of an answer later, beside what is shown of it now.
        self.view = gr.State(View())
        self.stopper = gr.State(Stopper())
        self.head = _html("head")
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="asking", elem_classes="plain"):
                self._draw_question()
                self.answer = _html("answer")
                self.passages = _html("passages")
                self.trace = _html("trace")
            with gr.Column(elem_id="documents", elem_classes="plain"):
                _html("documents-title", listed.title(self.settings.max_file_mb))
                self.files = gr.File(
                    label="Add documents",
                    show_label=False,
                    file_count="multiple",
                    file_types=sorted(MEDIA_TYPES),
                    height=88,
                    elem_id="upload",
                )
                self.progress = _html("progress")
                self.shelf = _html(
                    "shelf",
                    # The one event of this component: a press on a document's own button.
                    js_on_load="""element.addEventListener('click', (event) => {
                        const button = event.target.closest('button[data-document]');
                        if (button) {
                            button.disabled = true;
                            trigger('click', {document: button.dataset.document});
                        }
                    });""",
                )

    def _draw_question(self) -> None:
        with gr.Column(elem_id="ask"):
            self.question = gr.Textbox(
                label="Your question",
                placeholder="What do you want to know from the documents?",
                lines=1,
                max_lines=8,
                max_length=MAX_QUESTION_CHARACTERS,
                elem_id="question",
            )
            self.pattern = gr.Radio(
                # The first line is the name, by the style sheet.
                [(f"{row.name}\n{row.summary}", row.name) for row in PATTERNS.values()],
                value=self.settings.pattern,
                label="Pattern",
                elem_id="pattern",
            )
            with gr.Row(elem_id="go"):
                self.ask = gr.Button("Ask", variant="primary", elem_id="ask-button", min_width=0)
                self.stop = gr.Button(
                    "Stop", visible=False, variant="stop", elem_id="stop-button", min_width=0
                )
                self.status = _html("status")
        self.welcome = _html("welcome")
        with gr.Row(visible=False, elem_id="examples") as self.example_row:
            self.chips = [gr.Button(question, size="sm") for question in self.examples]

    def connect(self, blocks: gr.Blocks) -> None:
        """Say what happens when."""
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        answered = [
            self.view,
            self.status,
            self.answer,
            self.passages,
            self.trace,
            self.ask,
            self.stop,
        ]
        library = [self.head, self.shelf, self.welcome, self.example_row]

        # One listener for all ways to ask: while it runs, the browser starts no second one.
        gr.on(
            [
                self.ask.click,
                self.question.submit,
                *(chip.click for chip in self.chips),
            ],
            self.answer_question,
            [self.question, self.pattern, self.stopper],
            [self.question, *answered],
            concurrency_limit=_ANSWERS_AT_ONCE,
            **private,
        )
        self.stop.click(self.stop_answer, self.stopper, None, concurrency_limit=None, **private)

        blocks.load(self.greet, None, library, concurrency_limit=None, **private)
        writing: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "write", **private}
        self.files.upload(
            self.add_files, self.files, [self.files, self.progress, *library], **writing
        )
        self.shelf.click(self.remove_document, None, library, **writing)

    # Questions

    async def answer_question(
        self, question: object, pattern: object, stopper: Stopper, event: gr.EventData
    ) -> AsyncGenerator[list[Any], None]:
        """A question's way from asking to answer; an example's button asks for itself."""
        shown: Any = gr.skip()
        if event.target in self.chips:
            shown = question = self.examples[self.chips.index(event.target)]
        before = View()
        if not self.opening.ready:
            before = View("searching", question if isinstance(question, str) else "")
            yield [shown, *self._shown(before, View())]
        index = await self.opening.index()
        async for view in answering(index, question, pattern, stopper):
            yield [shown, *self._shown(view, before)]
            shown, before = gr.skip(), view

    async def stop_answer(self, stopper: Stopper) -> None:
        """End the visitor's answer; its own stream shows what remains of it."""
        stopper.stop()

    def _shown(self, view: View, before: View) -> list[Any]:
        """Updates of what differs from the view before; a new question changes all."""
        anew = view.phase == "searching" or before.phase == "idle"
        found = anew or view.contexts != before.contexts or view.answer is not before.answer
        toggled = anew or view.busy != before.busy
        return [
            view,
            rendered.status(view, self.model if view.text else "The model"),
            rendered.answer(view),
            passages(view) if found else gr.skip(),
            trace(view) if found else gr.skip(),
            gr.update(visible=not view.busy) if toggled else gr.skip(),
            gr.update(visible=view.busy) if toggled else gr.skip(),
        ]

    # Documents

    async def greet(self) -> AsyncGenerator[list[Any], None]:
        """The library, anew as long as it grows by what the page was started with."""
        await self.opening.index()
        while not self.opening.prepared:
            yield await asyncio.to_thread(self.show_library, _STILL_INDEXING)
            await asyncio.sleep(_SECONDS_BETWEEN_LISTS)
        yield await asyncio.to_thread(self.show_library)

    def show_library(self, notice: str = "") -> list[Any]:
        """Head, list of documents, and examples where they make sense."""
        documents: list[Manifest] = []
        welcome = ""
        try:
            documents = self.opening.wait().documents()
        except RagError as error:
            shelf = listed.failed_shelf(str(error))
        except Exception:
            logger.exception("the documents cannot be listed")
            shelf = listed.failed_shelf(UNEXPECTED)
        else:
            shelf = listed.shelf(documents, notice)
            welcome = "" if documents else listed.welcome()
        head = listed.head(
            documents,
            provider=self.settings.provider,
            model=self.model,
            embedding=self.opening.wait().embedding.model_name,
        )
        return [head, shelf, welcome, gr.update(visible=has_samples(documents))]

    def add_files(self, paths: object) -> Iterator[list[Any]]:
        """Index what was uploaded, and show the list as it is then."""
        files = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
        nothing = [gr.skip()] * 4
        for upload in self.uploads.add(files):
            ended = upload.phase in ("done", "failed")
            yield [
                None if ended else gr.skip(),
                listed.progress(upload),
                *(self.show_library() if ended else nothing),
            ]

    def remove_document(self, event: gr.EventData) -> list[Any]:
        """Delete the document whose button was pressed."""
        try:
            name = event._data.get("document") if isinstance(event._data, dict) else None
            notice = self.uploads.remove(name) if isinstance(name, str) and name else ""
        except RagError as error:
            notice = str(error)
        except Exception:
            logger.exception("a document cannot be deleted")
            notice = UNEXPECTED
        return self.show_library(notice)
