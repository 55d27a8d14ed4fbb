"""The trace as a table, its totals as the line that opens it."""

from markupsafe import Markup

from app.page.render.markup import counted, html, joined, seconds
from app.page.view import View
from indexes.trace import Stage, Trace

# What a stage says about itself that is worth a line; the rest is for looking deeper.
_NOTES = ("error", "outcome", "left_out")


def trace(view: View) -> str:
    """Every stage of the question's journey; nothing before it has ended."""
    if view.answer is None:
        return ""
    record = view.answer.trace
    rows = joined(_row(stage) for stage in record.stages)
    return html(
        '<details class="trace"><summary><h2>Trace</h2><span class="sum">{summary}</span>'
        '</summary><div class="scroll" role="region" aria-label="Trace" tabindex="0"><table>'
        '<thead><tr><th scope="col">stage</th><th scope="col">time</th>'
        '<th scope="col">nodes<br>in → out</th><th scope="col">context tokens<br>in → out</th>'
        '<th scope="col">LLM<br>calls</th><th scope="col">LLM tokens<br>in → out</th>'
        '<th scope="col">engine<br>round trips</th></tr></thead>'
        "<tbody>{rows}</tbody><tfoot>{totals}</tfoot></table></div></details>",
        summary=summary(record),
        rows=rows,
        totals=_totals(record),
    )


def summary(record: Trace) -> str:
    """The totals in one line."""
    tokens = int(record.total("llm_tokens_in")), int(record.total("llm_tokens_out"))
    parts = [
        counted(len(record.stages), "stage"),
        seconds(record.total("seconds")),
        counted(int(record.total("round_trips")), "engine round trip"),
        counted(int(record.total("llm_calls")), "LLM call"),
    ]
    if any(tokens):
        parts.append(f"{tokens[0]:,} + {tokens[1]:,} LLM tokens")
    return " · ".join(parts)


def _row(stage: Stage) -> Markup:
    notes = [str(stage.details[name]) for name in _NOTES if stage.details.get(name)]
    first_word = stage.details.get("first_word_seconds")
    if isinstance(first_word, float):
        notes.append(f"first word after {seconds(first_word)}")
    return html(
        '<tr><th scope="row">{}{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>'
        "<td>{}</td></tr>",
        stage.name,
        joined(html("<small>{}</small>", note) for note in notes),
        seconds(stage.seconds),
        _flow(stage.nodes_in, stage.nodes_out),
        _flow(stage.tokens_in, stage.tokens_out),
        stage.llm_calls or "",
        _flow(stage.llm_tokens_in or None, stage.llm_tokens_out or None),
        stage.round_trips or "",
    )


def _totals(record: Trace) -> Markup:
    return html(
        '<tr><th scope="row">total</th><td>{}</td><td></td><td></td><td>{}</td><td>{}</td>'
        "<td>{}</td></tr>",
        seconds(record.total("seconds")),
        int(record.total("llm_calls")),
        _flow(
            int(record.total("llm_tokens_in")) or None, int(record.total("llm_tokens_out")) or None
        ),
        int(record.total("round_trips")),
    )


def _flow(before: int | None, after: int | None) -> str:
    if before is None and after is None:
        return ""
    return " → ".join("–" if value is None else f"{value:,}" for value in (before, after))
