"""What a lane cost: under each answer a strip of figures, and its stages one by one."""

from markupsafe import Markup

from indexes import Trace
from indexes.details import AnswerDetails
from indexes.trace import Stage

from ..figures import Figures
from ..view import View
from .markup import counted, html, joined, seconds


def strip(view: View, known: Figures) -> str:
    """Seconds for each stage, LLM calls, tokens in and out, context tokens."""
    trace = view.answer.trace if view.answer else view.trace
    if not trace.stages:
        return ""
    facts = [
        ("total", _time(known.total, view)),
        ("first word", _time(known.first_word, view)),
        ("LLM calls", str(known.llm_calls)),
        ("LLM tokens", _tokens(known)),
        ("context", counted(known.context_tokens or 0, "token")),
    ]
    cells = joined(html("<div><dt>{}</dt><dd>{}</dd></div>", name, fact) for name, fact in facts)
    stages = joined(
        html("<li><b>{}</b> {}</li>", stage.name, seconds(stage.seconds)) for stage in trace.stages
    )
    return html(
        '<dl class="figures" aria-label="Figures">{}</dl>'
        '<ol class="stages" aria-label="Seconds for each stage">{}</ol>',
        cells,
        stages,
    )


def _tokens(known: Figures) -> str:
    """What models read and wrote; some endpoints don't count."""
    if known.llm_calls and not known.llm_tokens_in:
        return "not known"
    return f"{known.llm_tokens_in:,} → {known.llm_tokens_out:,}"


def _time(value: float | None, view: View) -> str:
    """A duration; of a lane that has ended, one that is not known will not come any more."""
    if value is None:
        return "…" if view.busy else "–"
    return seconds(value)


def stages(trace: Trace) -> Markup:
    """Every stage as a row of a table, with totals."""
    rows = joined(_row(stage) for stage in trace.stages)
    return html(
        '<div class="scroll" role="region" aria-label="Table of stages" tabindex="0">'
        '<table class="stages">'
        '<thead><tr><th scope="col">stage</th><th scope="col">time</th>'
        '<th scope="col">nodes<br>in → out</th><th scope="col">context tokens<br>in → out</th>'
        '<th scope="col">LLM<br>calls</th><th scope="col">LLM tokens<br>in → out</th>'
        '<th scope="col">engine<br>round trips</th></tr></thead>'
        "<tbody>{}</tbody><tfoot>{}</tfoot></table></div>",
        rows,
        _totals(trace),
    )


def _row(stage: Stage) -> Markup:
    details = stage.details
    # Its kind only: what an error says may be for the log.
    failed = [stage.error.partition(":")[0]] if stage.error else []
    notes = [*failed, *details.notes]
    if isinstance(details, AnswerDetails) and details.first_word_seconds is not None:
        notes.append(f"first word after {seconds(details.first_word_seconds)}")
    return html(
        '<tr><th scope="row">{}{}</th><td data-label="time">{}</td>'
        '<td data-label="nodes">{}</td><td data-label="context tokens">{}</td>'
        '<td data-label="LLM calls">{}</td><td data-label="LLM tokens">{}</td>'
        '<td data-label="round trips">{}</td></tr>',
        stage.name,
        joined(html("<small>{}</small>", note) for note in notes),
        seconds(stage.seconds),
        _flow(stage.nodes_in, stage.nodes_out),
        _flow(stage.tokens_in, stage.tokens_out),
        stage.llm_calls or "",
        _flow(stage.llm_tokens_in or None, stage.llm_tokens_out or None),
        stage.round_trips or "",
    )


def _totals(trace: Trace) -> Markup:
    tokens = int(trace.total("llm_tokens_in")), int(trace.total("llm_tokens_out"))
    return html(
        '<tr><th scope="row">total</th><td data-label="time">{}</td><td></td><td></td>'
        '<td data-label="LLM calls">{}</td><td data-label="LLM tokens">{}</td>'
        '<td data-label="round trips">{}</td></tr>',
        seconds(trace.total("seconds")),
        int(trace.total("llm_calls")),
        _flow(tokens[0] or None, tokens[1] or None),
        int(trace.total("round_trips")),
    )


def _flow(before: int | None, after: int | None) -> str:
    if before is None and after is None:
        return ""
    return " → ".join("–" if value is None else f"{value:,}" for value in (before, after))
