"""Earlier comparisons: as a list to go back to, and two of them beside each other."""

from collections.abc import Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from ..conversation import Run
from ..figures import figures
from ..shelf import Entry
from .lane import status
from .markup import html, in_short, joined, seconds

_EXCERPT = 280


def history(entries: Sequence[Entry], shown: str = "", *, lasts: bool = False) -> str:
    """Draw the folded list of earlier comparisons.

    Args:
        entries: a visitor's, latest first
        shown: the open one; others can be compared with it
        lasts: whether they are on disk
    """
    if not entries:
        return ""
    return html(
        '<details class="history"><summary>Earlier questions ({})</summary><ol>{}</ol>'
        '<p class="hint">{} <button type="button" class="quiet" data-clear>Forget them all</button>'
        "</p></details>",
        len(entries),
        joined(_entry(entry, shown) for entry in entries),
        "They are kept on this machine, readable by its user only."
        if lasts
        else "They are kept as long as you are here.",
    )


def _entry(entry: Entry, shown: str) -> Markup:
    beside = (
        html(
            ' <a href="?{}">compare with the one above</a>',
            urlencode({"run": shown, "with": entry.id}),
        )
        if shown and shown != entry.id
        else Markup("")
    )
    return html(
        '<li{}><a href="?{}" dir="auto">{}</a> <span>{}</span>{}</li>',
        html(' aria-current="true"') if entry.id == shown else Markup(""),
        urlencode({"run": entry.id}),
        entry.asked,
        entry.told,
        beside,
    )


def beside(first: Run, second: Run) -> str:
    """Two comparisons, lane by lane: what was set, what it took, what was answered."""
    rows = joined(_row(run, number) for number, run in ((1, first), (2, second)))
    return html(
        '<section class="comparison" aria-labelledby="beside-title"><h2 id="beside-title">'
        'Two comparisons</h2><div class="scroll" role="region" aria-label="Table of both" '
        'tabindex="0"><table class="lanes beside"><thead><tr><th scope="col">pattern</th>'
        '<th scope="col">first word</th><th scope="col">total</th>'
        '<th scope="col">context tokens</th><th scope="col">cited</th><th scope="col">answer</th>'
        "</tr></thead>{}</table></div></section>",
        rows,
    )


def _row(run: Run, number: int) -> Markup:
    known = [(view, figures(view, run.views)) for view in run.views]
    return html(
        '<tbody><tr><th scope="rowgroup" colspan="6"><span class="number">{}</span> '
        '<span dir="auto">{}</span><small>{}</small></th></tr>{}</tbody>',
        number,
        run.asked,
        run.told,
        joined(
            html(
                '<tr><th scope="row">{}<small>{}</small></th><td>{}</td><td>{}</td><td>{}</td>'
                '<td>{}</td><td class="said" dir="auto">{}</td></tr>',
                view.pattern,
                status(view),
                "–" if row.first_word is None else seconds(row.first_word),
                "–" if row.total is None else seconds(row.total),
                "–" if row.context_tokens is None else f"{row.context_tokens:,}",
                "–" if row.cited is None else row.cited,
                in_short(view.text or view.error, _EXCERPT),
            )
            for view, row in known
        ),
    )
