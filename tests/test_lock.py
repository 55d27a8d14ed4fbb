"""requirements.txt is what `make lock` makes of pyproject.toml."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")


def pins() -> dict[str, str]:
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;]+)", LOCK)
    }


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = described["project"]
    wanted = [*project["dependencies"], *described["dependency-groups"]["weights"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    for requirement in map(Requirement, wanted):
        if requirement.name == project["name"]:
            continue
        version = pins().get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement} has {version}: `make lock`"


def test_every_pin_has_hashes_that_pip_can_check() -> None:
    hashed = (ROOT / "requirements-hashed.txt").read_text(encoding="utf-8")
    one = r"(?m)^([A-Za-z0-9._-]+)==([^\s;]+)[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}"
    found = {canonicalize_name(name): version for name, version in re.findall(one, hashed)}
    assert found == pins(), "run `make lock`"


def test_the_lock_names_no_place_to_download_from() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK and "--find-links" not in LOCK


def test_the_packages_we_are_asked_to_build_on_are_there() -> None:
    assert {
        "llama-index",
        "llama-index-llms-sagemaker-endpoint",
        "llama-index-embeddings-sagemaker-endpoint",
        "sagemaker",
        "qdrant-client",
        "gradio",
    } <= set(pins())


@pytest.mark.slow
def test_compiling_again_changes_nothing(tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    for name in ("pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    # The very command of the Makefile: uv keeps existing pins that still fit.
    make = subprocess.run(
        ["make", "--no-print-directory", "-n", "-f", str(ROOT / "Makefile"), "lock", f"UV={uv}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    command = make.stdout.strip().splitlines()[-1]
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode and re.search("connect|dns|network|timed out", done.stderr, re.IGNORECASE):
        pytest.skip(f"the package index can't be reached to compile the lock: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == LOCK
