"""The learning-rate debate: does a multiplied learning rate bring generalisation sooner?

Runs are forked with 2 to 100 times the debate's rate of 1e-3: at the start, at fixed steps, or at each run's own onset. Tasks,
moments, doses and couplings of decay are crossed. The steps that a fork still needs are compared with its control's, seed by seed.
"""

from typing import Any

from epicycle.claims.change_points import ChangePoints
from epicycle.claims.differences import Difference
from epicycle.claims.factor_shares import Cell, FactorShare
from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import Correlation, Extreme, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.edits.knobs import Change, Scale
from epicycle.events.detectors import Onset, Recovery
from epicycle.literature.texts import POWER, THREAD
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment, Stop
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.boost_predictions import PHENOMENA, PREDICTIONS, SAYS
from epicycle.studies.settings import EARLY_PILOT, PRE_NORM, SEEDS, training
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

QUESTION = "Does a higher learning rate speed up grokking, and what decides that: the moment, the task, the rate or the decay?"
P, DOSES = 59, (5, 10, 50)


def _control(task: Task, frac_train: float, steps: int, **changes: Any) -> RootArm:
    budget = training(steps)
    at_rate = budget.model_copy(update={"optimiser": budget.optimiser.model_copy(update={"lr": 1e-3}), **changes})
    return RootArm(experiment=Experiment(task=task, split=Split(frac_train=frac_train), model=PRE_NORM, training=at_rate), seeds=SEEDS)


def _boost(parent: str, at: int | str, doses: tuple[float, ...], steps: int) -> ForkArm:
    return ForkArm(fork=parent, at=at, edits=(Scale(knob="lr", by=doses[0]),), sweep={"edits.0.by": doses}, steps=steps)


ONSET, START = 1200, 3000  # steps after the moment of the fork
FASTER, LESS_DECAY, MORE_DECAY = Scale(knob="lr", by=5), Scale(knob="weight_decay", by=0.2), Scale(knob="weight_decay", by=5)
ARMS = {
    # Controls: four tasks without a boost.
    "minus": _control(Modular(p=P, operation="x-y"), 0.5, 5000),
    "plus": _control(Modular(p=P, operation="x+y"), 0.5, 5000),
    "quotient": _control(Modular(p=P, operation="x/y"), 0.5, 5000),
    "s4": _control(Composition(group="S4"), 0.8, 8000),
    # The learning rate multiplied: task by moment, with the doses swept.
    "minus_start": _boost("minus", 0, (2, *DOSES), START),
    "minus_300": _boost("minus", 300, DOSES, START),
    "minus_1000": _boost("minus", 1000, (10, 50), ONSET),
    "minus_onset": _boost("minus", "t_on", (2, *DOSES), ONSET),
    "plus_start": _boost("plus", 0, DOSES, START),
    "plus_onset": _boost("plus", "t_on", (*DOSES, 100), ONSET),
    "quotient_start": _boost("quotient", 0, DOSES, START),
    "quotient_onset": _boost("quotient", "t_on", DOSES, ONSET),
    "s4_start": _boost("s4", 0, DOSES, START),
    "s4_onset": _boost("s4", "t_on", DOSES, ONSET),
    # AdamW shrinks weights by lr * decay a step, so a boost of lr boosts the shrinking too. The first two arms keep this product
    # (lr x 5, decay / 5), the other two raise it alone (decay x 5).
    "minus_start_less_decay": ForkArm(fork="minus", at=0, edits=(FASTER, LESS_DECAY), steps=START),
    "minus_onset_less_decay": ForkArm(fork="minus", at="t_on", edits=(FASTER, LESS_DECAY), steps=ONSET),
    "minus_start_decay": ForkArm(fork="minus", at=0, edits=(MORE_DECAY,), steps=START),
    "minus_onset_decay": ForkArm(fork="minus", at="t_on", edits=(MORE_DECAY,), steps=ONSET),
    # More decay as well, where the debate says that ten times the rate alone fails.
    "minus_1000_rescue": ForkArm(fork="minus", at=1000, edits=(Scale(knob="lr", by=10), MORE_DECAY), steps=ONSET),
    # Batches of 256 rows instead of the full batch.
    "minus_onset_batch": ForkArm(fork="minus", at="t_on", edits=(Change(field="training.batch_size", to=256),), steps=ONSET),
    # After generalisation the boosted rate is kept, or lowered to a tenth of itself.
    "kept": ForkArm(fork="minus_onset", at="t_gen", steps=500),
    "annealed": ForkArm(fork="minus_onset", at="t_gen", edits=(Scale(knob="lr", by=0.1, over=100),), steps=500),
    # Random labels, which leave nothing to generalise: what does the rate do to memorising alone?
    "labels": _control(RandomLabels(of=Modular(p=P, operation="x-y")), 0.5, 1500, stop=Stop(event="t_mem")),
    "labels_start": _boost("labels", 0, (5,), 1500),
    # The rate falls from the start instead.
    "cosine": _control(Modular(p=P, operation="x-y"), 0.5, 5000, schedule="cosine", anneal_steps=2000.0),
}
ROOTS = [name for name, arm in ARMS.items() if isinstance(arm, RootArm)]
FORKS = {name: arm for name, arm in ARMS.items() if isinstance(arm, ForkArm)}


