"""Ladders: does a network grok because nothing lies between memory and the rule?

Shah's first account says so: with easier rules on the way, learning is smooth and not late (R047). On the *ladder* half of the values
of y have easier rules than the others, on one or three rungs; one sum is right on all rows. Easier rules take something away, too:
fewer values of y show the whole sum. *alone* trains on half of the table of sums only.

Shah's second account says that the time to grok grows exponentially with the complexity of the task (R048). *same_pairs* trains on
580 pairs of more and more residues, *same_share* on 60 % of the pairs. TLW says that a network groks late where its parts cannot be
combined (R062). In *blocks* each half of the table names its answers in a way of its own. That rows with random labels delay it is
judged in `reinforcement`.

S5 is said to have a long slow ramp before accuracy rises fast (R069); S4 stands for it. Logits are said to be a power of the weight
norm (R125): *labels* memorises random labels at several weight decays, as the figure of the paper has it. Norms that are held are
judged in `efficiency`.

Not judged: R063, networks whose architecture makes parts hard to combine. Of R048, other measures of complexity than the size: the
number of operands, groups, parities. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.laws import LawShare, PooledLaws
from epicycle.claims.power_laws import QuantityPower
from epicycle.claims.quantities import EventTime, Quantity, Span
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.claims.two_phases import TwoPhases
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import POWER, THREAD, VARMA
from epicycle.measures.fit import Accuracy, RegionAccuracy
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import RemovedSplit
from epicycle.splits.drawn import CountedSplit
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY, GROUP, fly
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.ladder import Blocks, Ladder

QUESTION = "Does a network grok because nothing lies between memory and the rule, and does a larger task take exponentially longer?"
N = 32
SHARE = 0.7  # of the pairs; with 60 % of them half of the pilot networks on one rung do not generalise within 4,000 steps
RUNGS = (0, 1, 3)
# With 580 pairs the pilot networks generalise at step 200 with 25 residues, at 1,503 with 35, and at up to 4,754 with 37.
PAIRS, SIZES = 580, (25, 27, 29, 31, 33, 35)
SIZES_OF_SHARE = (23, 29, 37, 47)  # with 19 or fewer residues, 60 % of the pairs are too few
# With less decay the norm still grows after 2,000 steps, and with more the labels are not all memorised.
DECAYS = (3.2, 3.6, 4.0, 4.5, 5.0)
SIZED, FEW, LABELS = 32, 24, 12  # seeds of arms whose runs take long, or whose pilots left no doubt


def _longer(experiment: Experiment, steps: int) -> Experiment:
    return experiment.swept("training.steps", steps)


SUM = fly(Ladder(n=N), SHARE)
HALF = RemovedSplit(of=SUM.split, first_operands=(0, N // 2 - 1))
ARMS = {
    # Sums with no, one and three easier rules on half of the values of y.
    "ladder": RootArm(experiment=_longer(SUM, 6000), seeds=FLIES, sweep={"task.rungs": RUNGS}),
    # Sums, of which half of the values of x are left out.
    "alone": RootArm(experiment=_longer(SUM, 2000).swept("split", HALF.model_dump(mode="json")), seeds=FEW),
    # Sums whose answers have other names in the second half of the values of y.
    "blocks": RootArm(experiment=_longer(fly(Blocks(of=SUM.task, blocks=2), SHARE), 2500), seeds=FEW),
    # Differences of more and more residues: as many pairs, and as large a share of the pairs.
    "same_pairs": RootArm(
        experiment=_longer(FLY.swept("split", CountedSplit(n_train=PAIRS).model_dump(mode="json")), 8000),
        seeds=SIZED,
        sweep={"task.p": SIZES},
    ),
    "same_share": RootArm(experiment=FLY, seeds=LABELS, sweep={"task.p": SIZES_OF_SHARE}),
    # Products in a group.
    "group": RootArm(experiment=GROUP, seeds=FLIES),
    # Memory alone.
    "labels": RootArm(
        experiment=_longer(fly(RandomLabels(of=FLY.task)), 2000).swept("training.stop", None),
        seeds=LABELS,
        sweep={"training.optimiser.weight_decay": DECAYS},
    ),
}

HARD = RegionAccuracy(tokens=(N // 2, N - 1), position=1)
RISE, RIGHT = Threshold(of="test_acc", level=0.1), Threshold(of=HARD.name, level=0.95)


def _span(rungs: int) -> Span:
    """From 0.1 of the held-out rows to t_gen, as a share of t_gen."""
    return Span(since="t_rise", until="t_gen", detectors={"t_rise": RISE}, arm="ladder", where={"rungs": rungs})


def _log_time(arm: str, event: str = "t_gen", **where: Any) -> EventTime:
    return EventTime(event=event, arm=arm, unit="log", where=where)


def _hard(rungs: int, arm: str = "ladder") -> EventTime:
    """When the held-out rows without an easier rule are right."""
    return EventTime(event="t_hard", unit="log", arm=arm, where={"rungs": rungs}, detectors={"t_hard": RIGHT})


def _paired(of: Quantity, against: Quantity) -> Difference:
    return Difference(of=of, against=against, paired=True)


def _fifth(arm: str, series: str) -> EventTime:
    """When a fifth of the held-out rows is right."""
    return EventTime(event="t_fifth", unit="log", arm=arm, detectors={"t_fifth": Threshold(of=series, level=0.2)})


ALONE = EventTime(event="t_hard", unit="log", arm="alone", detectors={"t_hard": Threshold(of="never_trained_acc", level=0.95)})
SIZE: dict[str, Any] = {"of": EventTime(event="t_gen", arm="same_pairs"), "along": "p", "law": "exponential"}
EXPONENTIAL = {
    **predictions("R048: exponentially with complexity", complexity="yes"),
    **inferred("R048: what matters is what lies between memory and the rule", single_hit="no"),
}
MARGIN, NORM = (ValueAt(series=series, at="end", arm="labels") for series in ("train_margin", "total_norm"))


def _settled(decay: float) -> SeriesChange:
    """How far the norm moves in the last fifth of the budget, in decades."""
    return SeriesChange(series="total_norm", since="0.8*end", arm="labels", where={"weight_decay": decay}, decades=True)


claim = partial(Claim, primary=False, sources=(THREAD.key,))
CLAIMS = (
    claim(
        id="rungs-make-the-rise-smooth",
        says="With three easier rules the rise of accuracy takes over 10 points more of the time to generalise than with none.",
        statistic=_paired(_span(3), _span(0)),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        primary=True,
        phenomenon="ladders",
        accounts=predictions("R047: smooth where shallow circuits combine stepwise", single_hit="yes"),
    ),
    claim(
        id="rungs-take-the-delay-away",
        says="With three easier rules a network generalises over 20 % sooner than with none.",
        statistic=_paired(_log_time("ladder", rungs=3), _log_time("ladder", rungs=0)),
        supported_if=Region(below=log(0.8)),
        refuted_if=Region(above=0.0),
        primary=True,
        phenomenon="ladders",
        accounts={
            **predictions("R047: delay decreases with the number of heuristics", single_hit="yes"),
            **inferred("R047: combination happens in grokking itself", coverage="no"),
        },
    ),
    claim(
        id="larger-tasks-take-exponentially-longer",
        says="With as many pairs, in more than 0.5 of the seeds time is an exponential of the size rather than a power or no law.",
        statistic=LawShare(**SIZE, against=("power", "constant"), by=0.0),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.5),
        primary=True,
        phenomenon="complexity",
        accounts=EXPONENTIAL,
    ),
    claim(
        id="more-rungs-make-it-sooner",
        says="With three easier rules a network generalises over 20 % sooner than with one.",
        statistic=_paired(_log_time("ladder", rungs=3), _log_time("ladder", rungs=1)),
        supported_if=Region(below=log(0.8)),
        refuted_if=Region(above=0.0),
        phenomenon="ladders",
        accounts=predictions("R047: delay decreases with the number of heuristics", single_hit="yes"),
    ),
    claim(
        id="easier-rules-help-the-others",
        says="Rows without an easier rule are right over 20 % sooner beside rows with three easier rules than alone.",
        statistic=_paired(_hard(3), ALONE),
        supported_if=Region(below=log(0.8)),
        refuted_if=Region(above=0.0),
        phenomenon="ladders",
        accounts={
            **inferred("R047: steps in between help", single_hit="yes"),
            **inferred("R022: circuits that serve more rows are reinforced", coverage="yes"),
        },
    ),
    claim(
        id="all-sizes-an-exponential",
        says="Over all networks, an exponential law beats a power law and no law at all by over 10 in Akaike's criterion.",
        statistic=PooledLaws(**SIZE, against=("power", "constant")),
        supported_if=Region(above=10),
        refuted_if=Region(below=-10),
        phenomenon="complexity",
        accounts=EXPONENTIAL,
    ),
    claim(
        id="larger-tasks-take-longer",
        says="With as large a share of the pairs, each 10 residues more make a network generalise over 5 % later.",
        statistic=Slope(of=_log_time("same_share"), along="p", per=10),
        supported_if=Region(above=log(1.05) / 10),
        refuted_if=Region(below=0.0),
        phenomenon="complexity",
        accounts=inferred("R048: time grows with complexity", complexity="yes"),
    ),
    claim(
        id="unrelated-blocks-delay",
        says="If the blocks of the table name their answers differently, generalisation begins over 2 times later.",
        statistic=_paired(_log_time("blocks", "t_on"), _log_time("ladder", "t_on", rungs=0)),
        supported_if=Region(above=log(2)),
        refuted_if=Region(below=log(1.2)),
        phenomenon="ladders",
        accounts=predictions("R062: resists grokking where circuits cannot be combined", barrier="yes"),
    ),
    claim(
        id="unrelated-blocks-delay-memory-too",
        says="If the blocks of the table name their answers differently, memory comes over 5 % later.",
        statistic=_paired(_log_time("blocks", "t_mem"), _log_time("ladder", "t_mem", rungs=0)),
        supported_if=Region(above=log(1.05)),
        refuted_if=Region(below=log(1.02)),
        phenomenon="ladders",
        accounts=inferred("R063: such networks are just bad at learning", coverage="yes"),
    ),
    claim(
        id="unrelated-blocks-disturb-each-other",
        says="With unrelated blocks, 0.2 of the held-out rows are right over 25 % later than with a single block alone.",
        statistic=_paired(_fifth("blocks", "test_acc"), _fifth("alone", "never_trained_acc")),
        supported_if=Region(above=log(1.25)),
        refuted_if=Region(below=0.0),
        phenomenon="ladders",
        accounts=inferred("R062: parts that cannot be combined are in the way", barrier="yes"),
    ),
    claim(
        id="a-slow-ramp-comes-first",
        says="In S4, held-out accuracy rises by over 2 points in a slow phase before the fast one.",
        statistic=TwoPhases(series="test_acc", what="ramp", arm="group"),
        supported_if=Region(above=0.02),
        refuted_if=Region(below=0.02),
        gates=(Gate(statistic=TwoPhases(series="test_acc", arm="group"), region=Region(above=0.3)),),
        phenomenon="rise",
        accounts={
            **postdictions("R069: the ramp is part of putting circuits together", coverage="yes"),
            **postdictions("R069: grokking is counted from the fast part", single_hit="no"),
        },
        sources=(THREAD.key, POWER.key),
    ),
    claim(
        id="memory-follows-no-power-law",
        says="Between the smallest and the largest norm the exponent of the margin of random labels changes by more than 1.",
        statistic=QuantityPower(of=MARGIN, beside=NORM, along="weight_decay"),
        supported_if=Region(above=1.0, below=-1.0),
        refuted_if=Region(above=-1.0, below=1.0),
        gates=(Gate(statistic=_settled(DECAYS[0]), region=Region(above=-0.05, below=0.05)),),
        phenomenon="power-law",
        accounts=predictions("section 3: logits are a power of the norm", power_law="no"),
        sources=(VARMA.key, THREAD.key),
    ),
)

FIGURES = (
    Figure(
        title="Do easier rules on the way make generalising smoother and sooner?",
        arms=("ladder",),
        series=("test_acc", HARD.name),
        events=("t_mem", "t_gen"),
        decides="rungs-take-the-delay-away",
    ),
    Figure(
        title="How does the time to generalise change with the number of residues?",
        arms=("same_pairs", "same_share"),
        quantities=(_log_time("same_pairs"),),
        along="p",
        decides="larger-tasks-take-exponentially-longer",
    ),
    Figure(
        title="When is a network general whose halves name their answers differently, and one that sees one half?",
        arms=("blocks", "alone"),
        series=("train_acc", "test_acc", "never_trained_acc"),
        events=("t_mem", "t_on"),
    ),
    Figure(
        title="Does held-out accuracy rise slowly at first in a group?",
        arms=("group",),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
    Figure(
        title="How far does the right logit lead on random labels, under more and more weight decay?",
        arms=("labels",),
        quantities=(MARGIN, NORM),
        along="weight_decay",
    ),
)

STUDY = Study(
    name="ladders",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, POWER, VARMA),
    observation=Observation(
        measures=(*Observation().measures, Accuracy(rows="never_trained"), HARD), per_decade=60, checkpoint_megabytes=5
    ),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
