"""Levels: does a network climb through partly general solutions, area by area, or does one circuit grow in all rows at once?

Pope's post expects many levels between memory and the rule: circuits that are right in an area of the table, such as the bands in
which x * y modulo p is x y - m p for one m, and that unite in the end. The flies learn products, as the bands are of products. Flies
on a random Latin square have the same inputs and no rule to find.

Judged: R019 (one row after the other, or all at once), R033 (levels), R035 (bands; for tokens without an order only, as no network
here reads numbers), R036 (areas), R037 (is m computed?), R045 (is the general circuit built from parts of the memory?), R060 and R023
(who receives the updates, and do rows agree on them?). R024 (circuits whose rows are taken away) and the lead of R060 are judged in
`pushes`. R036 asks for z above 4 in one network; here the median over networks must be above 2, where chance gives 0.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log10

from epicycle.circuits.neurons import NeuronComponent
from epicycle.circuits.probes import Probe
from epicycle.circuits.regions import MoransI, RegionMap
from epicycle.circuits.row_strength import RowGenPart
from epicycle.circuits.saliency import BroadUnits, Salience
from epicycle.circuits.strength import GenLogit, MemLogit, MemLogitOfFew
from epicycle.claims.differences import Difference
from epicycle.claims.persistence import Persistence
from epicycle.claims.quantities import Span
from epicycle.claims.series_quantities import Extreme, SeriesChange, Trend, ValueAt
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import BASINS, THREAD
from epicycle.measures.row_pushes import GradientCoherence
from epicycle.measures.update_effects import UpdateEffect
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Measure
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, MICE, ON_MOUSE, PRODUCT, P, fly
from epicycle.tasks.random_tables import RandomTable

QUESTION = "Are there levels of generality between memory and the rule, or does one circuit grow in all rows at once?"


def _to_the_end(experiment: Experiment, seeds: int) -> RootArm:
    """Claims are about the end of the budget, twice the median time of generalisation, so no stop ends a run."""
    return RootArm(experiment=experiment.swept("training.stop", None).swept("training.steps", 1200), seeds=seeds)


ARMS = {
    # The phenomenon.
    "products": _to_the_end(PRODUCT, FLIES),
    # What stays in a network that has no rule to find?
    "no_rule": _to_the_end(fly(RandomTable(n=P, latin=True)), FLIES // 2),
}

MEDIAN, LOW, HIGH = RowGenPart(), RowGenPart(quantile=0.1), RowGenPart(quantile=0.9)
N_EFFECTIVE = BroadUnits(quantity="effective_number")
BANDS, OPERANDS = MoransI(geometry="band"), MoransI(geometry="operand", given="training")
BAND_PROBE, BAND_CONTROL, WAVE_PROBE = Probe(target="band"), Probe(target="band", null="relabelled"), Probe(target="key_components")
MEASURES: tuple[Measure, ...] = (
    GenLogit(),
    MemLogit(),
    *(MEDIAN, LOW, HIGH),
    N_EFFECTIVE,
    *(BANDS, OPERANDS, RegionMap(by="band")),
    *(BAND_PROBE, BAND_CONTROL, WAVE_PROBE),
    *(NeuronComponent(), Salience()),
    *(UpdateEffect(of=of, part="loss", relative=True) for of in (GenLogit(), MemLogit())),
    *(GradientCoherence(of=of) for of in (GenLogit(), MemLogit(), MemLogitOfFew())),
)
PLATEAU, HALF_WAY = "0.5*t_on", "t_gen(level=0.5)"


def _value(measure: str, at: str, beside: str | None = None) -> ValueAt:
    return ValueAt(series=measure, at=at, beside=beside, arm="products")


def _persistence(since: str, arm: str = "products") -> Persistence:
    """Of the component that each neuron follows."""
    return Persistence(series="neuron_component", since=since, until="end", arm=arm)


def _reaches(part: float) -> Threshold:
    """Gen's part of the right logit in the median row."""
    return Threshold(of=MEDIAN.name, level=part)


