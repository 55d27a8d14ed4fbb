"""What is shown of a comparison: its answers and all that stands below, as HTML."""

from dataclasses import replace

from indexes.lanes import LaneInfo

from .conversation import Run
from .figures import figures
from .render.comparison import comparison
from .render.lane import lane, letter
from .render.markup import counted, html, seconds
from .render.passages import passages
from .render.strip import strip
from .render.verdict import verdict
from .view import View
from .workbench import Workbench


class Showing:
    """Comparisons as HTML; of a blind one nothing that tells which lane is which."""

    def __init__(self, page: Workbench) -> None:
        self.page = page

    def answer(self, run: Run, view: View) -> str:
        """A lane's answer."""
        if run.hidden:
            name = f"Answer {letter(view.lane)}"
            error = "Why there is no answer is shown after the vote." if view.error else ""
            view = replace(view, pattern=name, error=error)
            return lane(view, LaneInfo(name=name, summary="", what=""), self._advice())
        return lane(view, self.page.lanes.info(view.pattern), self._advice())

    @staticmethod
    def below(run: Run) -> str:
        """What stands below the lanes: who won and why, and what each took."""
        return "" if run.hidden else html("{}{}", verdict(run), comparison(run))

    def _advice(self) -> str:
        """What to say at answers of a model that is not up to it."""
        from indexes.models.catalogue import advice

        return advice(self.page.opening.llm)

    @staticmethod
    def evidence(run: Run, view: View) -> str:
        """What a lane took, and its passages."""
        if run.hidden:
            return ""
        return html("{}{}", strip(view, figures(view, run.views)), passages(view))


def status(text: str, *, busy: bool = False) -> str:
    """A sentence about what is going on."""
    return html('<p class="status{}" role="status">{}</p>', " busy" if busy else "", text)


def outcome(run: Run) -> str:
    """How a comparison ended."""
    phases = [view.phase for view in run.views]
    if "stopped" in phases:
        return status("Stopped.")
    longest = max(view.trace.total("seconds") for view in run.views)
    failed = phases.count("failed")
    if failed:
        return status(f"{failed} of {counted(len(phases), 'lane')} failed: see below.")
    cut = sum(view.answer is not None and view.answer.finish != "stop" for view in run.views)
    if cut:
        return status(f"{cut} of {counted(len(phases), 'answer')} not whole: see below.")
    return status(f"Done in {seconds(longest)}. Ask on: a follow-up is understood.")
