"""Coverage of units: do the neurons and frequencies of a network that more rows need grow more afterwards, as circuits in a toy do?

The study `coverage` asks the same of circuits that are written by hand. In that toy coverage decides early growth under gradient
descent, and says nothing of it under AdamW. Here the units are those of a trained network: its neurons, and the frequencies of the
general algorithm. The coverage of a unit is the share of trained rows on which the network is right and would be wrong without the
unit. The strength of a neuron is its salience (what the right logit of a typical row loses without the neuron), and the strength of a
frequency is what it adds to the right logit on held-out rows.

Rows judged: R022 (for real networks: a rank correlation above 0.3 between coverage and later growth) and R026 (in the arm of random
labels no circuit has any value for new rows). Both in part: a unit is no circuit, and the rows that need a unit are not those that it
would be right on alone. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial

from epicycle.circuits.coverage import Coverage
from epicycle.circuits.saliency import Salience
from epicycle.circuits.strength import GenLogit
from epicycle.claims.axis_correlation import GrowthCorrelation
from epicycle.claims.differences import Difference
from epicycle.literature.texts import THREAD
from epicycle.measures.fit import Accuracy, Loss
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY
from epicycle.tasks.derived import RandomLabels
from epicycle.training.optimisers import SGD, AdamW

QUESTION = "Do the neurons and frequencies that more rows need grow more afterwards?"

# On the fly's network, descent with momentum memorises about as soon as AdamW, and does not generalise within the budget.
STEPS = 600


def _trained(optimiser: SGD | AdamW) -> RootArm:
    """The fly with another optimiser, for a fixed number of steps."""
    changed = FLY.swept("training.optimiser", optimiser.model_dump(mode="json"))
    return RootArm(experiment=changed.swept("training.stop", None).swept("training.steps", STEPS), seeds=FLIES)


RANDOM = FLY.swept("task", RandomLabels(of=FLY.task).model_dump(mode="json"))
ARMS = {
    "fly": RootArm(experiment=FLY.swept("training.steps", 2000), seeds=FLIES),
    "no_decay": _trained(AdamW(lr=1e-2, weight_decay=0.0)),
    "descent": _trained(SGD(lr=1.0, momentum=0.9)),
    "random_labels": RootArm(experiment=RANDOM.swept("training.stop", None).swept("training.steps", STEPS), seeds=FLIES),
}

SEEN = "0.75*t_mem"  # at t_mem hardly a row needs any single unit
SERIES: dict[str, tuple[str, str]] = {
    "neurons": ("neuron_coverage", "neuron_salience"),
    "frequencies": ("component_coverage", "gen_logit_by_component"),
}


def _foretells(arm: str, until: str, units: str = "neurons", compares: str = "change") -> GrowthCorrelation:
    """Rank correlation over units of the coverage shortly before memorising with what becomes of the strength."""
    series, of = SERIES[units]
    fields = {"series": series, "of": of, "since": SEEN, "until": until, "compares": compares, "arm": arm}
    return GrowthCorrelation.parse(fields)


claim = partial(Claim, sources=(THREAD.key,), phenomenon="reinforcement")
exploratory = partial(claim, primary=False)
CLAIMS = (
    claim(
        id="needed-neurons-grow",
        says="Neurons that more rows need shortly before memorising gain more salience until the network generalises: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("fly", "t_gen"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts=predictions("R022: rank correlation of coverage and later growth above 0.3", coverage="yes"),
    ),
    claim(
        id="needed-neurons-grow-under-descent",
        says="Under gradient descent without decay, neurons that more rows need gain more salience: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("descent", "end"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts=predictions("R022: rank correlation of coverage and later growth above 0.3", coverage="yes"),
    ),
    claim(
        id="the-optimiser-decides-as-in-the-toy",
        says="The rank correlation is more than 0.3 higher under gradient descent than under AdamW without decay.",
        statistic=Difference(of=_foretells("descent", "end"), against=_foretells("no_decay", "end"), paired=True),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
    ),
    exploratory(
        id="needed-neurons-grow-until-memorised",
        says="Until the rows are memorised, neurons that more rows need gain more salience: the rank correlation is above 0.3.",
        statistic=_foretells("fly", "t_mem"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts=predictions("R022", coverage="yes"),
    ),
    exploratory(
        id="needed-neurons-grow-without-decay",
        says="Under AdamW without decay, neurons that more rows need gain more salience: the rank correlation is above 0.3.",
        statistic=_foretells("no_decay", "end"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts={
            **predictions("R022", coverage="yes"),
            **inferred("R022: efficiency under a norm penalty, not frequency", efficiency="no"),
        },
    ),
    exploratory(
        id="needed-neurons-grow-by-more-of-themselves",
        says="Under gradient descent neurons that more rows need grow by more of themselves, as circuits in the toy do: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("descent", "t_mem", compares="growth"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts=predictions("R022", coverage="yes"),
    ),
    exploratory(
        id="needed-frequencies-grow",
        says="Frequencies that more rows need shortly before memorising gain more until the network generalises: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("fly", "t_gen", "frequencies"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        accounts=predictions("R022: rank correlation of coverage and later growth above 0.3", coverage="yes"),
    ),
    exploratory(
        id="needed-neurons-end-strong-on-random-labels",
        says="On random labels, where no circuit helps on new rows, neurons that more rows need end with more salience: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("random_labels", "end", compares="value"),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.2),
        accounts=predictions("R026: strength follows coverage even where it has no value for new rows", coverage="yes"),
    ),
)

FIGURES = (
    Figure(
        title="Do neurons that more rows need gain more salience afterwards?",
        arms=tuple(ARMS),
        quantities=(_foretells("fly", "t_mem"), _foretells("fly", "end")),
        decides="needed-neurons-grow",
    ),
    Figure(
        title="How many rows need each neuron?", arms=("fly", "descent"), series=("neuron_coverage",), form="heat_map", ranked=True
    ),
    Figure(title="Which networks generalise?", arms=tuple(ARMS), series=("train_acc", "test_acc")),
)
MEASURES = (
    *(kind(rows=rows) for kind in (Loss, Accuracy) for rows in ("train", "test")),
    *(Accuracy(rows=rows) for rows in ("all", "mirror_seen", "mirror_unseen")),
    *(Coverage(unit="neuron"), Coverage(unit="component")),
    *(Salience(), GenLogit(by_component=True)),
)
STUDY = Study(
    name="coverage_of_units",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD,),
    observation=Observation(measures=MEASURES, per_decade=20, checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
