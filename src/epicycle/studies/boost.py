"""The learning-rate debate: is ten times the rate ten times the speed?

Flies on five tasks are trained at a learning rate of 3e-3, where up to fifty times the rate still fits; the debate's networks had
room for about ten times. They are forked with 2 to 100 times this rate: at the start, when they have memorised, on the plateau, and
at each run's own onset. The steps that a fork still needs are compared with its control's, seed by seed. AdamW shrinks weights by lr
* decay a step. So a higher rate is a higher decay too, and further forks raise one of the two alone.
"""

from typing import Any

from epicycle.claims.change_points import ChangePoints
from epicycle.claims.differences import Difference
from epicycle.claims.factor_shares import Cell, FactorShare
from epicycle.claims.median_remaining_time import MedianRemainingTime
from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import Correlation, Extreme, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.claims.transitions import Transition
from epicycle.events.detectors import Recovery, Threshold
from epicycle.literature.texts import POWER, THREAD
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.boost_arms import ARMS, DOSES, FEW, MOMENTS, TASKS, TOO_FAR
from epicycle.studies.boost_predictions import PHENOMENA, PREDICTIONS, SAYS
from epicycle.studies.organisms import MICE, ON_MOUSE

QUESTION = "Is ten times the learning rate ten times the speed, and what decides that: the moment, the task, the rate or the decay?"


def _time_left(arm: str, by: float | None = None, against: str = "", event: str = "t_gen") -> LogRemainingTime:
    where = {} if by is None else {"by": by}
    return LogRemainingTime(event=event, arm=arm, against=against or arm.split("_")[0], where=where)


def _claim(claim_id: str, statistic: Any, supported: Region, refuted: Region, primary: bool = False, **fields: Any) -> Claim:
    return Claim(
        id=claim_id,
        says=SAYS[claim_id],
        statistic=statistic,
        supported_if=supported,
        refuted_if=refuted,
        primary=primary,
        phenomenon=PHENOMENA.get(claim_id, "boost"),
        accounts=PREDICTIONS.get(claim_id, {}),
        sources=("thread2022",),
        **fields,
    )


# Regions of log remaining times.
SOONER, LATER = Region(below=0.0), Region(above=0.0)
FAILS = Region(below=0.5), Region(above=0.5)  # of a share of runs
IN_PROPORTION, FIVE_TIMES, TWICE = -2.07, -1.61, -0.69  # of ten times the rate: 10^0.9, 5 and 2 times as fast
SAME, OTHER = Region(above=-0.35, below=0.35), Region(above=0.69, below=-0.69)  # within a factor of 1.4; beyond one of 2


def _cell(task: str, moment: str, dose: float) -> Cell:
    levels = {"task": task, "moment": moment, "rate": str(dose)}
    return Cell(arm=f"{task}_{moment}", against=task, where={"by": dose}, levels=levels)


CROSSED = tuple(_cell(task, moment, dose) for task in TASKS for moment in ("start", "onset") for dose in DOSES)

# R070, R072, R086, R094: is ten times the rate ten times the speed?
SPEED = (
    _claim(
        "ten-times-the-rate-is-ten-times-the-speed",
        _time_left("differences_onset", 10),
        Region(below=IN_PROPORTION),
        Region(above=IN_PROPORTION),
        primary=True,
    ),
    _claim(
        "ten-times-at-onset-fails-on-most-tasks",
        MedianRemainingTime(cells=tuple(_cell(task, "onset", 10) for task in TASKS)),
        LATER,
        SOONER,
        primary=True,
    ),
    *(
        _claim(f"ten-times-the-rate-is-five-times-the-speed-for-{task}", _time_left(f"{task}_onset", 10), *regions)
        for task in TASKS
        for regions in [(Region(below=FIVE_TIMES), Region(above=TWICE))]
    ),
    _claim(
        "the-speed-grows-much-more-slowly-than-the-rate",
        DoseExponent(event="t_gen", arm="differences_onset", against="differences", along="by", doses=FEW),
        Region(below=0.7),
        Region(above=0.9),
    ),
    _claim(
        "ten-times-at-onset-is-eleven-times-as-fast-for-sums",
        _time_left("sums_onset", 10),
        Region(above=-2.71, below=-1.95),  # 7 to 15 times
        Region(above=-1.10),  # less than 3 times
    ),
)

