"""Texts about what endpoints cost, and how long deploying them takes."""

import os
import re
import time
from typing import TYPE_CHECKING, Any

import click

from indexes import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexes import Settings
    from indexes.models.sagemaker.endpoints import Plan, Price, Prices

price_option = click.option(
    "--price",
    "given_prices",
    multiple=True,
    metavar="TYPE=USD",
    help="Price of an instance type an hour, like ml.g5.2xlarge=1.52; repeatable.",
)
_SPAN = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7})s)?")
_LOOK_SECONDS = 1.0


def prices_of(settings: "Settings", given: tuple[str, ...], region: str | None = None) -> "Prices":
    """Prices of the region that is meant, as far as that is known."""
    from indexes.models.sagemaker.endpoints import Prices

    known = (os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    return Prices(region or settings.sagemaker_region or next(filter(None, known), None), given)


def in_words(price: "Price | None", instance_type: str | None) -> str:
    """A price, or that it isn't known."""
    from indexes.models.sagemaker.endpoints.prices import UNKNOWN

    return str(price) if price else UNKNOWN.format(instance_type or "TYPE")


def while_awake(scales: bool) -> str:
    """Say when an endpoint costs that, where it isn't always."""
    return ", while awake; asleep nothing" if scales else ""


def plan_prices(plan: "Plan", prices: "Prices") -> "tuple[list[Price | None], Price | None]":
    """What each endpoint of a plan costs, and all of them."""
    needed = [(endpoint.instance_type, endpoint.instances) for endpoint in plan.endpoints]
    return [prices.of(*one) for one in needed], prices.all_of(needed)


def as_json(price: "Price | None") -> dict[str, Any] | None:
    """A price for other programs."""
    return price.as_json() if price else None


def seconds_of(text: str) -> float:
    """Parse a duration like `2h` or `1h30m`.

    Raises:
        SettingsError: it is not a duration
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise SettingsError(f"--after {text}: give a span of time like 2h, 90m or 1h30m")
    days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def wait(seconds: float, show: "Callable[[float], None]") -> None:
    """Sleep by the wall clock, also through a laptop's suspension; `show` gets what is left."""
    end = time.time() + seconds
    while (left := end - time.time()) > 0:
        show(left)
        time.sleep(min(_LOOK_SECONDS, left))
