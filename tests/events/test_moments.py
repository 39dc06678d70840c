"""Moments in recorded runs: where series are read, and where forks begin."""

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.events.detectors import Threshold
from epicycle.events.moments import events_in, fork_moment, span_of
from epicycle.spec.errors import InputError


def test_the_evaluations_around_a_moment() -> None:
    data = planted([30, 30], [1000.0, None], hump=lambda run: -np.abs(np.log(STEPS / 500.0)))
    last = len(STEPS) - 1
    assert span_of(data, 0, "start", "hump") == (0, 0)
    assert span_of(data, 0, "end", "hump") == (last, last)
    share = span_of(data, 0, "0.5*end", "hump")
    assert share is not None
    assert STEPS[share[0] - 1] < 5000 <= STEPS[share[0]]
    top = int(np.argmin(np.abs(np.log(STEPS / 500.0))))
    assert span_of(data, 0, "max", "hump") == (top, top)
    later = span_of(data, 0, "max", "hump", since="t_gen")
    assert later is not None
    assert STEPS[later[0]] > 950, "looked for from t_gen on"
    between = span_of(data, 0, "t_gen", "hump")
    assert between is not None
    assert between[1] == between[0] + 1
    assert span_of(data, 1, "t_gen", "hump") is None, "the moment has not come"
    assert span_of(data, 1, "max", "hump", since="t_gen") is None


def test_the_events_of_a_moment() -> None:
    assert events_in("start") == events_in("0.5*end") == []
    assert events_in("0.5*t_gen(level=0.8)") == [Threshold(of="test_acc", level=0.8)]


def test_where_a_fork_begins() -> None:
    data = planted([30, 30], [1000.0, None], hump=lambda run: -np.abs(np.log(STEPS / 500.0)))
    t_mem = fork_moment(data, 0, "t_mem")
    assert t_mem == STEPS[np.searchsorted(STEPS, 30)]
    assert fork_moment(data, 0, "0.5*t_mem") == -(-t_mem // 2)
    assert fork_moment(data, 0, "train_acc>=0.5") == fork_moment(data, 0, Threshold(of="train_acc", level=0.5)) == t_mem
    assert fork_moment(data, 0, "peak(hump)") == STEPS[np.argmin(np.abs(np.log(STEPS / 500.0)))]
    assert (fork_moment(data, 1, 300), fork_moment(data, 1, 20_000), fork_moment(data, 1, "t_gen")) == (300, None, None)
    with pytest.raises(InputError, match="there is no such event; did you mean 't_gen'"):
        fork_moment(data, 0, "t_gne")
