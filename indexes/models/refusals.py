"""What an endpoint says when it refuses a request, read from its answer.

Every API has its own shape and words for it: OpenAI's `{"error": {"message": …}}`, FastAPI's
`{"detail": [{"loc": …, "msg": …}]}`, TEI's `{"error": "…"}`, a gateway's plain text. Here they
are one thing, read in time that is bounded whatever comes.
"""

import email.utils
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

_MOST_BYTES = 200_000
_MOST_WORDS = 4000
_MOST_PARTS = 60
_DEEPEST = 6
# What repeats our own request, or says nothing.
_SKIPPED = {"input", "url", "ctx", "id", "request_id", "created", "object"}
_TOLD_FIRST = ("message", "msg", "error", "detail", "errors", "error_message", "description")

# llama.cpp: "input (602 tokens) is too large to process"; OpenAI, vLLM: "maximum context
# length is 8192 tokens"; TEI: "must have less than 512 tokens"; TGI: "`inputs` tokens +
# `max_new_tokens` must be <= 4096".
_TOO_LONG = re.compile(
    r"too (large|long)\b(?!.{0,40}batch size)|context[ _](length|size|window)"
    r"|exceed(s|ed)?\b.{0,80}(context|token|length)|(less|fewer) than \d+ tokens"
    r"|physical batch size|tokens per (submitted )?(batch|request)|too many (input )?tokens"
    r"|max_new_tokens.{0,40}must be|max_model_len|longer than the maximum|tokens exceed"
    # Bedrock, DashScope, vLLM where nothing is left for an answer, Zhipu
    r"|expected maxlength|range of input length|must be at least 1, got -|长度超过",
    re.IGNORECASE,
)
# How the many APIs say that a request has too many texts in it.
_TOO_MANY_TEXTS = re.compile(
    r"batch[ _-]?size|batch.{0,30}(too|larg|limit|max|at most|exceed)"
    r"|(too many|max(imum)?|at most|more than|number of).{0,40}"
    r"\b(inputs?|texts|items|sentences|documents|strings|requests can be in one batch)\b"
    r"|\b(inputs|texts|array)\b.{0,60}(too long|at most|max|no more than|exceed)"
    r"|\binput\b.{0,60}(at most|no more than)"
    r"|数组最大|批",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:max\w*(?: [a-z_]+){0,5}|at most|(?:larger|greater|more) than|limit(?: [a-z]+){0,4}"
    r"|not exceed"
    r"|less than or equal to|最大不得超过)\D{0,12}(\d{1,5})\b",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"insufficient[_ ](quota|balance|credits?|funds)|exceeded your current quota|billing"
    r"|out of credits|credit balance|(any|no|more) credits|budget[_ ](has been )?exceeded",
    re.IGNORECASE,
)
# Google's and xAI's of a wrong key: under 400.
_KEY = re.compile(
    r"(api|access|subscription)[ _-]?(key|token).{0,20}"
    r"(not valid|invalid|incorrect|not found|expired)"
    r"|(invalid|incorrect|missing|no|wrong) (api|access|subscription|auth\w*)[ _-]?(key|token)",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[ _](filter|management policy)|moderation|safety system", re.IGNORECASE
)
_WAIT = re.compile(
    r"(?:try(?:ing)? again|retry(?:ing)?|available|wait|reset\w*)\b[^\d]{0,24}?"
    r"((?:\d+(?:\.\d+)?\s?(?:ms|milliseconds?|h|hours?|m|min|minutes?|s|sec|seconds?)(?![a-z])\s?){1,4})",
    re.IGNORECASE,
)
_WAITS = ("retryDelay", "retry_after", "retry_after_seconds", "estimated_time")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|mil|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "mil": 0.001, "h": 3600.0, "m": 60.0, "s": 1.0}
_NO_STREAM = re.compile(
    r"stream(ing)?\b.{0,60}(not (supported|allowed|available)|unsupported|unavailable)"
    r"|(not|n't|doesn't) support.{0,30}\bstream(ing)?\b(?!_)|verified to stream",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Refusal:
    """An answer that is none.

    Attributes:
        status: HTTP's, or what a body under 200 says
        said: the endpoint's own sentence
        words: everything that it said, codes and names of parameters included; by default `said`
        parameter: the parameter to blame, where it names one
        wait: seconds after which it wants to be asked again; None where it says nothing
    """

    status: int
    said: str
    words: str = ""
    parameter: str = ""
    wait: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words or self.said)

    @property
    def is_too_long(self) -> bool:
        """A text, or the request, is longer than the endpoint reads."""
        return self.status in {400, 413, 422, 500} and (
            (self.status == 413 and not self.is_too_many_texts)
            or _TOO_LONG.search(self.words) is not None
        )

    @property
    def is_too_many_texts(self) -> bool:
        """There are more texts in the request than the endpoint takes at once."""
        if self.status in {400, 424, 500} and "out of memory" in self.words.lower():
            return True
        return self.status in {400, 413, 422} and _TOO_MANY_TEXTS.search(self.words) is not None

    @property
    def is_limit(self) -> bool:
        """There are too many requests just now."""
        return self.status == 429 and not self.is_spent

    @property
    def is_spent(self) -> bool:
        """The account has nothing left: waiting does not help."""
        if self.status == 402:
            return True
        # Some say "quota" of a minute's limit, and then when to come back.
        if self.status == 400 and "budget" not in self.words.lower():
            return False
        spent = self.status in {400, 403, 429} and _SPENT.search(self.words) is not None
        return spent and not self.wait

    @property
    def is_of_key(self) -> bool:
        """The key is missing or wrong."""
        return self.status == 401 or (
            self.status in {400, 403} and _KEY.search(self.words) is not None
        )

    @property
    def is_failure(self) -> bool:
        """It tried, and could not; TGI says so under 424."""
        return self.status >= 500 or self.status == 424

    @property
    def is_filtered(self) -> bool:
        """A filter doesn't like the question."""
        return self.status in {400, 403} and _FILTERED.search(self.words) is not None

    @property
    def is_no_stream(self) -> bool:
        """It gives answers whole only."""
        return self.status in {400, 403, 404, 405, 422, 501} and (
            self.parameter == "stream" or _NO_STREAM.search(self.words) is not None
        )

    def limit_below(self, count: int) -> int | None:
        """The number of texts that it says it takes, if that is less than `count`."""
        numbers = (int(found) for found in _LIMIT.findall(self.words))
        return next((number for number in numbers if 1 <= number < count), None)


