"""Strictness for every test, and small experiments to train."""

import gc
from pathlib import Path

import pytest

from epicycle import Experiment, Modular, Split, Training, Transformer
from epicycle.training.devices import Machine, start

gc.set_threshold(100_000, 50, 1000)  # looking for garbage among all that JAX keeps takes 5 to 10 % of the time
MACHINE = start()  # before any test touches JAX, which takes its devices when it is first used


@pytest.fixture(scope="session")
def machine() -> Machine:
    """JAX, started as the engine starts it."""
    return MACHINE


@pytest.fixture
def tiny() -> Experiment:
    """Trains in well under a second."""
    return Experiment(
        task=Modular(p=7, operation="x-y"),
        split=Split(frac_train=0.6),
        model=Transformer(d_model=8, n_heads=2, d_mlp=16),
        training=Training(steps=60),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A results root that does not exist yet."""
    return tmp_path / "results"
