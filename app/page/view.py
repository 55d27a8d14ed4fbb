"""What a visitor sees of one question, from asking to answer. Immutable, one per session."""

from dataclasses import dataclass
from typing import Literal

from indexes.answers import NOT_FOUND, Answer, Context

Phase = Literal["idle", "searching", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True)
class View:
    """The state of a question.

    Attributes:
        phase: how far it is.
        question: what was asked.
        pattern: the pattern's name.
        contexts: the passages, best first, once they are found.
        text: the answer as far as it is written.
        answer: the whole answer with citations and trace, once it is done.
        error: what went wrong, in one line.
    """

    phase: Phase = "idle"
    question: str = ""
    pattern: str = ""
    contexts: tuple[Context, ...] = ()
    text: str = ""
    answer: Answer | None = None
    error: str = ""

    @property
    def busy(self) -> bool:
        """Whether there is something to stop."""
        return self.phase in ("searching", "writing")

    @property
    def unanswered(self) -> bool:
        """Whether the documents were found not to say."""
        return self.phase == "done" and (not self.contexts or self.text.strip() == NOT_FOUND)
