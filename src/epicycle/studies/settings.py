"""What several studies share: two small networks, the optimiser, budgets, and the changes that make a pilot.

The settings fit two CPU cores. They were chosen on seeds from 1000 on (LOG.md, 2026-11-21).
"""

from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Stop, Training
from epicycle.training.optimisers import AdamW

# One layer, half as wide as preset NP.
NO_NORM = Transformer(n_layers=1, d_model=64, n_heads=4, d_mlp=256)
# What most re-implementations since 2023 chose (preset PB): pre-norm, GELU, weights from N(0, 0.02^2).
PRE_NORM = Transformer(n_layers=1, d_model=64, n_heads=4, d_mlp=256, norm="pre", final_norm=True, act_fn="gelu", initialisation="gpt2")
# The optimiser of preset NP at twice its learning rate.
ADAMW = AdamW(lr=2e-3, weight_decay=1.0)
# Seeds of an arm of which a primary claim speaks. Three primary claims share the level of error, so each must be decided at 98.3 %,
# and the any-time interval of a median has no end at this level for fewer than ten values.
SEEDS = 10
# Changes for a pilot. A pilot has two minutes, and compilation takes most of them.
PILOT = {"model.d_model": 32, "model.d_mlp": 64}
# Changes for a pilot that ends before anything generalises. A stop at t_gen cannot come there, and looking for it at every
# evaluation costs time.
EARLY_PILOT = {**PILOT, "training.steps": 150, "training.stop": None}
UNTIL_GENERAL = Stop(event="t_gen", factor=1.25)


def training(steps: int, stop: bool = True) -> Training:
    """Training for a number of steps.

    Args:
        steps: the budget.
        stop: whether a run ends early, at 1.25 times its t_gen. An arm with a claim about the end of its budget must say no.

    Returns:
        Training with the shared optimiser.
    """
    return Training(optimiser=ADAMW, steps=steps, stop=UNTIL_GENERAL if stop else None)


def with_budget(experiment: Experiment, steps: int, stop: bool = True) -> Experiment:
    """The same experiment with the shared training for another number of steps; see `training`."""
    return experiment.swept("training", training(steps, stop).model_dump(mode="json"))
