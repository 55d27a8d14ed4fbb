"""A capable model's word on which lane's answer is best supported, when someone asks for it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr

from indexes import RagError

from .compare import Compare
from .conversation import Run
from .render.lane import letter
from .showing import status
from .view import one_line
from .workbench import Workbench


class Judging:
    """What asking the model does to the components of the Compare tab."""

    def __init__(self, page: Workbench, compare: Compare) -> None:
        self.page = page
        self.compare = compare

    def connect(self) -> None:
        """Say which function answers which event."""
        self.compare.judge.click(
            self.judge,
            None,
            [self.compare.comparison, self.compare.status],
            concurrency_limit=self.page.answers_at_once,
            concurrency_id="lanes",
            show_progress="hidden",
            api_visibility="private",
        )

    async def judge(self, request: gr.Request) -> AsyncGenerator[list[Any], None]:
        """Ask the model about the tab's comparison."""
        tab = self.page.visitors.tab(request)
        run = tab.run
        if run is None or run.busy or run.hidden:
            return
        if not self.page.opening.llm.fits("grade"):
            yield [gr.skip(), status(f"{self.page.opening.llm.name} is not fit to grade answers.")]
            return
        yield [gr.skip(), status("Asking which answer is better supported…", busy=True)]
        try:
            judging = tab.start(self._said(run))
            await asyncio.wait({judging})
            if judging.cancelled():
                yield [gr.skip(), status("Stopped.")]
                return
            run.judged = judging.result()
        except RagError as error:
            yield [gr.skip(), status(one_line(error))]
            return
        await asyncio.to_thread(self.page.history.store, run)
        yield [self.compare.showing.below(run), status("Asked: see the verdict.")]

    async def _said(self, run: Run) -> str:
        from indexes.verdict.preference import aprefer

        lanes = [view for view in run.views if view.answer and not view.unanswered]
        if len(lanes) < 2:
            return "There are no two answers to compare."
        index = await self.page.opening.index()
        answers = [view.answer for view in lanes if view.answer]
        found = await aprefer(index.llm, run.question, answers)
        cost = f"{found.calls} calls, {found.tokens_in:,} → {found.tokens_out:,} tokens"
        if found.chosen is None:
            return f"{run.model} is undecided: {found.why} ({cost})."
        best = lanes[found.chosen]
        name = f"{letter(best.lane)} ({best.pattern})"
        return f"{run.model} finds answer {name} better supported, {found.why} ({cost})."
