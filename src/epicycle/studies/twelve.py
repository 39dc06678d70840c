"""The twelve operations of Power et al. side by side, nine on residues and three in a permutation group, and an isomorphic pair.

The same kind of network is trained on 80 % of the pairs of each operation. The group is S4 (24 elements). Products of residues other
than 0 are sums modulo p - 1 under a discrete logarithm. A test of this library shows that two such runs are the same. This study asks
whether the whole multiplication table, with its row and column of zeros, takes as long as those sums.
"""

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.shares import Share
from epicycle.literature.texts import POWER
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import inferred
from epicycle.studies.settings import PILOT, PRE_NORM, SEEDS, training
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

QUESTION = "Which of the twelve operations of Power et al. does a small network generalise, and how long after it memorises?"
P = 47
STEPS = 3000


def _arm(task: Task) -> RootArm:
    return RootArm(
        experiment=Experiment(task=task, split=Split(frac_train=0.8), model=PRE_NORM, training=training(STEPS)), seeds=SEEDS
    )


# Name of an arm -> an operation on residues, and a product in a group.
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
    # The twelve operations.
    **{name: _arm(Modular(p=P, operation=operation)) for name, operation in OPERATIONS.items()},
    **{name: _arm(Composition(group="S4", variant=variant)) for name, variant in GROUPS.items()},
    # The isomorphic pair: products modulo p (zeros included) and sums modulo p - 1.
    "product": _arm(Modular(p=P, operation="x*y")),
    "sum_below": _arm(Modular(p=P - 1, operation="x+y")),
}


def _exploratory(claim_id: str, says: str, statistic: object, supported: Region, refuted: Region) -> Claim:
    return Claim.model_validate(
        {
            "id": claim_id,
            "says": says,
            "statistic": statistic,
            "supported_if": supported,
            "refuted_if": refuted,
            "primary": False,
            "phenomenon": "operations",
            "sources": ("power2022",),
        }
    )


def _log_t_gen(arm: str) -> EventTime:
    return EventTime(event="t_gen", unit="log", arm=arm)


CLAIMS = (
    Claim(
        id="the-ninth-never-generalises",
        says="On x^3 + xy^2 + y a network never gets above chance.",
        statistic=Extreme(series="test_acc", which="max", above_baseline=True, arm="cubic_y"),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        phenomenon="operations",
        sources=("power2022",),
    ),
    Claim(
        id="little-delay-for-sums-at-four-fifths",
        says="With this much data, sums generalise less than twice as late as they are memorised.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="sum"),
        supported_if=Region(below=2.0),
        refuted_if=Region(above=10.0),
        phenomenon="data",
        accounts=inferred("R134: no delay if every example is trained on", efficiency="yes"),
        sources=("power2022",),
    ),
    Claim(
        id="differences-and-quotients-agree",
        says="Quotients take about as long as differences.",
        statistic=Difference(of=_log_t_gen("quotient"), against=_log_t_gen("difference")),
        supported_if=Region(above=-0.4, below=0.4),
        refuted_if=Region(above=0.4),
        phenomenon="operations",
        sources=("power2022",),
    ),
    _exploratory(
        "products-take-as-long-as-the-sums-below",
        "Products take about as long as the sums to which they are isomorphic.",
        Difference(of=_log_t_gen("product"), against=_log_t_gen("sum_below")),
        Region(above=-0.4, below=0.4),
        Region(above=0.4),
    ),
    _exploratory(
        "a-symmetric-form-is-easier-than-its-mate",
        "A form that is symmetric in x and y is learned sooner than its mate that is not.",
        Difference(of=_log_t_gen("quadratic"), against=_log_t_gen("quadratic_x")),
        Region(below=0.0),
        Region(above=0.0),
    ),
    _exploratory(
        "sums-before-differences",
        "Sums are learned sooner than differences.",
        Difference(of=_log_t_gen("sum"), against=_log_t_gen("difference")),
        Region(below=0.0),
        Region(above=0.0),
    ),
    *(
        _exploratory(
            f"generalises-{name.replace('_', '-')}",
            f"Most networks learn the operation '{name.replace('_', ' ')}'.",
            Share(event="t_gen", arm=name),
            Region(above=0.5),
            Region(below=0.5),
        )
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
        title="What is the largest held-out accuracy within the budget?",
        arms=tuple(ARMS),
        quantities=(Extreme(series="test_acc", which="max", arm="sum"), Extreme(series="train_acc", which="max", arm="sum")),
    ),
    Figure(
        title="What do the accuracy curves of four operations look like?",
        arms=("difference", "mixed", "cubic_y", "group"),
        series=("train_acc", "test_acc"),
    ),
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
    },
)
