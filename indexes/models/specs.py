"""A model in one line, read.

    qwen3-4b                                        a name from the catalogue
    hf:Qwen/Qwen3-Embedding-0.6B-GGUF/Qwen3-Embedding-0.6B-Q8_0.gguf
    ~/models/mine.gguf                              a file
    openai:llama3.2@http://localhost:11434/v1       a model behind OpenAI's API
    openai:gpt-5-mini                               the same at OpenAI, or at RAG_BASE_URL
    sagemaker:my-endpoint/my-component
    llama_index.llms.bedrock_converse.BedrockConverse?model=…&region_name=eu-west-1
    sagemaker                                       a provider, with its settings

Reading a spec loads and reaches nothing.
"""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from indexes.errors import SettingsError
from indexes.extensions import PROVIDERS
from indexes.model_spec import ModelSpec
from indexes.models import catalogue
from indexes.models.catalogue import KINDS, Entry, Kind
from indexes.setting_checks import check_key
from indexes.settings import ENDPOINT_NAME, Settings

Purpose = Literal["llm", "embedding"]

OPENAI_HOST = "api.openai.com"
OPENAI_URL = f"https://{OPENAI_HOST}/v1"
_LONGEST = 2000
_OPENAI = re.compile(r"(?P<model>[^\s]+?)(?:@(?P<url>[a-z][a-z0-9+.-]*://\S*))?", re.IGNORECASE)
_HUB_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_HUB = re.compile(
    rf"(?P<repository>{_HUB_PART}/{_HUB_PART})/(?P<file>{_HUB_PART}(/{_HUB_PART}){{0,8}})"
)
_CLASS = re.compile(r"(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\?(?P<arguments>.*))?", re.ASCII)


@dataclass(frozen=True)
class LocalFile:
    """A model that llama.cpp runs in this process: its entry, and the user's own file if any."""

    entry: Entry
    path: Path | None = None


@dataclass(frozen=True)
class OpenAIModel:
    """A model behind OpenAI's API; without an address, that of the settings, or OpenAI's."""

    model: str
    url: str | None


@dataclass(frozen=True)
class SageMakerEndpoint:
    """An endpoint on SageMaker, and a component of it."""

    endpoint: str
    component: str | None


@dataclass(frozen=True)
class DottedClass:
    """A class of LlamaIndex's, by name, and what to make it with.

    The arguments are out of `repr`: there may be a key among them.
    """

    name: str
    arguments: "Arguments"


class Arguments(dict[str, str]):
    """Arguments of a class as they were written; their values are not printed."""

    def __repr__(self) -> str:
        return f"Arguments({', '.join(self)})"


@dataclass(frozen=True)
class ProviderName:
    """A provider, ours or a registered one, that takes what it needs from the settings."""

    name: str


Parsed: TypeAlias = LocalFile | OpenAIModel | SageMakerEndpoint | DottedClass | ProviderName


def parsed(spec: ModelSpec, purpose: Kind) -> Parsed:
    """What a spec names.

    Args:
        spec: as it was written
        purpose: what the model is to do; the setting of that name is in the messages

    Raises:
        SettingsError: it is none, or names another kind of model
    """
    text = spec.text
    if not text.isprintable() or len(text) > _LONGEST:
        raise SettingsError(
            f"{_setting(purpose)}: give one line of at most {_LONGEST:,} characters"
        )
    kind, colon, rest = text.partition(":")
    if colon and kind in ("openai", "sagemaker", "hf"):
        return {"openai": _openai, "sagemaker": _sagemaker, "hf": _hub}[kind](rest, purpose)
    if entry := catalogue.find(text):
        if entry.task != purpose:
            raise _wrong(
                spec,
                purpose,
                f"is {KINDS[entry.task]}: give {KINDS[purpose]}, like {_like(purpose)}",
            )
        return LocalFile(entry)
    if text in PROVIDERS and purpose != "reranker":
        return ProviderName(text)
    if _is_path(text):
        path = _path(text, purpose)
        return LocalFile(catalogue.of_file(purpose, path.name), path)
    if (found := _CLASS.fullmatch(text)) and purpose != "reranker":
        return DottedClass(found["name"], _arguments(found["arguments"], spec, purpose))
    raise _unknown(spec, purpose)


def is_spec(given: object) -> bool:
    """Whether something given as a model is a spec."""
    return isinstance(given, str | ModelSpec)


def with_specs(settings: Settings, llm: object = None, embedding: object = None) -> Settings:
    """Settings with the models that are given as specs; whatever else is given is left alone."""
    given = {"llm": llm, "embedding": embedding}
    update = {
        name: ModelSpec(spec.strip()) if isinstance(spec, str) else spec
        for name, spec in given.items()
        if is_spec(spec)
    }
    return settings.model_copy(update=update) if update else settings


def check(settings: Settings) -> None:
    """Read the settings' specs, so that a mistyped one is told at once.

    Raises:
        SettingsError: one of them is none
    """
    for purpose in ("llm", "embedding"):
        if (spec := getattr(settings, purpose)) is not None:
            parsed(spec, purpose)


def local_file(settings: Settings, purpose: Purpose) -> LocalFile:
    """The local model that the settings mean: by spec, by file, or the one of the packages.

    Raises:
        SettingsError: the spec names none
    """
    spec: ModelSpec | None = getattr(settings, purpose)
    found = parsed(spec, purpose) if spec is not None else None
    if isinstance(found, LocalFile):
        return found
    path: Path | None = getattr(settings, f"{purpose}_gguf")
    if path is not None:
        return LocalFile(catalogue.of_file(purpose, path.name), path)
    return LocalFile(
        next(one for one in catalogue.entries() if one.task == purpose and one.package)
    )


