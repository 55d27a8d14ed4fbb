"""Could a better judge be had from the local models? Late interaction, and likelihood.

    python -m tests.benchmarks.local_judges [--corpus chunking_evaluation] [--questions 12]
        [--likelihood 3] [--index FOLDER] [--json]

**Late interaction**: MiniLM's vectors of tokens (llama.cpp without pooling); a sentence scores the
mean over the question's tokens of the best cosine among its own (Khattab and Zaharia, "ColBERT",
2020). **Likelihood**: SmolLM2's log-probability of the question behind the sentence (Sachan et al.,
"Improving Passage Retrieval with Zero-Shot Question Generation", 2022); a grammar makes it write
the question, and it tells how likely each token was.

Each stands once alone, and once in place of the cosine in `indexes.compression.similarity`, with
words, neighbours, titles and what the retriever says. Evidence kept at .35 and .45 of the text, 12
passages a question, and the seconds that a question's judging took.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from indexes.compression.passages import Passage
from indexes.compression.similarity import scored, shares
from indexes.models.local import smollm2_gguf
from indexes.models.minilm import minilm_gguf
from indexes.settings import load_settings
from tests.benchmarks.judges import SWEEP, at_most, swept
from tests.benchmarks.passages import Asked, asked, opened

Array = NDArray[np.float64]
# A question and its texts → a similarity for each text.
Similarity = Callable[[str, list[str]], Array]


@contextmanager
def served(path: Path, **parameters: Any) -> Iterator[httpx.Client]:
    """llama.cpp's own server of a model, for as long as it is needed."""
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path, params.verbosity = str(path), -1
    params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
    params.n_parallel = 1
    params.n_ctx = params.n_batch = params.n_ubatch = 2048
    for name, value in parameters.items():
        setattr(params, name, value)
    server = xllamacpp.Server(params)
    with httpx.Client(base_url=server.listening_address, timeout=300, trust_env=False) as client:
        yield client
    del server


def late_interaction(client: httpx.Client) -> Similarity:
    """MaxSim over vectors of tokens."""

    def tokens(texts: list[str]) -> list[Array]:
        reply = client.post("/embedding", json={"content": texts})
        rows = sorted(reply.raise_for_status().json(), key=lambda row: row["index"])
        vectors = [np.array(row["embedding"]) for row in rows]
        return [found / np.linalg.norm(found, axis=1, keepdims=True) for found in vectors]

    def similar(question: str, texts: list[str]) -> Array:
        (wanted,), given = tokens([question]), tokens(texts)
        return np.array([(wanted @ text.T).max(axis=1).mean() for text in given])

    return similar


def likelihood(client: httpx.Client) -> Similarity:
    """How likely the question is behind each text."""

    def score(question: str, text: str) -> float:
        prompt = f"{text}\n\nA question that is answered by this text:"
        grammar = f"root ::= {json.dumps(f' {question}', ensure_ascii=False)}"
        body = {"prompt": prompt, "grammar": grammar, "n_predict": 128, "n_probs": 1,
                "temperature": 0, "cache_prompt": False}  # fmt: skip
        reply = client.post("/completion", json=body).raise_for_status().json()
        written = reply["completion_probabilities"]
        return sum(token["logprob"] for token in written if token["token"])

    return lambda question, texts: np.array([score(question, text) for text in texts])


@dataclass(frozen=True)
class Row:
    """Evidence kept at .35 and .45 of the text, and seconds a question (the median).

    Attributes:
        alone: by the similarity and nothing else
        together: with it in the formula
    """

    alone: list[float]
    together: list[float]
    seconds: float


def measure(questions: Sequence[Asked], similarity: Similarity, titles: Similarity) -> Row:
    """What a similarity keeps alone, and in the whole formula."""
    alone, together, seconds = [], [], []
    for question in questions:
        passages = [Passage.of(node) for node in question.nodes]
        texts = [passage.slice(span) for passage in passages for span in passage.sentences]
        started = time.perf_counter()
        similar = similarity(question.question, texts)
        seconds.append(time.perf_counter() - started)
        named = titles(question.question, [passage.title for passage in passages])
        whole = scored(question.question, passages, similar, named).sentences
        alone.append((question, _places(passages, shares(similar).tolist())))
        together.append((question, _places(passages, [s for found in whole for s in found])))
    return Row(_kept(alone), _kept(together), statistics.median(seconds))


def _kept(judged: Sequence[tuple[Asked, list[dict[str, Any]]]]) -> list[float]:
    points = [(threshold, *swept(judged, threshold)) for threshold in SWEEP]
    return [at_most(points, share)[2] for share in (0.35, 0.45)]


def _places(passages: Sequence[Passage], scores: list[float]) -> list[dict[str, Any]]:
    spans = [(passage.document, span) for passage in passages for span in passage.sentences]
    return [
        {"document": document, "start": start, "end": end, "score": score}
        for (document, (start, end)), score in zip(spans, scores, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="chunking_evaluation")
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--likelihood", type=int, default=3, help="questions of these, for SmolLM2")
    parser.add_argument("--index", type=Path, help="where the index is, or is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table: dict[str, Row] = {}

    def tell(
        name: str, asked_: Sequence[Asked], similarity: Similarity, titles: Similarity
    ) -> None:
        row = table[name] = measure(asked_, similarity, titles)
        cells = "".join(f"{value:7.3f}" for value in (*row.alone, *row.together))
        print(f"{name:20}{len(asked_):9}{cells}{row.seconds:12.2f}", flush=True)

    print(f"{options.corpus}: evidence kept at .35 and .45 of the text")
    print(f"{'':20}questions   alone          in the formula   seconds a question", flush=True)
    with opened(options.corpus, options.index) as index:
        questions = asked(index, options.corpus, options.questions)
        few = questions[:: max(1, len(questions) // max(1, options.likelihood))]
        few = few[: options.likelihood]

        def cosine(question: str, texts: list[str]) -> Array:
            vectors = np.array(index.embedding.get_text_embedding_batch(texts))
            return np.array(vectors @ np.array(index.embedding.get_query_embedding(question)))

        tell("cosine", questions, cosine, cosine)
        if few:
            tell("cosine, the fewer", few, cosine, cosine)
        unpooled = import_module("xllamacpp").llama_pooling_type.LLAMA_POOLING_TYPE_NONE
        minilm = minilm_gguf(load_settings().cache)
        with served(minilm, embedding=True, pooling_type=unpooled) as client:
            tell("late interaction", questions, late_interaction(client), cosine)
        if few:
            with served(smollm2_gguf()) as client:
                tell("likelihood", few, likelihood(client), cosine)
    if options.json:
        print(json.dumps({name: asdict(row) for name, row in table.items()}))


if __name__ == "__main__":
    main()
