"""SageMaker's OpenAI-compatible route, and the tokens that it is called with."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from indexes.errors import ModelError
from indexes.models.sagemaker import bearer
from indexes.models.sagemaker.emulator import Container
from tests.sagemaker.asks import ASKS, Ask, each_ask, text_of
from tests.sagemaker.conftest import SECRET, Service
from tests.sagemaker.fakes import TEXT


def signed(token: str) -> dict[str, list[str]]:
    """What a token says."""
    assert token.startswith("sagemaker-api-key-")
    url = base64.b64decode(token.removeprefix("sagemaker-api-key-")).decode()
    return parse_qs(urlsplit(f"https://{url}").query)


@each_ask
@pytest.mark.parametrize("component", [None, "part"])
async def test_it_answers_every_way_of_asking(
    service: Service, component: str | None, ask: Ask
) -> None:
    service.holds("mixtral", Container("messages", only="messages"))
    llm = service.llm(codec="openai", inference_component=component, endpoint_url=service.url)
    assert text_of(await ask(llm)) == TEXT
    seen = service.emulator.seen[-1]
    assert seen["component"] == component
    assert seen["messages"] == [{"role": "user", "content": "What happened?"}]


def test_a_token_is_a_signature_of_at_most_twelve_hours(service: Service) -> None:
    said = signed(bearer.bearer_token(boto3.Session()))
    assert said["Action"] == ["CallWithBearerToken"]
    assert said["X-Amz-Expires"] == ["43200"]
    assert said["X-Amz-Credential"][0].startswith("AKIAPLANTED/")
    assert said["X-Amz-Credential"][0].endswith("/us-east-1/sagemaker/aws4_request")
    assert SECRET not in str(said)


def test_tokens_renew_themselves(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def token(_: Any) -> str:
        made.append(f"sagemaker-api-key-{len(made)}")
        return made[-1]

    monkeypatch.setattr(bearer, "bearer_token", token)
    llm = service.llm(codec="openai", endpoint_url=service.url)
    service.emulator.shape = "messages"
    for _ in range(3):
        llm.complete("?")
    assert len(made) == 1
    monkeypatch.setattr(bearer, "RENEWED_AFTER_SECONDS", 0.0)
    llm.complete("?")
    llm.complete("?")
    assert len(made) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("needs_component", "set RAG_SAGEMAKER_LLM_COMPONENT"),
        ("too_long", "lower RAG_BUDGET"),
        ("denied", "allow sagemaker:InvokeEndpoint"),
        ("throttle", "takes no more requests"),
    ],
)
def test_refusals_in_openais_form_are_understood(service: Service, fault: Any, said: str) -> None:
    service.fails(fault=fault, share=1)
    for ask in (lambda llm: llm.complete("?"), lambda llm: [*llm.stream_complete("?")]):
        with pytest.raises(ModelError, match=said) as failure:
            ask(service.llm(codec="openai", endpoint_url=service.url, max_retries=1))
        assert "\n" not in str(failure.value)
        assert "sagemaker-api-key" not in str(failure.value)


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
async def test_what_passes_is_tried_again_there_too(service: Service) -> None:
    service.emulator.shape = "messages"
    for ask in ASKS:
        service.fails(fault="throttle", calls=1)
        llm = service.llm(codec="openai", endpoint_url=service.url)
        assert text_of(await ask(llm)) == TEXT


def test_where_no_one_listens_that_is_said(service: Service) -> None:
    llm = service.llm(codec="openai", endpoint_url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(ModelError, match="cannot be reached"):
        llm.complete("?")


@pytest.mark.slow  # importing AWS's SDK takes nine seconds
@pytest.mark.skipif(find_spec("sagemaker") is None, reason="needs the extra sagemaker")
def test_tokens_are_those_of_awss_sdk(service: Service) -> None:
    script = (
        "import json; from sagemaker.core.token_generator import generate_token; "
        "print(json.dumps(generate_token(region='us-east-1')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    theirs = signed(json.loads(done.stdout.splitlines()[-1]))
    ours = signed(bearer.bearer_token(boto3.Session()))
    varying = {"X-Amz-Date", "X-Amz-Signature"}
    assert {k: v for k, v in theirs.items() if k not in varying} == {
        k: v for k, v in ours.items() if k not in varying
    }
    assert ours["X-Amz-Date"][0].startswith(datetime.now(UTC).strftime("%Y%m%d"))
