"""Jupyter notebooks: their Markdown, their code and what it printed, as one Markdown text."""

import json
from collections.abc import Iterator
from typing import Any

from indexes.documents.extracted import Extracted, UnreadableError, storable
from indexes.documents.reader import Reading
from indexes.documents.readers import markdown
from indexes.documents.readers.decoding import decode
from indexes.documents.report import ReadingReport

_LONGEST_OUTPUT = 10_000


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a notebook.

    Raises:
        UnreadableError: it is no notebook.
    """
    report = ReadingReport()
    try:
        notebook = json.loads(decode(data).told(report))
        cells = notebook.get("cells") or notebook["worksheets"][0]["cells"]
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        parts = [part for cell in cells for part in _cell(cell, str(language), report)]
    except RecursionError as error:
        raise UnreadableError("is nested absurdly deep: flatten it") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableError("is no notebook: open it in Jupyter and save it again") from error
    found = markdown.scanned(storable("\n\n".join(parts), " "), report)
    if len(found.text) > reading.max_characters:
        raise UnreadableError("holds more text than one document may: split it")
    return found


def _cell(cell: dict[str, Any], language: str, report: ReadingReport) -> Iterator[str]:
    source = _joined(cell.get("source") or cell.get("input") or "")
    if cell.get("cell_type") == "code":
        if source.strip():
            yield f"```{language}\n{source}\n```"
        for output in cell.get("outputs") or ():
            yield from _output(output, report)
    elif source.strip():
        yield source.strip("\n")


def _output(output: dict[str, Any], report: ReadingReport) -> Iterator[str]:
    kind = output.get("output_type")
    found = output.get("data") or output
    if kind == "stream":
        text = _joined(output.get("text") or "")
    elif kind in ("error", "pyerr"):
        text = f"{output.get('ename', '')}: {output.get('evalue', '')}"
    else:
        text = _joined(found.get("text/plain") or found.get("text") or "")
        report.leave_out("pictures", sum(1 for name in found if str(name).startswith("image/")))
    if len(text) > _LONGEST_OUTPUT:
        report.leave_out("outputs that were cut")
        text = text[:_LONGEST_OUTPUT]
    if text.strip():
        yield f"```\n{text.strip(chr(10))}\n```"


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(map(str, source))
