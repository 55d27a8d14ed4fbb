"""The answer with its citations, and what is shown where there is none."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from app.page.render.markup import counted, html, joined, seconds
from app.page.view import View
from indexes.answers import Answer, Citation


def answer(view: View) -> str:
    """The card that holds the answer, in every phase."""
    if view.phase == "idle":
        return ""
    return html(
        '<section class="card answer {phase}" aria-label="Answer" aria-busy="{busy}">'
        '<p class="asked">{question}</p>{body}{error}{foot}</section>',
        phase=view.phase,
        busy="true" if view.busy else "false",
        question=view.question,
        body=_body(view),
        error=_error(view),
        foot=_foot(view.answer) if view.answer else Markup(""),
    )


def status(view: View, model: str) -> str:
    """What is going on, in one line; screen readers read it out as it changes."""
    match view.phase:
        case "idle":
            text = ""
        case "searching":
            text = "Searching the documents…"
        case "writing":
            found = counted(len(view.contexts), "passage")
            text = f"{found} found. {model} is {'writing' if view.text else 'reading them'}…"
        case "stopped":
            text = "Stopped."
        case "failed":
            text = "No answer."
        case "done" if view.answer:
            text = f"Done in {seconds(view.answer.trace.total('seconds'))}."
        case _:
            text = "Done."
    busy = "busy" if view.busy else ""
    return html('<p class="status {}" role="status">{}</p>', busy, text)


def cited(text: str, citations: Sequence[Citation]) -> Markup:
    """The answer's text with a link to the passage at each citation.

    A number that the model wrote becomes the link itself. Where a passage was matched by
    similarity, the link follows the sentence, with a sign of its own.
    """
    places: dict[tuple[int, int], list[tuple[int, Citation]]] = defaultdict(list)
    for number, citation in enumerate(citations):
        place = (
            (citation.answer_start, citation.answer_end)
            if citation.origin == "model"
            else (citation.answer_end, citation.answer_end)
        )
        places[place].append((number, citation))
    return joined(_pieces(text, places))


def _pieces(
    text: str, places: dict[tuple[int, int], list[tuple[int, Citation]]]
) -> Iterator[Markup]:
    done = 0
    for (start, end), found in sorted(places.items(), key=lambda item: item[0]):
        # Glue the links to the word before: a line must not begin with one.
        yield html("{}", text[done:start].rstrip(" ") if end > start else text[done:start])
        yield joined(_link(number, citation) for number, citation in found)
        done = end
    yield html("{}", text[done:])


def _link(number: int, citation: Citation) -> Markup:
    similar = citation.origin != "model"
    return html(
        '<a class="cite{kind}" href="#passage-{passage}" data-passage="passage-{passage}" '
        'data-mark="cited-{number}" aria-label="{label}">{sign}{passage}</a>',
        kind=" similar" if similar else "",
        passage=citation.context,
        number=number,
        sign="≈" if similar else "",
        label=f"passage {citation.context}, {'matched by similarity' if similar else 'cited'}",
    )


def _body(view: View) -> Markup:
    if view.phase == "searching" or (view.phase == "writing" and not view.text):
        return html('<div class="waiting" aria-hidden="true"><i></i><i></i><i></i></div>')
    if view.unanswered:
        return html(
            '<p class="nothing">The documents do not say.</p><p class="hint">{}</p>',
            "The passages below were read, and the answer is not in them. "
            "Other words or another pattern may find it elsewhere."
            if view.contexts
            else "Nothing was found, so the model was not asked. Are there documents to search?",
        )
    if not view.text.strip():
        empty = view.phase == "done"
        return html('<p class="hint">The model answered with nothing.</p>' if empty else "")
    citations = view.answer.citations if view.answer else []
    writing = html('<span class="caret" aria-hidden="true"></span>' if view.busy else "")
    return html(
        '<div class="text">{}{}</div>{}',
        cited(view.text, citations),
        writing,
        _note(view.answer) if view.answer else Markup(""),
    )


def _note(done: Answer) -> Markup:
    """What the links mean, where that is not plain."""
    if not done.citations:
        text = "The model cited nothing, and no passage says the same in similar words."
    elif done.citations[0].origin == "model":
        return Markup("")
    else:
        text = (
            "Matched by similarity: the model cited nothing. "
            "≈ leads to the sentence that is closest to what it wrote."
        )
    return html('<p class="hint">{}</p>', text)


def _error(view: View) -> Markup:
    if not view.error:
        return Markup("")
    return html('<p class="notice error" role="alert">{}</p>', view.error)


def _foot(done: Answer) -> Markup:
    try:
        model = str(done.trace["answer"].details.get("model", ""))
    except KeyError:
        model = ""
    tokens = sum(context.tokens for context in done.contexts)
    facts = [
        f"pattern {done.pattern}",
        model,
        f"{counted(len(done.contexts), 'passage')}, {counted(tokens, 'token')}",
        seconds(done.trace.total("seconds")),
    ]
    items = joined(html("<li>{}</li>", fact) for fact in facts if fact)
    return html('<ul class="facts" aria-label="About this answer">{}</ul>', items)
