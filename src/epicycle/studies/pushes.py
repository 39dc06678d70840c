"""Pushes: which circuit does the loss push, which does decay spare, and which is lost when its rows are withheld?

A text proposes that every row of training pushes a network towards the circuits that are right on it, so a circuit for all rows wins
over circuits for single rows. Each claim is asked twice: of a network whose circuits are written by hand (the toy), and of the fly.
In the toy the rule is one circuit for all rows, and the memory is a circuit for each row. In the fly Gen is the general algorithm, and
Mem is the rest.

Rows judged: R023 (do rows agree on Gen?), R024 (are shallow circuits born earlier, and lost sooner?) and R060 (who receives the
updates?). R023 compares with memory directions from before the onset: here the memory of 8 rows, half-way to the onset. R024 asks for
half-lives: here how much is left of each circuit after a number of steps without a tenth of the rows. R060 asks for a lead in time:
here whether a step of the loss raises Gen's part of the right logit, which is so where Gen's share of the updates is ahead of its
share of the logit.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from math import log10
from typing import Any, NamedTuple

from epicycle.circuits.strength import GenLogit, GenPart, MemLogit, MemLogitOfFew
from epicycle.circuits.written import CircuitShare, CircuitStrength
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.edits.data import Remove
from epicycle.edits.knobs import Set
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import THREAD
from epicycle.measures.row_pushes import GradientCoherence
from epicycle.measures.update_effects import UpdateEffect
from epicycle.measures.where_it_fits import WhereItFits
from epicycle.models.frequency_toy import FrequencyToy
from epicycle.models.gated_bank import GatedBank, GatedCircuit
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.families import Measure, Model, Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import SequentialSplit
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY
from epicycle.tasks.numbered_rows import NumberedRows
from epicycle.training.optimisers import SGD

QUESTION = "Which circuits does training push, which does weight decay spare, and which are lost when their rows are withheld?"

PLATEAU = "0.5*t_on"
SHARE = 0.1  # of the rows that a fork withholds
LOGITS = 2.0  # a circuit is born when it raises the right logit by so much


def _toy(model: Model, steps: int) -> Experiment:
    """Hand-written circuits for 100 trained rows and 100 new ones, trained by descent with decay."""
    return Experiment(
        task=NumberedRows(n_seen=100, n_new=100, num_classes=10),
        split=SequentialSplit(frac_train=0.5),
        model=model,
        training=Training(optimiser=SGD(lr=0.3, weight_decay=0.01), steps=steps),
    )


def _bank(elsewhere: str) -> Experiment:
    """A circuit for all rows beside twelve circuits for eight rows each."""
    few = GatedCircuit.parse({"coverage": 0.08, "n_factors": 2, "elsewhere": elsewhere})
    return _toy(GatedBank(circuits=(GatedCircuit(held_out=1.0, n_factors=2), *(few for _ in range(12))), start_spread=0.3), 100)


# The rule has two factors and a small start, so it is slow. With `alike` it has one factor and the start of each memory.
SLOW = FrequencyToy(rule_logit=2.0, rule_factors=2, rule_start=0.005, start_spread=0.3)
ALIKE = FrequencyToy(memory_start=0.01, start_spread=0.3)
WITHHELD, WITHOUT_DECAY = (Remove(share=SHARE),), (Remove(share=SHARE), Set(knob="weight_decay", to=0.0))
ARMS: dict[str, RootArm | ForkArm] = {
    "toy": RootArm(experiment=_toy(SLOW, 400), seeds=FLIES),
    "toy_alike": RootArm(experiment=_toy(ALIKE, 400), seeds=FLIES),
    "bank": RootArm(experiment=_bank("wrong"), seeds=FLIES),
    "silent_bank": RootArm(experiment=_bank("silent"), seeds=FLIES),
    "fly": RootArm(experiment=FLY, seeds=FLIES),
    "toy_withheld": ForkArm(fork="toy", at=PLATEAU, edits=WITHHELD, steps=400),
    "toy_alike_withheld": ForkArm(fork="toy_alike", at=100, edits=WITHHELD, steps=400),
    "toy_withheld_without_decay": ForkArm(fork="toy", at=PLATEAU, edits=WITHOUT_DECAY, steps=400),
    "fly_withheld": ForkArm(fork="fly", at=PLATEAU, edits=WITHHELD, steps=50),
    "fly_withheld_without_decay": ForkArm(fork="fly", at=PLATEAU, edits=WITHOUT_DECAY, steps=50),
}


class Circuits(NamedTuple):
    """The series of the general circuit, of the shallow one, and of the general circuit's part of the right logit."""

    gen: Measure
    mem: Measure
    part: Measure
    few: Measure  # a shallow circuit of eight rows


