"""Networks with hand-written circuits reproduce closed forms when the engine trains them: growth at the start, shares at the end."""

from pathlib import Path

import numpy as np
import pytest

import epicycle as ep

TASK = ep.NumberedRows(n_seen=50, n_new=50, num_classes=5)
MEASURES = (
    *(ep.CircuitStrength(), ep.CircuitShare(), ep.CircuitCoverage()),
    *(kind(rows=rows) for kind in (ep.Loss, ep.Accuracy) for rows in ("train", "test")),
)


def trained(
    root: Path, model: ep.Model, steps: int, task: ep.Task = TASK, split: ep.SplitRule | None = None, **optimiser: float
) -> ep.Runs:
    experiment = ep.Experiment(
        task=task,
        split=split or ep.SequentialSplit(frac_train=0.5),
        model=model,
        training=ep.Training(steps=steps, warmup=0, optimiser=ep.SGD(**optimiser)),
    )
    return ep.train(experiment, seeds=2, observation=ep.Observation(measures=MEASURES, dense_until=1, per_decade=4), root=root)


def last(runs: ep.Runs, series: str) -> np.ndarray:
    """The last value of a series in every run."""
    return runs.data[series].isel(step=-1).values


def test_a_circuit_covers_as_many_rows_as_it_is_given(tmp_path: Path) -> None:
    circuits = tuple(ep.GatedCircuit(coverage=c, held_out=0.3, elsewhere="wrong") for c in (0.0, 0.2, 0.5, 1.0))
    runs = trained(tmp_path, ep.GatedBank(circuits=circuits), 1, lr=0.0)
    np.testing.assert_allclose(last(runs, "circuit_coverage"), [[0, 0.2, 0.5, 1.0]] * 2, atol=1e-6)
    weights = [np.asarray(run.params(step=0)["W_U"]) for run in runs]
    labels = TASK.table().labels
    for says in weights:
        right = says[:, np.arange(100), labels] == 1
        assert right[:, 50:].sum(axis=1).tolist() == [15] * 4, "so many of the new rows"
        assert (says.sum(axis=2) == 1).all(), "it says one class for each row"
    assert (weights[0] != weights[1]).any(), "another seed covers other rows"


@pytest.mark.parametrize(("power", "elsewhere"), [(1.0, "silent"), (1.0, "wrong"), (0.6, "silent")])
def test_growth_at_the_start_is_in_proportion_to_coverage(tmp_path: Path, power: float, elsewhere: str) -> None:
    """A gate moves by lr power (s / g) (cover - says / q) in the first step."""
    coverages, factors = (0.1, 0.4, 0.8, 1.0, 1.0, 1.0), (1, 1, 1, 1, 2, 3)
    circuits = tuple(
        ep.GatedCircuit(coverage=c, n_factors=f, start=0.01, logit_per_norm=0.5, elsewhere=elsewhere)
        for c, f in zip(coverages, factors, strict=True)
    )
    model = ep.GatedBank(circuits=circuits, power=power)
    runs = trained(tmp_path, model, 1, lr=1e-3)
    before, after = (runs[0].params(step=step)["W_gate"][:, 0] for step in (0, 1))
    strength = 0.5 * 0.01 ** (np.array(factors) * power)
    cover = np.array(coverages)
    says = cover if elsewhere == "silent" else np.ones(6)
    expected = 1e-3 * power * strength / 0.01 * (cover - says / 5)
    np.testing.assert_allclose(after - before, expected, rtol=0.05, atol=2e-9)


def test_what_a_step_and_single_rows_do_to_each_circuit(tmp_path: Path) -> None:
    """Under descent a step gives each circuit in proportion to its coverage, and Adam's first step gives all the same.

    While probabilities are 1/q, a row that a circuit is right on pushes it up by 1 - 1/q, and one that it is wrong on down by 1/q.
    """
    circuits = tuple(
        ep.GatedCircuit(coverage=c, n_factors=2, start=0.01, elsewhere=e)
        for c, e in ((1.0, "silent"), (0.2, "silent"), (0.5, "wrong"))
    )
    strengths = [ep.CircuitStrength(circuit=i) for i in range(3)]
    measures = (
        *(ep.UpdateEffect(of=of, part="loss", relative=True) for of in strengths),
        *(ep.GradientCoherence(of=of) for of in strengths),
        *MEASURES,
    )
    for optimiser, gains in ((ep.SGD(lr=1e-3), (1.0, 0.2, 0.375)), (ep.AdamW(lr=1e-4), (1.0, 1.0, 1.0))):
        training = ep.Training(steps=1, warmup=0, optimiser=optimiser)
        experiment = ep.Experiment(
            task=TASK, split=ep.SequentialSplit(frac_train=0.5), model=ep.GatedBank(circuits=circuits), training=training
        )
        runs = ep.train(experiment, seeds=1, observation=ep.Observation(measures=measures, dense_until=1), root=tmp_path)
        first = runs.data.isel(step=0)
        given = np.array([float(first[f"circuit_strength_{i}_by_loss_relative"].squeeze()) for i in range(3)])
        np.testing.assert_allclose(given / given[0], gains, rtol=0.02)
        coherences = [float(first[f"circuit_strength_{i}_coherence"].squeeze()) for i in range(3)]
        np.testing.assert_allclose(coherences, (1, 1, 0.6), atol=0.01)


