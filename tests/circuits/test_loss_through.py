"""Through which algorithm a loss changes: planted changes of Gen alone and of memory alone, and the next step of a network."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.loss_through import LossThrough
from epicycle.measures.fit import Loss
from epicycle.measures.update_effects import UpdateEffect
from epicycle.spec.experiment import Training
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW
from tests.circuits.test_exchange import SHARP, memoriser
from tests.circuits.test_gen_and_mem import circuit, snapshot
from tests.measures.test_update_effects import observed

TASK = Modular(p=11, operation="x-y")
GEN, MEMORY = 2 * circuit(TASK, SHARP), memoriser(3.0)


def through(part: str, direction: Any, rows: str = "train") -> tuple[float, float]:
    """The loss of a planted network, and its derivative along a change of the logits through one part."""
    given = snapshot(TASK, GEN + MEMORY)
    measure = LossThrough.parse({"circuit": part, "rows": rows})

    def loss(logits: Any) -> Any:
        return measure.fn({**given, "logits": logits})

    value, change = jax.jvp(loss, (given["logits"],), (jnp.asarray(direction, jnp.float32),))
    return float(value), float(change)


def slope(direction: np.ndarray) -> float:
    """The derivative of the mean loss on trained rows along a change of the logits."""
    given = snapshot(TASK, GEN + MEMORY)
    rows, labels = np.flatnonzero(given["train"]), np.asarray(given["labels"])

    def loss(moved: float) -> float:
        at_rows = (GEN + MEMORY + moved * direction)[rows]
        return float(np.mean(np.log(np.exp(at_rows).sum(axis=1)) - at_rows[np.arange(len(rows)), labels[rows]]))

    return (loss(1e-4) - loss(-1e-4)) / 2e-4


@pytest.mark.parametrize(("part", "other", "direction"), [("gen", "mem", GEN), ("mem", "gen", MEMORY)], ids=["gen", "mem"])
def test_a_change_of_one_part_counts_for_this_part_only(part: str, other: str, direction: np.ndarray) -> None:
    value, change = through(part, direction)
    assert value == pytest.approx(through(other, direction)[0], rel=1e-5), "the loss of the whole network"
    assert change == pytest.approx(slope(direction), rel=0.02)
    assert through(other, direction)[1] == pytest.approx(0.0, abs=0.02 * abs(change))


def test_both_parts_together_change_the_loss() -> None:
    of = (Loss(rows="train"), LossThrough(), LossThrough(circuit="mem"))
    test = (Loss(rows="test"), LossThrough(rows="test"), LossThrough(circuit="mem", rows="test"))
    effects = [UpdateEffect(of=each, part="all", along="step") for each in (*of, *test)]
    before, _ = observed(Training(optimiser=AdamW(lr=1e-3, weight_decay=1.0)), [*effects, *of], act_fn="gelu")
    assert before["train_loss_through_gen"] == pytest.approx(before["train_loss"], rel=1e-5)
    for whole, gen, mem in (effects[:3], effects[3:]):
        assert before[gen.name] + before[mem.name] == pytest.approx(before[whole.name], rel=1e-3)
        assert before[gen.name] != 0.0
    assert effects[1].name == "train_loss_through_gen_by_all_along_step"
