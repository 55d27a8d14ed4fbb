"""What stands around an answer: the documents' own words above it, and what they bear out of it."""

import re

from markupsafe import Markup

from indexes import Answer, Quote

from ..view import View
from .markup import counted, html, joined, pages

_SIGNS = {"partly": "~", "unsupported": "✗"}
_WORDS = {"partly": "partly supported", "unsupported": "unsupported"}

# Markdown's sign of a heading, which people who read a page don't write.
_HEADING = re.compile(r"^#{1,6} +", re.MULTILINE)


def quotes(view: View) -> Markup:
    """The sentences that answer best, each a link to its place; and whether they are any good."""
    if not view.quotes:
        return _evidence(view)
    items = joined(_quote(view, quote) for quote in view.quotes)
    return html(
        '<div class="quotes"><h4>In the documents’ words</h4>{}{}</div>', _evidence(view), items
    )


def _quote(view: View, quote: Quote) -> Markup:
    document = next(
        (c.document_id for c in view.contexts if c.document == quote.document and c.document_id),
        quote.document,
    )
    where = ", ".join(filter(None, (quote.document, pages(quote.pages) or quote.place)))
    header = html('<p class="header">{}</p>', quote.header) if quote.header else Markup("")
    return html(
        '<blockquote dir="auto">{header}<p>{text}</p><footer>'
        '<a class="cite source" href="#lane{lane}-passage-{number}" '
        'data-document="{document}" data-start="{start}" data-end="{end}" data-from="{start}" '
        'data-to="{end}" data-passage="lane{lane}-passage-{number}">{where}</a></footer>'
        "</blockquote>",
        header=header,
        text=_HEADING.sub("", quote.text),
        lane=view.lane,
        number=quote.context,
        document=document,
        start=quote.start,
        end=quote.end,
        where=where,
    )


def _evidence(view: View) -> Markup:
    """That nothing here is close to the question."""
    judged = view.answer.evidence if view.answer else None
    if judged is None or judged.found:
        return Markup("")
    why = judged.why[0].upper() + judged.why[1:]
    return html('<p class="notice" role="note"><b>No evidence found.</b> {}.</p>', why)


def marks(answer: Answer | None) -> list[tuple[int, Markup]]:
    """Signs behind sentences that the passages don't bear out, by their places in the answer."""
    return [
        (
            one.end,
            html(
                ' <span class="support {}" title="{}"><span aria-hidden="true">{}</span> {}'
                '<span class="sr">: {}</span></span>',
                one.verdict,
                one.why,
                _SIGNS[one.verdict],
                _WORDS[one.verdict],
                one.why,
            ),
        )
        for one in (answer.support if answer else ())
        if one.verdict in _SIGNS
    ]


def tally(answer: Answer | None) -> Markup:
    """How many sentences are borne out."""
    found = [one.verdict for one in answer.support] if answer else []
    if not found:
        return Markup("")
    parts = [
        f"{sign} {found.count(verdict)} {words}"
        for verdict, sign, words in (
            ("supported", "✓", "supported"),
            ("partly", "~", "partly"),
            ("unsupported", "✗", "unsupported"),
        )
        if verdict in found
    ]
    return html(
        '<p class="tally">{} checked against the passages: {}.</p>',
        counted(len(found), "sentence"),
        " · ".join(parts),
    )
