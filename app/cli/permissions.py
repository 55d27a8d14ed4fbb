"""`advanced-rag endpoints permissions`: what an account has to allow beforehand."""

from typing import Any

import click

from indexes import load_settings

from .console import out, print_json, printable
from .endpoints import ENDPOINTS
from .options import command, settings_options
from .planning import PLACE, ModelOptions, model_options, plan_of, with_models


@command(
    epilog="\b\nExamples:\n"
    "  advanced-rag endpoints permissions\n"
    "  advanced-rag endpoints permissions --role MySageMakerRole --json"
)
@click.option("--role", help="Name or ARN of the role that SageMaker runs the models in.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options(ENDPOINTS, PLACE)
def permissions(
    role: str | None,
    models: ModelOptions,
    as_json: bool,
    **settings: Any,
) -> None:
    """Print what an account has to allow: policies, the role, and quotas, to paste."""
    plan = with_models(plan_of(load_settings(**settings), "default"), models)
    from indexes.models.sagemaker.endpoints import permissions as needed

    role = role or needed.ROLE
    if as_json:
        print_json(
            {
                "caller_policy": needed.caller_policy(role),
                "trust_policy": needed.trust_policy(),
                "role_policy": needed.role_policy(),
                "quotas": needed.quotas(plan),
                "commands": needed.commands(plan, role),
            }
        )
        return
    what = (
        "# the role that SageMaker runs the models in: who may take it on",
        "# what it may do",
        "# what you may do: attach this policy to your user or role",
    )
    notes = [*what, *(f"# quota: {count} × {name}" for name, count in needed.quotas(plan).items())]
    for note, line in zip(notes, needed.commands(plan, role), strict=True):
        out.print(printable(f"{note}\n{line}\n"))
