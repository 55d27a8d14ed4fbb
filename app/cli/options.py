"""Settings as command-line options: one table of names, everything else from `Settings`.

A command's help names its own options and the few settings that matter first, then the others
by what they concern. Secrets are left to the environment: a command line is visible to every
user of a machine.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import click

from indexes import Settings

INDEX = ("index", "collection")
SAGEMAKER = (
    "sagemaker_llm_endpoint",
    "sagemaker_embedding_endpoint",
    "sagemaker_region",
    "sagemaker_profile",
    "sagemaker_endpoint_url",
    "sagemaker_codec",
)
MODELS = (
    "llm",
    "embedding",
    "provider",
    "base_url",
    "embedding_base_url",
    "llm_model",
    "embedding_model",
    "llm_gguf",
    "embedding_gguf",
    "context_window",
    "max_answer_tokens",
    "answer_prompt",
    "temperature",
    "embedding_window",
    "query_instruction",
    "passage_instruction",
    "threads",
    "model_timeout",
    "model_retries",
    "model_concurrency",
    "embedding_batch",
    "extra_body",
    "embedding_extra_body",
    "ca_bundle",
    "cache",
    *SAGEMAKER,
)
EMBEDDING = tuple(
    name
    for name in MODELS
    if name
    not in (
        "llm",
        "llm_model",
        "llm_gguf",
        "context_window",
        "max_answer_tokens",
        "answer_prompt",
        "temperature",
        "extra_body",
        "sagemaker_llm_endpoint",
        "sagemaker_codec",
    )
)
DOCUMENTS = (
    "levels",
    "max_file_mb",
    "ocr",
    "reading_seconds",
    "reading_memory_mb",
    "read_in_process",
)
RETRIEVAL = ("pattern", "search", "top_k", "budget", "order")
COMPRESSION = (
    "judge",
    "rerank_url",
    "rerank_model",
    "judge_packing",
    "judge_pack_tokens",
    "judge_at_once",
    "judge_timeout",
    "judge_cache",
    "neighbours",
    "fallback",
    "sentence_threshold",
    "passage_threshold",
    "fill",
    "overfetch",
)


# What most people set, shown among a command's own options.
_FIRST = ("index", "collection", "pattern", "budget", "answer", "llm", "embedding", "provider")
_SECTIONS = {
    "Retrieval": RETRIEVAL,
    "Compression": COMPRESSION,
    "Documents": DOCUMENTS,
    "Models": tuple(name for name in MODELS if name not in SAGEMAKER),
    "SageMaker": SAGEMAKER,
}


class Command(click.Command):
    """A command whose help comes in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options that matter first, then a section for each kind of setting."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for title in _SECTIONS:
            sections[title] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections[_section(parameter.name or "")].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if any(sections[title] for title in _SECTIONS):
            formatter.write_paragraph()
            formatter.write_text("Each setting is also an environment variable: RAG_ and its name.")


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def command(name: str | None = None, **about: Any) -> Callable[[Callable[..., Any]], Command]:
    """A function as such a command; arguments are those of `click.command`."""
    return click.command(name, cls=Command, **about)


def _section(name: str) -> str:
    if name in _FIRST:
        return "Options"
    return next((title for title, names in _SECTIONS.items() if name in names), "Options")


def settings_options(*groups: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option for each setting of `groups`; unset ones arrive as None.

    And `--settings`, a file of any settings, which arrives as `settings_file`.
    """
    names = [name for group in groups for name in group]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            help="JSON file of settings, as `advise` writes it; options win.",
            envvar="RAG_SETTINGS",
        )(command)
        for name in reversed(names):
            command = _option(name)(command)
        return command

    return decorate


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    field = Settings.model_fields[name]
    text = field.description
    flag = "--" + name.replace("_", "-")
    if field.annotation in (bool, bool | None):
        # Given or not, as it is; unset, the environment decides.
        flag = f"{flag}/--no-{flag[2:]}"
        return click.option(flag, name, default=None, help=text)
    return click.option(flag, name, default=None, type=_type(field.annotation), help=text)


def _type(annotation: Any) -> Any:
    """What click is to make of a value; `Settings` does the validation."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation))
    kind = kinds[0] if kinds else annotation
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if kind in (int, float, str):
        return kind
    return click.Path(path_type=Path) if kind is Path else str
