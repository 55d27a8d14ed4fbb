"""Prints an answer: quotes first, words as they come, then sources and unsupported sentences."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from .console import err, out, printable

if TYPE_CHECKING:
    from indexes import Answer, Quote
    from indexes.answers import Event

_SIGNS = {"partly": "~", "unsupported": "✗"}


def print_answer(events: "Iterator[Event]", verbose: bool, advice: str = "") -> "Answer":
    """Print an answer while it is written, then its sources.

    Args:
        events: a question's stream of events
        verbose: also print the model's thoughts
        advice: printed below a written answer; what its model is worth
    """
    from indexes import Answer, Quoted, Thought, Word

    shown = ""
    for event in events:
        if isinstance(event, Quoted):
            _print_quotes(event.quotes)
        elif isinstance(event, Word):
            if not shown and verbose:
                out.print()
            shown += event.text
            out.print(printable(event.text), end="")
        elif isinstance(event, Thought) and verbose:
            out.print(printable(event.text, "dim"), end="")
        elif isinstance(event, Answer):
            if shown:
                out.print()
                _print_whole(event, shown)
            elif not event.quotes:
                out.print(printable(event.answer))
            if shown and advice:
                err.print(printable(f"note: {advice}", "yellow"), soft_wrap=True)
            if event.evidence and not event.evidence.found:
                line = f"no evidence found: {event.evidence.why}"
                err.print(printable(line, "yellow"), soft_wrap=True)
            _print_sources(event)
            return event
    raise AssertionError("a stream ends with its answer")


def _print_quotes(quotes: "list[Quote]") -> None:
    for quote in quotes:
        if quote.header:
            out.print(printable(f"  {quote.header}", "dim"), soft_wrap=True)
        text = " ".join(quote.text.split()) if "|" not in quote.text else quote.text
        out.print(printable(f"“{text}”"), soft_wrap=True)
        place = f", {quote.place}" if quote.place else ""
        # One that is in no passage has no number.
        number = f"[{quote.context}] " if quote.context else ""
        out.print(printable(f"  {number}{quote.document}{place}", "dim"), soft_wrap=True)
    if quotes:
        out.print()


def _print_whole(answer: "Answer", shown: str) -> None:
    # What seemed to be its beginning may turn out to be thoughts.
    if shown.strip() != answer.answer.strip():
        out.print(Text("\nThat was the model's thinking. Its answer:\n", "dim")
                  + printable(answer.answer))  # fmt: skip
    doubtful = [one for one in answer.support if one.verdict in _SIGNS]
    if doubtful:
        out.print()
    for one in doubtful:
        said = " ".join(answer.answer[one.start : one.end].split())
        said = said if len(said) <= 80 else said[:79] + "…"
        line = printable(f"{_SIGNS[one.verdict]} {one.verdict}: ", "yellow")
        out.print(line + printable(f"{said} ({one.why})"), soft_wrap=True)


def _print_sources(answer: "Answer") -> None:
    cited = {citation.context: citation.origin for citation in answer.citations}
    out.print()
    for context in answer.contexts:
        place = f", {context.place}" if context.place else ""
        merged = f", {context.leaves} leaves" if context.leaves > 1 else ""
        origin = cited.get(context.number)
        note = {"model": "  cited", "similarity": "  ≈ similar"}.get(origin or "", "")
        line = printable(f"[{context.number}] {context.document}{place}  ")
        line += Text(f"{context.start}-{context.end}{merged}, score {context.score:.3f}", "dim")
        out.print(line + Text(note, "green"))
    trace = answer.trace
    if answer.thinking:
        words = len(answer.thinking.split())
        out.print(Text(f"\nthought before, in {words} words: --verbose shows them", "dim"))
    parts = [f"{stage.name} {stage.seconds:.2f} s" for stage in trace.stages]
    tokens_in, tokens_out = trace.total("llm_tokens_in"), trace.total("llm_tokens_out")
    parts.append(f"{tokens_in:.0f} LLM tokens in, {tokens_out:.0f} out")
    out.print(Text(f"\n{answer.pattern}: " + ", ".join(parts), "dim"))
