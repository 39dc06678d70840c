"""Clock or pizza: which of two algorithms for sums does a network find, and does attention decide?

Zhong et al. (arXiv 2306.17844) replace the attention weights by rate * softmax + (1 - rate) * 1. With softmax (rate 1) their networks
find the clock, which multiplies waves of the two operands. With constant weights (rate 0) they find the pizza, which adds the waves up
and takes absolute values. The claims are PIZ-1 to PIZ-7 of the programme, on mice: the network of the paper with 31 elements in place
of 59 and half the width. Flies that add their embeddings up are the paper's linear networks. PIZ-7, of untrained networks, comes from
notes on a replication and not from the paper.

The boundary between the two, where gradient symmetricity is 0.85, is said to lie at a higher rate in wider networks (PIZ-3). This is
asked at one rate, of mice with half and with twice the width of the others.

Distance irrelevance is known to differ less at half the width, so 0.1 is asked for and not the 0.3 of PIZ-2. Settings were chosen on
seeds from 1000 on (LOG.md, 2026-11-27), which also suggested the claim that gradients come together before they part.

CHU-5, that transformers use less than half as many key frequencies as MLPs do (Chughtai et al., arXiv 2302.03025, section 5), is asked
of the mice with softmax and the flies. In the pilot it is near its border, so that a weaker claim stands beside it.
"""

from math import log

from epicycle.circuits.clock_pizza import Circularity, DistanceAccuracy, DistanceIrrelevance, GradientSymmetricity, TemplateShare
from epicycle.circuits.key_irreps import KeyIrreps
from epicycle.circuits.weight_spectra import KeyComponents
from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.literature.texts import CHUGHTAI, ZHONG
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.families import Measure, Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.organisms import FLIES, MICE, P, fly
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW

QUESTION = "Does attention decide whether a network adds by the clock or by the pizza?"
SUMS = Modular(p=P, operation="x+y", form="x y")
RATES = (0.0, 0.5, 1.0)
# The network of the paper's code (preset PZ) with half the width.
NETWORK = Transformer(d_model=64, n_heads=4, d_mlp=256, causal=False, attention_rate=1.0, initialisation="pizza")
MOUSE = Experiment(
    task=SUMS,
    split=Split(frac_train=0.75),
    model=NETWORK,
    training=Training(optimiser=AdamW(lr=5e-3, weight_decay=1.0), warmup=10, steps=1000),
)
BETWEEN = 0.8  # the attention rate at which mice of two widths stand on two sides of the boundary
WIDE_MICE = 16


def _as_wide_as(width: int) -> Experiment:
    """Mice of a width at the rate between."""
    return MOUSE.swept("model.attention_rate", BETWEEN).swept("model.d_model", width).swept("model.d_mlp", 4 * width)


LINEAR = fly(SUMS, 0.8, MLP(d_model=64, d_mlp=128, combine="sum")).swept("training.stop", None).swept("training.steps", 1500)
ARMS = {
    # From constant attention to softmax.
    "rates": RootArm(experiment=MOUSE, seeds=MICE, sweep={"model.attention_rate": RATES}),
    # Half and twice the width, where softmax has most of the weight.
    "narrow": RootArm(experiment=_as_wide_as(32), seeds=MICE),
    "wide": RootArm(experiment=_as_wide_as(128), seeds=WIDE_MICE),
    # Networks without attention that add their embeddings up.
    "linear": RootArm(experiment=LINEAR, seeds=FLIES),
}

CLOCK, PIZZA = (TemplateShare(template=template, circle="main") for template in ("clock", "pizza"))
NEAR, FAR = (DistanceAccuracy(tokens=tokens, circle="main") for tokens in ("near", "far"))
MEASURES: tuple[Measure, ...] = (
    GradientSymmetricity(),
    DistanceIrrelevance(),
    Circularity(),
    KeyComponents(),
    KeyIrreps(),
    *(CLOCK, PIZZA, TemplateShare(template="accompanying", circle="accompanying")),
    *(NEAR, FAR),
)


def _at(rate: float) -> dict[str, str | dict[str, float]]:
    """The fields of a quantity that choose the mice of one attention rate."""
    return {"arm": "rates", "where": {"attention_rate": rate}}


def _end(series: str, rate: float, beside: str | None = None) -> ValueAt:
    """A series of the mice of one attention rate at the end, less another one."""
    return ValueAt.parse({"series": series, "at": "end", "beside": beside, **_at(rate)})


def _pizza_over_clock(**of: object) -> ValueAt:
    """By how much the pizza's template explains more of the logits of the main circle than the clock's."""
    return ValueAt.parse({"series": PIZZA.name, "beside": CLOCK.name, "at": "end", **of})


def _generalises(rate: float) -> Gate:
    return Gate(statistic=_end("test_acc", rate), region=Region(above=0.9))


