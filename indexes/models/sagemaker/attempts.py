"""One request to a language model's endpoint, sent in other formats until one is accepted."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from indexes.errors import ModelError
from indexes.models.habits import Habits, habits_of
from indexes.models.sagemaker.codecs import Ask, Delta, write
from indexes.models.sagemaker.failures import refusal_of
from indexes.models.sagemaker.gathering import Gathered, ended, parted
from indexes.models.sagemaker.manners import Manner, about_form
from indexes.models.sagemaker.runtime import Tries
from indexes.models.sagemaker.target import Target
from indexes.models.sagemaker.templates import without_system

logger = logging.getLogger(__name__)

# The text so far, what was added, and how often it was tried.
Said = tuple[str, Delta, Tries]


@dataclass
class Asking:
    """How an endpoint is asked, shared by all calls of a model object.

    Args:
        manner: what is known of it so far
        model: the model's name, for endpoints that insist on one
        learns: take the format of answers as the format to send
        target: the endpoint, under whose name lessons are remembered
        cache: folder for them; None keeps them in memory
    """

    manner: Manner
    model: str | None = None
    learns: bool = True
    target: Target | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.habits is not None:
            self.manner = self.manner.recalled(self.habits.all())

    @property
    def habits(self) -> Habits | None:
        """What is remembered of the endpoint; asked for each time, for locks can't be pickled."""
        return habits_of(self.target.identity, self.cache) if self.target and self.cache else None

    def understood(self, manner: Manner) -> None:
        """Ask so from now on."""
        lessons, habits, self.manner = manner.lessons(self.manner), self.habits, manner
        if habits is not None:
            for name, value in lessons.items():
                habits.learn(name, value)


class Attempt:
    """One question, asked in other formats until one is accepted; `asking` keeps the lesson."""

    def __init__(self, asking: Asking, ask: Ask) -> None:
        self.manner = asking.manner
        self.tries = Tries()
        self._asking = asking
        self._asked = ask
        self._first: ModelError | None = None

    def body(self, stream: bool) -> bytes:
        """The request, as the endpoint wants it for all that is known."""
        ask, manner = self._asked, self.manner
        return write(
            replace(
                ask,
                messages=ask.messages if manner.system else without_system(ask.messages),
                schema=ask.schema if manner.schema else None,
                model=(self._asking.model or "") if manner.named else None,
                usage=manner.usage,
            ),
            manner.shape,
            stream,
        )

    def learn(self, error: ModelError, *, streamed: bool) -> None:
        """Try another format after a failure.

        Args:
            error: what was raised
            streamed: whether a stream was asked for

        Raises:
            ModelError: no other format would help
        """
        refusal = refusal_of(error.__cause__)
        self._first = self._first or error
        held = self._asked.schema is not None
        other = self.manner.after(refusal, streamed=streamed, held=held) if refusal else None
        if refusal is None or other is None:
            # Of two forms that were both refused, the second may only miss the first.
            raise self._first if refusal and about_form(refusal) else error
        logger.info("asked in another manner after %r: %s", refusal.said[:80], other)
        self.manner = other

    def whole(self, delta: Delta) -> Said:
        """An answer that came at once."""
        self._understood(delta)
        # Some return the prompt, too, whatever they were asked.
        delta = parted(replace(delta, text=delta.text.removeprefix(self._asked.prompt)))
        text = ended(delta.text, self._asked.stop)
        return text, self._judged(replace(delta, text=text)), self.tries

    def gathered(self) -> Gathered:
        """What its stream is collected in, anew for each try."""
        return Gathered(self._asked)

    def part(self, gathered: Gathered, delta: Delta) -> Said:
        """A part of a streamed one."""
        self._understood(delta)
        text, shown = gathered.add(delta)
        return text, self._judged(shown), self.tries

    def _understood(self, delta: Delta) -> None:
        if self._asking.learns:
            self.manner = self.manner.answered(delta.shape)
        if self.manner != self._asking.manner:
            self._asking.understood(self.manner)

    def _judged(self, delta: Delta) -> Delta:
        if delta.finish is None and delta.tokens_out >= self._asked.max_tokens:
            return replace(delta, finish="length")
        return delta
