"""Efficiency: does a network that has found the rule give more logit for the same weight norm than memory, and by which law?

All weights together are held at a multiple of their initial norm, so networks are compared at the same norm. There is no weight decay.
A network that learns random labels stands for memory alone: its task has the same inputs and as many classes. One pair of arms varies
the norm at one share of data, the other varies the share of data at one norm. Norms, shares and budgets were chosen on seeds from 1000
on (LOG.md, 2026-11-26). What falls while accuracy rises (R170) is judged in study `anatomy`.
"""

from functools import partial
from math import log

from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.slopes import Bend, Slope
from epicycle.claims.transitions import Transition
from epicycle.literature.texts import LIU, VARMA
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY, ON_MOUSE, fly
from epicycle.tasks.derived import RandomLabels

QUESTION = "At the same weight norm, is a network that has found the rule more certain of its data than one that has memorised?"

RULE = FLY.task
LABELS = RandomLabels(of=RULE)
# In units of the initial norm. A fly that is left alone goes to 2.8. With the smallest of these norms every network is right on nearly
# all of its data. Above the largest one the loss becomes so small that training stands still before the margin is at its largest.
NORMS = (2.0, 2.2, 2.4, 2.6, 2.8)
NORM = 2.5
SHARES = (0.3, 0.4, 0.5, 0.6, 0.8)
LITTLE, HALF, MUCH = SHARES[0], SHARES[2], SHARES[-1]


def _held(task: Task, path: str, values: tuple[float, ...]) -> RootArm:
    """Flies without decay whose norm is held, with much data unless that is swept. Claims are about the end of the budget."""
    experiment = fly(task, frac_train=MUCH).swept("training.stop", None).swept("training.steps", 2000)
    experiment = experiment.swept("training.optimiser.weight_decay", 0.0).swept("training.norm_share", NORM)
    return RootArm(experiment=experiment, seeds=FLIES, sweep={path: values})


ARMS = {
    # How certain is each network at each norm?
    "rule_norms": _held(RULE, "training.norm_share", NORMS),
    "labels_norms": _held(LABELS, "training.norm_share", NORMS),
    # How certain is each network with each share of the data?
    "rule_data": _held(RULE, "split.frac_train", SHARES),
    "labels_data": _held(LABELS, "split.frac_train", SHARES),
}


def _certainty(arm: str, **where: float) -> ValueAt:
    """The logarithm of the mean margin on trained rows at the end: by how much the right logit leads."""
    return ValueAt(series="train_margin", at="end", arm=arm, where=dict(where), log=True)


def _against_labels(share: float) -> Difference:
    """How many times the margin of random labels the margin of the rule is, with a share of the data."""
    return Difference(of=_certainty("rule_data", frac_train=share), against=_certainty("labels_data", frac_train=share), paired=True)


def _at_the_end(series: str, arm: str, above: float) -> Gate:
    """A gate: with much data, the median of a series at the end is above a value."""
    return Gate(statistic=ValueAt(series=series, at="end", arm=arm, where={"frac_train": MUCH}), region=Region(above=above))


# The norm at which the margin of the rule is 3, over the norm at which that of random labels is 3.
MARGIN = ValueAt(series="train_margin", at="end", arm="rule_norms")
NORM_RATIO = Transition(
    of=MARGIN, along="norm_share", level=3.0, what="log_ratio", over=MARGIN.model_copy(update={"arm": "labels_norms"})
)


def _bend(arm: str, words: str, says: str) -> Claim:
    """A claim against a power law. Four weights times x give logits times x^4; a tenth of 4 is claimed as the bend."""
    locator = "R125: logits obey a power law in the norm"
    accounts = {
        "power-law": Prediction(says="no", locator=locator),
        **postdictions("R125: falsified by nearly everything", efficiency="yes"),
    }
    return Claim(
        id=f"{words}-follows-no-power-law",
        says=says,
        statistic=Bend(of=_certainty(arm), along="norm_share", log=True),
        supported_if=Region(above=0.4, below=-0.4),
        refuted_if=Region(above=-0.4, below=0.4),
        primary=False,
        phenomenon="power-law",
        accounts=accounts,
        sources=("varma2023",),
    )