GENERALISES = Gate(statistic=Extreme(series="test_acc", which="max", arm="products"), region=Region(above=0.9))
claim = partial(Claim, sources=("thread2022",))
exploratory = partial(claim, primary=False)
CLAIMS = (
    claim(
        id="fewer-units-matter-before-the-onset",
        says="Before test accuracy begins to rise, the answers already depend on fewer units: their effective number falls to less "
        "than 0.9 of what it was.",
        statistic=SeriesChange(series=N_EFFECTIVE.name, since="t_mem", until="t_on", decades=True, arm="products"),
        supported_if=Region(below=log10(0.9)),
        refuted_if=Region(above=log10(0.97)),
        gates=(GENERALISES,),
        phenomenon="levels",
        accounts={
            **predictions("R033: unification at many levels through training", coverage="yes"),
            **inferred("R033: two solutions only, so nothing changes until one is hit", single_hit="no"),
        },
    ),
    claim(
        id="right-rows-lie-in-bands",
        says="When half of the held-out products are right, they lie in bands: z is above 2.",
        statistic=_value(BANDS.name, HALF_WAY),
        supported_if=Region(above=2.0),
        refuted_if=Region(below=1.0),
        gates=(GENERALISES,),
        phenomenon="areas",
        accounts={
            **predictions("R035: x y - m p is right in band m", coverage="yes"),
            **inferred("R035: one circuit, no bands", single_hit="no", simplicity="no"),
        },
    ),
    claim(
        id="neurons-keep-what-they-compute",
        says="When the rows are memorised, more than a fifth of the neurons follow the component that they follow in the end, beyond "
        "chance.",
        statistic=_persistence("t_mem"),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.1),
        gates=(GENERALISES,),
        phenomenon="lineage",
        accounts={
            **predictions("R045: built step by step from simpler predecessors", coverage="yes"),
            **inferred("R045: built from units that memory does not use", single_hit="no"),
        },
    ),
    exploratory(
        id="fewer-units-matter-all-the-time",
        says="From memorising to generalising the effective number of units falls all the time.",
        statistic=Trend(series=N_EFFECTIVE.name, since="t_mem", until="t_gen", arm="products"),
        supported_if=Region(below=-0.9),
        refuted_if=Region(above=-0.5),
        phenomenon="levels",
        accounts={
            **predictions("R033", coverage="yes"),
            **inferred("R033: flat, then one drop", single_hit="no"),
        },
    ),
    exploratory(
        id="gen-takes-over-in-a-shift",
        says="The general algorithm takes over in a shift: its part goes from 0.2 to 0.8 within a tenth of the time to generalise.",
        statistic=Span(
            since="a fifth",
            until="four fifths",
            over="t_gen",
            detectors={"a fifth": _reaches(0.2), "four fifths": _reaches(0.8)},
            arm="products",
        ),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.5),
        phenomenon="levels",
        accounts={
            **predictions("R019: a comparatively quick phase shift", coverage="yes"),
            **inferred("R143: both grow from the start", superposition="no"),
        },
    ),
    exploratory(
        id="all-rows-go-over-together",
        says="All rows go over together: at the onset the general algorithm's part differs by less than 0.1 between most rows.",
        statistic=_value(HIGH.name, "t_on", beside=LOW.name),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.3),
        phenomenon="levels",
        accounts=inferred("R019: circuits that are right on a part of the rows", coverage="no"),
    ),
    exploratory(
        id="right-rows-share-an-operand",
        says="When half of the held-out products are right, they share operands more than the split explains: z is above 2.",
        statistic=_value(OPERANDS.name, HALF_WAY),
        supported_if=Region(above=2.0),
        refuted_if=Region(below=1.0),
        phenomenon="areas",
        accounts={
            **predictions("R036: circuits that are right in different areas", coverage="yes"),
            **inferred("R036: a uniform rise", single_hit="no"),
        },
    ),
    exploratory(
        id="the-hidden-layer-holds-m",
        says="When a network generalises, m can be read off its hidden layer better than waves of the answer.",
        statistic=_value(BAND_PROBE.name, "t_gen", beside=WAVE_PROBE.name),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=-0.5),
        phenomenon="which-algorithm",
        accounts={
            **predictions("R037: computes m, then x y - m p", coverage="yes"),
            **predictions("R167: a discrete Fourier transform", simplicity="no"),
        },
    ),
    exploratory(
        id="m-is-not-there-at-all",
        says="When a network generalises, m can be read off no better than with the names of the tokens exchanged, to within 0.1.",
        statistic=_value(BAND_PROBE.name, "t_gen", beside=BAND_CONTROL.name),
        supported_if=Region(above=-0.1, below=0.1),
        refuted_if=Region(above=0.2),
        phenomenon="which-algorithm",
        accounts={**predictions("R037", coverage="no"), **predictions("R167", simplicity="yes")},
    ),
    exploratory(
        id="the-hidden-layer-holds-waves",
        says="When a network generalises, waves of the answer can be read off its hidden layer: more than 0.9 of their variance.",
        statistic=_value(WAVE_PROBE.name, "t_gen"),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.7),
        phenomenon="which-algorithm",
        accounts=predictions("R167: a discrete Fourier transform", simplicity="yes"),
    ),
    exploratory(
        id="neurons-compute-something-else-at-first",
        says="Before the first step neurons hardly compute what they compute in the end: less than 0.2 of it.",
        statistic=_persistence("start"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.3),
        phenomenon="lineage",
    ),
    exploratory(
        id="neurons-keep-more-where-there-is-a-rule",
        says="Neurons keep more of what they compute at memorising than where there is no rule: 0.1 more.",
        statistic=Difference(of=_persistence("t_mem"), against=_persistence("t_mem", "no_rule")),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="lineage",
        accounts=inferred("R143: the general circuit is there from the start", superposition="yes"),
    ),
    exploratory(
        id="the-units-of-memory-matter-in-the-end",
        says="The units that matter most for memory matter most in the end: the rank correlation is above 0.2.",
        statistic=Persistence(series="neuron_salience", compares="ranks", since="t_mem", until="end", arm="products"),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.1),
        phenomenon="lineage",
        accounts={
            **predictions("R045", coverage="yes"),
            **inferred("R045: built from units that memory does not use", single_hit="no"),
        },
    ),
    exploratory(
        id="gen-receives-more-for-its-size",
        says="On the plateau a step of the loss gives the general algorithm more than memory for its size: 0.003 of it more.",
        statistic=_value("gen_logit_by_loss_relative", PLATEAU, beside="mem_logit_by_loss_relative"),
        supported_if=Region(above=0.003),
        refuted_if=Region(below=0.0),
        phenomenon="reinforcement",
        accounts={
            **predictions("R060: general circuits get more and stronger updates", coverage="yes"),
            **inferred("R060: decay decides, not reinforcement", efficiency="no"),
        },
    ),
    exploratory(
        id="rows-agree-on-gen-more-than-on-a-memory",
        says="On the plateau the rows agree on the general algorithm more than on the memory of a few of them: by more than 0.1.",
        statistic=_value("gen_logit_coherence", PLATEAU, beside="mem_logit_of_8_coherence"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="reinforcement",
        accounts={
            **predictions("R023: every row pushes towards circuits that do well on it", coverage="yes"),
            **inferred("R023: no push before the circuit exists", single_hit="no"),
        },
    ),
    exploratory(
        id="rows-agree-on-gen-when-they-are-memorised",
        says="When the rows are memorised, they agree on the general algorithm already: by more than 0.1 beyond the memory of a few.",
        statistic=_value("gen_logit_coherence", "t_mem", beside="mem_logit_of_8_coherence"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="reinforcement",
        accounts=inferred("R144, R023: pushed from the first step on", superposition="yes"),
    ),
    exploratory(
        id="rows-agree-on-gen-more-than-on-all-memory",
        says="On the plateau the rows agree on the general algorithm more than on their memory as a whole.",
        statistic=_value("gen_logit_coherence", PLATEAU, beside="mem_logit_coherence"),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=-0.1),
        phenomenon="reinforcement",
        accounts=predictions("R023: many-point circuits get a bigger push", coverage="yes"),
    ),
)

