"""SageMaker's control plane on loopback: moto's server, and what it lacks.

moto answers models, configs and endpoints, S3, IAM and STS over HTTP. It is at once in all
things, has not heard of newer instance types, and knows nothing of JumpStart: `Aws` lets
endpoints take their time, refuses what it is told to refuse, and puts a small hand-written
catalogue where JumpStart's would be.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
import moto.applicationautoscaling.models as autoscaling
import moto.sagemaker.models as backend
import pytest
from botocore.loaders import Loader
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.responses import SageMakerResponse
from moto.server import ThreadedMotoServer

from indexes.models.sagemaker.endpoints import EndpointPlan
from indexes.models.sagemaker.endpoints.plan import (
    EMBEDDING_MODEL,
    LLM_MODEL,
    aws_tags,
    default_plan,
)

LLM_INSTANCE, EMBEDDING_INSTANCE = (e.instance_type for e in default_plan().endpoints)

ACCOUNT = "123456789012"
REGION = "us-east-1"
KEY = "AKIAPLANTEDKEY000000"
SECRET = "planted/secret+key/of/forty/characters/x"
TOKEN = "planted-session-token-0123456789"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker-execution"
BUCKET = f"jumpstart-cache-prod-{REGION}"


# Reading SageMaker's API takes half a second: once is enough.
_LOADER = Loader(include_default_search_paths=True)


def session() -> Any:
    """A boto3 session like any other, only quicker to make."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _LOADER)
    return boto3.Session(botocore_session=core)


@lru_cache
def _unwatched(url: str) -> Any:
    return session().client("sagemaker", endpoint_url=url)


class Killed(BaseException):
    """What a test's kill looks like from inside: nothing catches it."""


@dataclass
class Aws:
    """The services, and a session for them whose every call is recorded.

    Args:
        url: Where they are.
        session: A boto3 session with planted credentials.
        calls: Names of the operations that were called, in order.
        refuse: Operation → (code, message) of the refusal it meets, until it is taken out.
        die_before, die_after: Count of creating calls at which the process "is killed".
        die_deleting: Count of deleting calls before which it is.
    """

    url: str
    session: Any
    calls: list[str] = field(default_factory=list)
    refuse: dict[str, tuple[str, str]] = field(default_factory=dict)
    die_before: int | None = None
    die_after: int | None = None
    die_deleting: int | None = None

    @property
    def client(self) -> Any:
        """A client whose calls are not recorded."""
        return _unwatched(self.url)

    @property
    def changes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if call.startswith(("Create", "Delete", "Update"))]

    def names(self) -> dict[str, list[str]]:
        """What there is of each kind."""
        client = self.client
        return {
            "endpoint": sorted(e["EndpointName"] for e in client.list_endpoints()["Endpoints"]),
            "endpoint-config": sorted(
                e["EndpointConfigName"] for e in client.list_endpoint_configs()["EndpointConfigs"]
            ),
            "model": sorted(e["ModelName"] for e in client.list_models()["Models"]),
        }

    def nothing_left(self) -> bool:
        return not any(self.names().values())

    def untag(self, kind: str, name: str) -> None:
        """Take all tags off a resource."""
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"
        keys = [tag["Key"] for tag in self.client.list_tags(ResourceArn=arn)["Tags"]]
        self.client.delete_tags(ResourceArn=arn, TagKeys=keys)

    def set_status(self, name: str, status: str, reason: str | None = None) -> None:
        endpoint = get_backend("sagemaker")[ACCOUNT][REGION].endpoints[name]
        endpoint.endpoint_status = status
        endpoint.failure_reason = reason

    def watch(self) -> None:
        """Record, refuse and die as told."""
        events = self.session.events
        created = deleted = 0

        def before(model: Any, **_: Any) -> Any:
            nonlocal created, deleted
            self.calls.append(model.name)
            if model.name in self.refuse:
                code, message = self.refuse[model.name]
                response = type("Response", (), {"status_code": 400})()
                return response, {
                    "Error": {"Code": code, "Message": message},
                    "ResponseMetadata": {"HTTPStatusCode": 400},
                }
            if model.name.startswith("Create"):
                created += 1
                if created == self.die_before:
                    raise Killed
            if model.name.startswith("Delete"):
                deleted += 1
                if deleted == self.die_deleting:
                    raise Killed
            return None

        def after(model: Any, **_: Any) -> None:
            if model.name.startswith("Create") and created == self.die_after:
                raise Killed

        events.register("before-call.*.*", before)
        events.register("after-call.*.*", after)


