"""Lists deployed resources: those that run, since when, and those left over."""

from dataclasses import dataclass
from datetime import UTC, datetime

from indexes.errors import masked
from indexes.models.sagemaker.endpoints import scaling
from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.ledger import Ledger
from indexes.models.sagemaker.endpoints.plan import Plan
from indexes.models.sagemaker.endpoints.search import FoundResource, search
from indexes.models.sagemaker.failures import short


@dataclass(frozen=True)
class Running:
    """An endpoint. It costs as long as it exists, called or not, unless it scales to zero.

    Args:
        found: Which.
        status: SageMaker's.
        instance_type, instances: What it runs on; None if SageMaker does not say.
        seconds: Since it was created.
        failure: Why it failed, if it did.
        scales: Whether it has no instances, and costs nothing, while nobody asks.
    """

    found: FoundResource
    status: str
    instance_type: str | None
    instances: int | None
    seconds: float
    failure: str | None
    scales: bool = False


@dataclass(frozen=True)
class Status:
    """Endpoints, and configs and models without one (they cost nothing)."""

    running: list[Running]
    leftovers: list[FoundResource]
    notes: list[str]


def status(plan: Plan, plane: ControlPlane, ledger: Ledger) -> Status:
    """All of this project's in the region, and whatever bears a name of the plan.

    Raises:
        SettingsError, ModelError: AWS cannot be asked.
    """
    findings = search(plane, ledger, [endpoint.name for endpoint in plan.endpoints])
    running = []
    for found in findings.resources:
        if found.kind == "endpoint":
            looked = _look(plane, found)
            if looked:
                running.append(looked)
    names = {one.found.name for one in running}
    leftovers = [f for f in findings.resources if f.kind != "endpoint" and f.name not in names]
    return Status(running, leftovers, findings.notes)


def _look(plane: ControlPlane, found: FoundResource) -> Running | None:
    described = plane.describe("endpoint", found.name)
    if described is None:
        return None
    config = plane.describe("endpoint-config", described["EndpointConfigName"]) or {}
    variants = config.get("ProductionVariants") or [{}]
    running = [
        variant.get("CurrentInstanceCount", variant.get("DesiredInstanceCount"))
        for variant in described.get("ProductionVariants", [])
    ]
    counts = [count for count in running if count is not None]
    zero = scaling.scales(config)
    planned = 0 if zero and counts else variants[0].get("InitialInstanceCount")
    failure = described.get("FailureReason")
    return Running(
        found=found,
        status=described["EndpointStatus"],
        instance_type=variants[0].get("InstanceType") or found.instance_type,
        instances=sum(counts) or planned,
        seconds=max(0.0, (datetime.now(UTC) - described["CreationTime"]).total_seconds()),
        failure=short(masked(failure, plane.secrets())) if failure else None,
        scales=zero,
    )