OF_TOY = Circuits(CircuitStrength(circuit=0), CircuitStrength(circuit=1), CircuitShare(circuit=0), CircuitStrength(circuit=1))
OF_FLY = Circuits(GenLogit(), MemLogit(), GenPart(), MemLogitOfFew())
KEPT_TOY = (CircuitStrength(circuit=0), CircuitStrength(circuit=1, withheld=True))
KEPT_FLY = (GenLogit(withheld=True), MemLogit(withheld=True))


def _by(of: Measure, part: str, relative: bool = False) -> UpdateEffect:
    return UpdateEffect.parse({"of": of, "part": part, "relative": relative})


def _measures(of: Circuits) -> tuple[Measure, ...]:
    own = dict.fromkeys(of)
    effects = (_by(each, "loss", relative=True) for each in dict.fromkeys((of.gen, of.mem, of.few)))
    return (
        *own,
        *effects,
        *(_by(of.part, part) for part in ("loss", "decay")),
        *(GradientCoherence(of=each) for each in dict.fromkeys((of.gen, of.mem, of.few))),
    )


def _less(first: Measure, second: Measure, at: str, arm: str) -> ValueAt:
    """The first series less the second, at a moment."""
    return ValueAt(series=first.name, at=at, beside=second.name, arm=arm)


def _agree(of: Circuits, arm: str, at: str) -> Statistic:
    """By how much the rows agree more on the general circuit than on a circuit of eight rows."""
    return _less(GradientCoherence(of=of.gen), GradientCoherence(of=of.few), at, arm)


def _gains(of: Circuits, arm: str, at: str, other: str = "mem") -> Statistic:
    """What a step of the loss gives the general circuit more than a shallow one, each as a part of its strength."""
    return _less(_by(of.gen, "loss", relative=True), _by(getattr(of, other), "loss", relative=True), at, arm)


def _part(of: Circuits, arm: str, part: str, beside: str = "", at: str = PLATEAU) -> Statistic:
    """By how much a part of the update raises the general circuit's part of the right logit in a step."""
    return ValueAt(series=_by(of.part, part).name, at=at, beside=_by(of.part, beside).name if beside else None, arm=arm)


def _born(of: Circuits, arm: str) -> EventRatio:
    gen, mem = (Threshold(of=each.name, level=LOGITS) for each in (of.gen, of.mem))
    return EventRatio(event="birth of the general circuit", detectors={"2": gen}, over="birth of memory", over_detector=mem, arm=arm)


def _left(measure: Measure, arm: str) -> SeriesChange:
    return SeriesChange(series=measure.name, decades=True, arm=arm)


def _lost(kept: tuple[Measure, Measure], arm: str) -> Statistic:
    """How many times more is left of the general circuit than of the memory of withheld rows, in decades."""
    return Difference(of=_left(kept[1], arm), against=_left(kept[0], arm), paired=True)


Accounts = dict[str, Prediction]


