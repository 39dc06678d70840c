"""Organisms: small settings in which grokking is clean, so that a study has dozens of seeds an arm within minutes.

The fly is an MLP on a task with 31 elements: a run takes less than a second. The mouse is a one-layer transformer on the same task,
for questions that need attention, and for a second opinion on those that do not. The canon is the published network (preset NP).
Studies are written for the fly; `ON_MOUSE` and `ON_CANON` are the assignments that set one on another organism. The settings were
chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.shares import Share
from epicycle.literature.texts import NANDA, POWER
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.presets.progress_measures import EXPERIMENT as PRESET_NP
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment, Stop, Training
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Figure, Profile, Study
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

# With 70 % of the pairs 31 of 36 pilot mice generalise, with 75 % 34 of 36, and in three quarters of the steps.
MOUSE = Experiment(
    task=Modular(p=P, operation="x-y"),
    split=Split(frac_train=0.75),
    model=Transformer(n_layers=1, d_model=64, n_heads=8, d_mlp=256),
    training=Training(optimiser=AdamW(lr=5e-3, weight_decay=1.0), steps=4000, stop=UNTIL_GENERAL),
)
CANON = PRESET_NP.swept("training.stop", UNTIL_GENERAL.model_dump())

# Assignments that turn the fly on x - y into the mouse or the canon. Paths reach every root arm, as those of `--set`.
ON_MOUSE: Plain = {
    "model": MOUSE.model.model_dump(mode="json"),
    "training.optimiser.lr": 5e-3,
    "split.frac_train": 0.75,
    "training.steps": 4000,
}
ON_CANON: Plain = {
    "model": CANON.model.model_dump(mode="json"),
    "task.p": 113,
    "training.optimiser.lr": 1e-3,
    "split.frac_train": 0.3,
    "training.steps": 50_000,
}

QUESTION = "How clean is grokking in the organisms: how often do they generalise, how long after memorising, and does it need decay?"
SEEDS = 100
# Seeds of the controls. Each of their runs takes the whole budget, and without decay they are alike.
CONTROLS, MOUSE_CONTROLS = 50, 24


def _without_decay(experiment: Experiment) -> Experiment:
    """The control. A claim is about its whole budget, so no stop ends it early."""
    return experiment.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None)


ON_TASKS = {"fly": "flies", "sum": "flies on x + y", "product": "flies on x * y", "quotient": "flies on x / y", "group": "flies on S4"}
ARMS = {
    # The fly on x - y, and on four other tasks.
    "fly": RootArm(experiment=FLY, seeds=SEEDS),
    "sum": RootArm(experiment=SUM, seeds=SEEDS),
    "product": RootArm(experiment=PRODUCT, seeds=SEEDS),
    "quotient": RootArm(experiment=QUOTIENT, seeds=SEEDS),
    "group": RootArm(experiment=GROUP, seeds=SEEDS),
    "fly_no_decay": RootArm(experiment=_without_decay(FLY), seeds=CONTROLS),
    "mouse": RootArm(experiment=MOUSE, seeds=SEEDS),
    "mouse_no_decay": RootArm(experiment=_without_decay(MOUSE), seeds=MOUSE_CONTROLS),
}
# `--organism canon` trains these instead. A run takes most of an hour on two cores.
CANONS = {
    "canon": RootArm(experiment=CANON, seeds=8),
    "canon_no_decay": RootArm(experiment=_without_decay(CANON), seeds=8),
}


def _grokks(arm: str, animals: str, primary: bool = False, share: float = 0.9) -> tuple[Claim, ...]:
    """More than a share of the runs of an arm generalise, and long after they memorise."""
    return (
        Claim(
            id=f"{arm}-generalises",
            says=f"More than {share:.0%} of the {animals} generalise.".replace("%", " %"),
            statistic=Share(event="t_gen", arm=arm),
            supported_if=Region(above=share),
            refuted_if=Region(below=round(share - 0.1, 1)),
            primary=primary,
            phenomenon="delay",
            sources=("power2022",),
        ),
        Claim(
            id=f"{arm}-generalises-later",
            says=f"The {animals} generalise more than ten times later than they memorise.",
            statistic=EventRatio(event="t_gen", over="t_mem", arm=arm),
            supported_if=Region(above=10),
            refuted_if=Region(below=5),
            primary=primary,
            phenomenon="delay",
            sources=("power2022", "nanda2023"),
        ),
    )


def _is_clean(arm: str, animals: str, primary: bool = False) -> tuple[Claim, ...]:
    """Runs of an arm forget nothing on the way, and without weight decay they stay at chance."""
    control = f"{arm}_no_decay"
    return (
        Claim(
            id=f"{arm}-forgets-nothing",
            says=f"Once they have memorised, the {animals} keep more than 95 % of their training data right.",
            statistic=Extreme(series="train_acc", which="min", since="t_mem", arm=arm),
            supported_if=Region(above=0.95),
            refuted_if=Region(below=0.9),
            primary=False,
            phenomenon="delay",
        ),
        Claim(
            id=f"{arm}-needs-decay",
            says=f"Without weight decay the {animals} stay within 10 points of chance.",
            statistic=Extreme(series="test_acc", which="max", above_baseline=True, arm=control),
            supported_if=Region(below=0.10),
            refuted_if=Region(above=0.50),
            gates=(Gate(statistic=EventTime(event="t_mem", arm=control, unit="budget"), region=Region(below=0.5)),),
            primary=primary,
            phenomenon="regularisation",
            sources=("nanda2023",),
        ),
    )


CLAIMS = (
    *_grokks("fly", "flies", primary=True),
    *_is_clean("fly", "flies", primary=True),
    *(claim for arm, animals in list(ON_TASKS.items())[1:] for claim in _grokks(arm, animals)),
    *_grokks("mouse", "mice", share=0.8),  # of the pilot's, 34 of 36
    *_is_clean("mouse", "mice"),
)


def _figures(animals: tuple[str, ...], decaying: tuple[str, ...], decides: str) -> tuple[Figure, ...]:
    """The figures of some organisms.

    Args:
        animals: arms of the organisms on their own task.
        decaying: all arms with weight decay.
        decides: id of the claim that the first figure decides.
    """
    events = ("t_mem", "t_on", "t_gen")
    controls = tuple(f"{arm}_no_decay" for arm in animals)
    return (
        Figure(
            title="When does accuracy on trained and on held-out rows rise, with and without weight decay?",
            arms=tuple(name for pair in zip(animals, controls, strict=True) for name in pair),
            series=("train_acc", "test_acc"),
            decides=decides,
        ),
        Figure(
            title="When does each network memorise, begin to generalise, and generalise?",
            arms=decaying,
            quantities=tuple(EventTime(event=event, arm=decaying[0]) for event in events),
        ),
        Figure(
            title="How many times later does each network generalise than it memorises?",
            arms=decaying,
            quantities=(EventRatio(event="t_gen", over="t_mem", arm=decaying[0]),),
        ),
        Figure(
            title="How much of what it has memorised does a network lose on the way?",
            arms=decaying,
            quantities=(Extreme(series="train_acc", which="min", since="t_mem", arm=decaying[0]),),
        ),
    )


FIGURES = _figures(("fly", "mouse"), (*ON_TASKS, "mouse"), decides="fly-generalises-later")

SOURCES = (POWER.at("Figure 1"), NANDA.at("section 3, the main model"))

STUDY = Study(
    name="organisms",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=20),
    organisms={
        "canon": Profile(
            assign={
                "arms": {name: arm.model_dump(mode="json") for name, arm in CANONS.items()},
                "claims": [
                    claim.model_dump(mode="json")
                    for claim in (*_grokks("canon", "canons", primary=True), *_is_clean("canon", "canons"))
                ],
                "figures": [
                    figure.model_dump(mode="json") for figure in _figures(("canon",), ("canon",), decides="canon-generalises-later")
                ],
            }
        )
    },
    profiles={"quick": Profile(seeds=8, pilot=True, assign={"training.steps": 1500})},
)
