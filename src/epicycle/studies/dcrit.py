"""The critical data size: what happens to a network that has generalised when some of its training rows are removed?

Budgets of forks are counted in units of 1 / (lr * decay), the number of steps in which decay alone divides a weight by e. Claims
about an accuracy at the end have gates that ask whether it has settled. Accuracy is recorded for removed rows and for rows that were
never trained on, each by itself. Shares, decays and budgets were chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.claims.slopes import Slope
from epicycle.claims.transitions import Transition
from epicycle.edits.data import Remove, Replace
from epicycle.edits.knobs import Set
from epicycle.events.detectors import BelowIgnorance, Threshold
from epicycle.literature.texts import THREAD, VARMA
from epicycle.measures.fit import Accuracy
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import RemovedSplit
from epicycle.studies.account_answers import inferred, postdictions
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE

QUESTION = "How little data is enough to keep what was learned, and does that amount depend on weight decay?"
# One unit is 100 steps: 1 / (1e-2 * 1). On pilot seeds twice the steps change no median by more than 0.02.
STEPS = 1000
AT = "1.2*t_gen"
# Removed from the training rows, which are 60 % of the pairs. From 48 to 6 % of the pairs are left.
SHARES = (0.2, 0.35, 0.5, 0.65, 0.9)
LOW, HIGH = 0.1, 3.2  # one and a half decades of weight decay
RATE = 3e-2


def _removed(shares: tuple[float, ...], steps: int, *edits: Any) -> ForkArm:
    return ForkArm(fork="general", at=AT, edits=(Remove(share=shares[0]), *edits), sweep={"edits.0.share": shares}, steps=steps)


# From scratch on 39 to 33 % of all pairs, where flies cease to generalise. At the high rate their accuracies settle within the budget.
NEAR = (0.35, 0.4, 0.45)
SCRATCH = (
    FLY.swept("split", RemovedSplit(of=FLY.split, share=NEAR[0]).model_dump(mode="json"))
    .swept("training.optimiser.lr", RATE)
    .swept("training.steps", 6000)
    .swept("training.stop", None)
)
ARMS: dict[str, RootArm | ForkArm] = {
    # Networks that generalise. All forks leave them at 1.2 t_gen.
    "general": RootArm(experiment=FLY, seeds=FLIES),
    # A share of the training rows is removed.
    "removed": _removed(SHARES, STEPS),
    # The same at a low and at a high decay. A low decay needs more time; a high one forgets at 20 % already.
    "low_decay": _removed((0.35, 0.5, 0.65), 6 * STEPS, Set(knob="weight_decay", to=LOW)),
    "high_decay": _removed((0.2, 0.35, 0.5, 0.65), STEPS, Set(knob="weight_decay", to=HIGH)),
    # The same at three times the learning rate: is it decay that acts, or its product with the rate?
    "high_rate": _removed((0.35, 0.5, 0.65), STEPS, Set(knob="lr", to=RATE)),
    # As many rows are replaced by new ones: is forgetting due to too few rows, or to other rows?
    "replaced": ForkArm(fork="general", at=AT, edits=(Replace(share=0.35),), sweep={"edits.0.share": (0.35, 0.65)}, steps=STEPS),
    # Networks trained from the start on as few rows, at the high rate: do they need more rows to learn than to keep what they learned?
    "scratch": RootArm(experiment=SCRATCH, seeds=FLIES, sweep={"split.share": NEAR}),
    # All rows at several weight decays: does decay decide when a network generalises?
    "decays": RootArm(
        experiment=FLY.swept("training.steps", 10_000),
        seeds=FLIES,
        sweep={"training.optimiser.weight_decay": (LOW, 0.3, 1.0, HIGH)},
    ),
}


def _at_end(arm: str, series: str = "test_acc", **where: float) -> ValueAt:
    return ValueAt(series=series, at="end", arm=arm, where=where)


def _above_chance(arm: str, **where: float) -> ValueAt:
    return ValueAt(series="test_acc", at="end", minus="baseline", arm=arm, where=where)


def _settled(arm: str, **where: float) -> Gate:
    """Accuracy changes by less than 0.1 in the last fifth of the budget."""
    return Gate(statistic=SeriesChange(series="test_acc", since="0.8*end", arm=arm, where=where), region=Region(above=-0.1, below=0.1))


def _all_settled(*arms: str) -> tuple[Gate, ...]:
    return tuple(_settled(arm, share=share) for arm in arms for shares in ARMS[arm].sweep.values() for share in shares)


def _midpoint(arm: str, what: str = "midpoint", **fields: Any) -> Transition:
    return Transition.parse({"of": _at_end(arm), "along": "share", "complement": True, "what": what, **fields})


def _claim(
    claim_id: str, says: str, statistic: Any, supported: Region, refuted: Region, primary: bool = False, **fields: Any
) -> Claim:
    return Claim(
        id=claim_id,
        says=says,
        statistic=statistic,
        supported_if=supported,
        refuted_if=refuted,
        primary=primary,
        sources=(VARMA.key,),
        **fields,
    )


NO_DIFFERENCE, DIFFERENCE = Region(above=-0.1, below=0.1), Region(above=0.1, below=-0.1)
LOST = {"below 0.5": Threshold(of="test_acc", level=0.5, side="below")}
MIDDLE = Region(above=0.2, below=0.8)
SEMI = {
    **postdictions("R117", efficiency="yes"),
    **inferred("R117, R119 and the programme's section 6", coverage="no", single_hit="no", barrier="yes"),
}
BY_DECAY = {"along": "weight_decay", "log": True}
CLAIMS = (
    _claim(
        "little-data-unlearns",
        "More than 80 % of the networks that have generalised fall back to chance when 90 % of their training rows are removed.",
        RegionShare(of=_above_chance("removed", share=0.9), region=Region(below=0.2)),
        Region(above=0.8),
        Region(below=0.5),
        primary=True,
        gates=(_settled("removed", share=0.9),),
        phenomenon="critical-size",
        accounts={**postdictions("R113", efficiency="yes"), **inferred("R113", forgetting="yes")},
    ),
    _claim(
        "enough-data-keeps-the-rule",
        "They keep the rule when 20 % of their training rows are removed.",
        _at_end("removed", share=0.2),
        Region(above=0.9),
        Region(below=0.5),
        gates=(_settled("removed", share=0.2),),
        phenomenon="critical-size",
        accounts=postdictions("R112, R113: above the critical size nothing is forgotten", efficiency="yes"),
    ),
    _claim(
        "little-data-is-still-fitted",
        "The few rows that are left are still fitted.",
        _at_end("removed", "train_acc", share=0.9),
        Region(above=0.99),
        Region(below=0.9),
        phenomenon="critical-size",
        accounts=inferred("R113: memory takes over", efficiency="yes"),
    ),
    _claim(
        "the-transition-is-sharp",
        "Between keeping and forgetting lies a sharp boundary in the amount of data.",
        _midpoint("removed", "width"),
        Region(below=0.3),
        Region(above=1.0),
        gates=_all_settled("removed"),
        phenomenon="critical-size",
        accounts={**postdictions("R112", efficiency="yes"), **inferred("R112: strength of coverage would be graded", coverage="no")},
    ),
    _claim(
        "decay-does-not-move-the-critical-size",
        "The critical amount of data does not depend on weight decay.",
        _midpoint("high_decay", "log_ratio", over=_at_end("low_decay")),
        NO_DIFFERENCE,
        DIFFERENCE,
        primary=True,
        gates=_all_settled("high_decay", "low_decay"),
        phenomenon="critical-size",
        accounts={
            **postdictions("R114: D_crit does not depend on decay", efficiency="yes"),
            **inferred("R114 and the programme's section 6", coverage="no", norm="no"),
        },
    ),
    _claim(
        "removed-rows-are-lost-with-the-rest",
        "Where half is forgotten, removed rows are forgotten just as rows that were never trained on.",
        Difference(
            of=_at_end("removed", "removed_acc", share=0.5), against=_at_end("removed", "never_trained_acc", share=0.5), paired=True
        ),
        NO_DIFFERENCE,
        Region(above=0.3, below=-0.3),
        phenomenon="critical-size",
    ),
    _claim(
        "more-decay-unlearns-sooner",
        "With more weight decay a network forgets sooner.",
        Difference(
            of=EventTime(event="unlearned", unit="log", detectors=LOST, arm="high_decay", where={"share": 0.65}),
            against=EventTime(event="unlearned", unit="log", detectors=LOST, arm="low_decay", where={"share": 0.65}),
            paired=True,
        ),
        Region(below=-1.0),
        Region(above=0.0),
        phenomenon="decay",
        accounts=inferred("R115", efficiency="yes"),
    ),
    _claim(
        "replacing-forgets-less-than-removing",
        "Replacing rows by new ones costs less than removing them.",
        Difference(of=_at_end("replaced", share=0.65), against=_at_end("removed", share=0.65), paired=True),
        Region(above=0.2),
        Region(below=0.0),
        gates=(_settled("replaced", share=0.65), _settled("removed", share=0.65)),
        phenomenon="critical-size",
        accounts=inferred("R116", efficiency="yes", forgetting="no"),
    ),
    _claim(
        "replaced-rows-stay-known",
        "Rows that are replaced by others stay known.",
        _at_end("replaced", "removed_acc", share=0.65),
        Region(above=0.9),
        Region(below=0.5),
        gates=(_settled("replaced", share=0.65),),
        phenomenon="critical-size",
        accounts=inferred("R116: old items are lost to new ones", forgetting="no", efficiency="yes"),
    ),
    _claim(
        "the-learning-rate-does-not-move-it",
        "The critical amount of data does not depend on the learning rate.",
        _midpoint("high_rate", "log_ratio", over=_at_end("removed")),
        NO_DIFFERENCE,
        DIFFERENCE,
        gates=_all_settled("high_rate", "removed"),
        phenomenon="critical-size",
        accounts=inferred("section 3: the efficiencies of the two circuits set D_crit", efficiency="yes"),
    ),
    _claim(
        "some-settle-in-between",
        "Once half of their rows are removed, more than a tenth of the networks settle between 20 % and 80 % accuracy.",
        RegionShare(of=_at_end("removed", share=0.5), region=MIDDLE),
        Region(above=0.1),
        Region(below=0.02),
        gates=(_settled("removed", share=0.5),),
        phenomenon="semi-grokking",
        accounts=SEMI,
    ),
    _claim(
        "semi-grokking",
        "Trained from the start without 40 % of the rows, more than a tenth of the networks end between 20 % and 80 % accuracy.",
        RegionShare(of=_at_end("scratch", share=0.4), region=MIDDLE),
        Region(above=0.1),
        Region(below=0.02),
        gates=(_settled("scratch", share=0.4),),
        phenomenon="semi-grokking",
        accounts=SEMI,
    ),
    _claim(
        "from-scratch-needs-half-as-much-again",
        "Learning takes more than half as much data again as keeping what was learned.",
        _midpoint("scratch", "log_ratio", over=_at_end("high_rate"), level=0.7),
        Region(above=0.405),
        Region(below=0.1),
        gates=_all_settled("scratch", "high_rate"),
        phenomenon="critical-size",
        accounts=inferred("R118: one critical size", efficiency="no"),
    ),
    _claim(
        "decay-speeds-generalisation",
        "More weight decay makes a network generalise sooner.",
        Slope(of=EventTime(event="t_gen", unit="log", arm="decays"), **BY_DECAY),
        Region(below=-0.3),
        Region(above=-0.1),
        primary=True,
        phenomenon="decay",
        accounts={
            **postdictions("R030, R124", efficiency="yes", coverage="yes"),
            # ln(initial norm / final norm) / decay. The tolerance of a quarter is ours.
            "norm": Prediction(
                says="yes", timing="postdiction", locator="section 2: inversely proportional", within=Region(above=-1.25, below=-0.75)
            ),
        },
    ),
    _claim(
        "decay-brings-the-onset-sooner",
        "More weight decay makes generalisation begin sooner, not only end sooner.",
        Slope(of=EventTime(event="t_on", unit="log", arm="decays", detectors={"t_calib": BelowIgnorance()}), **BY_DECAY),
        Region(below=-0.1),
        Region(above=-0.1, below=0.1),
        phenomenon="decay",
        accounts=inferred("R124: decay acts on removing the memory, not on forming the rule", coverage="no"),
    ),
)
FIGURES = (
    Figure(
        title="How much of the training data is enough to keep what was learned?",
        arms=("removed", "low_decay", "high_decay", "high_rate", "replaced", "scratch"),
        quantities=(_at_end("removed"),),
        along="share",
        decides="decay-does-not-move-the-critical-size",
    ),
    Figure(
        title="Is a removed row remembered better than a row that was never trained on?",
        arms=("removed",),
        quantities=(_at_end("removed", "removed_acc"), _at_end("removed", "never_trained_acc"), _at_end("removed", "train_acc")),
        along="share",
    ),
    Figure(
        title="When do networks begin to generalise, and when do they generalise, at each weight decay?",
        arms=("decays",),
        quantities=tuple(EventTime(event=event, unit="log", arm="decays") for event in ("t_on", "t_gen")),
        along="weight_decay",
    ),
    Figure(
        title="How does test accuracy fall once rows are removed?",
        arms=("removed", "low_decay", "high_decay"),
        series=("test_acc",),
        events=(),
    ),
)
SOURCES = (VARMA, THREAD)

# The mouse is asked whether it forgets, and what decay does to its time. Its unit is 200 steps.
ARMS_OF_MICE = ("general", "removed", "decays")
CLAIMS_OF_MICE = (
    "little-data-unlearns",
    "little-data-is-still-fitted",
    "decay-speeds-generalisation",
    "decay-brings-the-onset-sooner",
)
ON_A_MOUSE = ON_MOUSE | {
    "arms.general.seeds": MICE,
    "arms.decays.seeds": 16,
    "arms.general.experiment.training.steps": 3000,
    "arms.decays.experiment.training.steps": 2500,
    "arms.decays.sweep": {"training.optimiser.weight_decay": (0.5, 2.0)},
    "arms.removed.sweep": {"edits.0.share": (0.9,)},
    "arms.removed.steps": 1200,
    "claims": [claim.model_dump(mode="json") for claim in CLAIMS if claim.id in CLAIMS_OF_MICE],
}
STUDY = Study(
    name="dcrit",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        checkpoint_megabytes=20,
        measures=(*Observation().measures, *(Accuracy.parse({"rows": rows}) for rows in ("removed", "never_trained"))),
    ),
    organism="fly",
    organisms={"mouse": Profile(arms=ARMS_OF_MICE, assign=ON_A_MOUSE)},
    profiles={
        "quick": Profile(
            seeds=8,
            pilot=True,
            assign={
                "training.steps": 1200,
                # Every share is another number of rows, and so one more program to compile.
                "arms.scratch.sweep": {"split.share": [0.35, 0.4]},
                "arms.removed.sweep": {"edits.0.share": [0.2, 0.35, 0.5, 0.65, 0.9]},
                **{f"arms.{name}.steps": 400 for name, arm in ARMS.items() if isinstance(arm, ForkArm)},
            },
        ),
    },
)