@pytest.mark.parametrize("decay", [0.01, 0.03])
@pytest.mark.parametrize(("kappa", "factors"), [(1.0, 1), (1.2, 2)])
def test_shares_at_the_end_follow_efficiency_whatever_the_decay(tmp_path: Path, decay: float, kappa: float, factors: int) -> None:
    """w_G / w_M = (P_M / P_G)^(2 kappa / (2 - kappa)) with P = sqrt(f) e^(-1/kappa): Varma et al., section 3."""
    efficiencies = (2.0, 1.5)
    circuits = tuple(ep.GatedCircuit(logit_per_norm=e, n_factors=factors, start=0.5) for e in efficiencies)
    model = ep.GatedBank(circuits=circuits, power=kappa / factors)
    runs = trained(tmp_path, model, 6000, lr=0.1, weight_decay=decay)
    general, memory = last(runs, "circuit_strength").T
    norms = [factors**0.5 * e ** (-1 / kappa) for e in efficiencies]
    np.testing.assert_allclose(general / memory, (norms[1] / norms[0]) ** (2 * kappa / (2 - kappa)), rtol=0.01)
    np.testing.assert_allclose(last(runs, "circuit_share").sum(axis=1), 1, rtol=1e-5)


def test_a_row_that_counts_more_has_more_memory(tmp_path: Path) -> None:
    """Rule and memory end in the ratio D (e_G / e_M)^2, and the memory of a row is in proportion to its weight times its error."""
    for n_seen, ratio in ((25, 0.25), (100, 1.0)):
        task = ep.NumberedRows(n_seen=n_seen, n_new=n_seen, num_classes=5)
        runs = trained(tmp_path, ep.FrequencyToy(), 8000, task, lr=0.3, weight_decay=0.003)
        rule, memory = last(runs, "circuit_strength").T
        np.testing.assert_allclose(rule / memory, ratio, rtol=0.02)
    often = ep.ReweightedSplit(of=ep.SequentialSplit(frac_train=0.5), first_operands=(0, 1), weight=3.0)
    runs = trained(tmp_path, ep.FrequencyToy(), 8000, TASK, often, lr=0.3, weight_decay=0.003)
    weights = runs[0].params(step=8000)
    rule, memory = float(weights["W_rule"].prod()), 10 * weights["W_memory"].prod(axis=1)
    wrong = 4 / (np.exp(rule + memory) + 4)  # the probability of all wrong classes
    counts = np.where(np.arange(50) < 10, 3.0, 1.0)
    np.testing.assert_allclose(memory / memory[-1], counts * wrong / wrong[-1], rtol=0.02)


def test_the_rule_must_be_stronger_than_the_memory_on_new_rows(tmp_path: Path) -> None:
    """The critical number of rows is (e_M / e_G)^2 = 100. With fewer rows memory outvotes the rule at the end."""
    for n_seen, accuracy in ((50, 0.0), (200, 1.0)):
        task = ep.NumberedRows(n_seen=n_seen, n_new=n_seen, num_classes=5)
        runs = trained(tmp_path, ep.FrequencyToy(), 8000, task, lr=0.3, weight_decay=0.003)
        assert last(runs, "train_acc").tolist() == [1, 1]
        assert last(runs, "test_acc").tolist() == [accuracy] * 2


@pytest.mark.parametrize("parameters", ["strengths", "unit_strengths", "entries"])
def test_one_head_wins_only_where_its_parameters_serve_several_pairs(tmp_path: Path, parameters: str) -> None:
    """At the end the odds of head 0's share are n (A_0 / A_1)^2, with attention A, if one parameter serves its n pairs.

    The loss pulls n times as much at such an OV, and decay alike. Where a head for n pairs costs n times the norm, nothing
    distinguishes it from a head for each pair.
    """
    pair = ep.NumberedRows(n_seen=2, n_new=2, num_classes=2)
    runs = trained(tmp_path, ep.TwoHeads(parameters=parameters, share=0.5), 4000, pair, lr=0.3, weight_decay=0.01)
    shares = runs.data["circuit_share"].values[:, :, 0]
    np.testing.assert_allclose(shares[:, 0], 0.5, rtol=1e-5)
    attention = 1 / (1 + np.exp(-runs[0].params(step=4000)["W_QK"][:2, 0]))
    odds = 2 * (attention[0] / attention[1]) ** 2 if parameters == "strengths" else 1.0
    np.testing.assert_allclose(shares[:, -1] / (1 - shares[:, -1]), odds, rtol=0.02)
    started = trained(tmp_path, ep.TwoHeads(parameters=parameters, share=0.2), 1, pair, lr=0.0)
    np.testing.assert_allclose(started.data["circuit_share"].isel(step=0).values[:, 0], 0.2, rtol=1e-5)


def test_rows_without_numbers_are_refused(tmp_path: Path) -> None:
    import jax

    for model in (ep.GatedBank(), ep.TwoHeads(), ep.FrequencyToy()):
        with pytest.raises(ep.InputError, match="choose the task numbered_rows, and the split sequential"):
            model.init(jax.random.key(0), ep.Modular(p=5).table())
