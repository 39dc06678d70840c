"""Where the variance of a quantity comes from, on planted runs."""

import numpy as np
import pytest
from tests.claims.planted_arms import planted

from epicycle.claims.quantities import EventTime
from epicycle.claims.variance import VarianceShare, variance_shares


def test_where_variance_comes_from() -> None:
    rng = np.random.default_rng(0)
    by_data, by_seed, noise = rng.normal(size=8), rng.normal(size=8), rng.normal(size=(8, 8))
    pairs = [(s, d) for s in range(8) for d in range(8)]
    assert variance_shares(by_data[:, None] + 0.01 * noise) > 0.98
    assert variance_shares(by_seed[None, :] + 0.01 * noise) < 0.02
    assert variance_shares(noise) < 0.3
    many = np.mean(
        [variance_shares(rng.normal(size=(5, 1)) * 2 + rng.normal(size=(1, 5)) + rng.normal(size=(5, 5))) for _ in range(600)]
    )
    assert many == pytest.approx(4 / 6, abs=0.08)
    gens = [float(1000 * np.exp(0.5 * by_data[d] + 0.05 * by_seed[s])) for s, d in pairs]
    data = {"a": planted([20] * 64, gens, pairs)}
    time = EventTime(event="t_gen", unit="log", arm="a")
    split, weights = (VarianceShare(of=time, factor=factor).estimates(data)[0] for factor in ("data_seed", "seed"))
    assert split.interval.low > 0.8
    assert weights.interval.high < 0.2
    assert split.n == 64
    open_ended = VarianceShare(of=time).estimates({"a": planted([20] * 64, [*gens[:-1], None], pairs)})[0].interval
    assert (open_ended.low, open_ended.high) == (0.0, 1.0)
