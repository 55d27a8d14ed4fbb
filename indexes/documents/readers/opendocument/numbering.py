"""Numbers of lists' items, as their styles have them counted and written."""

from dataclasses import dataclass, field
from typing import Any

from indexes.documents.readers.opendocument.names import STYLE, TEXT, number_of
from indexes.documents.readers.word.numbers import letters, roman


@dataclass
class Counter:
    """How far a list has come, level by level."""

    values: dict[int, int] = field(default_factory=dict)


def level_of(style: Any) -> int:
    """Which level of a list a style is for."""
    return number_of(style.get(f"{TEXT}level"), 1)


def written(styles: dict[int, Any], counter: Counter, level: int) -> str:
    """The number of the next item at a level, which counts; "•" for a bullet."""
    style = styles.get(level)
    if style is None:
        return ""
    if style.tag == f"{TEXT}list-level-style-bullet":
        return "•"
    start = number_of(style.get(f"{TEXT}start-value"), 1)
    counter.values[level] = counter.values.get(level, start - 1) + 1
    for deeper in [at for at in counter.values if at > level]:
        del counter.values[deeper]
    form = style.get(f"{STYLE}num-format", "")
    if not form:
        return ""
    shown_levels = number_of(style.get(f"{TEXT}display-levels"), 1)
    parts = []
    for at in range(max(level - shown_levels + 1, 1), level + 1):
        upper = styles.get(at)
        own = form if upper is None else upper.get(f"{STYLE}num-format", "")
        parts.append(_counted(counter.values.get(at, 1), own))
    prefix, suffix = (style.get(f"{STYLE}num-{name}", "") for name in ("prefix", "suffix"))
    return f"{prefix}{'.'.join(filter(None, parts))}{suffix}".strip()


def _counted(count: int, form: str) -> str:
    if form in ("a", "A"):
        text = letters(count)
    elif form in ("i", "I"):
        text = roman(count)
    else:
        return str(count) if form else ""
    return text.upper() if form.isupper() else text
