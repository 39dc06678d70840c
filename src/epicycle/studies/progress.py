"""Progress: do measures of the circuit show progress before accuracy does, and what does the circuit look like in the end?

The claims are those of Nanda et al. (arXiv 2301.05217), NAN-1 to NAN-10 of the programme. Their measures are taken in two forms side
by side. The published form projects the logits of all rows, and so lets memorised rows speak for held-out ones (docs/circuits.md). The
leak-free form is fitted to held-out rows and scored there; claims about progress are judged on it. Nulls are flies that learn a random
Latin square, where there is no rule, and flies without weight decay.

Key components are those of the step at which a measure is taken. The paper takes those of the trained network at every step, and so
knows from the start what the network will use. Nothing is known in advance here. Settings were chosen on seeds from 1000 on (LOG.md,
2026-11-27).
"""

from functools import partial
from math import log, log10

from epicycle.circuits.ablated_loss import Excluded, Restricted
from epicycle.circuits.clock_pizza import TemplateShare
from epicycle.circuits.neurons import ClusteredNeurons
from epicycle.circuits.strength import GenShare
from epicycle.circuits.weight_spectra import IsKey, KeyComponents, KeyPower, SpectralGini
from epicycle.claims.differences import Difference
from epicycle.claims.pairs import EqualPairs
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme, SeriesChange, ValueAt
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import NANDA
from epicycle.measures.fit import Loss
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Measure, Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE
from epicycle.studies.two_at_once import with_nulls

QUESTION = "Do measures of the general circuit show progress before accuracy does, and does the circuit look as published?"
FRACTIONS = (0.6, 0.75, 0.9)
ARMS = {
    **with_nulls(2000),  # past twice the median time of generalisation, so that what is called the end is one
    # How does the delay depend on the share of the pairs that is trained on?
    "fractions": RootArm(experiment=FLY.swept("training.steps", 2000), seeds=FLIES, sweep={"split.frac_train": FRACTIONS}),
}

# Accuracy of the general algorithm alone on held-out rows. All components, and those that are key at the step.
LEAK_FREE = Restricted(quantity="acc", fit="held_out", rows="test", components="all")
LEAK_FREE_KEY = Restricted(quantity="acc", fit="held_out", rows="test")
PUBLISHED = Restricted(quantity="acc", rows="test", components="all")
PUBLISHED_KEY = Restricted(quantity="acc", rows="test")
# Losses of the general algorithm alone, and of all but it.
RESTRICTED, RESTRICTED_LEAK_FREE = Restricted(), Restricted(fit="held_out", rows="test")
EVERY_COMPONENT = Restricted(fit="held_out", rows="test", components="all")
EXCLUDED, EXCLUDED_LEAK_FREE = Excluded(rows="train"), Excluded(fit="held_out", rows="test")
FVE = TemplateShare(template="clock")  # the share of all logits' variance that cosines explain, as published
MEASURES: tuple[Measure, ...] = (
    *(LEAK_FREE, LEAK_FREE_KEY, PUBLISHED, PUBLISHED_KEY),
    *(RESTRICTED, RESTRICTED_LEAK_FREE, EVERY_COMPONENT, EXCLUDED, EXCLUDED_LEAK_FREE),
    *(FVE, GenShare(), ClusteredNeurons(), Loss(rows="all")),
    *(KeyComponents(), KeyPower(), IsKey(), SpectralGini(where="embedding")),
)
HALF_OF_IGNORANCE = 1.7  # half of ln 31, in nats
MOST_RIGHT = "t_gen(level=0.5)"  # the step at which most held-out rows are right


def _end(measure: Measure, arm: str = "rule", log: bool = False) -> ValueAt:
    """A measure at the end of the budget."""
    return ValueAt(series=measure.name, at="end", arm=arm, log=log)


def _comes(measure: Measure, arm: str) -> EventTime:
    """The step, as a logarithm, at which an accuracy comes to 0.5."""
    return EventTime(event="comes", unit="log", detectors={measure.name: Threshold(of=measure.name, level=0.5)}, arm=arm)


