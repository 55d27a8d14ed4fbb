"""Going back to a comparison by its address, with all that was set for it."""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

import gradio as gr

from indexes import SettingsError
from indexes.settings import DEFAULT_TOP_K

from .compare import SHOW, Compare
from .conversation import MOST_LANES, Run
from .knobs import checked_knobs
from .render.comparison import heading
from .render.history import beside, history
from .render.vote import ballot
from .showing import status
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
        """Say which function answers which event."""
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.compare.begun.then(
            self.list_earlier, None, self.compare.earlier, concurrency_limit=None, **private
        )
        gr.on(
            [knob.change for knob in self.knobs],  # type: ignore[attr-defined]
            self.remember,
            self.knobs,
            None,
            concurrency_limit=None,
            **private,
        )
        self.compare.earlier.click(
            self.forget_all,
            None,
            [self.compare.earlier, self.compare.status],
            concurrency_limit=None,
            **private,
        )
        blocks.load(
            self.reopen,
            None,
            [
                self.compare.question,
                self.compare.status,
                self.compare.address,
                self.compare.heading,
                self.compare.ballot,
                self.compare.comparison,
                self.compare.earlier,
                self.compare.exports,
                self.compare.row,
                self.compare.again,
                self.compare.picker.line,
                *self.compare.picker.groups,
                self.compare.picker.documents,
                self.compare.picker.blind,
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
        earlier = self._earlier(visitor, run.id if run else "")
        if run is None:
            told = status("That comparison is not kept any more.") if "run" in asked else gr.skip()
            return [
                *(gr.skip(), told, *[gr.skip()] * 4, earlier, *[gr.skip()] * 3),
                *self._as_left(request),
                *[gr.skip()] * (3 * MOST_LANES),
            ]
        tab = self.page.visitors.tab(request)
        if not run.busy and (tab.run is None or not tab.run.busy):
            tab.run = run
        other = self.page.history.find(asked.get("with"))
        if other is None or other.hidden or run.hidden:
            table = self.compare.showing.below(run)
        else:
            table = beside(run, other)
        votes = self.page.visitors.of(request).votes.standings()
        shown = range(MOST_LANES)
        views = dict(enumerate(run.views))
        answers = {place: self.compare.showing.answer(run, view) for place, view in views.items()}
        evidence = {
            place: self.compare.showing.evidence(run, view) for place, view in views.items()
        }
        return [
            run.asked,
            status("" if run.busy else "From before. Change something and compare again."),
            {"run": run.id},
            heading(run),
            ballot(run, votes),
            table,
            earlier,
            gr.update(visible=not run.busy and not run.hidden),
            gr.update(elem_classes=f"of-{len(views)}" + (" blind" if run.hidden else "")),
            gr.update(visible=True),
            # In no order that would tell which lane is which.
            *self.compare.picker.choose(sorted(view.pattern for view in run.views)),
            list(run.documents),
            run.blind,
            *self._settings(run, request),
            *(gr.update(visible=place in views) for place in shown),
            *(answers.get(place, "") for place in shown),
            *(evidence.get(place, "") for place in shown),
        ]

    def remember(
        self,
        budget: object,
        top_k: object,
        search: object,
        merge_ratio: object,
        judge: object,
        request: gr.Request,
    ) -> None:
        """Keep a visitor's settings for when the page is loaded again."""
        with suppress(SettingsError):  # said when something is asked
            knobs = checked_knobs(budget, top_k, search, merge_ratio, judge)
            visitor = self.page.visitors.of(request)
            visitor.knobs, visitor.changed = knobs, datetime.now()

    def _settings(self, run: Run, request: gr.Request) -> list[Any]:
        """Those of a comparison; of a visitor's latest, what was changed since."""
        visitor = self.page.visitors.of(request)
        latest = next(iter(self.page.history.of(visitor.key)), None)
        since = visitor.changed is not None and visitor.changed > run.began
        if visitor.knobs is not None and since and latest is not None and latest.id == run.id:
            return list(asdict(visitor.knobs).values())
        return _restored(run)

    def _as_left(self, request: gr.Request) -> list[Any]:
        """Picker and settings as the visitor left them."""
        visitor = self.page.visitors.of(request)
        picker = self.compare.picker
        names = [name for name in visitor.chosen if name in self.page.lanes.choices]
        picked = picker.choose(names) if names else [gr.skip()] * (1 + len(picker.groups))
        knobs = visitor.knobs
        kept = [gr.skip()] * len(self.knobs) if knobs is None else list(asdict(knobs).values())
        return [*picked, gr.skip(), gr.skip(), *kept]

    def list_earlier(self, request: gr.Request) -> str:
        """The visitor's comparisons, the latest being the one that is shown."""
        return self._earlier(self.page.visitors.of(request).key)

    def forget_all(self, request: gr.Request) -> list[Any]:
        """Delete all comparisons of a visitor, also those that a tab shows now."""
        self.page.history.clear(self.page.visitors.of(request).key)
        return ["", status("Your earlier questions are forgotten, and their addresses with them.")]

    def _earlier(self, visitor: str, shown: str = "") -> str:
        found = self.page.history.of(visitor)
        latest = found[0].id if found else ""
        return history(found, shown or latest, lasts=self.page.history.lasts)


def _restored(run: Run) -> list[Any]:
    """The settings of a comparison, in the order of `checked_knobs`."""
    names = ("budget", "top_k", "search", "merge_ratio", "judge")
    known = {**run.options, "top_k": run.options.get("top_k") or DEFAULT_TOP_K}
    return [
        gr.update(value=known[name]) if known.get(name) is not None else gr.skip() for name in names
    ]
