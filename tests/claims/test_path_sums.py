"""Sums of effects along the path: closed forms on a quadratic loss, and a real network with a look at every step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

import epicycle as ep
from epicycle.claims.path_sums import PathSum
from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.measures.fit import Loss
from epicycle.measures.update_effects import UpdateEffect
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Region
from epicycle.spec.study import Study
from epicycle.store.files import Root

CURVATURE, DECAY, LR, RUNS = 3.0, 1.0, 5e-4, 4
PARTS = ("loss", "decay")


def quadratic_arm(every: int = 1) -> dict[str, Any]:
    """SGD with decay on curvature/2 w^2: w shrinks by the same factor at every step. Only some of the looks record the effects."""
    data, rate = planted([100] * RUNS, [1000.0] * RUNS), LR * (CURVATURE + DECAY)
    weights = np.arange(1, RUNS + 1)[:, None] * (1 - rate) ** STEPS.astype(float)
    mean_slope = CURVATURE * weights * (1 - rate / 2)
    effects = {"loss": mean_slope * -LR * CURVATURE * weights, "decay": mean_slope * -LR * DECAY * weights}
    kept = np.isin(np.arange(len(STEPS)), [*range(0, len(STEPS), every), len(STEPS) - 1])
    for part, values in effects.items():
        data[f"loss_by_{part}"] = (("run", "step"), np.where(kept, values, np.nan))
    data["loss"] = (("run", "step"), CURVATURE / 2 * weights**2)
    return {"a": data}


def value(data: dict[str, Any], *parts: str, **options: Any) -> float:
    [estimate] = PathSum(series=tuple(f"loss_by_{part}" for part in parts), arm="a", **options).estimates(data)
    return float(estimate.interval.value)


@pytest.mark.parametrize(
    "period", [{}, {"since": "t_mem"}, {"since": "t_mem", "until": "t_gen"}], ids=["all", "late", "between events"]
)
def test_a_quadratic_has_its_closed_form(period: dict[str, str]) -> None:
    """Loss and decay share the change of the loss as curvature and decay do, whatever the moments are."""
    data = quadratic_arm()
    for part, share in (("loss", CURVATURE), ("decay", DECAY)):
        assert value(data, part, share_of="loss", **period) == pytest.approx(share / (CURVATURE + DECAY), rel=2e-3)
    assert value(data, *PARTS, share_of="loss", **period) == pytest.approx(1.0, rel=2e-3)
    if not period:
        first, last = ((1 - LR * (CURVATURE + DECAY)) ** (2 * int(step)) for step in (STEPS[0], STEPS[-1]))
        changed = CURVATURE / 2 * (np.arange(1, RUNS + 1) ** 2) * (last - first)
        assert value(data, *PARTS) == pytest.approx(np.median(changed), rel=2e-3)


def test_fewer_looks_make_a_larger_error() -> None:
    errors = [abs(value(quadratic_arm(every), *PARTS, share_of="loss") - 1) for every in (1, 8, 40)]
    assert errors[0] < errors[1] < errors[2]
    assert errors[1] < 0.1


def test_a_moment_that_has_not_come_leaves_the_sum_open() -> None:
    data = quadratic_arm()["a"].isel(step=STEPS < 500)
    [bounds] = PathSum(series=("loss_by_loss",), until="t_gen", arm="a").per_run(data)
    assert set(bounds.lows.values()) == {-np.inf}
    assert set(bounds.highs.values()) == {np.inf}


def test_the_parts_of_a_network_add_up_to_the_change_of_its_loss(root: Path) -> None:
    """With a look at every step the sum has the error of Simpson's rule only."""
    experiment = ep.Experiment(
        task=ep.Modular(p=7, operation="x-y"),
        split=ep.Split(frac_train=0.6),
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(optimiser=ep.AdamW(lr=1e-2, weight_decay=1.0), steps=60),
    )
    effects = [UpdateEffect(of=Loss(rows="test"), part=part, along="step") for part in ("loss", "decay", "noise")]
    whole = PathSum(series=tuple(effect.name for effect in effects), share_of="test_loss", arm="a")
    study = Study(
        question="Do the parts add up?",
        arms={"a": RootArm(experiment=experiment, seeds=8)},
        claims=(ep.Claim(id="sum", statistic=whole, supported_if=Region(above=0.9, below=1.1), refuted_if=Region(above=1.2)),),
        observation=ep.Observation(measures=(*ep.Observation().measures, *effects), dense_until=60),
    )
    [verdict] = run_study(study, Session(Root.create(root))).verdicts
    assert verdict.verdict == "supported"
    assert verdict.estimate is not None
    for share in verdict.estimate.values.values():
        assert share == pytest.approx(1.0, abs=0.005)
