"""The reading report of a document: what was read, and what was not."""

from pydantic import BaseModel, Field


class ReadingReport(BaseModel):
    """What was read of a file, and what was not. Nothing is dropped that is not in here."""

    pages: int = Field(0, description="Pages, slides, sheets or chapters; 0 without any.")
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
