"""Barrier: does a hill in the training loss lie between memory and the rule, and does its height set the delay?

One text says that shallow circuits give way to general ones over a barrier (R096), another that in so many dimensions a way that never
rises is always open (R099). Both are judged on paths from a memory to the network with which its run ends. A *memory* is a fly when it
has memorised, a fly half-way to the onset, or a fly that was trained without weight decay and has nothing but memory (*deep*). A path
is the straight line, a Bezier curve, or a walk that takes no step uphill (docs/forks.md, `along_path`). Forks begin at the highest
point of a path, or at the end of a walk, and their first record is judged; forks without an edit give the height where a path begins.
As a control, walks of the same length lead to the end of another fly with the same rows (*strange*).

R096 is judged over nine cells: three shares of data by three widths. R103 asks for a width from which on two algorithms do not
interfere; what is judged here is whether the straight line rises less in wider networks. Of R102, the weights of two networks are
interpolated; a mixture of their logits has no hump, as cross-entropy is convex (a test holds this). R098, what it costs to remove
memory, is judged in study `memory_removed`, R104 in `two_at_once`, what noise does in `disruptors`
and `heat` (R097), R100 and R105 in `curvature`, R101 in `way_between`, R018 in `spikes`. Beside the rows, the study asks when it is
settled in which valley a fly ends: a fly gets noise on its weights at a moment, and the line between its end and that of the untouched
fly is judged. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).

All cells are trained for the same number of steps. When the study was judged for the first time, each run of a cell ended at 1.25 of
its own t_gen, so that the paths of a slow cell led further, and the claim was supported. With one end it is refuted
(docs/verdicts/barrier).
"""

from functools import partial
from math import log
from typing import Any, Literal

from epicycle.claims.cell_correlation import CellCorrelation
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.edits.along_path import AlongPath
from epicycle.edits.parameters import AddNoise
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import AINSWORTH, FRANKLE, GARIPOV, THREAD
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Edit
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY

QUESTION = "Is there a barrier between memory and the rule, and does its height set the delay?"

Shape = Literal["straight", "bezier", "walk"]
MEMORISED, PLATEAU = MOMENTS = ("t_mem", "0.5*t_on")
LAST = "1.2*t_gen"  # a fly's run ends at 1.25 of t_gen
DEEP = 300  # steps without decay; the training loss is then about 1e-4
SEARCH = 40
NOISE = 0.1  # of each tensor's root mean square
BIRTH = "0.01*t_mem"  # the first step
SHARES, WIDTHS, IN_CELLS, CELL_END = (0.6, 0.7, 0.8), (64, 128, 256), 24, 1600
SMALL = 0.034  # 1 % of the first training loss, ln 31


def _along(donor: str, path: Shape, weight: Any = "top", match: bool = False) -> Edit:
    return AlongPath(tensors=("*",), donor=donor, path=path, weight=weight, match=match, search=SEARCH)


def _from_plain(*edits: Edit) -> ForkArm:
    return ForkArm(fork="plain", at=MEMORISED, edits=edits, sweep={"at": MOMENTS}, steps=1)


def _from(fork: str, at: int | str, *edits: Edit) -> ForkArm:
    return ForkArm(fork=fork, at=at, edits=edits, steps=1)