def _time_left(arm: str, **where: float) -> LogRemainingTime:
    return LogRemainingTime(event="t_gen", arm=arm, against=arm.split("_")[0], where=where)


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


SOONER, LATER = Region(below=0.0), Region(above=0.0)
# Task x moment x dose.
CROSSED = tuple(
    Cell(
        arm=f"{task}_{moment}",
        against=task,
        where={"by": dose},
        levels={"task": task, "moment": moment, "rate": str(dose)},
    )
    for task in ("minus", "plus", "quotient", "s4")
    for moment in ("start", "onset")
    for dose in DOSES
)
# Moment x coupling of decay, at five times the rate or five times the decay.
COUPLED = tuple(
    Cell(arm=f"minus_{moment}{suffix}", against="minus", where=where, levels={"moment": moment, "coupling": coupling})
    for moment in ("start", "onset")
    for coupling, suffix, where in (("rate", "", {"by": 5}), ("rate, less decay", "_less_decay", {}), ("decay", "_decay", {}))
)

CLAIMS = (
    _claim(
        "ten-times-the-rate-is-ten-times-the-speed",
        DoseExponent(event="t_gen", arm="minus_onset", against="minus", along="by", doses=(2, 5, 10)),
        Region(above=0.9),
        Region(below=0.5),
        primary=True,
    ),
    _claim(
        "the-task-decides-more-than-the-moment",
        FactorShare(cells=CROSSED, factor="task", over="moment"),
        Region(above=2.0),
        Region(below=1.0),
        primary=True,
    ),
    _claim("ten-times-at-onset-fails-for-differences", _time_left("minus_onset", by=10), LATER, SOONER, primary=True),
    *(
        _claim(f"share-of-the-{name}", FactorShare(cells=CROSSED, factor=name), Region(above=0.25), Region(below=0.1))
        for name in ("task", "moment", "rate")
    ),
    _claim("share-of-the-coupling", FactorShare(cells=COUPLED, factor="coupling"), Region(above=0.25), Region(below=0.1)),
    _claim("five-times-at-onset-works-for-sums", _time_left("plus_onset", by=5), SOONER, LATER),
    _claim("ten-times-at-onset-works-for-sums", _time_left("plus_onset", by=10), SOONER, LATER),
    _claim(
        "ten-times-at-onset-is-eleven-times-as-fast-for-sums",
        _time_left("plus_onset", by=10),
        Region(above=-2.71, below=-1.95),  # 7 to 15 times
        Region(above=-1.10),  # less than 3 times
    ),
    _claim(
        "a-hundred-times-at-onset-fails-for-sums",
        Share(event="t_gen", arm="plus_onset", where={"by": 100}),
        Region(below=0.5),
        Region(above=0.5),
    ),
    _claim(
        "ten-times-at-1000-never-converges",
        Share(event="t_gen", arm="minus_1000", where={"by": 10}),
        Region(below=0.5),
        Region(above=0.5),
    ),
    _claim("fifty-times-at-1000-is-faster", _time_left("minus_1000", by=50), SOONER, LATER),
    _claim("five-times-from-the-start-works-for-quotients", _time_left("quotient_start", by=5), SOONER, LATER),
    _claim("five-times-at-onset-destroys-quotients", _time_left("quotient_onset", by=5), LATER, SOONER),
    _claim("ten-times-from-the-start-fails-for-quotients", _time_left("quotient_start", by=10), LATER, SOONER),
    _claim("ten-times-at-onset-fails-for-quotients", _time_left("quotient_onset", by=10), LATER, SOONER),
    _claim(
        "ten-times-from-the-start-fails-for-differences",
        _time_left("minus_start", by=10),
        LATER,
        SOONER,
    ),
    # If ten times is unstable, the first rate was within a factor ten of the largest stable one, which is the unit to count doses in.
    *(
        _claim(
            f"ten-times-is-stable-from-the-start-for-{name}",
            ValueAt(series="train_acc", at="end", arm=f"{arm}_start", where={"by": 10}),
            Region(above=0.99),
            Region(below=0.9),
        )
        for arm, name in (("minus", "differences"), ("plus", "sums"), ("quotient", "quotients"), ("s4", "a-group"))
    ),
    _claim("five-times-at-onset-fails-in-a-group", _time_left("s4_onset", by=5), LATER, SOONER),
    _claim("ten-times-at-onset-fails-in-a-group", _time_left("s4_onset", by=10), LATER, SOONER),
    _claim(
        "training-accuracy-drops-after-the-rise",
        Extreme(series="train_acc", which="min", arm="minus_onset", where={"by": 5}),
        Region(below=0.9),
        Region(above=0.99),
    ),
    _claim(
        "training-and-test-move-together-after-it",
        Difference(
            of=Correlation(series="test_acc", beside="train_acc", arm="minus_1000", where={"by": 50}),
            against=Correlation(series="test_acc", beside="train_acc", since="t_mem", arm="minus"),
        ),
        Region(above=0.3),
        Region(below=0.0),
    ),
    *(
        _claim(
            f"{dose}-times-at-1000-changes-mode-{times}",
            ChangePoints(series="train_acc", beside="test_acc", arm="minus_1000", where={"by": by}),
            Region(above=number - 0.5, below=number + 0.5),
            refuted,
        )
        for dose, by, times, number, refuted in (
            ("ten", 10, "twice", 2, Region(below=0.5)),
            ("fifty", 50, "once", 1, Region(above=1.5)),
        )
    ),
    _claim(
        "recovery-takes-longer-than-memorising",
        Difference(
            of=EventTime(
                event="recovery",
                unit="log",
                detectors={"train_acc at 0.99": Recovery(of="train_acc", level=0.99)},
                arm="minus_1000",
                where={"by": 10},
            ),
            against=EventTime(event="t_mem", unit="log", arm="minus"),
        ),
        Region(above=0.69),
        Region(below=0.0),
        gates=(
            Gate(statistic=Extreme(series="train_acc", which="min", arm="minus_1000", where={"by": 10}), region=Region(below=0.99)),
        ),
    ),
    _claim(
        "decay-rescues-ten-times-at-1000",
        Difference(
            of=ValueAt(series="test_acc", at="end", arm="minus_1000_rescue"),
            against=ValueAt(series="test_acc", at="end", arm="minus_1000", where={"by": 10}),
            paired=True,
        ),
        Region(above=0.3),
        Region(below=0.0),
    ),
    # If memorising alone is faster too, faster convergence after a boost supports no account (R089).
    _claim(
        "memorising-alone-is-faster-too",
        LogRemainingTime(event="t_mem", arm="labels_start", against="labels", where={"by": 5}),
        Region(below=-0.3),
        Region(above=0.0),
    ),
    _claim(
        "higher-rates-from-the-start-shorten-the-delay",
        Slope(of=EventRatio(event="t_gen", over="t_mem", arm="minus_start"), along="by", log=True),
        Region(below=0.0),
        Region(above=0.0),
    ),
    # R073: in the debate onset comes before memorising. Is that because mirrored pairs leak?
    _claim(
        "sums-set-out-later-without-mirrored-pairs",
        EventRatio(event="t_on", over="naive onset", over_detector=Onset(of="test_acc"), arm="plus"),
        Region(above=3.0),
        Region(below=1.5),
    ),
    _claim(
        "sums-set-out-after-memorising",
        EventRatio(event="t_on", over="t_mem", arm="plus"),
        Region(above=1.0),
        Region(below=1.0),
    ),
    # R074. The measure does not depend on when training is stopped.
    _claim(
        "rising-takes-a-smaller-share-for-sums-than-for-quotients",
        Difference(of=Span(arm="plus"), against=Span(arm="quotient")),
        SOONER,
        LATER,
    ),
    # R077: after the boost, does the network generalise at once, or does it memorise again first?
    *(
        _claim(
            f"no-gap-opens-again-after-{name}-times-at-1000",
            ValueAt(series="train_acc", beside="test_acc", at="end", arm="minus_1000", where={"by": by}),
            Region(below=0.05),
            Region(above=0.3),
            gates=(
                Gate(
                    statistic=ValueAt(series="test_acc", at="end", minus="baseline", arm="minus_1000", where={"by": by}),
                    region=Region(above=0.1),
                ),
            ),
        )
        for name, by in (("ten", 10), ("fifty", 50))
    ),
    # R088: nothing is faster than five times the rate from the start.
    *(
        _claim(
            f"{name}-at-onset-is-later-than-five-times-from-the-start",
            Difference(
                of=EventTime(event="t_gen", unit="log", arm=f"minus_onset_{arm}"),
                against=EventTime(event="t_gen", unit="log", arm="minus_start", where={"by": 5}),
                paired=True,
            ),
            LATER,
            SOONER,
        )
        for name, arm in (("more-decay", "decay"), ("a-small-batch", "batch"))
    ),
    _claim("more-decay-at-onset-is-sooner", _time_left("minus_onset_decay"), SOONER, LATER),
    _claim("smaller-batches-at-onset-are-sooner", _time_left("minus_onset_batch"), SOONER, LATER),
    _claim(
        "annealing-keeps-what-was-learned",
        Difference(
            of=Extreme(series="test_acc", which="min", arm="annealed", where={"by": 5}),
            against=Extreme(series="test_acc", which="min", arm="kept", where={"by": 5}),
            paired=True,
        ),
        Region(above=0.05),
        Region(below=0.0),
    ),
    _claim(
        "annealing-from-the-start-delays",
        Difference(of=EventTime(event="t_gen", unit="log", arm="cosine"), against=EventTime(event="t_gen", unit="log", arm="minus")),
        Region(above=0.26),
        Region(below=0.0),
    ),
    _claim(
        "memorises-five-times-before-generalising",
        EventRatio(event="t_gen", over="t_mem", arm="minus"),
        Region(above=5.0),
        Region(below=2.0),
    ),
)

