"""Where a quantity turns along a dose, on planted runs."""

from typing import Any

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted

from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.transitions import Transition


def test_where_a_quantity_turns() -> None:
    """Final accuracy against the share removed: what is left at 0.5, how wide, and against another arm; open ends stay open."""
    shares = [0.2, 0.4, 0.6, 0.8]

    def arm(final: list[float]) -> xarray.Dataset:
        data = planted([2] * 32, [None] * 32, [(seed, seed) for seed in range(8) for _ in shares], {"share": shares * 8})
        data["test_acc"] = data["test_acc"] * 0 + xarray.DataArray(final * 8, dims="run")
        return data

    # Left 0.2, 0.4, 0.6, 0.8 -> accuracy 0.0, 0.2, 1.0, 1.0: 0.5 at 0.475, 0.1 at 0.3, 0.9 at 0.575.
    arms = {"sharp": arm([1.0, 1.0, 0.2, 0.0]), "early": arm([1.0, 0.2, 0.0, 0.0]), "always": arm([1.0, 1.0, 1.0, 0.9])}

    def transition(name: str, **fields: Any) -> Any:
        of = ValueAt(series="test_acc", at="end", arm=name)
        return Transition(of=of, along="share", complement=True, **fields).estimates(arms)[0]

    assert transition("sharp").interval.value == pytest.approx(0.475)
    assert transition("sharp").n == 8
    assert transition("sharp", what="width").interval.value == pytest.approx(0.275 / 0.475)
    ratio = transition("early", what="log_ratio", over=ValueAt(series="test_acc", at="end", arm="sharp"))
    assert ratio.interval.value == pytest.approx(np.log(0.675 / 0.475))
    always = transition("always").interval
    assert (always.low, always.high) == (0.0, pytest.approx(0.2))
    never = transition("always", level=1.5).interval
    assert (never.low, never.high) == (pytest.approx(0.8), np.inf)
