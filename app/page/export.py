"""A comparison as a file: Markdown for people, JSON for programs."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from indexes import Context
from indexes.answers import passages_of

from .conversation import Run
from .figures import Figures, figures
from .render.markup import pages, seconds
from .view import View
from .votes import Standing

_MARKS = re.compile(r"([\\`*_{}\[\]<>#+!|~-])")
_COLUMNS = (
    "pattern",
    "first word",
    "total",
    "LLM calls",
    "LLM tokens in",
    "LLM tokens out",
    "context tokens",
    "passages",
    "cited",
    "≈ similar",
)


def as_file(kind: str, run: Run, votes: Sequence[Standing] = ()) -> dict[str, str]:
    """What a browser is given to save: name, media type, text; Markdown for `md`, else JSON."""
    if kind == "md":
        text = as_markdown(run, votes)
        return {"name": "comparison.md", "kind": "text/markdown", "text": text}
    return {"name": "comparison.json", "kind": "application/json", "text": as_json(run, votes)}


def as_json(run: Run, votes: Sequence[Standing] = ()) -> str:
    """The run with everything behind it; each answer as `ask --json` prints it."""
    return json.dumps(
        {
            "question": run.asked,
            "understood_as": run.question,
            "asked_at": run.began.astimezone().isoformat(timespec="seconds"),
            "model": run.model,
            "documents": run.scope,
            "notice": run.notice or None,
            "preparing_seconds": run.preparing,
            "vote": {"blind": True, "chosen": run.vote} if run.blind else None,
            "judged": run.judged or None,
            "votes": [asdict(one) for one in votes],
            "settings": {name: value for name, value in run.options.items() if name != "filters"},
            "lanes": [_lane(run, view) for view in run.views],
        },
        ensure_ascii=False,
        indent=2,
    )


def _lane(run: Run, view: View) -> dict[str, Any]:
    return {
        "pattern": view.pattern,
        "phase": view.phase,
        "error": view.error or None,
        "figures": asdict(figures(view, run.views)),
        "answer": view.answer.to_json() if view.answer else {"answer": view.text},
    }


def as_markdown(run: Run, votes: Sequence[Standing] = ()) -> str:
    """The table, then each answer with its passages."""
    rows = [(view, figures(view, run.views)) for view in run.views]
    lines = [f"# {_plain(run.asked)}", ""]
    if run.question != run.asked:
        lines += [f"Understood as: {_plain(run.question)}", ""]
    budget = run.options.get("budget")
    about = [
        f"{run.began:%d %b %Y, %H:%M}",
        run.model,
        run.scope,
        f"budget {budget:,} tokens" if budget else "",
        run.notice,
    ]
    lines += [_plain(" · ".join(filter(None, about))), ""]
    lines += [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    lines += [_row(_figures(view, row)) for view, row in rows]
    if run.vote is not None:
        voted = ", ".join(run.vote) or "none of the answers"
        lines += ["", f"Blind vote: {_plain(voted)}."]
    if run.judged:
        lines += ["", _plain(run.judged)]
    lines += [
        f"{_plain(one.pattern)}: chosen {one.chosen} of {one.shown} times, "
        f"{one.share:.0%} ({one.low:.0%} to {one.high:.0%})."
        for one in votes
    ]
    for view in run.views:
        lines += ["", f"## {_plain(view.pattern)}", "", _plain(view.text.strip() or view.error)]
        if view.answer and view.answer.finish_note:
            lines += ["", f"*{_plain(view.answer.finish_note)}*"]
        lines += [""] if view.contexts else []
        lines += [
            f"{number}. {_plain(parts[0].title or parts[0].document)}, "
            f"{_plain(_page(parts[0]))}characters "
            f"{parts[0].start}–{parts[-1].end}: "
            + " … ".join(_plain(" ".join(part.text.split())) for part in parts)
            for number, parts in passages_of(view.contexts).items()
        ]
    return "\n".join(lines) + "\n"


def _page(context: Context) -> str:
    where = context.place or pages(context.pages)
    return f"{where}, " if where else ""


def _figures(view: View, row: Figures) -> list[str]:
    return [
        _plain(view.pattern),
        *("–" if value is None else seconds(value) for value in (row.first_word, row.total)),
        *(
            "–" if value is None else f"{value:,}"
            for value in (
                row.llm_calls,
                row.llm_tokens_in,
                row.llm_tokens_out,
                row.context_tokens,
                row.passages,
                row.cited,
                row.similar,
            )
        ),
    ]


def _row(cells: "list[str] | tuple[str, ...]") -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is: documents and models write tricks."""
    return _MARKS.sub(r"\\\1", text)