def _claim(
    claim_id: str,
    says: str,
    statistic: Statistic,
    regions: tuple[Region, Region],
    gates: tuple[Gate, ...] = (),
    primary: bool = False,
    sources: tuple[str, ...] = ("zhong2023",),
) -> Claim:
    """A claim, of the paper unless it names other sources; `regions` are those of support and of refutation."""
    return Claim(
        id=claim_id,
        says=says,
        statistic=statistic,
        supported_if=regions[0],
        refuted_if=regions[1],
        gates=gates,
        primary=primary,
        phenomenon="clock-pizza",
        sources=sources,
    )


OWN: tuple[str, ...] = ()  # no text that is cited here makes the claim
CONSTANT, SOFTMAX = _generalises(0.0), _generalises(1.0)
PRIMARY = (
    _claim(
        "constant-attention-gives-the-pizza",
        "With constant attention the pizza explains more of the main circle's logits than the clock does, by 0.15 of their variance.",
        _pizza_over_clock(**_at(0.0)),
        (Region(above=0.15), Region(below=0.05)),
        (CONSTANT,),
        primary=True,
    ),
    _claim(
        "softmax-gives-the-clock",
        "With softmax the clock explains more of them than the pizza does.",
        _pizza_over_clock(**_at(1.0)),
        (Region(below=0.0), Region(above=0.05)),
        (SOFTMAX,),
        primary=True,
    ),
    _claim(
        "distance-matters-with-constant-attention",
        "Distance irrelevance is higher with softmax than with constant attention, by more than 0.1.",
        Difference(of=_end("distance_irrelevance", 1.0), against=_end("distance_irrelevance", 0.0), paired=True),
        (Region(above=0.1), Region(below=0.0)),
        (CONSTANT, SOFTMAX),
        primary=True,
    ),
)
MICE_ONLY = (
    _claim(
        "gradients-agree-with-constant-attention",
        "With constant attention gradient symmetricity is above 0.95 in the end.",
        _end("gradient_symmetricity", 0.0),
        (Region(above=0.95), Region(below=0.9)),
        (CONSTANT,),
    ),
    _claim(
        "gradients-disagree-with-softmax",
        "With softmax gradient symmetricity is below 0.7 in the end.",
        _end("gradient_symmetricity", 1.0),
        (Region(below=0.7), Region(above=0.85)),
        (SOFTMAX,),
    ),
    _claim(
        "untrained-gradients-agree",
        "Before the first step gradient symmetricity is above 0.95, with softmax too.",
        ValueAt.parse({"series": "gradient_symmetricity", "at": "start", **_at(1.0)}),
        (Region(above=0.95), Region(below=0.7)),
        sources=OWN,
    ),
    _claim(
        "learning-parts-the-gradients",
        "With softmax gradient symmetricity is lower in the end than before the first step, by more than 0.1.",
        SeriesChange.parse({"series": "gradient_symmetricity", "since": "start", "until": "end", **_at(1.0)}),
        (Region(below=-0.1), Region(above=0.0)),
        (SOFTMAX,),
        sources=OWN,
    ),
    _claim(
        "gradients-come-together-and-part",
        "With softmax gradient symmetricity falls by more than 0.2 from its peak to the end.",
        SeriesChange.parse({"series": "gradient_symmetricity", "since": "max", "until": "end", **_at(1.0)}),
        (Region(below=-0.2), Region(above=-0.05)),
        (SOFTMAX,),
        sources=OWN,
    ),
    _claim(
        "accuracy-is-perfect-with-constant-attention",
        "With constant attention test accuracy is above 0.99 in the end.",
        _end("test_acc", 0.0),
        (Region(above=0.99), Region(below=0.95)),
    ),
    _claim(
        "accuracy-is-perfect-with-softmax",
        "With softmax test accuracy is above 0.99 in the end.",
        _end("test_acc", 1.0),
        (Region(above=0.99), Region(below=0.95)),
    ),
    _claim(
        "a-pizza-fails-far-apart",
        "With constant attention the main circle alone is right on 5 points more rows with tokens near each other than far apart.",
        _end(NEAR.name, 0.0, FAR.name),
        (Region(above=0.05), Region(below=0.01)),
        (CONSTANT,),
    ),
    _claim(
        "a-clock-does-not",
        "With softmax the main circle alone is right on as many rows far apart as near each other, within 10 points.",
        _end(NEAR.name, 1.0, FAR.name),
        (Region(above=-0.1, below=0.1), Region(above=0.2)),
        (SOFTMAX,),
    ),
    _claim(
        "a-second-circle-helps-the-pizza",
        "With constant attention a second circle follows the accompanying template, with more than 0.5 of the variance of its logits.",
        _end("accompanying_share_accompanying", 0.0),
        (Region(above=0.5), Region(below=0.2)),
        (CONSTANT,),
    ),
    _claim(
        "a-clock-has-no-second-circle",
        "With softmax that template explains less than 0.2 of the second circle's logits.",
        _end("accompanying_share_accompanying", 1.0),
        (Region(below=0.2), Region(above=0.5)),
        (SOFTMAX,),
    ),
)


