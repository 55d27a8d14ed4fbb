"""The library's public face: `from indexes import …`."""

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import indexes
import indexes.evaluation

ROOT = Path(__file__).parents[1]
NAMES = [name for name in indexes.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there_and_its_docstring_shows_its_use(name: str) -> None:
    thing = getattr(indexes, name)
    assert name in dir(indexes)
    shown = [line for line in (inspect.getdoc(thing) or "").splitlines() if line[:4] == "    "]
    assert any(name in line for line in shown), f"{name}: no example in its docstring"


def test_type_checkers_see_the_names_that_are_there() -> None:
    tree = ast.parse(Path(indexes.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        (line.module, alias.name, alias.asname)
        for line in checked.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == {(home, name, name) for name, home in indexes._HOME.items()}


def test_about_twenty_names_are_enough() -> None:
    assert 15 <= len(NAMES) <= 32


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'indexes' has no attribute 'Hierarchy'"):
        _ = indexes.Hierarchy


def test_what_measures_has_a_front_door_of_its_own() -> None:
    assert [
        name for name in indexes.evaluation.__all__ if not inspect.getdoc(of_evaluation(name))
    ] == []
    with pytest.raises(AttributeError, match=r"'indexes\.evaluation' has no attribute 'evaluate'"):
        of_evaluation("evaluate")


def of_evaluation(name: str) -> object:
    return getattr(indexes.evaluation, name)


def test_importing_the_packages_loads_nothing_else() -> None:
    printed = run(
        "import indexes, indexes.evaluation, sys\n"
        "print(*(name for name in sys.modules if name.startswith(('indexes.', 'llama_index'))))"
    )
    assert printed.split() == ["indexes.evaluation"]


@pytest.mark.slow
def test_data_and_errors_come_without_the_engine_and_llamaindex() -> None:
    printed = run(
        "import sys; from indexes import Answer, RagError, Settings, Trace, IngestReport\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert not {"llama_index", "qdrant_client"} & set(printed.split())


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
def test_command_line_page_and_notebooks_use_public_names_by_the_front_door() -> None:
    """Nothing private, and what the front door has not by the back door."""
    for place, tree in code_of_users():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or (node.level == 0 and not node.module):
                continue
            names = [alias.name for alias in node.names]
            assert not [name for name in names if name.startswith("_")], f"{place}: {names}"
            if node.level == 0 and (node.module or "").startswith("indexes."):
                assert not {*names} & {*NAMES}, f"{place}: import {names} from indexes"


def code_of_users() -> Iterator[tuple[Path, ast.Module]]:
    for path in [*ROOT.glob("app/**/*.py"), *ROOT.glob("notebooks/*.py")]:
        yield path, ast.parse(path.read_text(encoding="utf-8"))
    for path in ROOT.glob("notebooks/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "import" in source:
                yield path, ast.parse(source, type_comments=False)
