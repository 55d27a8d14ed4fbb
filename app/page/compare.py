"""The Compare tab: one question, two to four lanes that stream at the same time.

Asking is two steps. The first understands the question and sets the lanes up; then each lane
is a listener of its own, so that one which stalls or fails holds no other up.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import gradio as gr

from indexes import RagError, SettingsError, Trace
from indexes.answers import MAX_QUESTION_CHARACTERS, checked

from .ask import answering, awaiting
from .conversation import MOST_LANES, Run
from .export import as_file
from .knobs import checked_knobs
from .picker import Picker, chosen
from .references import known_references
from .render import documents as listed
from .render.comparison import heading
from .render.markup import counted, html
from .render.vote import ballot
from .samples import example_questions
from .scope import scope_of
from .showing import Showing, outcome, status
from .view import one_line
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes.store.points import Manifest

# How often it is looked how far the lanes are.
_SECONDS_BETWEEN_LOOKS = 0.1
# Puts the answers at the top of the window, once there is a run.
SHOW = "(address) => address && window.ragShow(address.run)"
# The one event of the ballot: a press on one of its buttons.
_VOTED = """element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-vote]');
    if (button) trigger('click', {vote: button.dataset.vote});
});"""
_CLEARED = """element.addEventListener('click', (event) => {
    if (event.target.closest('button[data-clear]')) trigger('click', {});
});"""
# Evidence was marked: `page.js` says so.
_MARKED = "element.addEventListener('marked', () => trigger('click', {}));"
_ORDER = random.SystemRandom()


class Compare:
    """The tab's components, and what happens between them. Holds nothing of any visitor."""

    def __init__(self, page: Workbench) -> None:
        self.page = page
        self.examples = example_questions()
        self.picker = Picker(page)
        self.showing = Showing(page)

    def draw(self) -> None:
        """Place the components."""
        with gr.Column(elem_id="ask"):
            self.question = gr.Textbox(
                label="Your question",
                placeholder="What do you want to know from the documents?",
                lines=1,
                max_lines=8,
                max_length=MAX_QUESTION_CHARACTERS,
                elem_id="question",
            )
            with gr.Row(elem_id="go"):
                self.ask = gr.Button(
                    "Compare", variant="primary", elem_id="ask-button", min_width=0
                )
                self.stop = gr.Button(
                    "Stop", visible=False, variant="stop", elem_id="stop-button", min_width=0
                )
                self.again = gr.Button(
                    "New question", visible=False, elem_id="again-button", min_width=0
                )
                self.status = self.page.html("status")
            with gr.Row(visible=False, elem_id="examples") as self.example_row:
                self.chips = [gr.Button(question, size="sm") for question in self.examples]
            self.picker.draw()
        self.welcome = self.page.html("welcome")
        self.heading = self.page.html("asked")
        self.columns: list[gr.Column] = []
        self.answers: list[gr.HTML] = []
        self.evidence: list[gr.HTML] = []
        self.inspects: list[gr.Button] = []
        with gr.Row(elem_id="lanes", elem_classes="none") as self.row:
            for number in range(1, MOST_LANES + 1):
                with gr.Column(visible=False, elem_classes="lane", min_width=0) as column:
                    self.answers.append(self.page.html(f"answer-{number}"))
                    self.evidence.append(self.page.html(f"evidence-{number}"))
                    self.inspects.append(
                        gr.Button("Inspect this journey", size="sm", elem_classes="inspect")
                    )
                self.columns.append(column)
        self.ballot = self.page.html("ballot", js_on_load=_VOTED)
        self.comparison = self.page.html("comparison", js_on_load=_MARKED)
        with gr.Row(visible=False, elem_id="exports") as self.exports:
            self.markdown = gr.Button("Save as Markdown", size="sm", min_width=0)
            self.json = gr.Button("Save as JSON", size="sm", min_width=0)
            self.judge = gr.Button(
                "Ask the model which answer is better supported (2 calls)",
                size="sm",
                visible=self.page.opening.llm.fits("grade"),
                min_width=0,
            )
        self.earlier = self.page.html("history", js_on_load=_CLEARED)
        self.download = gr.JSON(visible=False)
        self.address = gr.JSON(visible=False)

    def connect(self, knobs: list[gr.components.Component]) -> None:
        """Say which function answers which event."""
        shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        buttons = [self.ask, self.stop, self.again]
        self.begun = begun = gr.on(
            [self.ask.click, self.question.submit, *(chip.click for chip in self.chips)],
            self.begin,
            [
                self.question,
                *self.picker.groups,
                self.picker.documents,
                self.picker.blind,
                *knobs,
            ],
            [
                self.question,
                self.status,
                *buttons,
                self.address,
                self.heading,
                self.ballot,
                self.comparison,
                self.exports,
                self.row,
                *self.columns,
                *self.answers,
                *self.evidence,
            ],
            concurrency_limit=self.page.answers_at_once,
            concurrency_id="begin",
            **shared,
        )
        begun.then(None, self.address, None, js=SHOW, api_visibility="private")
        for place in range(MOST_LANES):
            begun.then(
                self._lane(place),
                None,
                [self.answers[place], self.evidence[place]],
                concurrency_limit=self.page.answers_at_once,
                concurrency_id="lanes",
                postprocess=False,  # it is HTML, many times a second
                **shared,
            )
        free: dict[str, Any] = {"concurrency_limit": None, **shared}
        begun.then(
            self.follow,
            None,
            [self.ballot, self.comparison, self.exports, self.status, *buttons],
            **free,
        )
        self.stop.click(self.stop_all, None, None, **free)
        self.again.click(self.forget, None, [self.again, self.status, self.question], **free)
        save = "(file) => file && window.ragSave(file.name, file.kind, file.text)"
        for button, kind in ((self.markdown, "md"), (self.json, "json")):
            button.click(self._export(kind), None, self.download, **free).then(
                None, self.download, None, js=save, api_visibility="private"
            )

    # Asking

    async def begin(
        self,
        question: object,
        plain: object,
        parents: object,
        compression: object,
        frameworks: object,
        registered: object,
        documents: object,
        blind: object,
        budget: object,
        top_k: object,
        search: object,
        merge_ratio: object,
        judge: object,
        event: gr.EventData,
        request: gr.Request,
    ) -> AsyncGenerator[list[Any], None]:
        """Understand the question and set up the lanes; an example asks for itself."""
        tab = self.page.visitors.tab(request)
        shown: Any = gr.skip()
        if event.target in self.chips:
            shown = question = self.examples[self.chips.index(event.target)]
            tab.forget()

        def said(text: str, *, busy: bool = True) -> list[Any]:
            follow_up = not busy and bool(tab.turns)
            buttons = _buttons(busy=busy, follow_up=follow_up)
            return [shown, status(text, busy=busy), *buttons, *self._same()]

        try:
            tab.check_idle()
            async with aclosing(awaiting(self.page.opening, self.page.library, tab)) as waits:
                async for wait in waits:
                    yield said(wait)
            if tab.halted:
                yield said("Stopped.", busy=False)
                return
            patterns = chosen(plain, parents, compression, frameworks, registered)
            names = self.page.lanes.check_all(patterns)
            options = checked_knobs(budget, top_k, search, merge_ratio, judge).options
            scope = await scope_of(self.page.library, self.page.visitors.of(request).key, documents)
            options |= scope.options
            if scope.chosen:
                self.page.lanes.check_choosing(names)
            self.page.visitors.of(request).chosen = tuple(names)
            if blind is True:
                if len(names) < 2:
                    raise SettingsError(
                        "a blind vote is between answers: choose 2 patterns or more"
                    )
                _ORDER.shuffle(names)
            asked = checked(question if isinstance(question, str) else "")
            trace = Trace()
            understood = asked
            if tab.turns:
                condenser = (await self.page.opening.index()).condenser()
                condensing = tab.start(condenser.acondense(asked, tab.turns, trace))
                yield said("Understanding the follow-up…")
                await asyncio.wait({condensing})
                if condensing.cancelled():
                    yield said("Stopped.", busy=False)
                    return
                # Questions put together may be too long for one.
                if len(condensing.result()) <= MAX_QUESTION_CHARACTERS:
                    understood = condensing.result()
            condensed = trace.stages[-1] if trace.stages else None
            started = time.monotonic()
            if cold := self.page.lanes.cold(names):
                yield said(f"Preparing {', '.join(cold)}, which is done once and not counted…")
                preparing = tab.start(self.page.lanes.prepare(names))
                await asyncio.wait({preparing})
                if preparing.cancelled():
                    yield said("Stopped.", busy=False)
                    return
                preparing.result()
            spent = time.monotonic() - started if cold else 0.0
            missing = await asyncio.to_thread(self.page.library.indexing)
            notice = f"{missing}: others are still being indexed" if missing else ""
            run = tab.begin(
                asked,
                understood,
                names,
                options=options,
                condensed=condensed,
                notice=notice,
                preparing=spent,
            )
            self.page.history.keep(self.page.visitors.of(request).key, run)
            run.model = self.page.opening.llm.name
            run.scope, run.documents, run.blind = scope.told, scope.chosen, blind is True
            own = self.page.visitors.of(request).marked.references(asked)
            run.references = own or known_references(asked)
            if run.references:
                tab.start(self._read_evidence(run, self.page.visitors.of(request).key))
        except RagError as error:
            text = html('<p class="status error" role="alert">{}</p>', one_line(error))
            at_work = tab.run is not None and tab.run.busy
            buttons = _buttons(busy=at_work, follow_up=not at_work and bool(tab.turns))
            yield [shown, text, *buttons, *self._same()]
            return
        yield [
            shown,
            status(f"{counted(len(names), 'lane')} at work…", busy=True),
            *_buttons(busy=True),
            {"run": run.id},
            heading(run),
            "",
            self.showing.below(run),
            gr.update(visible=False),
            gr.update(elem_classes=f"of-{len(names)}" + (" blind" if run.hidden else "")),
            *(gr.update(visible=place < len(names)) for place in range(MOST_LANES)),
            *(
                self.showing.answer(run, run.views[place]) if place < len(names) else ""
                for place in range(MOST_LANES)
            ),
            *[""] * MOST_LANES,
        ]

    async def _read_evidence(self, run: Run, visitor: str) -> None:
        """Find out what the evidence says, while the lanes look for it."""
        run.words = await asyncio.to_thread(self.page.library.words, visitor, run.references)

    @staticmethod
    def _same() -> list[Any]:
        """Updates that change nothing, for all outputs of `begin` below the status."""
        return [gr.skip()] * (6 + 3 * MOST_LANES)

    # Gradio finds out from a signature that a function wants the request; it can't read those
    # of partial functions.

    def _lane(self, place: int) -> Callable[[gr.Request], AsyncGenerator[list[Any], None]]:
        async def run(request: gr.Request) -> AsyncGenerator[list[Any], None]:
            async with aclosing(self.run_lane(place, request)) as updates:
                async for update in updates:
                    yield update

        return run

    def _export(self, kind: str) -> Callable[[gr.Request], dict[str, str] | None]:
        def export(request: gr.Request) -> dict[str, str] | None:
            return self.export(kind, request)

        return export

    async def run_lane(self, place: int, request: gr.Request) -> AsyncGenerator[list[str], None]:
        """One lane of the tab's latest run, from searching to done: what is the lane's alone.

        What has not changed is said again, which Gradio does not send; an update that changes
        nothing would make it build the component anew.
        """
        tab = self.page.visitors.tab(request)
        run = tab.run
        # Whatever a function that yields nothing was to fill, Gradio empties.
        if run is None or place >= len(run.views):
            yield ["", ""]
            return
        if place in run.started:
            view = run.views[place]
            yield [self.showing.answer(run, view), self.showing.evidence(run, view)]
            return
        phase, evidence = "", ""
        async with aclosing(answering(self.page.lanes, tab, run, place)) as views:
            async for view in views:
                if view.phase != phase:
                    phase, evidence = view.phase, self.showing.evidence(run, view)
                yield [self.showing.answer(run, view), evidence]
        tab.remember(run)
        await asyncio.to_thread(self.page.history.store, run)

    async def follow(self, request: gr.Request) -> AsyncGenerator[list[Any], None]:
        """What the lanes of the tab's latest run share, each time that one of them gets on."""
        tab = self.page.visitors.tab(request)
        run = tab.run
        if run is None or run.followed:
            yield [gr.skip()] * 7
            return
        run.followed = True
        phases: list[str] = []
        while run.busy:
            if phases != (phases := [view.phase for view in run.views]):
                yield [gr.skip(), self.showing.below(run), *[gr.skip()] * 5]
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        yield [
            ballot(run),
            self.showing.below(run),
            gr.update(visible=not run.hidden),
            outcome(run),
            *_buttons(busy=False, follow_up=True),
        ]

    async def stop_all(self, request: gr.Request) -> None:
        """End the tab's answers; their own streams show what remains of them."""
        self.page.visitors.tab(request).stop()

    def forget(self, request: gr.Request) -> list[Any]:
        """Begin a new conversation: the next question stands alone."""
        self.page.visitors.tab(request).forget()
        return [gr.update(visible=False), status("The next question stands alone."), ""]

    def export(self, kind: str, request: gr.Request) -> dict[str, str] | None:
        """The latest comparison as a file."""
        run = self.page.visitors.tab(request).run
        if run is None or run.hidden:
            return None
        votes = self.page.visitors.of(request).votes.standings()
        return as_file(kind, run, votes)

    # The page as it opens

    def show_welcome(
        self, empty: bool, samples: bool, seen: "Sequence[Manifest]" = ()
    ) -> list[Any]:
        """What helps to begin: how to fill an empty index, or questions and documents to try."""
        offered = self.picker.offer_documents(seen) if seen else gr.skip()
        return [listed.welcome() if empty else "", gr.update(visible=samples), offered]


def _buttons(*, busy: bool, follow_up: bool = False) -> list[Any]:
    """Compare, Stop and New conversation."""
    return [gr.update(visible=shown) for shown in (not busy, busy, follow_up)]
