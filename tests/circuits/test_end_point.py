"""The end of a run in the place of the general algorithm, on planted logits."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.ablated_loss import Restricted
from epicycle.circuits.end_point import EndPart, EndShare
from epicycle.tasks.modular import Modular
from epicycle.training.snapshots import known_at_the_end

TASK = Modular(p=11, operation="x^2+xy+y^2")  # no group is known for it
ROWS = 121


def planted(of_end: float, memory: float, noise: float = 0.0) -> dict[str, Any]:
    """A network that has a part of its end, remembers the rows it is trained on, and says random things elsewhere."""
    rng = np.random.default_rng(0)
    labels = np.asarray(TASK.table().labels)
    train = rng.permutation(ROWS) < ROWS // 2
    right = np.eye(11)[labels]
    logits = of_end * 3 * right + memory * right * train[:, None] + noise * rng.normal(size=right.shape) * ~train[:, None]
    return {
        "logits": jnp.asarray(logits, jnp.float32),
        "end_logits": jnp.asarray(3 * right, jnp.float32),
        "labels": jnp.asarray(labels),
        "train": jnp.asarray(train),
        "test": jnp.asarray(~train),
    }


def test_a_network_at_its_end_is_its_end() -> None:
    assert float(EndShare().fn(planted(1.0, 0.0))) == pytest.approx(1.0)
    assert float(EndPart().fn(planted(1.0, 0.0))) == pytest.approx(1.0)


def test_memory_is_no_part_of_the_end() -> None:
    assert float(EndShare().fn(planted(0.0, 5.0, noise=1.0))) < 0.01
    assert abs(float(EndPart().fn(planted(0.0, 5.0, noise=1.0)))) < 0.05
    half = planted(0.5, 1.5)
    assert float(EndPart().fn(half)) == pytest.approx(0.5)
    assert float(EndShare().fn(half)) == pytest.approx(1.0), "on held-out rows there is nothing else"


def test_the_null_compares_with_other_rows() -> None:
    assert float(EndShare(null="shuffled").fn(planted(1.0, 0.0))) < 0.1
    assert EndShare(null="shuffled").name == "end_share_shuffled"


def test_which_measures_need_the_end() -> None:
    assert known_at_the_end(EndShare())
    assert known_at_the_end(Restricted(components="final"))
    assert not known_at_the_end(Restricted())
