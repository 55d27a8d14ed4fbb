"""Finding again what was deployed: by tag, by name, and by the ledger."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from indexes.models.sagemaker.endpoints.control import ControlPlane, Resource
from indexes.models.sagemaker.endpoints.ledger import Ledger
from indexes.models.sagemaker.endpoints.plan import (
    DEPLOYMENT_TAG,
    INSTANCE_TAG,
    KINDS,
    MODEL_TAG,
    PART_TAG,
    PROJECT,
    PROJECT_TAG,
    Kind,
)

# AWS allows some ten ListTags a second; boto3 slows down when told to.
TAGS_AT_ONCE = 8


@dataclass(frozen=True)
class FoundResource:
    """A resource of this project, or one that bears a name of its.

    Args:
        kind, name, created: What and since when.
        tags: Its tags; None if they may not be read.
        noted: Deployment under which the ledger has it, if it does.
    """

    kind: Kind
    name: str
    created: datetime | None
    tags: dict[str, str] | None
    noted: str | None

    @property
    def ours(self) -> bool:
        """Whether this project made it, for all that can be known."""
        if self.tags is not None and PROJECT_TAG in self.tags:
            return self.tags[PROJECT_TAG] == PROJECT
        return self.noted is not None

    @property
    def deployment(self) -> str | None:
        """The deployment that it belongs to."""
        return (self.tags or {}).get(DEPLOYMENT_TAG) or self.noted

    @property
    def part(self) -> str | None:
        """`llm` or `embedding`."""
        return (self.tags or {}).get(PART_TAG)

    @property
    def model_id(self) -> str | None:
        """JumpStart's id of its model."""
        return (self.tags or {}).get(MODEL_TAG)

    @property
    def instance_type(self) -> str | None:
        """What it was deployed for."""
        return (self.tags or {}).get(INSTANCE_TAG)


@dataclass(frozen=True)
class Findings:
    """What was found, endpoints first, and what could not be looked through."""

    resources: list[FoundResource] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def search(plane: ControlPlane, ledger: Ledger, names: Iterable[str]) -> Findings:
    """Everything in the region that this project made, and whatever bears one of `names`.

    Every endpoint, config and model of the region is asked for its tags. Where they cannot
    be read, names and the ledger remain, and a note says so.

    Raises:
        SettingsError, ModelError: AWS cannot be asked at all.
    """
    noted = {(n.kind, n.name): n.deployment for n in ledger.known(plane.account, plane.region)}
    wanted = {(kind, name) for kind in KINDS for name in names} | set(noted)
    found: list[FoundResource] = []
    notes: list[str] = []
    for kind in KINDS:
        existing = {resource.name: resource for resource in plane.resources(kind)}
        # A list may lag behind: names are asked for one by one.
        for name in sorted(name for k, name in wanted if k == kind and name not in existing):
            resource = plane.find(kind, name)
            if resource:
                existing[name] = resource
        tagged, unread = _tags(plane, list(existing.values()))
        if unread:
            notes.append(
                f"the tags of {unread} {kind}s could not be read (sagemaker:ListTags): they "
                "were searched by name only"
            )
        for name, resource in existing.items():
            tags = tagged.get(name)
            one = FoundResource(kind, name, resource.created, tags, noted.get((kind, name)))
            if one.ours or (kind, name) in wanted:
                found.append(one)
    return Findings(found, notes)


def _tags(
    plane: ControlPlane, resources: list[Resource]
) -> tuple[dict[str, dict[str, str] | None], int]:
    if not resources:
        return {}, 0
    with ThreadPoolExecutor(min(TAGS_AT_ONCE, len(resources))) as threads:
        tags = list(threads.map(plane.tags, resources))
    named = {resource.name: found for resource, found in zip(resources, tags, strict=True)}
    return named, sum(found is None for found in tags)
