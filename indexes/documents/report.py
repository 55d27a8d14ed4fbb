"""The reading report of a document: what was read, and what was not."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError


class ReadingReport(BaseModel):
    """What was read of a file, and what was not. Nothing is dropped that is not in here."""

    pages: int = Field(0, description="Pages, slides, sheets or chapters; 0 without any.")
    page_kind: str = Field("page", description="What its pages are: page, slide, sheet, chapter.")
    pages_without_text: list[int] = Field(default_factory=list, description="Counted from 1.")
    unreadable: list[str] = Field(
        default_factory=list, description="Parts that could not be read, and why, a line each."
    )
    left_out: dict[str, int] = Field(
        default_factory=dict,
        description="What was left out on purpose, and how often: comments, hidden text, …",
    )
    encoding: str | None = Field(None, description="Of a text file: what it was decoded as.")
    guessed: list[str] = Field(
        default_factory=list, description="What was assumed, a line each: an encoding, OCR, …"
    )
    tables: int = 0
    seconds: float = 0.0

    def leave_out(self, what: str, count: int = 1) -> None:
        """Note that so many of something were left out."""
        if count:
            self.left_out[what] = self.left_out.get(what, 0) + count

    @property
    def problems(self) -> list[str]:
        """What a reader of the document must know, a short line each."""
        said = list(self.unreadable)
        if self.pages_without_text:
            said.append(f"no text on {self._named(self.pages_without_text)} of {self.pages}")
        return said + self.guessed

    def in_words(self) -> list[str]:
        """The same, and what was left out on purpose; nothing if all was read."""
        left_out = [f"left out: {what} ({count})" for what, count in sorted(self.left_out.items())]
        return [*self.problems, *left_out]

    def _named(self, numbers: list[int]) -> str:
        """Numbers of pages with runs as ranges: `pages 2-5, 9`."""
        runs: list[list[int]] = []
        for number in sorted(numbers):
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs[:20])
        more = " and more" if len(runs) > 20 else ""
        return f"{self.page_kind}{'s' if len(numbers) > 1 else ''} {shown}{more}"


def report_of(about: Mapping[str, Any]) -> ReadingReport | None:
    """The report in what we know of a document; None if nobody of ours read it."""
    try:
        return ReadingReport.model_validate(about["report"])
    except (KeyError, ValidationError):
        return None
