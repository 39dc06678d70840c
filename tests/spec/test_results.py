"""The contract of an arm's dataset: what counts as recorded."""

import numpy as np

from epicycle.spec.results import recorded


def test_a_step_is_recorded_if_any_number_of_any_series_is() -> None:
    nan = np.nan
    loss = np.array([[1.0, nan, nan], [nan, nan, np.inf]])
    norms = np.array([[[nan, nan], [nan, 2.0], [nan, nan]], [[nan, nan], [nan, nan], [nan, nan]]])
    assert recorded([loss, norms], (2, 3)).tolist() == [[True, True, False], [False, False, True]], "an infinite loss was recorded too"
    assert recorded([loss[0]], [3]).tolist() == [True, False, False]
    assert not recorded([], (2, 3)).any()
