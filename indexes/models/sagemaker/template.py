"""Mistral's and Mixtral's instruct template.

    [INST] instruction [/INST] answer</s>[INST] follow-up [/INST]

There is no system role: its text goes before the first instruction. Containers' tokenizers
put `<s>` in front themselves, and a literal one would be a second. Turns of one role in a
row are joined. Markers in a text (documents are not to be trusted) lose their brackets'
meaning: a zero-width space goes in between.
"""

import re
from collections.abc import Mapping, Sequence

STOP = "</s>"
_MARKERS = re.compile(r"(<)(/?s>)|(\[)(/?INST\])")
_TURN = re.compile(r"\[INST\] (.*?) \[/INST\](?: (.*?)</s>)?", re.DOTALL)
_BREAK = "\u200b"


def instruct_prompt(messages: Sequence[Mapping[str, str]], bos: bool = False) -> str:
    """The prompt for messages with the roles system, user and assistant."""
    system = [m["content"] for m in messages if m["role"] == "system"]
    turns: list[tuple[str, list[str]]] = []
    for message in messages:
        role = message["role"]
        if role == "system":
            continue
        role = "assistant" if role == "assistant" else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].append(message["content"])
        else:
            turns.append((role, [message["content"]]))
    if not turns or turns[0][0] == "assistant":
        turns.insert(0, ("user", []))
    turns[0][1][:0] = system
    parts = ["<s>" if bos else ""]
    for role, contents in turns:
        text = _harmless("\n\n".join(contents)).strip()
        parts.append(f"[INST] {text} [/INST]" if role == "user" else f" {text}{STOP}")
    return "".join(parts)


def messages_of(prompt: str) -> list[dict[str, str]]:
    """The messages that a prompt was made of; a prompt without markers is one message."""
    found: list[dict[str, str]] = []
    for instruction, answer in _TURN.findall(prompt):
        found.append({"role": "user", "content": instruction})
        if answer:
            found.append({"role": "assistant", "content": answer})
    return found or [{"role": "user", "content": prompt}]


def _harmless(text: str) -> str:
    return _MARKERS.sub(lambda m: f"{m[1] or m[3]}{_BREAK}{m[2] or m[4]}", text)
