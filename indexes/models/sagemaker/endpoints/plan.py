"""What is to be deployed, as data: every name and tag is chosen before anything is created.

An endpoint's three resources (model, endpoint config, endpoint) share its name, so that
each can be found again whatever happens in between.
"""

import re
from dataclasses import dataclass
from typing import Literal

from indexes.errors import SettingsError
from indexes.models.sagemaker.profiles import Part, offered
from indexes.settings import Settings

Kind = Literal["endpoint", "endpoint-config", "model"]

# In the order of deletion: a config must outlive its endpoint, a model its config.
KINDS: tuple[Kind, ...] = ("endpoint", "endpoint-config", "model")

# The names that `--provider sagemaker` calls unless told otherwise.
LLM_ENDPOINT: str = Settings.model_fields["sagemaker_llm_endpoint"].default
EMBEDDING_ENDPOINT: str = Settings.model_fields["sagemaker_embedding_endpoint"].default
DEPLOYMENT = "default"

LLM_MODEL = "huggingface-llm-mixtral-8x7b-instruct"
EMBEDDING_MODEL = "huggingface-sentencesimilarity-bge-large-en"
# What else a type of instance looks like.
_INSTANCE_LIKE = "ml.g5.2xlarge"
# How the endpoints of other models begin: their names tell what to send them.
_PREFIX = "advanced-rag-"
_LONGEST_NAME = 63

PROJECT = "advanced-rag-patterns"
PROJECT_TAG = "project"
DEPLOYMENT_TAG = "advanced-rag:deployment"
PART_TAG = "advanced-rag:part"
MODEL_TAG = "advanced-rag:model"
INSTANCE_TAG = "advanced-rag:instance"
SCALES_TAG = "advanced-rag:scales"

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
        scale_to_zero: Whether there are none while nobody asks.

    Raises:
        SettingsError: a name or type that SageMaker would not take.
    """

    part: Part
    name: str
    model_id: str
    instance_type: str
    instances: int = 1
    scale_to_zero: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"endpoint name {self.name!r}: give at most 63 letters, digits and hyphens, "
                "none of them a hyphen at the start or end"
            )
        if not _INSTANCE.fullmatch(self.instance_type):
            raise SettingsError(
                f"instance type {self.instance_type!r}: give one like {_INSTANCE_LIKE}"
            )
        if not _MODEL.fullmatch(self.model_id):
            raise SettingsError(f"model id {self.model_id!r}: give JumpStart's, like {LLM_MODEL}")
        if self.instances < 1:
            raise SettingsError(f"{self.instances} instances: give at least 1")

    @property
    def model_name(self) -> str:
        """The model's name, by which its profile is found; JumpStart's id of one without."""
        profile = offered(self.part, self.model_id)
        return profile.name if profile else self.model_id

    def __str__(self) -> str:
        zero = " or none" if self.scale_to_zero else ""
        return f"{self.name}: {self.model_id} on {self.instances}{zero} × {self.instance_type}"


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
            **({SCALES_TAG: "to-zero"} if endpoint.scale_to_zero else {}),
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
            EndpointPlan("llm", llm, LLM_MODEL, _instance("llm", LLM_MODEL)),
            EndpointPlan(
                "embedding", embedding, EMBEDDING_MODEL, _instance("embedding", EMBEDDING_MODEL)
            ),
        ),
        deployment,
    )


def with_model(
    endpoint: EndpointPlan, model: str | None, instance_type: str | None = None
) -> EndpointPlan:
    """The same for another model, on another type of instance, or both.

    An endpoint of a default name gets the name of its model, which tells the client what it
    speaks to.

    Args:
        endpoint: what was planned.
        model: JumpStart's id of a model, or its name; None for the one that was planned.
        instance_type: None for the one of the model's profile.

    Raises:
        SettingsError: no type is known for the model, or SageMaker wouldn't take a name.
    """
    profile = offered(endpoint.part, model or endpoint.model_id)
    model_id = (profile.jumpstart if profile else None) or model or endpoint.model_id
    if not _MODEL.fullmatch(model_id):
        raise SettingsError(f"model id {model_id!r}: give JumpStart's, like {LLM_MODEL}")
    name = endpoint.name
    if model_id != endpoint.model_id and name in (LLM_ENDPOINT, EMBEDDING_ENDPOINT):
        name = _slug(profile.name if profile else model_id)
    return EndpointPlan(
        endpoint.part,
        name,
        model_id,
        instance_type or _instance(endpoint.part, model_id),
        endpoint.instances,
        endpoint.scale_to_zero,
    )


def _instance(part: Part, model_id: str) -> str:
    profile = offered(part, model_id)
    if profile is None or profile.instance is None:
        raise SettingsError(
            f"which instance type runs {model_id} is not known here: give one that JumpStart "
            f"lists for it, with --{part}-instance-type"
        )
    return profile.instance


def _slug(name: str) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
    return (_PREFIX + words)[:_LONGEST_NAME].strip("-")


def aws_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as AWS writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
