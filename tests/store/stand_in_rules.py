"""What a Qdrant server refuses, and in which words: keys, strict mode, size, rates.

The words are those of a real server, version 1.18.3.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from qdrant_client import models

BODY_LIMIT = 33_554_432

Kind = Literal["all", "read", "read one", "write one", "expired"]


@dataclass(frozen=True)
class Key:
    """An API key.

    Attributes:
        kind: what it may: everything; read everything; read, or read and write, one
            collection; nothing any more
        collection: of the ones for one collection
    """

    kind: Kind = "all"
    collection: str = ""


@dataclass(frozen=True)
class Refusal:
    """An answer that is none."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def refused(status: int, error: str, **headers: str) -> Refusal:
    body = json.dumps({"status": {"error": error}, "time": 0.001}).encode()
    return Refusal(status, body, {name.replace("_", "-"): said for name, said in headers.items()})


class Rules:
    """What is refused.

    Args:
        keys: the keys that are known, by themselves; none asks for none
        strict: strict mode of all collections
        cloud: as Qdrant Cloud, which lets keys for one collection neither list collections nor
            ask whether one exists
        version: of the server
    """

    def __init__(
        self,
        keys: dict[str, Key] | None = None,
        strict: models.StrictModeConfig | None = None,
        *,
        cloud: bool = False,
        version: str = "1.18.3",
    ) -> None:
        self.keys = keys or {}
        self.strict = strict
        self.cloud = cloud
        self.version = version
        self._spent: dict[str, list[float]] = {"Read": [], "Write": []}

    def key(self, key: str | None, method: str, path: str) -> Refusal | None:
        """What the key may not do; `GET /` is open to all."""
        if not self.keys or path == "/":
            return None
        if not key:
            return Refusal(401, b"Must provide an API key or an Authorization bearer token")
        if key not in self.keys:
            return Refusal(401, b"Invalid API key or JWT")
        known = self.keys[key]
        if known.kind == "expired":
            return Refusal(403, b"ExpiredSignature")
        name = path.split("/")[2] if path.count("/") > 1 else ""
        writes = _writes(method, path)
        if known.kind == "read" and writes:
            return refused(403, "Forbidden: Global manage access is required")
        if known.collection:
            if self.cloud and (not name or path.endswith("/exists")):
                return refused(403, "Forbidden: Global access is required")
            if path.count("/") == 2 and method in {"PUT", "DELETE"}:
                return refused(403, "Forbidden: Global access is required")
            if name and name != known.collection:
                return refused(403, f"Forbidden: Access to collection {name} is required")
            if writes and known.kind == "read one":
                return refused(403, f"Forbidden: Write access to collection {name} is required")
        return None

    def request(
        self, method: str, path: str, size: int, body: Any, indexed: set[str]
    ) -> Refusal | None:
        """What strict mode refuses.

        Args:
            method, path: the route
            size: bytes of the body
            body: as JSON
            indexed: payload keys that have an index
        """
        if size > BODY_LIMIT:
            return refused(
                400,
                f"JSON payload ({size} bytes) is larger than allowed (limit: {BODY_LIMIT} bytes).",
            )
        if self.strict is None or not path.startswith("/collections/"):
            return None
        for said in (
            self._batch(method, path, body),
            self._rate(method, path, body),
            *(self._search(search) for search in _searches(path, body)),
            self._filters(method, path, body, indexed),
            self._index(method, path, body, indexed),
        ):
            if said is not None:
                return said
        return None

    def _batch(self, method: str, path: str, body: Any) -> Refusal | None:
        writes, searches = self.strict.upsert_max_batchsize, self.strict.search_max_batchsize
        if method == "PUT" and path.endswith("/points") and writes is not None:
            return _over(len(body["points"]), writes, "upsert limit")
        if path.endswith("/query/batch") and searches is not None:
            return _over(len(body["searches"]), searches, "search batch size")
        return None

    def _rate(self, method: str, path: str, body: Any) -> Refusal | None:
        if not path.split("/")[3:] or path.split("/")[3] != "points":
            return None
        kind = "Write" if _writes(method, path) else "Read"
        rate = self.strict.write_rate_limit if kind == "Write" else self.strict.read_rate_limit
        if rate is None:
            return None
        cost = len(body["points"]) if method == "PUT" and "points" in body else 1
        if cost > rate:
            return refused(
                429,
                f"Rate limiting exceeded: {kind} rate limit exceeded, request larger than rate "
                "limiter capacity, please try to split your request",
            )
        now = time.monotonic()
        spent = [at for at in self._spent[kind] if at > now - 60]
        if len(spent) + cost > rate:
            wait = max(1, round(spent[0] + 60 - now))
            return refused(
                429,
                f"Rate limiting exceeded: {kind} rate limit exceeded: Operation requires {cost} "
                f"tokens but only {rate - len(spent)}.0 were available. Retry after {wait}s",
                retry_after=str(wait),
            )
        self._spent[kind] = spent + [now] * cost
        return None

    def time_passes(self) -> None:
        """The next minute begins."""
        for spent in self._spent.values():
            spent.clear()

    def _search(self, search: dict[str, Any]) -> Refusal | None:
        strict, params = self.strict, search.get("params") or {}
        if params.get("exact") and strict.search_allow_exact is False:
            return _bad("Exact search disabled!. Help: Set exact=false.")
        for limit, given, name in (
            (strict.max_query_limit, search.get("limit"), "limit"),
            (strict.search_max_hnsw_ef, params.get("hnsw_ef"), "hnsw_ef"),
        ):
            if limit is not None and given is not None and (over := _over(given, limit, name)):
                return over
        return None

    def _filters(self, method: str, path: str, body: Any, indexed: set[str]) -> Refusal | None:
        strict, conditions = self.strict, list(_conditions(body))
        reads = not _writes(method, path)
        allowed = (
            strict.unindexed_filtering_retrieve if reads else strict.unindexed_filtering_update
        )
        for condition in conditions:
            key = condition.get("key")
            if allowed is False and key and key not in indexed:
                return _bad(
                    f'Index required but not found for "{key}" of one of the following types: '
                    "[keyword]. Help: Create an index for this key or use a different filter."
                )
            values = (condition.get("match") or {}).get("any") or condition.get("has_id") or []
            if strict.condition_max_size and len(values) > strict.condition_max_size:
                return _bad(
                    f"Condition size limit reached ({len(values)} > {strict.condition_max_size}). "
                    "Help: Reduce the size of your condition."
                )
        searches = _searches(path, body) or [body]
        for search in searches:
            count = len(list(_conditions(search)))
            if strict.filter_max_conditions and count > strict.filter_max_conditions:
                return _bad(
                    f"Filter condition limit reached ({count} > {strict.filter_max_conditions}). "
                    "Help: Reduce the amount of conditions of your filter."
                )
        return None

    def _index(self, method: str, path: str, body: Any, indexed: set[str]) -> Refusal | None:
        most = self.strict.max_payload_index_count
        is_new = method == "PUT" and path.endswith("/index") and body["field_name"] not in indexed
        if is_new and most is not None and len(indexed) >= most:
            return _bad(
                f"Collection already has the maximum number of payload indices ({most}). Help: "
                "Please delete an existing index before creating a new one."
            )
        return None


def _writes(method: str, path: str) -> bool:
    named = ("/delete", "/payload", "/clear", "/aliases")
    return method in {"PUT", "DELETE", "PATCH"} or (method == "POST" and path.endswith(named))


def _searches(path: str, body: Any) -> list[dict[str, Any]]:
    if path.endswith("/query/batch"):
        return list(body["searches"])
    return [body] if path.endswith(("/query", "/scroll", "/count")) else []


def _conditions(body: Any) -> Iterator[dict[str, Any]]:
    """All conditions of all filters in a body."""
    if isinstance(body, dict):
        if "key" in body or "has_id" in body:
            yield body
        for name, value in body.items():
            if name not in {"payload", "vector", "points"}:
                yield from _conditions(value)
    elif isinstance(body, list):
        for value in body:
            yield from _conditions(value)


def _over(given: int, most: int, name: str) -> Refusal | None:
    if given <= most:
        return None
    return _bad(
        f'Limit exceeded {given} > {most} for "{name}". '
        f'Help: Reduce the "{name}" parameter to or below {most}.'
    )


def _bad(reason: str) -> Refusal:
    return refused(400, f"Bad request: {reason}")
