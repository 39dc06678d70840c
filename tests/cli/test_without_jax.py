"""Stored results can be shown on a machine without JAX."""

import json
import subprocess
from pathlib import Path

from tests.cli.commands import SMALL, Command, epicycle

NO_JAX = "import sys; sys.modules['jax'] = None"  # from then on, `import jax` fails


def test_show_and_report_work_without_jax(tmp_path: Path, command: Command) -> None:
    trained = command("run", "quickstart", *SMALL, "--seeds", "1", "--json")
    assert trained.returncode == 0, trained.stderr
    verdicts = json.loads(trained.stdout)
    page = Path(verdicts["report"])
    before = page.read_text()

    def without_jax(*args: str) -> subprocess.CompletedProcess[str]:
        result = epicycle(*args, cwd=tmp_path, before=NO_JAX)
        assert result.returncode == 0, result.stderr
        return result

    assert json.loads(without_jax("show", "quickstart", "--json").stdout)["claims"] == verdicts["claims"]
    assert json.loads(without_jax("show", str(page.parent), "--json").stdout)["claims"] == verdicts["claims"]
    page.unlink()
    assert without_jax("report", "quickstart").stdout.strip() == str(page)
    assert page.read_text() == before


def test_jax_is_really_hidden(tmp_path: Path) -> None:
    assert "import of jax halted" in epicycle("studies", cwd=tmp_path, before=NO_JAX).stderr
