"""Order statistics against NumPy's."""

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.maths.order_statistics import kth_smallest, median


@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_order_statistics_are_numpys(n: int) -> None:
    rng = np.random.default_rng(n)
    amounts = (rng.standard_normal((n, 30)) ** 2).astype(np.float32) * 10.0 ** rng.integers(-30, 30, 30).astype(np.float32)
    amounts[:, 0], amounts[: n // 2, 1] = 0.0, 1.0
    ascending = np.sort(amounts, axis=0)
    for k in range(n):
        assert np.array_equal(kth_smallest(jnp.asarray(amounts), k), ascending[k])
    assert np.isnan(kth_smallest(jnp.asarray(amounts), n)).all()
    assert np.asarray(median(jnp.asarray(amounts))) == pytest.approx(np.median(amounts, axis=0), rel=1e-6)


def test_rows_that_do_not_count() -> None:
    amounts = np.random.default_rng(0).random((40, 3)).astype(np.float32)
    amounts[::3] = np.nan
    assert np.asarray(median(jnp.asarray(amounts))) == pytest.approx(np.nanmedian(amounts, axis=0), rel=1e-6)
    assert np.isnan(median(jnp.full((4, 2), jnp.nan))).all()
