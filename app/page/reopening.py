"""Going back to a comparison by its address, with all that was set for it."""

from typing import Any

import gradio as gr

from indexes.settings import DEFAULT_TOP_K

from .compare import SHOW, Compare, status
from .conversation import MOST_LANES, Run
from .render.comparison import heading
from .render.history import beside, history
from .workbench import Workbench


class Reopening:
    """What an address shows, in the components of the Compare tab."""

    def __init__(
        self, page: Workbench, compare: Compare, knobs: list[gr.components.Component]
    ) -> None:
        self.page = page
        self.compare = compare
        self.knobs = knobs

    def connect(self, blocks: gr.Blocks) -> None:
        """Say what happens when."""
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.compare.begun.then(
            self.list_earlier, None, self.compare.earlier, concurrency_limit=None, **private
        )
        blocks.load(
            self.reopen,
            None,
            [
                self.compare.question,
                self.compare.status,
                self.compare.address,
                self.compare.heading,
                self.compare.comparison,
                self.compare.earlier,
                self.compare.exports,
                self.compare.row,
                self.compare.again,
                self.compare.picker.line,
                *self.compare.picker.groups,
                *self.knobs,
                *self.compare.columns,
                *self.compare.answers,
                *self.compare.evidence,
            ],
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        ).then(None, self.compare.address, None, js=SHOW, api_visibility="private")

    def reopen(self, request: gr.Request) -> list[Any]:
        """What a comparison's address shows: the comparison, or it beside another."""
        asked = dict(request.query_params)
        visitor = self.page.visitors.of(request).key
        run = self.page.history.find(asked.get("run"))
        earlier = history(self.page.history.of(visitor), run.id if run else "")
        count = 15 + len(self.knobs) + 3 * MOST_LANES
        if run is None:
            told = status("That comparison is not kept any more.") if "run" in asked else gr.skip()
            return [gr.skip(), told, *[gr.skip()] * 3, earlier, *[gr.skip()] * (count - 6)]
        tab = self.page.visitors.tab(request)
        if not run.busy and (tab.run is None or not tab.run.busy):
            tab.run = run
        other = self.page.history.find(asked.get("with"))
        table = beside(run, other) if other else self.compare.below(run)
        shown = range(MOST_LANES)
        views = dict(enumerate(run.views))
        answers = {place: self.compare.answer_of(view) for place, view in views.items()}
        evidence = {place: self.compare.evidence_of(run, view) for place, view in views.items()}
        return [
            run.asked,
            status("" if run.busy else "From before. Change something and compare again."),
            {"run": run.id},
            heading(run),
            table,
            earlier,
            gr.update(visible=not run.busy),
            gr.update(elem_classes=f"of-{len(views)}"),
            gr.update(visible=True),
            *self.compare.picker.choose([view.pattern for view in run.views]),
            *_restored(run),
            *(gr.update(visible=place in views) for place in shown),
            *(answers.get(place, "") for place in shown),
            *(evidence.get(place, "") for place in shown),
        ]

    def list_earlier(self, request: gr.Request) -> str:
        """The visitor's comparisons, the latest being the one that is shown."""
        runs = self.page.history.of(self.page.visitors.of(request).key)
        return history(runs, runs[0].id if runs else "")


def _restored(run: Run) -> list[Any]:
    """The settings of a comparison, in the order of `checked_knobs`."""
    names = ("budget", "top_k", "search", "merge_ratio", "judge")
    known = {**run.options, "top_k": run.options.get("top_k") or DEFAULT_TOP_K}
    return [
        gr.update(value=known[name]) if known.get(name) is not None else gr.skip() for name in names
    ]
