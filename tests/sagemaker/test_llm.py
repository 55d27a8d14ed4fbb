"""The language model over HTTP, through boto3, against the stand-in."""

import asyncio
import copy
import logging
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.llms.sagemaker_endpoint import SageMakerLLM

from indexes.compression.filter import PassageFilter
from indexes.compression.llm_judge import LLMJudge
from indexes.errors import ModelError
from indexes.models.sagemaker.llm import EndpointLLM
from indexes.models.usage import usage_of
from indexes.trace import tracing
from tests.sagemaker.asks import MESSAGES, SHAPES, STREAMS, Ask, each_ask, text_of
from tests.sagemaker.conftest import SECRET, TOKEN, Service
from tests.sagemaker.fakes import TEXT


@each_ask
@pytest.mark.parametrize("codec", ["auto", "own"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_and_way_of_asking_gives_the_same_text(
    service: Service, shape: Any, codec: str, ask: Ask
) -> None:
    service.emulator.shape = shape
    llm = service.llm(codec=shape if codec == "own" else "auto")
    assert text_of(await ask(llm)) == TEXT
    assert service.models.questions[0].messages == [{"role": "user", "content": "What happened?"}]
    service.fails(fault="split", calls=1)
    assert text_of(await ask(llm)) == TEXT


@each_ask
@pytest.mark.parametrize("shape", ["tgi", "lmi", "messages"])
async def test_usage_is_what_the_container_counts(service: Service, shape: Any, ask: Ask) -> None:
    service.emulator.shape = shape
    response = await ask(service.llm(codec=shape))
    assert service.models.questions
    usages = [usage_of(response)]
    if ask in STREAMS:
        usages = []
        for llm in [service.llm(codec=shape)]:
            usages = [usage_of(r) for r in llm.stream_complete("What happened?")]
    assert max(usages) == (2, 5)


def test_the_first_word_comes_before_the_last_is_made(service: Service) -> None:
    service.models.free.clear()
    words = service.llm().stream_complete("?")
    assert next(words).delta == "Bosun "
    assert service.models.said == 1
    service.models.free.set()
    assert [*words][-1].text == TEXT


async def test_async_calls_overlap(service: Service) -> None:
    service.models.seconds = 0.02
    llm = service.llm()
    answers = await asyncio.gather(*[llm.acomplete("?") for _ in range(12)])
    assert {answer.text for answer in answers} == {TEXT}


async def test_a_stream_that_is_left_early_can_be_left(service: Service) -> None:
    llm = service.llm()
    async for _ in await llm.astream_complete("?"):
        break
    assert (await llm.acomplete("?")).text == TEXT


@each_ask
@pytest.mark.parametrize("shape", SHAPES)
async def test_the_answer_ends_before_a_stop_text(service: Service, shape: Any, ask: Ask) -> None:
    service.emulator.shape = shape
    service.models.words = ["All is", " well <", "/s", "> not this"]
    assert text_of(await ask(service.llm(codec=shape))) == "All is well "


def test_what_only_began_like_a_stop_text_is_kept(service: Service) -> None:
    service.models.words = ["a <", "b </"]
    assert text_of(list(service.llm().stream_complete("?"))[-1]) == "a <b </"


def test_it_takes_the_place_of_the_stock_class(service: Service) -> None:
    llm = service.llm(context_window=32000, max_tokens=77)
    assert isinstance(llm, SageMakerLLM)
    assert llm.class_name() == SageMakerLLM.class_name()
    assert (llm.metadata.context_window, llm.metadata.num_output) == (32000, 77)
    llm.complete("?")
    assert service.models.questions[0].max_tokens == 77


def test_options_of_a_call_leave_those_of_the_model_alone(service: Service) -> None:
    options = {"top_p": 0.5}
    llm = service.llm(model_kwargs=options)
    llm.complete("?", max_tokens=5, stop=["x"], seed=3)
    assert options == llm.model_kwargs == {"top_p": 0.5}
    parameters = service.emulator.seen[0]["parameters"]
    assert (parameters["top_p"], parameters["seed"]) == (0.5, 3)
    assert service.models.questions[0].max_tokens == 5


def test_answers_can_be_held_to_a_schema_once_the_container_is_known(service: Service) -> None:
    schema = {"type": "array"}
    llm = service.llm()
    assert llm.constrained(schema, 8) == {"max_tokens": 8}
    llm.complete("?")
    for codec in (llm.codec, "lmi", "messages"):
        asked = service.llm(codec=codec) if codec != "auto" else llm
        asked.chat(MESSAGES, **asked.constrained(schema, 8))
        assert service.models.questions[-1].schema == schema
        assert service.models.questions[-1].max_tokens == 8


def test_an_inference_component_is_named(service: Service) -> None:
    service.llm(inference_component="part").complete("?")
    assert service.emulator.seen[0]["component"] == "part"


# Failures


@pytest.mark.usefixtures("no_pauses")
@each_ask
@pytest.mark.parametrize("fault", ["throttle", "unavailable", "internal", "model_error"])
async def test_what_passes_is_tried_again(service: Service, fault: Any, ask: Ask) -> None:
    service.fails(fault=fault, calls=1)
    assert text_of(await ask(service.llm())) == TEXT


@each_ask
async def test_a_refusal_is_said_at_once_in_the_services_words(service: Service, ask: Ask) -> None:
    service.fails(fault="validation", share=1, message="`inputs` must have less than 9 tokens")
    with pytest.raises(ModelError, match="must have less than 9 tokens"):
        await ask(service.llm())
    assert service.emulator.faults.handed == ["validation"]


SAID = {
    "throttle": "takes no more requests",
    "internal": "failed",
    "model_error": "look into the endpoint's log",
    "denied": "allow sagemaker:InvokeEndpoint",
    "malformed": "check RAG_SAGEMAKER_ENDPOINT_URL",
    "empty": "cannot be read",
    "oversized": "cannot be read",
    "reported": "as the fault script says",
    "reset": "broke off",
}


@pytest.mark.usefixtures("no_pauses")
@each_ask
@pytest.mark.parametrize("fault", SAID)
async def test_a_failure_is_one_line_with_the_fix(service: Service, fault: Any, ask: Ask) -> None:
    service.fails(fault=fault, share=1)
    with pytest.raises(ModelError) as failure:
        await ask(service.llm(max_retries=1))
    assert SAID[fault] in str(failure.value)
    assert "the SageMaker endpoint mixtral" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert failure.value.__cause__ is not None


@pytest.mark.parametrize("ask", STREAMS, ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("fault", ["stream_error", "stream_failure"])
async def test_an_error_after_http_200_is_raised(service: Service, fault: Any, ask: Ask) -> None:
    service.fails(fault=fault, share=1)
    with pytest.raises(ModelError, match="in the middle of its answer"):
        await ask(service.llm())


@each_ask
async def test_silence_ends_with_the_read_timeout(service: Service, ask: Ask) -> None:
    service.models.seconds = 0.5
    with pytest.raises(ModelError, match=r"no answer within 0\.2 s: raise RAG_MODEL_TIMEOUT"):
        await ask(service.llm(timeout=0.2))


async def test_a_forked_process_has_a_client_and_threads_of_its_own(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = service.llm()
    await llm.acomplete("?")
    before = llm.runtime.client, llm.runtime._pool()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    after = llm.runtime.client, llm.runtime._pool()
    assert before[0] is not after[0] and before[1] is not after[1]
    assert (await llm.acomplete("?")).text


def test_an_endpoint_that_does_not_exist_says_where_to_look(service: Service) -> None:
    with pytest.raises(ModelError, match=r"does not exist .*endpoints status"):
        EndpointLLM("nowhere").complete("?")


def test_where_no_one_listens_that_is_said(service: Service) -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        service.llm(endpoint_url="http://127.0.0.1:9", max_retries=0).complete("?")


def test_without_a_region_or_profile_the_setting_is_named(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ModelError, match="RAG_SAGEMAKER_REGION"):
        service.llm().complete("?")
    with pytest.raises(ModelError, match="RAG_SAGEMAKER_PROFILE"):
        service.llm(profile_name="nobody").complete("?")


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
async def test_500_calls_survive_throttling_and_resets(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    from indexes.models.sagemaker.faults import Fault

    service.emulator.faults.set(
        [Fault(fault="throttle", share=0.3), Fault(fault="reset", share=0.1)]
    )
    llm = service.llm(max_retries=20)
    with caplog.at_level(logging.WARNING, "indexes.models.sagemaker.runtime"):
        half = [llm.acomplete(f"question {n}") for n in range(250)]
        answers = await asyncio.gather(*half)
        with ThreadPoolExecutor(24) as threads:
            numbers = range(250, 500)
            answers += threads.map(lambda n: llm.complete(f"question {n}"), numbers)
    assert [answer.text for answer in answers] == [TEXT] * 500
    handed = service.emulator.faults.handed
    assert len(handed) > 200
    assert caplog.text.count("trying again") == len(handed)
    assert sum(answer.raw["retries"] for answer in answers) == len(handed)
    # A reset comes after the model has answered, so only those are asked twice.
    assert len(service.models.questions) == 500 + handed.count("reset")


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
async def test_a_call_that_was_tried_again_is_once_in_the_trace(service: Service) -> None:
    from indexes.models.sagemaker.faults import Fault

    service.emulator.faults.set(
        [Fault(fault="throttle", share=0.3), Fault(fault="reset", share=0.1)]
    )
    judge = LLMJudge(service.llm(max_retries=20), packing="each", at_once=8)
    passages = [NodeWithScore(node=TextNode(id_=str(n), text=f"Fact {n}.")) for n in range(50)]
    with tracing() as trace:
        kept = PassageFilter(judge).postprocess_nodes(passages, query_str="What happened?")
        again = await PassageFilter(judge).apostprocess_nodes(passages, query_str="What happened?")
    assert service.emulator.faults.handed
    assert [node.node_id for node in kept] == [node.node_id for node in again]
    for stage in trace.stages:
        assert stage.llm_calls == 50
        judged = [passage.id for passage in stage.details.passages]
        assert judged == [str(n) for n in range(50)]
        assert {passage.outcome for passage in stage.details.passages} == {"unreadable"}


# Secrets


@pytest.mark.slow
def test_no_secret_is_shown_anywhere(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    given = {
        "aws_access_key_id": "AKIAPLANTED",
        "aws_secret_access_key": SECRET,
        "aws_session_token": TOKEN,
    }
    shown = []
    for model in (service.llm(**given), service.embedding(**given), service.llm()):
        ask = model.complete if isinstance(model, EndpointLLM) else model.get_query_embedding
        ask("?")
        service.fails(fault="validation", calls=1, message=f"bad token {TOKEN} {SECRET}")
        with pytest.raises(ModelError) as failure:
            ask("?")
        assert "***" in str(failure.value)
        shown += [
            repr(model), str(model), str(model.to_dict()), str(model.model_dump()),
            str(pickle.dumps(model)), str(failure.value),
            repr(model.runtime), repr(vars(model.runtime)), str(copy.deepcopy(model)),
        ]  # fmt: skip
    assert "x-amz-security-token" in caplog.text.lower()
    for text in (*shown, caplog.text):
        assert SECRET not in text
        assert TOKEN not in text


@pytest.mark.slow
def test_a_role_is_taken_on_and_its_secrets_are_hidden_too(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.sagemaker.aws import started

    caplog.set_level(logging.DEBUG)
    server = started()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://{}:{}".format(*server.get_host_and_port()))
    try:
        llm = service.llm(role="arn:aws:iam::123456789012:role/caller")
        signed: list[str] = []
        llm.runtime.client.meta.events.register(
            "before-send", lambda request, **_: signed.append(str(request.headers["Authorization"]))
        )
        assert llm.complete("?").text
    finally:
        server.stop()
    assert "Credential=AKIAPLANTED" not in signed[0]
    taken_on = llm.runtime.client._request_signer._credentials.get_frozen_credentials()
    assert f"Credential={taken_on.access_key}" in signed[0]
    for secret in (taken_on.secret_key, taken_on.token, SECRET, TOKEN):
        assert secret not in caplog.text
        assert secret not in repr(vars(llm.runtime))


def test_a_role_that_cannot_be_taken_on_says_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ModelError, match="RAG_SAGEMAKER_ROLE") as failure:
        service.llm(role="arn:aws:iam::123456789012:role/caller").complete("?")
    assert "\n" not in str(failure.value)


def test_a_stand_ins_credentials_do_not_blot_out_words(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "local")
    llm = service.llm(endpoint_url="http://localhost:9", max_retries=0)
    with pytest.raises(ModelError, match="http://localhost:9"):
        llm.complete("?")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_works_like_the_original(service: Service, duplicate: Any) -> None:
    llm = service.llm()
    llm.complete("?")
    assert duplicate(llm).complete("?").text == TEXT


@pytest.mark.slow
def test_a_client_can_be_given(service: Service) -> None:
    import boto3

    client = boto3.client("sagemaker-runtime", endpoint_url=service.url, region_name="eu-west-1")
    assert service.llm(client=client, endpoint_url="http://127.0.0.1:9").complete("?").text == TEXT
