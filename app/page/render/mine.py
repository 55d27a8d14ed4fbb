"""A visitor's own questions, and how the patterns do on them, as HTML."""

from collections.abc import Mapping, Sequence

from indexes.evaluation.questions import Question, Reference

from ..trial import BUDGETS, Trial
from .markup import counted, html, in_short, joined

_HINT = (
    "No question has evidence yet. Ask one in Compare, open a source, press “Mark evidence” and "
    "choose its sentences; or import a questions.jsonl."
)


def listed(questions: Sequence[Question], words: Mapping[Reference, str] | None = None) -> str:
    """List a visitor's questions; each piece of evidence links to its place."""
    if not questions:
        return html('<p class="hint">{}</p>', _HINT)
    items = joined(
        html(
            '<li dir="auto"><b>{}</b><ul>{}</ul></li>',
            question.question,
            joined(
                html(
                    '<li><button type="button" class="opens" data-document="{0}" data-start="{1}" '
                    'data-end="{2}" data-from="{1}" data-to="{2}" data-question="{3}">{4}</button> '
                    "<small>{0}</small></li>",
                    place.document,
                    place.start,
                    place.end,
                    question.question,
                    in_short((words or {}).get(place, ""))
                    or f"characters {place.start:,} to {place.end:,}",
                )
                for place in question.references
            ),
        )
        for question in questions
    )
    return html(
        '<section class="mine verdict"><h2>{}</h2><ol>{}</ol></section>',
        counted(len(questions), "question of yours", "questions of yours"),
        items,
    )


def result(trial: Trial) -> str:
    """Recall by budget, with intervals, the best pattern first."""
    if not trial.scores:
        return ""
    head = joined(html('<th scope="col">{} tokens</th>', f"{budget:,}") for budget in BUDGETS)
    rows = joined(
        html(
            '<tr><th scope="row">{}</th>{}</tr>',
            score.pattern,
            joined(
                html(
                    '<td data-label="{} tokens">{} <small>{}</small></td>',
                    f"{budget:,}",
                    f"{one.mean:.0%}",
                    f"{one.low:.0%} to {one.high:.0%}" if trial.questions > 1 else "",
                )
                for budget, one in zip(BUDGETS, score.recall, strict=True)
            ),
        )
        for score in trial.scores
    )
    at_work = trial.done < trial.total
    return html(
        '<section class="mine verdict"><h2>Recall of your evidence</h2>{}'
        '<div class="scroll" role="region" aria-label="Recall by budget" tabindex="0">'
        '<table class="facts recall"><thead><tr><th scope="col">pattern</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
        '<p class="hint">On {}{}</p></section>',
        "" if at_work else html('<div class="told">{}</div>', _advice(trial)),
        head,
        rows,
        counted(trial.questions, "question"),
        ", with 95% intervals." if trial.questions > 1 else ": too few for an interval.",
    )


def _advice(trial: Trial) -> str:
    """Which pattern to take, and how sure that is."""
    if trial.advice is None:
        return html("<p>{}</p>", "Mark evidence for four questions to be told which to take.")
    return joined(html("<p>{}</p>", line) for line in trial.advice.in_words().splitlines())
