"""Endpoints that speak OpenAI's API in ways of their own, as their documentation and their users'
reports show them. Each answers "All is well.", or refuses for a reason that one line has to name.
"""

import base64
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.models.scripted import Body, Reply, chunk, chunks, events, said, whole

TEXT = "All is well."
WORDS = ["All", " is", " well."]
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@dataclass(frozen=True)
class Dialect:
    """How one endpoint answers a chat.

    Attributes:
        name: whose habit, and which
        whole: its answer where nothing is streamed
        streamed: its answer as a stream
        path: of the address that a user gives, behind the host
        text: the answer that has to come of it; None where one line has to
        told: what the line has to say
        finish: how the answer ends
        thinking: what is kept apart
        refuses_both: whether a line has to come in either way, not only streamed
    """

    name: str
    whole: Callable[[Body], Reply]
    streamed: Callable[[Body], Reply]
    path: str = "/v1"
    text: str | None = TEXT
    told: tuple[str, ...] = ()
    finish: str = "stop"
    thinking: str = ""
    refuses_both: bool = False


def same(reply: Reply) -> Callable[[Body], Reply]:
    return lambda body: reply


def both(name: str, reply: Reply, *told: str, **more: Any) -> Dialect:
    """One that refuses both in the same way."""
    return Dialect(name, same(reply), same(reply), text=None, told=told, refuses_both=True, **more)


def streams(name: str, *values: Any, whole_: Any = None, **more: Any) -> Dialect:
    """One whose stream is odd."""
    options = {key: more.pop(key) for key in ("done", "lead", "kind") if key in more}
    answer = said(whole(TEXT)) if whole_ is None else said(whole_)
    return Dialect(name, same(answer), same(events(*values, **options)), **more)


def error(message: str, **more: Any) -> Body:
    return {"error": {"message": message, **more}}


HARMONY = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
TOOL = {
    "index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"},
}  # fmt: skip
OLD_VLLM = {
    "object": "error",
    "message": "This model's maximum context length is 4096 tokens. However, you requested 5256.",
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}
MAGISTRAL = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
    {"type": "text", "text": TEXT},
]
DATABRICKS = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {"type": "text", "text": TEXT},
]
GEMINI_KEY = [
    {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
        }
    }
]
HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>"
LOGIN = "<html><head><title>Sign in to Example</title></head><body><form></form></body></html>"


def _mistral(body: Body) -> Reply | None:
    """Mistral's schema of a request knows no `stream_options`."""
    if "stream_options" not in body:
        return None
    detail = {
        "type": "extra_forbidden",
        "loc": ["body", "stream_options"],
        "msg": "Extra inputs are not permitted",
        "input": {"include_usage": True},
    }
    message = {"detail": [detail]}
    return said(
        {"object": "error", "message": message, "type": "invalid_request_error", "code": None}, 422
    )


def _litellm(body: Body) -> Reply | None:
    if "max_tokens" not in body:
        return None
    message = (
        "litellm.BadRequestError: AzureException BadRequestError - Unsupported parameter: "
        "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    return said(error(message, type="None", param="None", code="400"), 400)


def _tgi(body: Body) -> Reply | None:
    if body.get("temperature") != 0:
        return None
    message = "Input validation error: `temperature` must be strictly positive"
    return said({"error": message, "error_type": "validation"}, 422)


def _first(check: Callable[[Body], Reply | None], reply: Reply) -> Callable[[Body], Reply]:
    return lambda body: check(body) or reply


def _azure_first() -> Body:
    filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]
    return {**chunk({}), "choices": [], "model": "", "prompt_filter_results": filters}


def _usage(**more: Any) -> Body:
    return {**chunk({}), "choices": [], "usage": USAGE, **more}


