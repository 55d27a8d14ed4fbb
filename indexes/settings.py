"""All settings, each also an environment variable `RAG_…`.

    RAG_PROVIDER=openai RAG_BASE_URL=http://localhost:8000/v1 advanced-rag ask "…"

Nothing here connects, loads or reads anything but the environment, and that only when
`load_settings` is called.
"""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Unpack

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from indexes.errors import SettingsError
from indexes.extensions import JUDGES, PROVIDERS
from indexes.model_spec import ModelSpec
from indexes.registry import Registry
from indexes.setting_checks import check_levels, check_secrets, check_spec, read_object, split
from indexes.setting_sources import QuickSources
from indexes.settings_file import read_settings

if TYPE_CHECKING:
    from indexes.setting_options import SettingOptions

Method = Literal["leaves", "tree", "ratio", "whole"]
AnswerKind = Literal["quotes", "written", "both"]
SearchMode = Literal["hybrid", "dense", "bm25"]
Order = Literal["relevance", "document"]
Quantization = Literal["none", "scalar", "binary"]

# What options take, whether they come as a setting, an argument, or from the page.
Budget = Annotated[int, Field(ge=16, le=1_000_000)]
TopK = Annotated[int, Field(ge=1, le=1000)]

# Hits of each search where neither a setting nor an argument says how many.
DEFAULT_TOP_K = 50

# What SageMaker allows.
ENDPOINT_NAME = r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$"

_KEYS = ("api_key", "llm_api_key", "embedding_api_key", "qdrant_api_key")

DEFAULT_LEVELS = (1024, 256, 128)
# As the size of a root: no document is cut at that level, so each is one root.
WHOLE_DOCUMENTS = 1_000_000_000


