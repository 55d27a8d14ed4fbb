"""What is to be deployed, as data: every name and tag is chosen before anything is created.

An endpoint's three resources (model, endpoint config, endpoint) share its name, so that
each can be found again whatever happens in between.
"""

import re
from dataclasses import dataclass
from typing import Literal

from indexes.errors import SettingsError
from indexes.settings import Settings

Part = Literal["llm", "embedding"]
Kind = Literal["endpoint", "endpoint-config", "model"]

# In the order of deletion: a config must outlive its endpoint, a model its config.
KINDS: tuple[Kind, ...] = ("endpoint", "endpoint-config", "model")

# The names that `--provider sagemaker` calls unless told otherwise.
LLM_ENDPOINT: str = Settings.model_fields["sagemaker_llm_endpoint"].default
EMBEDDING_ENDPOINT: str = Settings.model_fields["sagemaker_embedding_endpoint"].default
DEPLOYMENT = "default"

LLM_MODEL = "huggingface-llm-mixtral-8x7b-instruct"
LLM_INSTANCE = "ml.g5.48xlarge"
EMBEDDING_MODEL = "huggingface-sentencesimilarity-bge-large-en"
EMBEDDING_INSTANCE = "ml.g5.2xlarge"

PROJECT = "advanced-rag-patterns"
PROJECT_TAG = "project"
DEPLOYMENT_TAG = "advanced-rag:deployment"
PART_TAG = "advanced-rag:part"
MODEL_TAG = "advanced-rag:model"
INSTANCE_TAG = "advanced-rag:instance"

_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_MODEL = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9.]){0,127}")


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint.

    Args:
        part: What it is for.
        name: Name of the endpoint, of its config and of its model.
        model_id: JumpStart's id of the model.
        instance_type: As SageMaker writes it, `ml.g5.2xlarge`.
        instances: How many of them.

    Raises:
        SettingsError: a name or type that SageMaker would not take.
    """

    part: Part
    name: str
    model_id: str
    instance_type: str
    instances: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"endpoint name {self.name!r}: give at most 63 letters, digits and hyphens, "
                "none of them a hyphen at the start or end"
            )
        if not _INSTANCE.fullmatch(self.instance_type):
            raise SettingsError(
                f"instance type {self.instance_type!r}: give one like {EMBEDDING_INSTANCE}"
            )
        if not _MODEL.fullmatch(self.model_id):
            raise SettingsError(f"model id {self.model_id!r}: give JumpStart's, like {LLM_MODEL}")
        if self.instances < 1:
            raise SettingsError(f"{self.instances} instances: give at least 1")

    def __str__(self) -> str:
        return f"{self.name}: {self.model_id} on {self.instances} × {self.instance_type}"


@dataclass(frozen=True)
class Plan:
    """Endpoints that belong together, under a deployment's name.

    Raises:
        SettingsError: two endpoints of one name, or a bad deployment name.
    """

    endpoints: tuple[EndpointPlan, ...]
    deployment: str = DEPLOYMENT

    def __post_init__(self) -> None:
        if not _DEPLOYMENT.fullmatch(self.deployment):
            raise SettingsError(
                f"deployment {self.deployment!r}: give at most 64 letters, digits, '.', '-', '_'"
            )
        if len({endpoint.name for endpoint in self.endpoints}) < len(self.endpoints):
            raise SettingsError(
                f"two endpoints would be named {self.endpoints[0].name}: give each its own name"
            )

    def tags(self, endpoint: EndpointPlan) -> dict[str, str]:
        """What all three resources of an endpoint carry."""
        return {
            PROJECT_TAG: PROJECT,
            DEPLOYMENT_TAG: self.deployment,
            PART_TAG: endpoint.part,
            MODEL_TAG: endpoint.model_id,
            INSTANCE_TAG: endpoint.instance_type,
        }


def default_plan(settings: Settings | None = None, deployment: str = DEPLOYMENT) -> Plan:
    """Mixtral 8x7B Instruct and BGE Large En, as in AWS's sample.

    Args:
        settings: Where the endpoints' names are taken from; None for the default names.
        deployment: Name of what belongs together.

    Raises:
        SettingsError: both have one name.
    """
    llm = settings.sagemaker_llm_endpoint if settings else LLM_ENDPOINT
    embedding = settings.sagemaker_embedding_endpoint if settings else EMBEDDING_ENDPOINT
    return Plan(
        (
            EndpointPlan("llm", llm, LLM_MODEL, LLM_INSTANCE),
            EndpointPlan("embedding", embedding, EMBEDDING_MODEL, EMBEDDING_INSTANCE),
        ),
        deployment,
    )


def aws_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as AWS writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
