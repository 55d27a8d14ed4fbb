"""`python -m app endpoints`: SageMaker endpoints, and a stand-in for them on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from app.commands import _print_json, _printable, cli, err, out
from app.options import settings_options
from indexes.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from indexes.models.sagemaker.endpoints import ControlPlane, Plan
    from indexes.settings import Settings

_PLACE = ("sagemaker_region", "sagemaker_profile")
_NAMES = ("sagemaker_llm_endpoint", "sagemaker_embedding_endpoint")


@cli.group(
    epilog="\b\nExamples:\n"
    "  python -m app endpoints emulate\n"
    "  python -m app endpoints deploy --role arn:aws:iam::…:role/SageMaker --dry-run\n"
    "  python -m app endpoints status\n"
    "  python -m app endpoints delete"
)
def endpoints() -> None:
    """SageMaker endpoints (Mixtral, BGE), or a stand-in for them on this machine."""


@endpoints.command()
@click.option("--role", "execution_role", help="ARN of the role that SageMaker itself takes on.")
@click.option("--only", type=click.Choice(["llm", "embedding"]), help="Deploy only one of both.")
@click.option("--llm-model-id", help="JumpStart id; default: Mixtral 8x7B Instruct.")
@click.option("--llm-instance-type", help="Default: ml.g5.48xlarge.")
@click.option("--embedding-model-id", help="JumpStart id; default: BGE Large En.")
@click.option("--embedding-instance-type", help="Default: ml.g5.2xlarge.")
@click.option("--accept-eula", is_flag=True, help="You have read and accept the models' licences.")
@click.option("--dry-run", is_flag=True, help="Only say what would be created.")
@settings_options(_PLACE, _NAMES)
def deploy(
    execution_role: str | None,
    only: str | None,
    llm_model_id: str | None,
    llm_instance_type: str | None,
    embedding_model_id: str | None,
    embedding_instance_type: str | None,
    accept_eula: bool,
    dry_run: bool,
    **settings: Any,
) -> None:
    """Deploy Mixtral and BGE. They cost money by the hour until deleted.

    Interrupted, run it again: it goes on from there.
    """
    from dataclasses import replace

    from indexes.models.sagemaker.endpoints import bge, mixtral

    loaded = _settings(**settings)
    plans: list[Plan] = []
    if only != "embedding":
        plan = mixtral(loaded.sagemaker_llm_endpoint)
        plans.append(
            replace(
                plan,
                model_id=llm_model_id or plan.model_id,
                instance_type=llm_instance_type or plan.instance_type,
            )
        )
    if only != "llm":
        plan = bge(loaded.sagemaker_embedding_endpoint)
        plans.append(
            replace(
                plan,
                model_id=embedding_model_id or plan.model_id,
                instance_type=embedding_instance_type or plan.instance_type,
            )
        )
    if dry_run:
        for plan in plans:
            out.print(_printable(f"would create model, endpoint configuration, endpoint {plan}"))
        return
    if not execution_role:
        raise SettingsError("give --role, the ARN of a role that SageMaker may take on")
    control = _control_plane(loaded)
    # All begin to start before the first is waited for: they start side by side.
    for wait in (False, True):
        for plan in plans:
            control.deploy(
                plan, execution_role, accept_eula=accept_eula, on_progress=_say, wait=wait
            )
    for plan in plans:
        out.print(_printable(f"in service: {plan}"))
    _print_exports(loaded)


def _print_exports(settings: "Settings") -> None:
    out.print("now ask with --provider sagemaker, or:\n  export RAG_PROVIDER=sagemaker")
    for name in (*_NAMES, *_PLACE):
        value, default = getattr(settings, name), type(settings).model_fields[name].default
        if value != default:
            out.print(_printable(f"  export RAG_{name.upper()}={value}"))


@endpoints.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@settings_options(_PLACE)
def status(as_json: bool, **settings: Any) -> None:
    """Show what is there, and since when."""
    from indexes.models.sagemaker.endpoints import ago

    found = _control_plane(_settings(**settings)).status()
    if as_json:
        _print_json(
            [
                {
                    "kind": resource.kind,
                    "name": resource.name,
                    "status": resource.status,
                    "since": resource.since.isoformat() if resource.since else None,
                }
                for resource in found
            ]
        )
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "name", "status", "for"):
        table.add_column(heading)
    for resource in found:
        name = _printable(resource.name)
        table.add_row(resource.kind, name, resource.status, ago(resource.since))
    out.print(table if found else "nothing is deployed, nothing costs anything")


@endpoints.command()
@settings_options(_PLACE)
def delete(**settings: Any) -> None:
    """Delete all endpoints, configurations and models that `deploy` created."""
    remaining = _control_plane(_settings(**settings)).delete(_say)
    if remaining:
        left = ", ".join(f"{resource.kind} {resource.name}" for resource in remaining)
        raise ModelError(f"still there: {left}; run delete again, or use the AWS console")
    out.print("nothing remains")


@endpoints.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--shape",
    default="tgi",
    show_default=True,
    type=click.Choice(["tgi", "lmi", "jumpstart", "messages"]),
    help="How the language model's container answers.",
)
@click.option("--faults", type=click.Path(path_type=Path), help="Fault script, for tests.")
@click.option("--seed", default=0, show_default=True, help="Of the fault script.")
@settings_options(_NAMES, ("cache", "threads", "context_window", "llm_gguf", "embedding_gguf"))
def emulate(port: int, shape: Any, faults: Path | None, seed: int, **settings: Any) -> None:
    """Serve the local models as SageMaker's runtime does, on loopback."""
    from indexes.models.providers import build_embedding, build_llm
    from indexes.models.sagemaker.emulator import Emulator, LocalModels, Serving
    from indexes.models.sagemaker.faults import FaultScript

    loaded = _settings(provider="local", **settings)
    script = FaultScript()
    if faults is not None:
        try:
            script = FaultScript.parse(faults.read_text(encoding="utf-8"), seed)
        except OSError as error:
            raise SettingsError(f"--faults {faults}: {error.strerror}: give a file") from error
    emulator = Emulator(
        LocalModels(build_llm(loaded), build_embedding(loaded)),
        shape,
        [loaded.sagemaker_llm_endpoint, loaded.sagemaker_embedding_endpoint],
        script,
    )
    try:
        with Serving(emulator.app, port) as address:
            out.print(f"serving {shape} at {address}  (Ctrl-C ends it). In another terminal:\n")
            for line in _environment(address, loaded):
                out.print(f"  export {line}")
            out.print('\n  python -m app ask "…" --provider sagemaker')
            _until_interrupted()
    except OSError as error:
        raise SettingsError(f"--port {port}: {error}: choose another") from error


def _environment(address: str, settings: "Settings") -> list[str]:
    from indexes.models.providers import embedding_name

    return [
        f"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME={address}",
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
        f"RAG_EMBEDDING_MODEL={embedding_name(settings)}",
    ]


def _until_interrupted() -> None:
    import threading

    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.print()


def _settings(**given: Any) -> "Settings":
    from indexes.settings import load_settings

    return load_settings(**given)


def _control_plane(settings: "Settings") -> "ControlPlane":
    from indexes.models.sagemaker import require_extra

    require_extra()
    from indexes.models.sagemaker.endpoints import ControlPlane

    return ControlPlane(settings.sagemaker_region, settings.sagemaker_profile)


def _say(step: str) -> None:
    err.print(_printable(step, "dim"), soft_wrap=True)