def _asked(
    name: str,
    says: str,
    sides: dict[str, Statistic],
    regions: tuple[Region, Region],
    accounts: Accounts,
    primary: bool = False,
    phenomenon: str = "reinforcement",
) -> tuple[Claim, ...]:
    """The same claim about several kinds of networks; accounts and `primary` are those of the claim about the fly.

    Args:
        says: what is claimed of each, as the end of a sentence.
        sides: who the claim is about -> the statistic.
    """

    def claim(who: str, statistic: Statistic) -> Claim:
        is_fly = who == "Fly"
        fields: dict[str, Any] = {"primary": primary and is_fly, "accounts": accounts if is_fly else {}}
        own = phenomenon if is_fly else "toys-of-reinforcement"
        return Claim(
            id=name if is_fly else f"{who.lower().replace(' ', '-').replace(',', '')}-{name}",
            says=f"{who}: {says}",
            statistic=statistic,
            supported_if=regions[0],
            refuted_if=regions[1],
            phenomenon=own,
            sources=(THREAD.key,),
            **fields,
        )

    return tuple(claim(who, statistic) for who, statistic in sides.items())


HALF = log10(2)
CLAIMS = (
    # R023: do rows push towards circuits that do well on them?
    *_asked(
        "rows-agree-on-the-general-circuit",
        "early on, the rows agree on the general circuit more than on a circuit of a few rows, by more than 0.1.",
        {
            "Toy": _agree(OF_TOY, "bank", "0.1*end"),
            "Toy, silent elsewhere": _agree(OF_TOY, "silent_bank", "0.1*end"),
            "Fly": _agree(OF_FLY, "fly", PLATEAU),
        },
        (Region(above=0.1), Region(below=0.05)),
        {
            **predictions("R023: every row pushes towards circuits that do well on it", coverage="yes"),
            **inferred("R023: no push before the circuit exists", single_hit="no"),
        },
        primary=True,
    ),
    *_asked(
        "rows-agree-from-the-start",
        "before the first step the rows agree on the general circuit more already, by more than 0.03.",
        {"Toy": _agree(OF_TOY, "bank", "start"), "Fly": _agree(OF_FLY, "fly", "start")},
        (Region(above=0.03), Region(below=0.0)),
        {
            **inferred("R023, R144: pushed from the first step on", superposition="yes"),
            **inferred("R023: no push before the circuit exists", single_hit="no"),
        },
    ),
    *_asked(
        "a-circuit-of-many-rows-gets-more-than-one-of-few",
        "for its strength the general circuit gets more from a step of the loss than a circuit of a few rows: 0.003 of it more.",
        {"Toy": _gains(OF_TOY, "bank", "0.1*end"), "Fly": _gains(OF_FLY, "fly", PLATEAU, "few")},
        (Region(above=0.003), Region(below=0.0)),
        predictions("R023: many-point circuits get a bigger total push", coverage="yes"),
    ),
    # R060: who receives the updates?
    *_asked(
        "the-general-circuit-gets-more-for-its-strength",
        "half-way to the onset a step of the loss gives the general circuit more for its strength than all memory: 0.003 of it more.",
        {"Toy": _gains(OF_TOY, "toy", PLATEAU), "Fly": _gains(OF_FLY, "fly", PLATEAU)},
        (Region(above=0.003), Region(below=0.0)),
        {
            **predictions("R060: general circuits get more frequent and stronger updates", coverage="yes"),
            **inferred("R060: decay decides, not reinforcement", efficiency="no"),
        },
        primary=True,
    ),
    *_asked(
        "updates-lead-logits",
        "half-way to the onset the general circuit's share of the updates is ahead of its share of the logit.",
        {"Toy": _part(OF_TOY, "toy", "loss"), "Fly": _part(OF_FLY, "fly", "loss")},
        (Region(above=0.0003), Region(below=0.0)),
        predictions("R060: gets more updates and gradually replaces the others", coverage="yes"),
    ),
    *_asked(
        "decay-spares-the-general-circuit",
        "half-way to the onset decay, too, raises the general circuit's share of the logit.",
        {"Toy": _part(OF_TOY, "toy", "decay"), "Fly": _part(OF_FLY, "fly", "decay")},
        (Region(above=0.0003), Region(below=0.0)),
        inferred("R060: decay degrades what is costly", efficiency="yes"),
    ),
    *_asked(
        "the-loss-raises-the-share-more-than-decay",
        "half-way to the onset the loss raises the general circuit's share of the logit more than decay does.",
        {"Toy": _part(OF_TOY, "toy", "loss", "decay"), "Fly": _part(OF_FLY, "fly", "loss", "decay")},
        (Region(above=0.0003), Region(below=-0.0003)),
        {
            **predictions("R060: reinforcement decides", coverage="yes"),
            **inferred("R060: decay decides, not reinforcement", efficiency="no"),
        },
    ),
    # R024: which are born earlier, and which are lost sooner?
    *_asked(
        "memory-is-born-earlier",
        "memory raises the right logit by 2 more than twice as early as the general circuit does.",
        {"Toy": _born(OF_TOY, "toy"), "Toy, alike": _born(OF_TOY, "toy_alike"), "Fly": _born(OF_FLY, "fly")},
        (Region(above=2.0), Region(below=1.5)),
        predictions("R024: shallow circuits form more easily", coverage="yes"),
    ),
    *_asked(
        "memory-of-withheld-rows-is-lost-sooner",
        "when rows are withheld, more than 2 times less is left of their memory than of the general circuit.",
        {
            "Toy": _lost(KEPT_TOY, "toy_withheld"),
            "Toy, alike": _lost(KEPT_TOY, "toy_alike_withheld"),
            "Fly": _lost(KEPT_FLY, "fly_withheld"),
        },
        (Region(below=-HALF), Region(above=-HALF / 2)),
        predictions("R024: shallow circuits are retained less", coverage="yes"),
        primary=True,
    ),
    *_asked(
        "without-decay-nothing-is-lost",
        "without decay the memory of withheld rows keeps more than 0.9 of its strength.",
        {"Toy": _left(KEPT_TOY[1], "toy_withheld_without_decay"), "Fly": _left(KEPT_FLY[1], "fly_withheld_without_decay")},
        (Region(above=log10(0.9)), Region(below=log10(0.8))),
        inferred("R024: decay degrades shallow circuits", efficiency="yes"),
    ),
    *_asked(
        "the-general-circuit-stays",
        "when rows are withheld, the general circuit is in the end no weaker than before.",
        {"Toy": _left(KEPT_TOY[0], "toy_withheld"), "Fly": _left(KEPT_FLY[0], "fly_withheld")},
        (Region(above=0.0), Region(below=-HALF / 2)),
        predictions("R024: general circuits are retained", coverage="yes"),
    ),
)

