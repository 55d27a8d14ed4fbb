"""The ballot of a blind comparison, and what votes have come to."""

from collections.abc import Sequence

from markupsafe import Markup

from ..conversation import Run
from ..votes import Standing
from .lane import letter
from .markup import counted, html, joined


def ballot(run: Run, standings: Sequence[Standing] = ()) -> str:
    """What can be voted for once all answers are there; after the vote, what it was for."""
    if not run.blind or run.busy:
        return ""
    if run.vote is None:
        return _open(run)
    names = ", ".join(f"{letter(view.lane)} is {view.pattern}" for view in run.views)
    voted = " and ".join(run.vote) if run.vote else "none of them"
    return html(
        '<section class="ballot" aria-labelledby="ballot-title"><h2 id="ballot-title" '
        'tabindex="-1">You voted for {}</h2><p>{}.</p>{}</section>',
        voted,
        names,
        tally(standings),
    )


def _open(run: Run) -> Markup:
    every, none = ("Both", "Neither") if len(run.views) == 2 else ("All", "None")
    choices = [(str(view.lane), f"Answer {letter(view.lane)}") for view in run.views]
    buttons = joined(
        html('<button type="button" data-vote="{}">{}</button>', value, name)
        for value, name in (*choices, ("all", every), ("none", none))
    )
    return html(
        '<section class="ballot" aria-labelledby="ballot-title">'
        '<h2 id="ballot-title">Which answer is best?</h2>'
        '<p class="hint">The lanes were shuffled. Their names, passages and figures are shown '
        "once you have voted.</p><div>{}</div></section>",
        buttons,
    )


def tally(standings: Sequence[Standing]) -> Markup:
    """How often each pattern was chosen, with intervals."""
    if not standings:
        return Markup("")
    rows = joined(
        html(
            '<tr><th scope="row">{}</th><td>{} of {}</td><td>{:.0%}</td>'
            "<td>{:.0%} to {:.0%}</td></tr>",
            one.pattern,
            one.chosen,
            one.shown,
            one.share,
            one.low,
            one.high,
        )
        for one in standings
    )
    most = max(one.shown for one in standings)
    return html(
        '<div class="scroll" role="region" aria-label="Your blind votes" tabindex="0">'
        '<table class="tallied"><caption>Your blind votes so far</caption><thead><tr>'
        '<th scope="col">pattern</th><th scope="col">chosen</th><th scope="col">share</th>'
        '<th scope="col">95% interval</th></tr></thead><tbody>{}</tbody></table></div>'
        '<p class="hint">A vote for several counts for each. After {} the intervals are {}.</p>',
        rows,
        counted(most, "vote"),
        "still wide: vote on more questions" if most < 30 else "what they are",
    )
