"""`advanced-rag endpoints`: SageMaker endpoints, and a stand-in for them on this machine."""

from pathlib import Path
from typing import Any

import click

from indexes import Settings, SettingsError, load_settings

from .console import out
from .options import command, settings_options

ENDPOINTS = ("sagemaker_llm_endpoint", "sagemaker_embedding_endpoint")


@click.group(
    epilog="\b\nExamples:\n"
    "  advanced-rag endpoints emulate\n"
    "  advanced-rag endpoints deploy --role MySageMakerRole --dry-run\n"
    "  advanced-rag endpoints status\n"
    "  advanced-rag endpoints delete"
)
def endpoints() -> None:
    """SageMaker endpoints, or a stand-in on this machine.

    By default for Mixtral 8x7B Instruct and BGE Large En. Deployed ones cost by the hour until
    they are deleted.
    """


@command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--shape",
    default="tgi",
    show_default=True,
    type=click.Choice(["tgi", "lmi", "jumpstart", "messages"]),
    help="How the language model's container answers.",
)
@click.option("--llm-model-id", help="A JumpStart model whose container is played.")
@click.option("--embedding-model-id", help="The same for embeddings.")
@click.option("--faults", type=click.Path(path_type=Path), help="Fault script, for tests.")
@click.option("--seed", default=0, show_default=True, help="Of the fault script.")
@settings_options(
    ENDPOINTS,
    ("llm", "embedding", "cache", "threads", "context_window", "llm_gguf", "embedding_gguf"),
)
def emulate(
    port: int,
    shape: Any,
    llm_model_id: str | None,
    embedding_model_id: str | None,
    faults: Path | None,
    seed: int,
    **settings: Any,
) -> None:
    """Serve the local models as SageMaker's runtime does, on loopback."""
    from indexes.models.providers import build_embedding, build_llm
    from indexes.models.sagemaker.emulator import Emulator, LocalModels, Serving
    from indexes.models.sagemaker.faults import FaultScript

    loaded = load_settings(provider="local", **settings)
    script = FaultScript()
    if faults is not None:
        try:
            script = FaultScript.parse(faults.read_text(encoding="utf-8"), seed)
        except OSError as error:
            raise SettingsError(f"--faults {faults}: {error.strerror}: give a file") from error
    names = {
        "llm": (loaded.sagemaker_llm_endpoint, llm_model_id),
        "embedding": (loaded.sagemaker_embedding_endpoint, embedding_model_id),
    }
    emulator = Emulator(
        LocalModels(build_llm(loaded), build_embedding(loaded)),
        shape,
        [name for name, _ in names.values()],
        script,
        {name: _container(part, model) for part, (name, model) in names.items() if model},
    )
    try:
        with Serving(emulator.app, port) as address:
            out.print(f"serving {shape} at {address}  (Ctrl-C ends it). In another terminal:\n")
            for line in _environment(address, loaded, llm_model_id):
                out.print(f"  export {line}")
            out.print('\n  advanced-rag ask "…" --provider sagemaker')
            _until_interrupted()
    except OSError as error:
        raise SettingsError(f"--port {port}: {error}: choose another") from error


def _container(part: Any, model: str) -> Any:
    from indexes.models.sagemaker.emulator import container_of
    from indexes.models.sagemaker.profiles import offered, profiles

    profile = offered(part, model)
    if profile is None:
        known = ", ".join(one.name for one in profiles() if one.part == part)
        raise SettingsError(f"--{part}-model-id {model}: give one of {known}")
    return container_of(profile)


def _environment(address: str, settings: Settings, llm: str | None = None) -> list[str]:
    from indexes.models.providers import describe_embedding

    return [
        *([f"RAG_LLM_MODEL={llm}"] if llm else []),
        f"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME={address}",
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
        f"RAG_EMBEDDING_MODEL={describe_embedding(settings).name}",
    ]


def _until_interrupted() -> None:
    import threading

    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.print()
