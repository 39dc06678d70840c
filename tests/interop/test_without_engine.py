"""Imported training curves need neither JAX nor the engine: events, verdicts and the page are made on a machine without them."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
sys.modules["jax"] = None  # from now on, `import jax` fails

import numpy as np
import epicycle as ep
from epicycle.claims.quantities import EventRatio
from epicycle.interop import curves, export, foreign_runs, parquet

runs = ep.import_runs("theirs.csv", num_classes=50)
assert runs.events["t_gen"].values.tolist() == [200.0, 210.0, 220.0], runs.events["t_gen"].values
claim = ep.Claim(
    id="late",
    statistic=EventRatio(event="t_gen", over="t_mem", arm="runs"),
    supported_if=ep.Region(above=3.0),
    refuted_if=ep.Region(below=2.0),
    min_seeds=3,
)
[verdict] = runs.judge(claim)
assert verdict.estimate is not None
assert verdict.estimate.interval.value > 3
page = runs.report("page", claims=[claim])
assert "theirs.csv" in page.read_text()

# The package epicycle.training alone lists its kinds; its modules are the engine.
engine = [name for name in sys.modules if name.startswith(("epicycle.training.", "epicycle.lab", "jax.", "jaxlib", "optax"))]
assert not engine, engine
"""


def test_imported_runs_need_neither_jax_nor_the_engine(tmp_path: Path) -> None:
    lines = ["seed,step,train_acc,test_acc"]
    for seed, generalises in enumerate((200, 210, 220)):
        lines += [f"{seed},{step},{int(step >= 20)},{int(step >= generalises)}" for step in range(0, 500, 10)]
    (tmp_path / "theirs.csv").write_text("\n".join(lines) + "\n")
    result = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "page" / "verdicts.json").is_file()
