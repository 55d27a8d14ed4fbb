"""Arguments that both SageMaker classes share: the endpoint and the credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from indexes.models.sagemaker.credentials import Keys
from indexes.models.sagemaker.runtime import Runtime
from indexes.models.sagemaker.target import Target


@dataclass(frozen=True, repr=False, kw_only=True)
class Connection:
    """Arguments that `SageMakerLLM` and `SageMakerEmbedding` share.

    Attributes:
        runtime: what calls the endpoint, instead of one made from the others
        client: a `sagemaker-runtime` client to use
        cache: folder in which what is learnt of the endpoint is remembered, if it is to be
        timeout: seconds for an answer
        the others: as in LlamaIndex's classes, or `Target`
    """

    runtime: Runtime | None = None
    client: Any = None
    endpoint_kwargs: Mapping[str, Any] | None = None
    model_kwargs: Mapping[str, Any] | None = None
    profile_name: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    aws_region_name: str | None = None
    region_name: str | None = None
    max_retries: int = 8
    timeout: float
    connect_timeout: float = 10.0
    endpoint_url: str | None = None
    inference_component: str | None = None
    role: str | None = None
    concurrency: int = 48
    cache: Path | None = None
    ca_bundle: Path | None = None
    in_line: bool = False

    @classmethod
    def taken_from(cls, arguments: dict[str, Any], *, timeout: float) -> Self:
        """Take the shared arguments out of a constructor's arguments."""
        names = [field.name for field in fields(cls) if field.name in arguments]
        return cls(**{"timeout": timeout, **{name: arguments.pop(name) for name in names}})

    @property
    def kept(self) -> dict[str, Any]:
        """Values for the fields of LlamaIndex's classes, without secrets."""
        return {
            "endpoint_kwargs": dict(self.endpoint_kwargs or {}),
            "model_kwargs": dict(self.model_kwargs or {}),
            "profile_name": self.profile_name,
            "region_name": self.aws_region_name or self.region_name,
            "aws_access_key_id": None,
            "aws_secret_access_key": None,
            "aws_session_token": None,
            "max_retries": self.max_retries,
            "timeout": self.timeout,
        }

    def made(
        self, endpoint_name: str, part: Literal["llm", "embedding"], *, bearer: bool = False
    ) -> Runtime:
        """Make the client of an endpoint; nothing is sent yet."""
        return self.runtime or Runtime(
            Target(
                endpoint_name,
                inference_component=self.inference_component,
                region=self.aws_region_name or self.region_name,
                profile=self.profile_name,
                role=self.role,
                endpoint_url=self.endpoint_url,
                connect_seconds=self.connect_timeout,
                read_seconds=self.timeout,
                retries=self.max_retries,
                at_once=self.concurrency,
                options=dict(self.endpoint_kwargs or {}),
                ca_bundle=self.ca_bundle,
                bearer=bearer,
                part=part,
                in_line=self.in_line,
            ),
            self.client,
            Keys.of(self.aws_access_key_id, self.aws_secret_access_key, self.aws_session_token),
        )
