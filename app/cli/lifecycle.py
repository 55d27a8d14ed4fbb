"""`advanced-rag endpoints deploy`, `status`, `delete`: the life of SageMaker endpoints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn

from indexes import ModelError, load_settings

from .console import err, out, print_json, printable
from .cost import as_json as price_json
from .cost import in_words, plan_prices, price_option, prices_of, seconds_of, wait, while_awake
from .endpoints import ENDPOINTS
from .options import command, settings_options
from .planning import (
    PLACE,
    ModelOptions,
    exports,
    model_options,
    named,
    plan_of,
    show_plan,
    with_models,
)

if TYPE_CHECKING:
    from indexes import Settings
    from indexes.models.sagemaker.endpoints import (
        ControlPlane,
        FoundResource,
        Ledger,
    )

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_deployment = click.option(
    "--deployment", default="default", show_default=True, help="Name of what belongs together."
)


@command(
    epilog="\b\nExamples:\n"
    "  advanced-rag endpoints deploy --role MySageMakerRole --dry-run\n"
    "  advanced-rag endpoints deploy --role MySageMakerRole --only embedding\n"
    "  advanced-rag endpoints deploy --llm-instance-type ml.p4d.24xlarge\n"
    "  advanced-rag endpoints deploy --scale-to-zero --role MySageMakerRole\n\n"
    "What exists is passed over: after Ctrl-C or a refused quota, run it again."
)
@click.option(
    "--role",
    envvar="RAG_SAGEMAKER_EXECUTION_ROLE",
    show_envvar=True,
    help="Role that SageMaker runs the models in, name or ARN; default: your own.",
)
@click.option("--only", type=click.Choice(["llm", "embedding"]), help="One of the two.")
@model_options
@click.option("--accept-eula", is_flag=True, help="Accept the licences of models that have one.")
@click.option(
    "--scale-to-zero",
    is_flag=True,
    help="No instances while nobody asks; the next question waits about 5 minutes.",
)
@click.option("--wait/--no-wait", default=True, help="Until they answer: ten minutes and more.")
@click.option("--dry-run", is_flag=True, help="Say what would be created and cost; call nobody.")
@price_option
@_deployment
@_as_json
@settings_options(ENDPOINTS, PLACE)
def deploy(
    role: str | None,
    only: str | None,
    models: ModelOptions,
    accept_eula: bool,
    scale_to_zero: bool,
    wait: bool,
    dry_run: bool,
    given_prices: tuple[str, ...],
    deployment: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Deploy Mixtral and BGE, or other models from JumpStart, and wait until they answer."""
    loaded = load_settings(**settings)
    plan = with_models(plan_of(loaded, deployment), models, only, scale_to_zero)
    loaded = named(loaded, plan)
    prices = prices_of(loaded, given_prices)
    if dry_run:
        show_plan(plan, loaded, prices, as_json)
        return
    from indexes.models.sagemaker.endpoints import DeployStep
    from indexes.models.sagemaker.endpoints import deploy as deploy_plan

    plane, ledger = _connected(loaded)
    prices = prices_of(loaded, given_prices, plane.region)
    each, total = plan_prices(plan, prices)
    with _lines() as show:

        def report(step: DeployStep) -> None:
            show(step.endpoint, f"{step.what}, {_duration(step.seconds)}")

        try:
            done = deploy_plan(
                plan,
                plane,
                ledger,
                role=role,
                accept_eula=accept_eula,
                wait=wait,
                on_progress=report,
            )
        except KeyboardInterrupt:
            err.print("endpoints that were created go on and cost: `endpoints delete` ends that")
            raise
    if as_json:
        print_json(
            {
                "region": plane.region,
                "deployment": plan.deployment,
                "endpoints": [
                    {
                        **asdict(one.plan),
                        "status": one.status,
                        "created": one.created,
                        "seconds": round(one.seconds, 1),
                        "price": price_json(price),
                    }
                    for one, price in zip(done, each, strict=True)
                ],
                "price": price_json(total),
                "settings": exports(loaded, plan, plane.region),
            }
        )
        return
    for one, price in zip(done, each, strict=True):
        what = f"{one.plan.name}: {one.status}, {one.plan.model_id} on {one.plan.instance_type}"
        out.print(printable(what + ("" if one.created else " (was there)")))
        awake = while_awake(one.plan.scale_to_zero)
        out.print(printable(f"  {in_words(price, one.plan.instance_type)}{awake}"))
    if scale_to_zero:
        out.print("asked again after a rest, they wake up in about 5 minutes, and ask waits")
    out.print("they cost until `advanced-rag endpoints delete`. Use them with:")
    for name, value in exports(loaded, plan, plane.region).items():
        out.print(printable(f"  export {name}={value}"))


