"""The form of a request that an endpoint takes: the best first, then what its refusals teach.

    known: dict[str, Value] = {}
    sent = formed(body, known)
    # refused: "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."
    name, value = lesson(refusal, sent, known, own=frozenset())   # ("token_limit", …)
    sent = formed(body, known | {name: value})

A lesson is a habit (`indexes.models.habits`) that changes what is sent. A refusal that names
nothing known teaches nothing, and is told as it is.

| habit | value |
|---|---|
| `token_limit` | what `max_tokens` is called there; `none` to leave it out |
| `most_tokens` | the most that may be asked for |
| `temperature` | `positive`: 0 is refused |
| `answers` | how an answer's form is asked for: `object`, `plain`, `json`, `words` |
| `system` | false: instructions go into the first message of the user |
| `input_type` | how queries and passages are called, with a comma between |
| `one_text` | a single text is sent as such, not in a list |
| `without NAME` | true: the parameter is left out |
"""

import re
from collections.abc import Mapping
from typing import Any

from indexes.models.refusals import Refusal

Value = bool | int | str

# What a text is embedded as; no endpoint sees this name.
KIND = "text_kind"
# How APIs that want to know call a query and a passage: NVIDIA, Cohere, Voyage.
_KINDS = ("query,passage", "search_query,search_document", "query,document")
# From what holds an answer best to what any endpoint takes.
_ANSWERS = ("schema", "object", "plain", "json", "words")
# What some refuse in a schema.
_LIMITS = ("minimum", "maximum", "minItems", "maxItems", "uniqueItems")

