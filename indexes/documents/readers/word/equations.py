"""An equation (OMML, ECMA-376 part 1, chapter 22.1) in one line, as people type it: `(a+b)/2`.

x^2   x_i   √(b^2-4ac)   ∑_(i=1)^n i   [a, b; c, d]
"""

from collections.abc import Callable
from typing import Any

from indexes.documents.readers.word.names import M, W

_DEEPEST = 100
# Applied to, times, separator, plus: signs that are not written.
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))
_PROPERTIES = frozenset(
    f"{M}{name}"
    for name in (
        "accPr", "argPr", "barPr", "borderBoxPr", "boxPr", "ctrlPr", "dPr", "eqArrPr", "fPr",
        "funcPr", "groupChrPr", "limLowPr", "limUppPr", "mPr", "naryPr", "oMathParaPr", "phantPr",
        "rPr", "radPr", "sPrePr", "sSubPr", "sSubSupPr", "sSupPr",
    )
)  # fmt: skip
# What is left out of the visible text: deletions, and the fonts of runs.
_SKIPPED = _PROPERTIES | {f"{W}del", f"{W}moveFrom", f"{W}rPr"}


def linear(element: Any) -> str:
    """An equation, or a part of one, in one line."""
    return " ".join(_text(element, 0).translate(_INVISIBLE).split())


def _text(element: Any, depth: int) -> str:
    if depth > _DEEPEST or not isinstance(element.tag, str) or element.tag in _SKIPPED:
        return ""
    if element.tag == f"{M}t" or element.tag == f"{W}t":
        return element.text or ""
    write = _WRITERS.get(element.tag)
    if write is not None:
        return write(element, depth + 1)
    joined, after_structure = "", False
    for child in element:
        text = _text(child, depth + 1)
        apart = after_structure and joined[-1:].isalnum() and text[:1].isalpha()
        joined += f" {text}" if apart else text
        after_structure = child.tag in _WRITERS
    return joined


def _part(element: Any, name: str, depth: int) -> str:
    found = element.find(f"{M}{name}")
    return "" if found is None else _text(found, depth).strip()


def _sign(element: Any, path: str, default: str) -> str:
    """A character that the properties name; empty where they say that there is none."""
    found = element.find("/".join(f"{M}{name}" for name in path.split("/")))
    return default if found is None else found.get(f"{M}val", "")


def grouped(text: str) -> str:
    """In brackets, unless it is a single name, number or bracket."""
    closed = text[:1] + text[-1:] in ("()", "[]", "{}", "||")
    once = closed and not any(sign in text[1:-1] for sign in "()[]{}|")
    return text if once or len(text) <= 1 or text.replace(".", "").isalnum() else f"({text})"


def _fraction(element: Any, depth: int) -> str:
    over, under = (_part(element, name, depth) for name in ("num", "den"))
    if _sign(element, "fPr/type", "bar") == "noBar":  # a binomial's
        return f"({over}; {under})"
    return f"{grouped(over)}/{grouped(under)}"


def _scripts(element: Any, depth: int) -> str:
    base, below, above = (_part(element, name, depth) for name in ("e", "sub", "sup"))
    return grouped(base) + _script("_", below) + _script("^", above)


def _prescripts(element: Any, depth: int) -> str:
    base, below, above = (_part(element, name, depth) for name in ("e", "sub", "sup"))
    return _script("_", below) + _script("^", above) + base


def _script(sign: str, text: str) -> str:
    return f"{sign}{grouped(text)}" if text else ""


def _radical(element: Any, depth: int) -> str:
    degree, base = (_part(element, name, depth) for name in ("deg", "e"))
    root = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
    return f"{root}({base})" if root else f"√({degree}&{base})"


def _nary(element: Any, depth: int) -> str:
    sign = _sign(element, "naryPr/chr", "∫")
    base, below, above = (_part(element, name, depth) for name in ("e", "sub", "sup"))
    return f"{sign}{_script('_', below)}{_script('^', above)} {base}"


def _delimited(element: Any, depth: int) -> str:
    opening, closing = _sign(element, "dPr/begChr", "("), _sign(element, "dPr/endChr", ")")
    between = _sign(element, "dPr/sepChr", "|")
    inside = (_text(part, depth).strip() for part in element.findall(f"{M}e"))
    return opening + between.join(inside) + closing


def _function(element: Any, depth: int) -> str:
    name, of = (_part(element, part, depth) for part in ("fName", "e"))
    return f"{name} {of}" if of[:1] not in ("(", "[") else name + of


def _below(element: Any, depth: int) -> str:
    return _part(element, "e", depth) + _script("_", _part(element, "lim", depth))


def _above(element: Any, depth: int) -> str:
    return _part(element, "e", depth) + _script("^", _part(element, "lim", depth))


def _matrix(element: Any, depth: int) -> str:
    rows = (
        ", ".join(_text(cell, depth).strip() for cell in row.findall(f"{M}e"))
        for row in element.findall(f"{M}mr")
    )
    return f"[{'; '.join(rows)}]"


def _lines(element: Any, depth: int) -> str:
    lines = (_text(line, depth).replace("&", "").strip() for line in element.findall(f"{M}e"))
    return "; ".join(filter(None, lines))


def _accented(element: Any, depth: int) -> str:
    base, accent = _part(element, "e", depth), _sign(element, "accPr/chr", "\u0302")
    return base + accent if len(base) == 1 else grouped(base) + accent


def _barred(element: Any, depth: int) -> str:
    base = _part(element, "e", depth)
    return base + "\u0305" if len(base) == 1 else f"¯({base})"


_WRITERS: dict[str, Callable[[Any, int], str]] = {
    f"{M}{name}": write
    for name, write in {
        "f": _fraction, "sSub": _scripts, "sSup": _scripts, "sSubSup": _scripts,
        "sPre": _prescripts, "rad": _radical, "nary": _nary, "d": _delimited, "func": _function,
        "limLow": _below, "limUpp": _above, "m": _matrix, "eqArr": _lines, "acc": _accented,
        "bar": _barred,
    }.items()
}  # fmt: skip
