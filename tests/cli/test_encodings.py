"""Standard output in an encoding that lacks signs of ours."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import epicycle

TEXT = "✓ supported — weight decay \u00d7 10 ≥ 0.5, “naïve”, Ødegård, 数, \udcff"
SHOWS = f"""
from types import SimpleNamespace
import epicycle.presets.preset_pages, epicycle.spec.registry
epicycle.presets.preset_pages.details = lambda preset: {TEXT!r}
preset = SimpleNamespace(model_dump=lambda mode: {{"title": {TEXT!r}}})
epicycle.spec.registry.load_preset = lambda name: preset
"""
WRITTEN = {
    "latin-1": '+ supported - weight decay \u00d7 10 >= 0.5, "naïve", Ødegård, ?, ?',
    "cp1252": "+ supported — weight decay \u00d7 10 >= 0.5, “naïve”, Ødegård, ?, ?",
    "ascii": "✓ supported — weight decay \u00d7 10 ≥ 0.5, “naïve”, Ødegård, 数, ?",  # typer takes ASCII for a mistake and writes UTF-8
    "utf-8": "✓ supported — weight decay \u00d7 10 ≥ 0.5, “naïve”, Ødegård, 数, ?",
}


@pytest.mark.parametrize("encoding", WRITTEN)
def test_any_text_can_be_written(encoding: str, tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0"}
    result = epicycle("presets", "NP", cwd=tmp_path, before=SHOWS, env=env, encoding={"ascii": "utf-8"}.get(encoding, encoding))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == WRITTEN[encoding]


@pytest.mark.parametrize("encoding", WRITTEN)
def test_json_loses_no_sign(encoding: str, tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0"}
    result = epicycle("presets", "NP", "--json", cwd=tmp_path, before=SHOWS, env=env, encoding=encoding)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"title": TEXT}