class PlainHosting:
    """Makes models and endpoints as AWS's SDK does, without it and without JumpStart."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.prepared: list[str] = []

    def prepare(self, endpoints: list[EndpointPlan], *, accept_eula: bool) -> None:
        self.prepared += [endpoint.name for endpoint in endpoints]

    def create_model(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        self._client.create_model(
            ModelName=endpoint.name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/model:1"},
            Tags=aws_tags(tags),
        )

    def create_endpoint(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        self._client.create_endpoint_config(
            EndpointConfigName=endpoint.name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": endpoint.name,
                    "InstanceType": endpoint.instance_type,
                    "InitialInstanceCount": endpoint.instances,
                }
            ],
            Tags=aws_tags(tags),
        )
        self._client.create_endpoint(
            EndpointName=endpoint.name, EndpointConfigName=endpoint.name, Tags=aws_tags(tags)
        )


def mend_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where moto differs from AWS in a way that matters here."""
    # It does not know the instance types of this decade.
    monkeypatch.setattr(backend.FakeEndpointConfig, "validate_instance_type", lambda *_: None)
    # It answers `"VpcConfig": {}` where AWS leaves such fields out; AWS's SDK refuses that.
    for kind in (backend.Model, backend.FakeEndpoint):
        monkeypatch.setattr(kind, "response_object", _without_empty(kind.response_object.fget))


