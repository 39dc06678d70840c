"""Gen in forks: what do decay, a higher learning rate, a held norm and a shrink do to the general algorithm, and what to memory?

Earlier studies asked these questions of accuracy and of norms alone; here Gen and Mem are measured apart (docs/circuits.md). The study
judges R077, R124, R126, R130, and R030 after a shrink on the plateau. R030 is half tested: whether the general algorithm comes back
sooner, not whether twice as fast. R094 asks how often Gen jumps; in study `two_at_once` Gen rises without jumps, so none can be
counted. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any, Literal

from epicycle.circuits.ablated_loss import Restricted
from epicycle.circuits.strength import GenLogit, GenPart, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.slopes import Slope
from epicycle.edits.knobs import Scale, Set
from epicycle.edits.parameters import ScaleWeights
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import THREAD, VARMA
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, P
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.modular import Modular

QUESTION = "What do decay, a higher rate, a held norm and a shrink do to the general algorithm, and what do they do to memory?"

PLATEAU = "0.5*t_on"
RATES, SHRINKS, DECAYS, NORM = (5, 15, 30), (0.9, 0.7), (0.5, 1.0, 2.0), 2.0


def _from_plateau(*edits: Any, steps: int, **sweep: Any) -> ForkArm:
    return ForkArm(fork="plain", at=PLATEAU, edits=edits, sweep=sweep, steps=steps)


ARMS = {
    # Nothing ends a run or its forks before their budgets, so that a share of the end is the same step in all of them.
    "plain": RootArm(experiment=FLY.swept("training.stop", None).swept("training.steps", 2000), seeds=FLIES),
    # Nothing is changed: what the forks from the plateau are compared with.
    "untouched": _from_plateau(steps=300),
    # All weights shrink (R030).
    "shrunk": ForkArm(
        fork="plain", at=PLATEAU, edits=(ScaleWeights(tensors=("*",), by=0.9),), sweep={"edits.0.by": SHRINKS}, steps=100
    ),
    # The learning rate is raised (R077).
    "raised": ForkArm(fork="plain", at=PLATEAU, edits=(Scale(knob="lr", by=15),), sweep={"edits.0.by": RATES}, steps=300),
    # The norm of all weights is held at twice the initial one (R130).
    "held": ForkArm(fork="plain", at=0, edits=(Set(knob="norm_share", to=NORM),), steps=2000),
    # Weight decay differs (R124).
    "decays": RootArm(experiment=FLY, seeds=FLIES, sweep={"training.optimiser.weight_decay": DECAYS}),
    # Labels without a rule (R126).
    "labels": RootArm(
        experiment=FLY.swept("task", RandomLabels(of=Modular(p=P, operation="x-y")).model_dump(mode="json"))
        .swept("training.stop", None)
        .swept("training.steps", 600),
        seeds=FLIES,
    ),
}
GEN_ALONE = Restricted(quantity="acc", fit="held_out", rows="test", components="all")
MEASURES = (GenLogit(), MemLogit(), GenPart(), GEN_ALONE)
FORMED = {"gen_formed": Threshold(of=GEN_ALONE.name, level=0.8)}


def _at(series: str, at: str, arm: str, log: bool = True, **where: Any) -> ValueAt:
    return ValueAt(series=series, at=at, arm=arm, where=where, log=log)


def _compared(series: str, arm: str, **where: Any) -> Difference:
    """A series soon after the change, in comparison with an untouched fork of the same seed at the same step."""
    moment, other = ("0.2*end", "0.0666*end") if arm == "shrunk" else ("0.1*end", "0.1*end")
    return Difference(of=_at(series, moment, arm, **where), against=_at(series, other, "untouched"), paired=True)


def _formed(event: str = "gen_formed", unit: Literal["log", "steps"] = "log") -> EventTime:
    return EventTime(event=event, detectors=FORMED if event == "gen_formed" else {}, unit=unit, arm="decays")


SAME_NORM = Gate(
    statistic=Difference(of=_at("total_norm", "5*t_mem", "plain"), against=_at("total_norm", "5*t_mem", "labels"), paired=True),
    region=Region(above=log(0.9), below=log(1.1)),
)
exploratory = partial(Claim, primary=False, sources=("thread2022",))
CLAIMS = (
    Claim(
        id="decay-brings-the-general-algorithm-sooner",
        says="Ten times the weight decay forms the general algorithm more than 2 times sooner.",
        statistic=Slope(of=_formed(), along="weight_decay", log=True),
        supported_if=Region(below=-log(2) / log(10)),
        refuted_if=Region(above=-log(1.2) / log(10)),
        phenomenon="decay",
        accounts={
            **inferred("R124: decay acts on removing memory, not on forming the rule", coverage="no"),
            **inferred("section 3: without decay nothing favours the general circuit", efficiency="yes"),
        },
        sources=("varma2023",),
    ),
    Claim(
        id="a-held-norm-keeps-memory-small",
        says="Under a held small norm memory is never half as strong as in an untouched network at its strongest.",
        statistic=Difference(of=_at("mem_logit", "max", "held"), against=_at("mem_logit", "max", "plain"), paired=True),
        supported_if=Region(below=log(0.5)),
        refuted_if=Region(above=log(0.8)),
        phenomenon="norm",
        accounts=predictions("R130: the constraint blocks strong memory", efficiency="yes"),
        sources=("varma2023",),
    ),
    Claim(
        id="a-raised-rate-takes-more-from-memory",
        says="Right after the rate is raised 15 times on the plateau, Gen's part of the right logit is more than 1.2 times higher.",
        statistic=_compared("gen_part", "raised", by=15),
        supported_if=Region(above=log(1.2)),
        refuted_if=Region(below=0.0),
        phenomenon="after-a-boost",
        accounts={
            **predictions("R077: shallow circuits go, general ones stay", coverage="yes"),
            **inferred("R077: it is just instability", largest_rate="no"),
        },
        sources=("thread2022",),
    ),
    exploratory(
        id="generalising-follows-the-general-algorithm",
        says="Ten times the weight decay makes a network generalise more than 2 times sooner.",
        statistic=Slope(of=_formed("t_gen"), along="weight_decay", log=True),
        supported_if=Region(below=-log(2) / log(10)),
        refuted_if=Region(above=-log(1.2) / log(10)),
        phenomenon="decay",
        accounts=predictions("R030: decay speeds up generalisation", coverage="yes", efficiency="yes"),
    ),
    exploratory(
        id="a-held-norm-keeps-gen-as-small",
        says="A held small norm holds Gen down as well: at the onset Gen's part is less than 1.35 times that of an untouched network.",
        statistic=Difference(of=_at("gen_part", "t_on", "held"), against=_at("gen_part", "t_on", "plain"), paired=True),
        supported_if=Region(below=log(1.35)),  # memory half as strong beside the same Gen would make that factor of it
        refuted_if=Region(above=log(1.35)),
        phenomenon="norm",
        accounts=predictions("R130: memory is blocked, the rule is not", efficiency="no"),
    ),
    exploratory(
        id="a-raised-rate-keeps-gen",
        says="Soon after the rate is raised 15 times, Gen is less than 20 % weaker than in an untouched network.",
        statistic=_compared("gen_logit", "raised", by=15),
        supported_if=Region(above=log(0.8)),
        refuted_if=Region(below=log(0.5)),
        phenomenon="after-a-boost",
        accounts=predictions("R077: general circuits stay", coverage="yes"),
    ),
    exploratory(
        id="after-a-raise-trained-and-held-out-rows-are-alike",
        says="Right after the rate is raised 15 times, training accuracy is less than 5 points above test accuracy.",
        statistic=ValueAt(series="train_acc", beside="test_acc", at="0.1*end", arm="raised", where={"by": 15}),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        phenomenon="after-a-boost",
        accounts=predictions("R077: training accuracy falls to the level of test accuracy", coverage="yes"),
    ),
    *(
        exploratory(
            id=f"after-a-shrink-to-{by:g}-gen-comes-back-first".replace(".", "-"),
            says=f"When all weights shrink to {by:g} on the plateau, Gen comes back first: its part of the right logit rises.",
            statistic=_compared("gen_part", "shrunk", by=by),
            supported_if=Region(above=log(1.02)),
            refuted_if=Region(below=0.0),
            phenomenon="decay",
            accounts={
                **predictions("R030: shallow circuits are degraded more", coverage="yes"),
                **inferred("R030, section 6 of the programme", efficiency="yes"),
            },
        )
        for by in SHRINKS
    ),
    exploratory(
        id="memory-is-that-of-random-labels",
        says="On the plateau memory is as strong as in a network on random labels of the same norm, within 10 %.",
        statistic=Difference(of=_at("mem_logit", "5*t_mem", "plain"), against=_at("mem_logit", "5*t_mem", "labels"), paired=True),
        gates=(SAME_NORM,),
        supported_if=Region(above=log(0.9), below=log(1.1)),
        refuted_if=Region(below=log(0.9), above=log(1.1)),
        phenomenon="efficiency",
        accounts=inferred("Figure 3: random labels stand for memory", efficiency="yes"),
        sources=("varma2023",),
    ),
)

EVENTS = ("t_mem", "t_on", "t_gen")
FIGURES = (
    Figure(
        title="When is the general algorithm formed, and when does the network generalise, at each decay?",
        arms=("decays",),
        quantities=(_formed(unit="steps"), _formed("t_gen", "steps")),
        along="weight_decay",
        decides="decay-brings-the-general-algorithm-sooner",
    ),
    Figure(
        title="How strong are Gen and Mem in a free network, under a held norm, and where there is no rule?",
        arms=("plain", "held", "labels"),
        series=("gen_logit", "mem_logit"),
        events=EVENTS,
    ),
    Figure(
        title="What becomes of Gen and Mem when the rate is raised or all weights shrink?",
        arms=("untouched", "raised", "shrunk"),
        series=("gen_logit", "mem_logit"),
    ),
    Figure(
        title="And what becomes of accuracy?",
        arms=("untouched", "raised", "shrunk", "held"),
        series=("train_acc", "test_acc"),
    ),
)

STUDY = Study(
    name="gen_in_forks",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, VARMA),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
