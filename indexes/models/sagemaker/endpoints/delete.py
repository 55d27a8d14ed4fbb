"""Deleting: endpoints first, for they cost; then their configs, then their models."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from indexes.errors import RagError
from indexes.models.sagemaker.endpoints import scaling
from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.ledger import Ledger
from indexes.models.sagemaker.endpoints.plan import KINDS, Kind, Plan
from indexes.models.sagemaker.endpoints.search import FoundResource, search

POLL_SECONDS = 5.0
# Looks at an endpoint that was told to go and does not say that it does.
LOOKS = 6
_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack"}


@dataclass(frozen=True)
class Remaining:
    """What is still there, and why."""

    found: FoundResource
    reason: str


@dataclass
class Deletion:
    """What `delete` did, or in a dry run would do.

    Args:
        deleted: What is gone, or would be.
        remaining: What was found and is still there.
        notes: What could not be looked through.
    """

    deleted: list[FoundResource] = field(default_factory=list)
    remaining: list[Remaining] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Report = Callable[[FoundResource, str], None]


def delete(
    plan: Plan,
    plane: ControlPlane,
    ledger: Ledger,
    *,
    everything: bool = False,
    force: bool = False,
    dry_run: bool = False,
    on_progress: Report | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> Deletion:
    """Remove endpoints, configs and models that were deployed, and say what remains.

    Removed is what carries the deployment's tags, and what the ledger has of it. What only
    bears a name of the plan may be someone else's: it remains, unless forced.

    Args:
        plan: Its deployment and its names are looked for.
        plane: Where.
        ledger: What is gone is struck from it.
        everything: All deployments of this project in the region.
        force: Also what bears a name of the plan and no tag at all.
        dry_run: Look, delete nothing.
        on_progress: Called with each resource and what happens to it.
        poll_seconds: Time between two looks while an endpoint goes.

    Raises:
        SettingsError, ModelError: AWS cannot be asked. A deletion that is refused raises
            nothing: it is among what remains.
    """
    names = [endpoint.name for endpoint in plan.endpoints]
    findings = search(plane, ledger, names)
    report = on_progress or (lambda _found, _what: None)
    result = Deletion(notes=findings.notes)
    doomed: list[FoundResource] = []
    for found in findings.resources:
        reason = _spared(found, plan, everything=everything, force=force)
        if reason:
            result.remaining.append(Remaining(found, reason))
        else:
            doomed.append(found)
    if dry_run:
        result.deleted = doomed
        return result

    work = _Removal(plane, report, poll_seconds)
    # All endpoints are told to go before the first is waited for.
    endpoints = [found for found in doomed if found.kind == "endpoint"]
    for found in endpoints:
        work.start(found)
    for found in endpoints:
        work.finish(found)
    for kind in KINDS[1:]:
        for found in doomed:
            if found.kind == kind:
                work.remove(found)
    for found in doomed:
        if _key(found) in work.failed:
            result.remaining.append(Remaining(found, work.failed[_key(found)]))
        else:
            result.deleted.append(found)
    _settle(plan, plane, ledger, result, everything=everything)
    return result


def _spared(found: FoundResource, plan: Plan, *, everything: bool, force: bool) -> str | None:
    """Why it is not deleted; None if it is."""
    if not found.ours:
        if found.tags is not None and not found.tags and force:
            return None
        if found.tags is None:
            return "its tags cannot be read: allow sagemaker:ListTags, then delete again"
        return "not made by this project, it only has the name" + (
            "" if found.tags else ": --force deletes it"
        )
    if everything or found.deployment in (plan.deployment, None):
        return None
    return f"of the deployment {found.deployment}: --deployment {found.deployment} or --all"


def _settle(
    plan: Plan, plane: ControlPlane, ledger: Ledger, result: Deletion, *, everything: bool
) -> None:
    """Strike what is gone from the ledger; what was noted and never created, too."""
    there = {(left.found.kind, left.found.name) for left in result.remaining}
    for noted in ledger.known(plane.account, plane.region):
        mine = everything or noted.deployment == plan.deployment
        if mine and (noted.kind, noted.name) not in there:
            ledger.forget(noted.account, noted.region, noted.kind, noted.name)


def _key(found: FoundResource) -> tuple[Kind, str]:
    return found.kind, found.name


class _Removal:
    """The deletions, one after the other; a refused one does not stop the others."""

    def __init__(self, plane: ControlPlane, report: Report, poll_seconds: float) -> None:
        self.plane = plane
        self.report = report
        self.poll_seconds = poll_seconds
        self.failed: dict[tuple[Kind, str], str] = {}

    def start(self, endpoint: FoundResource) -> None:
        """Tell an endpoint to go, and first what is on it."""
        self.report(endpoint, "deleting")
        try:
            if scaling.scales(self.plane.describe("endpoint-config", endpoint.name)):
                for what in scaling.remove(self.plane, endpoint.name):
                    self.report(endpoint, what)
                    time.sleep(self.poll_seconds)
            self.plane.delete("endpoint", endpoint.name)
        except RagError as error:
            self.failed[_key(endpoint)] = str(error)

    def finish(self, endpoint: FoundResource) -> None:
        """Wait until it is gone."""
        patience = LOOKS
        try:
            while True:
                described = self.plane.describe("endpoint", endpoint.name)
                if described is None:
                    self.failed.pop(_key(endpoint), None)
                    self.report(endpoint, "deleted")
                    return
                status = described["EndpointStatus"]
                self.report(endpoint, status)
                if _key(endpoint) in self.failed and status not in _BUSY:
                    # Refused while it was being created, perhaps: once more, now it is not.
                    self.failed.pop(_key(endpoint))
                    self.plane.delete("endpoint", endpoint.name)
                elif status not in _BUSY and status != "Deleting":
                    patience -= 1
                    if patience == 0:
                        self.failed[_key(endpoint)] = f"still {status}: delete again"
                        return
                time.sleep(self.poll_seconds)
        except RagError as error:
            self.failed[_key(endpoint)] = str(error)

    def remove(self, found: FoundResource) -> None:
        """Delete a config or a model, unless its endpoint is still there."""
        if ("endpoint", found.name) in self.failed:
            self.failed[_key(found)] = "its endpoint is still there"
            return
        try:
            self.plane.delete(found.kind, found.name)
            self.report(found, "deleted")
        except RagError as error:
            self.failed[_key(found)] = str(error)
