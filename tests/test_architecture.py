"""The house: imports point one way, modules stay short, private names stay at home."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 400


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path for folder in ("indexes", "app") for path in (ROOT / folder).rglob("*.py")
}


def imports(name: str) -> Iterator[tuple[str, list[str]]]:
    """What a module imports of ours when it is imported itself: modules, and names of them."""
    path = FILES[name]
    waiting: list[ast.AST] = list(ast.parse(path.read_text("utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.ImportFrom):
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            module = (
                ".".join([*above, node.module or ""]).rstrip(".") if node.level else node.module
            )
            yield module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += [
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
            ]


def needed(name: str) -> set[str]:
    """The modules of ours that a module needs."""
    found = set()
    for module, names in imports(name):
        inner = {f"{module}.{one}" for one in names} & FILES.keys()
        found |= inner | (
            {module} & FILES.keys() if len(inner) < len(names) or not names else set()
        )
    return found - {name}


@pytest.mark.slow
def test_no_modules_need_each_other() -> None:
    TopologicalSorter({name: needed(name) for name in FILES}).prepare()


def test_modules_are_short() -> None:
    lines = {name: path.read_text("utf-8").count("\n") for name, path in FILES.items()}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


@pytest.mark.slow
def test_no_module_takes_anothers_private_names() -> None:
    taken = [
        (name, module, one)
        for name in FILES
        for module, names in imports(name)
        for one in names
        if module in FILES and one.startswith("_") and not one.endswith("__")
    ]
    assert taken == []


def rows() -> list[list[str]]:
    """The list of modules in docs/architecture.md: each row's names, from the ground up."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text.split("| module | one idea |", 1)[1].split("\n\n", 1)[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", first) for first in firsts]


def test_the_list_of_modules_is_whole() -> None:
    listed = {name.strip("/") for row in rows() for name in row if not name.startswith("app/")}
    there = {name.split(".")[1] for name in FILES if name.startswith("indexes.")} | {"__init__"}
    # Beside the modules that everything else stands on.
    assert there - listed == set()
    assert listed - there == set()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_module_imports_from_above_only(name: str) -> None:
    row_of = {
        one.strip("/").replace("/", "."): number for number, row in enumerate(rows()) for one in row
    }

    def row(module: str) -> int:
        parts = module.split(".")
        if parts[0] == "app":
            known = [".".join(parts[:2]), "app.cli"]
        else:
            known = [parts[1] if len(parts) > 1 else "__init__"]
        return next(row_of[one] for one in known if one in row_of)

    below = {other for other in needed(name) if row(other) > row(name)}
    assert below == set()
