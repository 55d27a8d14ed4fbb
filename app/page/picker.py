"""What is compared: families of patterns, and documents; folded to a line once that is asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from indexes.lanes import LaneInfo

from .conversation import MOST_LANES
from .lanes import FAMILIES
from .render.lane import in_a_line
from .render.markup import html
from .scope import offered
from .workbench import Workbench

if TYPE_CHECKING:
    from indexes.store.points import Manifest


class Picker:
    """The families' checkboxes under one line that says what is chosen."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def draw(self) -> None:
        """Place the components."""
        self.line = self.page.html("picked", _line(self.page.lanes.default))
        with gr.Column(elem_id="patterns"):
            self.groups = [
                gr.CheckboxGroup(
                    self._choices(infos),
                    value=[name for name in self.page.lanes.default if name in _names(infos)],
                    label=family.title,
                    info=family.about,
                    visible=bool(infos),
                    elem_classes="family",
                )
                for family, infos in self._families()
            ]
            self.documents = gr.Dropdown(
                [],
                value=[],
                multiselect=True,
                # Gradio's own check knows only what it has offered this tab.
                allow_custom_value=True,
                label="Documents",
                info="Nothing chosen asks all. Or type a part of their names.",
                elem_id="documents-asked",
            )
            self.blind = gr.Checkbox(
                False,
                label="Blind: shuffle the lanes, and name them when I have voted",
                container=False,
                elem_id="blind",
            )

    def offer_documents(self, seen: "Sequence[Manifest]") -> Any:
        """An update of the documents that can be chosen."""
        return gr.update(choices=offered(seen))

    def _families(self) -> list[tuple[Any, list[LaneInfo]]]:
        known = self.page.lanes.families
        return [(family, known[family.key]) for family in FAMILIES]

    @staticmethod
    def _choices(infos: list[LaneInfo]) -> list[tuple[str, str]]:
        # The first line is the name, by the style sheet.
        return [(f"{info.name}\n{in_a_line(info)}", info.name) for info in infos]

    def offer(self) -> list[Any]:
        """Updates of the groups, with what other frameworks have."""
        return [
            gr.update(choices=self._choices(infos), visible=bool(infos))
            for _, infos in self._families()
        ]

    def choose(self, names: list[str]) -> list[Any]:
        """Updates of the line and the groups: these patterns and no others."""
        return [
            _line(names),
            *(
                gr.update(value=[name for name in names if name in _names(infos)])
                for _, infos in self._families()
            ),
        ]


def chosen(*groups: object) -> list[object]:
    """What is ticked, as it came from a browser: of all families, as they stand."""
    return [
        name
        for group in groups
        for name in (group if isinstance(group, list) else [] if group is None else [group])
    ]


def _names(infos: list[LaneInfo]) -> list[str]:
    return [info.name for info in infos]


def _line(names: list[str]) -> str:
    return html(
        '<p class="picked"><span class="sr">Patterns: </span><b>{}</b> <button type="button" '
        'class="quiet" aria-expanded="true" aria-controls="patterns"><span class="closed">change'
        '</span><span class="opened">fold</span><span class="sr"> the patterns</span></button> '
        '<span class="most" role="status" data-most="{}"></span></p>',
        ", ".join(names),
        MOST_LANES,
    )