_REFUSED = re.compile(
    r"unsupported|not (be )?(supported|permitted|allowed|recogni[sz]ed|available|valid)|unknown"
    r"|unrecogni[sz]ed|unexpected|extra|forbidden|invalid|does(n't| not) (support|allow|accept)"
    r"|unavailable|deprecated|must be|can ?not be|remove",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(
    r"system (role|message|prompt|instruction)s?\b.{0,60}(not|n't|un)"
    r"|roles must alternate|(not|n't) support.{0,20}['\"`]?system\b"
    r"|only user and assistant roles|developer instruction is not enabled"
    r"|role.{0,30}['\"`]system['\"`].{0,30}(not|invalid)"
    r"|(invalid|unknown|unexpected) role.{0,20}system"
    r"|role: input should be 'user'|must use the \W?user\W? role",
    re.IGNORECASE | re.DOTALL,
)
_FORM = re.compile(
    r"response[_ ]format|json[_ ]?schema|json_object|structured output|grammar\b|\bschema\b|guided",
    re.IGNORECASE,
)
_POSITIVE = re.compile(r"positive|greater than 0|> ?0\b|(above|larger than) 0", re.IGNORECASE)
_AT_MOST = re.compile(
    r"at most (\d{1,7}) (?:completion|output) tokens"
    r"|max_tokens: \d+ > (\d{1,7})|range of max_tokens (?:is|should be) \[\d+, ?(\d{1,7})\]"
    r"|max(?:_completion)?_tokens.{0,60}(?:less than or equal to|<=|at most|maximum(?: \w+){0,3})"
    r"\D{0,8}(\d{1,7})",
    re.IGNORECASE,
)
_WANTED = re.compile(
    r"requir|missing|must (be|provide|specify|have)|one of|valid|expected|need", re.IGNORECASE
)
_ONE_TEXT = re.compile(r"input.{0,60}(must|should|has to) be a (valid )?str(ing)?\b", re.IGNORECASE)
_NEEDED = frozenset({"model", "messages", "input", "stream"})


def formed(body: Mapping[str, Any], known: Mapping[str, Value]) -> dict[str, Any]:
    """Change a request's body to what the endpoint is known to accept."""
    sent = {name: value for name, value in body.items() if not known.get(f"without {name}")}
    kind = sent.pop(KIND, None)
    if kind is not None and (names := known.get("input_type")) and "input_type" not in sent:
        query, _, passage = str(names).partition(",")
        sent["input_type"] = query if kind == "query" else passage
    if known.get("one_text") and isinstance(sent.get("input"), list) and len(sent["input"]) == 1:
        sent["input"] = sent["input"][0]
    if "max_tokens" in sent:
        _limit_tokens(sent, known)
    if known.get("temperature") == "positive" and sent.get("temperature") == 0:
        sent["temperature"] = 0.01
    if "response_format" in sent:
        _form_answers(sent, str(known.get("answers", "schema")))
    if known.get("system") is False:
        sent["messages"] = _without_system(sent.get("messages"))
    return sent


def lesson(
    refusal: Refusal, sent: Mapping[str, Any], known: Mapping[str, Value], own: frozenset[str]
) -> tuple[str, Value] | None:
    """The habit that a refusal teaches; None where it names nothing known.

    Args:
        refusal: of `sent`
        sent: as `formed` made it
        known: what was known then
        own: parameters that the user asked for, which are not left out silently
    """
    words = refusal.words
    if refusal.status == 500 and has_system(sent.get("messages")) and _NO_SYSTEM.search(words):
        # llama.cpp fails where a template refuses.
        return "system", False
    if refusal.status not in {400, 404, 405, 415, 422, 501}:
        return None
    for name in ("max_tokens", "max_completion_tokens"):
        if name in sent and name not in own and (most := _most(words, sent[name])):
            return "most_tokens", most
    if refusal.is_too_long:
        return None
    if has_system(sent.get("messages")) and _NO_SYSTEM.search(words):
        return "system", False
    if "messages" not in sent:
        if "input_type" in words and "input_type" not in own and _WANTED.search(words):
            return _kinds(words, known)
        if isinstance(sent.get("input"), list) and _ONE_TEXT.search(words):
            return "one_text", True
    for name in ("max_tokens", "max_completion_tokens"):
        if name in sent and name not in own and _names(refusal, name):
            return _tokens(refusal, name)
    if "response_format" in sent and "response_format" not in own and _is_of_form(refusal):
        return _answers(words, str(known.get("answers", "schema")))
    if "temperature" in sent and "temperature" not in own and _names(refusal, "temperature"):
        if sent["temperature"] == 0 and _POSITIVE.search(words):
            return "temperature", "positive"
        return "without temperature", True
    if not refusal.parameter and not _REFUSED.search(words):
        return None
    for name in sent:
        if name not in _NEEDED and name not in own and _names(refusal, name):
            return f"without {name}", True
    return None


def has_system(messages: Any) -> bool:
    """Whether instructions are apart from what the user says."""
    return isinstance(messages, list) and any(_is_system(message) for message in messages)


def _names(refusal: Refusal, name: str) -> bool:
    if refusal.parameter:
        return refusal.parameter.split(".")[0] == name
    return re.search(rf"\b{re.escape(name)}\b", refusal.words) is not None


# How long answers may be


def _limit_tokens(sent: dict[str, Any], known: Mapping[str, Value]) -> None:
    limit = sent.pop("max_tokens")
    most = known.get("most_tokens")
    if isinstance(most, int) and isinstance(limit, int) and most > 0:
        limit = min(limit, most)
    name = str(known.get("token_limit", "max_tokens"))
    if name != "none":
        sent[name] = limit


def _most(words: str, limit: Any) -> int | None:
    """The most tokens that may be asked for, where the words say so and it is less."""
    found = _AT_MOST.search(words)
    most = int(next(filter(None, found.groups()))) if found else 0
    return most if isinstance(limit, int) and 0 < most < limit else None


def _tokens(refusal: Refusal, name: str) -> tuple[str, Value] | None:
    if not refusal.parameter and not _REFUSED.search(refusal.words):
        return None
    return "token_limit", "max_completion_tokens" if name == "max_tokens" else "none"


# How an answer's form is asked for


def _is_of_form(refusal: Refusal) -> bool:
    return refusal.parameter.startswith("response_format") or (
        _FORM.search(refusal.words) is not None
    )


def _answers(words: str, now: str) -> tuple[str, Value] | None:
    place = _ANSWERS.index(now) if now in _ANSWERS else 0
    if now == "words":
        return None
    if re.search(r"(unrecogni|unknown|unexpected|extra)\w*.{0,60}response_format", words, re.I):
        return "answers", "words"
    if re.search(r"\b(" + "|".join(_LIMITS) + r")\b", words) and place < _ANSWERS.index("plain"):
        return "answers", "plain"
    if now == "schema" and re.search(r"\barray\b|\broot\b|type: ?.{0,3}object", words, re.I):
        return "answers", "object"
    about_schema = re.search(r"(invalid|in) (json )?schema|invalid_json_schema", words, re.I)
    if about_schema and now != "json":
        return "answers", _ANSWERS[place + 1]
    return "answers", "json" if place < _ANSWERS.index("json") else "words"


def _form_answers(sent: dict[str, Any], how: str) -> None:
    if how == "words":
        del sent["response_format"]
        return
    if how == "json":
        sent["response_format"] = {"type": "json_object"}
        return
    form = sent["response_format"]
    named = form.get("json_schema") if isinstance(form, dict) else None
    if how == "schema" or not isinstance(named, dict):
        return
    schema = named.get("schema", {})
    if how == "plain":
        schema = _plain(schema)
    if schema.get("type") != "object":
        schema = {
            "type": "object",
            "properties": {"answer": schema},
            "required": ["answer"],
            "additionalProperties": False,
        }
    sent["response_format"] = {**form, "json_schema": {**named, "schema": schema}}


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _plain(inner) for name, inner in schema.items() if name not in _LIMITS}


# Who speaks, and what is embedded


def _is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in ("system", "developer")


def _without_system(messages: Any) -> Any:
    if not has_system(messages):
        return messages
    said = [str(m.get("content") or "") for m in messages if _is_system(m)]
    rest = [dict(m) if isinstance(m, dict) else m for m in messages if not _is_system(m)]
    before = "\n\n".join(said)
    first = next((m for m in rest if isinstance(m, dict) and m.get("role") == "user"), None)
    if first is None:
        return [{"role": "user", "content": before}, *rest]
    content = first.get("content")
    if isinstance(content, list):
        first["content"] = [{"type": "text", "text": before}, *content]
    else:
        first["content"] = f"{before}\n\n{content or ''}"
    return rest


def _kinds(words: str, known: Mapping[str, Value]) -> tuple[str, Value] | None:
    """The next pair of names that is not known to be wrong; one that is listed, first."""
    now = known.get("input_type")
    rest = _KINDS[_KINDS.index(str(now)) + 1 :] if now in _KINDS else _KINDS
    listed = [
        pair
        for pair in rest
        if all(re.search(rf"(?<!_)\b{name}\b(?!_)", words) for name in pair.split(","))
    ]
    found = (listed or list(rest))[:1]
    return ("input_type", found[0]) if found else None
