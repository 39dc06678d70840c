"""Curvature: what is the loss like around a network with memory and around one with the rule?

Landscapes cost much, so they are measured at few moments: at steps 0, 4, 40 and 400, and by forks of a single step at memorising,
half-way to the onset, at generalising, and in the end. Controls are a random Latin square, which has no rule, and a fly without
weight decay.

R100 asks whether parameters stay independent. Of the Hessian's squares, 0.997 are off the diagonal before the first step, and no
share can double from there; what is judged is in which direction the share goes. The rank of the gradients of single rows says it
in another way: how many rows can be learned without regard to others. R105 says that no change of one weight helps and changes of
many do. What is judged is the training loss plus the energy of weight decay, on the plateau: single removals, random blocks, whole
neurons, small shifts, and the ten best of 500 single removals made together. The local learning coefficient is said to fall when
networks generalise; it is compared with networks that have no rule to find.

Whether the size of a basin decides where a network ends (R152) is judged in study `basin_sizes`, and ways between written
algorithms (R101) in `way_between`. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.literature.texts import LAU, THREAD
from epicycle.measures.basin import LocalLearningCoefficient
from epicycle.measures.curvature import OffDiagonalShare
from epicycle.measures.perturbations import ChangeGain, PerturbationRadius
from epicycle.measures.row_gradients import GradientRank
from epicycle.spec.arms import Arm, ForkArm, RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLY, P, fly
from epicycle.tasks.random_tables import RandomTable

QUESTION = "What is the loss like around a network with memory, and around one with the rule?"

NARROW, WIDTH, WIDE = 32, 128, 512
END, SEEDS, OF_WIDTHS = 1500, 24, 16  # steps, and seeds of an arm


def _whole(experiment: Experiment) -> RootArm:
    return RootArm(experiment=experiment.swept("training.stop", None).swept("training.steps", END), seeds=SEEDS)


def _now(fork: str, at: int | str) -> ForkArm:
    return ForkArm(fork=fork, at=at, steps=1)


_OF_WIDTH = {NARROW: "narrow", WIDTH: "fly", WIDE: "wide"}
ARMS: dict[str, Arm] = {
    "fly": _whole(FLY),
    **{_OF_WIDTH[width]: RootArm(experiment=FLY.swept("model.d_mlp", width), seeds=OF_WIDTHS) for width in (NARROW, WIDE)},
    **{f"{name}_memorised": _now(name, "t_mem") for name in _OF_WIDTH.values()},
    **{f"{name}_general": _now(name, "t_gen") for name in _OF_WIDTH.values()},
    "plateau": _now("fly", "0.5*t_on"),
    # The controls: no rule to find, and no weight decay.
    "no_rule": _whole(fly(RandomTable(n=P, latin=True))),
    "no_decay": _whole(FLY.swept("training.optimiser.weight_decay", 0.0)),
    **{f"{name}_end": _now(name, END) for name in ("fly", "no_rule", "no_decay")},
}

few: Any = {"per_decade": 1}
REMOVED, BLOCK = ChangeGain(**few), ChangeGain(block=100, **few)
BEST, BEST_TEN = (ChangeGain(block=n, chosen="best", samples=500, **few) for n in (1, 10))
NEURON = ChangeGain(chosen="neurons", **few)
SHIFTED, BLOCK_SHIFTED = (ChangeGain(block=n, change="shift", size=0.01, **few) for n in (1, 100))
RADIUS, COEFFICIENT = PerturbationRadius(**few), LocalLearningCoefficient(reading="signed", **few)
COUPLED, RANK = OffDiagonalShare(**few), GradientRank(unit=True, **few)
MEASURES = (COUPLED, RANK, RADIUS, COEFFICIENT, REMOVED, BLOCK, BEST, BEST_TEN, NEURON, SHIFTED, BLOCK_SHIFTED)


def _at(arm: str, series: str, at: str = "start", logs: bool = False) -> ValueAt:
    return ValueAt(series=series, at=at, arm=arm, log=logs)


def _compared(of: ValueAt, against: ValueAt) -> Difference:
    return Difference(of=of, against=against, paired=True)


def _grown(series: str, arm: str, until: str) -> Difference:
    """The logarithm of how many times a number is what it was before the first step."""
    return _compared(_at(f"{arm}_{until}", series, logs=True), _at(arm, series, logs=True))


def _end(series: str, arm: str) -> ValueAt:
    return _at(f"{arm}_end", series, logs=True)


def _fallen(arm: str) -> Difference:
    """The local learning coefficient at the end over its largest value at a look of the run."""
    return _compared(_end("llc_signed", arm), _at(arm, "llc_signed", "max", logs=True))


RARE, OFTEN = (
    {"supported_if": Region(below=0.05), "refuted_if": Region(above=0.2)},
    {"supported_if": Region(above=0.8), "refuted_if": Region(below=0.5)},
)
HELPS = Region(above=0.5)
claim: Any = partial(Claim, phenomenon="landscape", sources=(THREAD.key,))
exploratory: Any = partial(claim, primary=False)


def _of_width(width: int, words: str) -> tuple[Claim, ...]:
    """R100 at one width: what becomes of the coupling of weights, and of the directions of rows."""
    arm = _OF_WIDTH[width]
    return (
        exploratory(
            id=f"coupling-grows-{arm}",
            says=f"In {words} the share of curvature that couples different weights rises by more than 1 % until memorising.",
            statistic=_grown(COUPLED.name, arm, "memorised"),
            supported_if=Region(above=log(1.01)),
            refuted_if=Region(below=0.0),
            accounts=predictions("R100: not independent after training", barrier="yes"),
        ),
        exploratory(
            id=f"rows-fall-together-{arm}",
            says=f"In {words} the gradients of rows point in more than 5 % fewer directions at generalising than at the start.",
            statistic=_grown(RANK.name, arm, "general"),
            supported_if=Region(below=log(0.95)),
            refuted_if=Region(above=0.0),
            accounts={
                **predictions("R100: not independent after training", barrier="yes"),
                **(predictions("R100: large networks keep enough independence", free_path="no") if width == WIDE else {}),
            },
        ),
    )


CLAIMS = (
    claim(
        id="changing-many-helps-more-often",
        says="On the plateau, small shifts of 100 weights together help more often than shifts of one, by more than 0.05.",
        statistic=_compared(_at("plateau", BLOCK_SHIFTED.name), _at("plateau", SHIFTED.name)),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=-0.05),
        accounts=predictions("R105: success rises with the size of the block", free_path="yes"),
    ),
    claim(
        id="a-wide-network-keeps-rows-apart",
        says="In a wide general fly the gradients of rows point in more directions than in a narrow one, by more than 1.2 times.",
        statistic=_compared(_at("wide_general", RANK.name, logs=True), _at("narrow_general", RANK.name, logs=True)),
        supported_if=Region(above=log(1.2)),
        refuted_if=Region(below=0.0),
        accounts=predictions("R100: large networks keep enough independence", free_path="yes"),
    ),
    exploratory(
        id="single-removals-rarely-help",
        says="On the plateau fewer than 0.05 of single weights lower loss plus energy when they are taken out.",
        statistic=_at("plateau", REMOVED.name),
        **RARE,
        accounts=predictions("R105: changing any single connection hurts", free_path="yes"),
    ),
    exploratory(
        id="some-single-removal-helps",
        says="On the plateau the best of many single removals lowers loss plus energy, in more than 0.8 of the flies.",
        statistic=RegionShare(of=_at("plateau", BEST.name), region=HELPS),
        **OFTEN,
        accounts=predictions("R105: no single change helps", free_path="no"),
    ),
    exploratory(
        id="the-best-ten-help-together",
        says="On the plateau the best single removals, made together, lower loss plus energy in more than 0.8 of the flies.",
        statistic=RegionShare(of=_at("plateau", BEST_TEN.name), region=HELPS),
        **OFTEN,
        accounts=inferred("R105: changing many together may help", free_path="yes"),
    ),
    *(
        exploratory(
            id=f"{name}-rarely-help",
            says=f"On the plateau fewer than 0.05 of {words} lower loss plus energy when they are taken out.",
            statistic=_at("plateau", change.name),
            **RARE,
            accounts=inferred("R105: changing many together may help", free_path="no"),
        )
        for name, words, change in (("blocks", "random blocks of weights", BLOCK), ("neurons", "neurons", NEURON))
    ),
    *(each for width, words in ((NARROW, "a narrow fly"), (WIDTH, "a fly"), (WIDE, "a wide fly")) for each in _of_width(width, words)),
    *(
        exploratory(
            id=f"the-coefficient-falls-{arm.replace('_', '-')}",
            says=f"In {words} the local learning coefficient ends below 0.7 of its peak.",
            statistic=_fallen(arm),
            supported_if=Region(below=log(0.7)),
            refuted_if=Region(above=0.0),
            sources=("lau2023",),
        )
        for arm, words in (("fly", "flies that generalise"), ("no_rule", "flies without a rule"), ("no_decay", "flies without decay"))
    ),
    exploratory(
        id="the-coefficient-is-lower-with-a-rule",
        says="In the end the local learning coefficient is lower with a rule than without one, by more than 1.",
        statistic=_compared(_at("fly_end", COEFFICIENT.name), _at("no_rule_end", COEFFICIENT.name)),
        supported_if=Region(below=-1.0),
        refuted_if=Region(above=0.0),
        sources=("lau2023",),
    ),
    *(
        exploratory(
            id=f"the-rule-lies-in-a-wider-basin-than-{name}",
            says=f"In the end the basin of a fly is more than 1.2 times as wide as that of one {words}.",
            statistic=_compared(_end("radius_at_0.1", "fly"), _end("radius_at_0.1", arm)),
            supported_if=Region(above=log(1.2)),
            refuted_if=Region(below=0.0),
        )
        for name, words, arm in (("no-rule", "without a rule", "no_rule"), ("no-decay", "without decay", "no_decay"))
    ),
)

FIGURES = (
    Figure(
        title="Which share of changes lowers loss plus energy on the plateau?",
        arms=("plateau",),
        quantities=tuple(_at("plateau", change.name) for change in (REMOVED, BLOCK, NEURON, SHIFTED, BLOCK_SHIFTED)),
        decides="changing-many-helps-more-often",
    ),
    Figure(
        title="How wide is the basin in the end, with a rule, without one, and without decay?",
        arms=("fly_end", "no_rule_end", "no_decay_end"),
        quantities=(_at("fly_end", RADIUS.name),),
    ),
    Figure(
        title="In how many directions do the gradients of rows point when a fly generalises?",
        arms=tuple(f"{name}_general" for name in _OF_WIDTH.values()),
        quantities=(_at("fly_general", RANK.name),),
        decides="a-wide-network-keeps-rows-apart",
    ),
)

STUDY = Study(
    name="curvature",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, LAU),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
