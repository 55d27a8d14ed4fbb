"""A rerank endpoint as the judge, in the forms that servers answer in."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from indexes.compression import (
    CrossEncoderJudge,
    PassageFilter,
    PassageReranker,
    SentenceExtractor,
)
from indexes.compression.build import build_cross_encoder, build_postprocessor
from indexes.compression.scoring_judge import Ranking
from indexes.errors import ModelError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.trace import tracing
from tests.compression.passages import check_verbatim, nodes
from tests.models.scripted import Body, Reply, Scripted, said
from tests.models.tiny import tiny_bert


class Endpoint:
    """Scores a text 1 if it holds "2021", else 0; answers in `form`, or with a status."""

    def __init__(self) -> None:
        self.form = "jina"
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.seen.append(body)
                endpoint.keys.append(self.headers["Authorization"])
                data = json.dumps(endpoint.answer(body["documents"])).encode()
                self.send_response(int(endpoint.form) if endpoint.form.isdigit() else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/rerank"

    def answer(self, texts: list[str]) -> Any:
        scores = [(place, float("2021" in text)) for place, text in enumerate(texts)]
        best_first = sorted(scores, key=lambda item: -item[1])
        if self.form == "tei":
            return [{"index": place, "score": score} for place, score in best_first]
        if self.form == "short":
            best_first = best_first[1:]
        if self.form == "odd":
            return {"results": "none"}
        return {"results": [{"index": i, "relevance_score": score} for i, score in best_first]}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    thread.join()
    endpoint.server.server_close()


@pytest.mark.parametrize("form", ["jina", "tei"])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_it_orders_filters_and_extracts(endpoint: Endpoint, form: str, way: str) -> None:
    endpoint.form = form
    judge = CrossEncoderJudge(endpoint.url, model="m", key=SecretStr("secret-key"))
    given = nodes()[::-1]

    def applied(compressor: Any) -> list[Any]:
        if way == "sync":
            return compressor.postprocess_nodes(given, query_str="When?")
        return asyncio.run(compressor.apostprocess_nodes(given, query_str="When?"))

    ordered = applied(PassageReranker(judge))
    assert [one.node.node_id for one in ordered] == ["n0", "n400", "n200"]
    assert [one.node.node_id for one in applied(PassageFilter(judge))] == ["n0"]
    (kept,) = applied(SentenceExtractor(judge))
    assert kept.node.get_content() == "It was stopped in 2021."
    check_verbatim([kept])
    assert len(endpoint.seen) == 3, "a request a question"
    assert set(endpoint.keys) == {"Bearer secret-key"}


@pytest.mark.parametrize(
    ("form", "outcome"), [("short", "unreadable"), ("odd", "unreadable"), ("500", "failed")]
)
def test_what_goes_wrong_leaves_everything_as_it_is(
    endpoint: Endpoint, form: str, outcome: str
) -> None:
    endpoint.form = form
    judge = CrossEncoderJudge(endpoint.url, model="m")
    with tracing() as trace:
        found = PassageReranker(judge).postprocess_nodes(nodes(), query_str="When?")
    assert [one.node.node_id for one in found] == [one.node.node_id for one in nodes()]
    assert {d.outcome for d in trace["rerank"].details.passages} == {outcome}


# Servers, and what they refuse. Each scores a text by its length.


def scored(body: Body, name: str = "relevance_score") -> list[Body]:
    given = body.get("documents") or body["texts"]
    return [{"index": place, name: float(len(text))} for place, text in enumerate(given)][::-1]


def longest(body: Body) -> int:
    return max(map(len, body.get("documents") or body["texts"]))


def tei(body: Body) -> Reply:
    if len(body["texts"]) > 32:
        said_ = f"batch size {len(body['texts'])} > maximum allowed batch size 32"
        return said({"error": said_, "error_type": "Validation"}, 422)
    if longest(body) > 50 and not body.get("truncate"):
        return said({"error": "Input validation error: `inputs` must have less than 512 tokens. "
                     "Given: 700", "error_type": "Validation"}, 413)  # fmt: skip
    return said(scored(body, "score"))


def vllm(body: Body) -> Reply:
    if longest(body) > 50:
        return said(
            {"error": {"message": "This model's maximum context length is 512 tokens."}}, 400
        )
    return said({"results": scored(body)})


def voyage(body: Body) -> Reply:
    if "texts" in body:
        return said({"detail": "Argument 'texts' is not supported by our API."}, 400)
    return said({"object": "list", "data": scored(body)})


def strict(body: Body) -> Reply:
    detail = {"type": "extra_forbidden", "loc": ["body", "documents"], "msg": "Extra inputs"}
    return said({"detail": [detail]}, 422) if "documents" in body else said(scored(body, "score"))


def dashscope(body: Body) -> Reply:
    if len(body["documents"]) > 10:
        return said({"message": "documents: array should have at most 10 items"}, 400)
    return said({"output": {"results": scored(body)}})


def bedrock(body: Body) -> Reply:
    return said({"results": scored(body, "relevanceScore")})


SERVERS = [tei, vllm, voyage, strict, dashscope, bedrock]


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


async def ranked(judge: CrossEncoderJudge, texts: list[str], way: str) -> Ranking:
    work = judge._work("When?", texts)
    ranking: Ranking = work.do() if way == "sync" else await work.ado()
    return ranking


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("answer", SERVERS, ids=lambda answer: answer.__name__)
async def test_servers_of_any_make_score_every_text(
    server: Scripted, answer: Callable[[Body], Reply], way: str
) -> None:
    server.script = lambda path, body: answer(body)
    judge = CrossEncoderJudge(f"{server.root}/rerank", model="m")
    texts = ["x" * length for length in range(1, 61)]
    for _ in range(2):
        server.seen.clear()
        ranking = await ranked(judge, texts, way)
        assert ranking.outcome == "judged", ranking.note
        # One that can't read all of a text scores what it reads.
        assert ranking.scores[:30].tolist() == [float(n) for n in range(1, 31)]
    refused = [body for _, body in server.seen if answer(body).status >= 400]
    assert not refused, "what was learnt is known to the next question"


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_rerank_endpoint_that_is_busy_is_waited_for(server: Scripted, way: str) -> None:
    busy = [said({"error": "overloaded"}, status, Retry_After="0.01") for status in (429, 503)]
    server.script = lambda path, body: busy.pop() if busy else said(scored(body))
    judge = CrossEncoderJudge(f"{server.root}/rerank", model="m")
    assert (await ranked(judge, ["a", "bb"], way)).scores.tolist() == [1.0, 2.0]


PAGE = "<html><head><title>Sign in</title></head></html>"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            said({"error": {"message": "bad key sk-secret"}}, 401),
            r"401 \(bad key \*\*\*\): .*_API_KEY",
        ),
        (said({"detail": "Not Found"}, 404), r"404 \(Not Found\): change RAG_RERANK_URL"),
        (said(PAGE, 200, "text/html"), "no JSON.*RAG_RERANK_URL"),
        (said({"error": "no such model"}), "no list of an index"),
    ],
)
async def test_what_a_rerank_endpoint_says_is_told_without_the_key(
    server: Scripted, reply: Reply, told: str
) -> None:
    server.script = lambda path, body: reply
    judge = CrossEncoderJudge(f"{server.root}/rerank", model="m", key=SecretStr("sk-secret"))
    ranking = await ranked(judge, ["a"], "sync")
    assert re.search(told, ranking.note), ranking.note


def test_a_gateways_headers_and_certificates_reach_the_rerank_endpoint(
    server: Scripted, tmp_path: Path
) -> None:
    server.script = lambda path, body: said(scored(body))
    settings = load_settings(
        rerank_url=f"{server.root}/rerank", extra_headers={"X-Tenant": "us"}, api_key="sk-a"
    )
    server.headers.clear()
    build_cross_encoder(settings)._work("When?", ["a"]).do()
    assert server.headers[0]["X-Tenant"] == "us"
    bundle = tmp_path / "none.pem"
    bundle.write_text("none")
    judge = build_cross_encoder(settings.model_copy(update={"ca_bundle": bundle}))
    assert "RAG_CA_BUNDLE" in judge._work("When?", ["a"]).do().note


def test_reranking_asks_it_where_one_is_set(endpoint: Endpoint, index: HierarchicalIndex) -> None:
    settings = load_settings(rerank_url=endpoint.url, rerank_model="m")
    reranker = build_postprocessor("rerank", index.judge, settings)
    assert reranker.judge.kind == "cross-encoder"
    assert build_postprocessor("extract", index.judge, settings).judge.kind == "embedding"


def test_the_judge_cross_encoder_needs_an_address() -> None:
    with pytest.raises(SettingsError, match="RAG_RERANK_URL"):
        build_cross_encoder(load_settings(judge="cross-encoder"))


def test_a_local_reranker_orders_passages_in_this_process(
    tmp_path: Path, index: HierarchicalIndex
) -> None:
    """A tiny one with random weights: what it finds best is arbitrary, and the same each time."""
    file = tiny_bert(tmp_path / "tiny.gguf", window=512, ranks=True)
    settings = load_settings(rerank_model=str(file), cache=tmp_path)
    reranker = build_postprocessor("rerank", index.judge, settings)
    assert reranker.judge.kind == "cross-encoder"
    with tracing() as trace:
        found = reranker.postprocess_nodes(nodes(), query_str="When?")
    assert {d.outcome for d in trace["rerank"].details.passages} == {"judged"}
    assert [one.node.node_id for one in reranker.postprocess_nodes(nodes(), query_str="When?")] == [
        one.node.node_id for one in found
    ]


def test_a_local_reranker_that_is_not_here_says_the_one_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="advanced-rag models get bge-reranker"):
        build_cross_encoder(load_settings(rerank_model="bge-reranker", cache=tmp_path))
    with pytest.raises(SettingsError, match=r"RAG_RERANK_MODEL.*choose bge-reranker"):
        build_cross_encoder(load_settings(rerank_model="minilm-reranker"))
