"""Writes docs/reference.md from signatures and docstrings.

python -m tests.reference
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import indexes
import indexes.evaluation
import indexes.langchain

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"
OPENING = """# Reference

What can be imported from `indexes`, `indexes.langchain` and `indexes.evaluation`, with arguments.
Made from the docstrings by `make reference`. Settings are also options of the command line and
variables of the environment: `budget`, `--budget`, `RAG_BUDGET`.
"""
WIDTH = 88
# What other code may take one of ours for.
SHOWN_BASES = (
    "BaseDocumentCompressor", "BaseEmbedding", "BaseModel", "BaseRetriever", "BaseSettings",
    "BaseTool", "Embeddings", "LLM", "RagError", "StoreError",
)  # fmt: skip


def reference() -> str:
    """The page."""
    library = griffe.load(
        "indexes",
        search_paths=[ROOT],
        docstring_parser="google",
        docstring_options={"warnings": False},
    )
    lines = [OPENING]
    for module in (indexes, indexes.langchain, indexes.evaluation):
        names = [name for name in module.__all__ if not name.startswith("_")]
        lines.append(f"## {module.__name__}\n")
        lines.append(", ".join(f"[`{name}`](#{name.lower()})" for name in names) + "\n")
        for name in names:
            found = library[f"{module.__name__}.{name}".removeprefix("indexes.")]
            lines += described(found.final_target if found.is_alias else found, name, module)
    return "\n".join(lines).rstrip() + "\n"


def described(thing: griffe.Object, name: str, module: Any) -> Iterator[str]:
    """A function, or a class with its public methods and fields."""
    yield f"### {name}\n"
    if isinstance(thing, griffe.Function):
        yield from function(thing)
        return
    if not isinstance(thing, griffe.Class):
        yield from docstring(thing)
        return
    bases = [str(base) for base in thing.bases if str(base) in SHOWN_BASES]
    if bases:
        yield f"A `{bases[0]}`.\n"
    if "__init__" in thing.members:
        yield from signature(thing.members["__init__"], name)  # type: ignore[arg-type]
    yield from docstring(thing)
    yield from fields(getattr(module, name))
    for member in methods(thing):
        yield f"#### {name}.{member.name}\n"
        yield from function(member)


def methods(thing: griffe.Class) -> list[griffe.Function]:
    """Public methods and properties, with those of its bases in this library."""
    found = {}
    for member in [*thing.members.values(), *thing.inherited_members.values()]:
        target = member.final_target if member.is_alias else member
        callable_ = isinstance(target, griffe.Function) or "property" in target.labels
        if callable_ and target.docstring and not member.name.startswith("_"):
            found.setdefault(member.name, target)
    return list(found.values())


def function(thing: griffe.Function) -> Iterator[str]:
    """A signature and what is said of it."""
    if "property" in thing.labels:
        yield f"Property: `{getattr(thing, 'annotation', None)}`\n"
    else:
        yield from signature(thing, thing.name)
    yield from docstring(thing)


def signature(thing: griffe.Function, name: str) -> Iterator[str]:
    """As it would be written in a stub."""
    given = [p for p in thing.parameters if p.name not in ("self", "cls")]
    words, keywords_only = [], False
    for one in given:
        kind = one.kind or griffe.ParameterKind.positional_or_keyword
        if kind is griffe.ParameterKind.keyword_only and not keywords_only:
            if not any(w.startswith("*") for w in words):
                words.append("*")
            keywords_only = True
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
        word = stars.get(kind, "") + one.name
        if one.annotation is not None:
            word += f": {one.annotation}"
        if one.default is not None and kind not in stars:
            word += f" = {one.default}" if one.annotation is not None else f"={one.default}"
        words.append(word)
    returns = f" -> {thing.returns}" if thing.returns is not None and name == thing.name else ""
    line = f"{name}({', '.join(words)}){returns}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){returns}"
    start = "async " if "async" in thing.labels else ""
    yield f"```text\n{start}{line}\n```\n"


def docstring(thing: griffe.Object) -> Iterator[str]:
    """Text, then arguments, results and errors as lists."""
    if thing.docstring is None:
        return
    for section in thing.docstring.parsed:
        if isinstance(section, griffe.DocstringSectionText):
            yield fenced(section.value) + "\n"
        elif isinstance(section, griffe.DocstringSectionAdmonition):
            yield f"```text\n{section.value.contents}\n```\n"
        elif isinstance(section, griffe.DocstringSectionRaises):
            yield listed(
                "Raises", ((str(one.annotation), one.description) for one in section.value)
            )
        elif isinstance(
            section, griffe.DocstringSectionParameters | griffe.DocstringSectionAttributes
        ):
            title = "Arguments" if section.kind.value == "parameters" else "Attributes"
            yield listed(title, ((one.name, one.description) for one in section.value))
        elif isinstance(section, griffe.DocstringSectionReturns | griffe.DocstringSectionYields):
            title = section.kind.value.capitalize()
            yield f"{title}: " + "; ".join(one.description for one in section.value) + "\n"


def fenced(text: str) -> str:
    """Indented examples as Python."""
    blocks: list[str] = []
    for block in text.split("\n\n"):
        code = all(line.startswith("    ") for line in block.splitlines())
        if code and blocks and blocks[-1].startswith("```"):
            blocks[-1] = f"{blocks[-1].removesuffix('```')}\n{block}\n```"
        else:
            blocks.append(f"```text\n{block}\n```" if code else block)
    return "\n\n".join(blocks)


def listed(title: str, rows: Any) -> str:
    """A bullet for each."""
    lines = [f"- `{name}`: {' '.join(text.split())}" for name, text in rows]
    return "\n".join([f"{title}:\n", *lines, ""])


def fields(kind: Any) -> Iterator[str]:
    """What a pydantic model holds."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return
    rows = []
    for name, field in kind.model_fields.items():
        default = field.default
        known = default is not PydanticUndefined and default not in (None, "", (), [])
        shown = f" (default `{default}`)" if known else ""
        rows.append((name, (field.description or "") + shown))
    if rows:
        yield listed("Fields", rows)


def main() -> None:
    PAGE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
