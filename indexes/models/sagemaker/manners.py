"""The request format that an endpoint accepts, learnt from its refusals and its answers.

Containers of one name differ: in whether they take a conversation or a text, know a system
role, insist on a model's name, or stream at all. A refusal mostly says what was wrong; one
that doesn't is answered by the other form, once. A model is never sent a template that isn't
its own (`profiles`): without one, its texts are sent as they are.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from indexes.models.refusals import Refusal
from indexes.models.sagemaker.codecs import SHAPES, Shape
from indexes.models.sagemaker.vectors import PAYLOADS, Payload

_ROLES = re.compile(
    r"system.{0,20}role|role.{0,20}system|roles must alternate|only (user|support)", re.I
)
_FORM = re.compile(
    r"(messages|inputs|text_inputs|prompt)\b.{0,80}(required|missing|not (supported|permitted))"
    r"|(missing field|required|needs?|no)\W{0,4}.?(messages|inputs|text_inputs|prompt)\b"
    r"|chat.?template",
    re.IGNORECASE,
)
_MODEL_WANTED = re.compile(r"\bmodel\b.{0,40}(required|missing)|missing field .?model\b", re.I)

_LEARNT = ("system", "named", "usage", "schema", "streams")


@dataclass(frozen=True)
class Manner:
    """How a language model's endpoint is asked.

    Args:
        shape: what is sent.
        fixed: no other form is tried: it was set, an answer proved it, or it is the other.
        system: a system message is taken.
        named: the model's name has to be sent.
        usage: the end of a stream can be asked for figures.
        schema: answers can be held to a JSON schema.
        streams: answers can be streamed.
    """

    shape: Shape
    fixed: bool = False
    system: bool = True
    named: bool = False
    usage: bool = True
    schema: bool = True
    streams: bool = True

    def after(self, refusal: Refusal, *, streamed: bool, held: bool) -> "Manner | None":
        """The next format to try after a refusal; None if no other would help.

        Args:
            refusal: what came back
            streamed: whether a stream was asked for
            held: whether the answer had to follow a schema
        """
        said = refusal.said
        # Under 200: something that is no stream.
        if streamed and self.streams and (refusal.status == 200 or refusal.is_no_stream):
            return replace(self, streams=False)
        if refusal.is_too_long:
            return None
        if refusal.status >= 500:  # some containers fail where a field is missing
            return self._otherwise()
        if self.shape == "messages":
            if self.system and _ROLES.search(said):
                return replace(self, system=False)
            if not self.named and _MODEL_WANTED.search(said):
                return replace(self, named=True)
            if streamed and self.usage and "stream_options" in said:
                return replace(self, usage=False)
        if held and self.schema and re.search(r"schema|response_format|grammar|guided", said):
            return replace(self, schema=False)
        return self._otherwise()

    def _otherwise(self) -> "Manner | None":
        """The other form, once, whatever was said: few containers say that they miss it."""
        if self.fixed:
            return None
        other: Shape = "jumpstart" if self.shape == "messages" else "messages"
        return replace(self, shape=other, fixed=True)

    def answered(self, shape: Shape | None) -> "Manner":
        """What an answer proves: a text in a shape is sent in that shape from now on."""
        if shape is None or self.shape == "messages":
            return replace(self, fixed=True)
        return replace(self, shape=shape, fixed=True)

    def recalled(self, known: Mapping[str, bool | int | str]) -> "Manner":
        """This manner with what was learnt before; the form may still turn out to be wrong."""
        shape = known.get("shape")
        found: dict[str, Any] = {} if self.fixed or shape not in SHAPES else {"shape": shape}
        found |= {name: known[name] for name in _LEARNT if known.get(name) in (True, False)}
        return replace(self, **found)

    def lessons(self, before: "Manner") -> dict[str, bool | str]:
        """What is different from before, as it is remembered."""
        names = ("shape", *_LEARNT)
        return {
            name: getattr(self, name)
            for name in names
            if getattr(self, name) != getattr(before, name)
        }


@dataclass(frozen=True)
class EmbeddingManner:
    """How an embedding model's endpoint is asked.

    Args:
        payload: what is sent.
        untried: payloads that are left, if this one is not understood.
        batch: texts in one request, at most.
        named: the model's name has to be sent.
    """

    payload: Payload
    untried: tuple[Payload, ...]
    batch: int
    named: bool = False

    @classmethod
    def of(cls, first: Payload, batch: int, *, fixed: bool) -> "EmbeddingManner":
        """The format to begin with; if `fixed`, nothing else is tried."""
        rest = () if fixed else tuple(payload for payload in PAYLOADS if payload != first)
        return cls(first, rest, batch)

    def after(self, refusal: Refusal, texts: int) -> "EmbeddingManner | None":
        """What to try next; None if asking in another manner won't help."""
        if texts > 1 and (refusal.is_too_many_texts or refusal.status == 413):
            return replace(self, batch=refusal.limit_below(texts) or max(1, texts // 2))
        if refusal.is_too_long or refusal.status in (413, 429) or refusal.status >= 500:
            return None
        if not self.named and _MODEL_WANTED.search(refusal.said):
            return replace(self, named=True)
        if not self.untried:
            return None
        wanted = _payload_wanted(refusal.said, self.untried) or self.untried[0]
        return replace(self, payload=wanted, untried=_without(self.untried, wanted))

    def recalled(self, known: Mapping[str, bool | int | str]) -> "EmbeddingManner":
        """This manner with what was learnt before."""
        found, batch, named = known.get("payload"), known.get("batch"), known.get("named")
        manner = self
        for payload in self.untried:
            if payload == found:
                rest = (self.payload, *_without(self.untried, payload))
                manner = replace(self, payload=payload, untried=rest)
        if isinstance(batch, int) and 0 < batch < self.batch:
            manner = replace(manner, batch=int(batch))
        return replace(manner, named=named) if isinstance(named, bool) else manner

    def lessons(self, before: "EmbeddingManner") -> dict[str, bool | int | str]:
        """What is different from before, as it is remembered."""
        return {
            name: getattr(self, name)
            for name in ("payload", "batch", "named")
            if getattr(self, name) != getattr(before, name)
        }

    def answered(self) -> "EmbeddingManner":
        """What an answer proves: the payload is right."""
        return replace(self, untried=())


def about_form(refusal: Refusal) -> bool:
    """Whether another form of the request is asked for."""
    return _FORM.search(refusal.said) is not None


def _payload_wanted(said: str, untried: Iterable[Payload]) -> Payload | None:
    """The form that a refusal names."""
    names: dict[Payload, str] = {
        "jumpstart": r"\btext_inputs\b",
        "feature-extraction": r"\binputs\b",
        "openai": r"\binput\b",
    }
    return next((payload for payload in untried if re.search(names[payload], said)), None)


def _without(payloads: tuple[Payload, ...], tried: Payload) -> tuple[Payload, ...]:
    return tuple(payload for payload in payloads if payload != tried)
