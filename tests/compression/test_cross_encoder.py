"""A rerank endpoint as the judge, in the forms that servers answer in."""

import asyncio
import json
import threading
from collections.abc import Iterator
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
from indexes.errors import ModelError, SettingsError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.trace import tracing
from tests.compression.passages import check_verbatim, nodes
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
