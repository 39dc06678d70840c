"""Two circuits under decay: where they end, when the general one overtakes, and what each of the three ingredients does."""

import math

import numpy as np
import pytest

from epicycle.spec.errors import InputError
from epicycle.theory.circuit_efficiency import CircuitEfficiency

# Steps of the table of a simulation written apart from this code: the data are fitted, and the general circuit overtakes.
FITTED, OVERTAKEN = 188, 4398


def first_step(theory: CircuitEfficiency, series: str, level: float, below: bool = False) -> tuple[int, int] | None:
    """The evaluations between which a series first passes a level."""
    simulated = theory.simulate([0])
    values = simulated.series[series][0]
    passed = np.flatnonzero(values < level if below else values > level)
    return (int(simulated.steps[passed[0] - 1]), int(simulated.steps[passed[0]])) if len(passed) else None


def test_the_general_circuit_overtakes_long_after_the_data_are_fitted() -> None:
    theory = CircuitEfficiency(steps=6000)
    fitted = first_step(theory, "train_loss", 0.1 * math.log(113), below=True)
    overtaken = first_step(theory, "test_acc", 0.5)
    assert fitted is not None
    assert overtaken is not None
    assert fitted[0] < FITTED <= fitted[1]
    assert overtaken[0] < OVERTAKEN <= overtaken[1]


def test_without_a_slow_general_circuit_there_is_no_delay() -> None:
    assert first_step(CircuitEfficiency(gen_start=1.0, steps=100), "test_acc", 0.5) == (1, 2)


def test_without_a_cheaper_general_circuit_it_never_overtakes() -> None:
    theory = CircuitEfficiency(gen_price=3.0, mem_price=1.0, steps=20_000)
    assert first_step(theory, "train_loss", 0.1 * math.log(113), below=True) is not None
    assert first_step(theory, "test_acc", 0.5) is None


@pytest.mark.parametrize("decay", [0.005, 0.02])
def test_the_end_has_the_ratio_of_the_closed_form_whatever_the_decay(decay: float) -> None:
    theory = CircuitEfficiency(weight_decay=decay, steps=25_000)
    last = {name: values[0, -1] for name, values in theory.simulate([0]).series.items()}
    assert theory.equilibrium_ratio() == pytest.approx(27.0)
    assert last["gen_logit"] / last["mem_logit"] == pytest.approx(27.0, rel=1e-3)
    assert last["gen_part"] == pytest.approx(27 / 28, rel=1e-4)


def test_losses_and_accuracies_are_those_of_the_logits() -> None:
    """By softmax over all 113 classes, for a trained and for a held-out question."""
    series = CircuitEfficiency(steps=300).simulate([0]).series
    gen, mem = series["gen_logit"][0, -1], series["mem_logit"][0, -1]
    trained, held_out = np.zeros(113), np.zeros(113)
    trained[0], held_out[0], held_out[1] = gen + mem, gen, mem
    for name, logits in (("train", trained), ("test", held_out)):
        assert series[f"{name}_loss"][0, -1] == pytest.approx(np.log(np.exp(logits).sum()) - logits[0])
        assert series[f"{name}_acc"][0, -1] == float(logits.argmax() == 0)


def test_only_a_spread_makes_seeds_differ() -> None:
    same, apart = (CircuitEfficiency(steps=200, spread=spread).simulate([1, 2]).series["train_loss"] for spread in (0.0, 0.3))
    assert np.array_equal(same[0], same[1])
    assert not np.array_equal(apart[0], apart[1])


def test_a_degree_without_a_closed_form_is_refused() -> None:
    with pytest.raises(InputError, match=r"kappa.*less than 2"):
        CircuitEfficiency.parse({"kappa": 2.0})
