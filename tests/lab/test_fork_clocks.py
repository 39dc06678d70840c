"""Forks on the clock of their first ancestor, as users read them, and on the clock of their own moment by name."""

from pathlib import Path

import numpy as np
import pytest
import xarray
from tests.lab.test_forks import QUICK, SMALL

import epicycle as ep
from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.spec.study import Study
from epicycle.store.files import Root


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> ep.Runs:
    return ep.train(QUICK, seeds=3, root=tmp_path_factory.mktemp("clocks"), observation=SMALL)


def test_events_of_a_fork_are_those_of_its_parent(parents: ep.Runs) -> None:
    """A fork without an edit is its parent, so an event after the moment has the same step in both, up to evaluations."""
    forks = parents.fork(5)
    later = parents.events.t_mem > 40
    assert later.any()
    np.testing.assert_allclose(forks.events.t_mem.where(later), parents.events.t_mem.where(later), rtol=0.3)
    assert (forks.events.t_mem >= forks.events.moment).all()
    np.testing.assert_array_equal(ep.since_moment(forks.events).t_mem, forks.events.t_mem - 5)
    np.testing.assert_array_equal(ep.since_moment(forks.events).t_mem_censored, forks.events.t_mem_censored)


def test_series_of_forks_from_moments_of_their_own(parents: ep.Runs) -> None:
    forks = parents.fork("t_mem", steps=20).fork(3, steps=9)  # and of forks of forks
    data = forks.data
    moments = parents.events.t_mem.dropna("seed") + 3
    np.testing.assert_array_equal(data.moment, moments)
    assert len(set(moments.values.tolist())) > 1, "several moments, or nothing is tested"
    for seed, moment in zip(data.seed.values, moments.values, strict=True):
        one = data.train_loss.sel(seed=seed).dropna("step")
        np.testing.assert_array_equal(one.step, moment + np.array([*range(6), 7, 9]))
        np.testing.assert_array_equal(one.since_moment, one.step - moment)
        state = parents.data.train_loss.sel(seed=seed)
        shared = np.intersect1d(one.step, state.step)
        np.testing.assert_array_equal(one.sel(step=shared), state.sel(step=shared), err_msg="on one clock with the parent")
    ages = ep.since_moment(data)
    np.testing.assert_array_equal(ages.step, [*range(6), 7, 9])
    assert np.isfinite(ages.train_loss.values).all()
    np.testing.assert_array_equal(ages.train_loss.sel(step=9), [one.dropna("step")[-1] for one in data.train_loss])
    xarray.testing.assert_equal(ep.since_moment(data.isel(seed=1)).train_loss.dropna("step"), ages.train_loss.isel(seed=1))
    table = forks.to_pandas()
    assert (table["step"] == table["since_moment"] + table["moment"]).all()
    assert set(table["since_moment"]) == {*range(6), 7, 9}


def test_runs_from_the_start_stay_as_they_are(parents: ep.Runs) -> None:
    assert "since_moment" not in parents.data.coords
    assert ep.since_moment(parents.data).identical(parents.data)
    assert "since_moment" not in parents.to_pandas()


def test_a_study_and_its_cohorts_open_on_one_clock(root: Path) -> None:
    study = Study.parse(
        {
            "question": "When?",
            "arms": {
                "control": {"experiment": QUICK.model_dump(mode="json"), "seeds": 3},
                "fork": {
                    "fork": "control",
                    "at": 20,
                    "edits": [{"kind": "scale", "knob": "lr", "by": 1}],
                    "sweep": {"edits.0.by": [1, 2], "at": [5, 20]},
                },
            },
            "observation": SMALL.model_dump(mode="json"),
        }
    )
    outcome = run_study(study, Session(Root.create(root)))
    arm = ep.open(outcome.files.path)["fork"].to_dataset()
    assert arm.step.values[-1] == 150, "where the parents end"
    np.testing.assert_array_equal(arm.moment.sel(at=20), np.full((2, 3), 20))
    late = (arm.t_mem.sel(at=20, by=1) > 20).values
    assert (arm.t_mem.sel(at=20, by=1).values[late] > 20).all()
    ages = ep.since_moment(arm)
    np.testing.assert_array_equal(ages.t_mem, arm.t_mem - arm.moment)
    np.testing.assert_array_equal(ages.baseline, arm.baseline)
    assert ages.step.values[0] == 0
    cohorts = [data.to_dataset() for data in ep.open(root).children.values()]
    assert sorted({int(data.moment.min()) if "moment" in data.coords else 0 for data in cohorts}) == [0, 5]
    for data in cohorts:
        begin = data.moment.values if "moment" in data.coords else np.zeros(data.sizes["run"])
        first = [one.dropna("step").step.values[0] for one in data.train_loss]
        np.testing.assert_array_equal(first, begin)