EVENTS = ("t_mem", "t_on", "t_gen")
FIGURES = (
    Figure(
        title="Do all rows go over to the general algorithm together?",
        arms=("products",),
        series=(LOW.name, MEDIAN.name, HIGH.name),
        events=EVENTS,
    ),
    Figure(
        title="On how many units do the answers depend?",
        arms=tuple(ARMS),
        series=(N_EFFECTIVE.name,),
        events=EVENTS,
        decides="fewer-units-matter-before-the-onset",
    ),
    Figure(
        title="Do right rows lie together, in bands or with an operand in common?",
        arms=("products",),
        series=(BANDS.name, OPERANDS.name),
        events=EVENTS,
    ),
    Figure(
        title="What can be read off the hidden layer, m or waves of the answer?",
        arms=("products",),
        series=(BAND_PROBE.name, BAND_CONTROL.name, WAVE_PROBE.name),
        events=EVENTS,
    ),
    Figure(
        title="How much of what neurons compute in the end do they compute at an earlier moment?",
        arms=tuple(ARMS),
        quantities=tuple(_persistence(moment) for moment in ("start", "t_mem", "0.8*end")),
    ),
    Figure(
        title="How much does a step of the loss give to each algorithm, as a part of what is there?",
        arms=("products",),
        series=("gen_logit_by_loss_relative", "mem_logit_by_loss_relative"),
        events=EVENTS,
    ),
    Figure(
        title="Do the rows agree on what they push?",
        arms=("products",),
        series=("gen_logit_coherence", "mem_logit_coherence", "mem_logit_of_8_coherence"),
        events=EVENTS,
    ),
)

STUDY = Study(
    name="levels",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, BASINS),
    observation=Observation(measures=(*Observation().measures, *MEASURES), per_decade=20, checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 2500})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