@command(epilog="\b\nExample:\n  advanced-rag endpoints status --json")
@price_option
@_deployment
@_as_json
@settings_options(ENDPOINTS, PLACE)
def status(given_prices: tuple[str, ...], deployment: str, as_json: bool, **settings: Any) -> None:
    """Show what is running, on what, since when, at what cost; and what lies about otherwise.

    All deployments of this project in the region are shown.
    """
    loaded = load_settings(**settings)
    plan = plan_of(loaded, deployment)
    from indexes.models.sagemaker.endpoints import status as look

    plane, ledger = _connected(loaded)
    found = look(plan, plane, ledger)
    prices = prices_of(loaded, given_prices, plane.region)
    costs = [prices.of(one.instance_type, one.instances) for one in found.running]
    if as_json:
        print_json(
            {
                "region": plane.region,
                "endpoints": [
                    {
                        **_resource(one.found),
                        "status": one.status,
                        "instance_type": one.instance_type,
                        "instances": one.instances,
                        "scales_to_zero": one.scales,
                        "seconds": round(one.seconds),
                        "failure": one.failure,
                        "price": price_json(price),
                        "cost": round(price.hour * one.seconds / 3600, 2) if price else None,
                    }
                    for one, price in zip(found.running, costs, strict=True)
                ],
                "leftovers": [_resource(one) for one in found.leftovers],
                "notes": found.notes,
            }
        )
        return
    if not found.running:
        out.print(f"nothing is running in {plane.region}")
    for one, price in zip(found.running, costs, strict=True):
        what = one.found.model_id or ("" if one.found.ours else "not of this project")
        out.print(printable(one.found.name, "bold"), printable(one.status))
        count = "?" if one.instances is None else one.instances
        on = f"{count} × {one.instance_type or 'unknown'}"
        since = f"{_moment(one.found.created)} UTC ({_duration(one.seconds)})"
        out.print(printable(f"  on {on} since {since}"))
        most = "at most " if one.scales else ""
        spent = f", {most}${price.hour * one.seconds / 3600:,.2f} so far" if price else ""
        out.print(printable(f"  {in_words(price, one.instance_type)}{spent}"))
        out.print(printable(f"  {what}, deployment {one.found.deployment or '–'}"))
        if one.failure:
            out.print(printable(f"  {one.failure}", "red"))
    for left in found.leftovers:
        out.print(printable(f"without an endpoint: {left.kind} {left.name}"))
    _print_notes(found.notes)


@command(
    epilog="\b\nExamples:\n"
    "  advanced-rag endpoints delete --dry-run\n"
    "  advanced-rag endpoints delete\n"
    "  advanced-rag endpoints delete --after 2h\n"
    "  advanced-rag endpoints delete --all --sagemaker-region us-east-1\n\n"
    "Found by tag, by name, and by a record kept in the cache folder; in one region."
)
@click.option("--all", "everything", is_flag=True, help="Of all deployments of this project.")
@click.option("--force", is_flag=True, help="Also what only has the name, and no tags.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; delete nothing.")
@click.option("--after", metavar="SPAN", help="Wait first, as long as this command runs: 2h, 90m.")
@_deployment
@_as_json
@settings_options(ENDPOINTS, PLACE)
def delete(
    everything: bool,
    force: bool,
    dry_run: bool,
    after: str | None,
    deployment: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Delete endpoints, their configs and their models, and say what remains."""
    loaded = load_settings(**settings)
    plan = plan_of(loaded, deployment)
    if after is not None:
        _wait(seconds_of(after))
    from indexes.models.sagemaker.endpoints import delete as delete_plan

    plane, ledger = _connected(loaded)
    with _lines() as show:
        result = delete_plan(
            plan,
            plane,
            ledger,
            everything=everything,
            force=force,
            dry_run=dry_run,
            on_progress=lambda found, what: show(f"{found.kind} {found.name}", what),
        )
    if as_json:
        print_json(
            {
                "region": plane.region,
                "deleted": [_resource(one) for one in result.deleted],
                "remaining": [
                    {**_resource(left.found), "reason": left.reason} for left in result.remaining
                ],
                "dry_run": dry_run,
                "notes": result.notes,
            }
        )
    else:
        verb = "would delete" if dry_run else "deleted"
        for one in result.deleted:
            out.print(printable(f"{verb} {one.kind} {one.name}"))
        for left in result.remaining:
            what = f"remains: {left.found.kind} {left.found.name}: {left.reason}"
            out.print(printable(what, "yellow"))
        if not result.remaining:
            kept = "would remain" if dry_run else "remains"
            out.print(f"nothing {kept} in {plane.region}")
        _print_notes(result.notes)
    mine = [left for left in result.remaining if left.found.ours]
    stuck = [x for x in mine if everything or x.found.deployment in (deployment, None)]
    if stuck and not dry_run:
        raise ModelError(
            f"{len(stuck)} could not be deleted: {stuck[0].found.kind} {stuck[0].found.name}: "
            f"{stuck[0].reason}"
        )


# Below


def _connected(settings: "Settings") -> "tuple[ControlPlane, Ledger]":
    from indexes.models.sagemaker.endpoints import ControlPlane, Ledger

    plane = ControlPlane(
        settings.sagemaker_region, settings.sagemaker_profile, settings.sagemaker_role
    )
    return plane, Ledger(settings.cache)


def _wait(seconds: float) -> None:
    err.print(f"deleting in {_duration(seconds)}, if this command still runs; Ctrl-C: never")
    with _lines() as show:
        wait(seconds, lambda left: show("deletion", f"in {_duration(left)}"))


def _resource(found: "FoundResource") -> dict[str, Any]:
    return {
        "kind": found.kind,
        "name": found.name,
        "deployment": found.deployment,
        "part": found.part,
        "model_id": found.model_id,
        "since": found.created.isoformat() if found.created else None,
        "ours": found.ours,
    }


@contextmanager
def _lines() -> Iterator[Callable[[str, str], None]]:
    """A line of progress for each resource, on standard error."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=err) as bar:
        tasks: dict[str, Any] = {}

        def show(name: str, what: str) -> None:
            shown = printable(what).plain
            if name not in tasks:
                tasks[name] = bar.add_task(printable(name).plain, total=1, what=shown)
            over = what.startswith(("InService", "deleted"))
            bar.update(tasks[name], what=shown, completed=int(over))

        yield show


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        err.print(printable(f"note: {note}", "yellow"), soft_wrap=True)


def _moment(when: datetime | None) -> str:
    from datetime import UTC

    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if when else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
