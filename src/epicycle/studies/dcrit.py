"""The critical data size: what happens to a network that has generalised when some of its training rows are removed?

Budgets are counted in units of 1 / (lr * decay), the number of steps in which decay alone divides a weight by e. Claims about an
accuracy at the end have gates that ask whether it has settled. Accuracy is recorded for removed rows and for rows that were never
trained on, each by itself.
"""

from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.claims.transitions import Transition
from epicycle.edits.data import Remove, Replace
from epicycle.edits.knobs import Set
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import THREAD, VARMA
from epicycle.measures.fit import Accuracy
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import RemovedSplit
from epicycle.splits.drawn import Split
from epicycle.studies.settings import EARLY_PILOT, PRE_NORM, SEEDS, inferred, postdictions, training, with_budget
from epicycle.tasks.modular import Modular

QUESTION = "How little data is enough to keep what was learned, and does that amount depend on weight decay?"
P, WHOLE = 59, 0.6
UNIT = 500  # steps: 1 / (2e-3 * 1)
GENERAL = Experiment(task=Modular(p=P, operation="x-y"), split=Split(frac_train=WHOLE), model=PRE_NORM, training=training(3000))
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
UNITS = 5  # a weight that only decay moves is down to 0.7 percent by then
FEWER_SHARES = (0.4, 0.6, 0.7, 0.8)
# From scratch. 36 to 24 % of all pairs are left, the range in which networks of this size stop generalising within the budget.
NEAR = (0.4, 0.5, 0.6)
DECAYS = {"half": 0.5, "twice": 2.0, "five": 5.0, "fifteen": 15.0}
AT = "1.2*t_gen"


def _removed(shares: tuple[float, ...], units: float, *edits: Any) -> ForkArm:
    steps = int(UNIT * units)
    return ForkArm(fork="general", at=AT, edits=(Remove(share=shares[0]), *edits), sweep={"edits.0.share": shares}, steps=steps)


SCRATCH = GENERAL.swept("split", RemovedSplit(of=GENERAL.split, share=0.4).model_dump(mode="json"))
ARMS: dict[str, RootArm | ForkArm] = {
    # Networks that generalise. All forks leave them at 1.2 t_gen.
    "general": RootArm(experiment=GENERAL, seeds=SEEDS),
    # A share of the training rows is removed, from 0.4 to 0.9 of them.
    "removed": _removed(SHARES, UNITS),
    # The same at other weight decays, for as many units of their own.
    **{f"decay_{name}": _removed(FEWER_SHARES, UNITS / decay, Set(knob="weight_decay", to=decay)) for name, decay in DECAYS.items()},
    # As many rows are replaced by new ones: is forgetting due to too few rows, or to other rows?
    "replaced": ForkArm(fork="general", at=AT, edits=(Replace(share=0.4),), sweep={"edits.0.share": (0.4, 0.6)}, steps=UNITS * UNIT),
    # Networks trained from the start on as few rows: do they need more rows to learn than to keep what they learned?
    "scratch": RootArm(
        experiment=with_budget(SCRATCH, 6000),
        seeds=10,
        sweep={"split.share": (0.2, *NEAR)},
    ),
    # All rows at several weight decays: does decay decide when a network generalises?
    "decays": RootArm(
        experiment=with_budget(GENERAL, 6000),
        seeds=10,
        sweep={"training.optimiser.weight_decay": (0.1, 0.3, 1.0, 3.0)},
    ),
}
ROOTS = [name for name, arm in ARMS.items() if isinstance(arm, RootArm)]
FORKS = {name: arm for name, arm in ARMS.items() if isinstance(arm, ForkArm)}


def _at_end(arm: str, series: str = "test_acc", **where: float) -> ValueAt:
    return ValueAt(series=series, at="end", arm=arm, where=where)


