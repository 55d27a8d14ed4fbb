"""Advice for people: a few lines, and a page in Markdown."""

from indexes.evaluation.advice.advice import Advice, Point
from indexes.evaluation.advice.choosing import BEND
from indexes.evaluation.advice.deciding import Decision


def in_words(advice: Advice) -> str:
    """What to take and how sure that is."""
    asked = advice.chose + advice.confirmed
    named = "did best of all that was tried"
    if advice.decided:
        lines = [
            f"Take {advice.recommended}, with {advice.budget:,} tokens of context.",
            f"It {named} on {advice.chose} questions and, on {advice.confirmed} others, beats "
            f"{advice.reference} by {_by(advice.decision)} of recall.",
        ]
        beaten = [
            str(rival) for rival, found in advice.rivals
            if found.better and rival != advice.reference
        ]  # fmt: skip
        if beaten:
            lines.append(f"It also beats {_joined(beaten)}.")
        if alike := [str(rival) for rival, found in advice.rivals if not found.better]:
            lines.append(f"Not told apart from it: {_joined(alike)}.")
    else:
        lines = [
            f"Not decided by these {asked} questions: keep {advice.recommended}, with "
            f"{advice.budget:,} tokens of context.",
            f"{advice.winner} {named} on {advice.chose} of them; on the {advice.confirmed} others "
            f"it differs from {advice.reference} by {_by(advice.decision)} of recall.",
        ]
        lines.append(_more(advice))
    return "\n".join([*lines, *_bend(advice)])


def markdown(advice: Advice) -> str:
    """The whole report: what to take, curves, rivals, kinds of documents, how it was done."""
    parts = ["# Settings for these documents", *in_words(advice).splitlines()]
    parts += ["## The settings file", f"```json\n{_settings(advice)}\n```"]
    parts += ["## Recall by budget", _curves(advice)]
    parts.append(
        f"On the {advice.confirmed} questions that had no part in the choice, with 95% intervals "
        "over documents drawn at random."
    )
    parts += [f"## What recalls most for its {_currency(advice)}", _frontier(advice)]
    parts.append(
        "*Elsewhere* is the share of what was delivered that is of documents without evidence. "
        "Tokens are what is read for a question: the context, and what a judge reads."
    )
    parts += [f"## {advice.winner} against the others", _rivals(advice)]
    if advice.kinds:
        parts += ["## By kind of document", _kinds(advice)]
    parts += ["## How it was chosen", *_how(advice)]
    return "\n\n".join(parts) + "\n"


def _by(found: Decision) -> str:
    return f"{found.by.mean:+.3f} [{found.by.low:+.3f}, {found.by.high:+.3f}]"


def _more(advice: Advice) -> str:
    if advice.more_questions is None:
        return "As far as can be seen the two are as good as equal."
    if advice.more_questions == 0:
        return "A few more questions may settle it."
    return f"About {advice.more_questions:,} more questions like these would settle it."


def _bend(advice: Advice) -> list[str]:
    if advice.bends is None:
        return []
    if advice.bends:
        return [f"Beyond that a doubling of the budget wins less than {BEND:.2f} of recall."]
    return ["Recall still rises at the largest budget that was tried."]


def _settings(advice: Advice) -> str:
    import json

    return json.dumps(advice.settings, indent=2)


def _curves(advice: Advice) -> str:
    budgets = [point.budget for point in advice.curves[0]]
    rows = [["setting", *(f"{budget:,}" for budget in budgets)]]
    rows += [
        [str(curve[0].variant), *(str(point.recall) for point in curve)] for curve in advice.curves
    ]
    return _table(rows)


def _frontier(advice: Advice) -> str:
    priced = _priced(advice)
    rows = [["setting", "budget", "recall", "tokens read", "elsewhere"]]
    rows[0] += ["cost, 1,000 questions"] if priced else []
    for point in advice.frontier:
        row = [str(point.variant), f"{point.budget:,}", f"{point.recall.mean:.3f}"]
        row += [f"{point.tokens:,.0f}", f"{point.elsewhere:.0%}"]
        rows.append([*row, *([_cost(point)] if priced else [])])
    worth = advice.worth
    return (
        f"{_table(rows)}\n\nBeyond {worth.variant} with {worth.budget:,} tokens, twice the "
        f"{_currency(advice)} wins less than {BEND:.2f} of recall, if anything."
    )


def _rivals(advice: Advice) -> str:
    rows = [["against", "recall won", "beyond chance", "questions it would take"]]
    for rival, found in advice.rivals:
        total = found.needed.total
        rows.append(
            [str(rival), _by(found), "yes" if found.better else "no",
             "–" if total is None else f"{2 * total:,}"]
        )  # fmt: skip
    return _table(rows)


def _kinds(advice: Advice) -> str:
    rows = [["documents", "questions", f"recall won over {advice.reference}", "beyond chance"]]
    rows += [
        [
            kind.name,
            str(kind.questions),
            _by(kind.decision),
            "yes" if kind.decision.better else "no",
        ]
        for kind in advice.kinds
    ]
    return _table(rows)


def _how(advice: Advice) -> list[str]:
    rounds = "; ".join(f"{asked} questions, {count} settings" for asked, count in advice.rounds)
    said = [
        f"Successive halving: {rounds}. The winner's figures are of {advice.confirmed} other "
        "questions. What is beyond chance passes a randomisation test, corrected for how many "
        "claims there are; if nothing differs, at most 2 recommendations in 100 are false."
    ]
    if advice.dropped is not None:
        told = ", ".join(f"{reason}: {count}" for reason, count in advice.dropped.items()) or "none"
        said.append(
            f"The {len(advice.questions)} questions were drafted by a language model, and nobody "
            f"has reviewed them. Drafts that were left out: {told}."
        )
    said += [f"{name} failed: {error}" for name, error in advice.errors.items()]
    return said


def _priced(advice: Advice) -> bool:
    return any(point.cost for point in advice.frontier)


def _currency(advice: Advice) -> str:
    return "money" if _priced(advice) else "tokens"


def _cost(point: Point) -> str:
    return f"{point.cost:.2f}"


def _table(rows: list[list[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    rule = "|" + "---|" * len(rows[0])
    return "\n".join([head, rule, *body])


def _joined(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
