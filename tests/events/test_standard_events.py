"""The standard events in series and in datasets."""

import numpy as np
from tests.claims.planted_arms import STEPS, planted

from epicycle.events.standard import bracket_of, event_dataset, event_steps, recorded_events, standard


def test_unrecorded_rows_and_series_are_no_evidence() -> None:
    steps = np.array([0, 50, 100, 105, 110, 120, 200])
    series = {"test_acc": np.where(steps >= 100, 1.0, 0.0)}
    assert bracket_of(standard()["t_gen"], steps, series, 0.0) == (50, 100)
    series["test_acc"][steps > 105] = np.nan
    assert bracket_of(standard()["t_gen"], steps, series, 0.0) is None, "not confirmed by what was recorded"
    assert bracket_of(standard()["t_mem"], steps, series, 0.0) is None, "its series was not recorded"


def test_events_of_a_dataset() -> None:
    data = planted([30, 50], [1000.0, None])
    assert recorded_events(data) == ["t_mem", "t_on", "t_gen"], "the calibrated loss of t_calib was not recorded"
    steps = event_steps(data)
    first, second = steps["t_gen"]
    assert first is not None
    assert 950 <= first <= 1000
    assert second is None
    table = event_dataset(data)
    assert table["t_gen_censored"].values.tolist() == [False, True]
    assert table["t_mem"].values.tolist() == steps["t_mem"]
    assert np.isnan(table["t_gen"].values[1])
    with_axis = data.assign(of_neurons=(("run", "step", "neuron"), np.zeros((2, len(STEPS), 3))))
    assert event_dataset(with_axis).identical(table), "an axis without labels"


def test_events_of_earlier_versions_are_known_by_name_but_not_searched_for() -> None:
    data = planted([30], [1000.0], test_calibrated_loss=lambda run: np.r_[4.0, 4.1, np.linspace(4, 0, len(STEPS) - 2)])
    assert list(event_steps(data)) == ["t_mem", "t_on", "t_gen", "t_calib"]
    assert event_steps(data, ["t_peak"]) == {"t_peak": [2]}
