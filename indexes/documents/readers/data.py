"""JSON and JSON lines, as a person would write them: `tenant.name: Ann`; records as a table."""

import json
from collections.abc import Iterator
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Paragraph, Table, table_of
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.report import ReadingReport

_DEEPEST = 100
_WIDEST = 60
_LONGEST_CELL = 200
_TITLES = ("title", "name", "subject", "headline")


def read(data: bytes, reading: Reading) -> Extracted:
    """The values of a JSON file.

    Raises:
        UnreadableError: it is no JSON, or nested absurdly deep.
    """
    report = ReadingReport()
    text = decode(data).told(report).removeprefix("\ufeff")
    try:
        value = _loaded(text)
    except UnreadableError as error:
        try:
            value = _lines(text, report)  # JSON lines under another name
        except UnreadableError:
            raise error from None
    return _assembled(value, reading, report)


def read_lines(data: bytes, reading: Reading) -> Extracted:
    """The values of a file with one JSON value a line; lines that are none are reported.

    Raises:
        UnreadableError: no line is JSON.
    """
    report = ReadingReport()
    return _assembled(
        _lines(decode(data).told(report).removeprefix("\ufeff"), report), reading, report
    )


def _assembled(value: Any, reading: Reading, report: ReadingReport) -> Extracted:
    title = None
    if isinstance(value, dict):
        title = next((str(value[key]) for key in _TITLES if isinstance(value.get(key), str)), None)
    return assemble(
        _blocks(value), max_characters=reading.max_characters, title=title, report=report
    )


def _loaded(text: str) -> Any:
    try:
        # Numbers stay as they are written.
        return json.loads(text, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise UnreadableError("is nested absurdly deep: flatten it") from error
    except ValueError as error:
        raise UnreadableError(f"is no JSON ({error}): correct it") from error


def _lines(text: str, report: ReadingReport) -> list[Any]:
    values: list[Any] = []
    first: UnreadableError | None = None
    bad = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values.append(_loaded(line))
        except UnreadableError as error:
            first = first or error
            bad += 1
            if bad <= 5:
                report.unreadable.append(f"line {number} is no JSON")
    if first is not None and bad > len(values):
        raise first
    if bad > 5:
        report.unreadable.append(f"{bad - 5} more lines are no JSON")
    return values


def _blocks(value: Any) -> Iterator[Block]:
    if isinstance(value, list) and (table := _records(value)) is not None:
        yield table
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield Paragraph("\n".join(_flat(item, "", 0)))
            else:
                yield from _blocks(item) if isinstance(item, list) else [Paragraph(_said(item))]
    elif isinstance(value, dict):
        lines: list[str] = []
        for key, item in value.items():
            table = _records(item) if isinstance(item, list) else None
            if table is None:
                lines += _flat(item, str(key), 1)
                continue
            yield Paragraph("\n".join([*lines, f"{key}:"]))
            yield table
            lines = []
        yield Paragraph("\n".join(lines))
    else:
        yield Paragraph(_said(value))


def _records(values: list[Any]) -> Table | None:
    """A list of flat records as a table; None if it is none."""
    if len(values) < 2 or not all(isinstance(value, dict) and value for value in values):
        return None
    columns = list(dict.fromkeys(key for value in values for key in value))
    if len(columns) > _WIDEST:
        return None
    rows = [[value.get(column) for column in columns] for value in values]
    if any(
        isinstance(cell, (dict, list)) or len(_said(cell)) > _LONGEST_CELL
        for row in rows
        for cell in row
    ):
        return None
    return table_of([columns, *([_said(cell) for cell in row] for row in rows)])


def _flat(value: Any, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise UnreadableError("is nested absurdly deep: flatten it")
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        if any(isinstance(item, (dict, list)) for item in value):
            for at, item in enumerate(value, 1):
                yield from _flat(item, f"{path}[{at}]", depth + 1)
        elif value:
            yield f"{path}: {', '.join(map(_said, value))}"
    elif value is not None and value != "":
        yield f"{path}: {_said(value)}"


def _said(value: Any) -> str:
    return (
        ""
        if value is None
        else {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value)
    )
