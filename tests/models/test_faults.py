"""Whatever the libraries below a model's client raise, before an answer or in the middle of it,
arrives as one of `indexes.errors`' types: one line, with the original as its cause.
"""

import asyncio
import inspect
import ssl
import string
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import httpx
import openai
import pytest
import urllib3.exceptions
from botocore.eventstream import ChecksumMismatch, InvalidHeadersLength, ParserError
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr

from indexes.errors import ModelError, RagError
from indexes.models import local
from indexes.models.endpoint import Endpoint
from indexes.models.local import LocalModel, smollm2_gguf
from indexes.models.openai_compatible import make_llm
from indexes.models.openai_embedding import make_embedding
from indexes.models.sagemaker.embedding import EndpointEmbedding
from indexes.models.sagemaker.llm import EndpointLLM

Fault = Callable[[], Exception]
MESSAGES = [ChatMessage(role="user", content="How is it?")]


def kinds(base: type[Exception]) -> set[type[Exception]]:
    """A class and all that are made of it."""
    return {base}.union(*(kinds(inner) for inner in base.__subclasses__()))


def one_line(error: pytest.ExceptionInfo[RagError]) -> None:
    said = str(error.value)
    assert said
    assert "\n" not in said
    assert error.value.__cause__ is not None


# OpenAI's client and httpx under it

REQUEST = httpx.Request("POST", "http://endpoint/v1/chat/completions")


def of_httpx() -> list[Fault]:
    """Each class of httpx's, and what a socket or TLS raises past it."""
    found: list[Fault] = [
        lambda: OSError(104, "Connection reset by peer"),
        lambda: ssl.SSLError("bad record mac"),
        lambda: RuntimeError("Cannot send a request, as the client has been closed."),
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        lambda: EOFError("the end"),
    ]
    classes = kinds(httpx.HTTPError) | kinds(httpx.StreamError) | {httpx.InvalidURL}
    for kind in sorted(classes, key=lambda kind: kind.__name__):
        if kind.__module__ != "httpx":
            continue
        if "response" in inspect.signature(kind).parameters:
            response = httpx.Response(418, request=REQUEST)
            found.append(
                lambda kind=kind, r=response: kind("a\nfault", request=REQUEST, response=r)
            )
        elif "message" in inspect.signature(kind).parameters:
            found.append(lambda kind=kind: kind("a\nfault"))
        else:
            found.append(kind)
    return found


def of_openai() -> list[Fault]:
    """Each class of the client's own."""
    found: list[Fault] = [lambda: openai.OpenAIError("a\nfault")]
    response = httpx.Response(418, json={"error": {"message": "a\nfault"}}, request=REQUEST)
    completion = SimpleNamespace(usage=None)
    given = {
        "message": "a\nfault", "request": REQUEST, "response": response, "body": None,
        "completion": completion, "cause": None,
    }  # fmt: skip
    for kind in sorted(kinds(openai.APIError), key=lambda kind: kind.__name__):
        wanted = inspect.signature(kind).parameters
        arguments = {name: given[name] for name in wanted if name in given}
        try:
            kind(**arguments)
        except TypeError:  # for webhooks and audio, with what no chat has
            continue
        found.append(lambda kind=kind, arguments=arguments: kind(**arguments))
    assert len(found) > 12
    return found


class Failing(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that begins well."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def __iter__(self) -> Iterator[bytes]:
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "All"}}]}\n\n'
        raise self._fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def endpoint() -> Endpoint:
    return Endpoint(
        url="http://127.0.0.1:9/v1",
        key=SecretStr("sk-a-secret"),
        model="tiny",
        url_setting="RAG_BASE_URL",
        model_setting="RAG_LLM_MODEL",
        retries=0,
    )


async def asked(way: str) -> None:
    """An endpoint, in one of the ways."""
    llm = make_llm(endpoint(), "tiny", context_window=1000, max_tokens=50)
    embedding = make_embedding(endpoint(), "tiny")
    match way:
        case "chat":
            llm.chat(MESSAGES)
        case "achat":
            await llm.achat(MESSAGES)
        case "stream":
            list(llm.stream_chat(MESSAGES))
        case "astream":
            [piece async for piece in await llm.astream_chat(MESSAGES)]
        case "embed":
            embedding.get_text_embedding_batch(["text"])
        case _:
            await embedding.aget_text_embedding_batch(["text"])


WAYS = ["chat", "achat", "stream", "astream", "embed", "aembed"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", of_httpx(), ids=lambda fault: type(fault()).__name__)
def test_what_the_transport_raises_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, way: str
) -> None:
    def send(self: Any, request: httpx.Request) -> httpx.Response:
        raise fault()

    async def asend(self: Any, request: httpx.Request) -> httpx.Response:
        raise fault()

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", send)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", asend)
    with pytest.raises(ModelError) as error:
        asyncio.run(asked(way))
    one_line(error)


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("fault", of_httpx(), ids=lambda fault: type(fault()).__name__)
def test_what_the_transport_raises_in_mid_stream_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, way: str
) -> None:
    def send(self: Any, request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=Failing(fault()), request=request)

    async def asend(self: Any, request: httpx.Request) -> httpx.Response:
        return send(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", send)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", asend)
    with pytest.raises(ModelError) as error:
        asyncio.run(asked(way))
    one_line(error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", of_openai(), ids=lambda fault: type(fault()).__name__)
def test_what_openais_client_raises_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, way: str
) -> None:
    def post(self: Any, *arguments: Any, **options: Any) -> Any:
        raise fault()

    async def apost(self: Any, *arguments: Any, **options: Any) -> Any:
        raise fault()

    monkeypatch.setattr(openai.OpenAI, "post", post)
    monkeypatch.setattr(openai.AsyncOpenAI, "post", apost)
    monkeypatch.setattr(openai.OpenAI, "get_api_list", post)
    with pytest.raises(ModelError) as error:
        asyncio.run(asked(way))
    one_line(error)


