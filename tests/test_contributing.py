"""What CONTRIBUTING.md says one can add is added as it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_snippets_run_from_top_to_bottom(tmp_path: Path) -> None:
    (tmp_path / "harbour.diary").write_text("It rained. | Ada lit the lamp.", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + "\n".join(SNIPPETS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for seen in (
        "It rained.\n\nAda lit the lamp.",
        "['harbour.diary']",
        "Somebody asked: Who lit the lamp?",
    ):
        assert seen in done.stdout


def test_every_registry_is_shown() -> None:
    for name in ("register_reader", "register_provider", "register_pattern", "register_judge"):
        assert any(f"{name}(" in snippet for snippet in SNIPPETS)