DIALECTS = [
    # vLLM
    streams("vllm", chunk({"role": "assistant", "content": ""}), *chunks(WORDS), _usage()),
    streams("vllm-usage-null-choices", *chunks(WORDS), {**_usage(), "choices": None}),
    streams(
        "vllm-reasoning", chunk({"role": "assistant", "reasoning": "Hm."}), *chunks(WORDS),
        whole_=whole(TEXT, reasoning="Hm.", reasoning_content=None), thinking="Hm.",
    ),
    both("vllm-too-long", said(OLD_VLLM, 400), "RAG_BUDGET"),
    both("vllm-too-long-in-stream", events(error(OLD_VLLM["message"], code=400)), "RAG_BUDGET"),
    Dialect(
        "vllm-old-error-in-mid-stream", same(said(whole(TEXT))),
        same(events(chunk({"content": "All"}), {**OLD_VLLM, "message": "CUDA out of memory"})),
        text=None, told=("CUDA out of memory",),
    ),
    both("vllm-no-template", said({**OLD_VLLM, "message": "As of transformers v4.44, default chat "
         "template is no longer allowed, so you must provide a chat template if the tokenizer "
         "does not define one."}, 400), "chat template"),
    # TGI
    Dialect(
        "tgi", _first(_tgi, said(whole(TEXT, "eos_token"))),
        _first(_tgi, events(*chunks(WORDS, "eos_token"), lead="data:")),
    ),
    streams(
        "tgi-error-in-mid-stream", chunk({"content": "All"}),
        {"error": "Request failed during generation: CUDA", "error_type": "generation"},
        whole_=whole(TEXT), lead="data:", text=None, told=("Request failed during generation",),
    ),
    # Ollama
    streams(
        "ollama-empty-finish", *(chunk({"role": "assistant", "content": w}, "") for w in WORDS),
        chunk({"content": ""}, "stop"),
    ),
    both("ollama-no-model", said(error('model "tiny" not found, try pulling it first',
         type="not_found_error", param=None, code=None), 404), "pulling it first", "RAG_LLM_MODEL"),
    # LiteLLM
    Dialect("litellm", _first(_litellm, said(whole(TEXT))),
            _first(_litellm, events(*chunks(WORDS)))),
    both("litellm-budget", said(error("Budget has been exceeded! Current cost: 0.02, Max budget: "
         "0.01", type="budget_exceeded", param=None, code="400"), 400), "nothing left"),
    both("litellm-key", said(error("Authentication Error, Invalid proxy server token passed.",
         type="auth_error", param="None", code="401"), 401), "RAG_API_KEY"),
    # Azure
    streams("azure", _azure_first(), chunk({"role": "assistant", "content": ""}), *chunks(WORDS)),
    streams(
        "azure-filtered", _azure_first(), chunk({"content": "All"}), chunk({}, "content_filter"),
        whole_=whole("All", "content_filter"), text="All", finish="broken",
    ),
    both("azure-prompt-filtered", said(error(
         "The response was filtered due to the prompt triggering Azure OpenAI's content management "
         "policy.", code="content_filter", param="prompt", innererror={}), 400),
         "ask in other words"),
    both("azure-deployment", said(error("The API deployment for this resource does not exist.",
         code="DeploymentNotFound"), 404), "API deployment for this resource does not exist",
         path="/openai/deployments/tiny?api-version=2024-10-21"),
    both("azure-key", said(error("Access denied due to invalid subscription key or wrong API "
         "endpoint.", code="401"), 401), "RAG_API_KEY", "wrong API endpoint"),
    # Groq
    streams(
        "groq", chunk({"role": "assistant", "content": ""}, x_groq={"id": "req"}),
        *chunks(WORDS)[:-1], chunk({}, "stop", x_groq={"id": "req", "usage": USAGE}),
    ),
    both("groq-tokens-a-minute", said(error(
         "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8236, "
         "please reduce your message size and try again.", type="tokens",
         code="rate_limit_exceeded"), 413), "RAG_BUDGET"),
    streams(
        "groq-error-event", chunk({"content": "All"}),
        'event: error\ndata: {"error":{"message":"over capacity","type":"server_error"}}',
        text=None, told=("over capacity",),
    ),
    # DeepSeek
    streams(
        "deepseek", ": keep-alive", chunk({"role": "assistant", "content": None,
                                           "reasoning_content": "Hm."}),
        *(chunk({"content": w, "reasoning_content": None}) for w in WORDS), chunk({}, "stop"),
        whole_=whole(TEXT, reasoning_content="Hm."), thinking="Hm.",
    ),
    Dialect(
        "deepseek-blank-lines", lambda body: Reply(200, (b"\n", b"\n",
                                                   *said(whole(TEXT)).pieces)),
        same(events(": keep-alive", ": keep-alive", *chunks(WORDS))),
    ),
    streams(
        "deepseek-overloaded", chunk({"content": "All"}),
        chunk({"content": ""}, "insufficient_system_resource"),
        whole_=whole("All", "insufficient_system_resource"), text="All", finish="broken",
    ),
    both("deepseek-no-money", said(error("Insufficient Balance", type="unknown_error", param=None,
         code="invalid_request_error"), 402), "nothing left"),
    # Gemini
    streams(
        "gemini-no-index", *({**chunk({"role": "assistant", "content": w}), "choices": [
            {"delta": {"role": "assistant", "content": w}}]} for w in WORDS), chunk({}, "stop"),
        path="/v1beta/openai/",
    ),
    both("gemini-key", said(GEMINI_KEY, 400), "RAG_API_KEY", path="/v1beta/openai"),
    both("gemini-model", said([error("models/tiny is not found for API version v1main, or is not "
         "supported for generateContent.", code=404, status="NOT_FOUND")], 404), "RAG_LLM_MODEL",
         "is not found for API version", path="/v1beta/openai"),
    streams(
        "gemini-spent", {**chunk({}), "choices": [
            {"delta": {"role": "assistant"}, "finish_reason": "length", "index": 0}]},
        whole_={**whole(""), "choices": [
            {"finish_reason": "length", "index": 0, "message": {"role": "assistant"}}]},
        text="", finish="thinking", path="/v1beta/openai",
    ),
    streams(
        "gemini-prohibited", chunk({}, "content_filter: PROHIBITED_CONTENT"),
        whole_=whole(None, "content_filter: PROHIBITED_CONTENT"), text="", finish="broken",
    ),
    # OpenRouter
    streams("openrouter", ": OPENROUTER PROCESSING", ": OPENROUTER PROCESSING", *chunks(WORDS)),
    Dialect(
        "openrouter-error-in-mid-stream", same(said(whole(TEXT))),
        same(events(chunk({"content": "All"}), {
            **chunk({"content": ""}, "error"),
            "error": {"code": "server_error", "message": "Provider disconnected"}})),
        text=None, told=("Provider disconnected",),
    ),
    both("openrouter-refused-under-200", said({"error": {"code": 404, "message":
         "No endpoints found matching your data policy"}, "user_id": "u"}),
         "No endpoints found matching your data policy"),
    both("openrouter-error-beside-choices", said({
         **whole(None, None), "error": {"message": "Provider returned error", "code": 400,
         "metadata": {"raw": "the moon"}}}), "the moon"),
    Dialect(
        "openrouter-error-in-a-choice",
        same(said({**whole("", "error"), "choices": [{
            "index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "error",
            "error": {"code": 400, "message": "Upstream idle"}}]})),
        same(events({**chunk({}), "choices": [{
            "index": 0, "delta": {"content": ""}, "finish_reason": "error",
            "error": {"code": 400, "message": "Upstream idle"}}]})),
        text=None, told=("Upstream idle",), refuses_both=True,
    ),
    # Mistral
    Dialect("mistral", _first(_mistral, said(whole(TEXT))),
            _first(_mistral, events(*chunks(WORDS)))),
    Dialect(
        "mistral-thinks", same(said(whole(MAGISTRAL))),
        same(events(chunk({"content": MAGISTRAL[:1]}), chunk({"content": MAGISTRAL[1:]}),
                    chunk({"content": ""}, "stop"))),
        thinking="Hm.",
    ),
    both("mistral-model", said({"object": "error", "message": "Invalid model: tiny", "type":
         "invalid_model", "param": None, "code": "1500"}, 400), "Invalid model", "RAG_LLM_MODEL"),
    both("mistral-422", said({"object": "error", "message": {"detail": [{
         "type": "less_than_equal", "loc": ["body", "top_p"], "msg":
         "Input should be less than or equal to 1"}]}}, 422), "top_p"),
    # llama.cpp
    both("llamacpp-too-long", said(error("the request exceeds the available context size. try "
         "increasing the context size or enable context shift", code=400,
         type="exceed_context_size_error", n_prompt_tokens=5000, n_ctx=4096), 400), "RAG_BUDGET"),
    Dialect(
        "llamacpp-old-error-line", same(said(whole(TEXT))),
        same(events(chunk({"content": "All"}),
                    'error: {"code":500,"message":"the moon fell","type":"server_error"}',
                    done=False)),
        text=None, told=("the moon fell",),
    ),
    # LM Studio
    both("lmstudio-nothing-loaded", said(error("No models loaded. Please load a model in the "
         "developer page or use the `lms load` command.", type="invalid_request_error",
         param="model", code="model_not_found"), 404), "lms load"),
    both("lmstudio-too-long", events('event: error\ndata: {"error":{"message":"Trying to keep the '
         "first 5000 tokens when context the overflows. However, the model is loaded with context "
         'length of only 4096 tokens, which is not enough."}}', done=False), "RAG_BUDGET"),
    both("lmstudio-keep", said({"error": "The number of tokens to keep from the initial prompt is "
         "greater than the context length (n_keep: 13055>= n_ctx: 4096)."}, 400), "RAG_BUDGET"),
    streams(
        "lmstudio-says-nothing", {**chunk({}), "choices": [], "usage": USAGE},
        whole_=whole(""), text="", finish="broken",
    ),
    both("tgi-failed", said({"error": "Request failed during generation: CUDA",
         "error_type": "generation"}, 424), "look into its log"),
    # Others, and what stands between
    Dialect("gpt-oss-raw", same(said(whole(HARMONY + TEXT + "<|return|>"))),
            same(events(*chunks([HARMONY[:30], HARMONY[30:], *WORDS, "<|return|>"]))),
            thinking="Hm."),
    streams("end-marks", *chunks([*WORDS, "</", "s>", "\n"]), whole_=whole(TEXT + "<|im_end|>")),
    streams("content-object", chunk({"content": {"text": TEXT}}), chunk({}, "stop"),
            whole_=whole({"text": TEXT})),
    streams("usage-in-words", *chunks(WORDS), _usage(usage={"prompt_tokens": "7"}),
            whole_={**whole(TEXT), "usage": {"prompt_tokens": "7"}}),
    streams("heartbeats", "data:", "data: ", "data: null", "data: keep-alive",
            "event: ping\ndata: 14:03:11", 'event: ping\ndata: {"type": "ping"}', *chunks(WORDS)),
    streams("byte-order-mark", "\ufeffdata: " + json.dumps(chunk({"content": "All"})),
            *chunks(WORDS[1:])),
    streams("all-in-thoughts", chunk({"reasoning_content": TEXT}), chunk({}, "stop"),
            whole_=whole(None, reasoning_content=TEXT), text="", thinking=TEXT, finish="thinking"),
    streams("tool-call", chunk({"tool_calls": [TOOL]}), chunk({}, "tool_calls"),
            whole_=whole(None, "tool_calls", tool_calls=[TOOL]), text="", finish="broken"),
    streams("glm-network-error", *chunks(WORDS, "network_error"),
            whole_=whole(TEXT, "network_error"), finish="broken"),
    both("error-under-200-without-a-name", said({"code": 1113, "msg": "Account in arrears"}),
         "Account in arrears", "look into its log"),
    both("detail-under-200", said({"detail": "Model not loaded"}), "Model not loaded"),
    both("errors-under-200", said({"errors": [{"code": 10000, "message": "Worn out"}],
         "success": False, "result": None}), "(500: Worn out)"),
    both("gzip-that-is-none", said(whole(TEXT), Content_Encoding="gzip"), "decompressing",
         "RAG_BASE_URL"),
    streams("content-parts", chunk({"content": [{"type": "text", "text": TEXT}]}),
            chunk({}, "stop"), whole_=whole([{"type": "text", "text": TEXT}])),
    Dialect("databricks", same(said(whole(DATABRICKS))),
            same(events(chunk({"content": DATABRICKS[:1]}), chunk({"content": DATABRICKS[1:]}),
                        chunk({}, "stop"))), thinking="Hm."),
    streams("refusal", chunk({"refusal": "I won't."}), chunk({}, "stop"),
            whole_=whole(None, refusal="I won't."), text="I won't."),
    streams("null-delta", chunk(None), *chunks(WORDS)),
    streams("no-end", chunk({"content": "All"}), chunk({"content": " is"}), done=False,
            text=None, told=("broke off", "ask again")),
    streams("no-done", *chunks(WORDS), done=False),
    streams("no-finish", *chunks(WORDS)[:-1]),
    Dialect("always-streams", same(events(_azure_first(), *chunks(WORDS), _usage())),
            same(events(*chunks(WORDS)))),
    streams("crlf-and-comments", ": hello\r", *chunks(WORDS)),
    Dialect("stream-called-json", same(said(whole(TEXT), kind="text/plain")),
            same(events(*chunks(WORDS), kind="application/json"))),
    Dialect("whole-called-text", same(said(whole(TEXT), kind="text/plain; charset=utf-8")),
            same(said(whole(TEXT), kind="text/plain; charset=utf-8"))),
    both("no-choices", said({**whole(""), "choices": []}), "neither choices nor data"),
    both("null-choices", said({**whole(""), "choices": None}), "neither choices nor data"),
    both("gateway-html", said(HTML, 400, "text/html"), "502 Bad Gateway"),
    both("login-page", said(LOGIN, 200, "text/html"), "Sign in to Example", "RAG_BASE_URL"),
    both("xai-key", said({"code": "Client specified an invalid argument", "error":
         "Incorrect API key provided: xx***xx."}, 400), "RAG_API_KEY"),
    both("xai-credits", said({"code": "The caller does not have permission", "error":
         "Your newly created team doesn't have any credits yet."}, 403), "nothing left"),
    both("region", said(error("Country, region, or territory not supported",
         code="unsupported_country_region_territory"), 403), "territory not supported"),
    both("responses-only", said(error("This model is only supported in v1/responses and not in "
         "v1/chat/completions.", param="model"), 404), "only supported in v1/responses"),
]  # fmt: skip


