"""The lanes beside each other: a table of figures and a chart of where the time went."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from ..conversation import Run
from ..figures import Figures, figures
from ..view import View
from .lane import letter, status
from .markup import counted, html, joined, seconds

# What differs by less than this is the same.
_CLEARLY = 0.95

_Row = tuple[View, Figures]

# Parts of the time, in the order in which they pass: name, how it is drawn, seconds.
_PARTS: tuple[tuple[str, str, Callable[[Figures], float | None]], ...] = (
    ("finding passages", "finding", lambda row: row.finding),
    ("compressing", "compressing", lambda row: row.compressing),
    ("reading, to the first word", "reading", lambda row: row.reading),
    ("writing", "writing", lambda row: row.writing),
    ("quoting and citing", "citing", lambda row: row.citing),
)


def heading(run: Run) -> str:
    """Above the lanes: the question, and how it was understood."""
    return html(
        '<header class="asked"><h2 dir="auto">{}</h2>{}{}</header>',
        run.asked,
        _understood(run),
        html('<p class="notice" role="note">{}.</p>', run.notice) if run.notice else "",
    )


def comparison(run: Run) -> str:
    """Below the lanes: what each took, as a table and a chart."""
    rows = [(view, figures(view, run.views)) for view in run.views]
    return html(
        '<section class="comparison" aria-labelledby="comparison-title">'
        '<h2 id="comparison-title">What it took</h2><p class="facts">{facts}</p>'
        "{table}{chart}</section>",
        facts=_facts(run),
        table=_table(rows),
        chart=_chart(rows),
    )


def _facts(run: Run) -> str:
    """What the lanes had in common, and what none of them is charged for."""
    budget = run.options.get("budget")
    facts = [
        f"budget {budget:,} tokens" if budget else "",
        f"search: {run.options['search']}" if run.options.get("search") else "",
        run.model,
        run.scope,
        f"{run.began:%d %b %Y, %H:%M}",
        f"preparing took {seconds(run.preparing)}, which is not counted" if run.preparing else "",
    ]
    return " · ".join(filter(None, facts))


def _understood(run: Run) -> Markup:
    """What became of a follow-up question, and how."""
    if run.condensed is None:
        return Markup("")
    stage = run.condensed
    return html(
        '<p class="understood"><b>{verb}</b> {question} <small>{how} · {spent}</small></p>',
        verb="Understood as" if run.question != run.asked else "Searched for as it is",
        question=run.question if run.question != run.asked else "",
        how="; ".join(stage.details.notes),
        spent=f"{seconds(stage.seconds)}, {counted(stage.llm_calls, 'LLM call')}",
    )


def _table(rows: Sequence[_Row]) -> Markup:
    columns: tuple[tuple[str, Callable[[Figures], float | None], Callable[[float], str]], ...] = (
        ("first word", lambda row: row.first_word, seconds),
        ("total", lambda row: row.total, seconds),
        ("LLM calls", lambda row: row.llm_calls, _whole),
        ("LLM tokens in", lambda row: row.llm_tokens_in or None, _whole),
        ("LLM tokens out", lambda row: row.llm_tokens_out or None, _whole),
        ("context tokens", lambda row: row.context_tokens, _whole),
        ("passages", lambda row: row.passages, _whole),
        ("cited", lambda row: row.cited, _whole),
        ("≈ similar", lambda row: row.similar, _whole),
        ("text found here only", lambda row: row.alone, lambda share: f"{share:.0%}"),
    )
    # Less is better of these; of the others it depends.
    sparing = {"first word", "total", "LLM tokens in", "context tokens"}
    done = len(rows) > 1 and all(not view.busy for view, _ in rows)
    best = {
        name: _least(
            [value for view, row in rows if view.answer and (value := get(row)) is not None]
        )
        for name, get, _ in columns
        if done and name in sparing
    }
    head = joined(html('<th scope="col">{}</th>', name) for name, _, _ in columns)
    body = joined(
        html(
            '<tr><th scope="row"><span class="letter" aria-hidden="true">{}</span> {}'
            "<small>{}</small></th>{}</tr>",
            letter(view.lane),
            view.pattern,
            status(view),
            joined(
                _cell(
                    name,
                    get(row),
                    shown,
                    least=bool(view.answer) and best.get(name) == get(row) is not None,
                )
                for name, get, shown in columns
            ),
        )
        for view, row in rows
    )
    return html(
        '<div class="scroll" role="region" aria-label="Comparison" tabindex="0">'
        '<table class="lanes"><thead><tr><th scope="col">pattern</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        head,
        body,
    )


def _least(values: Sequence[float]) -> float | None:
    """The least of some values, if it is clearly less than every other."""
    least, *others = sorted(values) or [0.0]
    return least if others and least < _CLEARLY * others[0] else None


def _cell(name: str, value: float | None, shown: Callable[[float], str], *, least: bool) -> Markup:
    if value is None:
        return html(
            '<td class="none" data-label="{}"><span role="img" aria-label="not known">–</span>'
            "</td>",
            name,
        )
    if least:
        return html(
            '<td class="least" data-label="{}">{}<span class="sr"> (lowest)</span></td>',
            name,
            shown(value),
        )
    return html('<td data-label="{}">{}</td>', name, shown(value))


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _chart(rows: Sequence[_Row]) -> Markup:
    """A bar for each lane, as long as its time, divided by what it was spent on."""
    spent = [
        sum(get(row) or 0.0 for _, _, get in _PARTS) if row.total is not None else 0.0
        for _, row in rows
    ]
    longest = max(spent, default=0.0)
    if not longest:
        return Markup("")
    bars = joined(
        html(
            '<li><span class="name">{letter} <span>{name}</span></span>'
            '<span class="bar" role="img" aria-label="{label}">{parts}</span>'
            '<span class="sum">{sum}</span></li>',
            letter=letter(view.lane),
            name=view.pattern,
            label=_told(row) or "no answer",
            parts=joined(
                html('<i class="{}" style="width: {}%"></i>', kind, f"{100 * value / longest:.2f}")
                for _, kind, get in _PARTS
                if (value := get(row)) and row.total is not None
            ),
            sum=seconds(total) if total else "–",
        )
        for (view, row), total in zip(rows, spent, strict=True)
    )
    used = [(name, kind) for name, kind, get in _PARTS if any(get(row) for _, row in rows)]
    legend = joined(html('<li><i class="{}"></i>{}</li>', kind, name) for name, kind in used)
    return html(
        '<figure class="chart"><figcaption>Where the time went</figcaption><ul class="bars">{}</ul>'
        '<ul class="legend" aria-hidden="true">{}</ul></figure>',
        bars,
        legend,
    )


def _told(row: Figures) -> str:
    """What a bar shows, in words."""
    parts = [(name, get(row)) for name, _, get in _PARTS]
    return ", ".join(f"{name} {seconds(value)}" for name, value in parts if value)
