"""The verdict on a comparison: who found the evidence, and what each has that the others lack."""

import re
from collections.abc import Sequence

from markupsafe import Markup

from indexes import Context
from indexes.evaluation.facts import (
    Fact,
    LaneFacts,
    difference,
    facts,
    verdict_sentence,
    with_texts,
)
from indexes.evaluation.questions import Reference

from ..conversation import Run
from ..figures import figures
from ..view import View
from .lane import letter
from .markup import counted, html, in_short, joined

_SIGNS = {"found": "✓", "partly": "◐", "missed": "✗"}
# Of what only one lane has, the longest pieces.
_MOST_PIECES = 6
_FEWEST_CHARACTERS = 24
_CODE = re.compile("`([^`]*)`")


def verdict(run: Run) -> str:
    """What the comparison shows, in a sentence and a table; empty while lanes still search."""
    views = [view for view in run.views if view.phase == "done" or view.contexts]
    if not views or any(view.phase in ("waiting", "searching") for view in run.views):
        return ""
    told = _facts(run, views) if run.references else _unknown(views)
    apart = _differences(views) if len(views) > 1 else Markup("")
    judged = html('<p class="told">{}</p>', run.judged) if run.judged else Markup("")
    if not told and not apart and not judged:
        return ""
    return html(
        '<section class="verdict" aria-labelledby="verdict-title">'
        '<h2 id="verdict-title">Verdict</h2>{}{}{}</section>',
        told,
        judged,
        apart,
    )


def _unknown(views: Sequence[View]) -> Markup:
    """How to find out which lane found more, where nobody has said what is to be found."""
    if len(views) < 2 or any(view.busy for view in views):
        return Markup("")
    return html(
        '<p class="hint">{} <b>Mark evidence</b> {}</p>',
        "Which lane found the answer is not known yet. Open a quote or a source, press",
        "and choose the sentences that answer: who found them is then shown here.",
    )


def lane_facts(run: Run, views: Sequence[View]) -> list[LaneFacts]:
    """What each lane found of the question's evidence, with its words where a lane has them."""
    found = []
    known = dict(zip(run.references, run.words, strict=False))
    for view in views:
        spent = figures(view, run.views)
        seconds = None if spent.finding is None else spent.finding + spent.compressing
        tokens = sum(context.tokens for context in view.contexts)
        one = facts(view.pattern, run.references, view.contexts, seconds=seconds, tokens=tokens)
        found.append(with_texts(one, lambda place: known.get(place) or _words(place, views)))
    return found


def _words(place: Reference, views: Sequence[View]) -> str:
    """The evidence as the passages have it; empty where none has all of it."""
    for view in views:
        for context in view.contexts:
            if context.document == place.document and (
                context.start <= place.start and place.end <= context.start + len(context.text)
            ):
                return context.text[place.start - context.start : place.end - context.start]
    return ""


def _facts(run: Run, views: Sequence[View]) -> Markup:
    lanes = lane_facts(run, views)
    head = joined(
        html(
            '<th scope="col"><span class="letter" aria-hidden="true">{}</span> {}</th>',
            letter(view.lane),
            view.pattern,
        )
        for view in views
    )
    rows = joined(
        html(
            '<tr><th scope="row" dir="auto">{}</th>{}</tr>',
            _evidence(row),
            joined(_cell(lane.facts[number]) for lane in lanes),
        )
        for number, row in enumerate(lanes[0].facts)
    )
    total = joined(
        html(
            "<td>{}, {:.0%} of its text</td>",
            f"{lane.found} of {len(lane.facts)}",
            lane.scores.recall,
        )
        for lane in lanes
    )
    return html(
        '<p class="told">{sentence}</p>'
        '<div class="scroll" role="region" aria-label="Evidence found" tabindex="0">'
        '<table class="facts"><thead><tr><th scope="col">evidence</th>{head}</tr></thead>'
        '<tbody>{rows}</tbody><tfoot><tr><th scope="row">found whole</th>{total}</tr></tfoot>'
        "</table></div>",
        sentence=_with_code(verdict_sentence(lanes)),
        head=head,
        rows=rows,
        total=total,
    )


def _with_code(sentence: str) -> Markup:
    parts = _CODE.split(sentence)
    return joined(
        html("<code>{}</code>" if place % 2 else "{}", part) for place, part in enumerate(parts)
    )


def _evidence(fact: Fact) -> Markup:
    """A piece of evidence as a link to its place."""
    place = fact.reference
    said = in_short(fact.text) or f"characters {place.start:,} to {place.end:,}"
    link = _opens(place.document, place.start, place.end, said)
    return html("{}<small>{}</small>", link, place.document)


def _cell(fact: Fact) -> Markup:
    place = fact.reference
    sign = html('<span class="sign" aria-hidden="true">{}</span> ', _SIGNS[fact.verdict])
    if fact.verdict == "found":
        return html('<td class="found">{}found, rank {}</td>', sign, fact.rank or "–")
    if fact.verdict == "partly":
        lost = fact.missing[0]
        link = _opens(place.document, lost.start, lost.end, f"partly, {fact.share:.0%}")
        return html('<td class="partly">{}{}, rank {}</td>', sign, link, fact.rank or "–")
    link = _opens(place.document, place.start, place.end, "missed")
    return html('<td class="missed">{}{}</td>', sign, link)


def _opens(document: str, start: int, end: int, text: str) -> Markup:
    return html(
        '<button type="button" class="opens" data-document="{}" data-start="{}" data-end="{}" '
        'data-from="{}" data-to="{}">{}</button>',
        document,
        start,
        end,
        start,
        end,
        text,
    )


# What only one lane has


def _differences(views: Sequence[View]) -> Markup:
    items = joined(
        item for view in views if (item := _alone(view, [v for v in views if v is not view]))
    )
    if not items:
        return html('<p class="hint">{}</p>', "All lanes read the same text.")
    return html('<div class="apart"><h3>Text found here only</h3>{}</div>', items)


def _alone(view: View, others: Sequence[View]) -> Markup:
    theirs = [context for other in others for context in other.contexts]
    found = difference(view.pattern, view.contexts, "", theirs).spans
    pieces = [
        (piece, text)
        for piece in found
        if len(text := _text_at(view.contexts, piece.document, piece.start, piece.end))
        >= _FEWEST_CHARACTERS
    ]
    if not pieces:
        return Markup("")
    longest = sorted(pieces, key=lambda pair: -len(pair[1]))[:_MOST_PIECES]
    shown = joined(
        html(
            '<li dir="auto">{} <small>{}</small></li>',
            _opens(piece.document, piece.start, piece.end, in_short(text)),
            piece.document,
        )
        for piece, text in longest
    )
    rest = len(pieces) - len(longest)
    more = html('<p class="hint">{} more, shorter ones.</p>', rest) if rest else Markup("")
    return html(
        '<details><summary><span class="letter" aria-hidden="true">{}</span> {}: {}</summary>'
        "<ul>{}</ul>{}</details>",
        letter(view.lane),
        view.pattern,
        counted(len(pieces), "piece"),
        shown,
        more,
    )


def _text_at(contexts: Sequence[Context], document: str, start: int, end: int) -> str:
    parts = [
        context.text[max(0, start - context.start) : end - context.start]
        for context in contexts
        if context.document == document and context.start < end and start < context.end
    ]
    return " ".join(" ".join(parts).split())
