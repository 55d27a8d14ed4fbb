"""A log of AWS resources, written before each is created, so that none is forgotten.

It is the third way to find a leftover, after tags and names: for a resource whose tags
someone removed, or whose name was not the default. Losing it loses nothing else.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from indexes.disks import write_in_one_step
from indexes.errors import SettingsError
from indexes.models.sagemaker.endpoints.plan import Kind

FILE_NAME = "sagemaker-endpoints.json"


class Noted(BaseModel):
    """A resource that was created, or was about to be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    account: str
    region: str
    deployment: str
    kind: Kind
    name: str


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    resources: list[Noted] = []


class Ledger:
    """The record in a folder; safe to use from several processes.

    Every method raises SettingsError if the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def known(self, account: str, region: str) -> list[Noted]:
        """What was noted there, oldest first."""
        return [
            noted for noted in self._read() if (noted.account, noted.region) == (account, region)
        ]

    def note(self, noted: Noted) -> None:
        """Write down that this is about to be created."""
        with self._changing() as resources:
            if noted not in resources:
                resources.append(noted)

    def forget(self, account: str, region: str, kind: Kind, name: str) -> None:
        """It is gone."""
        with self._changing() as resources:
            resources[:] = [
                noted
                for noted in resources
                if (noted.account, noted.region, noted.kind, noted.name)
                != (account, region, kind, name)
            ]

    @contextmanager
    def _changing(self) -> Iterator[list[Noted]]:
        with self._errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=30):
                resources = self._read()
                before = list(resources)
                yield resources
                if resources != before:
                    self._write(resources)

    def _read(self) -> list[Noted]:
        with self._errors():
            try:
                text = self.path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return []
            try:
                return list(_File.model_validate_json(text).resources)
            except ValidationError as error:
                raise SettingsError(
                    f"{self.path} is damaged: delete it (tags and names are searched as well)"
                ) from error

    def _write(self, resources: list[Noted]) -> None:
        content: dict[str, Any] = {"resources": [noted.model_dump() for noted in resources]}
        write_in_one_step(self.path, json.dumps(content, indent=1), private=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # FileLock's timeout is one, too
            raise SettingsError(
                f"{self.path} cannot be used ({error}): mend that, or set RAG_CACHE elsewhere"
            ) from error
