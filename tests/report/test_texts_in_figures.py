"""Texts of a study stand in the figure for papers as they were written, with or without dollars."""

from pathlib import Path

import numpy as np
import pytest

from epicycle.claims.quantities import EventTime
from epicycle.report.paper_figure import save_figure
from epicycle.spec.results import DONE, RunLabels, arm_dataset
from epicycle.spec.study import Figure

HOSTILE = r"$\frac{ is $x late? $\nope$ \$5 $"


@pytest.mark.parametrize(
    "parts", [{"series": ("train_acc",)}, {"quantities": (EventTime(event="t_mem", arm=HOSTILE),), "along": HOSTILE}]
)
def test_a_title_with_broken_mathematics_is_drawn(parts: dict[str, object], tmp_path: Path) -> None:
    runs = [RunLabels(f"run {i}", i, i, DONE, 0.1, swept={HOSTILE: f"{HOSTILE}{i}"}) for i in range(2)]
    values = np.linspace(0, 1, 6).reshape(1, 6).repeat(2, axis=0)
    arms = {HOSTILE: arm_dataset(np.arange(6), {"train_acc": (("run", "step"), values)}, runs, budget=5, swept=(HOSTILE,))}
    paths = save_figure(Figure(title=HOSTILE, arms=(HOSTILE,), **parts), arms, tmp_path / "figure")  # type: ignore[arg-type]
    assert all(path.stat().st_size > 1000 for path in paths)
