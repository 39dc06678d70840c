"""What is recorded of a fork does not depend on the forks that are trained beside it."""

from pathlib import Path

import numpy as np
import xarray
from tests.lab.test_forks import QUICK, SMALL

import epicycle as ep
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import ForkRequest, forked
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Session
from epicycle.spec.experiment import Run
from epicycle.store.catalogue import Catalogue
from epicycle.store.runs import StoredRun


def forks_of(parents: ep.Runs, *requests: ForkRequest) -> list[Run]:
    runs = [run for _, run in parents._arm_runs]
    return [run for request in requests for run in forked(runs, parents._flat(), request, lambda parent, place, name: (name, 0)).runs]


def trained_together(parents: ep.Runs, runs: list[Run], observation: ep.Observation = SMALL) -> None:
    session = Session(parents._session.root, observation)
    train_runs(runs, session, ForkStarts(session, {run.id: run for _, run in parents._arm_runs}))


def record_of(parents: ep.Runs, run: Run) -> xarray.Dataset:
    return StoredRun(parents._session.root, run.id).recorded()


def test_company_changes_no_record(root: Path) -> None:
    together, alone = (ep.train(QUICK, seeds=1, root=root / name, observation=SMALL) for name in ("together", "alone"))
    requests = [ForkRequest(20, (ep.Scale("lr", by),), steps) for by, steps in ((2, 57), (3, 93), (4, 140))]
    trained_together(together, forks_of(together, *requests))
    places = [Catalogue(together._session.root).place(run.id) for run in forks_of(together, *requests)]
    assert len({cohort for cohort, _ in places}) == 1, "one program, one cohort"
    for request in requests:
        (run,) = forks_of(alone, request)
        trained_together(alone, [run])
        one, other = record_of(together, run), record_of(alone, run)
        assert one["step"].values[-1] == request.steps, "the last step of each"
        np.testing.assert_array_equal(one["step"].values, other["step"].values)
        for name in other.data_vars:
            np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name))


def test_each_fork_of_an_arm_ends_with_a_record(root: Path) -> None:
    """Forks from moments of their own have budgets of their own: what their parents' budgets leave."""
    parents = ep.train(QUICK, seeds=4, root=root, observation=SMALL)
    forks = parents.fork("t_mem")
    for i in range(len(forks)):
        run = forks[i]
        assert run.recorded()["step"].values[-1] == run.last_step == 150 - run.spec.lineage.moment


def test_a_shorter_budget_of_another_arm_is_recorded(root: Path) -> None:
    parents = ep.train(QUICK, seeds=1, root=root, observation=SMALL)
    short, long = forks_of(parents, ForkRequest(20, (), 57), ForkRequest(20, (), 93))
    assert short.id == long.id
    trained_together(parents, [short, long])
    assert {57, 93} <= set(record_of(parents, long)["step"].values.tolist())


def test_a_cohort_of_several_budgets_goes_on(root: Path) -> None:
    """A longer budget of one member, a further measure, and an interruption leave each member its own record."""
    parents = ep.train(QUICK, seeds=1, root=root, observation=SMALL)
    first = [ForkRequest(20, (ep.Scale("lr", by),), steps) for by, steps in ((2, 57), (3, 93))]
    trained_together(parents, forks_of(parents, *first))
    later = [ForkRequest(20, (ep.Scale("lr", by),), steps) for by, steps in ((2, 110), (3, 93))]
    trained_together(parents, forks_of(parents, *later))
    steps = [record_of(parents, run)["step"].values.tolist() for run in forks_of(parents, *later)]
    assert steps[0][-1] == 110
    assert 57 in steps[0]
    assert 93 not in steps[0]
    assert steps[1][-1] == 93
    assert 57 not in steps[1]
    more = SMALL.model_copy(update={"measures": (*SMALL.measures, ep.TotalNorm())})
    trained_together(parents, forks_of(parents, *later), more)
    for run, before in zip(forks_of(parents, *later), steps, strict=True):
        after = record_of(parents, run)
        assert after["step"].values.tolist() == before
        assert np.isfinite(after["total_norm"].values).all()


def test_a_stop_does_not_depend_on_company(root: Path) -> None:
    stopping = QUICK.model_copy(update={"training": QUICK.training.model_copy(update={"stop": ep.Stop(event="t_mem")})})
    together, alone = (ep.train(stopping, seeds=2, root=root / name, observation=SMALL) for name in ("together", "alone"))
    requests = [ForkRequest(3, (ep.Scale("lr", by),), steps) for by, steps in ((0.5, 101), (1, 43), (2, 139))]
    trained_together(together, forks_of(together, *requests))
    for request in requests:
        runs = forks_of(alone, request)
        trained_together(alone, runs)
        for run in runs:
            one, other = record_of(together, run), record_of(alone, run)
            np.testing.assert_array_equal(one["step"].values, other["step"].values)
