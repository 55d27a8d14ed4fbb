"""What a visitor sees of one lane, from asking to answer, immutable; and of an error."""

import logging
from dataclasses import dataclass, field
from typing import Literal

from indexes import Answer, Context, Quote, RagError, Trace
from indexes.answers import NOT_FOUND

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong on our side. It is in the server's log."

Phase = Literal["idle", "waiting", "searching", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True)
class View:
    """The state of a question in one lane.

    Attributes:
        lane: its number, from 1; ids on the page are made of it.
        phase: how far it is.
        question: what was asked, as it was understood.
        pattern: the pattern's name.
        contexts: the passages, best first, once they are found.
        text: the answer as far as it is written.
        answer: the whole answer with citations and trace, once it is done.
        trace: the stages that have ended so far.
        error: what went wrong, in one line.
        thinking: what the model thought before its answer, as far as it came.
        partial: that not all documents are in yet, if so.
        awaits: what is waited for before the answer can go on; mostly empty.
        quotes: what the documents say to it, word for word.
    """

    lane: int = 1
    phase: Phase = "idle"
    question: str = ""
    pattern: str = ""
    contexts: tuple[Context, ...] = ()
    text: str = ""
    answer: Answer | None = None
    trace: Trace = field(default_factory=Trace)
    error: str = ""
    thinking: str = ""
    partial: str = ""
    awaits: str = ""
    quotes: tuple[Quote, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether there is something to stop."""
        return self.phase in ("waiting", "searching", "writing")

    @property
    def unanswered(self) -> bool:
        """Whether the documents were found not to say."""
        return self.phase == "done" and (not self.contexts or self.text.strip() == NOT_FOUND)


def one_line(error: RagError) -> str:
    """An error of ours as the page says it; what it repeats of others goes to the log only."""
    if error.repeats:
        logger.error("a part of the owner's failed", exc_info=error)
        return UNEXPECTED
    return " ".join(str(error).split()) or type(error).__name__
