"""Spikes of planted runs."""

import numpy as np
import pytest
from pydantic import ValidationError
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.spikes import Spikes

N = len(STEPS)
AT = np.arange(N // 5, N - 45, N // 5 + 7)
SPIKES = 1 + 100.0 * np.isin(np.arange(N), AT)
ARMS = {
    "a": planted(
        [1] * 8, [1000.0] * 8, x=lambda run: SPIKES, y=lambda run: np.roll(SPIKES, 2), z=lambda run: np.cumsum(SPIKES > 1) / 10
    )
}


def value(arms=ARMS, **fields) -> float:
    return Spikes(series="x", arm="a", since="start", **fields).estimates(arms)[0].interval.value


def test_spikes_of_runs() -> None:
    assert value() == len(AT)
    assert value(what="irregularity") == pytest.approx(0)
    assert value(what="likeness", before=5, after=5) == pytest.approx(1)
    assert value(what="coincidence", beside="y") == 1
    assert value(what="by_chance", beside="y") <= 1
    assert value(what="gain", beside="z", before=5, after=5) == pytest.approx(0.1)


def test_a_run_without_spikes_is_open_but_for_their_number() -> None:
    calm = {"a": planted([1] * 8, [1000.0] * 8, x=lambda run: np.ones(N))}
    assert value(calm) == 0
    assert np.isnan(value(calm, what="irregularity"))


def test_words_and_mistakes() -> None:
    assert Spikes(series="train_loss", arm="a").title() == "number of spikes of train_loss from t_mem to end"
    for fields in ({"what": "gain"}, {"what": "number", "beside": "y"}):
        with pytest.raises(ValidationError, match="'beside'"):
            Spikes(series="x", arm="a", **fields)
