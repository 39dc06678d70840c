"""Samplers: known rates of acceptance, chance where there is nothing to learn, splitting against rejection."""

from math import log

import numpy as np
import pytest

from epicycle.spec.errors import InputError
from epicycle.theory.sampling import splitting
from epicycle.theory.sampling.agreement import complexity, function_ranks, harder
from epicycle.theory.sampling.boolean_sampler import BooleanSampler
from epicycle.theory.sampling.cluster_sampler import ClusterSampler
from epicycle.theory.sampling.modular_sampler import ModularSampler
from epicycle.theory.sampling.perceptron import Perceptron, all_right, margins_of
from epicycle.theory.sampling.splitting import closeness, split
from epicycle.theory.sampling.truth_tables import boolean_inputs

SMALL = {"n_bits": 4, "n_random": 1 << 14, "n_trained": 64, "n_train": 4, "n_compared": 3}


def test_coins_fit_as_often_as_they_must_and_know_nothing_of_other_rows() -> None:
    coins = BooleanSampler.parse({**SMALL, "prior": "coins", "target": "random", "fewest": 2})
    run = {name: values[:, 0] for name, values in coins.simulate(range(6)).series.items()}
    assert run["acceptance"] == pytest.approx(1 / 16, abs=4 * (1 / 16 / (1 << 14)) ** 0.5)
    assert ((run["acceptance_low"] < 1 / 16) & (run["acceptance_high"] > 1 / 16)).sum() >= 5
    assert run["sampled_test_acc"] == pytest.approx(0.5, abs=0.03)
    assert run["sampler_evaluations"] == pytest.approx(1 / run["acceptance"])
    assert abs(np.nanmean(run["function_rank"])) < 0.6


def test_a_threshold_unit_learns_one_bit_and_never_a_parity() -> None:
    unit = {**SMALL, "hidden": (), "bias_scale": 0.1}
    bit = BooleanSampler.parse({**unit, "target": "bit"}).simulate(range(4)).series
    assert (bit["sampled_test_acc"] > 0.6).all()
    assert (bit["trained_share"] == 1).all()
    parity = BooleanSampler.parse({**unit, "target": "parity", "n_train": 13, "steps": 50}).simulate(range(4)).series
    assert (parity["accepted"] == 0).all()
    assert (parity["trained_share"] == 0).all()
    assert np.isnan(parity["sampled_test_acc"]).all()
    assert (parity["acceptance_high"] < 4 / (1 << 14)).all()


def test_random_answers_give_chance() -> None:
    """Held-out answers are independent coins, so over many targets the mean accuracy is one half, whatever the networks do."""
    series = BooleanSampler.parse({**SMALL, "target": "random"}).simulate(range(40)).series
    for name in ("sampled_test_acc", "trained_test_acc"):
        error = np.nanstd(series[name]) / 40**0.5
        assert abs(np.nanmean(series[name]) - 0.5) < 4 * error


def test_networks_that_agree_and_networks_that_do_not() -> None:
    generator = np.random.default_rng(0)
    skewed = (generator.random((4000, 4)) < [0.5, 0.6, 0.7, 0.8]).astype(np.uint8)
    again = (generator.random((4000, 4)) < [0.5, 0.6, 0.7, 0.8]).astype(np.uint8)
    ranks, count = function_ranks(skewed, again, 10)
    assert count == 16
    assert ranks > 0.9
    assert function_ranks(skewed, 1 - again, 10)[0] < -0.9
    assert np.isnan(function_ranks(skewed[:40], again[:40], 10)[0]), "too few functions"


def test_statistics_by_hand() -> None:
    assert harder(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True])) == pytest.approx(3.5 / 4)


def test_complexity_of_short_texts() -> None:
    """0001101001000101 has the six words 0, 001, 10, 100, 1000, 101 (Lempel & Ziv 1976)."""
    from epicycle.theory.sampling.agreement import _words

    assert _words("0001101001000101") == 6
    assert complexity(np.zeros(16, np.uint8)) == 4.0
    assert complexity(np.array([0, 1] * 8, np.uint8)) == 4.0 * 3


def test_clusters_and_outliers_are_where_they_are_said_to_be() -> None:
    theory = ClusterSampler(n_outliers=4)
    labels = theory.labels()["slot"]
    questions = theory.questions(np.random.default_rng(2))
    assert len(labels) == len(questions.train) == 2 * 6 + 4
    inputs = boolean_inputs(5)[questions.train]
    products = inputs @ inputs.T  # 5 less twice the distance
    assert (products[:6, :6] >= 1).all(), "rows of a cluster differ in at most two bits"
    assert len(set(questions.labels[questions.train[:6]])) == 1
    assert questions.labels[questions.train[0]] != questions.labels[questions.train[6]]
    centre = inputs[:6][(products[:6, :6] == 3).sum(axis=1) == 5]
    assert (np.abs(inputs[12:] @ centre.T) == 1).all(), "outliers lie two or three bits from either centre"
    assert questions.outlier.tolist() == [False] * 12 + [True] * 4


