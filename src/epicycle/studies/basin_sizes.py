"""Basin sizes: does the size of a basin decide in which one a network ends?

R152 says that it does not. *divided* has so few data that about half of the flies generalise within the budget. From memorising,
each of them is led to two ends: to memory by taking weight decay away, and to the rule by showing it more rows. How wide the loss
on its own rows is around the two ends is the ratio of the sizes of two basins, and so is the ratio of their local learning
coefficients. What is judged is how well it tells the flies that generalise from the others: the area under the ROC curve, 0.5 for a
coin. Beside it stand the width of the loss around the fly itself before the onset, and the strength of the general algorithm.

Landscapes cost much, so they are measured at steps 0, 4, 40 and 400, and at the two ends by forks of a single step. Settings were
chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.circuits.strength import GenLogit
from epicycle.claims.differences import Difference
from epicycle.claims.separation import Separation
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.shares import Share
from epicycle.edits.knobs import Change, Set
from epicycle.literature.texts import BASINS, LAU
from epicycle.measures.basin import LocalLearningCoefficient
from epicycle.measures.perturbations import PerturbationRadius
from epicycle.spec.arms import Arm, ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import predictions
from epicycle.studies.organisms import FLY

QUESTION = "Does the size of a basin decide in which one a network ends?"

# Of twelve pilot flies six generalise within 2,000 steps with this share, all within 1,600 with 0.52, and none within 3,000 with 0.44.
FEW_DATA, UNTIL, SEEDS = 0.48, 2000, 64
SHOWN, LED = 0.8, 800  # a share, and the steps to an end
EARLY = "0.4*end"


def _rows(frac_train: float) -> Change:
    """Smaller shares of a seed lie in larger ones."""
    return Change(field="split", to=Split(frac_train=frac_train).model_dump(mode="json"))


_DIVIDED = FLY.swept("split.frac_train", FEW_DATA).swept("training.stop", None).swept("training.steps", UNTIL)
ARMS: dict[str, Arm] = {
    "divided": RootArm(experiment=_DIVIDED, seeds=SEEDS),
    # From memorising to memory and to the rule; there each fly sees its own rows again.
    "to_memory": ForkArm(fork="divided", at="t_mem", edits=(Set(knob="weight_decay", to=0.0),), steps=LED),
    "to_rule": ForkArm(fork="divided", at="t_mem", edits=(_rows(SHOWN),), steps=LED),
    "at_memory": ForkArm(fork="to_memory", at=LED, steps=1),
    "at_rule": ForkArm(fork="to_rule", at=LED, edits=(_rows(FEW_DATA),), steps=1),
}

few: Any = {"per_decade": 1}
RADIUS, COEFFICIENT = PerturbationRadius(**few), LocalLearningCoefficient(reading="signed", **few)
MEASURES = (GenLogit(), RADIUS, COEFFICIENT)


def _at(arm: str, series: str, at: str = "start", logs: bool = False) -> ValueAt:
    return ValueAt(series=series, at=at, arm=arm, log=logs)


def _separation(of: ValueAt, less: ValueAt | None = None) -> Separation:
    return Separation(of=of, less=less, event="t_gen", within="divided")


def _ratio_of_sizes(series: str) -> Separation:
    """The end at the rule less the end at memory."""
    return _separation(_at("at_rule", series, logs=True), _at("at_memory", series, logs=True))


LIKE_A_COIN = {"supported_if": Region(above=0.3, below=0.7), "refuted_if": Region(above=0.8, below=0.2)}
claim: Any = partial(Claim, phenomenon="basin-size", sources=(BASINS.key,))
exploratory: Any = partial(claim, primary=False)
CLAIMS = (
    claim(
        id="the-size-of-a-basin-does-not-decide",
        says="How wide the loss is at the end with the rule, against the end with memory, does not tell which flies generalise.",
        statistic=_ratio_of_sizes("radius_at_0.1"),
        **LIKE_A_COIN,
        phenomenon="basin-size",
        gates=(
            Gate(statistic=_at("at_rule", "test_acc"), region=Region(above=0.95)),
            Gate(statistic=_at("at_memory", "test_acc"), region=Region(below=0.5)),
            Gate(statistic=Share(event="t_gen", arm="divided"), region=Region(above=0.15, below=0.85)),
        ),
        accounts=predictions("R152: relative size predicts wrong things", superposition="yes"),
        sources=("basins",),
    ),
    exploratory(
        id="the-two-basins-differ",
        says="The basin at the end with the rule is more than 1.2 times as wide as that at the end with memory.",
        statistic=Difference(of=_at("at_rule", RADIUS.name, logs=True), against=_at("at_memory", RADIUS.name, logs=True), paired=True),
        supported_if=Region(above=log(1.2)),
        refuted_if=Region(below=0.0),
        phenomenon="basin-size",
    ),
    *(
        exploratory(
            id=f"{name}-does-not-decide",
            says=f"{words} does not tell which flies generalise.",
            statistic=statistic,
            **LIKE_A_COIN,
            phenomenon="basin-size",
            accounts=predictions("R152: relative size predicts wrong things", superposition="yes"),
            sources=("basins",),
        )
        for name, words, statistic in (
            (
                "the-coefficient-of-the-ends",
                "The ratio of the local learning coefficients of both ends",
                _ratio_of_sizes("llc_signed"),
            ),
            (
                "the-width-before-the-onset",
                "How wide the loss is around a fly before the onset",
                _separation(_at("divided", RADIUS.name, "end")),
            ),
        )
    ),
    exploratory(
        id="the-general-algorithm-decides",
        says="How strong the general algorithm is in the middle of training tells which flies generalise: the area is above 0.8.",
        statistic=_separation(_at("divided", "gen_logit", EARLY)),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.6),
        phenomenon="basin-size",
    ),
)

FIGURES = (
    Figure(
        title="How wide is the loss around the two ends to which a fly is led?",
        arms=("at_memory", "at_rule"),
        quantities=(_at("at_rule", RADIUS.name),),
        decides="the-size-of-a-basin-does-not-decide",
    ),
    Figure(
        title="Which flies generalise with few data?", arms=("divided",), series=("train_acc", "test_acc"), events=("t_mem", "t_gen")
    ),
)


STUDY = Study(
    name="basin_sizes",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(BASINS, LAU),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
