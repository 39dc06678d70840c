"""Organisms: small settings in which grokking is clean, so that a study has dozens of seeds an arm within minutes.

The fly is an MLP on a task with 31 elements: a run takes less than a second. The mouse is a one-layer transformer on the same task,
for questions that need attention, and for a second opinion on those that do not. The canon is the published network (preset NP).
Studies are written for the fly; `ON_MOUSE` and `ON_CANON` are the assignments that set one on another organism. The settings were
chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.presets.progress_measures import EXPERIMENT as PRESET_NP
from epicycle.spec.experiment import Experiment, Stop, Training
from epicycle.spec.families import Task
from epicycle.spec.plain_data import Plain
from epicycle.splits.drawn import Split
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW

P = 31
# Seeds of an arm on each organism.
FLIES, MICE = 48, 24
UNTIL_GENERAL = Stop(event="t_gen", factor=1.25)
NETWORK = MLP(d_model=64, d_mlp=128)


def fly(task: Task, frac_train: float = 0.6, network: MLP = NETWORK) -> Experiment:
    """The fly's network and training on a task.

    Args:
        task: any task of two operands.
        frac_train: share of the rows that are trained on.
        network: the network.

    Returns:
        An experiment with a budget of 4,000 steps that ends at 1.25 times t_gen. An arm with a claim about the end of its budget must
        take the stop away: `.swept("training.stop", None)`.
    """
    training = Training(optimiser=AdamW(lr=1e-2, weight_decay=1.0), steps=4000, stop=UNTIL_GENERAL)
    return Experiment(task=task, split=Split(frac_train=frac_train), model=network, training=training)


FLY = fly(Modular(p=P, operation="x-y"))
SUM, PRODUCT, QUOTIENT = (fly(Modular(p=P, operation=operation)) for operation in ("x+y", "x*y", "x/y"))
# The elements of a group stand for different things on the two sides of its operation, so each side has a table of its own.
GROUP = fly(Composition(group="S4"), frac_train=0.7, network=MLP(d_model=64, d_mlp=128, embeddings="separate"))

MOUSE = Experiment(
    task=Modular(p=P, operation="x-y"),
    split=Split(frac_train=0.7),
    model=Transformer(n_layers=1, d_model=64, n_heads=8, d_mlp=256),
    training=Training(optimiser=AdamW(lr=5e-3, weight_decay=1.0), steps=4000, stop=UNTIL_GENERAL),
)
CANON = PRESET_NP.swept("training.stop", UNTIL_GENERAL.model_dump())

# Assignments that turn the fly on x - y into the mouse or the canon. Paths reach every root arm, as those of `--set`.
ON_MOUSE: Plain = {
    "model": MOUSE.model.model_dump(mode="json"),
    "training.optimiser.lr": 5e-3,
    "split.frac_train": 0.7,
    "training.steps": 4000,
}
ON_CANON: Plain = {
    "model": CANON.model.model_dump(mode="json"),
    "task.p": 113,
    "training.optimiser.lr": 1e-3,
    "split.frac_train": 0.3,
    "training.steps": 50_000,
}
