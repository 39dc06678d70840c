"""Learners without gradients, and descent beside them, against known rates on a bowl."""

import numpy as np
import pytest
from scipy import optimize, stats

import epicycle as ep
from epicycle.theory.gradient_free import Evolution, GradientDescent, RandomSearch
from epicycle.theory.seeded import streams


def test_the_best_of_n_draws() -> None:
    """Half of the squared norm of two normal numbers is exponential with mean 1, so the best of n draws is 1 / n on average."""
    run = RandomSearch(function="bowl", bits=2, evaluations=100).simulate(range(2000))
    for n in (1, 10, 100):
        best = run.series["train_loss"][:, run.steps.tolist().index(n)]
        assert best.mean() == pytest.approx(1 / n, rel=0.1)


def test_evolution_descends_a_bowl_at_rechenbergs_rate() -> None:
    """With changes of size s r / n the distance r falls by f(s) = (s / sqrt(2 pi)) exp(-s^2 / 8) - s^2 / 2 P(N > s / 2) parts of n.

    The size of changes must fall as fast as r, so the share p = P(N > s / 2) of successes is below 0.2: (p - 0.2) / damping = -f / n.
    """
    n, damping = 100, (1 + 100 / 2) * 0.8

    def rate(s: float) -> float:
        return float(s / np.sqrt(2 * np.pi) * np.exp(-(s**2) / 8) - s**2 / 2 * stats.norm.sf(s / 2))

    s = optimize.brentq(lambda s: stats.norm.sf(s / 2) - 0.2 + damping * rate(s) / n, 0.5, 3)
    run = Evolution(function="bowl", bits=n, evaluations=6000, first_change=0.168).simulate(range(20))
    first, last = np.searchsorted(run.steps, [1000, 6000])
    falls = -np.log(run.series["train_loss"][:, last] / run.series["train_loss"][:, first]) / 2
    assert falls.mean() / (run.steps[last] - run.steps[first]) * n == pytest.approx(rate(s), rel=0.04)


def test_descent_on_a_bowl_is_exponential_and_pays_three_evaluations() -> None:
    run = GradientDescent(function="bowl", bits=4, lr=0.1, momentum=0.0, evaluations=61).simulate([0])
    loss = run.series["train_loss"][0]
    np.testing.assert_allclose(loss, loss[0] * 0.9 ** (2 * ((run.steps - 1) // 3)), rtol=1e-9)


@pytest.mark.parametrize("function", ["majority", "parity"])
def test_the_gradient_is_that_of_the_objective(function: str) -> None:
    learner = GradientDescent(function=function, decay=0.01)
    drawn = learner._drawn(streams([0, 1]))
    weights = learner.first_weights(drawn, 1)[:, 0]
    slopes, move = learner.gradient(weights, drawn), 1e-6
    for place in (0, 17, weights.shape[1] - 1):
        shift = move * np.eye(weights.shape[1])[place]
        numeric = (learner.objective(weights + shift, drawn) - learner.objective(weights - shift, drawn)) / (2 * move)
        np.testing.assert_allclose(slopes[:, place], numeric, atol=1e-7)


def test_the_rows_are_those_of_the_function() -> None:
    drawn = GradientDescent(function="parity", bits=4, relevant=2)._drawn(streams([0]))
    assert drawn.inputs.shape == (1, 16, 5)
    assert drawn.n_train == 10
    np.testing.assert_array_equal(drawn.signs[0], drawn.inputs[0, :, 0] * drawn.inputs[0, :, 1])
    majority = GradientDescent(function="majority", bits=3)._drawn(streams([0]))
    assert (majority.signs == np.where((majority.inputs[..., :3] > 0).sum(axis=2) >= 2, 1, -1)).all()


def test_descent_needs_fewer_evaluations_than_evolution_and_random_search_finds_nothing() -> None:
    """All learn 77 rows of the majority of seven bits, of which a random network is right on all with a chance below 1e-4."""
    firsts = {}
    for learner in (
        RandomSearch(bits=7, evaluations=300),
        Evolution(bits=7, evaluations=1000),
        GradientDescent(bits=7, evaluations=1000),
    ):
        run = learner.simulate(range(12))
        right = run.series["train_acc"] == 1
        firsts[learner.kind] = np.where(right.any(axis=1), run.steps[right.argmax(axis=1)], np.inf)
        assert (np.diff(run.series["train_loss"], axis=1) <= 1e-12).all() or learner.kind == "gradient_descent"
    assert np.isinf(firsts["random_search"]).all()
    assert np.median(firsts["gradient_descent"]) < np.median(firsts["evolution"]) < 1000


def test_an_even_number_of_bits_has_no_majority() -> None:
    with pytest.raises(ep.InputError, match="odd"):
        RandomSearch.parse({"bits": 4, "function": "majority"})