ARMS: dict[str, RootArm | ForkArm] = {
    "plain": RootArm(experiment=FLY, seeds=FLIES),
    # Paths from memory to the end of the same run: where they begin, and their highest points.
    "begin": _from_plain(),
    "line_top": _from_plain(_along("plain", "straight")),
    "curve_top": _from_plain(_along("plain", "bezier")),
    "walk_top": _from("plain", PLATEAU, _along("plain", "walk")),
    "walk_end": _from("plain", PLATEAU, _along("plain", "walk", 1.0)),
    # Nothing but memory: without decay. The paths lead to the end of the fly of the same seeds.
    "deep": RootArm(
        experiment=FLY.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None).swept("training.steps", DEEP),
        seeds=FLIES,
    ),
    "deep_begin": _from("deep", DEEP),
    "deep_line_top": _from("deep", DEEP, _along("plain", "straight")),
    "deep_curve_top": _from("deep", DEEP, _along("plain", "bezier")),
    "deep_walk_top": _from("deep", DEEP, _along("plain", "walk")),
    "deep_walk_end": _from("deep", DEEP, _along("plain", "walk", 1.0)),
    # Other flies with the same rows. Their units are as they were drawn, or change places to fit.
    "stranger": RootArm(experiment=FLY, seeds=FLIES, first_seed=500, first_data_seed=0),
    "strange_walk_top": _from("deep", DEEP, _along("stranger", "walk")),
    "strange_line_top": _from("plain", LAST, _along("stranger", "straight")),
    "strange_matched_top": _from("plain", LAST, _along("stranger", "straight", match=True)),
    "strange_curve_top": _from("plain", LAST, _along("stranger", "bezier", match=True)),
    # A fly with noise on its weights at a moment, and the line from its end to that of the untouched fly.
    "nudged": ForkArm(fork="plain", at=BIRTH, edits=(AddNoise(tensors=("*",), spread=NOISE),), sweep={"at": (BIRTH, MEMORISED)}),
    "nudged_line_top": _from("nudged", LAST, _along("plain", "straight")),
    # Nine cells: does the delay grow with the barrier?
    "cells": RootArm(
        experiment=FLY.swept("training.stop", None).swept("training.steps", CELL_END),
        seeds=IN_CELLS,
        first_seed=200,  # no run of `plain`, whose last state is the end of its paths
        sweep={"split.frac_train": SHARES, "model.d_mlp": WIDTHS},
    ),
    "cells_begin": _from("cells", MEMORISED),
    "cells_line_top": ForkArm(fork="cells", at=MEMORISED, edits=(_along("cells", "straight"),), sweep={"at": MOMENTS}, steps=1),
}


def _loss(arm: str, logs: bool = False, **where: Any) -> ValueAt:
    """The training loss with which forks begin."""
    return ValueAt(series="train_loss", at="start", arm=arm, where=where, log=logs)


def _rise(top: str, begin: str, logs: bool, **where: Any) -> Difference:
    """How far, or with logarithms how many times, a path rises above where it begins. Its other end is lower."""
    return Difference(of=_loss(top, logs, **where), against=_loss(begin, logs, **where), paired=True)


def _together(**where: Any) -> CellCorrelation:
    """Delay and barrier over cells."""
    return CellCorrelation(
        of=EventTime(event="t_gen", unit="log", arm="cells", where=where),
        beside=_loss("cells_line_top", at=MEMORISED, **where),
        less=_loss("cells_begin", **where),
    )


def _arrives(arm: str) -> Gate:
    return Gate(statistic=ValueAt(series="test_acc", at="start", arm=arm), region=Region(above=0.95))


