"""SageMaker's control plane: the few calls that a deployment's life needs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from indexes.errors import RagError, SettingsError
from indexes.models.sagemaker.credentials import aws_session, secrets_of
from indexes.models.sagemaker.endpoints.failures import (
    REGION_FIX,
    explain,
    explained,
    is_denied,
    is_missing,
)
from indexes.models.sagemaker.endpoints.plan import Kind, aws_tags

# Each kind's calls, and what its name is called in them.
_DESCRIBE = {
    "endpoint": ("describe_endpoint", "EndpointName", "EndpointArn"),
    "endpoint-config": ("describe_endpoint_config", "EndpointConfigName", "EndpointConfigArn"),
    "model": ("describe_model", "ModelName", "ModelArn"),
}
_LIST = {
    "endpoint": ("list_endpoints", "Endpoints"),
    "endpoint-config": ("list_endpoint_configs", "EndpointConfigs"),
    "model": ("list_models", "Models"),
}
_DELETE = {
    "endpoint": "delete_endpoint",
    "endpoint-config": "delete_endpoint_config",
    "model": "delete_model",
}


@dataclass(frozen=True)
class Resource:
    """An endpoint, an endpoint config or a model that exists."""

    kind: Kind
    name: str
    arn: str
    created: datetime | None = None


class ControlPlane:
    """SageMaker in one region, with the credentials of AWS's usual chain.

    Its methods raise SettingsError or ModelError: one line with the fix.

    Args:
        region, profile: As in AWS's configuration; None for its usual chain.
        role: ARN of a role to take on for the calls.
        session: A boto3 session to use instead.
    """

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        role: str | None = None,
        session: Any = None,
    ) -> None:
        with explained("connecting to SageMaker"):
            self.session = session or aws_session(region, profile, role)
            if not self.session.region_name:
                raise SettingsError(f"SageMaker needs an AWS region: {REGION_FIX}")
            self.client = self.session.client(
                # Adaptive: an account may hold thousands of models whose tags are asked for.
                "sagemaker",
                config=Config(retries={"mode": "adaptive", "max_attempts": 8}),
            )
        self.region: str = self.session.region_name
        self.profile = profile

    def __repr__(self) -> str:
        return f"ControlPlane({self.region!r})"

    def secrets(self) -> list[str]:
        """What must appear nowhere."""
        return secrets_of(self.session)

    def explained(self, what: str) -> AbstractContextManager[None]:
        """Turn what AWS raises in the block into our errors, without secrets."""
        return explained(what, self.secrets)

    @cached_property
    def account(self) -> str:
        """The account's number."""
        with self.explained("asking AWS whose account this is"):
            return str(self.session.client("sts").get_caller_identity()["Account"])

    def describe(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """What SageMaker knows of it; None if there is none."""
        operation, parameter, _ = _DESCRIBE[kind]
        with self.explained(f"looking at the {kind} {name}"):
            try:
                answer: dict[str, Any] = getattr(self.client, operation)(**{parameter: name})
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return answer

    def find(self, kind: Kind, name: str) -> Resource | None:
        """The resource of that name, if there is one."""
        answer = self.describe(kind, name)
        if answer is None:
            return None
        return Resource(kind, name, answer[_DESCRIBE[kind][2]], answer.get("CreationTime"))

    def resources(self, kind: Kind) -> Iterator[Resource]:
        """All of a kind in this account and region."""
        operation, key = _LIST[kind]
        _, name, arn = _DESCRIBE[kind]
        with self.explained(f"listing {kind}s"):
            for page in self.client.get_paginator(operation).paginate():
                for item in page[key]:
                    yield Resource(kind, item[name], item[arn], item.get("CreationTime"))

    def tags(self, resource: Resource) -> dict[str, str] | None:
        """Its tags; None if it has gone meanwhile or they may not be read."""
        with self.explained(f"reading the tags of the {resource.kind} {resource.name}"):
            try:
                pages = self.client.get_paginator("list_tags").paginate(ResourceArn=resource.arn)
                return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
            except ClientError as error:
                if is_missing(error) or is_denied(error):
                    return None
                raise

    def create_endpoint(self, name: str, tags: dict[str, str]) -> None:
        """Start an endpoint from the config of its name."""
        with self.explained(f"creating the endpoint {name}"):
            self.client.create_endpoint(
                EndpointName=name, EndpointConfigName=name, Tags=aws_tags(tags)
            )

    def delete(self, kind: Kind, name: str) -> None:
        """Have it deleted; nothing happens if there is none. An endpoint takes minutes."""
        with self.explained(f"deleting the {kind} {name}"):
            try:
                getattr(self.client, _DELETE[kind])(**{_DESCRIBE[kind][1]: name})
            except ClientError as error:
                if not is_missing(error):
                    raise

    def explain(self, error: Exception, what: str) -> RagError:
        """A failure as one of our errors, without secrets."""
        return explain(error, what, self.secrets())