@dataclass(frozen=True)
class Embedder:
    """How one endpoint answers texts; a vector begins with the length of its text.

    Attributes:
        name: whose habit, and which
        answer: what it says to a request
        told: what the line has to say; nothing where vectors have to come
        path: of the address that a user gives
    """

    name: str
    answer: Callable[[Body], Reply]
    told: str = ""
    path: str = "/v1"


def vector(text: str) -> list[float]:
    return [float(len(text)), 0.0, 1.0]


def base64_of(text: str) -> str:
    return base64.b64encode(struct.pack("<3f", *vector(text))).decode()


def texts(body: Body) -> list[str]:
    given = body.get("input", [])
    return [given] if isinstance(given, str) else given


def data(body: Body, item: Callable[[int, str], Body]) -> Reply:
    items = [item(place, text) for place, text in enumerate(texts(body))]
    return said({"object": "list", "model": "m", "data": items, "usage": {"prompt_tokens": 1}})


def plain(body: Body) -> Reply:
    return data(body, lambda n, text: {"index": n, "embedding": vector(text)})


def most(count: int, refusal: Reply) -> Callable[[Body], Reply]:
    """One that takes so many texts at once."""
    return lambda body: refusal if len(texts(body)) > count else plain(body)


def longest(size: int, refusal: Reply) -> Callable[[Body], Reply]:
    """One that takes so many characters at once."""
    return lambda body: refusal if sum(map(len, texts(body))) > size else plain(body)


