"""Endpoints deployed, shown and deleted: SageMaker's control plane.

Everything is created with a tag, so that `delete` finds what any earlier run left behind,
at whichever step it was killed. An endpoint, its configuration and its model have one
name. The model is JumpStart's, resolved by `sagemaker`'s `ModelBuilder`; the rest is a few
calls of boto3, which unlike `ModelBuilder` can be gone on with after Ctrl-C.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from indexes.errors import ModelError, SettingsError
from indexes.models.sagemaker.runtime import aws_session

TAG = {"Key": "created-by", "Value": "advanced-rag-patterns"}
POLL_SECONDS = 10.0
# Mixtral's 93 GB are copied and loaded.
LONGEST_WAIT_SECONDS = 3600.0

MIXTRAL = "huggingface-llm-mixtral-8x7b-instruct"
BGE = "huggingface-sentencesimilarity-bge-large-en"

Kind = Literal["endpoint", "endpoint-config", "model"]
# Deleted in this order: what runs, and costs, first.
KINDS: tuple[Kind, ...] = ("endpoint", "endpoint-config", "model")


@dataclass(frozen=True)
class Plan:
    """One endpoint to be.

    Args:
        name: Of the endpoint, its configuration and its model.
        model_id, model_version: JumpStart's.
        instance_type: What it runs on.
        instances: How many of them.
    """

    name: str
    model_id: str
    instance_type: str
    model_version: str = "*"
    instances: int = 1

    def __str__(self) -> str:
        return f"{self.name}: {self.model_id} on {self.instances} × {self.instance_type}"


def mixtral(name: str) -> Plan:
    """The language model of AWS's sample."""
    return Plan(name, MIXTRAL, "ml.g5.48xlarge")


def bge(name: str) -> Plan:
    """The embedding model of AWS's sample."""
    return Plan(name, BGE, "ml.g5.2xlarge")


@dataclass(frozen=True)
class Resource:
    """Something of ours that is there."""

    kind: Kind
    name: str
    status: str = ""
    since: datetime | None = None
    reason: str = ""


