"""Output of the commands: a console each for results and errors, JSON, and a progress bar."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

if TYPE_CHECKING:
    from indexes.progress import OnProgress, Progress

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONGEST_NAME = 48


def printable(text: str, style: str = "") -> Text:
    """Text of a document, a model or a file name, without codes that steer a terminal."""
    return Text(_CONTROL.sub("", text), style=style)


def print_json(value: object) -> None:
    """One line of JSON, whatever the terminal: others parse it."""
    click.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def bar(doing: str, unit: str, *, transient: bool = False) -> "Iterator[OnProgress]":
    """Show a progress bar on standard error, moved by what the library reports.

    Args:
        doing: shown until a document or lane is named
        unit: what is counted
        transient: remove the bar at the end
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    # Where lines can't be rewritten, a bar would only be left behind.
    with Bar(*columns, console=err, transient=transient, disable=not err.is_terminal) as shown:
        task = shown.add_task(doing, total=None)

        def show(step: "Progress") -> None:
            if step.event == "failed":
                return
            name = printable(Path(step.what).name or doing).plain[:_LONGEST_NAME]
            if step.event == "page":
                shown.update(task, description=f"{name}, page {step.done} of {step.known}")
                return
            shown.update(task, completed=step.done, total=step.known, description=name)

        yield show
        shown.update(task, description=doing)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "")
