"""The passages that a lane gave its model: where each is from, and why it is as it is."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from indexes import Citation, Context, Trace
from indexes.answers import passages_of
from indexes.details import MergeDetails

from ..view import View
from .markup import counted, html, joined, pages
from .places import Place

# Longer passages are folded; about seven lines on a wide screen.
_FOLD_CHARACTERS = 560
_FOLD_LINES = 7

Numbered = tuple[int, Citation]


def passages(view: View) -> str:
    """All passages of a lane, best first, folded away until one is asked for."""
    if not view.contexts:
        return ""
    citations = list(enumerate(view.answer.citations)) if view.answer else []
    groups = numbered(view.contexts)
    # Scores of one method are of one size; some are all far below 1.
    ours = view.trace.find(MergeDetails) is not None
    digits = 2 if max(abs(context.score) for context in view.contexts) >= 1 else 4
    items = joined(
        passage(
            view.lane,
            number,
            parts,
            [item for item in citations if item[1].context == number],
            digits,
            ours=ours,
        )
        for number, parts in groups
    )
    return html(
        '<details class="passages"><summary><h4>{count}</h4> <span>{tokens}</span></summary>'
        '<p class="hint">What the model was given, best first. Score: {score}.{levels}</p>'
        "<ol>{items}</ol></details>",
        count=counted(len(groups), "passage"),
        tokens=counted(sum(context.tokens for context in view.contexts), "token"),
        score=score_name(view.trace) or "higher is better",
        levels=" Level 0 is the largest chunk." if ours else "",
        items=items,
    )


def numbered(contexts: Sequence[Context]) -> list[tuple[int, list[Context]]]:
    """Contexts by the number under which the prompt and citations name them.

    A compressed passage is several contexts of one number, a run of text each.
    """
    return list(passages_of(contexts).items())


def passage(
    lane: int,
    number: int,
    parts: Sequence[Context],
    citations: Sequence[Numbered],
    digits: int = 2,
    *,
    ours: bool = True,
) -> Markup:
    """One passage, which may be several runs of text; `citations` point to it.

    Of one that isn't `ours` nobody knows which level it is of, and how many leaves it is made of.
    """
    first = parts[0]
    length = sum(len(part.text.strip()) for part in parts)
    lines = sum(part.text.count("\n") for part in parts)
    long = length > _FOLD_CHARACTERS or lines >= _FOLD_LINES
    return html(
        '<li><article class="passage{cited}" id="{id}" tabindex="-1" aria-labelledby="{id}-title">'
        '<header><span class="number">{number}</span>'
        '<h5 id="{id}-title">{title}</h5>'
        '<p class="where">{where}</p>{use}<p class="score">score <b>{score}</b></p></header>'
        '<div class="text{fold}" id="{id}-text">{text}</div>{more}{open}'
        '<p class="origin">{origin}</p></article></li>',
        id=f"lane{lane}-passage-{number}",
        number=number,
        cited=_use_class(citations),
        use=_use(citations),
        title=first.title or first.document,
        where=first.place or pages(first.pages) or first.document,
        score=f"{first.score:.{digits}f}",
        text=joined((marked(lane, part, citations) for part in parts), _GAP),
        fold=" folded" if long else "",
        more=_more(f"lane{lane}-passage-{number}", length) if long else Markup(""),
        open=_open(parts),
        origin=_origin(parts, ours=ours),
    )


def _open(parts: Sequence[Context]) -> Markup:
    """Leads to the passage in its document."""
    span = (parts[0].start, parts[-1].end)
    place = Place(parts[0].document_id or parts[0].document, span, span)
    return html(
        '<button type="button" class="more open" {}>Open in the document</button>',
        place.attributes,
    )


_GAP = ' <span class="gap" role="img" aria-label="sentences left out"> … </span> '


def marked(lane: int, context: Context, citations: Sequence[Numbered]) -> Markup:
    """The passage's text with the cited sentences marked.

    A citation of the whole passage marks nothing: the passage itself is what it means.
    """
    return joined(_pieces(lane, context, citations))


def _pieces(lane: int, context: Context, citations: Sequence[Numbered]) -> Iterator[Markup]:
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
        yield html('<mark id="lane{}-cited-{}">{}</mark>', lane, number, sentence.rstrip())
        done = start + len(sentence.rstrip())
    yield html("{}", text[done:])


def _more(passage_id: str, characters: int) -> Markup:
    return html(
        '<button type="button" class="more" aria-expanded="false" aria-controls="{0}-text">'
        '<span class="closed">Show all {1} characters</span>'
        '<span class="opened">Show less</span></button>',
        passage_id,
        f"{characters:,}",
    )


def _use_class(citations: Sequence[Numbered]) -> str:
    if not citations:
        return ""
    return " cited" if citations[0][1].origin == "model" else " cited similar"


def _use(citations: Sequence[Numbered]) -> Markup:
    """What became of a passage, in words: not everyone sees colours."""
    if not citations:
        return Markup("")
    origin = citations[0][1].origin
    return html('<p class="use">{}</p>', "cited" if origin == "model" else "≈ similar")


def _origin(parts: Sequence[Context], *, ours: bool) -> Markup:
    """How it came to be: which level, of how many leaves, and why."""
    context = parts[0]
    why = context.reason.removeprefix("; ")
    if not ours:
        return html(
            '<span class="level">level not known</span> <span>{}</span> '
            '<span class="size">{}</span>',
            why,
            counted(sum(part.tokens for part in parts), "token"),
        )
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
        counted(sum(part.tokens for part in parts), "token"),
    )


def score_name(trace: Trace) -> str:
    """What the score measures and which way is better, as the trace says."""
    merge = trace.find(MergeDetails)
    return merge.score if merge else ""