exploratory = partial(Claim, primary=False)
CLAIMS = (
    Claim(
        id="the-rule-is-more-certain-at-the-same-norm",
        says="At the same weight norm, a network that has found the rule is more certain of its data than one that has memorised.",
        statistic=_against_labels(MUCH),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=0.0),
        phenomenon="efficiency",
        gates=(_at_the_end("test_acc", "rule_data", 0.95), _at_the_end("train_acc", "labels_data", 0.99)),
        accounts=predictions("R109; section 3", efficiency="yes"),
        sources=("varma2023",),
    ),
    Claim(
        id="memory-is-less-certain-with-more-data",
        says="The more data it memorises at the same norm, the less certain a network is.",
        statistic=Slope(of=_certainty("labels_data"), along="frac_train", log=True),
        supported_if=Region(below=-0.25),
        refuted_if=Region(above=0.0),
        phenomenon="efficiency",
        accounts=predictions("section 3: memory needs more norm for more data", efficiency="yes"),
        sources=("varma2023",),
    ),
    Claim(
        id="the-rule-is-as-certain-with-more-data",
        says="A network that has found the rule is about as certain with 0.8 of the data as with 0.5.",
        statistic=Difference(
            of=_certainty("rule_data", frac_train=MUCH), against=_certainty("rule_data", frac_train=HALF), paired=True
        ),
        supported_if=Region(above=-log(1.1), below=log(1.1)),
        refuted_if=Region(above=log(1.1), below=-log(1.1)),
        phenomenon="efficiency",
        gates=(_at_the_end("test_acc", "rule_data", 0.95),),
        accounts=predictions("section 3: the rule needs no more norm for more data", efficiency="yes"),
        sources=("varma2023",),
    ),
    exploratory(
        id="with-little-data-the-rule-is-no-more-certain",
        says="With 0.3 of the data a network on the rule is no more certain than one on random labels.",
        statistic=_against_labels(LITTLE),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=log(1.1)),
        phenomenon="efficiency",
        accounts=predictions("section 3: below the critical size memory is the more efficient one", efficiency="yes"),
        sources=("varma2023",),
    ),
    exploratory(
        id="the-rule-needs-a-smaller-norm",
        says="To lead by the same margin, the rule needs a weight norm that is more than 5 % smaller.",
        statistic=NORM_RATIO,
        supported_if=Region(below=log(0.95)),
        refuted_if=Region(above=0.0),
        phenomenon="norm",
        accounts={**predictions("R197", norm="yes"), **inferred("section 3", efficiency="yes")},
        sources=("liu2022omnigrok",),
    ),
    exploratory(
        id="the-rule-needs-a-much-smaller-norm",
        says="To lead by the same margin, the rule needs less than 0.7 of the weight norm that memory needs.",
        statistic=NORM_RATIO,
        supported_if=Region(below=log(0.7)),
        refuted_if=Region(above=log(0.7)),
        phenomenon="norm",
        accounts=predictions("R197: much smaller norm", norm="yes"),
        sources=("liu2022omnigrok",),
    ),
    _bend("labels_norms", "memory", "The certainty of memory grows with the norm by another law than a power law."),
    _bend("rule_norms", "the-rule", "The certainty of the rule grows with the norm by another law than a power law."),
)

FIGURES = (
    Figure(
        title="How certain is a network of its data at the same norm, with each share of the data?",
        arms=("rule_data", "labels_data"),
        quantities=(_certainty("rule_data"),),
        along="frac_train",
        decides="the-rule-is-more-certain-at-the-same-norm",
    ),
    Figure(
        title="How certain is a network of its data at each norm?",
        arms=("rule_norms", "labels_norms"),
        quantities=(_certainty("rule_norms"),),
        along="norm_share",
    ),
    Figure(
        title="How many held-out rows are right in the end, with each share of the data?",
        arms=("rule_data", "labels_data"),
        quantities=(ValueAt(series="test_acc", at="end", arm="rule_data"),),
        along="frac_train",
    ),
)
SOURCES = (VARMA, LIU)

# The mouse is held at one norm only, with two shares of the data. A mouse that is left alone goes to 1.2 of its initial norm.
SEEDS_OF_MICE = 12
ON_A_MOUSE = ON_MOUSE | {
    "training.steps": 1500,
    "split.frac_train": MUCH,
    "training.norm_share": 1.0,
    **{f"arms.{name}.sweep": {"split.frac_train": (HALF, MUCH)} for name in ("rule_data", "labels_data")},
    "claims": [claim.model_dump(mode="json") for claim in CLAIMS if claim.primary],
}

STUDY = Study(
    name="efficiency",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(per_decade=20, checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=SEEDS_OF_MICE, arms=("rule_data", "labels_data"), assign=ON_A_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True, assign={"training.steps": 1000})},
)
