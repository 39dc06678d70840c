"""Saliency: do a few general neurons replace many shallow ones, as two experiments proposed in 2022 should show?

Pope proposed to look at how much each neuron matters for each answer (R057, R058), and to delete the neurons that matter most (R059).
Both describe a replacement and do not say what causes it, as Pope says too (R061). So flies that have no rule to find show what the
measures see anyway, and forks without weight decay show what decay does to them. Attribution to neurons is exact here, because the
logits are linear in the last hidden layer (docs/circuits.md). It depends on what a neuron is compared with. A rectified neuron that is
off on most rows has no median salience if it is compared with 0, and has some if it is compared with its mean, so claims are made of
both. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).

Of R021 only what the claims use is judged here, that units can be taken out; tests hold that nothing else changes. Heads need a
transformer, and the claim on reinforcement in R061 needs forks with other row weights (study `reinforcement`).
"""

from functools import partial
from math import log10

from epicycle.circuits.saliency import BroadUnits, DeletionDamage, Participation, SalienceSkewness
from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import Extreme, SeriesChange, Trend, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.edits.knobs import Set
from epicycle.literature.texts import THREAD
from epicycle.spec.arms import ForkArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import MICE, ON_MOUSE
from epicycle.studies.two_at_once import with_nulls

QUESTION = "Do a few neurons come to carry most answers when a network generalises, and is it because there is a rule?"

WITH_AND_WITHOUT_RULE = {name: arm for name, arm in with_nulls(1500).items() if name != "no_decay"}
ARMS = {
    **WITH_AND_WITHOUT_RULE,
    # What is left of a trend if decay is switched off when the rows have just been memorised?
    "decay_off": ForkArm(fork="rule", at="t_mem", edits=(Set(knob="weight_decay", to=0.0),)),
}

SKEWNESS, L_SKEWNESS = SalienceSkewness(), SalienceSkewness(shape="l")
TOP_BREADTH, BROAD, SHARED = BroadUnits(quantity="breadth"), BroadUnits(), Participation()
L_FROM_MEAN, GINI_FROM_MEAN = SalienceSkewness(shape="l", baseline="mean"), SalienceSkewness(shape="gini", baseline="mean")
NEURONS, NEURONS_TEST = DeletionDamage(), DeletionDamage(baseline="mean", rows="test")
FREQUENCIES = DeletionDamage(unit="component", rows="test")
MEASURES = (
    *(SKEWNESS, L_SKEWNESS, L_FROM_MEAN, GINI_FROM_MEAN),
    *(TOP_BREADTH, BROAD, SHARED),
    *(NEURONS, DeletionDamage(baseline="mean"), NEURONS_TEST, FREQUENCIES),
)
MIDDLE = "0.5*end"  # near the median time of generalisation; flies without a rule have no such time of their own


def _change(series: str, until: str, arm: str = "rule", times: bool = False) -> SeriesChange:
    """The change since memorising; as a number of factors of ten with `times`."""
    return SeriesChange(series=series, since="t_mem", until=until, decades=times, arm=arm)


def _more_than_without_a_rule(series: str, until: str = MIDDLE, times: bool = False) -> Difference:
    """The change, less that of a fly on a random square with the same seed, which has the same first weights and trained pairs."""
    return Difference(of=_change(series, until, times=times), against=_change(series, until, "no_rule", times), paired=True)