# boto3


def of_boto() -> list[Fault]:
    """Each class of botocore's, of urllib3's, and of what reads its streams."""
    found: list[Fault] = []
    for kind in sorted(kinds(botocore.exceptions.BotoCoreError), key=lambda kind: kind.__name__):
        if kind.__module__ != "botocore.exceptions":
            continue
        names = {name for _, name, _, _ in string.Formatter().parse(kind.fmt) if name}
        fields = {name.partition("[")[0].partition(".")[0]: "a\nfault" for name in names}
        if kind is botocore.exceptions.WaiterError:
            fields["last_response"] = {}
        found.append(lambda kind=kind, fields=fields: kind(**fields))
    refused = {"Error": {"Code": "Strange", "Message": "a\nfault"}}
    found += [
        lambda: botocore.exceptions.ClientError(refused, "InvokeEndpoint"),
        lambda: botocore.exceptions.ClientError({}, "InvokeEndpoint"),
        lambda: botocore.exceptions.EventStreamError(refused, "InvokeEndpoint"),
        lambda: ParserError("a\nfault"),
        lambda: ChecksumMismatch(1, 2),
        lambda: InvalidHeadersLength(1 << 40),
        lambda: urllib3.exceptions.ProtocolError("a\nfault", OSError(104, "reset")),
        lambda: urllib3.exceptions.IncompleteRead(1, 2),
        lambda: urllib3.exceptions.DecodeError("a\nfault"),
        lambda: urllib3.exceptions.HTTPError("a\nfault"),
        lambda: OSError(104, "Connection reset by peer"),
        lambda: ssl.SSLError("bad record mac"),
        lambda: EOFError("the end"),
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        lambda: RuntimeError("cannot schedule new futures after shutdown"),
    ]
    return found


class Client:
    """boto3's, that fails: when it is called, or with `late` when its answer is read."""

    def __init__(self, fault: Fault, late: bool) -> None:
        self._fault = fault
        self._late = late

    def invoke_endpoint(self, **_: Any) -> dict[str, Any]:
        if self._late:
            return {"Body": self}
        raise self._fault()

    invoke_endpoint_with_response_stream = invoke_endpoint

    def read(self, _: int = 0) -> bytes:
        raise self._fault()

    def __iter__(self) -> Iterator[Any]:
        raise self._fault()

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("fault", of_boto(), ids=lambda fault: type(fault()).__name__)
def test_what_boto_raises_is_a_model_error(fault: Fault, late: bool) -> None:
    client = Client(fault, late)
    llm = EndpointLLM("e", client=client, codec="tgi", max_retries=0)
    embedding = EndpointEmbedding("e", client=client, max_retries=0)

    async def astreamed() -> None:
        [piece async for piece in await llm.astream_chat(MESSAGES)]

    asks: list[Callable[[], Any]] = [
        lambda: llm.chat(MESSAGES),
        lambda: list(llm.stream_chat(MESSAGES)),
        lambda: asyncio.run(llm.achat(MESSAGES)),
        lambda: asyncio.run(astreamed()),
        lambda: embedding.get_text_embedding("text"),
    ]
    for ask in asks:
        with pytest.raises(ModelError) as error:
            ask()
        one_line(error)


# llama.cpp


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError("failed to load\nmodel"), MemoryError(), ValueError("bad"), OSError("io"),
        IndexError("out of range"), OverflowError("too large"), TypeError("bad cast"),
    ],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
def test_what_llama_cpp_raises_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Exception
) -> None:
    def server(_: Any) -> Any:
        raise fault

    monkeypatch.setattr(local, "_import_xllamacpp", lambda: SimpleNamespace(Server=server))
    monkeypatch.setattr(local, "_parameters", lambda *_: None)
    model = LocalModel("llm", "m", smollm2_gguf(), tmp_path, 512)
    with pytest.raises(ModelError, match=r"cannot load .*RAG_LLM_GGUF") as error:
        model.open()
    one_line(error)


@pytest.mark.parametrize("fault", of_httpx(), ids=lambda fault: type(fault()).__name__)
def test_a_local_server_that_does_not_answer_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Fault
) -> None:
    def post(*_: Any, **__: Any) -> Any:
        raise fault()

    started = SimpleNamespace(listening_address="http://127.0.0.1:9")
    monkeypatch.setattr(
        local, "_import_xllamacpp", lambda: SimpleNamespace(Server=lambda _: started)
    )
    monkeypatch.setattr(local, "_parameters", lambda *_: None)
    monkeypatch.setattr(httpx, "post", post)
    model = LocalModel("llm", "m", smollm2_gguf(), tmp_path, 512)
    with pytest.raises(ModelError, match=r"RAG_LLM_GGUF|RAG_MODEL_TIMEOUT") as error:
        model.open()
    one_line(error)
