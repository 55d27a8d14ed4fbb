"""One lane: its answer with citations, and what is shown where there is none."""

from collections import defaultdict
from collections.abc import Sequence

from markupsafe import Markup

from indexes import Answer, Citation, Context
from indexes.details import CiteDetails
from indexes.lanes import LaneInfo

from ..view import View
from .markup import html
from .places import Place, place_of
from .rich import rich
from .support import marks, quotes, tally

_ENDED = {"length": "cut short", "thinking": "no answer, only thinking", "broken": "broke off"}


def lane(view: View, info: LaneInfo, advice: str = "") -> str:
    """Draw a lane in any phase: its name, quotes and answer; `advice` warns of a weak model."""
    return html(
        '<section class="answer {phase}" aria-labelledby="lane{lane}-title" aria-busy="{busy}">'
        '<header><span class="letter" aria-hidden="true">{letter}</span>'
        '<h3 id="lane{lane}-title"><span class="sr">Lane {lane}: </span>{name}</h3>'
        '<p class="status" role="status">{status}</p><p class="about">{summary}</p></header>'
        "{body}{error}</section>",
        phase=view.phase,
        lane=view.lane,
        busy="true" if view.busy else "false",
        letter=letter(view.lane),
        name=view.pattern,
        summary=summary(info),
        status=status(view),
        body=html("{}{}{}", quotes(view), _thinking(view), _body(view, advice)),
        error=_error(view),
    )


def summary(info: LaneInfo) -> str:
    """What a lane does, and whose it is where it is not ours."""
    return info.summary if info.ours else f"{info.framework}: {info.summary}"


def in_a_line(info: LaneInfo) -> str:
    """The same in as few words as where several are listed together allow."""
    first, *then = info.name.split("+")
    return ", then ".join([first.capitalize(), *then]) + "." if then else summary(info)


def letter(lane_number: int) -> str:
    """How a lane is called where its name is too long: A, B, C, D."""
    return "ABCD"[(lane_number - 1) % 4]


def status(view: View) -> str:
    """What is going on, in a word or two; screen readers read it out as it changes."""
    if view.busy and view.awaits:
        return view.awaits
    match view.phase:
        case "waiting":
            return "waiting for a turn"
        case "searching":
            return "searching"
        case "writing":
            if view.text:
                return "writing"
            return "thinking" if view.thinking else "reading"
        case "stopped":
            return "stopped"
        case "failed":
            return "no answer"
        case "done" if view.answer and view.answer.finish != "stop":
            return _ENDED[view.answer.finish]
        case "done":
            if view.unanswered:
                return "not all documents are in" if view.partial else "not in the documents"
            return "done"
        case _:
            return ""


def cited(
    text: str,
    citations: Sequence[Citation],
    lane_number: int,
    contexts: Sequence[Context] = (),
    *,
    signs: Sequence[tuple[int, Markup]] = (),
    writing: bool = False,
) -> Markup:
    """The answer as its Markdown means it, with a link to the passage at each citation.

    A number that the model wrote becomes the link itself. Where a passage was matched by
    similarity, the link follows the sentence, with a sign of its own.
    """
    # What the model wrote there goes, and links take its place.
    gone: list[tuple[int, int]] = []
    links: dict[int, list[Markup]] = defaultdict(list)
    for number, citation in enumerate(citations):
        written = citation.origin == "model"
        place = citation.answer_start if written else citation.answer_end
        if written and (not gone or gone[-1][0] != citation.answer_start):
            gone.append((citation.answer_start, citation.answer_end))
        links[place].append(
            _link(number, citation, lane_number, place_of(citation, contexts, text))
        )
    for place, sign in signs:
        links[place].append(sign)
    kept: list[str] = []
    moved: dict[int, list[Markup]] = {}
    done = length = 0
    for start, end in [*sorted(gone), (len(text), len(text))]:
        kept.append(text[done:start])
        for place in [place for place in links if done <= place <= start]:
            moved.setdefault(length + place - done, []).extend(links.pop(place))
        length += max(0, start - done)
        done = max(done, end)
    if writing:
        moved.setdefault(length, []).append(_CARET)
    return rich("".join(kept), moved)


_CARET = html('<span class="caret" aria-hidden="true"></span>')


def _link(number: int, citation: Citation, lane_number: int, place: Place) -> Markup:
    similar = citation.origin != "model"
    return html(
        '<a class="cite{kind}" href="#lane{lane}-passage-{passage}" {place} '
        'data-passage="lane{lane}-passage-{passage}" data-mark="lane{lane}-cited-{number}" '
        'aria-label="{label}">{sign}{passage}</a>',
        kind=" similar" if similar else "",
        lane=lane_number,
        passage=citation.context,
        number=number,
        place=place.attributes,
        sign="≈" if similar else "",
        label=f"passage {citation.context}, {'matched by similarity' if similar else 'cited'}",
    )


def _body(view: View, advice: str) -> Markup:
    if view.phase in ("waiting", "searching") or (view.phase == "writing" and not view.text):
        return html('<div class="waiting" aria-hidden="true"><i></i><i></i><i></i></div>')
    if view.unanswered and view.partial:
        return html(
            '<p class="nothing">Nothing was found yet.</p><p class="hint">{}. Ask again when '
            "they are in.</p>",
            view.partial,
        )
    if view.unanswered:
        return html(
            '<p class="nothing">The documents do not say.</p><p class="hint">{}</p>',
            "The model read the passages below and did not find the answer in them. "
            "Another pattern, or other words, may look elsewhere."
            if view.contexts
            else "Nothing was found, so the model was not asked. Are there documents to search?",
        )
    if not view.text.strip():
        match view.phase:
            case "done" if view.answer and view.answer.finish_note:
                return _ended(view)
            case "done":
                text = "The model answered with nothing."
            case "stopped":
                text = "Stopped before the first word."
            case _:
                text = ""
        return html('<p class="hint">{}</p>', text) if text else Markup("")
    citations = view.answer.citations if view.answer else []
    text = cited(
        view.text,
        citations,
        view.lane,
        view.contexts,
        signs=marks(view.answer),
        writing=view.busy,
    )
    weak = html('<p class="hint weak">{}.</p>', advice) if advice and view.answer else Markup("")
    return html(
        '<div class="text">{}</div>{}{}{}{}',
        text,
        _ended(view),
        tally(view.answer),
        _note(view.answer) if view.answer else Markup(""),
        weak,
    )


def _thinking(view: View) -> Markup:
    """What the model thought, folded."""
    if not view.thinking.strip():
        return Markup("")
    return html(
        '<details class="thinking"><summary>Thinking</summary><div>{}</div></details>',
        view.thinking.strip(),
    )


def _ended(view: View) -> Markup:
    """That an answer is not whole, and what to do about it."""
    note = view.answer.finish_note if view.answer else ""
    if not note:
        return Markup("")
    return html('<p class="notice" role="note">{}.</p>', note[0].upper() + note[1:])


def _note(done: Answer) -> Markup:
    """What the links mean, where that is not plain."""
    details = done.trace.all(CiteDetails)
    refused = bool(details and details[-1].refused)
    if done.citations and all(one.origin == "model" for one in done.citations):
        return Markup("")
    text = (
        "A passage that the model cited lacks the figures" if refused else "The model cited nothing"
    )
    if done.citations:
        text += ": ≈ leads to the sentence closest to what it wrote."
    else:
        text += ", and no passage says the same in similar words."
    return html('<p class="hint">{}</p>', text)


def _error(view: View) -> Markup:
    if not view.error:
        return Markup("")
    return html('<p class="notice error" role="alert">{}</p>', view.error)
