"""MathML in one line, as people type it: `(a+b)/2`, `x^2`, `√(b)`."""

from indexes.documents.readers.html.tree import Element
from indexes.documents.readers.word.equations import grouped

_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))


def linear(element: Element) -> str:
    """A formula of MathML, or a part of one, written in one line."""
    return " ".join(_text(element).translate(_INVISIBLE).split())


def _text(node: Element | str) -> str:
    if isinstance(node, str):
        return node.strip()
    tag = node.tag
    if tag.startswith("annotation"):
        return ""
    inside = [(child, _text(child)) for child in node.children]
    parts = [text for child, text in inside if isinstance(child, Element)]
    if tag == "mfrac" and len(parts) == 2:
        return f"{grouped(parts[0])}/{grouped(parts[1])}"
    if tag in ("msup", "mover") and len(parts) == 2:
        return f"{grouped(parts[0])}^{grouped(parts[1])}"
    if tag in ("msub", "munder") and len(parts) == 2:
        return f"{grouped(parts[0])}_{grouped(parts[1])}"
    if tag in ("msubsup", "munderover") and len(parts) == 3:
        return f"{grouped(parts[0])}_{grouped(parts[1])}^{grouped(parts[2])}"
    if tag == "msqrt":
        return f"√({''.join(parts)})"
    if tag == "mroot" and len(parts) == 2:
        return f"√({parts[1]}&{parts[0]})"
    if tag == "mtable":
        return f"[{'; '.join(parts)}]"
    if tag == "mtr":
        return ", ".join(parts)
    return "".join(text for _, text in inside)
