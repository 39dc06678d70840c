"""Reinforcement: what does it change how often a row is trained on, and what becomes of rows that are no longer trained on?

A row that is trained on k times as often has k times the weight in the loss, which is the expectation of sampling it k times as often.
The other rows of the same network are the control: without the weight they are alike. A region is the set of all pairs with certain
first operands. Both its trained and its held-out pairs are measured, so that one can see where a network generalises first.

Rows judged: R027 (frequency by region), R028 (rows that are withheld), R039 and R040 (what is left of the probability on the plateau),
R062 (shares of rows that fit no rule). R027 and R062 in part: frequency is a weight in the full batch and not a rate of minibatches,
and what fits no rule are corrupted labels and not unrelated blocks. The middle of the plateau is at half of t_on, or at step 150.
With two regions, R027's rank correlation of frequency and time is above 0.3 if the frequent region is first in more than 65 % of the
networks. Shares, weights and budgets were chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.claims.slopes import Slope
from epicycle.edits.data import Remove
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import DOSHI, THREAD
from epicycle.measures.fit import Accuracy, LogOdds, Loss, RegionAccuracy, Rows
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import SplitRule
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import CorruptedSplit, RemovedSplit, ReweightedSplit
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY, MICE, MOUSE, ON_MOUSE, UNTIL_GENERAL
from epicycle.tasks.derived import RandomLabels

QUESTION = "Is what a network is trained on more often learned better and sooner, and is what it is no longer trained on forgotten?"

PLATEAU, AFTER = "0.5*t_on", "1.2*t_gen"
PLATEAU_STEPS, WITHHELD_STEPS = 150, 100
WEIGHTS = (0.25, 0.5, 2.0, 4.0, 8.0, 16.0)
REGION, REST = (0, 14), (15, 30)  # first operands
FREQUENCIES = (1.0, 2.0, 4.0, 16.0)
SHARES = (0.02, 0.05, 0.1)
MEMORY = FLY.swept("task", RandomLabels(of=FLY.task).model_dump(mode="json"))


def _on(split: SplitRule, experiment: Experiment = FLY, steps: int | None = None) -> Experiment:
    """The fly on another split; with a number of steps, a fly that ends there."""
    changed = experiment.swept("split", split.model_dump(mode="json"))
    return changed.swept("training.steps", steps).swept("training.stop", None) if steps else changed


REWEIGHTED = ReweightedSplit(of=FLY.split, share=0.1, weight=2.0)
ARMS: dict[str, RootArm | ForkArm] = {
    # The control, and memory alone: labels without a rule.
    "plain": RootArm(experiment=_on(FLY.split, FLY, 2000), seeds=FLIES),
    "memory": RootArm(experiment=_on(FLY.split, MEMORY, 2000), seeds=FLIES),
    # A tenth of the trained rows, drawn at random, is trained on more often or less often. Runs end on the plateau.
    "frequent_rows": RootArm(experiment=_on(REWEIGHTED, FLY, PLATEAU_STEPS), seeds=FLIES, sweep={"split.weight": WEIGHTS}),
    "frequent_random_labels": RootArm(experiment=_on(REWEIGHTED, MEMORY, PLATEAU_STEPS), seeds=FLIES, sweep={"split.weight": WEIGHTS}),
    # All trained pairs of a region are trained on more often.
    "region": RootArm(
        experiment=_on(ReweightedSplit(of=FLY.split, first_operands=REGION, weight=1.0), FLY, 1500),
        seeds=FLIES,
        sweep={"split.weight": FREQUENCIES},
    ),
    # A tenth of the trained rows is withheld: once the network has memorised, on the plateau, and once it has generalised.
    **{
        f"withheld_{when}": ForkArm(fork="plain", at=at, edits=(Remove(share=0.1),), steps=WITHHELD_STEPS)
        for when, at in (("early", "t_mem"), ("on_plateau", PLATEAU), ("late", AFTER))
    },
    # A share of the trained rows gets random labels, which fit no rule; or the share is left out.
    "corrupted": RootArm(
        experiment=_on(CorruptedSplit(of=FLY.split, share=0.1)).swept("training.steps", 2500),
        seeds=FLIES,
        sweep={"split.share": (0.0, *SHARES)},
    ),
    "left_out": RootArm(experiment=_on(RemovedSplit(of=FLY.split, share=0.1)), seeds=FLIES, sweep={"split.share": SHARES[1:]}),
}


def _certainty(arm: str, at: str = "end") -> ValueAt:
    """The log-odds of the right answer in a typical trained row."""
    return ValueAt(series="train_log_odds", at=at, arm=arm)


def _ahead(arm: str) -> ValueAt:
    """By how much reweighted rows are more certain than the other rows of the same network."""
    return ValueAt(series="reweighted_log_odds", at="end", beside="not_reweighted_log_odds", arm=arm)


def _regional(tokens: tuple[int, int]) -> Threshold:
    return Threshold(of=RegionAccuracy(tokens=tokens).name, level=0.95)


def _generalised(tokens: tuple[int, int], weight: float) -> EventTime:
    """The logarithm of the step at which held-out pairs of a region are right."""
    event = "t_gen of the region" if tokens == REGION else "t_gen of the rest"
    return EventTime(event=event, detectors={"0.95": _regional(tokens)}, unit="log", arm="region", where={"weight": weight})


def _region_ratio(**where: float) -> EventRatio:
    """How much later a region that is trained on more often is generalised than the rest of the table."""
    return EventRatio(
        event="t_gen of the region",
        detectors={"0.95": _regional(REGION)},
        over="t_gen of the rest",
        over_detector=_regional(REST),
        arm="region",
        where=where,
    )


def _memory_ratio(weight: float) -> EventRatio:
    detectors = {rows: Threshold(of=Accuracy(rows=rows).name, level=0.99) for rows in ("reweighted", "not_reweighted")}
    return EventRatio(
        event="t_mem of frequent rows",
        detectors={"0.99": detectors["reweighted"]},
        over="t_mem of other rows",
        over_detector=detectors["not_reweighted"],
        arm="frequent_rows",
        where={"weight": weight},
    )


def _withheld(arm: str, series: str, **fields: Any) -> ValueAt:
    return ValueAt(series=series, at="end", arm=arm, **fields)


def _log_time(arm: str, event: str = "t_gen", **where: float) -> EventTime:
    return EventTime(event=event, unit="log", arm=arm, where=where)


def _half_right(arm: str, **where: float) -> EventTime:
    """The logarithm of the step from which half of the held-out pairs are right."""
    halfway = {"0.5": Threshold(of="test_acc", level=0.5)}
    return EventTime(event="half of the rule", detectors=halfway, unit="log", arm=arm, where=where)


def _paired(of: Any, against: Any) -> Difference:
    return Difference(of=of, against=against, paired=True)


_claim = partial(Claim, primary=False, phenomenon="reinforcement", sources=(THREAD.key,))
BY_REPEATS = inferred("R027: distinct examples count, repeats do not", efficiency="no")

CLAIMS = (
    # R040 and the first half of R027: how often a row is trained on.
    _claim(
        id="frequent-rows-are-more-certain",
        says="Training ten times as often on a row makes the odds of its right answer more than 2 times higher, once it is memorised.",
        statistic=Slope(of=_ahead("frequent_rows"), along="weight", log=True),
        supported_if=Region(above=log(2) / log(10)),
        refuted_if=Region(below=0.1 / log(10)),
        primary=True,
        accounts=postdictions("R040: a single training point reinforces it", single_hit="yes"),
    ),
    _claim(
        id="odds-grow-in-proportion-to-frequency",
        says="The odds grow in proportion to the frequency: ten times as often, between 6.3 and 16 times the odds.",
        statistic=Slope(of=_ahead("frequent_rows"), along="weight", log=True),
        supported_if=Region(above=0.8, below=1.2),
        refuted_if=Region(above=1.2, below=0.8),
    ),
    _claim(
        id="frequent-rows-are-memorised-sooner",
        says="Rows that are trained on four times as often are memorised before the others.",
        statistic=_memory_ratio(4.0),
        supported_if=Region(below=0.9),
        refuted_if=Region(above=1.0),
    ),
    _claim(
        id="memory-alone-is-more-certain-of-frequent-rows",
        says="Training ten times as often on a row makes its odds more than 2 times higher, with random labels too.",
        statistic=Slope(of=_ahead("frequent_random_labels"), along="weight", log=True),
        supported_if=Region(above=log(2) / log(10)),
        refuted_if=Region(below=0.1 / log(10)),
        accounts=postdictions("R040: a single training point reinforces it", single_hit="yes"),
    ),
    # R039: what is left of the probability on the plateau.
    _claim(
        id="the-plateau-leaves-probability",
        says="On the plateau the odds of the right answer of a typical trained row are below 999 to 1.",
        statistic=_certainty("plain", PLATEAU),
        supported_if=Region(below=log(999)),
        refuted_if=Region(above=log(999)),
        accounts={
            **postdictions("R039: about 0.95 on the right answer", single_hit="yes"),
            **postdictions("R039: memorisation is easy and complete", coverage="no"),
        },
    ),
    _claim(
        id="certainty-stands-still-on-the-plateau",
        says="In the second half of the plateau the odds of trained rows grow less than 2 times higher.",
        statistic=SeriesChange(series="train_log_odds", since=PLATEAU, until="t_on", arm="plain"),
        supported_if=Region(below=log(2)),
        refuted_if=Region(above=log(2)),
        accounts=inferred("R039: memory only reaches about 0.95", single_hit="yes"),
    ),
    _claim(
        id="the-rule-is-more-certain-than-the-plateau",
        says="After generalising the odds of trained rows are more than 2 times higher than on the plateau.",
        statistic=SeriesChange(series="train_log_odds", since=PLATEAU, until=AFTER, arm="plain"),
        supported_if=Region(above=log(2)),
        refuted_if=Region(below=0.0),
        accounts=postdictions("R039: pushed from about 0.95 to about 0.99", single_hit="yes"),
    ),
    _claim(
        id="random-labels-end-less-certain",
        says="Trained on random labels for as long, a network ends with odds of its trained rows that are more than 2 times lower.",
        statistic=_paired(_certainty("memory"), _certainty("plain")),
        supported_if=Region(below=-log(2)),
        refuted_if=Region(above=0.0),
        accounts=inferred("R039: memorising functions are complicated", single_hit="yes"),
    ),
    # R027: regions that are trained on more often.
    _claim(
        id="a-frequent-region-is-generalised-first",
        says="In more than 65 % of the networks the region that is trained on four times as often is generalised before the rest.",
        statistic=RegionShare(of=_region_ratio(weight=4.0), region=Region(below=1.0)),
        supported_if=Region(above=0.65),
        refuted_if=Region(below=0.5),
        primary=True,
        accounts={**predictions("R027", coverage="yes"), **BY_REPEATS},
    ),
    _claim(
        id="frequency-orders-regions",
        says="The more often a region is trained on, the sooner it is generalised, compared with the rest.",
        statistic=Slope(of=_region_ratio(), along="weight", log=True),
        supported_if=Region(below=-0.1 / log(10)),
        refuted_if=Region(above=-0.1 / log(10)),
        accounts={**predictions("R027", coverage="yes"), **BY_REPEATS},
    ),
    _claim(
        id="frequency-brings-a-region-sooner",
        says="Training on a region four times as often makes the network generalise in this region sooner.",
        statistic=_paired(_generalised(REGION, 4.0), _generalised(REGION, 1.0)),
        supported_if=Region(below=-0.1),
        refuted_if=Region(above=0.0),
        accounts={**predictions("R027: reinforced twice as often recovers better", coverage="yes"), **BY_REPEATS},
    ),
    _claim(
        id="repeats-change-nothing",
        says="Training on the pairs of one region four times as often leaves the time of generalising as it is, within 25 %.",
        statistic=_paired(_log_time("region", weight=4.0), _log_time("region", weight=1.0)),
        supported_if=Region(above=-log(1.25), below=log(1.25)),
        refuted_if=Region(above=log(1.25), below=-log(1.25)),
        accounts=inferred("R027: distinct examples count, repeats do not", efficiency="yes"),
    ),
    # R028: rows that are withheld.
    _claim(
        id="withheld-rows-are-forgotten-before-the-rule",
        says="The loss of withheld rows exceeds that of trained rows ten times as much before generalising as after.",
        statistic=_paired(
            *(_withheld(arm, "removed_loss", beside="train_loss", log=True) for arm in ("withheld_early", "withheld_late"))
        ),
        supported_if=Region(above=log(10)),
        refuted_if=Region(below=0.0),
        primary=True,
        accounts={**predictions("R028", coverage="yes"), **postdictions("R028: parameters do not interfere", free_path="no")},
    ),
    _claim(
        id="memory-of-withheld-rows-fades",
        says="Before it generalises, a network forgets more than half of the rows that are withheld.",
        statistic=_withheld("withheld_early", "removed_acc"),
        supported_if=Region(below=0.5),
        refuted_if=Region(above=0.9),
        accounts={**predictions("R028", coverage="yes"), **postdictions("R028: parameters do not interfere", free_path="no")},
    ),
    _claim(
        id="memory-on-the-plateau-fades",
        says="On the plateau, too, a network forgets more than half of the rows that are withheld.",
        statistic=_withheld("withheld_on_plateau", "removed_acc"),
        supported_if=Region(below=0.5),
        refuted_if=Region(above=0.9),
        accounts={**predictions("R028", coverage="yes"), **postdictions("R028: parameters do not interfere", free_path="no")},
    ),
    _claim(
        id="the-rule-keeps-withheld-rows",
        says="Once it has generalised, a network keeps more than 95 % of the rows that are withheld.",
        statistic=_withheld("withheld_late", "removed_acc"),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.9),
        accounts=predictions("R028", coverage="yes"),
    ),
    # R062: rows that fit no rule.
    _claim(
        id="uncombinable-rows-delay",
        says="With each 0.1 more of rows that fit no rule, half of the held-out pairs are right more than 10 % later.",
        statistic=Slope(of=_half_right("corrupted"), along="share", per=0.1),
        supported_if=Region(above=log(1.1) / 0.1),
        refuted_if=Region(below=log(1.1) / 0.1),
        accounts=predictions("R062", barrier="yes"),
        sources=(THREAD.key, DOSHI.key),
    ),
    _claim(
        id="uncombinable-rows-delay-more-than-missing-ones",
        says="Rows that fit no rule delay generalisation by more than 10 % beyond what it takes to miss as many rows.",
        statistic=_paired(_log_time("corrupted", share=0.05), _log_time("left_out", share=0.05)),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=log(1.1)),
        accounts=inferred("R062", barrier="yes"),
        sources=(THREAD.key, DOSHI.key),
    ),
    _claim(
        id="uncombinable-rows-delay-memory-too",
        says="A network of whose rows 10 % fit no rule also memorises more than 10 % later.",
        statistic=_paired(_log_time("corrupted", "t_mem", share=0.1), _log_time("corrupted", "t_mem", share=0.0)),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=log(1.1)),
        accounts=inferred("R062: such networks are just bad at learning", coverage="yes"),
    ),
)

FIGURES = (
    Figure(
        title="How certain is a network of rows that it is trained on more often, compared with the others?",
        arms=("frequent_rows", "frequent_random_labels"),
        quantities=(_ahead("frequent_rows"),),
        along="weight",
        decides="frequent-rows-are-more-certain",
    ),
    Figure(
        title="What becomes of rows that are withheld before and after generalising?",
        arms=("withheld_early", "withheld_on_plateau", "withheld_late"),
        series=("train_acc", "removed_acc", "never_trained_acc"),
    ),
    Figure(
        title="When does each region generalise, if the first is trained on more often?",
        arms=("region",),
        quantities=tuple(_generalised(tokens, 4.0).model_copy(update={"where": {}}) for tokens in (REGION, REST)),
        along="weight",
    ),
    Figure(
        title="How certain of its trained rows is a network on the rule, and one on random labels?",
        arms=("plain", "memory"),
        series=("train_log_odds",),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="Do rows that fit no rule delay generalisation more than missing rows do?",
        arms=("corrupted", "left_out"),
        quantities=(_half_right("corrupted"),),
        along="share",
    ),
)
SOURCES = (THREAD, DOSHI)

# Of the mouse it is asked what becomes of rows that are trained on more often, and of rows that are withheld.
ARMS_OF_MICE = ("plain", "frequent_rows", "region", "withheld_early", "withheld_on_plateau", "withheld_late")
BUDGET_OF_MICE = {"training.steps": 1500, "training.stop": UNTIL_GENERAL.model_dump(mode="json")}
ON_A_MOUSE = {path: value for path, value in ON_MOUSE.items() if not path.startswith(("split", "training.steps"))} | {
    "arms.plain.split": MOUSE.split.model_dump(mode="json"),
    **{f"arms.{name}.split.of": MOUSE.split.model_dump(mode="json") for name in ("frequent_rows", "region")},
    **{f"arms.{name}.{path}": value for name in ("plain", "region") for path, value in BUDGET_OF_MICE.items()},
    "arms.frequent_rows.sweep": {"split.weight": (0.25, 4.0, 16.0)},
    "arms.region.sweep": {"split.weight": (1.0, 4.0)},
    # The mouse's unit, in which decay alone divides a weight by e, is 200 steps.
    **{f"arms.withheld_{when}.steps": 2 * WITHHELD_STEPS for when in ("early", "on_plateau", "late")},
}

_ROWS: tuple[Rows, ...] = ("removed", "never_trained", "reweighted", "not_reweighted")
STUDY = Study(
    name="reinforcement",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        measures=(
            *Observation().measures,
            *(Accuracy.parse({"rows": rows}) for rows in _ROWS),
            Loss.parse({"rows": "removed"}),
            *(LogOdds.parse({"rows": rows}) for rows in ("train", "reweighted", "not_reweighted")),
            *(RegionAccuracy(tokens=tokens) for tokens in (REGION, REST)),
        ),
        per_decade=120,
        checkpoint_megabytes=5,
    ),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, arms=ARMS_OF_MICE, assign=ON_A_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
