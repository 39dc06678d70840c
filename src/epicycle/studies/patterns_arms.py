"""The arms of the study `patterns`: networks that learn an easy and a hard rule, and the theories that are to predict them.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from epicycle.models.mlp import MLP
from epicycle.spec.arms import RootArm, TheoryArm
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.families import AnySplit, Task
from epicycle.splits.derived import CorruptedSplit
from epicycle.splits.drawn import Split
from epicycle.studies.organisms import FLIES, P, fly
from epicycle.tasks.groups import Composition
from epicycle.tasks.mixed_rules import MixedRules
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable
from epicycle.theory.mixture import Mixture
from epicycle.theory.product_of_factors import ProductOfFactors
from epicycle.theory.three_patterns import ThreePatterns
from epicycle.training.losses import MSE
from epicycle.training.optimisers import SGD

# The answer is the first operand where the second is from 15 on, and the difference where it is smaller.
EASY = Modular(p=P, operation="polynomial", terms=((1, 1, 0),))
HARD_SECONDS, EASY_SECONDS = (0, 14), (15, 30)
ENOUGH = Split(frac_train=0.75)


def _with_easy_half(rest: Task) -> Task:
    return MixedRules(of=rest, other=EASY, share=0.5, rows="second_large")


def _whole(task: Task, steps: int, split: AnySplit = ENOUGH) -> Experiment:
    """A fly on a task, to the end of its budget."""
    experiment = fly(task).swept("training.stop", None).swept("training.steps", steps)
    return experiment.model_copy(update={"split": split})


def _root(task: Task, steps: int, split: AnySplit = ENOUGH) -> RootArm:
    return RootArm(experiment=_whole(task, steps, split), seeds=FLIES)


HARD, RANDOM = Modular(p=P, operation="x-y"), RandomTable(n=P)
RULES = {
    "easy_and_hard": _root(_with_easy_half(HARD), 3000),
    "wrong_labels": _root(_with_easy_half(HARD), 2000, CorruptedSplit(of=ENOUGH, share=0.2)),
    "hard_only": _root(HARD, 1500),
    "easy_and_random": _root(_with_easy_half(RANDOM), 1500),
    "random": _root(RANDOM, 400),
}

# Networks whose output is a product of one matrix that is trained, of three, and of four. The task is so small that random features
# can fit it. Gradient descent without decay, on the squared error, is what the theory describes.
SMALL, SMALL_SCALE, SCALES = MLP(d_model=64, d_mlp=256), 0.5, (0.4, 0.5, 0.7)


def _factors(steps: int, scales: tuple[float, ...] = (SMALL_SCALE,), **changes: object) -> RootArm:
    training = Training(optimiser=SGD(lr=30.0), loss=MSE(), steps=steps)
    model = SMALL.model_copy(update=changes)
    experiment = Experiment(task=Modular(p=13, operation="x-y"), split=Split(frac_train=0.6), model=model, training=training)
    return RootArm(experiment=experiment, seeds=FLIES, sweep={"model.init_scale": scales})


FACTORS = {
    "one_factor": _factors(6000, trained="read_out"),
    "three_factors": _factors(400, SCALES),
    "four_factors": _factors(500, n_layers=2),
}

# Groups of 32 elements that need one, two, three and five characters to tell all elements apart.
GROUPS = {1: "C32", 2: "C4 x C8", 3: "C2 x C4 x C4", 5: "C2 x C2 x C2 x C2 x C2"}
DECAYS = (0.5, 1.0, 2.0)
COMPONENTS = {
    f"components_{n}": RootArm(
        experiment=fly(Composition(group=group)),
        seeds=FLIES,
        sweep={"training.optimiser.weight_decay": DECAYS if n in (1, 5) else (1.0,)},
    )
    for n, group in GROUPS.items()
}


def _patterns(*heights: float) -> TheoryArm:
    return TheoryArm(theory=ThreePatterns.parse({"heights": heights, "spread": 0.1, "steps": 600}), seeds=FLIES)


MEMORY_SPREADS, SKILLS, STARTS = (0.1, 0.3, 1.0), (1, 4, 16, 64), (0.03, 0.1, 0.3)
WIDE = Mixture(n_skills=64, skill_spread=3.0, interference=0.5, steps=1_000_000)
TOYS = {
    "toy_descent": _patterns(0.7, 1, 0.2),
    "toy_grokking": _patterns(0, 1, 1),
    "toy_no_easy": _patterns(0, 1, 0.2),
    "toy_no_slow": _patterns(0.7, 1, 0),
    "toy_skills": TheoryArm(theory=Mixture(), seeds=FLIES, sweep={"n_skills": SKILLS}),
    "toy_memory": TheoryArm(theory=WIDE, seeds=FLIES, sweep={"mem_spread": MEMORY_SPREADS}),
    "toy_factors": TheoryArm(
        theory=ProductOfFactors(factors=1, spread=0.3, lr=0.02, steps=50_000),
        seeds=FLIES,
        sweep={"factors": (1, 2, 3), "start": STARTS},
    ),
}
ARMS = {**RULES, **FACTORS, **COMPONENTS, **TOYS}
