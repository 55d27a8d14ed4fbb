"""What endpoints cost, as far as it is known: by the hour, asked or not."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from indexes.errors import SettingsError

HOURS_A_MONTH = 730
UNKNOWN = "price unknown (give it with --price {}=USD_AN_HOUR)"
_GIVEN = re.compile(r"(ml\.[a-z0-9-]+\.[a-z0-9-]+)=(\d{1,5}(?:\.\d{1,6})?)")


@dataclass(frozen=True)
class Price:
    """What some instances of a type cost: US dollars `hour`ly, and where and when that was so."""

    hour: float
    of: str

    @property
    def month(self) -> float:
        """US dollars a month of 730 hours."""
        return self.hour * HOURS_A_MONTH

    def __str__(self) -> str:
        hour = f"{self.hour:,.3f}".removesuffix("0")
        return f"${hour} an hour, ${self.month:,.0f} a month ({self.of})"

    def as_json(self) -> dict[str, Any]:
        """For other programs."""
        return {"hour": round(self.hour, 4), "month": round(self.month, 2), "of": self.of}


class Prices:
    """Prices of instance types in one region.

    Args:
        region: whose prices; None if it isn't known yet.
        given: `ml.g5.2xlarge=1.52`, in US dollars an hour, in place of what is known.

    Raises:
        SettingsError: one is not given that way.
    """

    def __init__(self, region: str | None = None, given: Iterable[str] = ()) -> None:
        self._region = region
        self._given: dict[str, float] = {}
        for text in given:
            found = _GIVEN.fullmatch(text.strip())
            if found is None:
                raise SettingsError(f"--price {text}: give a type and US dollars an hour, like "
                                    "ml.g5.2xlarge=1.52")  # fmt: skip
            self._given[found[1]] = float(found[2])

    def of(self, instance_type: str | None, instances: int | None = 1) -> Price | None:
        """What so many of a type cost; None where it isn't known."""
        if instance_type in self._given:
            return Price(self._given[instance_type] * (instances or 1), "as given")
        table = _table()
        hour = table["usd_an_hour"].get(instance_type)
        if hour is None or self._region not in (None, table["region"]):
            return None
        return Price(hour * (instances or 1), f"{table['region']}, {table['date']}")

    def all_of(self, instances: Iterable[tuple[str | None, int | None]]) -> Price | None:
        """What all together cost; None if one isn't known, or there is none."""
        prices = [self.of(*one) for one in instances]
        known = [price for price in prices if price is not None]
        if not known or len(known) < len(prices):
            return None
        return Price(sum(price.hour for price in known), known[0].of)


@cache
def _table() -> Mapping[str, Any]:
    text = files(__package__).joinpath("prices.json").read_text(encoding="utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return table
