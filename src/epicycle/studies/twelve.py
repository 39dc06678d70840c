"""The twelve operations of Power et al. side by side: nine on residues, three in a permutation group; and what they are isomorphic to.

At 80 % of the pairs, in one network. The group is S4 within an hour (24 elements) and S5 (120) in full. Products of residues other
than 0 are sums modulo p - 1 under a discrete logarithm. That two such runs are one and the same is a test of this library; judged here
is whether the whole multiplication table, with its row and column of zeros, takes as long as those sums.
"""

from epicycle.claims.quantities import EventRatio, EventTime, Extreme
from epicycle.claims.statistics import Difference, Share
from epicycle.literature.texts import POWER
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.settings import PILOT, PRE_NORM, training
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

QUESTION = "Which of the twelve operations of Power et al. does a small network generalise, and how long after memorising?"
P = 47
STEPS = 3000


def _arm(task: Task) -> RootArm:
    return RootArm(experiment=Experiment(task=task, split=Split(frac_train=0.8), model=PRE_NORM, training=training(STEPS)), seeds=6)


OPERATIONS = {
    "sum": "x+y",
    "difference": "x-y",
    "quotient": "x/y",
    "mixed": "x/y if y odd else x-y",
    "squares": "x^2+y^2",
    "quadratic": "x^2+xy+y^2",
    "quadratic_x": "x^2+xy+y^2+x",
    "cubic": "x^3+xy",
    "cubic_y": "x^3+xy^2+y",
}
GROUPS = {"group": "xy", "group_conjugate": "xyx^-1", "group_twice": "xyx"}
ARMS = {
    **{name: _arm(Modular(p=P, operation=operation)) for name, operation in OPERATIONS.items()},
    **{name: _arm(Composition(group="S4", variant=variant)) for name, variant in GROUPS.items()},
    "product": _arm(Modular(p=P, operation="x*y")),
    "sum_below": _arm(Modular(p=P - 1, operation="x+y")),
}


def _exploratory(claim_id: str, statistic: object, supported: Region, refuted: Region) -> Claim:
    return Claim.model_validate(
        {
            "id": claim_id,
            "statistic": statistic,
            "supported_if": supported,
            "refuted_if": refuted,
            "primary": False,
            "sources": ("power2022",),
        }
    )


def _ln(arm: str) -> EventTime:
    return EventTime(event="t_gen", unit="log", arm=arm)


CLAIMS = (
    Claim(
        id="the-ninth-never-generalises",
        statistic=Extreme(series="test_acc", which="max", above_baseline=True, arm="cubic_y"),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        sources=("power2022",),
    ),
    Claim(
        id="little-delay-for-sums-at-four-fifths",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="sum"),
        supported_if=Region(below=2.0),
        refuted_if=Region(above=10.0),
        sources=("power2022",),
    ),
    Claim(
        id="differences-and-quotients-agree",
        statistic=Difference(of=_ln("quotient"), against=_ln("difference")),
        supported_if=Region(above=-0.4, below=0.4),
        refuted_if=Region(above=0.4),
        sources=("power2022",),
    ),
    _exploratory(
        "products-take-as-long-as-the-sums-below",
        Difference(of=_ln("product"), against=_ln("sum_below")),
        Region(above=-0.4, below=0.4),
        Region(above=0.4),
    ),
    _exploratory(
        "a-symmetric-form-is-easier-than-its-mate",
        Difference(of=_ln("quadratic"), against=_ln("quadratic_x")),
        Region(below=0.0),
        Region(above=0.0),
    ),
    _exploratory(
        "sums-before-differences", Difference(of=_ln("sum"), against=_ln("difference")), Region(below=0.0), Region(above=0.0)
    ),
    *(
        _exploratory(f"generalises-{name.replace('_', '-')}", Share(event="t_gen", arm=name), Region(above=0.5), Region(below=0.5))
        for name in ARMS
    ),
)
FIGURES = (
    Figure(
        title="When does each operation memorise, and when does it generalise?",
        arms=tuple(ARMS),
        quantities=(EventTime(event="t_mem", arm="sum"), EventTime(event="t_gen", arm="sum")),
        decides="differences-and-quotients-agree",
    ),
    Figure(
        title="How far does held-out accuracy come within the budget?",
        arms=tuple(ARMS),
        quantities=(Extreme(series="test_acc", which="max", arm="sum"), Extreme(series="train_acc", which="max", arm="sum")),
    ),
    Figure(title="What do the curves look like?", arms=("difference", "mixed", "cubic_y", "group"), series=("train_acc", "test_acc")),
)
SOURCES = (POWER,)

STUDY = Study(
    name="twelve",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=20),
    profiles={
        "quick": Profile(
            seeds=6,
            pilot=True,
            assign={
                **PILOT,
                **{f"arms.{name}.task.p": 23 for name in (*OPERATIONS, "product")},
                "arms.sum_below.task.p": 22,
                "training.steps": 100,
            },
        ),
        "hour": Profile(),
        "full": Profile(
            seeds=20,
            assign={
                **{f"arms.{name}.task.p": 97 for name in (*OPERATIONS, "product")},
                "arms.sum_below.task.p": 96,
                **{f"arms.{name}.task.group": "S5" for name in GROUPS},
                "model.d_model": 128,
                "model.d_mlp": 512,
                "training.optimiser.lr": 1e-3,
                "training.steps": 100_000,
                "split.frac_train": 0.5,
            },
        ),
    },
)
