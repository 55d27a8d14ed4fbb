"""The tab of a visitor's own questions: listed, edited, taken along, and tried on all patterns."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import gradio as gr

from indexes import RagError

from .knobs import checked_knobs
from .marked import Marked
from .receiving import delete_files, received
from .render.markup import html
from .render.mine import listed, result
from .trial import try_all
from .view import one_line
from .workbench import Workbench

_SAVE = "(file) => file && window.ragSave(file.name, file.kind, file.text)"
_MOST_BYTES = 4_000_000


class Mine:
    """The tab's components, and what happens between them. Holds nothing of any visitor."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def draw(self) -> None:
        """Place the components."""
        with gr.Column(elem_id="mine"):
            self.list = self.page.html("mine-list", listed([]))
            with gr.Row(elem_id="mine-go"):
                self.compare = gr.Button(
                    "Compare all patterns on my questions", variant="primary", min_width=0
                )
                self.save = gr.Button("Save as questions.jsonl", min_width=0)
                self.load = gr.UploadButton(
                    "Import questions.jsonl", file_types=[".jsonl"], min_width=0
                )
            self.status = self.page.html("mine-status")
            self.result = self.page.html("mine-result")
            with gr.Accordion("Edit", open=False, elem_id="mine-edit"):
                self.text = gr.Textbox(
                    label="Questions and the places of their evidence, a line each",
                    info="Delete a line to delete its question.",
                    lines=6,
                    max_lines=20,
                )
                self.change = gr.Button("Keep these", size="sm", min_width=0)
        self.file = gr.JSON(visible=False)

    def connect(self, knobs: list[gr.components.Component], tab: gr.Tab) -> None:
        """Say which function answers which event."""
        free: dict[str, Any] = {
            "concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private",
        }  # fmt: skip
        tab.select(self.show, None, [self.list, self.text], **free)
        self.change.click(self.keep, self.text, [self.list, self.text, self.status], **free)
        self.load.upload(
            self.take,
            self.load,
            [self.list, self.text, self.status],
            preprocess=False,  # the file stays where it was received
            **free,
        )
        self.save.click(self.export, None, self.file, **free).then(
            None, self.file, None, js=_SAVE, api_visibility="private"
        )
        self.compare.click(
            self.try_all,
            knobs,
            [self.status, self.result],
            concurrency_limit=1,
            concurrency_id="trial",
            show_progress="hidden",
            api_visibility="private",
        )

    def _marked(self, request: gr.Request) -> Marked:
        return self.page.visitors.of(request).marked

    def show(self, request: gr.Request) -> list[Any]:
        """Show the questions and places that were marked so far."""
        marked = self._marked(request)
        places = [place for question in marked.questions for place in question.references]
        words = self.page.library.words(self.page.visitors.of(request).key, places)
        return [listed(marked.questions, dict(zip(places, words, strict=True))), marked.as_jsonl()]

    def keep(self, text: object, request: gr.Request) -> list[Any]:
        """Take the text as it was edited."""
        visitor = self.page.visitors.of(request)
        known = [found.source for found in self.page.library.documents(visitor.key)]
        try:
            count = visitor.marked.replace(
                text if isinstance(text, str) else "",
                known,
                partial(self.page.library.texts, visitor.key),
            )
        except RagError as error:
            return [gr.skip(), gr.skip(), _failed(error)]
        told = html('<p class="status" role="status">{} kept.</p>', _counted(count))
        return [*self.show(request), told]

    def take(self, sent: object, request: gr.Request) -> list[Any]:
        """Take a file's questions instead."""
        files = received(sent)
        try:
            with files[0].open("rb") as opened:
                text = opened.read(_MOST_BYTES).decode("utf-8-sig", errors="replace")
        except (OSError, IndexError):
            told = html('<p class="status error" role="alert">the file could not be read</p>')
            return [gr.skip(), gr.skip(), told]
        finally:
            delete_files(files)
        return self.keep(text, request)

    def export(self, request: gr.Request) -> dict[str, str] | None:
        """All questions as a file."""
        text = self._marked(request).as_jsonl()
        kind = "application/jsonl"
        return {"name": "questions.jsonl", "kind": kind, "text": text} if text else None

    async def try_all(
        self,
        budget: object,
        top_k: object,
        search: object,
        merge_ratio: object,
        judge: object,
        request: gr.Request,
    ) -> AsyncGenerator[list[Any], None]:
        """Run every pattern on all questions, and show who found how much."""
        visitor = self.page.visitors.of(request)
        try:
            options = checked_knobs(budget, top_k, search, merge_ratio, judge).options
            options |= await self.page.library.options(visitor.key)
            async for trial in try_all(self.page.lanes, visitor.marked.questions, options):
                at_work = trial.done < trial.total
                share = f"{trial.done:,} of {trial.total:,} searches"
                told = html(
                    '<p class="status{}" role="status">{}</p>',
                    " busy" if at_work else "",
                    f"{share}…" if at_work else f"{share}: done.",
                )
                yield [told, result(trial)]
        except RagError as error:
            yield [_failed(error), gr.skip()]


def _counted(count: int) -> str:
    return f"{count} question{'s' * (count != 1)}"


def _failed(error: RagError) -> str:
    return html('<p class="status error" role="alert">{}</p>', one_line(error))
