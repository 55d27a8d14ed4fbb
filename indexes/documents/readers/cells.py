"""What readers share about cells: blocks on one line, raised figures."""

from collections.abc import Iterable

from indexes.documents.blocks import Block, Item, Note, PageBreak, Table

_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")


def flattened(blocks: Iterable[Block]) -> str:
    """Blocks on one line, as a cell holds them."""
    parts = []
    for block in blocks:
        if isinstance(block, PageBreak):
            continue
        if isinstance(block, Table):
            parts.append("; ".join(", ".join(filter(None, row)) for row in block.rows))
        elif isinstance(block, Item) and block.marker:
            parts.append(f"{block.marker} {block.text}")
        elif isinstance(block, Note) and block.marker:
            parts.append(f"[{block.marker}] {block.text}")
        else:
            parts.append(block.text)
    return " ".join(parts)


def raised(text: str, before: str) -> str:
    """Write a superscript: digits become raised ones, for 10⁶ isn't 106; anything else stays."""
    figures = text.strip()
    exponent = figures and all(figure in "0123456789+-−=()n" for figure in figures)
    return figures.translate(_RAISED) if exponent and before.strip() else text
