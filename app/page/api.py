"""The API for other programs: two typed endpoints, which are offered as MCP tools, too.

    from gradio_client import Client
    Client("http://127.0.0.1:7860").predict("What happened to Bosun?", api_name="/ask")

They see the server's documents, never those of a visitor, and keep nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.events import api

from indexes import Answer, RagError, Trace
from indexes.answers import checked

from .knobs import checked_budget, knobs_of
from .view import one_line
from .workbench import Workbench

_NOBODY = ""


class Api:
    """The endpoints of a page."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def connect(self) -> None:
        """Publish the endpoints under their names."""
        shared: dict[str, Any] = {
            "concurrency_limit": self.page.answers_at_once,
            "concurrency_id": "lanes",
        }
        api(self.ask, api_name="ask", **shared)
        api(self.retrieve, api_name="retrieve", **shared)

    async def ask(self, question: str, pattern: str = "parent", budget: int = 0) -> dict[str, Any]:
        """Answer a question from the indexed documents, with citations and their passages.

        Args:
            question: what to answer, at most 4,000 characters.
            pattern: how passages are chosen: regular, parent, or a composition.
            budget: tokens of context, 16 to 32,768; 0 takes the server's.

        Returns:
            question, pattern, answer, contexts (document, start, end, pages, text, score,
            level), citations, and trace (a list of stages).
        """
        name, options = await self._checked(question, pattern, budget)
        with _errors_told():
            events = self.page.lanes.astream(question, name, Trace(), options)
            (answer,) = [event async for event in events if isinstance(event, Answer)]
            return answer.to_json()

    async def retrieve(
        self, question: str, pattern: str = "parent", budget: int = 0
    ) -> dict[str, Any]:
        """Find the passages that answer a question, without asking a language model for it.

        Args:
            question: what to look for, at most 4,000 characters.
            pattern: how passages are chosen: regular, parent, or a composition.
            budget: tokens of context, 16 to 32,768; 0 takes the server's.

        Returns:
            question, pattern, contexts (document, start, end, pages, text, score, level), and
            trace (a list of stages).
        """
        name, options = await self._checked(question, pattern, budget)
        with _errors_told():
            contexts, trace = await self.page.lanes.aretrieve(question, name, options)
            return {
                "question": question,
                "pattern": name,
                "contexts": [context.model_dump(mode="json") for context in contexts],
                "trace": [stage.model_dump(mode="json") for stage in trace.stages],
            }

    async def _checked(
        self, question: object, pattern: object, budget: object
    ) -> tuple[str, dict[str, Any]]:
        """Check arguments that any program may have sent."""
        with _errors_told():
            checked(question if isinstance(question, str) else "")
            name = self.page.lanes.check(pattern)
            knobs = knobs_of(self.page.opening)
            options = knobs.options
            if budget != 0:
                options["budget"] = checked_budget(budget)
            return name, options | await self.page.library.options(_NOBODY)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn our errors into the kind whose text Gradio hands to the caller."""
    try:
        yield
    except RagError as error:
        raise gr.Error(one_line(error), print_exception=False) from error
