"""Charts and diagrams (DrawingML), of Word documents and slides."""

from typing import Any

from openpyxl.styles.numbers import is_date_format
from openpyxl.utils.datetime import from_excel

from indexes.documents.blocks import Table, table_of
from indexes.documents.extracted import one_line
from indexes.documents.readers.shown import shown

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_MOST_POINTS = 10_000


def chart_table(root: Any) -> tuple[str, Table | None]:
    """Read a chart's title and data: a row for each category, a column for each series."""
    title = root.find(f".//{_C}chart/{_C}title")
    words = () if title is None else (text.text or "" for text in title.iter(f"{_A}t"))
    heading = one_line(" ".join(words))
    names: list[str] = [""]
    rows: dict[int, list[str]] = {}
    for column, series in enumerate(root.iter(f"{_C}ser"), 1):
        names.append(" ".join(_points(series, "tx").values()))
        categories = _points(series, "cat") or _points(series, "xVal")
        values = _points(series, "val") or _points(series, "yVal")
        for at in {**categories, **values}:
            row = rows.setdefault(at, [""])
            row[0] = row[0] or categories.get(at, "")
            row += [""] * (column - len(row)) + [values.get(at, "")]
    if len(names) == 1:
        return heading, None
    return heading, table_of([names, *(rows[at] for at in sorted(rows))])


def diagram_texts(root: Any) -> list[str]:
    """Read the texts in a diagram's boxes."""
    paragraphs = (
        one_line("".join(text.text or "" for text in paragraph.iter(f"{_A}t")))
        for paragraph in root.iter(f"{_A}p")
    )
    return [text for text in paragraphs if text]


def _points(series: Any, part: str) -> dict[int, str]:
    """The values that a chart keeps of the cells it was made from, by their place."""
    found = series.find(f"{_C}{part}")
    if found is None:
        return {}
    form = next((code.text or "" for code in found.iter(f"{_C}formatCode")), "")
    points = {}
    for point in found.iter(f"{_C}pt"):
        at = point.get("idx", "")
        if at.isdecimal() and int(at) < _MOST_POINTS:
            said = one_line(point.findtext(f"{_C}v") or "")
            points[int(at)] = _shown(said, point.get("formatCode") or form)
    return points


def _shown(value: str, form: str) -> str:
    """A value as its axis has it, if that is a date or a percentage; all its digits otherwise."""
    try:
        number = float(value)
        if is_date_format(form):
            return shown(from_excel(number), form)
    except (ValueError, OverflowError, TypeError):
        return value
    if "%" in form:
        return f"{100 * number:.10g}%"
    # Without what binary fractions leave behind: 4.4, not 4.4000000000000004.
    return f"{number:.12g}" if len(value) > 12 else value
