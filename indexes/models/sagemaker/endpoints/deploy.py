"""Deploying: model, config and endpoint for each part of a plan, then waiting for them.

What exists is passed over, so after Ctrl-C, a crash or a refused quota the same call goes
on from there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from indexes.errors import ModelError, RagError, SettingsError, masked
from indexes.models.sagemaker.endpoints import scaling
from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.jumpstart import Hosting, JumpStart
from indexes.models.sagemaker.endpoints.ledger import Ledger, Noted
from indexes.models.sagemaker.endpoints.plan import (
    DEPLOYMENT_TAG,
    KINDS,
    PROJECT,
    PROJECT_TAG,
    SCALES_TAG,
    EndpointPlan,
    Kind,
    Plan,
)
from indexes.models.sagemaker.failures import short

POLL_SECONDS = 10.0
_READY = "InService"
_FAILED = {"Failed", "OutOfService"}


@dataclass(frozen=True)
class DeployStep:
    """What is happening to an endpoint.

    Args:
        endpoint: Its name.
        what: "preparing", "creating the model", …, or SageMaker's status of the endpoint.
        seconds: Since the endpoint was created, or since the call.
    """

    endpoint: str
    what: str
    seconds: float


@dataclass(frozen=True)
class Deployed:
    """An endpoint after `deploy`.

    Args:
        plan: What was asked for.
        status: SageMaker's, `InService` where it was waited for.
        created: Whether this call created the endpoint.
        seconds: Since the endpoint was created.
    """

    plan: EndpointPlan
    status: str
    created: bool
    seconds: float


Report = Callable[[DeployStep], None]


def deploy(
    plan: Plan,
    plane: ControlPlane,
    ledger: Ledger,
    *,
    role: str | None = None,
    accept_eula: bool = False,
    wait: bool = True,
    hosting: Hosting | None = None,
    on_progress: Report | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> list[Deployed]:
    """Create what of the plan is missing, all of it tagged, and wait until it answers.

    Args:
        plan: The endpoints.
        plane: Where to.
        ledger: Where each step is noted before it is taken.
        role: Name or ARN of the execution role; None for the caller's own.
        accept_eula: Accept the licences of models that have one.
        wait: Wait until the endpoints are in service: ten minutes and more.
        hosting: What makes models and endpoints; JumpStart, unless a test says otherwise.
        on_progress: Called at every step and poll.
        poll_seconds: Time between two looks while waiting.

    Raises:
        SettingsError: a name is taken, a licence not accepted, a role or region missing.
        ModelError: AWS refused, or an endpoint failed. What was created by then stays, and
            costs: the message says how to go on and how to delete it.
    """
    zero = [endpoint for endpoint in plan.endpoints if endpoint.scale_to_zero]
    for endpoint in zero:
        scaling.devices(endpoint.instance_type)
    if zero and not wait:
        raise SettingsError(
            "--scale-to-zero: the model is put on its endpoint once that serves: "
            "leave out --no-wait"
        )
    work = _Deployment(plan, plane, ledger, on_progress or (lambda _: None), poll_seconds)
    missing = [endpoint for endpoint in plan.endpoints if not work.exists(endpoint, "endpoint")]
    unprepared = [e for e in missing if not work.exists(e, "endpoint-config")]
    hosting = hosting or JumpStart(plane, role)
    try:
        if unprepared:
            for endpoint in unprepared:
                work.tell(endpoint, "preparing")
            hosting.prepare(unprepared, accept_eula=accept_eula)
        for endpoint in missing:
            work.create(endpoint, hosting)
        if wait:
            work.wait()
        for endpoint in zero:
            work.put_on(endpoint)
        for endpoint in zero:
            work.follow_load(endpoint)
    except RagError as error:
        if work.left:
            raise type(error)(
                f"{error} (created and left: {', '.join(work.left)}; "
                "`advanced-rag endpoints delete` removes them)"
            ) from error
        raise
    return [work.result(endpoint, created=endpoint in missing) for endpoint in plan.endpoints]


class _Deployment:
    """One run of `deploy`: what it found, and its steps."""

    def __init__(
        self, plan: Plan, plane: ControlPlane, ledger: Ledger, report: Report, poll_seconds: float
    ) -> None:
        self.plan = plan
        self.plane = plane
        self.ledger = ledger
        self.report = report
        self.poll_seconds = poll_seconds
        self.started = time.monotonic()
        self.left: list[str] = []
        self._existing: set[tuple[str, Kind]] = set()
        # All names are looked at before anything is created.
        for endpoint in plan.endpoints:
            self._look(endpoint)

    def exists(self, endpoint: EndpointPlan, kind: Kind) -> bool:
        return (endpoint.name, kind) in self._existing

    def tell(self, endpoint: EndpointPlan, what: str) -> None:
        self.report(DeployStep(endpoint.name, what, time.monotonic() - self.started))

    def create(self, endpoint: EndpointPlan, hosting: Hosting) -> None:
        """The steps that are missing, each noted before it is taken."""
        tags = self.plan.tags(endpoint)
        if self.exists(endpoint, "endpoint-config"):
            self.tell(endpoint, "creating the endpoint")
            self._note(endpoint, "endpoint")
            self.plane.create_endpoint(endpoint.name, tags)
        else:
            self.tell(endpoint, "creating the model")
            self._note(endpoint, "model")
            with self.plane.explained(f"creating the model {endpoint.name}"):
                hosting.create_model(endpoint, tags)
            self.left.append(f"model {endpoint.name}")
            self.tell(endpoint, "creating the endpoint")
            self._note(endpoint, "endpoint-config")
            self._note(endpoint, "endpoint")
            if endpoint.scale_to_zero:
                scaling.create_config(self.plane, endpoint, tags)
                self.plane.create_endpoint(endpoint.name, tags)
            else:
                with self.plane.explained(f"creating the endpoint {endpoint.name}"):
                    hosting.create_endpoint(endpoint, tags)
        self.left.append(f"endpoint {endpoint.name}")
        self.tell(endpoint, "Creating")

    def wait(self) -> None:
        """Look at all of them until each is in service."""
        pending = list(self.plan.endpoints)
        while pending := [endpoint for endpoint in pending if not self._serves(endpoint)]:
            time.sleep(self.poll_seconds)

    def _serves(self, endpoint: EndpointPlan) -> bool:
        found = self.plane.describe("endpoint", endpoint.name)
        if found is None:
            raise ModelError(
                f"the endpoint {endpoint.name} was deleted meanwhile: run deploy again"
            )
        status = str(found["EndpointStatus"])
        self.report(DeployStep(endpoint.name, status, _age(found)))
        if status in _FAILED:
            raise ModelError(
                f"the endpoint {endpoint.name} is {status} "
                f"({short(self._redacted(found.get('FailureReason')))}): mend that (another "
                "instance type or region, if it is capacity), then run deploy again"
            )
        return status == _READY

    def put_on(self, endpoint: EndpointPlan) -> None:
        """Have the model put on an endpoint that serves; one that failed there, anew."""
        found = scaling.describe(self.plane, endpoint.name)
        if found and found["InferenceComponentStatus"] == "Failed":
            for what in scaling.remove(self.plane, endpoint.name):
                self.tell(endpoint, what)
                time.sleep(self.poll_seconds)
            found = None
        if found is None:
            self.tell(endpoint, "putting the model on it")
            scaling.create_component(self.plane, endpoint, self.plan.tags(endpoint))

    def follow_load(self, endpoint: EndpointPlan) -> None:
        """Wait until the model answers, then let it come and go."""
        while (found := scaling.describe(self.plane, endpoint.name)) is not None:
            status = str(found["InferenceComponentStatus"])
            if status == _READY:
                scaling.follow_load(self.plane, endpoint)
                self.tell(endpoint, f"{_READY}, scales to zero")
                return
            if status == "Failed":
                raise ModelError(
                    f"the model on the endpoint {endpoint.name} failed "
                    f"({short(self._redacted(found.get('FailureReason')))}): mend that, then run "
                    "deploy again"
                )
            self.tell(endpoint, f"model {status}")
            time.sleep(self.poll_seconds)
        raise ModelError(
            f"the model was taken off the endpoint {endpoint.name} meanwhile: run deploy again"
        )

    def result(self, endpoint: EndpointPlan, *, created: bool) -> Deployed:
        found = self.plane.describe("endpoint", endpoint.name) or {}
        return Deployed(endpoint, str(found.get("EndpointStatus", "Deleted")), created, _age(found))

    def _look(self, endpoint: EndpointPlan) -> None:
        """Find what exists; refuse what is not ours, clear away what failed."""
        for kind in KINDS:
            resource = self.plane.find(kind, endpoint.name)
            if resource is None:
                continue
            self._check(endpoint, kind, self.plane.tags(resource))
            self._existing.add((endpoint.name, kind))
        if self.exists(endpoint, "endpoint") and not self._usable(endpoint):
            self._existing.discard((endpoint.name, "endpoint"))

    def _check(self, endpoint: EndpointPlan, kind: Kind, tags: dict[str, str] | None) -> None:
        noted = self.ledger.known(self.plane.account, self.plane.region)
        if not (tags or {}).get(PROJECT_TAG) and any(
            (one.kind, one.name, one.deployment) == (kind, endpoint.name, self.plan.deployment)
            for one in noted
        ):
            return  # ours, by the ledger: its tags were taken off, or may not be read
        if tags is None:
            raise ModelError(
                f"the {kind} {endpoint.name} exists, and its tags may not be read: have "
                "sagemaker:ListTags allowed, or give another name"
            )
        if tags.get(PROJECT_TAG) != PROJECT:
            raise SettingsError(
                f"the {kind} {endpoint.name} exists and was not made by this command: give "
                "another name (RAG_SAGEMAKER_LLM_ENDPOINT, RAG_SAGEMAKER_EMBEDDING_ENDPOINT)"
            )
        for tag, what in {SCALES_TAG: None, **self.plan.tags(endpoint)}.items():
            if tag != PROJECT_TAG and tags.get(tag) != what:
                option = " --all" if tag == DEPLOYMENT_TAG else ""
                raise SettingsError(
                    f"the {kind} {endpoint.name} exists with {tag} = {tags.get(tag)}, not "
                    f"{what}: give another name, or run `endpoints delete{option}` first"
                )

    def _usable(self, endpoint: EndpointPlan) -> bool:
        """Whether it serves or will; one that failed or is going is waited for to be gone."""
        found = self.plane.describe("endpoint", endpoint.name)
        if found and found["EndpointStatus"] not in ("Failed", "Deleting"):
            return True
        if found and found["EndpointStatus"] == "Failed":
            self.plane.delete("endpoint", endpoint.name)
        while self.plane.describe("endpoint", endpoint.name):
            self.tell(endpoint, "Deleting")
            time.sleep(self.poll_seconds)
        return False

    def _note(self, endpoint: EndpointPlan, kind: Kind) -> None:
        plane = self.plane
        self.ledger.note(
            Noted(
                account=plane.account,
                region=plane.region,
                deployment=self.plan.deployment,
                kind=kind,
                name=endpoint.name,
            )
        )

    def _redacted(self, text: object) -> str:
        return masked(str(text or "no reason given"), self.plane.secrets())


def _age(found: dict[str, Any]) -> float:
    created = found.get("CreationTime")
    # Two clocks: never below zero.
    return max(0.0, (datetime.now(UTC) - created).total_seconds()) if created else 0.0
