"""The address of a SageMaker endpoint, and how to call it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Target:
    """An endpoint and how to call it.

    Args:
        endpoint_name: The endpoint.
        inference_component: The component on it that is meant, if it has several.
        region, profile: As in AWS's configuration; None for its usual chain.
        role: ARN of a role to take on before calling.
        endpoint_url: Where the runtime is, if not at AWS.
        connect_seconds: Time to open a connection.
        read_seconds: Time to wait for an answer, or for the next part of a streamed one.
        retries: Further attempts after a failure that may pass.
        at_once: Connections, and threads of async callers.
        options: Anything else `InvokeEndpoint` takes, like `TargetVariant`.
        part: What it is for, so that errors name the right settings.
        ca_bundle: File of certificates to trust instead of the usual ones, as `AWS_CA_BUNDLE`.
        bearer: Whether it is called over its OpenAI-compatible route.
        in_line: Whether it was given as `sagemaker:ENDPOINT`, so that errors name that.
    """

    endpoint_name: str
    inference_component: str | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    endpoint_url: str | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    retries: int = 8
    at_once: int = 48
    options: dict[str, Any] = field(default_factory=dict)
    part: Literal["llm", "embedding"] = "llm"
    ca_bundle: Path | None = None
    bearer: bool = False
    in_line: bool = False

    def __str__(self) -> str:
        component = f", component {self.inference_component}" if self.inference_component else ""
        return f"the SageMaker endpoint {self.endpoint_name}{component}"

    @property
    def identity(self) -> str:
        """What tells it from others, without secrets."""
        place = urlsplit(self.endpoint_url).hostname if self.endpoint_url else self.region
        return f"sagemaker {place or 'default'}/{self.endpoint_name}/{self.inference_component}"

    @property
    def endpoint_setting(self) -> str:
        """The setting that names the endpoint."""
        part = self.part.upper()
        return f"RAG_{part}" if self.in_line else f"RAG_SAGEMAKER_{part}_ENDPOINT"

    @property
    def component_setting(self) -> str:
        """The setting that names the component on it."""
        part = self.part.upper()
        line = f"RAG_{part}=sagemaker:ENDPOINT/COMPONENT"
        return line if self.in_line else f"RAG_SAGEMAKER_{part}_COMPONENT"

    @property
    def codec_setting(self) -> str:
        """The setting that says what its container speaks."""
        return "RAG_SAGEMAKER_CODEC" if self.part == "llm" else "RAG_SAGEMAKER_EMBEDDING_CODEC"

    @property
    def length_fix(self) -> str:
        """What to change where it is sent too much at once."""
        if self.part == "llm":
            return "lower RAG_BUDGET or RAG_MAX_ANSWER_TOKENS, or tell its RAG_CONTEXT_WINDOW"
        return "set RAG_EMBEDDING_WINDOW to the tokens that its model reads"
