"""The Inspect tab: one lane's journey, or a question's way to its passages without any model."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import gradio as gr

from indexes import RagError
from indexes.answers import MAX_QUESTION_CHARACTERS, NOT_FOUND, checked
from indexes.details import AnswerDetails, MergeDetails
from indexes.outline import Outline

from .compare import Compare
from .knobs import checked_knobs
from .render.documents import failed_shelf
from .render.journey import journey
from .render.markup import html
from .scope import scope_of
from .view import View, one_line
from .workbench import Workbench

# Documents whose trees are drawn: those of the best passages.
_MOST_DOCUMENTS = 4


class Inspect:
    """The tab's components, and what happens between them. Holds nothing of any visitor."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def draw(self) -> None:
        """Place the components."""
        with gr.Column(elem_id="looking"):
            with gr.Row(elem_id="look-row"):
                self.question = gr.Textbox(
                    label="A question to look into",
                    placeholder="Retrieve for a question, without asking any model for an answer",
                    lines=1,
                    max_lines=4,
                    max_length=MAX_QUESTION_CHARACTERS,
                    elem_id="look-question",
                )
                self.pattern = gr.Dropdown(
                    list(self.page.lanes.choices),
                    value=self.page.opening.settings.pattern,
                    label="Pattern",
                    elem_id="look-pattern",
                )
                self.look = gr.Button(
                    "Retrieve", variant="primary", elem_id="look-button", min_width=0
                )
            self.hint = self.page.html("look-hint", _HINT)
        self.shown = self.page.html("journey")

    def connect(
        self, knobs: list[gr.components.Component], tabs: gr.Tabs, compare: Compare
    ) -> None:
        """Say which function answers which event."""
        shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(
            [self.look.click, self.question.submit],
            self.look_up,
            [self.question, self.pattern, compare.picker.documents, *knobs],
            self.shown,
            concurrency_limit=self.page.answers_at_once,
            concurrency_id="lanes",
            **shared,
        )
        for place, button in enumerate(compare.inspects):
            button.click(
                self._lane(place),
                None,
                [tabs, self.question, self.pattern, self.shown],
                concurrency_limit=None,
                **shared,
            )

    def offer(self) -> Any:
        """The patterns, with what other frameworks have."""
        return gr.update(choices=list(self.page.lanes.choices))

    async def look_up(
        self,
        question: object,
        pattern: object,
        documents: object,
        budget: object,
        top_k: object,
        search: object,
        merge_ratio: object,
        judge: object,
        request: gr.Request,
    ) -> AsyncGenerator[str, None]:
        """Show what a question finds, without having it answered."""
        visitor = self.page.visitors.of(request).key
        yield html('<p class="status busy" role="status">Retrieving…</p>')
        try:
            name = self.page.lanes.check(pattern)
            asked = checked(question if isinstance(question, str) else "")
            options = checked_knobs(budget, top_k, search, merge_ratio, judge).options
            scope = await scope_of(self.page.library, visitor, documents)
            options |= scope.options
            if scope.chosen:
                self.page.lanes.check_choosing([name])
            work = self.page.lanes.aretrieve(asked, name, options)
            looking = self.page.visitors.tab(request).start(work)
            # It is the looking that a closed tab ends, not this.
            await asyncio.wait({looking})
            if looking.cancelled():
                yield html('<p class="status" role="status">Stopped.</p>')
                return
            contexts, trace = looking.result()
            view = View(0, "done", asked, name, tuple(contexts), trace=trace)
            yield self._journey(view, visitor)
        except RagError as error:
            yield failed_shelf(one_line(error))

    def _lane(self, place: int) -> Callable[[gr.Request], list[Any]]:
        def show(request: gr.Request) -> list[Any]:
            return self.show_lane(place, request)

        return show

    def show_lane(self, place: int, request: gr.Request) -> list[Any]:
        """The journey of a lane of the latest comparison."""
        visitor = self.page.visitors.of(request).key
        run = self.page.visitors.tab(request).run
        if run is None or run.hidden or place >= len(run.views):
            return [gr.skip()] * 4
        view = run.views[place]
        try:
            shown = self._journey(view, visitor)
        except RagError as error:
            shown = failed_shelf(one_line(error))
        listed = view.pattern in self.page.lanes.choices
        return [
            gr.update(selected="inspect"),
            view.question,
            view.pattern if listed else gr.skip(),
            shown,
        ]

    def _journey(self, view: View, visitor: str) -> str:
        if not view.trace.stages:
            return html('<p class="hint">This lane has not found anything yet.</p>')
        prompt = self._prompt(view) if view.contexts else ""
        return journey(view, self._documents(view, visitor), prompt)

    def _prompt(self, view: View) -> str:
        """What the model was asked; or would be, by the same code."""
        asked = view.trace.find(AnswerDetails)
        if asked and asked.prompt:
            return asked.prompt
        return self.page.opening.wait().answerer().prompt(view.question, list(view.contexts))

    def _documents(self, view: View, visitor: str) -> list[Outline]:
        """The documents that the passages come from, as trees, the best first."""
        merged = [
            row.document_id for merge in view.trace.all(MergeDetails) for row in merge.passages
        ]
        if not merged:
            sources = [context.document for context in view.contexts]
            known = {found.source: found for found in self.page.library.documents(visitor)}
            merged = [known[source].document_id for source in sources if source in known]
        names = list(dict.fromkeys(merged))[:_MOST_DOCUMENTS]
        return [self.page.library.outline(visitor, name) for name in names]


_HINT = (
    '<p class="hint">What a pattern finds, how chunks grow into their parents, what compression '
    "keeps, and the prompt that comes of it. Or press <b>Inspect this journey</b> under an answer "
    f"of a comparison. “{NOT_FOUND}” has a journey too.</p>"
)
