"""What control words have set, group by group."""

from typing import NamedTuple

from indexes.documents.readers.rtf.flow import Layout

_DEEPEST_TABLE = 20
_DEEPEST_LIST = 20


class State(NamedTuple):
    """What holds in a group, and in those inside it unless they say otherwise.

    Attributes:
        mode: what text is here: "text", "value" (kept by itself), "fonts", "styles", or nothing
            of the document: "skip", "info", "rows", "shape", "older", "upr"
        hidden: why text is left out
        high: whether text is raised
        font: its number; -1 for the default one
        fallback: how many characters follow each of Unicode's, for older programs
        tables, in_table: how many tables the paragraph is in, as newer and older programs say it
        outline: its level as a heading, 0 for none; None if nothing is said
        style, indent, level: its style; its indent; its level in a list
    """

    mode: str = "text"
    hidden: str = ""
    high: bool = False
    font: int = -1
    fallback: int = 1
    tables: int = 0
    in_table: bool = False
    outline: int | None = None
    style: int = 0
    indent: int = 0
    level: int | None = None

    def inside(self) -> "State":
        """What holds where another text begins: a note, a text box."""
        return State(hidden=self.hidden, font=self.font, fallback=self.fallback)

    def layout(self, levels: dict[int, int], *, in_row: bool, least: int = 0) -> Layout:
        """What the paragraph is.

        Args:
            levels: of headings, by style
            in_row: whether a row of a table has begun
            least: how many tables it is in at least
        """
        depth = self.tables or int(self.in_table or in_row)
        heading = levels.get(self.style, 0) if self.outline is None else self.outline
        return Layout(max(depth, least), heading, self.indent, self.level)

    def told(self, word: str, number: int | None) -> "State":
        """What holds after a control word that formats a paragraph or its characters."""
        on = number != 0
        count = number or 0
        match word:
            case "pard":
                return self._replace(
                    tables=0, in_table=False, outline=None, style=0, indent=0, level=None
                )
            case "plain":
                return self._replace(hidden="", high=False, font=-1)
            case "f":
                return self._replace(font=count)
            case "s":
                return self._replace(style=count)
            case "li":
                return self._replace(indent=count)
            case "ls":
                return self._replace(level=self.level or 0) if on else self
            case "ilvl":
                return self._replace(level=max(0, min(count, _DEEPEST_LIST)))
            case "intbl":
                return self._replace(in_table=on)
            case "itap":
                return self._replace(tables=max(0, min(count, _DEEPEST_TABLE)))
            case "outlinelevel":
                return self._replace(outline=count + 1 if 0 <= count < 9 else 0)
            case "v" | "deleted":
                why = "hidden text" if word == "v" else "deleted text"
                return self._replace(hidden=why if on else "")
            case "super" | "up":
                return self._replace(high=on)
            case "nosupersub" | "sub" | "dn":
                return self._replace(high=False)
            case "uc":
                return self._replace(fallback=max(0, min(count, 100)))
        return self