def refusal_of(response: httpx.Response) -> Refusal:
    """What a response that has been read refuses, and how."""
    body = _json(response)
    if body is None:
        text = response.text[:_MOST_WORDS]
        parts = [title_of(text) or text]
    else:
        parts = list(_told(body))
    words = _line(" ".join(parts))[:_MOST_WORDS]
    held = body[0] if isinstance(body, list) and body else body
    error = held.get("error", held) if isinstance(held, dict) else None
    parameter = error.get("param") if isinstance(error, dict) else None
    said = _line(parts[0]) if parts else ""
    if isinstance(error, dict) and (cause := _cause(error)):
        said = f"{said}: {cause}"
    return Refusal(
        status=response.status_code,
        said=said or response.reason_phrase or "no reason given",
        words=words,
        # LiteLLM writes Python's None.
        parameter=parameter if isinstance(parameter, str) and parameter != "None" else "",
        wait=_wait(response.headers, words, body),
    )


def _cause(error: dict[str, Any]) -> str:
    """What the provider behind a router said."""
    about = error.get("metadata")
    raw = about.get("raw") if isinstance(about, dict) else None
    return _line(raw[:_MOST_WORDS]) if isinstance(raw, str) else ""


def title_of(page: str) -> str:
    """What a web page calls itself; nothing where that is no page."""
    start = page[:_MOST_WORDS].lstrip()
    if not re.match(r"<(!doctype|html|head|\?xml)", start, re.IGNORECASE):
        return ""
    found = re.search(r"<(title|h1)[^>]{0,99}>([^<]{1,300})<", start, re.IGNORECASE)
    return _line(found[2]) if found else "without a title"


def _json(response: httpx.Response) -> Any:
    if len(response.content) > _MOST_BYTES:
        return None
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _told(value: Any, depth: int = 0) -> Iterator[str]:
    """The strings of a body, messages first."""
    left = _MOST_PARTS
    for part in _strings(value, depth):
        yield part
        left -= 1
        if left == 0:
            return


def _strings(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("msg"), str) and isinstance(value.get("loc"), list):
            place = ".".join(str(part) for part in value["loc"][:_DEEPEST] if part != "body")
            yield f"{place}: {value['msg']}"
        names = [name for name in _TOLD_FIRST if name in value]
        names += [name for name in value if name not in _TOLD_FIRST and name not in _SKIPPED]
        for name in names:
            yield from _strings(value[name], depth + 1)


def _wait(headers: httpx.Headers, words: str, body: Any) -> float | None:
    """Seconds to wait, by the headers, else by a field of the body, else by the words."""
    asked = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", asked):
        return float(asked) / 1000
    asked = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", asked):
        return float(asked)
    if asked:
        try:
            at = email.utils.parsedate_to_datetime(asked)
            return max(0.0, at.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            pass
    if (told := _wait_told(body)) is not None:
        return told
    found = _WAIT.search(words)
    if found is None:
        return None
    spans = _SPAN.findall(found[1])
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in spans)


def _wait_told(value: Any, depth: int = 0) -> float | None:
    """Seconds that a field of the body has: Google's, Hugging Face's, a gateway's."""
    if isinstance(value, list) and depth < 2 * _DEEPEST:
        told = (_wait_told(inner, depth + 1) for inner in value[:_MOST_PARTS])
        return next((seconds for seconds in told if seconds is not None), None)
    if not isinstance(value, dict) or depth >= 2 * _DEEPEST:
        return None
    for name in _WAITS:
        if found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s?", str(value.get(name))):
            return float(found[1])
    return _wait_told([value.get("error"), value.get("details")], depth + 1)


def _line(text: str) -> str:
    return " ".join(text.split())