def add_components(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Give moto inference components, which it hasn't heard of.

    Returns:
        The components by name: what was asked for, and a status that a test may change.
    """
    components: dict[str, dict[str, Any]] = {}

    def create(self: Any) -> ActionResult:
        asked = json.loads(self.body)
        if asked["EndpointName"] not in get_backend("sagemaker")[ACCOUNT][REGION].endpoints:
            raise AWSValidationException(f"Could not find endpoint {asked['EndpointName']}")
        components[asked["InferenceComponentName"]] = {
            **asked,
            "InferenceComponentStatus": "InService",
        }
        return ActionResult({"InferenceComponentArn": "arn:aws:sagemaker:::inference-component/x"})

    def describe(self: Any) -> ActionResult:
        name = json.loads(self.body)["InferenceComponentName"]
        if name not in components:
            raise AWSValidationException(f"Could not find inference component {name}")
        kept = ("InferenceComponentName", "EndpointName", "InferenceComponentStatus")
        return ActionResult({key: components[name][key] for key in kept})

    def delete(self: Any) -> ActionResult:
        components.pop(json.loads(self.body)["InferenceComponentName"])
        return ActionResult({})

    for verb, action in (("create", create), ("describe", describe), ("delete", delete)):
        name = f"{verb}_inference_component"
        monkeypatch.setattr(SageMakerResponse, name, action, raising=False)
    # Nor has its Application Auto Scaling; what boto3 knows of it is checked by a test.
    monkeypatch.setattr(autoscaling, "_target_params_are_valid", lambda *_: True)
    monkeypatch.setattr(ApplicationAutoScalingResponse, "_validate_params", lambda _: None)
    # A config for components names no model.
    checked = backend.SageMakerModelBackend.validate_production_variants

    def check(self: Any, variants: list[dict[str, Any]]) -> None:
        checked(self, [variant for variant in variants if "ModelName" in variant])

    monkeypatch.setattr(backend.SageMakerModelBackend, "validate_production_variants", check)
    # AWS doesn't delete an endpoint that holds one.
    plain = SageMakerResponse.delete_endpoint

    def delete_endpoint(self: Any) -> ActionResult:
        name = json.loads(self.body)["EndpointName"]
        if any(component["EndpointName"] == name for component in components.values()):
            raise AWSValidationException(f"Endpoint {name} has inference components")
        answer: ActionResult = plain(self)
        return answer

    monkeypatch.setattr(SageMakerResponse, "delete_endpoint", delete_endpoint)
    return components


def _without_empty(whole: Any) -> property:
    return property(lambda self: {k: v for k, v in whole(self).items() if v not in ({}, [])})


def started() -> ThreadedMotoServer:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return server


def publish_catalogue(gated: bool = False) -> None:
    """JumpStart's manifest and specs of both models, where its SDK looks for them.

    Args:
        gated: Give Mixtral a licence (in truth it has none to accept).
    """
    s3 = boto3.Session(KEY, SECRET, region_name=REGION).client("s3")
    s3.create_bucket(Bucket=BUCKET)

    def put(key: str, value: Any) -> None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(value).encode())

    specs = {
        LLM_MODEL: _specs(LLM_MODEL, LLM_INSTANCE, "huggingface-pytorch-tgi-inference", gated),
        EMBEDDING_MODEL: _specs(
            EMBEDDING_MODEL, EMBEDDING_INSTANCE, "huggingface-pytorch-inference", False
        ),
    }
    manifest = []
    for model_id, spec in specs.items():
        key = f"community_models/{model_id}/specs_v1.0.0.json"
        put(key, spec)
        manifest.append(
            {
                "model_id": model_id,
                "version": "1.0.0",
                "min_version": "2.0.0",
                "spec_key": key,
                "search_keywords": [],
            }
        )
    put("models_manifest.json", manifest)
    put("proprietary-sdk-manifest.json", [])


def _specs(model_id: str, instance_type: str, image: str, gated: bool) -> dict[str, Any]:
    family = instance_type.split(".")[1]
    json_only = ["application/json"]
    return {
        "model_id": model_id,
        "url": "https://example.com",
        "version": "1.0.0",
        "min_sdk_version": "2.0.0",
        "training_supported": False,
        "incremental_training_supported": False,
        "hosting_ecr_specs": {
            "framework": "huggingface",
            "framework_version": "2.1.0",
            "py_version": "py310",
        },
        "hosting_artifact_key": f"{model_id}/artifact.tar.gz",
        "hosting_script_key": f"{model_id}/script.tar.gz",
        "hosting_prepacked_artifact_key": f"{model_id}/inference-prepack/v1.0.0/",
        "hosting_use_script_uri": False,
        "hosting_eula_key": f"{model_id}/eula.txt" if gated else None,
        "hosting_instance_type_variants": {
            "regional_aliases": {
                REGION: {"image": f"763104351884.dkr.ecr.{REGION}.amazonaws.com/{image}:1"}
            },
            "variants": {family: {"regional_properties": {"image_uri": "$image"}}},
        },
        "inference_vulnerable": False,
        "inference_dependencies": [],
        "inference_vulnerabilities": [],
        "training_vulnerable": False,
        "training_dependencies": [],
        "training_vulnerabilities": [],
        "deprecated": False,
        "inference_environment_variables": [
            {
                "name": "SM_NUM_GPUS",
                "type": "text",
                "default": "8",
                "scope": "container",
                "required_for_model_class": True,
            }
        ],
        "metrics": [],
        "default_inference_instance_type": instance_type,
        "supported_inference_instance_types": [instance_type],
        "model_kwargs": {},
        "deploy_kwargs": {"container_startup_health_check_timeout": 1200},
        "predictor_specs": {
            "supported_content_types": json_only,
            "supported_accept_types": json_only,
            "default_content_type": json_only[0],
            "default_accept_type": json_only[0],
        },
        "inference_volume_size": 256,
        "inference_enable_network_isolation": True,
        "resource_name_base": "hf",
        "dynamic_container_deployment_supported": False,
    }