def changed(settings: Settings, found: Parsed, purpose: Purpose) -> Settings:
    """Settings as a spec changes them, for the provider that is to make that model."""
    match found:
        case OpenAIModel(model, url):
            address = "base_url" if purpose == "llm" else "embedding_base_url"
            url = url or getattr(settings, address) or settings.base_url or OPENAI_URL
            update: dict[str, Any] = {f"{purpose}_model": model, address: url}
            if settings.api_key is None and urlsplit(url).hostname == OPENAI_HOST:
                update["api_key"] = _openai_key(model)
        case SageMakerEndpoint(endpoint, component):
            update = {
                f"sagemaker_{purpose}_endpoint": endpoint,
                f"sagemaker_{purpose}_component": component,
            }
        case _:
            return settings
    return settings.model_copy(update=update)


def _openai_key(model: str) -> SecretStr:
    """OpenAI's own variable, for OpenAI's own address only."""
    if not (key := os.environ.get("OPENAI_API_KEY")):
        raise SettingsError(
            f"openai:{model} goes to OpenAI: set OPENAI_API_KEY or RAG_API_KEY, or name another "
            f"server, openai:{model}@http://HOST:PORT/v1"
        )
    try:
        return check_key(SecretStr(key))
    except ValueError as error:
        raise SettingsError(f"OPENAI_API_KEY: {error}") from error


# One kind each


def _openai(text: str, purpose: Kind) -> Parsed:
    found = _OPENAI.fullmatch(text)
    if purpose == "reranker":
        raise SettingsError(
            f"openai:{text.partition('@')[0]} can't rerank: give the rerank endpoint's address as "
            "rerank_url (environment RAG_RERANK_URL)"
        )
    url = found["url"] if found else None
    if not found or (url is not None and not _is_address(url)):
        raise _malformed("openai:" + text, purpose, "openai:MODEL@http://HOST:PORT/v1")
    return OpenAIModel(found["model"], url)


def _sagemaker(text: str, purpose: Kind) -> Parsed:
    endpoint, _, component = text.partition("/")
    named = re.fullmatch(ENDPOINT_NAME, endpoint) and (
        not component or re.fullmatch(ENDPOINT_NAME, component)
    )
    if not named or purpose == "reranker":
        raise _malformed("sagemaker:" + text, purpose, "sagemaker:ENDPOINT or …ENDPOINT/COMPONENT")
    return SageMakerEndpoint(endpoint, component or None)


def _hub(text: str, purpose: Kind) -> Parsed:
    entry = hub_entry(text, purpose)
    if entry.task != purpose:
        raise SettingsError(
            f"{_setting(purpose)}: hf:{text} is {KINDS[entry.task]}: give {KINDS[purpose]}"
        )
    return LocalFile(entry)


def hub_entry(text: str, purpose: Kind = "llm") -> Entry:
    """Describe a file on the Hugging Face Hub, given as OWNER/REPOSITORY/FILE.gguf.

    Args:
        text: the address
        purpose: what it is for, if the catalogue doesn't know it

    Raises:
        SettingsError: it is no such address
    """
    found = _HUB.fullmatch(text)
    if not found or not text.lower().endswith(".gguf") or ".." in text:
        raise _malformed("hf:" + text, purpose, "hf:OWNER/REPOSITORY/FILE.gguf")
    return catalogue.of_file(purpose, found["file"], found["repository"])


def _is_path(text: str) -> bool:
    return (
        text.lower().endswith(".gguf")
        or text.startswith(("/", "./", "../", "~"))
        or bool(re.match(r"[A-Za-z]:[\\/]", text))
    ) and "?" not in text


def _path(text: str, purpose: Kind) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{_setting(purpose)}: {text} names a user that isn't there: give the whole path"
        ) from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _arguments(text: str | None, spec: ModelSpec, purpose: Kind) -> Arguments:
    try:
        pairs = parse_qsl(
            text or "", keep_blank_values=True, strict_parsing=bool(text), max_num_fields=64
        )
    except ValueError:
        raise _wrong(
            spec, purpose, "has arguments that can't be read: write ?name=value&name=value"
        ) from None
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _wrong(spec, purpose, f"gives {twice[0]} twice: leave one out")
    return Arguments(pairs)


# What is wrong


def _setting(purpose: Kind) -> str:
    name = "rerank_model" if purpose == "reranker" else purpose
    return f"setting {name} (environment RAG_{name.upper()})"


def _like(purpose: Kind) -> str:
    return catalogue.names(purpose)[0]


def _wrong(spec: ModelSpec, purpose: Kind, what: str) -> SettingsError:
    return SettingsError(f"{_setting(purpose)}: {spec} {what}")


def _malformed(text: str, purpose: Kind, form: str) -> SettingsError:
    return SettingsError(f"{_setting(purpose)}: {ModelSpec(text)} is no such address: write {form}")


def _unknown(spec: ModelSpec, purpose: Kind) -> SettingsError:
    known = catalogue.names(purpose)
    near = difflib.get_close_matches(spec.text.lower(), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    if purpose == "reranker":
        how = f"{hint}choose {', '.join(known)}, hf:OWNER/REPOSITORY/FILE.gguf or a .gguf file"
        return _wrong(spec, purpose, f"is no reranker: {how}, or set RAG_RERANK_URL")
    return _wrong(
        spec,
        purpose,
        f"is no model: {hint}choose one of {', '.join(known)}, or openai:MODEL@URL, "
        "sagemaker:ENDPOINT, hf:OWNER/REPOSITORY/FILE.gguf, a .gguf file, or a LlamaIndex class by "
        "its dotted name",
    )
