"""A model in one line, as users write it and as it may be shown.

    ModelSpec("openai:qwen@http://me:secret@localhost:8000/v1")   # repr: …http://***@localhost…

What kinds of specs there are is told in `indexes.models.specs`.
"""

import re

from pydantic import Secret

# Addresses with a user name and a password; arguments that are called like secrets.
_USER = re.compile(r"(?<=://)[^/?#@\s]*@")
_ARGUMENT = re.compile(
    r"(?<=[?&])([^=&]*(?:key|token|secret|password|passwd|pwd|credential|auth|signature|header)"
    r"[^=&]*)=[^&]*",
    re.IGNORECASE,
)
_LONGEST = 2000
_SHOWN = 200


class ModelSpec(Secret[str]):
    """A model's spec. Printed, logged, dumped or shown, its secrets are `***`."""

    def _display(self) -> str:
        shown = _ARGUMENT.sub(r"\1=***", _USER.sub("***@", self.text[:_LONGEST]))
        return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"

    @property
    def text(self) -> str:
        """What was written, secrets included."""
        return self.get_secret_value()
