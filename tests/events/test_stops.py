"""Where events end runs."""

import numpy as np
import pytest
from tests.claims.planted_arms import planted

from epicycle.events.detectors import Peak, Threshold
from epicycle.events.standard import bracket_of, standard
from epicycle.events.stops import earliest_unknown_stop, ends_of, ends_runs, stop_after, stopping
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Training


def test_stops_never_lie_before_what_is_known() -> None:
    """However a run is cut into rounds that respect the horizon, its stop is found before it is passed."""
    event, grid = standard()["t_gen"], np.unique(np.round(np.geomspace(1, 5000, 150)).astype(int))
    for factor in (1.25, 2.0):
        for onset in (1, 3, 40, 333, 1000):
            holds = (grid >= onset).astype(float)
            recorded, stop = 0, None
            while stop is None and recorded < 5000:
                recorded = min(earliest_unknown_stop(grid, event, recorded, factor), 5000)
                seen = grid <= recorded
                bracket = bracket_of(event, grid[seen], {"test_acc": holds[seen]}, 0.0) if seen.any() else None
                stop = None if bracket is None else stop_after(grid, event, bracket, factor)
            assert stop is not None
            assert recorded <= stop
            assert stop >= factor * onset


def test_a_run_ends_at_its_stop_or_its_budget() -> None:
    data = planted([30] * 3, [1000.0, 1000.0, None])
    stopped = Training.model_validate({"steps": 8000, "stop": {"event": "t_gen", "factor": 2}})
    plain, brief = Training(steps=8000), stopped.model_copy(update={"steps": 500})
    first, budget, censored = ends_of(data, [stopped, plain, stopped])
    assert 1900 <= first <= 2100
    assert (budget, censored) == (8000, 8000)
    assert ends_of(data, [brief] * 3) == [500] * 3, "a longer record, of another study, does not count"


def test_only_events_that_are_soon_confirmed_end_runs() -> None:
    assert ends_runs(Threshold(of="test_acc", level=0.9))
    assert not ends_runs(Peak())
    with pytest.raises(InputError, match="only known long after it happened"):
        stopping("t_peak")
    with pytest.raises(InputError, match="there is no event 't_gne'"):
        stopping("t_gne")
