"""What a passage is from and where in its file it is, as people say it."""

from collections.abc import Mapping, Sequence
from typing import Any


def headline(title: str, heading: str = "", place: str = "") -> str:
    """Document, headings above a passage, its place: `Handbook › Setup › Network, page 4`.

    What repeats, as a first heading often repeats the title, is said once.
    """
    path = dict.fromkeys(part for part in (title, *heading.split(" › ")) if part)
    return ", ".join(part for part in (" › ".join(path), place) if part)


def place_of(
    about: Mapping[str, Any], pages: tuple[int, int] | None, rows: tuple[int, int] | None
) -> str:
    """`pages 4-5`, `page 4 (iv)`, `slide 2`, `sheet Prices, rows 3-5`; empty if nothing is known.

    Args:
        about: what we know of the document: `page_kind`, `page_labels`
        pages: the first and the last, from 1
        rows: of a sheet, the same
    """
    parts = []
    if pages is not None:
        kind = about.get("page_kind") or "page"
        labels = about.get("page_labels") or ()
        parts.append(_pages(str(kind), labels, *pages))
    if rows is not None:
        first, last = rows
        parts.append(f"row {first}" if first == last else f"rows {first}-{last}")
    return ", ".join(parts)


def _pages(kind: str, labels: Sequence[str], first: int, last: int) -> str:
    named = [str(labels[place - 1]) if place <= len(labels) else "" for place in (first, last)]
    if kind in ("sheet", "chapter") and all(named):
        return f"{kind} {named[0]}" if first == last else f"{kind}s {named[0]} to {named[1]}"
    numbers = str(first) if first == last else f"{first}-{last}"
    label = " to ".join(dict.fromkeys(name for name in named if name))
    shown = f" ({label})" if label and label != numbers else ""
    return f"{kind}{'' if first == last else 's'} {numbers}{shown}"
