"""Deployment plans: made from command-line options, and shown before they are carried out."""

import functools
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from indexes import SettingsError

from .console import out, print_json, printable
from .cost import as_json as price_json
from .cost import in_words, plan_prices, while_awake
from .endpoints import ENDPOINTS

if TYPE_CHECKING:
    from indexes import Settings
    from indexes.models.sagemaker.endpoints import Plan, Prices

PLACE = ("sagemaker_region", "sagemaker_profile", "cache")

# A model's id and type of instance, by what it is for.
ModelOptions = dict[str, tuple[str | None, str | None]]
_TYPE = "Default: the model's, if it is known."


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command options for models and instances; they arrive as `models`."""

    @functools.wraps(command)
    def called(**given: Any) -> Any:
        models = {
            part: (given.pop(f"{part}_model_id"), given.pop(f"{part}_instance_type"))
            for part in ("llm", "embedding")
        }
        return command(models=models, **given)

    for part, default in (("embedding", "BGE Large En"), ("llm", "Mixtral 8x7B Instruct")):
        called = click.option(f"--{part}-instance-type", help=_TYPE)(called)
        text = f"JumpStart's id, or the model's name; default: {default}."
        called = click.option(f"--{part}-model-id", help=text)(called)
    return called


def plan_of(settings: "Settings", deployment: str) -> "Plan":
    """The endpoints of the settings, with the models of AWS's sample.

    Raises:
        SettingsError: the extra is not installed, or both have one name.
    """
    if find_spec("boto3") is None:
        from indexes.extras import install

        raise SettingsError(
            f"endpoints need the package boto3, which is not installed: {install('sagemaker')}"
        )
    from indexes.models.sagemaker.endpoints.plan import default_plan

    return default_plan(settings, deployment)


def with_models(
    plan: "Plan", models: ModelOptions, only: str | None = None, zero: bool = False
) -> "Plan":
    """The same with the models that were asked for, scaling to zero if that was asked.

    Raises:
        SettingsError: no type of instance is known for one, or a name is none.
    """
    from indexes.models.sagemaker.endpoints import with_model

    chosen = [with_model(e, *models[e.part]) for e in plan.endpoints if only in (None, e.part)]
    endpoints = [replace(endpoint, scale_to_zero=zero) for endpoint in chosen]
    return replace(plan, endpoints=tuple(endpoints))


def show_plan(plan: "Plan", settings: "Settings", prices: "Prices", as_json: bool) -> None:
    """Say what would be created, and what it would cost."""
    each, total = plan_prices(plan, prices)
    if as_json:
        print_json(
            {
                "dry_run": True,
                "deployment": plan.deployment,
                "endpoints": [
                    {**asdict(e), "tags": plan.tags(e), "price": price_json(price)}
                    for e, price in zip(plan.endpoints, each, strict=True)
                ],
                "price": price_json(total),
                "settings": exports(settings, plan, settings.sagemaker_region),
            }
        )
        return
    for e, price in zip(plan.endpoints, each, strict=True):
        out.print(printable(f"would create model, endpoint config and endpoint {e}"))
        out.print(printable(f"  {in_words(price, e.instance_type)}{while_awake(e.scale_to_zero)}"))
        tags = ", ".join(f"{key}={value}" for key, value in plan.tags(e).items())
        out.print(printable(f"  tagged {tags}", "dim"))
    if total and len(each) > 1:
        out.print(printable(f"together {total}"))


def named(settings: "Settings", plan: "Plan") -> "Settings":
    """The settings with the endpoints' names as planned: they follow the models'."""
    names = {f"sagemaker_{e.part}_endpoint": e.name for e in plan.endpoints}
    return settings.model_copy(update=names)


def exports(settings: "Settings", plan: "Plan", region: str | None) -> dict[str, str]:
    """The environment in which `ask` finds these endpoints; defaults are left out."""
    found = {"RAG_PROVIDER": "sagemaker"}
    for name in ENDPOINTS:
        value = getattr(settings, name)
        if value != type(settings).model_fields[name].default:
            found[f"RAG_{name.upper()}"] = value
    for endpoint in plan.endpoints:
        if f"RAG_SAGEMAKER_{endpoint.part.upper()}_ENDPOINT" in found:
            # Under another name nothing else tells what it is.
            found[f"RAG_{endpoint.part.upper()}_MODEL"] = endpoint.model_name
        if endpoint.scale_to_zero:
            found[f"RAG_SAGEMAKER_{endpoint.part.upper()}_COMPONENT"] = endpoint.name
    if region:
        found["RAG_SAGEMAKER_REGION"] = region
    if settings.sagemaker_profile:
        found["RAG_SAGEMAKER_PROFILE"] = settings.sagemaker_profile
    return found
