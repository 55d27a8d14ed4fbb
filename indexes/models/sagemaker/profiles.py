"""What is known of models that JumpStart offers, as data (`profiles.json`).

A profile says which endpoint a model needs and how it is asked, so deploying and calling
agree. A model is found by JumpStart's id, by its name, or by what an endpoint's name tells:

    profile_of("llm", "huggingface-llm-mixtral-8x7b-instruct").window    # 32768
    profile_of("embedding", "jumpstart-dft-hf-bge-m3-20260214")          # BGE-M3's

One that is not found is asked as its container wants (`manners`).
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from indexes.models.sagemaker.codecs import Shape
from indexes.models.sagemaker.templates import Template
from indexes.models.sagemaker.vectors import Payload

Part = Literal["llm", "embedding"]
_LONGEST_NAME = 400


@dataclass(frozen=True)
class Profile:
    """A model on SageMaker.

    Args:
        name: the model's, without its makers'.
        part: what it is for.
        jumpstart: JumpStart's id of it; None where it has none that is known.
        match: what is found in names of it and of its endpoints, a regular expression.
        licence: under which its weights are.
        window: tokens that it reads.
        instance: the type of instance to deploy it on; None if it has to be chosen.
        shape: of the requests to a language model, tried first.
        template: its prompt template, for containers that take a text.
        thinks: it writes what it thinks before its answer.
        payload: of the requests to an embedding model.
        batch: texts in one request, at most.
        dimension: length of an embedding model's vectors.
        query_instruction, passage_instruction: put before what is embedded.
    """

    name: str
    part: Part
    jumpstart: str | None
    match: str
    licence: str
    window: int
    instance: str | None = None
    shape: Shape = "messages"
    template: Template = "plain"
    thinks: bool = False
    payload: Payload = "feature-extraction"
    batch: int = 32
    dimension: int = 0
    query_instruction: str = ""
    passage_instruction: str = ""


@cache
def profiles() -> tuple[Profile, ...]:
    """All of them, in the order in which they are offered."""
    text = files(__package__).joinpath("profiles.json").read_text(encoding="utf-8")
    given: list[dict[str, Any]] = json.loads(text)["profiles"]
    return tuple(Profile(**one) for one in given)


def profile_of(part: Part, *names: str | None) -> Profile | None:
    """Find the profile of the first known name.

    Args:
        part: what the model is for
        names: JumpStart's id, the model's name or its endpoint's, whichever are known
    """
    for name in names:
        for profile in profiles():
            if name and profile.part == part and _is(name[:_LONGEST_NAME], profile):
                return profile
    return None


def offered(part: Part, model_id: str) -> Profile | None:
    """The profile of exactly that model, by JumpStart's id or its name."""
    for profile in profiles():
        names = {(profile.jumpstart or "").lower(), profile.name.lower()}
        if profile.part == part and model_id.lower() in names:
            return profile
    return None


def _is(name: str, profile: Profile) -> bool:
    return name in (profile.jumpstart, profile.name) or (
        re.search(profile.match, name, re.IGNORECASE) is not None
    )