class ControlPlane:
    """SageMaker's control plane for one account and region.

    Args:
        region, profile, role: As in AWS's configuration; the role is taken on for the calls.
        session: A boto3 session instead.
        create_model: Makes a plan's model and says what its container asks of the endpoint
            (fields of a production variant); by default JumpStart's.
        sleep: Waits between looks.
    """

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        role: str | None = None,
        *,
        session: Any = None,
        create_model: "Callable[[Any, Plan, str, bool], dict[str, Any]] | None" = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        with explained():
            self._session = session or aws_session(region, profile, role)
            self._client = self._session.client("sagemaker")
        self._create_model = create_model or jumpstart_model
        self._sleep = sleep

    def deploy(
        self,
        plan: Plan,
        execution_role: str,
        *,
        accept_eula: bool = False,
        on_progress: Callable[[str], None] = lambda _: None,
        wait: bool = True,
    ) -> Resource:
        """Create what is missing of an endpoint, and wait until it answers.

        Run again after an interruption, it goes on from there.

        Args:
            plan: What to deploy.
            execution_role: ARN of the role that SageMaker takes on to fetch the model.
            accept_eula: Whether the model's licence is accepted.
            on_progress: Told of each step.
            wait: Whether to wait until the endpoint is in service.

        Raises:
            ModelError: AWS refuses; the message names the fix.
        """
        with explained(plan):
            found = self._endpoint(plan.name)
            if found is None:
                # Models and configurations cost nothing and may be half a plan's: anew.
                self._clear(plan.name, on_progress)
                on_progress(f"creating the model {plan.name}")
                variant = self._create_model(self._session, plan, execution_role, accept_eula)
                on_progress(f"creating the endpoint {plan.name}")
                self._client.create_endpoint_config(
                    EndpointConfigName=plan.name,
                    ProductionVariants=[
                        {
                            "VariantName": "AllTraffic",
                            "ModelName": plan.name,
                            "InstanceType": plan.instance_type,
                            "InitialInstanceCount": plan.instances,
                            **variant,
                        }
                    ],
                    Tags=[TAG],
                )
                self._client.create_endpoint(
                    EndpointName=plan.name, EndpointConfigName=plan.name, Tags=[TAG]
                )
            elif found.status == "Failed":
                raise ModelError(
                    f"the endpoint {plan.name} failed ({found.reason}): run `python -m app "
                    "endpoints delete`, then deploy again"
                )
            return self._wait(plan.name, on_progress) if wait else self._there(plan.name)

    def status(self) -> list[Resource]:
        """Everything of ours that is there, what runs first.

        Raises:
            ModelError: AWS refuses; the message names the fix.
        """
        with explained():
            return [resource for kind in KINDS for resource in self._ours(kind)]

    def delete(
        self, on_progress: Callable[[str], None] = lambda _: None, names: Sequence[str] = ()
    ) -> list[Resource]:
        """Delete everything of ours, or of these names, and say what remains.

        What cannot be deleted does not keep the rest from being deleted.

        Raises:
            ModelError: AWS does not let us look.
        """
        with explained():
            for kind in KINDS:
                for resource in self._ours(kind):
                    if not names or resource.name in names:
                        self._delete(resource, on_progress)
            remaining = [resource for kind in KINDS for resource in self._ours(kind)]
        return [r for r in remaining if not names or r.name in names]

    # Below

    def _delete(self, resource: Resource, on_progress: Callable[[str], None]) -> None:
        from botocore.exceptions import ClientError

        on_progress(f"deleting the {resource.kind} {resource.name}")
        try:
            if resource.kind == "endpoint":
                self._client.delete_endpoint(EndpointName=resource.name)
                self._until_gone(resource.name)
            elif resource.kind == "endpoint-config":
                self._client.delete_endpoint_config(EndpointConfigName=resource.name)
            else:
                self._client.delete_model(ModelName=resource.name)
        except ClientError as error:
            on_progress(f"could not delete the {resource.kind} {resource.name}: {_said(error)}")

    def _until_gone(self, name: str) -> None:
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while self._endpoint(name) is not None and time.monotonic() < until:
            self._sleep(POLL_SECONDS)

    def _clear(self, name: str, on_progress: Callable[[str], None]) -> None:
        kinds: tuple[Kind, ...] = ("endpoint-config", "model")
        for kind in kinds:
            for resource in self._ours(kind):
                if resource.name == name:
                    self._delete(resource, on_progress)

    def _wait(self, name: str, on_progress: Callable[[str], None]) -> Resource:
        started = time.monotonic()
        while True:
            found = self._there(name)
            if found.status == "InService":
                return found
            if found.status == "Failed":
                raise ModelError(
                    f"the endpoint {name} failed ({found.reason}): run `python -m app endpoints "
                    "delete`, then deploy again, perhaps on another --instance-type"
                )
            seconds = time.monotonic() - started
            if seconds > LONGEST_WAIT_SECONDS:
                raise ModelError(
                    f"the endpoint {name} is {found.status} after {seconds:.0f} s: look at it "
                    "with `python -m app endpoints status`"
                )
            on_progress(f"{name}: {found.status}, {seconds:.0f} s")
            self._sleep(POLL_SECONDS)

    def _there(self, name: str) -> Resource:
        found = self._endpoint(name)
        if found is None:
            raise ModelError(f"the endpoint {name} is gone: deploy it again")
        return found

    def _endpoint(self, name: str) -> Resource | None:
        from botocore.exceptions import ClientError

        try:
            found = self._client.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if "could not find" in _said(error).lower() or "not exist" in _said(error).lower():
                return None
            raise
        return Resource(
            "endpoint", name, found["EndpointStatus"], found.get("CreationTime"),
            found.get("FailureReason", ""),
        )  # fmt: skip

    def _ours(self, kind: Kind) -> Iterator[Resource]:
        operation, listed, prefix = {
            "endpoint": ("list_endpoints", "Endpoints", "Endpoint"),
            "endpoint-config": ("list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
            "model": ("list_models", "Models", "Model"),
        }[kind]
        pages = self._client.get_paginator(operation).paginate()
        for found in [item for page in pages for item in page[listed]]:
            tags = self._client.list_tags(ResourceArn=found[f"{prefix}Arn"])["Tags"]
            if TAG in tags:
                yield Resource(
                    kind, found[f"{prefix}Name"], found.get("EndpointStatus", ""),
                    found.get("CreationTime"),
                )  # fmt: skip


def jumpstart_model(
    session: Any, plan: Plan, execution_role: str, accept_eula: bool
) -> dict[str, Any]:
    """Create a plan's model from JumpStart's catalogue, tagged.

    Returns what its container asks of the endpoint, as fields of a production variant.

    Raises:
        SettingsError: the extra is not installed, or there is no such model.
    """
    try:
        from sagemaker.core.helper.session_helper import Session
        from sagemaker.core.jumpstart.configs import JumpStartConfig
        from sagemaker.core.training.configs import Compute
        from sagemaker.serve import ModelBuilder
    except ImportError as error:
        from indexes.models.sagemaker import INSTALL

        raise SettingsError(
            f"endpoints are deployed with sagemaker, which is missing ({error}); "
            f"install the extra sagemaker: {INSTALL}"
        ) from error
    builder = ModelBuilder.from_jumpstart_config(
        jumpstart_config=JumpStartConfig(
            model_id=plan.model_id, model_version=plan.model_version, accept_eula=accept_eula
        ),
        role_arn=execution_role,
        compute=Compute(instance_type=plan.instance_type, instance_count=plan.instances),
        sagemaker_session=Session(boto_session=session),
    )
    builder.build(model_name=plan.name, tags=[TAG])
    asked = {
        "ModelDataDownloadTimeoutInSeconds": builder.model_data_download_timeout,
        "ContainerStartupHealthCheckTimeoutInSeconds": (
            builder.container_startup_health_check_timeout
        ),
        "InferenceAmiVersion": builder.inference_ami_version,
        "VolumeSizeInGB": builder.volume_size,
    }
    return {name: value for name, value in asked.items() if value}


@contextmanager
def explained(plan: Plan | None = None) -> Iterator[None]:
    """Turn AWS's errors in the block into a `ModelError` whose line names the fix."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise ModelError(_why(error, plan)) from error
    except BotoCoreError as error:
        from indexes.models.sagemaker.failures import explain

        raise explain(error, "SageMaker", 60, ()) from error


def _why(error: Any, plan: Plan | None) -> str:
    code, said = error.response.get("Error", {}).get("Code", ""), _said(error)
    operation = error.operation_name
    what = f" for {plan.name}" if plan else ""
    if code in ("ResourceLimitExceeded", "ResourceLimitExceededException"):
        kind = plan.instance_type if plan else "the instance type"
        return (
            f"the account's quota does not allow it{what} ({said}): ask for more at Service "
            f'Quotas, Amazon SageMaker, "{kind} for endpoint usage", or take another '
            "--instance-type"
        )
    if "AccessDenied" in code or "not authorized" in said:
        return (
            f"AWS does not allow sagemaker:{operation}{what} ({said}): have it allowed for your "
            "user or role, or choose another with AWS_PROFILE or RAG_SAGEMAKER_PROFILE"
        )
    if "eula" in said.lower():
        return f"the model's licence must be accepted ({said}): read it, then give --accept-eula"
    if code in ("UnrecognizedClientException", "ExpiredTokenException", "InvalidClientTokenId"):
        return f"AWS does not accept these credentials ({code}): log in again"
    return f"SageMaker refused {operation}{what} ({code}: {said}): mend what it names, then go on"


def _said(error: Any) -> str:
    return " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:400]


def ago(since: datetime | None) -> str:
    """How long something has been there, in words."""
    if since is None:
        return ""
    minutes = int((datetime.now(UTC) - since).total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