# Issue of the debate: AdamW multiplies the decay by the rate. Which of the two is it?
PRODUCT_OF_BOTH = (
    _claim(
        "ten-times-the-rate-without-its-decay-is-five-times-the-speed",
        _time_left("differences_onset_rate", 10),
        Region(below=FIVE_TIMES),
        Region(above=TWICE),
        primary=True,
    ),
    _claim(
        "ten-times-the-decay-is-five-times-the-speed",
        _time_left("differences_onset_decay", 10),
        Region(below=FIVE_TIMES),
        Region(above=TWICE),
    ),
    _claim(
        "ten-times-the-decay-does-what-ten-times-the-rate-does",
        _time_left("differences_onset_decay", 10, against="differences_onset"),
        SAME,
        OTHER,
    ),
    _claim("ten-times-the-rate-alone-does-nothing", _time_left("differences_onset_rate", 10), SAME, OTHER),
    _claim("from-the-start-ten-times-the-rate-alone-does-nothing", _time_left("differences_start_rate", 10), SAME, OTHER),
    _claim("twice-the-decay-at-onset-is-sooner", _time_left("differences_onset_decay", 2), SOONER, LATER),
    _claim("three-times-the-decay-at-onset-is-sooner", _time_left("differences_onset_decay", 3), SOONER, LATER),
    # R088: nothing is faster than five times the rate from the start.
    _claim(
        "twice-the-decay-from-the-start-is-later-than-twice-the-rate",
        _time_left("differences_start_decay", 2, against="differences_start"),
        LATER,
        SOONER,
    ),
    _claim(
        "small-batches-from-the-start-are-later-than-a-higher-rate",
        Difference(
            of=EventTime(event="t_gen", unit="log", arm="differences_start_batch"),
            against=EventTime(event="t_gen", unit="log", arm="differences_start", where={"by": 5}),
            paired=True,
        ),
        LATER,
        SOONER,
    ),
    _claim("small-batches-at-onset-are-sooner", _time_left("differences_onset_batch"), SOONER, LATER),
)

# R071, R076, R083 to R085: tasks and moments.
TASKS_AND_MOMENTS = (
    _claim(
        "the-task-decides-more-than-the-moment",
        FactorShare(cells=CROSSED, factor="task", over="moment"),
        Region(above=2.0),
        Region(below=1.0),
    ),
    *(
        _claim(f"share-of-the-{name}", FactorShare(cells=CROSSED, factor=name), Region(above=0.25), Region(below=0.1))
        for name in ("task", "moment", "rate")
    ),
    _claim("five-times-at-onset-works-for-sums", _time_left("sums_onset", 5), SOONER, LATER),
    _claim("a-hundred-times-at-onset-fails-for-sums", Share(event="t_gen", arm="sums_far", where={"by": 100}), *FAILS),
    _claim("ten-times-on-the-plateau-fails", Share(event="t_gen", arm="differences_plateau", where={"by": 10}), *FAILS),
    _claim("fifty-times-on-the-plateau-is-faster", _time_left("differences_plateau", 50), SOONER, LATER),
    _claim("five-times-from-the-start-works-for-quotients", _time_left("quotients_start", 5), SOONER, LATER),
    _claim("five-times-at-onset-destroys-quotients", _time_left("quotients_onset", 5), LATER, SOONER),
    _claim("ten-times-from-the-start-fails-for-quotients", _time_left("quotients_start", 10), LATER, SOONER),
    _claim("ten-times-at-onset-fails-for-quotients", _time_left("quotients_onset", 10), LATER, SOONER),
    *(
        _claim(f"{dose}-at-onset-fails-in-a-group", _time_left("s4_onset", by), LATER, Region(below=-0.3))
        for dose, by in (("twice", 2), ("five-times", 5), ("ten-times", 10))
    ),
)

