"""Blind comparisons: lanes without names until someone has voted."""

from typing import Any

import gradio as gr

from .compare import Compare
from .conversation import MOST_LANES, Run
from .render.vote import ballot
from .workbench import Workbench


class Voting:
    """What a vote does to the components of the Compare tab."""

    def __init__(self, page: Workbench, compare: Compare) -> None:
        self.page = page
        self.compare = compare

    def connect(self) -> None:
        """Say which function answers which event."""
        compare = self.compare
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        compare.ballot.click(
            self.vote,
            None,
            [
                compare.ballot,
                compare.comparison,
                compare.exports,
                compare.row,
                *compare.answers,
                *compare.evidence,
            ],
            concurrency_limit=None,
            **private,
        )

    def vote(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Count a vote on the tab's comparison, and say what was what."""
        visitor = self.page.visitors.of(request)
        run = self.page.visitors.tab(request).run
        said = event._data.get("vote") if isinstance(event._data, dict) else None
        chosen = None if run is None or run.busy or not run.hidden else _chosen(run, said)
        if run is None or chosen is None:
            return [gr.skip()] * (4 + 2 * MOST_LANES)
        run.vote = chosen
        self.page.history.store(run)
        visitor.votes.add(run.id, tuple(view.pattern for view in run.views), chosen)
        views = dict(enumerate(run.views))
        places = range(MOST_LANES)
        return [
            ballot(run, visitor.votes.standings()),
            self.compare.showing.below(run),
            gr.update(visible=True),
            gr.update(elem_classes=f"of-{len(views)}"),
            *(self.compare.showing.answer(run, views[p]) if p in views else "" for p in places),
            *(self.compare.showing.evidence(run, views[p]) if p in views else "" for p in places),
        ]


def _chosen(run: Run, said: object) -> tuple[str, ...] | None:
    """The patterns that a vote is for; None if it is no vote."""
    if said in ("all", "none"):
        return tuple(view.pattern for view in run.views) if said == "all" else ()
    return next(((view.pattern,) for view in run.views if str(view.lane) == said), None)