def test_outliers_are_hard_for_both() -> None:
    series = ClusterSampler(n_random=1 << 16, n_trained=128, n_outliers=2).simulate(range(6)).series
    assert np.median(series["sampler_outliers_harder"]) > 0.5
    assert np.median(series["trained_outliers_harder"]) > 0.5
    assert series["sampler_difficulty"].shape == (6, 1, 14)


def test_closeness_is_zero_where_every_row_is_right() -> None:
    margin = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, -2.0], [1.0, 0.0]])
    assert closeness(margin) == pytest.approx([0.0, -0.25, -1.0, 0.0], abs=1e-8)
    assert closeness(margin)[3] < 0, "a margin of 0 is not right"
    assert closeness(margin[1:2] * 7) == pytest.approx(-0.25)


def test_splitting_meets_a_closed_form() -> None:
    """A threshold unit without bias is right on n orthogonal rows with the probability 2 to the minus n."""
    network = Perceptron(16, (), 1, 4.0, 0.0)
    rows = (np.eye(16, dtype=np.float32)[:12], np.ones(12, np.int32))
    logs = [split(network, rows, 512, 0.25, 10, np.random.default_rng(seed)).log_probability for seed in range(12)]
    error = np.std(logs) / 12**0.5
    assert np.mean(logs) == pytest.approx(-12 * log(2), abs=4 * error + 0.1)
    assert error < 0.2


def test_splitting_agrees_with_rejection() -> None:
    """Three residues, four rows: both give the probability of fitting, and the answers of networks that fit to the other rows."""
    theory = ModularSampler(p=3, frac_train=4 / 9, hidden=(8,))
    train_rows, test_rows = theory._rows(0)
    network = theory._network()
    weights = network.draw(np.random.default_rng(5), 1 << 17)
    fits = weights[all_right(np.asarray(margins_of(network, weights, *train_rows)))]
    assert len(fits) > 100
    splits = [split(network, train_rows, 512, 0.25, 20, np.random.default_rng(seed)) for seed in range(8)]
    logs = np.array([each.log_probability for each in splits])
    assert abs(logs.mean() - log(len(fits) / len(weights))) < 4 * (logs.std() / 8**0.5 + 1 / len(fits) ** 0.5)
    by_rejection = (np.asarray(margins_of(network, fits, *test_rows)) > 0).mean(axis=0)
    by_splitting = np.array([(np.asarray(margins_of(network, each.weights, *test_rows)) > 0).mean(axis=0) for each in splits])
    spread = by_splitting.std(axis=0) / 8**0.5 + (by_rejection * (1 - by_rejection) / len(fits)) ** 0.5
    assert (np.abs(by_splitting.mean(axis=0) - by_rejection) < 4 * spread + 0.01).all()


def test_what_splitting_finds_fits() -> None:
    theory = ModularSampler(p=5, frac_train=0.5)
    rows, _ = theory._rows(1)
    result = split(theory._network(), rows, 64, 0.25, 5, np.random.default_rng(0))
    assert all_right(np.asarray(margins_of(theory._network(), result.weights, *rows))).all()
    assert result.log_probability < -10
    assert result.evaluations > 64
    assert 0.05 < result.accepted < 0.9


def test_a_training_set_that_is_not_reached_gives_no_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MOST_LEVELS", 2)
    series = ModularSampler(n_random=20, moves=1, n_trained=2, steps=5).simulate([0]).series
    assert np.isnan(series["sampled_test_acc"]).all()
    assert np.isnan(series["sampled_general"]).all()
    assert (series["log10_probability"] > -3).all(), "two levels of a quarter"


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (BooleanSampler, {"n_bits": 3, "n_train": 6}, "8 rows"),
        (BooleanSampler, {"n_bits": 2, "target": "majority", "n_train": 1, "n_compared": 1}, "three bits"),
        (ClusterSampler, {"n_bits": 3}, "n_bits 4"),
        (ClusterSampler, {"n_outliers": 30}, "lower n_outliers to 20"),
        (ModularSampler, {"p": 2, "frac_train": 0.01}, "nearer to a half"),
    ],
)
def test_what_cannot_be_asked(kind: type, fields: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        kind.parse(fields)