# R082, R090: the largest stable rate.
STABLE = (
    _claim("ten-times-the-usual-rate-from-the-start-fails", _time_left("usual_start", 10), LATER, SOONER),
    _claim(
        "the-usual-rate-is-near-the-largest-stable-one",
        Transition(of=ValueAt(series="train_loss", at="end", arm="rates"), along="lr", level=0.1),
        Region(below=0.03),
        Region(above=0.1),
    ),
    _claim(
        "higher-rates-from-the-start-shorten-the-delay",
        Slope(of=EventRatio(event="t_gen", over="t_mem", arm="differences_start"), along="by", log=True),
        SOONER,
        LATER,
    ),
    # R089: if memorising alone is faster too, faster convergence after a boost supports no account.
    _claim("memorising-alone-is-faster-too", _time_left("labels_start", 10, event="t_mem"), Region(below=-0.3), LATER),
    *(
        _claim(
            f"memorising-gains-as-much-from-{dose}-times",
            Difference(
                of=Span(since="t_mem", until="t_gen", unit="decades", arm="differences_start", where={"by": by}),
                against=Span(since="t_mem", until="t_gen", unit="decades", arm="differences"),
                paired=True,
            ),
            Region(above=-0.15, below=0.15),
            Region(above=0.3, below=-0.3),
        )
        for dose, by in (("five", 5), ("ten", 10))
    ),
)


DROP = Threshold(of="train_acc", level=0.9, side="below", hold=0.0)
BACK = Recovery(of="train_acc", level=0.99)


def _boosted(by: float) -> dict[str, Any]:
    return {"arm": "differences_plateau", "where": {"by": by}}


def _after(dose: str, by: float, times: str, shifts: int) -> tuple[Claim, ...]:
    """What happens on the plateau right after a boost, and on the way to generalising (R077 to R080)."""
    boosted = _boosted(by)
    return (
        _claim(
            f"training-accuracy-drops-after-{dose}-times",
            EventTime(event="drop", detectors={"train_acc below 0.9": DROP}, **boosted),
            Region(below=50),
            Region(above=50),
        ),
        _claim(
            f"training-and-test-rise-together-after-{dose}-times",
            ValueAt(series="train_acc", beside="test_acc", at="t_gen(level=0.5)", **boosted),
            Region(below=0.05),
            Region(above=0.3),
        ),
        _claim(
            f"{dose}-times-changes-mode-{times}",
            ChangePoints(series="train_acc", beside="test_acc", **boosted),
            Region(above=shifts - 0.5, below=shifts + 0.5),
            Region(above=shifts + 0.5, below=shifts - 0.5),
        ),
        _claim(
            f"training-and-test-move-together-after-{dose}-times",
            Difference(
                of=Correlation(series="test_acc", beside="train_acc", **boosted),
                against=Correlation(series="test_acc", beside="train_acc", since="t_mem", arm="differences"),
            ),
            Region(above=0.3),
            Region(below=0.0),
        ),
    )


AFTERWARDS = (
    *_after("ten", 10, "twice", 2),
    *_after("fifty", 50, "once", 1),
    # R081.
    _claim(
        "recovery-takes-longer-than-memorising",
        Difference(
            of=EventTime(event="recovery", unit="log", detectors={"train_acc at 0.99": BACK}, **_boosted(50)),
            against=EventTime(event="t_mem", unit="log", arm="differences"),
            paired=True,
        ),
        Region(above=0.69, below=1.79),
        Region(below=0.0),
        gates=(Gate(statistic=Extreme(series="train_acc", which="min", **_boosted(50)), region=Region(below=0.9)),),
    ),
    # R087.
    *(
        _claim(
            f"{amount}-decay-rescues-a-boost-that-fails",
            Share(event="t_gen", arm="differences_too_far_rescued", where={"by": by}),
            Region(above=0.5),
            Region(below=0.5),
            gates=(Gate(statistic=Share(event="t_gen", arm="differences_too_far", where={"by": TOO_FAR}), region=Region(below=0.5)),),
        )
        for amount, by in (("more", 2), ("less", 0.3))
    ),
    # R075.
    _claim(
        "annealing-keeps-what-was-learned",
        Difference(
            of=Extreme(series="test_acc", which="min", arm="high_annealed", where={"by": 50}),
            against=Extreme(series="test_acc", which="min", arm="high_kept", where={"by": 50}),
            paired=True,
        ),
        Region(above=0.05),
        Region(below=0.02),
    ),
    # R095: does a rate that has fallen by the onset explain how slow the rise is?
    _claim("a-constant-rate-shortens-the-rise", _time_left("cosine_constant"), Region(below=-0.36), Region(above=-0.1)),
)

