"""The page, put together: a head and four tabs.

Everything a visitor does lives in the visitor's own tab (`visitors`, `conversation`); what
visitors share is the index. Functions get what a browser sent, and browsers send anything:
each checks its own input, whether Gradio shows it to a visitor or someone calls it directly.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from indexes.extensions import JUDGES
from indexes.settings import has_cross_encoder

from .api import Api
from .compare import Compare
from .counting import Counting
from .documents import Documents
from .history import History
from .inspect import Inspect
from .judging import Judging
from .knobs import knobs_of
from .lanes import FAMILIES, Lanes
from .library import Library
from .mine import Mine
from .opening import Opening
from .render.settings import fixed, knobs_title
from .reopening import Reopening
from .shelf import Shelf
from .visitors import Visitors
from .voting import Voting
from .workbench import Workbench

_QUEUE_SIZE = 512
# Ours, by what a visitor reads; those that were registered are shown by their names.
_JUDGES = {
    "auto": "By what the model can do",
    "embedding": "Embedding similarity",
    "llm": "Language model",
    "cross-encoder": "Cross-encoder",
}
# What Gradio remembers of visitors: nothing that they would miss.
_GRADIO_SESSIONS = 128


def make_workbench(
    opening: Opening, *, shared: bool = False, shelf: Shelf | None = None
) -> Workbench:
    """What the page works with. Nothing is loaded and no one connected to yet."""
    library = Library(opening, shared=shared)
    history = History(shelf)

    def forget(visitor: str) -> None:
        history.forget(visitor)
        library.forget(visitor)

    return Workbench(
        opening,
        Lanes(opening),
        library,
        Visitors(forget, keeps=library.keeps),
        history,
        opening.llm.at_once,
    )


def build_page(page: Workbench) -> gr.Blocks:
    """The page itself."""
    compare, inspect, documents = Compare(page), Inspect(page), Documents(page)
    mine = Mine(page)
    blocks: gr.Blocks
    with gr.Blocks(
        title="Advanced RAG Patterns",
        analytics_enabled=False,
        fill_width=True,
    ) as blocks:
        head = page.html("head")
        with gr.Tabs(selected="compare", elem_id="tabs") as tabs:
            with gr.Tab("Compare", id="compare"):
                compare.draw()
            with gr.Tab("Inspect", id="inspect"):
                inspect.draw()
            with gr.Tab("My questions", id="mine") as own:
                mine.draw()
            with gr.Tab("Documents", id="documents"):
                documents.draw()
            with gr.Tab("Settings", id="settings"):
                knobs, decided = _draw_settings(page)
        compare.connect(knobs)
        inspect.connect(knobs, tabs, compare)
        mine.connect(knobs, own)
        library: list[Any] = [
            documents.shelf,
            head,
            compare.welcome,
            compare.example_row,
            compare.picker.documents,
        ]
        documents.connect(library, compare.show_welcome)

        async def opened(request: gr.Request) -> AsyncGenerator[list[Any], None]:
            page.visitors.opened(request)
            nothing, offered = [gr.skip()] * (1 + len(FAMILIES)), False
            async with aclosing(documents.greet(request)) as updates:
                async for update in updates:
                    known = page.lanes.peers_known and not offered
                    offers = [*compare.picker.offer(), inspect.offer()] if known else nothing
                    offered = offered or known
                    yield [*update, fixed(page.opening.wait()), *offers]
            if not offered:
                # The first visitor need not wait for what peers take to be imported.
                await asyncio.to_thread(page.lanes.find_peers)
                yield [gr.skip()] * 6 + [*compare.picker.offer(), inspect.offer()]

        blocks.load(
            opened,
            None,
            [*library, decided, *compare.picker.groups, inspect.pattern],
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        Voting(page, compare).connect()
        Judging(page, compare).connect()
        Counting(page, compare).connect()
        Reopening(page, compare, knobs).connect(blocks)
        blocks.unload(page.visitors.closed)
        Api(page).connect()
    blocks.queue(max_size=_QUEUE_SIZE, default_concurrency_limit=8, api_open=False)
    blocks.state_session_capacity = _GRADIO_SESSIONS
    return blocks


def _draw_settings(page: Workbench) -> tuple[list[gr.components.Component], gr.HTML]:
    """What a visitor can turn, in the order of `checked_knobs`; and a place for what not."""
    found = knobs_of(page.opening)
    with gr.Row(elem_id="settings-columns"):
        with gr.Column(elem_id="knobs", elem_classes="plain"):
            page.html("knobs-title", knobs_title())
            budget = gr.Slider(
                min(64, found.budget),
                max(4096, 2 * found.budget),
                value=found.budget,
                step=16,
                label="Context budget",
                info="Tokens that every pattern may fill. More takes longer to read.",
            )
            top_k = gr.Slider(
                min(5, found.top_k),
                max(200, found.top_k),
                value=found.top_k,
                step=1,
                label="Hits of each search",
                info="By meaning on two scales, and by words. 50 grows with the budget.",
            )
            search = gr.Radio(
                [("By meaning and words", "hybrid"), ("By meaning", "dense"), ("By words", "bm25")],
                value=found.search,
                label="Search",
            )
            merge_ratio = gr.Slider(
                0.1,
                0.9,
                value=found.merge_ratio,
                step=0.05,
                label="Merge threshold",
                info="parent-ratio: the share of children from which their parent replaces them.",
            )
            judge = gr.Radio(
                [
                    (_JUDGES.get(name, name), name)
                    for name in JUDGES
                    if name != "cross-encoder" or has_cross_encoder(page.opening.settings)
                ],
                value=found.judge,
                label="Judge of what helps",
                info="In rerank, extract and filter. A small language model is no judge.",
            )
        with gr.Column(elem_id="fixed", elem_classes="plain"):
            decided = page.html("fixed-settings")
    return [budget, top_k, search, merge_ratio, judge], decided
