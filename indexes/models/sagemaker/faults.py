"""What goes wrong at the stand-in, as a script.

    [{"fault": "throttle", "share": 0.3}, {"fault": "reset", "share": 0.1},
     {"fault": "validation", "calls": 1, "message": "Endpoint x not found."}]

A rule with `calls` takes that many calls, first rules first; one with `share` takes that
part of the calls left, drawn from `seed`, so that a run can be repeated.
"""

import json
import random
import threading
from typing import Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from indexes.errors import SettingsError, first_wrong

Kind = Literal[
    "throttle",  # 429 ThrottlingException
    "internal",  # 500 InternalFailure
    "unavailable",  # 503 ServiceUnavailable
    "model_error",  # 424 ModelError, the container having answered 500
    "validation",  # 400 ValidationError
    "denied",  # 403 AccessDeniedException
    "asleep",  # 400: an inference component was scaled to zero
    "needs_component",  # 400: the endpoint holds inference components
    "asynchronous",  # 400: an asynchronous endpoint
    "unstreamed",  # 400: a serverless endpoint, where a stream is asked for
    "page",  # a web page, with status 200, from something in between
    "overloaded",  # 424 ModelError, the container having answered 429
    "too_long",  # 424 ModelError, the container having answered 422
    "reset",  # the connection is lost in the middle of the body
    "stream_error",  # ModelStreamError after the first parts
    "stream_failure",  # InternalStreamFailure after the first parts
    "reported",  # the container's own error, after HTTP 200
    "malformed",  # a body that is no JSON
    "oversized",  # a body longer than any answer
    "empty",  # no body at all
    "slow",  # `seconds` before each part
    "split",  # parts of `size` bytes
]


class Fault(BaseModel, extra="forbid", frozen=True):
    """A rule of the script."""

    fault: Kind
    calls: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, le=1)
    seconds: float = Field(0.1, ge=0, le=600)
    size: int = Field(1, ge=1)
    parts: int = Field(1, ge=0, description="Parts of a stream that still come.")
    message: str = "as the fault script says"


class FaultScript:
    """Hands out faults to calls. Thread-safe."""

    def __init__(self, rules: list[Fault] | None = None, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable
        self._rules: list[Fault] = []
        self._left: list[int] = []
        self.handed: list[str] = []
        self.set(rules or [])

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> "FaultScript":
        """A script from JSON.

        Raises:
            SettingsError: it is none.
        """
        try:
            return cls(TypeAdapter(list[Fault]).validate_json(text), seed)
        except ValidationError as error:
            place, reason = first_wrong(error)
            raise SettingsError(
                f"fault script: {place or 'the script'}: {reason}; give a list like "
                + json.dumps([{"fault": "throttle", "share": 0.3}])
            ) from error

    def set(self, rules: list[Fault]) -> None:
        """Go on by other rules."""
        with self._lock:
            self._rules = rules
            self._left = [rule.calls or 0 for rule in rules]

    def next(self) -> Fault | None:
        """The fault of the call that comes in."""
        with self._lock:
            drawn = self._random.random()
            for place, rule in enumerate(self._rules):
                if rule.calls is not None:
                    if self._left[place] == 0:
                        continue
                    self._left[place] -= 1
                elif rule.share is not None and drawn >= rule.share:
                    drawn -= rule.share
                    continue
                self.handed.append(rule.fault)
                return rule
        return None
