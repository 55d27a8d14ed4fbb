"""How an endpoint wants to be asked is learnt from what it refuses, whichever way it is asked."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    InvalidRegionError,
    TokenRetrievalError,
)
from llama_index.core.base.llms.types import ChatMessage

from indexes.errors import ModelError, SettingsError
from indexes.models.providers import build_llm
from indexes.models.refusals import Refusal
from indexes.models.sagemaker.codecs import BrokenOffError
from indexes.models.sagemaker.emulator import Container, Serving, container_of
from indexes.models.sagemaker.failures import explain
from indexes.models.sagemaker.llm import EndpointLLM
from indexes.models.sagemaker.manners import EmbeddingManner, Manner
from indexes.models.sagemaker.profiles import Profile, profiles
from indexes.models.sagemaker.target import Target
from indexes.settings import load_settings
from indexes.waits import told
from tests.certificates import Authority
from tests.sagemaker.asks import MESSAGES, STREAMS, Ask, each_ask, text_of
from tests.sagemaker.conftest import Service
from tests.sagemaker.fakes import TEXT, WORDS

BRIEFLY = ChatMessage(role="system", content="Be brief.")

# What endpoints of names that tell nothing hold, and what they are sent in the end.
HELD = {
    "takes-either": (Container("lmi"), "messages"),
    "vllm": (Container("messages", only="messages"), "messages"),
    "tgi-before-messages": (Container("tgi", only="inputs"), "inputs"),
    "lmi-before-messages": (Container("lmi", only="inputs"), "inputs"),
    "no-system-role": (Container("messages", only="messages", system=False), "messages"),
}


@each_ask
@pytest.mark.parametrize("held", HELD)
async def test_an_unknown_container_is_asked_as_it_wants(
    service: Service, held: str, ask: Ask
) -> None:
    container, form = HELD[held]
    service.holds("e", container)
    llm = service.llm("e", system_prompt="Be brief.")
    assert text_of(await ask(llm)) == TEXT
    assert text_of(await ask(llm)) == TEXT
    assert form in service.emulator.seen[-1]
    asked = service.models.questions[-1].messages
    assert "Be brief." in str(asked)
    assert "[INST]" not in str(service.emulator.seen)
    # What was learnt once is not asked again.
    assert len(service.emulator.seen) <= 4
    sent = len(service.emulator.seen)
    await ask(llm)
    assert len(service.emulator.seen) == sent + 1


@pytest.mark.slow
@pytest.mark.parametrize("profile", [p for p in profiles() if p.part == "llm"])
async def test_no_model_but_mistrals_is_ever_sent_inst(service: Service, profile: Profile) -> None:
    for container in (container_of(profile), Container("tgi", only="inputs"), Container("lmi")):
        service.holds("e", container)
        llm = service.llm("e", model=profile.name)
        for _ in range(2):
            assert text_of(llm.complete("What happened?")) == TEXT
            assert text_of([*llm.stream_chat(MESSAGES)][-1]) == TEXT
    texts = [body["inputs"] for body in service.emulator.seen if "inputs" in body]
    assert texts
    assert all(("[INST]" in text) == (profile.template == "mistral") for text in texts)


@pytest.mark.slow
def test_each_models_texts_have_its_own_template(service: Service) -> None:
    for name, start in (
        ("llama-3-1-8b", "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"),
        ("qwen3", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat happened?"),
        ("mixtral", "[INST] Be brief.\n\nWhat happened? [/INST]"),
        ("e", "Be brief.\n\nWhat happened?"),
    ):
        service.holds(name, Container("tgi", only="inputs"))
        service.llm(name).chat([BRIEFLY, *MESSAGES])
        assert service.emulator.seen[-1]["inputs"].startswith(start)


@each_ask
async def test_thinking_comes_apart_from_the_answer(service: Service, ask: Ask) -> None:
    service.holds("gpt-oss", Container("messages", only="messages", thinks=True))
    response = await ask(service.llm("gpt-oss"))
    assert text_of(response) == TEXT
    assert response.additional_kwargs["finish_reason"] == "stop"
    if ask not in STREAMS:
        assert response.additional_kwargs["thinking"].startswith("The sentence that matters")
        return
    parts = list(service.llm("gpt-oss").stream_chat(MESSAGES))
    thought = "".join(part.additional_kwargs["thinking_delta"] for part in parts)
    assert thought == "The sentence that matters is in the context."


@each_ask
@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("shape", ["tgi", "messages"])
async def test_thinking_within_the_text_is_taken_out_of_it(
    service: Service, shape: Any, opened: bool, ask: Ask
) -> None:
    service.emulator.shape = shape
    thought = ["<th", "ink>We must ", "think", ".</thi", "nk>\n\n"]
    service.models.words = [*(thought if opened else thought[1:]), *WORDS]
    if not opened:
        service.models.words[0] = "We must "
    response = await ask(service.llm(codec=shape))
    assert text_of(response) == TEXT
    if ask not in STREAMS:
        assert response.additional_kwargs["thinking"].strip() == "We must think."


@each_ask
@pytest.mark.parametrize("shape", ["tgi", "lmi", "messages"])
async def test_an_answer_that_was_cut_says_so(service: Service, shape: Any, ask: Ask) -> None:
    service.emulator.shape = shape
    response = await ask(service.llm(codec=shape, max_tokens=5))
    assert response.additional_kwargs["finish_reason"] == "length"


@each_ask
@pytest.mark.parametrize("fault", ["unstreamed", "reported"])
async def test_where_streaming_is_refused_the_answer_comes_whole(
    service: Service, fault: str, ask: Ask
) -> None:
    if fault == "unstreamed":
        service.fails(fault=fault, share=1)
    else:
        service.fails(fault=fault, calls=1, parts=0, message="stream is not supported here")
    assert text_of(await ask(service.llm())) == TEXT


SITUATIONS = {
    "needs_component": "set RAG_SAGEMAKER_LLM_COMPONENT",
    "asynchronous": "deploy the model on a real-time endpoint",
    "too_long": "lower RAG_BUDGET or RAG_MAX_ANSWER_TOKENS",
    "page": "check RAG_SAGEMAKER_ENDPOINT_URL",
    "overloaded": "wait, or lower RAG_SAGEMAKER_CONCURRENCY",
}


@pytest.mark.usefixtures("no_pauses")
@each_ask
@pytest.mark.parametrize("fault", SITUATIONS)
async def test_a_situation_is_one_line_with_the_right_setting(
    service: Service, fault: Any, ask: Ask
) -> None:
    service.fails(fault=fault, share=1)
    with pytest.raises(ModelError) as failure:
        await ask(service.llm(max_retries=1))
    assert SITUATIONS[fault] in str(failure.value)
    assert "\n" not in str(failure.value)


def refused(code: str, said: str, status: int = 400, **more: Any) -> ClientError:
    about: Any = {"Error": {"Code": code, "Message": said}, **more}
    about["ResponseMetadata"] = {"HTTPStatusCode": status}
    return ClientError(about, "InvokeEndpoint")


TIMED_OUT = "Your invocation timed out while waiting for a response from container primary."
NOT_READY = "A serverless endpoint variant's resources are still being provisioned."
TOLD = [
    (refused("ValidationError", "Endpoint e of account 1 is in Updating state"), "not in service"),
    (refused("413", "Request Entity Too Large", 413), "lower RAG_BUDGET"),
    (refused("ModelError", TIMED_OUT, 424, OriginalMessage=TIMED_OUT), ", stream,"),
    (refused("ModelNotReadyException", NOT_READY, 429), "did not wake up"),
    (refused("ModelError", "<html><head><title>502 Bad Gateway</title></head></html>", 424,
             OriginalStatusCode=502),
     "ModelError: 502 Bad Gateway"),
    (TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
     "`aws sso login`"),
    (ConfigParseError(path="/home/a/.aws/config"), "`aws configure list`"),
    (InvalidRegionError(region_name="eu west 1"), "RAG_SAGEMAKER_REGION"),
    (BrokenOffError("the stream ended without saying so"), "ask again"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "words"), TOLD, ids=lambda one: str(one)[:40])
def test_what_services_and_their_setup_say_is_told_with_the_right_fix(
    error: Exception, words: str
) -> None:
    line = str(explain(error, Target("e"), []))
    assert words in line
    assert "CODEC" not in line


class Echo:
    """A container that returns the prompt before the answer, whatever it was asked."""

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> Any:  # noqa: N803 - AWS's name
        prompt = json.loads(Body)["inputs"]
        return {"Body": io.BytesIO(json.dumps([{"generated_text": f"{prompt} It is."}]).encode())}


def test_a_prompt_that_comes_back_is_no_part_of_the_answer() -> None:
    llm = EndpointLLM("mixtral", client=Echo(), codec="tgi")
    assert llm.complete("How is it?").text == " It is."


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"provider": "sagemaker"}, "change RAG_SAGEMAKER_LLM_ENDPOINT,"),
        ({"llm": "sagemaker:nowhere"}, "change RAG_LLM,"),
    ],
)
def test_an_endpoint_that_is_missing_names_the_setting_that_it_was_given_by(
    service: Service, settings: dict[str, str], setting: str
) -> None:
    with pytest.raises(ModelError, match=setting):
        build_llm(load_settings(**settings)).complete("?")


@pytest.mark.slow
def test_errors_of_the_embedding_name_its_settings(service: Service) -> None:
    for fault, setting in (
        ("needs_component", "RAG_SAGEMAKER_EMBEDDING_COMPONENT"),
        ("malformed", "RAG_SAGEMAKER_ENDPOINT_URL"),
        ("empty", "RAG_SAGEMAKER_EMBEDDING_CODEC"),
    ):
        service.fails(fault=fault, share=1)
        with pytest.raises(ModelError, match=setting):
            service.embedding().get_text_embedding("x")


def test_a_missing_endpoint_says_where_it_was_looked_for(service: Service) -> None:
    with pytest.raises(ModelError, match=r"account 000000000000, region us-east-1") as failure:
        service.llm("nowhere").complete("?")
    assert "RAG_SAGEMAKER_LLM_ENDPOINT" in str(failure.value)
    assert "still being created" in str(failure.value)


@each_ask
async def test_an_endpoint_scaled_to_zero_is_waited_for_and_that_is_told(
    service: Service, ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = "indexes.models.sagemaker.runtime"
    monkeypatch.setattr(f"{runtime}.WAKING_PAUSE_SECONDS", 0.001)
    service.fails(fault="asleep", calls=5)
    said: list[str] = []
    with caplog.at_level(logging.WARNING, runtime), told(said.append):
        # More often than other failures are tried again.
        assert text_of(await ask(service.llm(max_retries=1))) == TEXT
    assert said == ["the SageMaker endpoint mixtral is waking up, about 5 minutes"]
    assert said[0] in caplog.text
    monkeypatch.setattr(f"{runtime}.WAKING_SECONDS_A_RETRY", 0.0)
    service.fails(fault="asleep", share=1)
    with pytest.raises(ModelError, match="scaled to zero and did not wake up"):
        await ask(service.llm())


@each_ask
async def test_one_call_that_times_out_is_tried_again(service: Service, ask: Ask) -> None:
    """On a busy machine the next calls may take too long as well."""
    service.fails(fault="slow", calls=1, seconds=60)
    response = await ask(service.llm(timeout=0.5, max_retries=20))
    assert text_of(response) == TEXT
    assert response.raw["retries"] >= 1
    assert len(service.emulator.faults.handed) == 1


def test_a_form_is_changed_once() -> None:
    manner = Manner("messages")
    other = manner.after(Refusal(400, "moderation"), streamed=False, held=False)
    assert other is not None
    assert other.shape == "jumpstart"
    assert other.after(Refusal(422, "missing field `messages`"), streamed=False, held=False) is None


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("Conversation roles must alternate user/assistant", "system"),
        ("System role not supported", "system"),
        ('{"detail":[{"loc":["body","model"],"msg":"Field required"}]}', "named"),
        ("stream_options is not allowed", "usage"),
        ("response_format: json_schema is not supported", "schema"),
        ("this model does not support streaming", "streams"),
    ],
)
def test_a_refusal_teaches_one_thing(said: str, changed: str) -> None:
    before = Manner("messages")
    after = before.after(Refusal(400, said), streamed=True, held=True)
    assert after is not None
    differences = {name for name in vars(before) if getattr(before, name) != getattr(after, name)}
    assert differences == {changed}
    # It is not learnt twice: the next refusal leads on, and in the end nowhere.
    steps = 0
    while after is not None:
        steps += 1
        after = after.after(Refusal(400, said), streamed=True, held=True)
    assert steps < 8


# Embedding endpoints


CODECS = ["jumpstart", "feature-extraction", "openai"]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("payload", CODECS)
async def test_texts_are_sent_in_the_form_that_is_taken(
    service: Service, payload: Any, asynchronous: bool
) -> None:
    service.holds("e", Container(payload=payload))
    model = service.embedding("e")
    texts = ["a" * length for length in range(1, 9)]
    for _ in range(2):
        if asynchronous:
            vectors = await model.aget_text_embedding_batch(texts)
        else:
            vectors = model.get_text_embedding_batch(texts)
        assert [round(v[0] / v[1] * 3) for v in vectors] == list(range(1, 9))
    sent = len(service.emulator.seen)
    model.get_text_embedding("x")
    assert len(service.emulator.seen) == sent + 1


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("payload", CODECS)
async def test_batches_are_as_large_as_the_container_takes(
    service: Service, payload: Any, asynchronous: bool
) -> None:
    service.holds("e", Container(payload=payload, batch=10))
    model = service.embedding("e", requests_at_once=1)
    texts = ["a" * length for length in range(1, 101)]
    if asynchronous:
        vectors = await model.aget_text_embedding_batch(texts)
    else:
        vectors = model.get_text_embedding_batch(texts)
    assert [round(v[0] / v[1] * 3) for v in vectors] == list(range(1, 101))
    assert max(service.models.batches) == 10
    service.emulator.seen.clear()
    model.get_text_embedding_batch(texts)
    assert len(service.emulator.seen) == 10


@pytest.mark.slow
def test_a_text_that_is_too_long_after_all_is_cut_or_refused(service: Service) -> None:
    said = json.dumps({"error": "`inputs` must have less than 512 tokens. Given: 602"})
    service.fails(fault="validation", calls=3, message=said)
    model = service.embedding()
    model.get_text_embedding_batch(["x" * 100, "y"])
    assert [len(text) for text in service.models.texts] == [56, 1]
    service.fails(fault="validation", share=1, message=said)
    with pytest.raises(ModelError, match="set RAG_EMBEDDING_WINDOW"):
        service.embedding(too_long="refuse").get_text_embedding("x")


@pytest.mark.parametrize(
    ("status", "said", "batch"),
    [
        (413, "batch size 64 > maximum allowed batch size 32", 32),
        (422, "batch size 64 > maximum allowed batch size 32", 32),
        (400, "batch size is invalid, it should not be larger than 10.: payload", 10),
        (400, "Invalid input: input array too long, batch exceeded", 32),
        (413, "Payload Too Large", 32),
    ],
)
def test_a_batch_that_is_too_large_is_made_smaller(status: int, said: str, batch: int) -> None:
    before = EmbeddingManner.of("openai", 64, fixed=True)
    after = before.after(Refusal(status, said), 64)
    assert after is not None
    assert after.batch == batch


@pytest.mark.slow
def test_what_was_learnt_is_remembered_by_another_process(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.holds("e", Container("messages", only="messages", system=False, payload=None))
    service.llm("e", cache=tmp_path).chat([BRIEFLY, *MESSAGES])
    assert len(service.emulator.seen) == 2
    monkeypatch.setattr("indexes.models.habits._shared", {})
    service.llm("e", cache=tmp_path).chat([BRIEFLY, *MESSAGES])
    assert len(service.emulator.seen) == 3
    service.holds("v", Container(payload="openai", batch=4))
    texts = ["a" * length for length in range(1, 9)]
    first = service.embedding("v", cache=tmp_path, requests_at_once=1)
    first.get_text_embedding_batch(texts)
    monkeypatch.setattr("indexes.models.habits._shared", {})
    service.emulator.seen.clear()
    again = service.embedding("v", cache=tmp_path)
    assert again.get_text_embedding_batch(texts) == first.get_text_embedding_batch(texts)
    assert len(service.emulator.seen) == 4
    # Another model behind the endpoint since: what was learnt is learnt anew.
    service.holds("e", Container("tgi", only="inputs"))
    assert service.llm("e", cache=tmp_path).complete("?").text == TEXT


# What is on the way


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["auto", "openai"])
def test_a_bundle_makes_a_certificate_of_ones_own_trusted(
    service: Service, tmp_path: Path, codec: Any
) -> None:
    authority = Authority(tmp_path)
    with Serving(service.emulator.app, certificate=authority.sign("server")) as url:
        place = {"endpoint_url": url, "codec": codec, "max_retries": 0}
        assert text_of(service.llm(ca_bundle=authority.ca, **place).chat(MESSAGES)) == TEXT
        with pytest.raises(ModelError, match=r"certificate.*RAG_CA_BUNDLE"):
            service.llm(**place).chat(MESSAGES)


def test_headers_that_cannot_reach_sagemaker_are_refused() -> None:
    settings = load_settings(provider="sagemaker", extra_headers={"X-Tenant": "a"})
    with pytest.raises(SettingsError, match=r"extra_headers.*RAG_EXTRA_BODY"):
        build_llm(settings)
    with pytest.raises(SettingsError, match=r"ca_bundle.*is no file"):
        build_llm(load_settings(provider="sagemaker", ca_bundle="nowhere.pem"))
