"""Settings by name, for type checkers and `help()`: what `Settings` has, as arguments.

None leaves a setting as it is in the environment, or by default.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from typing_extensions import TypedDict

from indexes.settings import AnswerKind, Order, Quantization, SearchMode


class SettingOptions(TypedDict, total=False):
    """Every setting but `index`, `llm`, `embedding` and `answer_prompt`, which calls take in
    more than one form; see `indexes.settings.Settings`.
    """

    collection: str | None
    qdrant_api_key: str | SecretStr | None
    provider: str | None
    base_url: str | None
    embedding_base_url: str | None
    api_key: str | SecretStr | None
    llm_api_key: str | SecretStr | None
    embedding_api_key: str | SecretStr | None
    llm_model: str | None
    embedding_model: str | None
    llm_gguf: str | Path | None
    embedding_gguf: str | Path | None
    context_window: int | None
    max_answer_tokens: int | None
    answer: AnswerKind | None
    temperature: float | None
    embedding_window: int | None
    query_instruction: str | None
    passage_instruction: str | None
    threads: int | None
    model_timeout: float | None
    model_retries: int | None
    model_concurrency: int | None
    embedding_batch: int | None
    extra_body: str | Mapping[str, Any] | None
    embedding_extra_body: str | Mapping[str, Any] | None
    extra_headers: str | Mapping[str, str | SecretStr] | None
    ca_bundle: str | Path | None
    cache: str | Path | None
    sagemaker_llm_endpoint: str | None
    sagemaker_embedding_endpoint: str | None
    sagemaker_llm_component: str | None
    sagemaker_embedding_component: str | None
    sagemaker_region: str | None
    sagemaker_profile: str | None
    sagemaker_role: str | None
    sagemaker_endpoint_url: str | None
    sagemaker_codec: Literal["auto", "tgi", "lmi", "jumpstart", "messages", "openai"] | None
    sagemaker_embedding_codec: Literal["auto", "jumpstart", "feature-extraction", "openai"] | None
    sagemaker_connect_timeout: float | None
    sagemaker_retries: int | None
    sagemaker_concurrency: int | None
    sagemaker_too_long: Literal["cut", "refuse"] | None
    levels: str | Sequence[int] | None
    max_file_mb: float | None
    ocr: bool | None
    reading_seconds: float | None
    reading_memory_mb: int | None
    read_in_process: bool | None
    pattern: str | None
    search: SearchMode | None
    order: Order | None
    top_k: int | None
    budget: int | None
    judge: str | None
    rerank_url: str | None
    rerank_model: str | None
    judge_packing: Literal["packed", "each"] | None
    judge_pack_tokens: int | None
    judge_at_once: int | None
    judge_timeout: float | None
    judge_cache: int | None
    neighbours: int | None
    fallback: Literal["keep_best", "empty"] | None
    sentence_threshold: float | None
    passage_threshold: float | None
    fill: bool | None
    overfetch: float | None
    qdrant_timeout: float | None
    qdrant_retries: int | None
    qdrant_grpc: bool | None
    qdrant_grpc_port: int | None
    qdrant_ca: str | Path | None
    qdrant_cert: str | Path | None
    qdrant_cert_key: str | Path | None
    qdrant_compress: bool | None
    qdrant_hnsw_ef: int | None
    qdrant_oversampling: float | None
    qdrant_rescore: bool | None
    qdrant_shards: int | None
    qdrant_replicas: int | None
    qdrant_write_consistency: int | None
    qdrant_hnsw_m: int | None
    qdrant_hnsw_payload_m: int | None
    qdrant_hnsw_ef_construct: int | None
    qdrant_hnsw_on_disk: bool | None
    qdrant_quantization: Quantization | None
    qdrant_vectors_on_disk: bool | None
    qdrant_payload_on_disk: bool | None
    qdrant_tenant: str | None
    qdrant_indexes: str | Sequence[str] | None