def _lead(measure: Measure) -> EventRatio:
    """The step at which an accuracy of the general algorithm comes to 0.5, over that at which test accuracy does."""
    return EventRatio(
        event="of the algorithm",
        over="of the network",
        detectors={measure.name: Threshold(of=measure.name, level=0.5)},
        over_detector=Threshold(of="test_acc", level=0.5),
        arm="rule",
    )


def _ratio(measure: Measure, loss: Loss) -> Difference:
    """A loss of the general algorithm over a loss of the network, at the end."""
    return Difference(of=_end(measure, log=True), against=_end(loss, log=True), paired=True)


def _early_fall(measure: Measure) -> Difference:
    """By how many decades a loss falls before most held-out rows are right, less by how many it falls after."""
    before = SeriesChange(series=measure.name, until=MOST_RIGHT, decades=True, arm="rule")
    return Difference(of=before, against=before.model_copy(update={"since": MOST_RIGHT, "until": "end"}), paired=True)


def _delay(share: float) -> EventRatio:
    """How many times later a fly generalises than it memorises, at a share of training data."""
    return EventRatio(event="t_gen", over="t_mem", arm="fractions", where={"frac_train": share})


GENERALISES = Gate(statistic=Extreme(series="test_acc", arm="rule"), region=Region(above=0.9))
FITS = Gate(statistic=Extreme(series="train_loss", arm="rule"), region=Region(below=1e-3))
PRIMARY = (
    Claim(
        id="the-algorithm-is-right-before-the-network-is",
        says="The general algorithm alone would be right on most held-out rows in less than 0.8 of the steps that the network takes.",
        statistic=_lead(LEAK_FREE),
        supported_if=Region(below=0.8),
        refuted_if=Region(above=1.0),
        gates=(GENERALISES,),
        phenomenon="hidden-progress",
        accounts={
            **inferred("R143: increasingly implemented before accuracy shows it", superposition="yes"),
            **inferred("R042: moves at random until it hits", single_hit="no"),
        },
        sources=("nanda2023",),
    ),
    Claim(
        id="neurons-follow-one-frequency",
        says="In the end more than 0.7 of the hidden neurons follow a single frequency.",
        statistic=_end(ClusteredNeurons()),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.5),
        gates=(GENERALISES,),
        phenomenon="fourier-circuit",
        sources=("nanda2023",),
    ),
    Claim(
        id="networks-choose-other-frequencies",
        says="Fewer than 25 % of the pairs of networks end with the same key frequencies.",
        statistic=EqualPairs(series=IsKey().name, arm="rule"),
        supported_if=Region(below=0.25),
        refuted_if=Region(above=0.5),
        gates=(GENERALISES,),
        phenomenon="fourier-circuit",
        sources=("nanda2023",),
    ),
)


def _exploratory(
    phenomenon: str, claim_id: str, says: str, statistic: Statistic, regions: tuple[Region, Region], gates: tuple[Gate, ...] = ()
) -> Claim:
    """A claim of the paper beside the primary ones; `regions` are those of support and of refutation."""
    return Claim(
        id=claim_id,
        says=says,
        statistic=statistic,
        supported_if=regions[0],
        refuted_if=regions[1],
        gates=gates,
        primary=False,
        phenomenon=phenomenon,
        sources=("nanda2023",),
    )