FIGURES = (
    Figure(
        title="What decides how much sooner a fork generalises: the moment, the task, the rate or the decay?",
        arms=(
            *("minus_start", "minus_300", "minus_1000", "minus_onset", "minus_start_decay", "minus_onset_decay"),
            *("plus_start", "plus_onset", "quotient_start", "quotient_onset", "s4_start", "s4_onset"),
        ),
        quantities=(_time_left("minus_onset"),),
        along="by",
        decides="the-task-decides-more-than-the-moment",
    ),
    Figure(
        title="How much sooner do forks generalise with lr x 5 and decay / 5, with decay x 5 alone, or with batches of 256?",
        arms=("minus_start_less_decay", "minus_start_decay", "minus_onset_less_decay", "minus_onset_decay", "minus_onset_batch"),
        quantities=(_time_left("minus_onset_decay"),),
    ),
    Figure(
        title="How do the accuracies of differences change after a boost at onset?",
        arms=("minus", "minus_onset"),
        series=("train_acc", "test_acc"),
        events=("t_on", "t_gen"),
    ),
    Figure(
        title="How do the accuracies of differences change after a boost at step 1000?",
        arms=("minus", "minus_1000"),
        series=("train_acc", "test_acc"),
        events=("t_on", "t_gen"),
    ),
    Figure(
        title="How do the accuracies of sums change after a boost at onset?",
        arms=("plus", "plus_onset"),
        series=("train_acc", "test_acc"),
        events=("t_on", "t_gen"),
    ),
)
SOURCES = (THREAD, POWER)

STUDY = Study(
    name="boost",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=40),
    profiles={
        "quick": Profile(
            seeds=2,
            pilot=True,
            assign={
                **{f"arms.{name}.experiment.{path}": value for name in ROOTS for path, value in EARLY_PILOT.items()},
                **{f"arms.{name}.experiment.task.p": 23 for name in ROOTS if name not in ("s4", "labels")},
                "arms.labels.experiment.task.of.p": 23,
                # The two minutes of a pilot end before the onset, so its forks start at fixed steps.
                **{f"arms.{name}.at": 60 for name, arm in FORKS.items() if arm.at in (300, 1000, "t_on")},
                **{f"arms.{name}.at": 20 for name, arm in FORKS.items() if arm.at == "t_gen"},
                **{f"arms.{name}.steps": 60 for name in FORKS},
            },
        ),
    },
)
