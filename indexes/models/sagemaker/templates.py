r"""Prompt templates, for containers that take a text and know no chat.

    mistral   [INST] instruction [/INST] answer</s>[INST] follow-up [/INST]
    llama3    <|start_header_id|>user<|end_header_id|>\n\ninstruction<|eot_id|>…
    chatml    <|im_start|>user\ninstruction<|im_end|>\n…      (Qwen)
    plain     the texts, one after the other

Mistral's and Mixtral's knows no system role: its text goes before the first instruction.
Containers' tokenizers put the first token in front themselves, and a literal one would be a
second. Turns of one role in a row are joined. Markers in a text (documents are not to be
trusted) lose their meaning: a zero-width space goes in between.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

Template = Literal["mistral", "llama3", "chatml", "plain"]

# The texts with which a template's answers end.
ENDS: Mapping[Template, tuple[str, ...]] = {
    "mistral": ("</s>",),
    "llama3": ("<|eot_id|>",),
    "chatml": ("<|im_end|>",),
    "plain": (),
}

_MARKERS: Mapping[Template, re.Pattern[str]] = {
    "mistral": re.compile(r"<(?=/?s>)|\[(?=/?INST\])"),
    "llama3": re.compile(r"<(?=\|)"),
    "chatml": re.compile(r"<(?=\|)"),
    "plain": re.compile(r"(?!)"),
}
_INSTRUCTION = re.compile(r"\[INST\] (.*?) \[/INST\](?: (.*?)</s>)?", re.DOTALL)
_HEADED = re.compile(
    r"<\|(?:im_start|start_header_id)\|>(system|user|assistant)(?:<\|end_header_id\|>)?\s*"
    r"(.*?)<\|(?:im_end|eot_id)\|>",
    re.DOTALL,
)
_BREAK = "\u200b"

Message = Mapping[str, str]


def prompt_of(messages: Sequence[Message], template: Template, bos: bool = False) -> str:
    """Write a conversation (roles system, user, assistant) in the model's template.

    With `bos`, Mistral's begins with a literal `<s>`.
    """
    if template == "plain":
        return "\n\n".join(message["content"] for message in messages)
    if template == "mistral":
        return _instructions(without_system(messages), bos)
    start, end = (
        ("<|im_start|>{}\n", "<|im_end|>\n")
        if template == "chatml"
        else ("<|start_header_id|>{}<|end_header_id|>\n\n", "<|eot_id|>")
    )
    turns = [
        start.format(role) + _harmless(text, template) + end for role, text in _turns(messages)
    ]
    return "".join(turns) + start.format("assistant")


def without_system(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The same conversation for models that know no system role, and whose roles must take
    turns, a user's first.
    """
    system = [m["content"] for m in messages if m["role"] == "system"]
    turns = _turns([m for m in messages if m["role"] != "system"])
    if not turns or turns[0][0] == "assistant":
        turns.insert(0, ("user", ""))
    turns[0] = (turns[0][0], "\n\n".join(filter(None, [*system, turns[0][1]])))
    return [{"role": role, "content": text} for role, text in turns]


def messages_of(prompt: str) -> list[dict[str, str]]:
    """The messages that a prompt was made of; a prompt without markers is one message."""
    found = [{"role": role, "content": text} for role, text in _HEADED.findall(prompt)]
    for instruction, answer in _INSTRUCTION.findall(prompt) if not found else []:
        found.append({"role": "user", "content": instruction})
        if answer:
            found.append({"role": "assistant", "content": answer})
    return found or [{"role": "user", "content": prompt}]


def _turns(messages: Sequence[Message]) -> list[tuple[str, str]]:
    turns: list[tuple[str, list[str]]] = []
    for message in messages:
        role = message["role"] if message["role"] in ("system", "assistant") else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].append(message["content"])
        else:
            turns.append((role, [message["content"]]))
    return [(role, "\n\n".join(contents).strip()) for role, contents in turns]


def _instructions(messages: Sequence[Message], bos: bool) -> str:
    parts = ["<s>" if bos else ""]
    for message in messages:
        text = _harmless(message["content"], "mistral").strip()
        parts.append(f"[INST] {text} [/INST]" if message["role"] == "user" else f" {text}</s>")
    return "".join(parts)


def _harmless(text: str, template: Template) -> str:
    return _MARKERS[template].sub(lambda marker: marker[0] + _BREAK, text)