def _settled(arm: str, **where: float) -> Gate:
    """Accuracy changes by less than 0.1 in the last fifth of the budget. The interval of a median of seven seeds spans all seven."""
    # A run that was stopped because it generalised ends at 1.25 t_gen. The last fifth of its steps begins at t_gen.
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
WHATEVER_THE_DECAY = {
    **postdictions("R114: D_crit does not depend on decay", efficiency="yes"),
    **inferred("R114 and the programme's section 6", coverage="no", norm="no"),
}
CLAIMS = (
    _claim(
        "little-data-unlearns",
        "A network that has generalised forgets it when 90 % of its training rows are removed.",
        ValueAt(series="test_acc", at="end", minus="baseline", arm="removed", where={"share": 0.9}),
        Region(below=0.2),
        Region(above=0.5),
        primary=True,
        gates=(_settled("removed", share=0.9),),
        phenomenon="critical-size",
        accounts={**postdictions("R113", efficiency="yes"), **inferred("R113", forgetting="yes")},
    ),
    _claim(
        "the-transition-is-sharp",
        "Between keeping and forgetting lies a sharp boundary in the amount of data.",
        _midpoint("removed", "width"),
        Region(below=0.3),
        Region(above=1.0),
        primary=True,
        gates=_all_settled("removed"),
        phenomenon="critical-size",
        accounts={**postdictions("R112", efficiency="yes"), **inferred("R112: strength of coverage would be graded", coverage="no")},
    ),
    _claim(
        "decay-does-not-move-the-critical-size",
        "The critical amount of data does not depend on weight decay.",
        _midpoint("decay_five", "log_ratio", over=_at_end("decay_half")),
        NO_DIFFERENCE,
        DIFFERENCE,
        primary=True,
        gates=_all_settled("decay_five", "decay_half"),
        phenomenon="critical-size",
        accounts=WHATEVER_THE_DECAY,
    ),
    _claim(
        "nor-over-one-and-a-half-decades",
        "Nor does it over a much wider range of weight decay.",
        _midpoint("decay_fifteen", "log_ratio", over=_at_end("decay_half")),
        NO_DIFFERENCE,
        DIFFERENCE,
        gates=_all_settled("decay_fifteen", "decay_half"),
        phenomenon="critical-size",
        accounts=WHATEVER_THE_DECAY,
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
        "removed-rows-are-lost-with-the-rest",
        "Removed rows are forgotten just as rows that were never trained on.",
        Difference(
            of=_at_end("removed", "removed_acc", share=0.9), against=_at_end("removed", "never_trained_acc", share=0.9), paired=True
        ),
        NO_DIFFERENCE,
        Region(above=0.3, below=-0.3),
        phenomenon="critical-size",
    ),
    _claim(
        "more-decay-unlearns-sooner",
        "With more weight decay a network forgets sooner.",
        Difference(
            of=EventTime(event="unlearned", unit="log", detectors=LOST, arm="decay_five", where={"share": 0.8}),
            against=EventTime(event="unlearned", unit="log", detectors=LOST, arm="decay_half", where={"share": 0.8}),
        ),
        Region(below=-1.0),
        Region(above=0.0),
        phenomenon="decay",
        accounts=inferred("R115", efficiency="yes"),
    ),
    _claim(
        "replacing-forgets-less-than-removing",
        "Replacing rows by new ones costs less than removing them.",
        Difference(of=_at_end("replaced", share=0.6), against=_at_end("removed", share=0.6), paired=True),
        Region(above=0.2),
        Region(below=0.0),
        gates=(_settled("replaced", share=0.6), _settled("removed", share=0.6)),
        phenomenon="critical-size",
        accounts=inferred("R116", efficiency="yes", forgetting="no"),
    ),
    *(
        _claim(
            f"semi-grokking-on-{round(100 * WHOLE * (1 - share))}-percent",
            f"Trained from the start without {round(100 * share)} % of the rows, a network only partly generalises.",
            _at_end("scratch", share=share),
            Region(above=0.2, below=0.8),
            Region(above=0.8, below=0.2),
            gates=(_settled("scratch", share=share),),
            phenomenon="semi-grokking",
            accounts={
                **postdictions("R117", efficiency="yes"),
                **inferred("R117, R119 and the programme's section 6", coverage="no", single_hit="no", barrier="yes"),
            },
        )
        for share in NEAR
    ),
    _claim(
        "from-scratch-needs-half-as-much-again",
        "Learning takes more than half as much data again as keeping what was learned.",
        _midpoint("scratch", "log_ratio", over=_at_end("removed"), level=0.7),
        Region(above=0.405),
        Region(below=0.1),
        gates=_all_settled("scratch", "removed"),
        phenomenon="critical-size",
        accounts=inferred("R118: one critical size", efficiency="no"),
    ),
    _claim(
        "decay-speeds-generalisation",
        "More weight decay makes a network generalise sooner.",
        Slope(of=EventTime(event="t_gen", unit="log", arm="decays"), along="weight_decay", log=True),
        Region(below=-0.3),
        Region(above=-0.1),
        phenomenon="decay",
        accounts={
            **postdictions("R030, R124", efficiency="yes", coverage="yes"),
            # ln(initial norm / final norm) / decay. The tolerance of a quarter is ours.
            "norm": Prediction(
                says="yes", timing="postdiction", locator="section 2: inversely proportional", within=Region(above=-1.25, below=-0.75)
            ),
        },
    ),
)
FIGURES = (
    Figure(
        title="How much of the training data is enough to keep what was learned?",
        arms=("removed", "scratch", *(f"decay_{name}" for name in DECAYS), "replaced"),
        quantities=(_at_end("removed"),),
        along="share",
        decides="the-transition-is-sharp",
    ),
    Figure(
        title="Is a removed row remembered better than a row that was never trained on?",
        arms=("removed",),
        quantities=(_at_end("removed", "removed_acc"), _at_end("removed", "never_trained_acc"), _at_end("removed", "train_acc")),
        along="share",
    ),
    Figure(
        title="How do the accuracies change once rows are removed?",
        arms=("general", "removed"),
        series=("train_acc", "test_acc"),
        events=("t_gen",),
    ),
)
SOURCES = (VARMA, THREAD)

STUDY = Study(
    name="dcrit",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        checkpoint_megabytes=40,
        measures=(*Observation().measures, *(Accuracy.parse({"rows": rows}) for rows in ("removed", "never_trained"))),
    ),
    profiles={
        "quick": Profile(
            seeds=3,
            pilot=True,
            assign={
                **{
                    f"arms.{name}.experiment.{path}": value for name in ROOTS for path, value in (EARLY_PILOT | {"task.p": 23}).items()
                },
                # Nothing generalises in the two minutes of a pilot, so its forks start at a fixed step.
                **{f"arms.{name}.at": 100 for name in FORKS},
                **{f"arms.{name}.steps": 60 for name in FORKS},
                # Every share is another number of rows, and so one more program to compile.
                "arms.scratch.sweep": {"split.share": [0.2, 0.6]},
                "arms.removed.sweep": {"edits.0.share": [0.6, 0.9]},
                **{f"arms.decay_{name}.sweep": {"edits.0.share": [0.6, 0.8]} for name in DECAYS},
            },
        ),
    },
)
