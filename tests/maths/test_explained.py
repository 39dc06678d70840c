"""The share that coordinates explain, in planted cases."""

import numpy as np
import pytest

from epicycle.maths.explained import explained_share


def test_the_share_that_coordinates_explain() -> None:
    rng = np.random.default_rng(0)
    seen = rng.standard_normal((2000, 2))
    hidden = rng.standard_normal(2000)
    assert explained_share(seen, seen @ [2.0, -1.0] + 3) == pytest.approx(1)
    assert explained_share(seen, hidden) < 0.01
    assert explained_share(seen, seen[:, 0] + hidden) == pytest.approx(0.5, abs=0.05)
    assert np.isnan(explained_share(seen, np.ones(2000)))
