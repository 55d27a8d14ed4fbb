"""The names of WordprocessingML's elements."""

from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
VML = "{urn:schemas-microsoft-com:vml}"
WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"

P, TBL, TR, TC = f"{W}p", f"{W}tbl", f"{W}tr", f"{W}tc"
VAL = f"{W}val"


def value(parent: Any, path: str) -> str | None:
    """The `val` of an element below, or None without the element; "" without the attribute."""
    found = None if parent is None else parent.find(path)
    return None if found is None else found.get(VAL, "")


def number(parent: Any, path: str) -> int | None:
    """The same as a number, or None where it is none."""
    said = value(parent, path)
    return int(said) if said and said.lstrip("-").isdecimal() and len(said) < 10 else None


def switched_on(parent: Any, path: str) -> bool | None:
    """Whether a property is on; None if nothing is said of it."""
    said = value(parent, path)
    return None if said is None else said not in ("0", "false", "off", "none")
