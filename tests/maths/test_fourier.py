"""The Fourier conventions, on waves and Gaussian noise: nothing is trained."""

import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.maths import fourier
from epicycle.maths.sparsity import gaussian_values, gini, inverse_participation

SIZES = (2, 3, 8, 31, 113)


def wave(p: int, k: int, phase: float = 0.4) -> Any:
    return np.cos(2 * np.pi * k * np.arange(p) / p + phase)


@pytest.mark.parametrize("p", SIZES)
def test_the_basis_is_orthonormal_and_in_the_order_of_frequencies(p: int) -> None:
    basis = fourier.basis(p)
    np.testing.assert_allclose(basis @ basis.T, np.eye(p), atol=1e-12)
    np.testing.assert_allclose(basis[0], p**-0.5)
    for k in range(1, p // 2 + 1):
        cosine = np.cos(2 * np.pi * k * np.arange(p) / p)
        np.testing.assert_allclose(basis[2 * k - 1], cosine / np.linalg.norm(cosine), atol=1e-12)
    assert fourier.wave_frequencies(p).max() == p // 2
    np.testing.assert_array_equal(fourier.basis(p, (1, 0)), basis[:3])


@pytest.mark.parametrize("p", SIZES)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_power_is_the_squared_norm_along_any_axis(p: int, axis: int) -> None:
    values = np.moveaxis(np.random.default_rng(p).normal(size=(p, 4, 3)), 0, axis)
    powers = fourier.power(values, axis)
    assert powers.shape[axis] == p // 2 + 1
    np.testing.assert_allclose(powers.sum(axis=axis), (values**2).sum(axis=axis))
    np.testing.assert_allclose(fourier.spectrum(values, axis).sum(), (values**2).sum())
    entries = np.abs(np.fft.fft(values, axis=axis)) ** 2 / p  # k and p - k together
    moved = np.moveaxis(entries, axis, 0)
    folded = np.stack([moved[sorted({k, -k % p})].sum(axis=0) for k in range(p // 2 + 1)])
    np.testing.assert_allclose(np.moveaxis(powers, axis, 0), folded)


def test_a_wave_has_all_power_at_its_frequency() -> None:
    np.testing.assert_allclose(fourier.power(wave(31, 7)), np.eye(16)[7] * 31 / 2, atol=1e-12)
    np.testing.assert_allclose(fourier.power(np.full(31, 2.0)), np.eye(16)[0] * 31 * 4, atol=1e-12)


@pytest.mark.parametrize(("sides", "of_a_wave"), [("folded", 1.0), ("one-sided", 1.0), ("two-sided", 0.5)])
@pytest.mark.parametrize("p", [8, 31, 97])
def test_ipr_under_each_convention(sides: fourier.Sides, of_a_wave: float, p: int) -> None:
    assert fourier.ipr(wave(p, 3), sides=sides) == pytest.approx(of_a_wave)
    assert fourier.ipr(np.ones(p), sides=sides) == pytest.approx(1.0)
    noise = np.random.default_rng(0).normal(size=(5, p))
    transform = {"folded": None, "one-sided": np.fft.rfft, "two-sided": np.fft.fft}[sides]
    if transform is not None:
        np.testing.assert_allclose(fourier.ipr(noise, sides=sides), inverse_participation(np.abs(transform(noise)) ** 2))
    np.testing.assert_allclose(fourier.ipr(noise.T, axis=0, sides=sides), fourier.ipr(noise, sides=sides))


@pytest.mark.parametrize(
    ("p", "mean", "percentile_99"),
    [(23, 0.159, 0.286), (31, 0.12, 0.218), (59, 0.065, 0.099), (97, 0.040, 0.059), (113, 0.035, 0.049)],
)
def test_gaussian_floors_of_ipr(p: int, mean: float, percentile_99: float) -> None:
    """One-sided, for rows of independent Gaussian weights. The exact means follow from the Dirichlet distribution of the shares."""
    floor = {
        sides: gaussian_values(lambda x, s=sides: fourier.ipr(x, sides=s), (p,)) for sides in ("folded", "one-sided", "two-sided")
    }
    assert floor["one-sided"].mean() == pytest.approx(mean, rel=0.03)
    assert np.percentile(floor["one-sided"], 99) == pytest.approx(percentile_99, rel=0.07)
    assert floor["folded"].mean() == pytest.approx((4 * p - 1) / (p * (p + 2)), rel=0.02)
    assert floor["two-sided"].mean() == pytest.approx((2 * p + 1) / (p * (p + 2)), rel=0.02)


def test_gini_and_its_gaussian_floor() -> None:
    assert gini(np.ones(7)) == pytest.approx(0)
    assert gini(np.eye(8)[3]) == pytest.approx(1 - 1 / 8)
    assert gini(np.array([3.0, 1.0])) == pytest.approx(0.25)
    stack = np.random.default_rng(0).random((4, 5))
    np.testing.assert_allclose(gini(stack.T, axis=0), [np.abs(np.subtract.outer(x, x)).mean() / (2 * x.mean()) for x in stack])
    norms = gaussian_values(lambda x: gini(np.linalg.norm(x, axis=1)), (128, 113), draws=20)
    assert norms.mean() == pytest.approx(0.035, abs=0.005)  # the columns of an untrained embedding


def test_key_frequencies_under_each_rule() -> None:
    powers = np.array([50.0, 8.0, 1.0, 1.0, 6.0, 1.0, 1.0, 1.0, 1.0])
    keys = {rule: np.flatnonzero(fourier.key_frequencies(powers, rule)).tolist() for rule in fourier.KEY_RULES}
    assert keys == {"equal_share": [1, 4], "share": [1, 4], "amplitude": [1, 2, 3, 4, 5, 6, 7, 8]}
    assert np.flatnonzero(fourier.key_frequencies(powers, "amplitude", threshold=0.5)).tolist() == [1, 4]
    assert not fourier.key_frequencies(np.eye(9)[0]).any(), "an unembedding that is constant has none"
    assert fourier.key_frequencies(np.stack([powers, powers])).shape == (2, 9)
    assert fourier.key_rule_text() == "frequency k has at least 1.5 times an equal share of the power, the constant left out"
    assert "0.25 of the largest" in fourier.key_rule_text("amplitude")


def test_untrained_weights_have_no_key_frequency_by_the_default_rule_alone() -> None:
    """A fixed share of 2 % is below the equal share of 1 / 15, so noise would have all frequencies."""
    spectra = fourier.power(np.random.default_rng(0).normal(size=(100, 128, 31))).sum(axis=1)
    assert not fourier.key_frequencies(spectra).any()
    assert fourier.key_frequencies(spectra, "share")[:, 1:].all()


def test_neuron_frequencies_of_planted_neurons() -> None:
    p = 11
    x, y = wave(p, 2, 0.3)[:, None], wave(p, 5, 1.0)[None, :]
    both = np.broadcast_to(wave(p, 2)[None, :], (p, p))
    neurons = np.stack([x + 0 * y, y + 0 * x + 3, x * wave(p, 2)[None, :], (x + both) ** 3, x + y], axis=-1)
    frequencies, shares = fourier.neuron_frequencies(neurons)
    assert frequencies[:4].tolist() == [2, 5, 2, 2]
    np.testing.assert_allclose(shares[:3], 1)
    assert 0.5 < shares[3] < 1
    assert shares[4] == pytest.approx(0.5)
    keys = fourier.key_by_neurons(frequencies[:4], shares[:4], p)
    assert np.flatnonzero(keys).tolist() == [2, 5]
    assert np.flatnonzero(fourier.key_by_neurons(frequencies[[1, 3]], shares[[1, 3]], p, 0.99)).tolist() == [5]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sum_directions(sign: Any) -> None:
    """c_k and s_k as the products of waves (Nanda et al., released code); for differences, with the sine of y turned round."""
    p, k = 13, 4
    cosine, sine = fourier.basis(p)[2 * k - 1], fourier.basis(p)[2 * k]
    c = (np.outer(cosine, cosine) - sign * np.outer(sine, sine)) / 2**0.5
    s = (np.outer(sine, cosine) + sign * np.outer(cosine, sine)) / 2**0.5
    grid = np.random.default_rng(0).normal(size=(p, p, 2))
    coordinates = fourier.coefficients(fourier.along_sums(grid, sign), 0)
    np.testing.assert_allclose(coordinates[2 * k - 1], np.einsum("xy,xyc->c", c, grid), atol=1e-12)
    np.testing.assert_allclose(coordinates[2 * k], np.einsum("xy,xyc->c", s, grid), atol=1e-12)
    projected = fourier.from_sums(fourier.along_sums(grid, sign), sign)
    np.testing.assert_allclose(fourier.from_sums(fourier.along_sums(projected, sign), sign), projected)
    np.testing.assert_allclose((projected * (grid - projected)).sum(), 0, atol=1e-9)


FUNCTIONS: dict[str, Any] = {
    "coefficients": fourier.coefficients,
    "power": lambda x: fourier.power(x, 0),
    "spectrum": fourier.spectrum,
    "ipr": lambda x: fourier.ipr(x, sides="two-sided"),
    "one-sided ipr": lambda x: fourier.ipr(x, sides="one-sided"),
    "keys": lambda x: fourier.key_frequencies(fourier.spectrum(x)),
    "neurons": lambda x: fourier.neuron_frequencies(x[:, :, None] ** jnp.arange(1, 3)),
    "key neurons": lambda x: fourier.key_by_neurons(*fourier.neuron_frequencies(x[:, :, None]), 7, 0.1),
    "sums": fourier.along_sums,
    "pairs": fourier.from_sums,
    "gini": gini,
    "participation": inverse_participation,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_under_jit_and_vmap_in_float32(name: str) -> None:
    stack = np.random.default_rng(0).random((3, 7, 7))
    fast = jax.jit(jax.vmap(FUNCTIONS[name]))(jnp.asarray(stack, dtype=jnp.float32))
    for i, grid in enumerate(stack):
        for ours, plain in zip(jax.tree.leaves(fast), jax.tree.leaves(FUNCTIONS[name](grid)), strict=True):
            np.testing.assert_allclose(ours[i], plain, rtol=1e-4, atol=1e-4)
            assert ours.dtype != jnp.float64


def test_float32_stays_float32_where_jax_has_float64() -> None:
    with jax.enable_x64(True):
        assert fourier.power(jnp.ones((7, 2), dtype=jnp.float32), 0).dtype == jnp.float32
        assert fourier.power(jnp.ones((7, 2)), 0).dtype == jnp.float64
        assert gini(jnp.ones(7, dtype=jnp.float32)).dtype == jnp.float32
    assert fourier.power(np.arange(7)).dtype == np.float64


def test_the_maths_of_circuits_needs_no_jax() -> None:
    code = "import sys; sys.modules['jax'] = None; import epicycle.maths.fourier, epicycle.maths.irreps"
    subprocess.run([sys.executable, "-c", code], check=True)