EMBEDDERS = [
    Embedder("base64-unasked", lambda body: data(
        body, lambda n, text: {"index": n, "embedding": base64_of(text)})),
    Embedder("no-index", lambda body: data(body, lambda n, text: {"embedding": vector(text)})),
    Embedder("backwards", lambda body: said({"data": [
        {"index": n, "embedding": vector(t)} for n, t in enumerate(texts(body))][::-1]})),
    Embedder("llamacpp-outside-v1", lambda body: said([
        {"index": n, "embedding": [vector(t)]} for n, t in enumerate(texts(body))]), path=""),
    Embedder("embeddings-in-a-list", lambda body: said({
        "model": "m", "embeddings": [vector(t) for t in texts(body)]})),
    Embedder("tei-batch", most(8, said({
        "message": "batch size 40 > maximum allowed batch size 8", "code": 413,
        "type": "Validation"}, 413))),
    Embedder("infinity-batch", most(8, said({"detail": [{
        "type": "too_long", "loc": ["body", "input", "list[str]"],
        "msg": "List should have at most 8 items after validation, not 40"}]}, 422))),
    Embedder("mistral-tokens-in-batch", longest(200, said({
        "object": "error", "message": "Too many tokens in batch. Max is 16384 got 20000",
        "type": "invalid_request_prompt", "code": "3210"}, 400))),
    Embedder("openai-tokens-in-request", longest(200, said(error(
        "Invalid 'input': maximum request size is 300000 tokens per request.",
        code="max_tokens_per_request"), 400))),
    Embedder("ollama-long", longest(200, said(error(
        "the input length exceeds the context length"), 400))),
    Embedder("llamacpp-no-embeddings", lambda body: said(error(
        "This server does not support embeddings. Start it with `--embeddings`", code=501,
        type="not_supported_error"), 501), "Start it with `--embeddings`"),
    Embedder("ollama-no-embeddings", lambda body: said(error(
        "this model does not support embeddings"), 400), "does not support embeddings"),
    Embedder("vllm-chat-model", lambda body: said({"object": "error", "message":
        "The model does not support Embeddings API", "code": 400}, 400), "RAG_EMBEDDING_MODEL"),
    Embedder("error-under-200", lambda body: said({"error": "Model does not exist."}),
        "Model does not exist"),
    Embedder("fewer", lambda body: said({"data": []}), "No embedding data|0 vectors for"),
    Embedder("null", lambda body: data(body, lambda n, text: {"index": n, "embedding": None}),
        "not in OpenAI's format"),
    Embedder("no-numbers", lambda body: data(
        body, lambda n, text: {"index": n, "embedding": ["a", "b"]}), "RAG_EMBEDDING_MODEL"),
    Embedder("not-a-number", lambda body: data(
        body, lambda n, text: {"index": n, "embedding": [math.nan, 1.0]}), "RAG_EMBEDDING_MODEL"),
    Embedder("nim-long", longest(200, said({
        "error": "Input length 700 exceeds maximum allowed token size 512"}, 400))),
    Embedder("a-chat-answer", lambda body: said(whole(TEXT)), "RAG_BASE_URL"),
    Embedder("login-page", lambda body: said(LOGIN, 200, "text/html"), "Sign in to Example"),
]  # fmt: skip