EVENTS = ("t_mem", "t_on", "t_gen")


def _figures(kind: str, of: Circuits, kept: tuple[Measure, Measure], arm: str) -> tuple[Figure, ...]:
    """The figures of the toy or of the fly."""
    effects = tuple(_by(of.part, part).name for part in ("loss", "decay"))
    lost = "memory-of-withheld-rows-is-lost-sooner" if arm == "fly" else ""
    return (
        Figure(title=f"{kind}: how strong are the circuits?", arms=(arm,), series=(of.gen.name, of.mem.name), events=EVENTS),
        Figure(title=f"{kind}: what raises the general circuit's share of the logit?", arms=(arm,), series=effects, events=EVENTS),
        Figure(
            title=f"{kind}: what is left of the circuits when a tenth of the rows is withheld?",
            arms=(f"{arm}_withheld",),
            series=tuple(each.name for each in kept),
            **({"decides": lost} if lost else {}),
        ),
    )


FIGURES = (
    *_figures("Fly", OF_FLY, KEPT_FLY, "fly"),
    *_figures("Toy", OF_TOY, KEPT_TOY, "toy"),
    Figure(
        title="Fly: do the rows agree on what they push?",
        arms=("fly",),
        series=tuple(GradientCoherence(of=each).name for each in (OF_FLY.gen, OF_FLY.mem, OF_FLY.few)),
        events=EVENTS,
    ),
)
SOURCES = (THREAD,)

STUDY = Study(
    name="pushes",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        measures=(
            *Observation().measures,
            *(WhereItFits(of=measure) for measure in dict.fromkeys((*_measures(OF_TOY), *_measures(OF_FLY), *KEPT_TOY, *KEPT_FLY))),
        ),
        per_decade=20,
        checkpoint_megabytes=5,
    ),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
