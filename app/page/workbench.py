"""State that all tabs of the page share: the index, who may see what, and who is there."""

from dataclasses import dataclass

import gradio as gr

from .history import History
from .lanes import Lanes
from .library import Library
from .opening import Opening
from .visitors import Visitors


@dataclass(frozen=True)
class Workbench:
    """One page.

    Attributes:
        opening: what is asked, now or soon.
        lanes: the patterns that can be asked for.
        library: the documents, as each visitor sees them.
        visitors: who is there.
        history: what was asked before.
        answers_at_once: lanes that run at the same time; the rest wait in the queue.
    """

    opening: Opening
    lanes: Lanes
    library: Library
    visitors: Visitors
    history: History
    answers_at_once: int

    @staticmethod
    def html(name: str, value: str = "", js_on_load: str | None = None) -> gr.HTML:
        """A place for our own HTML, without Gradio's styles and, mostly, without scripts."""
        return gr.HTML(value, elem_id=name, js_on_load=js_on_load, apply_default_css=False)