def _more_key_frequencies(claim_id: str, says: str, regions: tuple[Region, Region]) -> Claim:
    """How many times as many key frequencies the logits of flies have as those of mice with softmax."""
    of_flies, of_mice = (
        ValueAt.parse({"series": KeyIrreps().name, "at": "end", "log": True, **of}) for of in ({"arm": "linear"}, _at(1.0))
    )
    return _claim(claim_id, says, Difference(of=of_flies, against=of_mice), regions, (SOFTMAX,), sources=("chughtai2023",))


FLIES_ONLY = (
    _claim(
        "added-embeddings-give-the-pizza",
        "In networks that add their embeddings up the pizza explains more than the clock, by 0.15 of the variance.",
        _pizza_over_clock(arm="linear"),
        (Region(above=0.15), Region(below=0.05)),
    ),
    _claim(
        "distance-matters-if-embeddings-are-added",
        "In networks that add their embeddings up distance irrelevance is below 0.4.",
        ValueAt(series="distance_irrelevance", at="end", arm="linear"),
        (Region(below=0.4), Region(above=0.5)),
    ),
)


def _symmetricity(arm: str) -> ValueAt:
    """The gradient symmetricity of mice of one width in the end."""
    return ValueAt(series="gradient_symmetricity", at="end", arm=arm)


NARROW, WIDE = (Gate(statistic=ValueAt(series="test_acc", at="end", arm=arm), region=Region(above=0.9)) for arm in ("narrow", "wide"))
WIDTHS = (
    _claim(
        "wide-mice-are-nearer-to-the-pizza",
        "Where softmax has most of the attention, gradient symmetricity ends more than 0.1 higher in wide mice than in narrow ones.",
        Difference(of=_symmetricity("wide"), against=_symmetricity("narrow")),
        (Region(above=0.1), Region(below=0.0)),
        (NARROW, WIDE),
    ),
    _claim(
        "the-boundary-of-narrow-mice-lies-lower",
        "Where softmax has most of the attention, gradient symmetricity ends below 0.85 in narrow mice.",
        _symmetricity("narrow"),
        (Region(below=0.85), Region(above=0.9)),
        (NARROW,),
    ),
    _claim(
        "the-boundary-of-wide-mice-lies-higher",
        "Where softmax has most of the attention, gradient symmetricity ends above 0.85 in wide mice.",
        _symmetricity("wide"),
        (Region(above=0.85), Region(below=0.8)),
        (WIDE,),
    ),
)
KEY_FREQUENCIES = (
    _more_key_frequencies(
        "a-transformer-has-less-than-half-of-the-key-frequencies",
        "Flies, which add their embeddings up, use more than twice as many key frequencies as mice with softmax.",
        (Region(above=log(2)), Region(below=log(1.4))),
    ),
    _more_key_frequencies(
        "a-transformer-has-fewer-key-frequencies",
        "Flies, which add their embeddings up, use more than 1.4 times as many key frequencies as mice with softmax.",
        (Region(above=log(1.4)), Region(below=log(1.1))),
    ),
)
CLAIMS = (*PRIMARY, *MICE_ONLY, *FLIES_ONLY, *WIDTHS, *KEY_FREQUENCIES)

FIGURES = (
    # Above 0 the pizza explains more.
    Figure(
        title="By how much does the pizza explain more of the main circle than the clock does, at each attention rate?",
        arms=("rates",),
        quantities=(_pizza_over_clock(arm="rates"),),
        along="attention_rate",
        decides="constant-attention-gives-the-pizza",
    ),
    Figure(title="Does the main circle follow the clock or the pizza?", arms=("rates", "linear"), series=(CLOCK.name, PIZZA.name)),
    Figure(
        title="What do gradient symmetricity and distance irrelevance show along training?",
        arms=("rates", "linear"),
        series=("gradient_symmetricity", "distance_irrelevance"),
    ),
    Figure(
        title="Is the main circle alone right where its tokens lie near each other, and where they lie far apart?",
        arms=("rates", "linear"),
        series=(NEAR.name, FAR.name),
    ),
    Figure(
        title="Where softmax has most of the attention, is the network a clock if it is narrow, and a pizza if it is wide?",
        arms=("narrow", "wide"),
        series=("gradient_symmetricity", CLOCK.name, PIZZA.name),
    ),
    Figure(title="How many key frequencies do the logits have?", arms=("rates", "linear"), series=(KeyIrreps().name,)),
    Figure(title="Are all of them right?", arms=("rates", "linear"), series=("train_acc", "test_acc")),
)

STUDY = Study(
    name="clock_pizza",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(ZHONG, CHUGHTAI),
    observation=Observation(measures=(*Observation().measures, *MEASURES), per_decade=20, checkpoint_megabytes=10),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