CLAIMS = (*SPEED, *PRODUCT_OF_BOTH, *TASKS_AND_MOMENTS, *STABLE, *AFTERWARDS)

FIGURES = (
    Figure(
        title="Is ten times the learning rate ten times the speed?",
        arms=tuple(f"{task}_onset" for task in TASKS),
        quantities=(_time_left("differences_onset"),),
        along="by",
        proportional=True,
        decides="ten-times-the-rate-is-ten-times-the-speed",
    ),
    Figure(
        title="Is it the rate, the decay, or both?",
        arms=("differences_onset", "differences_onset_rate", "differences_onset_decay"),
        quantities=(_time_left("differences_onset"),),
        along="by",
        proportional=True,
        decides="ten-times-the-rate-without-its-decay-is-five-times-the-speed",
    ),
    Figure(
        title="Does the moment of the boost matter?",
        arms=tuple(f"differences_{moment}" for moment in MOMENTS),
        quantities=(_time_left("differences_onset"),),
        along="by",
        proportional=True,
    ),
    Figure(
        title="Does the task matter when the rate is higher from the start?",
        arms=tuple(f"{task}_start" for task in TASKS),
        quantities=(_time_left("differences_start"),),
        along="by",
        proportional=True,
    ),
    Figure(
        title="How do the accuracies of differences change after a boost on the plateau?",
        arms=("differences", "differences_plateau"),
        series=("train_acc", "test_acc"),
        events=("t_on", "t_gen"),
    ),
    Figure(
        title="Which learning rates are stable?",
        arms=("rates",),
        quantities=(ValueAt(series="train_acc", at="end", arm="rates"),),
        along="lr",
        decides="the-usual-rate-is-near-the-largest-stable-one",
    ),
)
SOURCES = (THREAD, POWER)

# The key claims are asked of the mouse, at onset and on differences. Its own rate is 5e-3; the control has two fifths of that.
RATE_OF_MICE = 2e-3
ARMS_OF_MICE = ("differences", "differences_onset", "differences_onset_rate", "differences_onset_decay")
OTHER_DOSES = (
    "the-speed-grows-much-more-slowly-than-the-rate",
    "twice-the-decay-at-onset-is-sooner",
    "three-times-the-decay-at-onset-is-sooner",
)
CLAIMS_OF_MICE = tuple(claim for claim in CLAIMS if set(claim.arms()) <= set(ARMS_OF_MICE) and claim.id not in OTHER_DOSES)
ON_A_MOUSE = ON_MOUSE | {
    "training.optimiser.lr": RATE_OF_MICE,
    "training.steps": 2500,
    "arms.differences_onset_rate.edits.2.to": RATE_OF_MICE,
    "arms.differences_onset.sweep": {"edits.0.by": (5, 10)},
    **{f"arms.{name}.sweep": {"edits.0.by": (10,)} for name in ARMS_OF_MICE[2:]},
    **{f"arms.{name}.steps": 800 for name in ARMS_OF_MICE[1:]},
    "claims": [claim.model_dump(mode="json") for claim in CLAIMS_OF_MICE],
}

STUDY = Study(
    name="boost",
    organism="fly",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=40),
    organisms={"mouse": Profile(seeds=MICE, arms=ARMS_OF_MICE, assign=ON_A_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