_progress = partial(_exploratory, "hidden-progress")
_circuit = partial(_exploratory, "fourier-circuit")
BEFORE_0, AFTER_0 = Region(below=0.0), Region(above=0.0)
HIDDEN = (
    _progress(
        "key-components-are-right-before-the-network-is",
        "With its key components alone most held-out rows would be right in less than 0.8 of the steps that the network takes.",
        _lead(LEAK_FREE_KEY),
        (Region(below=0.8), Region(above=1.0)),
    ),
    _progress(
        "published-form-rises-without-a-rule-too",
        "The published form over all frequencies comes to 0.5 where there is no rule too, in less than 2 times the steps.",
        Difference(of=_comes(PUBLISHED, "no_rule"), against=_comes(PUBLISHED, "rule"), paired=True),
        (Region(above=-log(2), below=log(2)), Region(above=log(4))),
    ),
    _progress(
        "leak-free-form-does-not",
        "The leak-free form over all frequencies is below 0.1 at the end where there is no rule.",
        _end(LEAK_FREE, "no_rule"),
        (Region(below=0.1), Region(above=0.2)),
    ),
    _progress(
        "progress-that-never-shows",
        "Without weight decay the general algorithm alone would be right on 10 points more of the rows than where there is no rule.",
        Difference(of=_end(LEAK_FREE, "no_decay"), against=_end(LEAK_FREE, "no_rule"), paired=True),
        (Region(above=0.1), Region(below=0.05)),
    ),
    _progress(
        "restricted-loss-falls-early",
        "Up to the step at which most held-out rows are right, the published restricted loss falls by more decades than after it.",
        _early_fall(RESTRICTED),
        (BEFORE_0, AFTER_0),
    ),
    _progress(
        "leak-free-restricted-loss-falls-early",
        "Up to the step at which most held-out rows are right, the leak-free restricted loss falls by more decades than after it.",
        _early_fall(RESTRICTED_LEAK_FREE),
        (BEFORE_0, AFTER_0),
    ),
    _progress(
        "excluded-loss-rises-tenfold-before",
        "Before test accuracy begins to rise, the excluded loss has risen tenfold from its minimum.",
        SeriesChange(series=EXCLUDED.name, since="min", until="t_on", decades=True, arm="rule"),
        (Region(above=1.0), Region(below=log10(3))),
    ),
    _progress(
        "excluded-loss-rises-before",
        "When test accuracy begins to rise, the excluded loss is more than 1.2 times its minimum.",
        SeriesChange(series=EXCLUDED.name, since="min", until="t_on", decades=True, arm="rule"),
        (Region(above=log10(1.2)), Region(below=log10(1.1))),
    ),
    _progress(
        "memorising-goes-on",
        "After the rows are memorised, the excluded loss still falls to less than a half.",
        SeriesChange(series=EXCLUDED.name, since="t_mem", until="min", decades=True, arm="rule"),
        (Region(below=log10(0.5)), Region(above=log10(0.8))),
    ),
    _progress(
        "weights-shrink-while-the-circuit-forms",
        "From memorising to the onset of generalisation the norm of the weights falls.",
        SeriesChange(series="total_norm", since="t_mem", until="t_on", arm="rule"),
        (BEFORE_0, AFTER_0),
    ),
    _progress(
        "weights-shrink-while-accuracy-rises",
        "While test accuracy rises, from onset to generalisation, the norm of the weights falls.",
        SeriesChange(series="total_norm", since="t_on", until="t_gen", arm="rule"),
        (BEFORE_0, AFTER_0),
    ),
    _progress(
        "weights-shrink-in-the-end",
        "After generalising the norm of the weights falls.",
        SeriesChange(series="total_norm", since="t_gen", until="end", arm="rule"),
        (BEFORE_0, AFTER_0),
    ),
)
CIRCUIT = (
    _circuit(
        "few-frequencies-are-key",
        "In the end more than 1 and fewer than 9 frequencies are key.",
        _end(KeyComponents()),
        (Region(above=1.0, below=9.0), Region(above=9.0, below=1.0)),
    ),
    _circuit(
        "key-frequencies-hold-the-power",
        "In the end the key frequencies hold more than 0.95 of the power of the unembedding.",
        _end(KeyPower()),
        (Region(above=0.95), Region(below=0.9)),
    ),
    _circuit(
        "embedding-is-sparse-in-the-end",
        "In the end the Gini coefficient of the embedding's spectrum is above 0.5.",
        _end(SpectralGini(where="embedding")),
        (Region(above=0.5), Region(below=0.4)),
    ),
    _circuit(
        "embedding-is-flat-at-first",
        "Before the first step the Gini coefficient of the embedding's spectrum is below 0.1.",
        ValueAt(series="embedding_gini", at="start", arm="rule"),
        (Region(below=0.1), Region(above=0.2)),
    ),
    _circuit(
        "logits-are-cosines",
        "In the end cosines explain more than 0.9 of the variance of all logits, as published.",
        _end(FVE),
        (Region(above=0.9), Region(below=0.8)),
    ),
    _circuit(
        "held-out-logits-are-cosines",
        "In the end cosines explain more than 0.9 of the variance of the held-out logits.",
        _end(GenShare()),
        (Region(above=0.9), Region(below=0.8)),
    ),
    _circuit(
        "published-form-explains-memory-too",
        "Where there is no rule, cosines of the right answer still explain more than 0.2 of the variance of all logits.",
        _end(FVE, "no_rule"),
        (Region(above=0.2), Region(below=0.05)),
    ),
    _circuit(
        "key-components-do-better-than-the-network",
        "In the end the key components alone have a lower loss on all rows than the network, by more than 10 %.",
        _ratio(RESTRICTED, Loss(rows="all")),
        (Region(below=log(0.9)), Region(above=log(1.1))),
    ),
    _circuit(
        "key-components-do-better-on-held-out-rows",
        "In the end the key components alone have a lower loss on held-out rows than the network, by more than 10 %.",
        _ratio(RESTRICTED_LEAK_FREE, Loss()),
        (Region(below=log(0.9)), Region(above=log(1.1))),
    ),
    _circuit(
        "all-components-do-better-on-held-out-rows",
        "In the end all frequencies together have a lower loss on held-out rows than the network, by more than 10 %.",
        _ratio(EVERY_COMPONENT, Loss()),
        (Region(below=log(0.9)), Region(above=log(1.1))),
    ),
    _circuit(
        "trained-rows-need-key-components",
        "In the end, without its key components, a network that fits its trained rows has a loss above 1.7 nats on them.",
        _end(EXCLUDED),
        (Region(above=HALF_OF_IGNORANCE), Region(below=1.0)),
        (FITS,),
    ),
    _circuit(
        "held-out-rows-need-key-components",
        "In the end, without its key components, a network that fits its trained rows has a loss above 1.7 nats on held-out rows.",
        _end(EXCLUDED_LEAK_FREE),
        (Region(above=HALF_OF_IGNORANCE), Region(below=1.0)),
        (FITS,),
    ),
)
DELAY = (
    _exploratory(
        "data",
        "few-data-delay",
        "With 60 % of the pairs a network generalises more than 10 times later than it memorises.",
        _delay(0.6),
        (Region(above=10), Region(below=3)),
    ),
    _exploratory(
        "data",
        "much-data-does-not",
        "With 90 % of the pairs a network generalises less than 1.5 times later than it memorises.",
        _delay(0.9),
        (Region(below=1.5), Region(above=3)),
    ),
    _exploratory(
        "regularisation",
        "decay-is-needed",
        "Without weight decay test accuracy stays within 10 points of chance.",
        Extreme(series="test_acc", which="max", above_baseline=True, arm="no_decay"),
        (Region(below=0.1), Region(above=0.5)),
    ),
)
CLAIMS = (*PRIMARY, *HIDDEN, *CIRCUIT, *DELAY)

WITH_NULLS = ("rule", "no_rule", "no_decay")
FIGURES = (
    Figure(
        title="What would the general algorithm alone answer, and what does the network answer?",
        arms=WITH_NULLS,
        series=(LEAK_FREE.name, "test_acc", "train_acc"),
        events=("t_mem", "t_on", "t_gen"),
        decides="the-algorithm-is-right-before-the-network-is",
    ),
    Figure(
        title="What does the published form of the same measure show, also where there is no rule?",
        arms=WITH_NULLS,
        series=(PUBLISHED.name, PUBLISHED_KEY.name, LEAK_FREE_KEY.name),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="What do the losses of the general algorithm and of all but it do?",
        arms=WITH_NULLS,
        series=("restricted_loss", "excluded_loss_train", "train_loss", "test_loss"),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="When do neurons follow one frequency, and how sparse is the spectrum?",
        arms=WITH_NULLS,
        series=("clustered_neurons", "unembedding_key_power", "embedding_gini", "gen_share"),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="How many times later does a network generalise than it memorises?",
        arms=("fractions",),
        quantities=(EventRatio(event="t_gen", over="t_mem", arm="fractions"),),
        along="frac_train",
    ),
)

STUDY = Study(
    name="progress",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(NANDA,),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 2500})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
