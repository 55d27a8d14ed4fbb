"""An endpoint that costs nothing while nobody asks: no instances until a question comes.

SageMaker does that for inference components only. So the model is not the endpoint's own but
a component on it, and four things belong together: the endpoint may have no instances, its
component no copies (a scalable target), idle copies are taken away (target tracking), and a
question that finds none is noticed (an alarm) and brings one back (step scaling). Without the
last it would fall asleep once and never wake.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from indexes.errors import ModelError, SettingsError
from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.failures import is_missing
from indexes.models.sagemaker.endpoints.plan import EndpointPlan, aws_tags
from indexes.models.sagemaker.failures import code_of

VARIANT = "AllTraffic"
_SPACE = {
    "ServiceNamespace": "sagemaker",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
# Of SageMaker's types with NVIDIA cards; a copy of the model takes all of them.
_ONE = r"ml\.(g4dn|g5|g6|g6e)\.(xlarge|2xlarge|4xlarge|8xlarge|16xlarge)|ml\.p5\.4xlarge"
_FOUR = r"ml\.(g5|g6|g6e)\.(12xlarge|24xlarge)|ml\.g4dn\.12xlarge"
_EIGHT = r"ml\.(g5|g6|g6e)\.48xlarge|ml\.(p4d|p4de)\.24xlarge|ml\.(p5|p5e|p5en)\.48xlarge"
_DEVICES = {1: re.compile(_ONE), 4: re.compile(_FOUR), 8: re.compile(_EIGHT)}
# A floor for the scheduler, not what the model gets; AWS's examples give this.
_LEAST_MEMORY_MB = 1024
_LONGEST_START_SECONDS = 3600
# Questions at once that one copy is for, and how long it idles.
_AT_ONCE = 5.0
_IDLE_SECONDS = 300
_WAKE_SECONDS = 60
# How each service says that there is no such thing; moto's word is the last.
_GONE = {"ResourceNotFound", "ObjectNotFoundException", "ValidationException"}


def devices(instance_type: str) -> int:
    """The accelerators of a type of instance.

    Raises:
        SettingsError: they are not known here.
    """
    for count, types in _DEVICES.items():
        if types.fullmatch(instance_type):
            return count
    raise SettingsError(
        f"--scale-to-zero: how many GPUs {instance_type} has is not known here: give one of the "
        "families g4dn, g5, g6, g6e, p4d and p5, or leave --scale-to-zero out"
    )


def create_config(plane: ControlPlane, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
    """The config of an endpoint that may have no instances; its model exists already."""
    model = plane.describe("model", endpoint.name) or {}
    with plane.explained(f"creating the endpoint config {endpoint.name}"):
        plane.client.create_endpoint_config(
            EndpointConfigName=endpoint.name,
            ExecutionRoleArn=model.get("ExecutionRoleArn"),
            ProductionVariants=[
                {
                    "VariantName": VARIANT,
                    "InstanceType": endpoint.instance_type,
                    "InitialInstanceCount": 1,
                    "ContainerStartupHealthCheckTimeoutInSeconds": _LONGEST_START_SECONDS,
                    "ManagedInstanceScaling": {
                        "Status": "ENABLED",
                        "MinInstanceCount": 0,
                        "MaxInstanceCount": endpoint.instances,
                    },
                    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                }
            ],
            Tags=aws_tags(tags),
        )


def scales(config: dict[str, Any] | None) -> bool:
    """Whether a config's endpoint may have no instances, and holds components."""
    variants = (config or {}).get("ProductionVariants") or [{}]
    least = variants[0].get("ManagedInstanceScaling", {}).get("MinInstanceCount")
    return bool(least == 0)


def describe(plane: ControlPlane, name: str) -> dict[str, Any] | None:
    """What SageMaker knows of a component; None if there is none."""
    with plane.explained(f"looking at the inference component {name}"):
        try:
            found: dict[str, Any] = plane.client.describe_inference_component(
                InferenceComponentName=name
            )
        except ClientError as error:
            if is_missing(error):
                return None
            raise
    return found


def create_component(plane: ControlPlane, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
    """Put the model on its endpoint, which serves already."""
    with plane.explained(f"creating the inference component {endpoint.name}"):
        plane.client.create_inference_component(
            InferenceComponentName=endpoint.name,
            EndpointName=endpoint.name,
            VariantName=VARIANT,
            Specification={
                "ModelName": endpoint.name,
                "StartupParameters": {
                    "ModelDataDownloadTimeoutInSeconds": _LONGEST_START_SECONDS,
                    "ContainerStartupHealthCheckTimeoutInSeconds": _LONGEST_START_SECONDS,
                },
                "ComputeResourceRequirements": {
                    "NumberOfAcceleratorDevicesRequired": devices(endpoint.instance_type),
                    "MinMemoryRequiredInMb": _LEAST_MEMORY_MB,
                },
            },
            RuntimeConfig={"CopyCount": 1},
            Tags=aws_tags(tags),
        )


def follow_load(plane: ControlPlane, endpoint: EndpointPlan) -> None:
    """Have copies go when nobody asks, and come when somebody does. May be done again."""
    name = endpoint.name
    place = {**_SPACE, "ResourceId": f"inference-component/{name}"}
    scaling = plane.session.client("application-autoscaling")
    with plane.explained(f"letting {name} scale to zero"):
        scaling.register_scalable_target(**place, MinCapacity=0, MaxCapacity=endpoint.instances)
        scaling.put_scaling_policy(
            **place,
            PolicyName=f"{name}-idle",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": (
                        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
                    )
                },
                "TargetValue": _AT_ONCE,
                "ScaleInCooldown": _IDLE_SECONDS,
                "ScaleOutCooldown": _IDLE_SECONDS,
            },
        )
        waking = scaling.put_scaling_policy(
            **place,
            PolicyName=_alarm(name),
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "Cooldown": _WAKE_SECONDS,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
        )
        plane.session.client("cloudwatch").put_metric_alarm(
            AlarmName=_alarm(name),
            AlarmDescription="A question found no instance.",
            AlarmActions=[waking["PolicyARN"]],
            Namespace="AWS/SageMaker",
            MetricName="NoCapacityInvocationFailures",
            Dimensions=[{"Name": "InferenceComponentName", "Value": name}],
            Statistic="Sum",
            Period=_WAKE_SECONDS,
            EvaluationPeriods=1,
            DatapointsToAlarm=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )


def remove(plane: ControlPlane, name: str) -> Iterator[str]:
    """Take a component off its endpoint, with alarm and policies; an endpoint that holds one
    can't be deleted. Yields what it is doing as long as it isn't done."""
    place = {**_SPACE, "ResourceId": f"inference-component/{name}"}
    with plane.explained(f"removing what scales {name}"):
        with _unless_gone():
            plane.session.client("cloudwatch").delete_alarms(AlarmNames=[_alarm(name)])
        with _unless_gone():
            # Its policies go with it.
            plane.session.client("application-autoscaling").deregister_scalable_target(**place)
    asked = False
    while (found := describe(plane, name)) is not None:
        status = found["InferenceComponentStatus"]
        if asked and status == "Failed":
            raise ModelError(f"the inference component {name} could not be deleted: delete again")
        # One that is being created or changed can't be told to go.
        if not asked and status in {"InService", "Failed"}:
            with plane.explained(f"deleting the inference component {name}"):
                plane.client.delete_inference_component(InferenceComponentName=name)
            asked = True
        yield "deleting its inference component"


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _GONE:
            raise


def _alarm(name: str) -> str:
    return f"{name}-wake"