STAYS_LOW = {"below 0.001": Threshold(of="train_loss", level=1e-3, side="below", hold=0.0)}
NO_WAY = predictions("R096: an activation barrier", barrier="yes", free_path="no")
A_WAY = predictions("R099: a direction is nearly always open", barrier="no", free_path="yes")
TEN_TIMES = {"supported_if": Region(above=log(10)), "refuted_if": Region(below=log(2))}
NOT_TWICE = {"supported_if": Region(below=log(2)), "refuted_if": Region(above=log(10))}
HARDLY = {"supported_if": Region(below=SMALL), "refuted_if": Region(above=0.1)}
claim: Any = partial(Claim, phenomenon="barrier", sources=("thread2022",))
SAME_VALLEY = "the same valley: the line between the ends rises by less than 0.034 nats"
exploratory: Any = partial(claim, primary=False)
valley: Any = partial(Claim, primary=False, phenomenon="valleys")
CLAIMS = (
    claim(
        id="a-way-that-does-not-rise",
        says="From nothing but memory, a walk to the general network keeps the training loss below 2 times what it was.",
        statistic=_rise("deep_walk_top", "deep_begin", logs=True),
        gates=(_arrives("deep_walk_end"),),
        accounts=A_WAY,
        **NOT_TWICE,
    ),
    claim(
        id="the-straight-line-rises",
        says="The straight line from nothing but memory to the general network rises to more than 10 times the training loss.",
        statistic=_rise("deep_line_top", "deep_begin", logs=True),
        accounts=predictions("R096: an activation barrier", barrier="yes"),
        **TEN_TIMES,
    ),
    claim(
        id="the-delay-grows-with-the-barrier",
        says="Over cells of data and width, flies with a higher straight line generalise later: the correlation is above 0.7.",
        statistic=_together(),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.3),
        accounts={
            **predictions("R096: the delay rises with the barrier", barrier="yes"),
            **inferred("R099: a barrier that is walked around sets nothing", free_path="no"),
        },
    ),
    exploratory(
        id="nearly-every-walk-stays-low",
        says="In more than 0.8 of the flies, the walk from nothing but memory stays below a training loss of 0.001.",
        statistic=Share(event="stays-low", arm="deep_walk_top", detectors=STAYS_LOW),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        accounts=A_WAY,
    ),
    exploratory(
        id="a-walk-from-the-plateau-does-not-rise",
        says="Half-way to the onset, a walk to the general network keeps the training loss below 2 times what it was.",
        statistic=Difference(of=_loss("walk_top", True), against=_loss("begin", True, at=PLATEAU), paired=True),
        gates=(_arrives("walk_end"),),
        accounts=A_WAY,
        **NOT_TWICE,
    ),
    exploratory(
        id="the-line-rises-at-memorising",
        says="Just after memorising, the straight line to the general network rises by more than 0.1 nats.",
        statistic=_rise("line_top", "begin", logs=False, at=MEMORISED),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=SMALL),
        accounts=predictions("R096", barrier="yes"),
    ),
    exploratory(
        id="the-line-rises-on-the-plateau",
        says="Half-way to the onset, the straight line rises to more than 3 times the training loss.",
        statistic=_rise("line_top", "begin", logs=True, at=PLATEAU),
        accounts=predictions("R102: weight interpolation", barrier="yes"),
        supported_if=Region(above=log(3)),
        refuted_if=Region(below=log(1.5)),
    ),
    *(
        exploratory(
            id=f"a-curve-from-{name}-hardly-rises",
            says=f"{words}, a curve to the general network rises by less than {SMALL:g} nats.",
            statistic=_rise(top, begin, logs=False, **where),
            accounts=A_WAY,
            sources=("thread2022", "garipov2018"),
            **HARDLY,
        )
        for name, words, top, begin, where in (
            ("memorising", "Just after memorising", "curve_top", "begin", {"at": MEMORISED}),
            ("the-plateau", "Half-way to the onset", "curve_top", "begin", {"at": PLATEAU}),
            ("nothing-but-memory", "From nothing but memory", "deep_curve_top", "deep_begin", {}),
        )
    ),
    exploratory(
        id="training-is-such-a-way",
        says="Training itself raises the loss by less than 0.034 nats above that at memorising.",
        statistic=Difference(
            of=Extreme(series="train_loss", which="max", since=MEMORISED, arm="plain"),
            against=ValueAt(series="train_loss", at=MEMORISED, arm="plain"),
            paired=True,
        ),
        accounts=A_WAY,
        supported_if=Region(above=-10.0, below=SMALL),
        refuted_if=Region(above=0.1),
    ),
    exploratory(
        id="a-strange-network-is-not-so-near",
        says="A walk from nothing but memory to the end of another fly rises to more than 10 times the training loss.",
        statistic=_rise("strange_walk_top", "deep_begin", logs=True),
        **TEN_TIMES,
    ),
    *(
        exploratory(
            id=f"the-delay-grows-with-the-barrier-{name}",
            says=f"{words}, the correlation of the delay with the rise of the straight line is above 0.7.",
            statistic=_together(**where),
            supported_if=Region(above=0.7),
            refuted_if=Region(below=0.3),
            accounts=predictions("R096: the delay rises with the barrier", barrier="yes"),
        )
        for name, words, where in (
            ("over-shares", f"Over shares of data, at a width of {WIDTHS[1]}", {"d_mlp": WIDTHS[1]}),
            ("over-widths", f"Over widths, with {SHARES[1]:g} of the data", {"frac_train": SHARES[1]}),
        )
    ),
    exploratory(
        id="wider-networks-have-a-lower-line",
        says="Half-way to the onset the straight line of a wider network rises less high.",
        statistic=Slope(of=_loss("cells_line_top", at=PLATEAU, frac_train=SHARES[1]), along="d_mlp", log=True),
        supported_if=Region(below=-0.01),
        refuted_if=Region(above=0.0),
        accounts=predictions("R103: a network that is large enough", free_path="yes"),
    ),
    valley(
        id="flies-end-in-valleys-of-their-own",
        says="Between the ends of different flies the straight line rises by more than 0.1 nats.",
        statistic=_loss("strange_line_top"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=SMALL),
        sources=("frankle2020",),
    ),
    valley(
        id="matching-lowers-the-line",
        says="If neurons and features change places first, it is more than 2 times lower.",
        statistic=Difference(of=_loss("strange_matched_top", True), against=_loss("strange_line_top", True), paired=True),
        supported_if=Region(below=-log(2)),
        refuted_if=Region(above=-log(1.2)),
        sources=("ainsworth2023",),
    ),
    valley(
        id="matching-leaves-one-valley",
        says="If they change places first, it rises by less than 0.034 nats.",
        statistic=_loss("strange_matched_top"),
        sources=("ainsworth2023",),
        **HARDLY,
    ),
    valley(
        id="a-curve-joins-different-flies",
        says="A curve between matched flies rises by less than 0.034 nats.",
        statistic=_loss("strange_curve_top"),
        sources=("garipov2018",),
        **HARDLY,
    ),
    *(
        valley(
            id=f"a-nudge-{name}-{'leaves' if leaves else 'stays-in'}-the-valley",
            says=f"Noise on the weights {words} leads to {where_to}.",
            statistic=_loss("nudged_line_top", at=at),
            supported_if=Region(above=0.1) if leaves else Region(below=SMALL),
            refuted_if=Region(below=SMALL) if leaves else Region(above=0.1),
            accounts={} if leaves else inferred("R042: where it ends is open until it hits", single_hit="no"),
            sources=("frankle2020",),
        )
        for name, words, at, leaves, where_to in (
            (
                "at-birth",
                "before the first step",
                BIRTH,
                True,
                "another valley: the line between the ends rises by more than 0.1 nats",
            ),
            ("at-memorising", "just after memorising", MEMORISED, False, SAME_VALLEY),
        )
    ),
)

FIGURES = (
    Figure(
        title="How high is the training loss where a path begins, and at its highest point?",
        arms=("deep_begin", "deep_walk_top", "deep_curve_top", "deep_line_top", "strange_walk_top"),
        quantities=(_loss("deep_begin", True),),
        decides="a-way-that-does-not-rise",
    ),
    Figure(
        title="And from the fly with decay?",
        arms=("begin", "curve_top", "line_top"),
        quantities=(_loss("begin", True),),
        along="at",
        decides="the-straight-line-rises",
    ),
    Figure(
        title="How high does the straight line rise in each cell?",
        arms=("cells_line_top",),
        quantities=(_loss("cells_line_top"),),
        along="frac_train",
        decides="the-delay-grows-with-the-barrier",
    ),
    Figure(
        title="How high is the line between the ends of a nudged fly and the untouched one?",
        arms=("nudged_line_top",),
        quantities=(_loss("nudged_line_top", True),),
        along="at",
    ),
    Figure(
        title="What does training do meanwhile?", arms=("plain", "deep"), series=("train_loss", "test_acc"), events=("t_mem", "t_gen")
    ),
)

STUDY = Study(
    name="barrier",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, GARIPOV, FRANKLE, AINSWORTH),
    observation=Observation(checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