GENERALISES = Gate(statistic=Extreme(series="test_acc", arm="rule", which="max"), region=Region(above=0.9))
registered = partial(Claim, phenomenon="salience", gates=(GENERALISES,), sources=("thread2022",))
exploratory = partial(registered, primary=False)
CLAIMS = (
    registered(
        id="salience-becomes-skewed",
        says="In more than 0.8 of the flies the salience of neurons becomes more and more skewed from memorising to generalising.",
        statistic=RegionShare(
            of=Trend(series=SKEWNESS.name, since="t_mem", until="t_gen", arm="rule"),
            region=Region(above=0.6),  # with 17 looks, Spearman's correlation is above this by chance once in a hundred times
        ),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        accounts={
            **predictions("R057: more and more right-skewed", coverage="yes"),
            **inferred("R057: a trend from the start", superposition="yes"),
            **inferred("R057: a step at generalisation, no trend", single_hit="no"),
        },
    ),
    registered(
        id="more-skewed-than-without-a-rule",
        says="It becomes more skewed than in a fly that has no rule to find, by more than 0.1 in L-skewness.",
        statistic=_more_than_without_a_rule(L_SKEWNESS.name),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.1),
        accounts=predictions("R057: because general circuits replace shallow ones", coverage="yes"),
    ),
    registered(
        id="without-decay-salience-stays-as-it-is",
        says="If decay is switched off when the rows have been memorised, L-skewness rises by at least 0.2 less.",
        statistic=Difference(
            of=SeriesChange(series=L_SKEWNESS.name, since="start", until="end", arm="decay_off"),
            against=_change(L_SKEWNESS.name, "end"),
            paired=True,
        ),
        supported_if=Region(below=-0.2),
        refuted_if=Region(above=-0.1),
        accounts=inferred("section 3: decay makes the cheaper circuit win; R061", efficiency="yes"),
    ),
    exploratory(
        id="salience-becomes-skewed-without-a-rule-too",
        says="Where there is no rule to find, salience becomes more skewed too, by more than 0.1 in L-skewness.",
        statistic=_change(L_SKEWNESS.name, MIDDLE, "no_rule"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        accounts=inferred("R057: then the trend is not about generality", coverage="no"),
    ),
    exploratory(
        id="salience-is-skewed-before-accuracy-rises",
        says="More than 0.1 of this rise in L-skewness comes before test accuracy begins to rise.",
        statistic=_change(L_SKEWNESS.name, "t_on"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        accounts={
            **predictions("R057: through training", coverage="yes"),
            **inferred("R057: a step at generalisation, no trend", single_hit="no"),
        },
    ),
    exploratory(
        id="third-moment-more-than-without-a-rule",
        says="The usual skewness, too, rises by more than 1 more than in a fly that has no rule to find.",
        statistic=_more_than_without_a_rule(SKEWNESS.name),
        supported_if=Region(above=1.0),
        refuted_if=Region(below=1.0),
        accounts=predictions("R057", coverage="yes"),
    ),
    exploratory(
        id="salience-from-the-mean-becomes-skewed",
        says="Counted from each neuron's mean instead of from nothing, salience becomes more skewed "
        "too, by more than 0.1 in L-skewness.",
        statistic=_change(L_FROM_MEAN.name, "end"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        accounts=predictions("R057", coverage="yes"),
    ),
    exploratory(
        id="salience-from-the-mean-becomes-more-unequal-with-a-rule",
        says="Counted so, it becomes more unequal than in a fly without a rule: its Gini coefficient rises by more than 0.1 more.",
        statistic=_more_than_without_a_rule(GINI_FROM_MEAN.name, "end"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.05),
        accounts=inferred("R057: because general circuits replace shallow ones", coverage="yes"),
    ),
    exploratory(
        id="the-broadest-neurons-become-broader",
        says="The broadest neurons become salient for more answers, and by more than 20 % more than in a fly without a rule.",
        statistic=_more_than_without_a_rule(TOP_BREADTH.name, times=True),
        supported_if=Region(above=log10(1.2)),
        refuted_if=Region(below=log10(1.05)),
        accounts=predictions("R058: a small set is salient for many outputs", coverage="yes"),
    ),
    exploratory(
        id="the-broadest-neurons-double",
        says="From memorising to generalising the number of answers for which the broadest neurons are salient more than doubles.",
        statistic=_change(TOP_BREADTH.name, "t_gen", times=True),
        supported_if=Region(above=log10(2)),
        refuted_if=Region(below=log10(2)),
        accounts=predictions("R058", coverage="yes"),
    ),
    exploratory(
        id="some-neurons-are-salient-for-most-answers",
        says="When a fly generalises, at least one neuron is among the most salient ones for most answers.",
        statistic=ValueAt(series=BROAD.name, at="t_gen", arm="rule"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.5),
        accounts=predictions("R058", coverage="yes"),
    ),
    exploratory(
        id="fewer-neurons-share-an-answer",
        says="From memorising to generalising, fewer neurons come to share in an answer: more than 10 % fewer.",
        statistic=_change(SHARED.name, "t_gen", times=True),
        supported_if=Region(below=log10(0.9)),
        refuted_if=Region(above=0.0),
        accounts=inferred("R058: a small set is salient for many outputs", coverage="yes"),
    ),
    exploratory(
        id="deleting-salient-neurons-hurts-more-and-more",
        says="Deleting the most salient neurons hurts more and more, compared with random ones: by more than 0.05.",
        statistic=_change(NEURONS.name, "t_gen"),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.0),
        accounts={
            **predictions("R059: damage grows through training", coverage="yes"),
            **inferred("R157, R059: algorithms share neurons", superposition="no"),
        },
    ),
    exploratory(
        id="setting-salient-neurons-to-their-mean-hurts-held-out-answers-more-and-more",
        says="Putting their mean in the place of the most salient neurons hurts held-out answers more and more: by more than 0.05.",
        statistic=_change(NEURONS_TEST.name, "t_gen"),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.0),
        accounts={**predictions("R059", coverage="yes"), **inferred("R157, R059", superposition="no")},
    ),
    exploratory(
        id="deleting-salient-frequencies-hurts-more-and-more",
        says="Deleting the most salient frequencies hurts held-out answers more and more: by more than 0.1.",
        statistic=_change(FREQUENCIES.name, "t_gen"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.02),
        accounts={**predictions("R059: holds for frequencies", coverage="yes", superposition="yes")},
    ),
)

ALL_ARMS, EVENTS = tuple(ARMS), ("t_mem", "t_on", "t_gen")
FIGURES = (
    Figure(
        title="Does the salience of neurons become more skewed, and does it take a rule, or decay?",
        arms=ALL_ARMS,
        series=(L_SKEWNESS.name, L_FROM_MEAN.name),
        events=EVENTS,
        decides="more-skewed-than-without-a-rule",
    ),
    Figure(
        title="How unequal is the salience of neurons, counted from each neuron's mean?",
        arms=ALL_ARMS,
        series=(GINI_FROM_MEAN.name,),
        events=EVENTS,
    ),
    Figure(
        title="For which share of the answers are the broadest neurons salient?",
        arms=ALL_ARMS,
        series=(TOP_BREADTH.name,),
        events=EVENTS,
    ),
    Figure(
        title="What are the most salient units worth more than random ones?",
        arms=ALL_ARMS,
        series=(NEURONS.name, NEURONS_TEST.name, FREQUENCIES.name),
        events=EVENTS,
    ),
    Figure(title="What does accuracy show meanwhile?", arms=ALL_ARMS, series=("train_acc", "test_acc"), events=EVENTS),
)

STUDY = Study(
    name="saliency",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD.at("rows R057 to R061 of the programme"),),
    observation=Observation(measures=(*Observation().measures, *MEASURES), per_decade=15, checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 2500})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
