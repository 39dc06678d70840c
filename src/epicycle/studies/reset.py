"""Reset: what happens if the general algorithm is taken out of a network at a moment?

If the general algorithm grows in superposition with memory, a network that loses the algorithm must build it anew: the loss of a
strength costs the steps in which the strength grew (R162), and a cut long before accuracy rises has consequences (R159). Gen
(docs/circuits.md) is taken out of the weights in three ways, each with its null (docs/forks.md):

- *erased*: the read-out moves by the shortest way to where every component has strength 0. Null: as far in a random direction
  (*nudged*).
- *cut*: the four strongest components are projected out of the read-out, along the classes. Null: four others.
- *blinded*: they are projected out of the embedding, along the tokens. Null: four others.

A cut takes a part of memory with it, and so does its null. R149 is judged in the untouched fly: at which step would the training loss
fall if weight were moved from memory to Gen? Weight decay, which the row counts too, is left out there. Of R159, "changes the final
frequencies" is not judged, and neither is a slope over moments, which R162 names too. Settings were chosen on seeds from 1000 on
(LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.circuits.exchange import Exchange
from epicycle.circuits.strength import GenLogit, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.edits.steering import SetMeasure
from epicycle.edits.units import Project
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import BASINS, THREAD
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Edit
from epicycle.spec.observation import Observation
from epicycle.spec.selection import Selection
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE

QUESTION = (
    "Must a network that loses the general algorithm start over, though nothing of the algorithm was to be seen in its accuracy?"
)

EARLY, MEMORISED, PLATEAU, ONSET = MOMENTS = ("0.5*t_mem", "t_mem", "0.5*t_on", "t_on")
STRENGTHS = GenLogit(by_component=True)
KEY = Selection(of=STRENGTHS, top=4)
OTHERS = Selection(of=STRENGTHS, top=4, random=True)


def _forked(*edits: Edit, at: tuple[str, ...] = MOMENTS) -> ForkArm:
    return ForkArm(fork="plain", at=at[0], edits=edits, sweep={"at": at})


def _erased(random: bool) -> Edit:
    return SetMeasure(tensors=("W_U",), of=STRENGTHS, to=0.0, random=random)


def _cut(which: Selection) -> Edit:
    return Project(tensors=("W_U",), axis=1, basis="components", which=which, keep=False)


def _blinded(which: Selection) -> Edit:
    return Project(tensors=("W_E",), axis=0, basis="components", which=which, keep=False)


LATE = MOMENTS[1:]
ARMS = {
    # The control.
    "plain": RootArm(experiment=FLY, seeds=FLIES),
    # Gen alone is taken out.
    "erased": _forked(_erased(random=False)),
    "nudged": _forked(_erased(random=True)),
    # Whatever the network says through the components of Gen, or reads through them.
    "cut": _forked(_cut(KEY), at=LATE),
    "cut_others": _forked(_cut(OTHERS), at=LATE),
    "blinded": _forked(_blinded(KEY), at=(PLATEAU,)),
    "blinded_others": _forked(_blinded(OTHERS), at=(PLATEAU,)),
}


def _left(arm: str, against: str, at: str) -> LogRemainingTime:
    """The time left after the moment, compared with the null at the same moment."""
    return LogRemainingTime(event="t_gen", arm=arm, against=against, where={"at": at})


def _value(series: str, at: str, moment: str, arm: str = "erased") -> ValueAt:
    return ValueAt(series=series, at=at, arm=arm, where={"at": moment})


def _gone(arm: str, moment: str) -> Gate:
    """The cut did what it says: less than a tenth of a logit of Gen is left."""
    return Gate(statistic=_value("gen_logit", "start", moment, arm), region=Region(above=-0.1, below=0.1))


NO_MORE = {"exchange below 0": Threshold(of="exchange", level=0.0, side="below")}
SUPERPOSED = {
    **predictions("R162: a reset delays by about the time already invested", superposition="yes"),
    **inferred("section 6 of the programme: the circuit is there and grows", coverage="yes", efficiency="yes"),
    **inferred("R042, R162: nothing was built before the hit", single_hit="no", simplicity="no"),
}
exploratory = partial(Claim, primary=False, sources=("basins",))
primary: Any = partial(Claim, sources=("basins", "thread2022"))
CLAIMS = (
    primary(
        id="without-gen-the-way-is-longer",
        says="Half-way to the onset, a network that loses the general algorithm needs more than 1.15 times as long to generalise.",
        statistic=_left("erased", "nudged", PLATEAU),
        supported_if=Region(above=log(1.15)),
        refuted_if=Region(below=log(1.05)),
        phenomenon="resetting-gen",
        gates=(_gone("erased", PLATEAU),),
        accounts=SUPERPOSED,
    ),
    primary(
        id="at-the-onset-most-of-the-way-is-lost",
        says="At the onset, a network that loses the general algorithm needs more than 1.3 times as long to generalise.",
        statistic=_left("erased", "nudged", ONSET),
        supported_if=Region(above=log(1.3)),
        refuted_if=Region(below=log(1.1)),
        phenomenon="resetting-gen",
        gates=(_gone("erased", ONSET),),
        accounts=SUPERPOSED,
    ),
    primary(
        id="other-components-do-not-matter",
        says="Half-way to the onset, losing what is said through the components of the general algorithm costs more than 1.35 times "
        "the time that losing as many other components costs.",
        statistic=_left("cut", "cut_others", PLATEAU),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="resetting-gen",
        accounts=SUPERPOSED,
    ),
    exploratory(
        id="it-starts-over-on-the-plateau",
        says="A network that loses the general algorithm half-way to the onset needs at least 0.85 of the time that a fresh one "
        "needs.",
        statistic=Difference(
            of=EventTime(event="t_gen", unit="log", arm="erased", where={"at": PLATEAU}),
            against=EventTime(event="t_gen", unit="log", arm="plain"),
            paired=True,
        ),
        supported_if=Region(above=log(0.85)),
        refuted_if=Region(below=log(0.75)),
        phenomenon="resetting-gen",
        gates=(_gone("erased", PLATEAU),),
        accounts=predictions("R162: the delay is the time invested", superposition="yes"),
    ),
    exploratory(
        id="it-starts-over-at-the-onset",
        says="A network that loses the general algorithm at the onset needs at least 0.85 of the time that a fresh one needs.",
        statistic=Difference(
            of=EventTime(event="t_gen", unit="log", arm="erased", where={"at": ONSET}),
            against=EventTime(event="t_gen", unit="log", arm="plain"),
            paired=True,
        ),
        supported_if=Region(above=log(0.85)),
        refuted_if=Region(below=log(0.7)),
        phenomenon="resetting-gen",
        gates=(_gone("erased", ONSET),),
        accounts=predictions("R162: the delay is the time invested", superposition="yes"),
    ),
    *(
        exploratory(
            id=f"a-loss-{when}-costs-a-third",
            says=f"A network that loses the general algorithm {words} needs more than 1.35 times as long to generalise.",
            statistic=_left("erased", "nudged", at),
            supported_if=Region(above=0.3),
            refuted_if=Region(below=0.1),
            phenomenon="resetting-gen",
            accounts={
                **predictions("R159: an early knock-out delays", superposition="yes"),
                **predictions("R042, R142: nothing is there to be knocked out", single_hit="no"),
            },
        )
        for when, words, at in (
            ("early", "before its rows are memorised", EARLY),
            ("at-memorising", "just after memorising", MEMORISED),
        )
    ),
    exploratory(
        id="what-is-said-at-memorising-matters",
        says="Just after memorising, losing the components of the general algorithm costs more than 1.35 times the time that losing "
        "as many others costs.",
        statistic=_left("cut", "cut_others", MEMORISED),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="resetting-gen",
        accounts=predictions("R159: an early knock-out delays", superposition="yes"),
    ),
    exploratory(
        id="what-is-read-matters",
        says="Half-way to the onset, an embedding that loses the components of the general algorithm costs more than 1.35 times the "
        "time of one that loses as many others.",
        statistic=_left("blinded", "blinded_others", PLATEAU),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="resetting-gen",
        accounts=predictions("R162", superposition="yes"),
    ),
    exploratory(
        id="the-rows-lean-on-gen",
        says="Half-way to the onset, a network that loses the general algorithm gets less than 0.9 of its trained rows right.",
        statistic=_value("train_acc", "start", PLATEAU),
        supported_if=Region(below=0.9),
        refuted_if=Region(above=0.99),
        phenomenon="resetting-gen",
        accounts=inferred("R143: memory is complete by itself", superposition="no"),
    ),
    exploratory(
        id="the-trade-turns-at-the-onset",
        says="The training loss begins to gain from more general algorithm and less memory at 0.9 to 1.1 of the onset.",
        statistic=EventRatio(event="exchange", over="t_on", arm="plain", detectors=NO_MORE),
        supported_if=Region(above=0.9, below=1.1),
        refuted_if=Region(above=1.1, below=0.9),
        phenomenon="trade",
        accounts=predictions("R149: grokking is when the switch no longer hurts", superposition="yes"),
    ),
    exploratory(
        id="the-trade-hurts-at-memorising",
        says="When a network has just memorised its rows, more general algorithm and less memory would raise its training loss.",
        statistic=ValueAt(series="exchange", at="t_mem", arm="plain"),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=0.0),
        phenomenon="trade",
        accounts=predictions("R149", superposition="yes"),
    ),
)

FIGURES = (
    Figure(
        title="How much longer does generalising take if Gen is taken out at a moment, and if something else is?",
        arms=("erased", "nudged", "cut", "cut_others", "blinded", "blinded_others"),
        quantities=(LogRemainingTime(event="t_gen", arm="erased", against="plain"),),
        along="at",
        decides="without-gen-the-way-is-longer",
    ),
    Figure(
        title="How does Gen come back after it was erased?",
        arms=("plain", "erased", "nudged"),
        series=("gen_logit",),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="What does the loss of Gen do to the trained rows?",
        arms=("erased", "nudged", "cut", "cut_others"),
        quantities=(_value("train_acc", "start", PLATEAU),),
        along="at",
    ),
    Figure(
        title="Would the training loss fall if weight were moved from memory to Gen?",
        arms=("plain",),
        series=("exchange",),
        events=("t_mem", "t_on", "t_gen"),
    ),
)

STUDY = Study(
    name="reset",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(BASINS, THREAD),
    observation=Observation(measures=(*Observation().measures, GenLogit(), MemLogit(), Exchange()), checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign=ON_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
