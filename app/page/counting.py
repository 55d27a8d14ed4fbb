"""Evidence that is marked while a comparison is shown: counted in its verdict at once."""

import asyncio
from typing import Any

import gradio as gr

from .compare import Compare
from .references import known_references
from .workbench import Workbench


class Counting:
    """What marking evidence does to the components of the Compare tab."""

    def __init__(self, page: Workbench, compare: Compare) -> None:
        self.page = page
        self.compare = compare

    def connect(self) -> None:
        """Say which function answers which event."""
        self.compare.comparison.click(
            self.count,
            None,
            self.compare.comparison,
            concurrency_limit=None,
            trigger_mode="always_last",
            show_progress="hidden",
            api_visibility="private",
        )

    async def count(self, request: gr.Request) -> Any:
        """The tab's comparison with what its visitor has marked for its question by now."""
        visitor = self.page.visitors.of(request)
        run = self.page.visitors.tab(request).run
        if run is None or run.busy or run.hidden:
            return gr.skip()
        marked = visitor.marked.references(run.asked) or known_references(run.asked)
        if marked == run.references:
            return gr.skip()
        words = await asyncio.to_thread(self.page.library.words, visitor.key, marked)
        run.references, run.words = marked, words
        await asyncio.to_thread(self.page.history.store, run)
        return self.compare.showing.below(run)