class Settings(QuickSources, BaseSettings):
    """Settings of one index and the models beside it. Immutable.

    Example:
        settings = Settings(index="my-index", budget=1024)
        index = HierarchicalIndex(settings)

    Raises `pydantic.ValidationError` on bad values; `load_settings` turns that into a
    one-line `SettingsError`.
    """

    model_config = SettingsConfigDict(
        env_prefix="RAG_", frozen=True, extra="forbid", validate_default=True
    )

    # Where the index lives.
    index: str = Field(".rag/index", description="Folder of an embedded index, or server URL.")
    collection: str = Field(
        "documents", pattern=r"^[A-Za-z0-9_-]{1,128}$", description="Name of the collection."
    )
    qdrant_api_key: SecretStr | None = None

    # Which models.
    llm: ModelSpec | None = Field(
        None,
        description="The language model in one line: qwen3-4b, openai:MODEL@URL, a .gguf file, a "
        "LlamaIndex class, … (docs/models.md).",
    )
    embedding: ModelSpec | None = Field(
        None, description="The embedding model in one line, likewise: bge-large-en, …"
    )
    provider: str = Field(
        "local",
        description="Who serves the models that no spec names: local, openai, sagemaker, or yours.",
    )
    base_url: str | None = Field(None, description="OpenAI-compatible endpoint, with its /v1.")
    embedding_base_url: str | None = Field(None, description="Where it differs from base_url.")
    api_key: SecretStr | None = None
    llm_api_key: SecretStr | None = Field(None, description="Where the two keys differ.")
    embedding_api_key: SecretStr | None = Field(None, description="The same.")
    llm_model: str | None = Field(None, description="The language model's name there.")
    embedding_model: str | None = Field(None, description="The embedding model's name there.")
    llm_gguf: Path | None = Field(None, description="A GGUF file instead of SmolLM2-135M.")
    embedding_gguf: Path | None = Field(None, description="A GGUF file instead of MiniLM.")
    context_window: int | None = Field(None, ge=512, description="Tokens the LLM can read.")
    max_answer_tokens: int = Field(256, ge=1, le=8192, description="Where answers end.")
    answer: AnswerKind = Field(
        "both",
        description="quotes: sentences of the documents, without asking a language model; "
        "written: what that makes of them; or both, the quotes first.",
    )
    answer_prompt: Path | None = Field(
        None, description="File with the answer's prompt, with {context} and {question} in it."
    )
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="0 answers the same each time.")
    embedding_window: int | None = Field(
        None, ge=16, description="Tokens the embedding model can read; default: as it is known."
    )
    query_instruction: str | None = Field(
        None, description="Put before queries for embedding; default: as the model is known."
    )
    passage_instruction: str | None = Field(
        None, description="Put before texts for embedding; default: as the model is known."
    )
    threads: int | None = Field(None, ge=1, le=256, description="llama.cpp threads.")
    model_timeout: float = Field(120.0, gt=0, description="Seconds for one model call.")
    model_retries: int = Field(
        8, ge=0, le=50, description="Further tries of a model call that failed for the moment."
    )
    model_concurrency: int = Field(
        8, ge=1, le=256, description="Calls in flight together of an embedding model."
    )
    embedding_batch: int = Field(
        32, ge=1, le=2048, description="Texts in one embedding call; fewer where it is refused."
    )
    extra_body: Annotated[dict[str, Any] | None, NoDecode] = Field(
        None, description='JSON sent to the language model, too: {"reasoning_effort": "low"}.'
    )
    embedding_extra_body: Annotated[dict[str, Any] | None, NoDecode] = Field(
        None, description='JSON sent to the embedding model, too: {"dimensions": 512}.'
    )
    extra_headers: Annotated[dict[str, SecretStr] | None, NoDecode] = Field(
        None, repr=False, description="JSON of headers sent to model endpoints."
    )
    ca_bundle: Path | None = Field(
        None, description="PEM file of certificates that model endpoints are trusted by."
    )
    cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("advanced-rag-patterns"),
        description="Folder for converted models.",
    )

    # SageMaker (docs/sagemaker.md). Credentials come from AWS's usual chain.
    sagemaker_llm_endpoint: str = Field(
        "advanced-rag-mixtral", pattern=ENDPOINT_NAME, description="The language model's endpoint."
    )
    sagemaker_embedding_endpoint: str = Field(
        "advanced-rag-bge", pattern=ENDPOINT_NAME, description="The embedding model's endpoint."
    )
    sagemaker_llm_component: str | None = Field(None, description="Inference component there.")
    sagemaker_embedding_component: str | None = Field(None, description="The same.")
    sagemaker_region: str | None = Field(None, description="AWS region; default: AWS's own.")
    sagemaker_profile: str | None = Field(None, description="AWS profile; default: AWS's own.")
    sagemaker_role: str | None = Field(None, description="ARN of a role to call endpoints in.")
    sagemaker_endpoint_url: str | None = Field(
        None, description="The runtime's address, if not AWS's: an emulator, a VPC endpoint."
    )
    sagemaker_codec: Literal["auto", "tgi", "lmi", "jumpstart", "messages", "openai"] = Field(
        "auto", description="What the language model's container speaks."
    )
    sagemaker_embedding_codec: Literal["auto", "jumpstart", "feature-extraction", "openai"] = Field(
        "auto", description="What the embedding model's container speaks."
    )
    sagemaker_connect_timeout: float = Field(10.0, gt=0, description="Seconds to connect.")
    sagemaker_retries: int = Field(
        8, ge=0, le=50, description="Further tries after throttling, 5xx, a lost connection."
    )
    sagemaker_concurrency: int = Field(
        48, ge=1, le=1000, description="Connections to an endpoint, and threads of async callers."
    )
    sagemaker_too_long: Literal["cut", "refuse"] = Field(
        "cut", description="What happens to texts over the embedding model's window."
    )

    # Documents and hierarchy.
    levels: Annotated[tuple[int, ...] | None, NoDecode] = Field(
        None, description="Chunk sizes in tokens, root first; default: the collection's."
    )
    max_file_mb: float = Field(64.0, gt=0, description="Larger files are refused.")
    ocr: bool = Field(False, description="Recognise the text of scanned pages (extra ocr).")
    reading_seconds: float = Field(
        6.0, gt=0, le=86_400, description="Processor time to read one file; and 4 s for each MB."
    )
    reading_memory_mb: int = Field(
        768, ge=64, le=1_000_000, description="Memory that reading one file may take."
    )
    read_in_process: bool = Field(
        False, description="Read files in this process, without limits, if none can be started."
    )

    # Retrieval.
    pattern: str = Field("parent", description="How contexts are chosen: regular, parent, …")
    search: SearchMode = Field("hybrid", description="By meaning, by words (bm25), or both.")
    top_k: TopK | None = Field(
        None, description="Hits of each search; default: 50, or more for a large budget."
    )
    budget: Budget | None = Field(None, description="Context tokens; default: by the model.")
    order: Order = Field("relevance", description="Passages best first, or as in the document.")

    # Reranking and compression (docs/compression.md).
    judge: str = Field(
        "auto",
        description="Who judges what helps: embedding, llm, cross-encoder, or yours; auto takes "
        "the LLM if it is fit to judge, else embedding.",
    )
    rerank_url: str | None = Field(
        None, description="Rerank endpoint of a cross-encoder; then rerank asks it."
    )
    rerank_model: str | None = Field(
        None,
        description="The cross-encoder's name there; without rerank_url a local one's: "
        "bge-reranker, hf:…, a .gguf file.",
    )
    judge_packing: Literal["packed", "each"] = Field(
        "packed", description="Several passages in one LLM call, or a call for each."
    )
    judge_pack_tokens: int = Field(
        2048, ge=128, le=1_000_000, description="Tokens of passages in one such call."
    )
    judge_at_once: int = Field(8, ge=1, le=256, description="LLM calls in flight together.")
    judge_timeout: float = Field(
        60.0, gt=0, le=3600, description="Seconds for one judgement; then its passages are kept."
    )
    judge_cache: int = Field(
        0, ge=0, le=10_000_000, description="Passages whose judgement is remembered."
    )
    neighbours: int = Field(
        0, ge=0, le=100, description="Sentences that extract keeps around each kept one."
    )
    fallback: Literal["keep_best", "empty"] = Field(
        "keep_best", description="When everything is dropped: the best passage, or nothing."
    )
    sentence_threshold: float | None = Field(
        None, ge=-9, le=1, description="Least score of a sentence: average 0, best 1."
    )
    passage_threshold: float | None = Field(
        None, ge=-9, le=1, description="Least score of a passage: average 0, best 1."
    )
    fill: bool = Field(
        True, description="The next best fill the budget, beyond what the judge chooses."
    )
    overfetch: float | None = Field(
        None, ge=1, le=32, description="Context retrieved for compression, in budgets; default 2."
    )

    # Qdrant (docs/scaling.md). How requests to a server go; a folder refuses these:
    qdrant_timeout: float = Field(60.0, gt=0, le=3600, description="Seconds for one request.")
    qdrant_retries: int = Field(
        5, ge=0, le=20, description="Further tries of a request that failed for the moment."
    )
    qdrant_grpc: bool = Field(False, description="Speak gRPC for searches and points.")
    qdrant_grpc_port: int | None = Field(
        None, ge=1, le=65_535, description="Its port; default: the one after REST's."
    )
    qdrant_ca: Path | None = Field(
        None, description="File of the authority that signed the server's certificate."
    )
    qdrant_cert: Path | None = Field(
        None, description="File of your own certificate, where the server asks for one."
    )
    qdrant_cert_key: Path | None = Field(None, description="File of that certificate's key.")
    qdrant_compress: bool | None = Field(
        None, description="Compress answers; by default beyond the local network only."
    )
    # How it searches:
    qdrant_hnsw_ef: int | None = Field(
        None, ge=1, le=10_000, description="Candidates a search keeps: more find more, slower."
    )
    qdrant_oversampling: float | None = Field(
        None, ge=1, le=100, description="Hits taken by quantised vectors, in multiples of top_k."
    )
    qdrant_rescore: bool | None = Field(
        None, description="Whether those are compared again by their whole vectors."
    )
    # What a new collection is like; one that exists keeps what it was made with.
    qdrant_shards: int | None = Field(None, ge=1, le=1024, description="Parts of a collection.")
    qdrant_replicas: int | None = Field(None, ge=1, le=64, description="Copies of each part.")
    qdrant_write_consistency: int | None = Field(
        None, ge=1, le=64, description="Copies that must have a write before it counts."
    )
    qdrant_hnsw_m: int | None = Field(
        None, ge=0, le=512, description="Links of a point in the search graph; 0 builds none."
    )
    qdrant_hnsw_payload_m: int | None = Field(
        None, ge=0, le=512, description="Links in the graphs of each tenant."
    )
    qdrant_hnsw_ef_construct: int | None = Field(
        None, ge=4, le=10_000, description="Candidates kept while the graph is built."
    )
    qdrant_hnsw_on_disk: bool | None = Field(None, description="Keep the search graph on disk.")
    qdrant_quantization: Quantization = Field(
        "none", description="Smaller copies of the vectors in memory: 1/4 (scalar), 1/32 (binary)."
    )
    qdrant_vectors_on_disk: bool | None = Field(None, description="Keep whole vectors on disk.")
    qdrant_payload_on_disk: bool | None = Field(None, description="Keep texts on disk.")
    qdrant_tenant: str | None = Field(
        None, min_length=1, description="Metadata key whose values never search each other."
    )
    qdrant_indexes: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Metadata that filters use, with types: year:integer,author:keyword."
    )

    @field_validator("llm", "embedding", mode="before")
    @classmethod
    def _check_spec(cls, spec: Any) -> Any:
        return check_spec(spec)

    @field_validator("levels", "qdrant_indexes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split(value)

    @field_validator("levels")
    @classmethod
    def _check_levels(cls, levels: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return levels if levels is None else check_levels(levels)

    @field_validator("extra_body", "embedding_extra_body", "extra_headers", mode="before")
    @classmethod
    def _read_json(cls, value: Any) -> Any:
        return read_object(value)

    @field_validator("extra_headers", *_KEYS)
    @classmethod
    def _check_secrets(cls, given: Any) -> Any:
        return check_secrets(given)

    @field_validator("provider", "judge")
    @classmethod
    def _check_name(cls, name: str, info: ValidationInfo) -> str:
        known: Registry[Any] = {"provider": PROVIDERS, "judge": JUDGES}[str(info.field_name)]
        try:
            known.find(name)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return name


def has_cross_encoder(settings: Settings) -> bool:
    """Whether the settings name a cross-encoder: an endpoint's, or a local one."""
    return bool(settings.rerank_url or settings.rerank_model)


def load_settings(
    index: str | Path | None = None,
    *,
    llm: str | ModelSpec | None = None,
    embedding: str | ModelSpec | None = None,
    answer_prompt: str | Path | None = None,
    settings_file: str | Path | None = None,
    **overrides: "Unpack[SettingOptions]",
) -> Settings:
    """Settings from the environment and a file; arguments that are not None win.

    Example:
        settings = load_settings(index="my-index", provider="openai")
        settings = load_settings(settings_file="advice.json")

    Raises:
        SettingsError: one line with the setting's name, its environment variable and
            what it takes. Values are left out of the message: one may be a secret.
    """
    given = read_settings(settings_file) if settings_file is not None else {}
    for name in [*given, *overrides]:
        if name not in Settings.model_fields:
            raise SettingsError(
                f"no setting is called {name!r}{_hint(name)}"
                + (f" (settings file {settings_file})" if name in given else "")
            )
    given |= {name: said for name, said in overrides.items() if said is not None}
    if index is not None:
        if not isinstance(index, str | Path):
            raise SettingsError(f"index={index!r}: give a folder or a server's URL")
        given["index"] = str(index)
    apart = {"llm": llm, "embedding": embedding, "answer_prompt": answer_prompt}
    given |= {name: said for name, said in apart.items() if said is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"setting {name} (environment RAG_{name.upper()}): {reason}") from error


# What models are called elsewhere; the names of settings are near, but say which by a name.
_MODELS = {
    "embed_model": "embedding",
    "embedding": "embedding",
    "embeddings": "embedding",
    "llm": "llm",
    "model": "llm",
}


def _hint(name: str) -> str:
    if name in _MODELS:
        return f": models are {_MODELS[name]}=…"
    close = difflib.get_close_matches(name, Settings.model_fields, n=1)
    return f": did you mean {close[0]}?" if close else ": `help(Settings)` lists them"
