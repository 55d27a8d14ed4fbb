"""The passages that the model was given: where each is from, and why it is as it is."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from app.page.render.markup import counted, html, joined, pages
from app.page.view import View
from indexes.answers import Citation, Context
from indexes.trace import Trace

# Longer passages are folded; about seven lines on a wide screen.
_FOLD_CHARACTERS = 560
_FOLD_LINES = 7

Numbered = tuple[int, Citation]


def passages(view: View) -> str:
    """All passages of a question, best first."""
    if not view.contexts:
        return ""
    citations = list(enumerate(view.answer.citations)) if view.answer else []
    # Scores of one method are of one size; some are all far below 1.
    digits = 2 if max(abs(context.score) for context in view.contexts) >= 1 else 4
    items = joined(
        passage(number, context, [item for item in citations if item[1].context == number], digits)
        for number, context in enumerate(view.contexts, start=1)
    )
    return html(
        '<section class="passages" aria-labelledby="passages-title">'
        '<h2 id="passages-title">Passages <span class="count">{count}</span></h2>'
        '<p class="hint">What the model was given, best first. Score: {score}. '
        "Level 0 is the largest chunk.</p>"
        "<ol>{items}</ol></section>",
        count=len(view.contexts),
        score=_score_name(view.answer.trace if view.answer else None),
        items=items,
    )


def passage(
    number: int, context: Context, citations: Sequence[Numbered], digits: int = 2
) -> Markup:
    """One passage; `citations` are those that point to it, with their numbers."""
    text = context.text.strip()
    long = len(text) > _FOLD_CHARACTERS or text.count("\n") >= _FOLD_LINES
    return html(
        '<li><article class="passage{cited}" id="passage-{number}" tabindex="-1" '
        'aria-labelledby="passage-{number}-title">'
        '<header><span class="number">{number}</span>'
        '<h3 id="passage-{number}-title">{title}</h3>'
        '<p class="where">{where}</p>{use}<p class="score">score <b>{score}</b></p></header>'
        '<div class="text{fold}" id="passage-{number}-text">{text}</div>{more}'
        '<p class="origin">{origin}</p></article></li>',
        number=number,
        cited=_use_class(citations),
        use=_use(citations),
        title=context.title or context.document,
        where=pages(context.pages) or context.document,
        score=f"{context.score:.{digits}f}",
        text=marked(context, citations),
        fold=" folded" if long else "",
        more=_more(number, len(text)) if long else Markup(""),
        origin=_origin(context),
    )


def marked(context: Context, citations: Sequence[Numbered]) -> Markup:
    """The passage's text with the cited sentences marked.

    A citation of the whole passage marks nothing: the passage itself is what it means.
    """
    return joined(_pieces(context, citations))


def _pieces(context: Context, citations: Sequence[Numbered]) -> Iterator[Markup]:
    text = context.text.rstrip()
    done = len(text) - len(text.lstrip())
    for number, citation in sorted(citations, key=lambda item: (item[1].start, item[0])):
        start = max(citation.start - context.start, 0)
        end = min(citation.end - context.start, len(text))
        whole = start <= done and end == len(text)
        if (whole and citation.origin == "model") or end <= done:
            continue
        start = max(start, done)
        sentence = text[start:end]
        yield html("{}", text[done:start])
        yield html('<mark id="cited-{}">{}</mark>', number, sentence.rstrip())
        done = start + len(sentence.rstrip())
    yield html("{}", text[done:])


def _more(number: int, characters: int) -> Markup:
    return html(
        '<button type="button" class="more" aria-expanded="false" '
        'aria-controls="passage-{0}-text">'
        '<span class="closed">Show all {1} characters</span>'
        '<span class="opened">Show less</span></button>',
        number,
        f"{characters:,}",
    )


def _use_class(citations: Sequence[Numbered]) -> str:
    if not citations:
        return ""
    return " cited" if citations[0][1].origin == "model" else " cited similar"


def _use(citations: Sequence[Numbered]) -> Markup:
    """In words, for a colour alone tells not everyone."""
    if not citations:
        return Markup("")
    origin = citations[0][1].origin
    return html('<p class="use">{}</p>', "cited" if origin == "model" else "≈ similar")


def _origin(context: Context) -> Markup:
    """How it came to be: which level, of how many leaves, and why."""
    why = context.reason.removeprefix("; ")
    if context.leaves == 1:
        what = f"one leaf: {why}" if why else "one leaf"
    elif why.startswith(f"{context.leaves} leaves"):
        what = f"merged from {why}"
    else:
        what = f"merged from {context.leaves} leaves: {why}".removesuffix(": ")
    return html(
        '<span class="level">level {}</span> <span>{}</span> <span class="size">{}</span>',
        context.level,
        what,
        counted(context.tokens, "token"),
    )


def _score_name(trace: Trace | None) -> str:
    """What the score measures and which way is better, as the trace says."""
    try:
        name = str(trace["merge"].details.get("score", "")) if trace else ""
    except KeyError:
        name = ""
    return name or "higher is better"
