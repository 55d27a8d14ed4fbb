"""A running stand-in, and models that call it with boto3 over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("llama_index.llms.sagemaker_endpoint", reason="needs the extra sagemaker")
pytest.importorskip("boto3")

from indexes.models.sagemaker.embedding import EndpointEmbedding
from indexes.models.sagemaker.emulator import Container, Emulator, Serving
from indexes.models.sagemaker.faults import Fault
from indexes.models.sagemaker.llm import EndpointLLM
from tests.sagemaker.fakes import SaidModels

SECRET = "planted/SECRET+key0123456789"
TOKEN = "planted-session-TOKEN-0123456789"


@dataclass
class Service:
    """The stand-in: what it is asked, and how it fails."""

    emulator: Emulator
    models: SaidModels
    url: str

    def fails(self, **rule: Any) -> None:
        self.emulator.faults.set([Fault(**rule)])

    def holds(self, name: str, container: Container) -> None:
        """Put an endpoint up."""
        self.emulator.endpoints = [name]
        self.emulator.containers[name] = container

    def llm(self, name: str = "mixtral", **options: Any) -> EndpointLLM:
        return EndpointLLM(name, **{"timeout": 10.0, "max_retries": 2, **options})

    def embedding(self, name: str = "bge", **options: Any) -> EndpointEmbedding:
        return EndpointEmbedding(name, **{"timeout": 10.0, "max_retries": 2, **options})


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[Emulator, str]]:
    emulator = Emulator(SaidModels(), endpoints=["mixtral", "bge"])
    with Serving(emulator.app) as url:
        yield emulator, url


@pytest.fixture
def service(_running: tuple[Emulator, str], monkeypatch: pytest.MonkeyPatch) -> Service:
    emulator, url = _running
    models = SaidModels()
    emulator.models, emulator.shape = models, "tgi"
    emulator.containers.clear()
    emulator.endpoints = ["mixtral", "bge"]
    emulator.faults.set([])
    emulator.faults.handed.clear()
    emulator.seen.clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Service(emulator, models, url)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once, for tests that are not about pauses."""
    monkeypatch.setattr("indexes.models.sagemaker.runtime.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("indexes.models.sagemaker.runtime.LONGEST_PAUSE_SECONDS", 0.02)


Make = Callable[..., Any]
