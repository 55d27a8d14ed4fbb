"""Settings in a file: what wins over what, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli.main import cli
from indexes.errors import SettingsError
from indexes.settings import load_settings
from indexes.settings_file import read_settings, write_settings


def test_a_file_says_what_nobody_else_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "new" / "settings.json"
    write_settings(
        file, {"pattern": "regular", "levels": [96, 48], "budget": 300, "search": "bm25"}
    )
    assert load_settings(settings_file=file).pattern == "regular"
    monkeypatch.setenv("RAG_BUDGET", "400")
    loaded = load_settings("here", settings_file=file, search="dense", pattern=None)
    assert (loaded.index, loaded.pattern, loaded.levels) == ("here", "regular", (96, 48))
    assert (loaded.budget, loaded.search) == (400, "dense")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON object"),
        ("[1]", "is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ("{" + " " * 1_000_001, "is larger than"),
        ('{"patern": "regular"}', "no setting is called 'patern': did you mean pattern.*file"),
        ('{"budget": "many"}', "setting budget"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings(settings_file=file)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.json: No such file"):
        read_settings(tmp_path / "gone.json")
    with pytest.raises(SettingsError, match="can be written"):
        write_settings(Path("/proc/no/settings.json"), {})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    write_settings(file, {"pattern": "parent", "search": "hybrid"})
    assert read_settings(file) == json.loads(file.read_text(encoding="utf-8"))


def test_every_command_takes_a_file_of_settings() -> None:
    def leaves(command: click.Command) -> Iterator[click.Command]:
        if isinstance(command, click.Group):
            for one in command.commands.values():
                yield from leaves(one)
        else:
            yield command

    without = {
        command.name
        for command in leaves(cli)
        if all(option.name != "settings_file" for option in command.params)
    }
    assert without == set()
