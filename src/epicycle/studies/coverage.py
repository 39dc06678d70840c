"""Coverage, efficiency or simplicity: which property of a circuit decides how strong it becomes? Asked of circuits written by hand.

In a real network a general circuit is right on more rows, needs less weight for its logits, and may be simpler. Here each is set by
itself (networks `gated_bank`, `two_heads` and `frequency_toy`). What the same questions say of a trained network is in the study
`coverage_of_units`.

Rows judged: R022 (circuits that are right on more rows grow more), R025 (one head for two pairs, or two heads), R026 (coverage without
any value for new rows), R108 (three ingredients of grokking), and R040 in so far as a toy can. R022 asks for a slope above 0 and R026
for a correlation; both are judged as a rank correlation above 0.3, which is R022's bound for real networks. In R108's
toy all rows are memorised within some 20 steps, and a run that generalises after step 100 is late.

Much of this can be worked out by hand, so these claims say which argument holds for which rule of training, and nothing about real
networks. Settings were chosen in a simulation of the same equations, on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log, log10
from typing import Any

from epicycle.circuits.written import CircuitCoverage, CircuitShare, CircuitStrength
from epicycle.claims.axis_correlation import GrowthCorrelation
from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.claims.slopes import Slope
from epicycle.literature.texts import THREAD, VARMA
from epicycle.measures.fit import Accuracy, LogOdds, Loss
from epicycle.models.frequency_toy import FrequencyToy
from epicycle.models.gated_bank import GatedBank, GatedCircuit
from epicycle.models.two_heads import TwoHeads
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.families import Model, Optimiser, SplitRule
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import ReweightedSplit
from epicycle.splits.drawn import SequentialSplit
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.tasks.numbered_rows import NumberedRows
from epicycle.training.optimisers import SGD, AdamW

QUESTION = "Does a circuit grow because it is right on many examples, because it needs little weight, or because it is simple?"

SEEDS, FEW = 48, 24  # FEW where the seeds hardly differ
ROWS, PAIRS = NumberedRows(n_seen=100, n_new=100, num_classes=10), NumberedRows(n_seen=2, n_new=2, num_classes=2)
SEEN = SequentialSplit(frac_train=0.5)
DESCENT, ADAM = SGD(lr=0.3), AdamW(lr=1e-2, weight_decay=0.3)
EARLY, LATE = "0.01*end", "0.04*end"  # step 10 of 1,000, step 100 of 2,500
SPREAD = 0.3  # of ln(gate) at the start


def _circuit(coverage: float, **fields: Any) -> GatedCircuit:
    """A circuit of two factors that is silent on the rows it does not cover."""
    return GatedCircuit.parse({"coverage": coverage, "n_factors": 2, **fields})


# Those that cover more of the seen rows are right on fewer of the new ones: the first covers all, and is right on no new row.
COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05)
BANK = GatedBank(circuits=tuple(_circuit(c, held_out=1 - c) for c in COVERAGES), start_spread=SPREAD)
# Circuit 1 is compared; circuit 0 stands beside it.
TWO = GatedBank(circuits=(_circuit(0.5), _circuit(1.0)), start_spread=SPREAD)
# Gen, slow as its two factors start small; Mem, with one factor, wrong on new rows; and the wrong answers of an untrained network.
THREE = GatedBank(
    circuits=(
        _circuit(1.0, held_out=1.0, logit_per_norm=2.0, start=0.005),
        GatedCircuit(logit_per_norm=2.0, elsewhere="wrong"),
        _circuit(0.0, start=1.0, elsewhere="wrong"),
    ),
    start_spread=SPREAD,
)
SLOW, FAST = 0.005, 1.0  # the start of Gen's factors
FRUGAL, COSTLY = 2.0, 8.0  # Mem's logit per norm: the rule is more efficient than the first, and less than the second


def _toy(
    model: Model, optimiser: Optimiser = DESCENT, steps: int = 1000, task: NumberedRows = ROWS, split: SplitRule = SEEN
) -> Experiment:
    return Experiment(task=task, split=split, model=model, training=Training(optimiser=optimiser, steps=steps))


DECAYS, DECAY = {"training.optimiser.weight_decay": (0.0, 0.01)}, {"training.optimiser.weight_decay": (0.0, 0.3)}
CROSSED = {"model.circuits.1.coverage": (0.25, 1.0), "model.circuits.1.logit_per_norm": (0.5, 2.0)}
INGREDIENTS = {
    "model.circuits.1.coverage": (0.0, 1.0),
    "model.circuits.1.logit_per_norm": (FRUGAL, COSTLY),
    "model.circuits.0.start": (SLOW, FAST),
}
PARAMETERS = {"model.parameters": ("strengths", "unit_strengths", "entries")}
OFTEN = ReweightedSplit(of=SEEN, first_operands=(0, 1), weight=2.0)
WITH_DECAY = SGD(lr=0.3, weight_decay=0.01)
ARMS = {
    "coverages": RootArm(experiment=_toy(BANK), seeds=SEEDS, sweep=DECAYS),
    "coverages_adamw": RootArm(experiment=_toy(BANK, ADAM), seeds=SEEDS, sweep=DECAY),
    "crossed": RootArm(experiment=_toy(TWO), seeds=SEEDS, sweep={**CROSSED, **DECAYS}),
    "crossed_adamw": RootArm(experiment=_toy(TWO, ADAM), seeds=SEEDS, sweep=CROSSED),
    "factors": RootArm(experiment=_toy(TWO, WITH_DECAY), seeds=SEEDS, sweep={"model.circuits.1.n_factors": (1, 2, 3)}),
    "heads": RootArm(
        experiment=_toy(TwoHeads(start_spread=SPREAD), steps=2000, task=PAIRS), seeds=SEEDS, sweep={**PARAMETERS, **DECAYS}
    ),
    "heads_adamw": RootArm(
        experiment=_toy(TwoHeads(start_spread=SPREAD), ADAM, task=PAIRS), seeds=SEEDS, sweep={**PARAMETERS, **DECAY}
    ),
    "ingredients": RootArm(experiment=_toy(THREE, WITH_DECAY, 2500), seeds=SEEDS, sweep=INGREDIENTS),
    "ingredients_without_decay": RootArm(experiment=_toy(THREE, DESCENT, 2500), seeds=SEEDS),
    "often": RootArm(
        experiment=_toy(FrequencyToy(rule_logit=0.0, start_spread=SPREAD), SGD(lr=0.3, weight_decay=0.003), 4000, split=OFTEN),
        seeds=FEW,
        sweep={"split.weight": (0.25, 0.5, 2.0, 4.0, 8.0, 16.0)},
    ),
}


def _foretells(arm: str, until: str, **where: float) -> GrowthCorrelation:
    """Rank correlation over circuits of the coverage with the growth of the strength, or with the strength at the end."""
    compares = "value" if until == "end" else "growth"
    period = {"since": "start", "until": until, "compares": compares}
    return GrowthCorrelation.parse({"series": "circuit_coverage", "of": "circuit_strength", "arm": arm, "where": where, **period})


def _growth(arm: str, **where: float) -> SeriesChange:
    """How many times stronger circuit 1 has become by an early step, as a number of factors of ten."""
    return SeriesChange(series="circuit_strength_1", since="start", until=EARLY, decades=True, arm=arm, where=where)


def _strength(**where: float) -> ValueAt:
    """The logarithm of the strength of circuit 1 at the end."""
    return ValueAt(series="circuit_strength_1", at="end", log=True, arm="crossed", where={"coverage": 1.0, **where})


def _one_head(arm: str, parameters: str, weight_decay: float) -> ValueAt:
    where = {"parameters": parameters, "weight_decay": weight_decay}
    return ValueAt(series="circuit_share_0", at="end", arm=arm, where=where)


def _delayed(where: dict[str, float], arm: str = "ingredients") -> RegionShare:
    """In how many runs the accuracy on new rows rises by more than a half after step 100."""
    rise = SeriesChange(series="test_acc", since=LATE, until="end", arm=arm, where=where)
    return RegionShare(of=rise, region=Region(above=0.5))


ALL_THREE = {"coverage": 1.0, "logit_per_norm": FRUGAL, "start": SLOW}
SELDOM = {"supported_if": Region(below=0.2), "refuted_if": Region(above=0.2)}

claim = partial(Claim, sources=(THREAD.key,))
exploratory = partial(claim, primary=False)
CLAIMS = (
    # R022, R026: coverage alone.
    claim(
        id="coverage-decides-early-growth",
        says="At equal efficiency a circuit that is right on more rows grows more from the start: the rank correlation is above 0.3.",
        statistic=_foretells("coverages", EARLY, weight_decay=0.0),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="reinforcement",
        accounts={**predictions("R022", coverage="yes"), **inferred("R022: efficiency, not frequency", efficiency="no")},
    ),
    exploratory(
        id="coverage-decides-the-end",
        says="At the end, too, circuits that are right on more rows are the stronger ones, though they are right on fewer new rows: "
        "the rank correlation is above 0.3.",
        statistic=_foretells("coverages", "end", weight_decay=0.01),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="reinforcement",
        accounts={
            **predictions("R026: generality is the number of training examples", coverage="yes"),
            **inferred("R026: efficiency decides", efficiency="no"),
        },
    ),
    exploratory(
        id="adam-does-not-see-coverage",
        says="Under AdamW coverage hardly says how circuits grow at the start: the rank correlation lies between -0.3 and 0.3.",
        statistic=_foretells("coverages_adamw", EARLY, weight_decay=0.3),
        supported_if=Region(above=-0.3, below=0.3),
        refuted_if=Region(above=0.4),
        phenomenon="reinforcement",
        accounts=predictions("R022", coverage="no"),
    ),
    exploratory(
        id="adam-sees-coverage-in-the-end",
        says="Under AdamW, too, circuits that are right on more rows are stronger in the end: the rank correlation is above 0.3.",
        statistic=_foretells("coverages_adamw", "end", weight_decay=0.3),
        supported_if=Region(above=0.3),
        refuted_if=Region(below=0.1),
        phenomenon="reinforcement",
        accounts=predictions("R022, R026", coverage="yes"),
    ),
    # Coverage crossed with efficiency.
    exploratory(
        id="coverage-and-efficiency-are-worth-the-same",
        says="At the start a circuit of coverage 1 and efficiency 0.5 grows as one of coverage 0.25 and efficiency 2, within 10 %.",
        statistic=Difference(
            of=_growth("crossed", coverage=1.0, logit_per_norm=0.5, weight_decay=0.0),
            against=_growth("crossed", coverage=0.25, logit_per_norm=2.0, weight_decay=0.0),
            paired=True,
        ),
        supported_if=Region(above=-log10(1.1), below=log10(1.1)),
        refuted_if=Region(above=log10(1.25), below=-log10(1.25)),
        phenomenon="efficiency",
        accounts=inferred("R022: coverage counts at fixed efficiency only", efficiency="no"),
    ),
    exploratory(
        id="efficiency-needs-no-decay",
        says="Without decay the more efficient of two circuits with the same coverage ends more than 1.1 times as strong.",
        statistic=Difference(
            of=_strength(logit_per_norm=2.0, weight_decay=0.0), against=_strength(logit_per_norm=0.5, weight_decay=0.0), paired=True
        ),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=0.0),
        phenomenon="efficiency",
        accounts=inferred("R025: only with a norm cost", efficiency="no"),
    ),
    exploratory(
        id="efficiency-counts-with-decay",
        says="With decay the more efficient of two circuits with the same coverage ends more than 1.1 times as strong.",
        statistic=Difference(
            of=_strength(logit_per_norm=2.0, weight_decay=0.01), against=_strength(logit_per_norm=0.5, weight_decay=0.01), paired=True
        ),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=0.0),
        phenomenon="efficiency",
        accounts=predictions("R109", efficiency="yes"),
    ),
    exploratory(
        id="adam-sees-neither-at-the-start",
        says="Under AdamW a circuit of coverage 1 and logit per norm 2 grows at the start as one of 0.25 and 0.5, within 10 %.",
        statistic=Difference(
            of=_growth("crossed_adamw", coverage=1.0, logit_per_norm=2.0),
            against=_growth("crossed_adamw", coverage=0.25, logit_per_norm=0.5),
            paired=True,
        ),
        supported_if=Region(above=-log10(1.1), below=log10(1.1)),
        refuted_if=Region(above=log10(1.25)),
        phenomenon="reinforcement",
        accounts=predictions("R022", coverage="no"),
    ),
    exploratory(
        id="fewer-factors-grow-sooner",
        says="With each factor more, a circuit grows more than 1.5 times less at the start.",
        statistic=Slope(of=_growth("factors"), along="n_factors"),
        supported_if=Region(below=-log10(1.5)),
        refuted_if=Region(above=0.0),
        phenomenon="reinforcement",
        accounts=inferred("R163 to R177: the simpler algorithm takes over", simplicity="yes"),
    ),
    exploratory(
        id="fewer-factors-end-stronger",
        says="In the end a circuit with fewer factors is the stronger one.",
        statistic=Slope(of=ValueAt(series="circuit_strength_1", at="end", log=True, arm="factors"), along="n_factors"),
        supported_if=Region(below=0.0),
        refuted_if=Region(above=0.0),
        phenomenon="reinforcement",
        accounts=inferred("R163 to R177: regularisation rewards the simpler algorithm", simplicity="yes"),
    ),
    # R025: one head for two pairs.
    claim(
        id="one-head-wins-without-decay",
        says="Where one number serves both pairs, the head for both ends with more than 0.6 of the right logit, without any decay.",
        statistic=_one_head("heads", "strengths", 0.0),
        supported_if=Region(above=0.6),
        refuted_if=Region(below=0.55),
        phenomenon="reinforcement",
        accounts={**predictions("R025", coverage="yes"), **predictions("R025: only with a norm cost", efficiency="no")},
    ),
    exploratory(
        id="one-head-wins-with-decay",
        says="With decay the head for both pairs ends with more than 0.6 of the right logit.",
        statistic=_one_head("heads", "strengths", 0.01),
        supported_if=Region(above=0.6),
        refuted_if=Region(below=0.55),
        phenomenon="reinforcement",
        accounts={**predictions("R025", coverage="yes"), **predictions("R025: more logit per norm", efficiency="yes")},
    ),
    exploratory(
        id="at-equal-cost-neither-wins",
        says="Where a head for both pairs costs as much as a head for each, it ends with 0.45 to 0.55 of the right logit, with decay.",
        statistic=_one_head("heads", "unit_strengths", 0.01),
        supported_if=Region(above=0.45, below=0.55),
        refuted_if=Region(above=0.6),
        phenomenon="efficiency",
        accounts={**predictions("R025", coverage="no"), **predictions("R025: only with more logit per norm", efficiency="yes")},
    ),
    exploratory(
        id="single-weights-do-not-care",
        says="Where every entry is a weight of its own, the head for both pairs ends with 0.45 to 0.55 of the right logit.",
        statistic=_one_head("heads", "entries", 0.0),
        supported_if=Region(above=0.45, below=0.55),
        refuted_if=Region(above=0.6),
        phenomenon="reinforcement",
        accounts=predictions("R025", coverage="no"),
    ),
    exploratory(
        id="adam-does-not-prefer-one-head",
        says="Under AdamW, with decay, the head for both pairs ends with 0.45 to 0.55 of the right logit all the same.",
        statistic=_one_head("heads_adamw", "strengths", 0.3),
        supported_if=Region(above=0.45, below=0.55),
        refuted_if=Region(above=0.6),
        phenomenon="reinforcement",
        accounts={**predictions("R025", coverage="no"), **inferred("R025: more logit per norm", efficiency="no")},
    ),
    # R108: three ingredients, and what happens where one is missing.
    claim(
        id="three-ingredients-give-a-delay",
        says="With a memory, a more efficient rule and a slower start of it, more than 80 % of the runs generalise late.",
        statistic=_delayed(ALL_THREE),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="delay",
        sources=(VARMA.key,),
        accounts=postdictions("section 3; R108", efficiency="yes"),
    ),
    *(
        exploratory(
            id=f"no-delay-{name}",
            says=f"{words} fewer than 20 % of the runs generalise late.",
            statistic=_delayed({**ALL_THREE, **change}),
            phenomenon="delay",
            sources=(VARMA.key,),
            accounts=accounts,
            **SELDOM,
        )
        for name, words, change, accounts in (
            ("without-a-memory", "Without a memory", {"coverage": 0.0}, predictions("R108", efficiency="yes")),
            (
                "of-a-costly-rule",
                "Where the memory is the more efficient one,",
                {"logit_per_norm": COSTLY},
                {**predictions("R108", efficiency="yes"), **inferred("R022: frequency suffices", coverage="no")},
            ),
            ("of-a-fast-rule", "Where the rule starts as fast as the memory,", {"start": FAST}, predictions("R108", efficiency="yes")),
        )
    ),
    exploratory(
        id="the-delay-ends-with-decay-only",
        says="Without decay fewer than 20 % of the runs with all ingredients generalise late.",
        statistic=_delayed({}, "ingredients_without_decay"),
        phenomenon="regularisation",
        sources=(VARMA.key,),
        accounts=predictions("section 3; R108", efficiency="yes"),
        **SELDOM,
    ),
    # R040: how often a row is trained on.
    exploratory(
        id="odds-grow-less-than-in-proportion",
        says="Where memory alone is trained, ten times as often means between 5.0 and 10 times the odds.",
        statistic=Slope(
            of=ValueAt(series="reweighted_log_odds", at="end", beside="not_reweighted_log_odds", arm="often"), along="weight", log=True
        ),
        supported_if=Region(above=log(5) / log(10), below=1.0),
        refuted_if=Region(above=1.0, below=log(2) / log(10)),
        phenomenon="reinforcement",
        accounts=postdictions("R040: a single training point reinforces it", single_hit="yes"),
    ),
)

FIGURES = (
    Figure(
        title="Do circuits that are right on more rows grow more?",
        arms=("coverages", "coverages_adamw"),
        quantities=(_foretells("coverages", EARLY), _foretells("coverages", "end")),
        along="weight_decay",
        decides="coverage-decides-early-growth",
    ),
    Figure(
        title="How strong does each of sixteen circuits become?",
        arms=("coverages", "coverages_adamw"),
        series=("circuit_strength",),
        form="heat_map",
        events=(),
    ),
    Figure(title="Does one head for two pairs win over two?", arms=("heads", "heads_adamw"), series=("circuit_share_0",), events=()),
    Figure(
        title="Which ingredients make a network generalise late?",
        arms=("ingredients", "ingredients_without_decay"),
        series=("train_acc", "test_acc"),
    ),
)
MEASURES = (
    *(kind(rows=rows) for kind in (Loss, Accuracy) for rows in ("train", "test")),
    *(CircuitStrength(), CircuitCoverage()),
    *(CircuitStrength(circuit=i) for i in (0, 1)),
    CircuitShare(circuit=0),
    *(LogOdds(rows=rows) for rows in ("reweighted", "not_reweighted")),
)
STUDY = Study(
    name="coverage",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, VARMA),
    observation=Observation(measures=MEASURES, per_decade=20, checkpoint_megabytes=5),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
