"""Wrong labels: can a network remember them and learn the rule at once, and does it let go of them when it learns the rule?

The network is the one of Doshi et al., which squares its hidden units. It has 47 residues instead of 97, and fewer units. It trains on
70 % of the pairs, and a fifth of their labels are wrong. Weight decay decides what becomes of the wrong labels. The paper names four
ends: coexistence, partial and full inversion, forgetting. Each has an arm here. Three further arms learn from right labels,
and one trains nothing: it has the analytic weights of Gromov.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27). Not judged: batch normalisation, dropout and transformers, with which
the paper finds the same ends. No row of the programme asks these questions.
"""

import itertools
from functools import partial
from math import log

from epicycle.circuits.altered import PrunedAccuracy
from epicycle.circuits.waves import AnalyticNeurons, NeuronIPR
from epicycle.claims.quantities import EventRatio
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.literature.texts import DOSHI, GROMOV
from epicycle.measures.fit import Accuracy, Loss
from epicycle.models.quadratic import Quadratic
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.families import Measure
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import CorruptedSplit
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import inferred, postdictions
from epicycle.studies.organisms import FLIES
from epicycle.tasks.modular import Modular
from epicycle.training.losses import MSE
from epicycle.training.optimisers import SGD, AdamW

QUESTION = "Can a network remember wrong labels and learn the rule at once, and what makes it let go of them?"
P, WRONG = 47, 0.2
UNITS = 224  # enough to remember every wrong label beside the rule; with 192 units and no decay a tenth of them is lost


def _network(n_units: int, weight_decay: float, split: Split | CorruptedSplit, steps: int) -> Experiment:
    return Experiment(
        task=Modular(p=P, operation="x+y"),
        split=split,
        model=Quadratic(d_mlp=n_units, scaling="standard"),
        training=Training(optimiser=AdamW(lr=1e-2, weight_decay=weight_decay, betas=(0.9, 0.98), eps=1e-8), loss=MSE(), steps=steps),
    )


def _wrong(weight_decay: float, steps: int) -> RootArm:
    split = CorruptedSplit(of=Split(frac_train=0.7), share=WRONG)
    return RootArm(experiment=_network(UNITS, weight_decay, split, steps), seeds=FLIES)


RIGHT = _network(192, 0.0, Split(frac_train=0.5), 400)
# Gradient descent alone, with the factors of Gromov's network and fewer residues.
DESCENT = RIGHT.model_copy(
    update={
        "task": Modular(p=31, operation="x+y"),
        "split": Split(frac_train=0.7),
        "model": Quadratic(d_mlp=128, scaling="mean_field"),
        "training": Training(optimiser=SGD(lr=1e4), loss=MSE(), steps=2000),
    }
)
ANALYTIC = RIGHT.swept("model.weights", "analytic").swept("training.steps", 1)
WIDTHS = (24, 48, 96, 192)
ARMS = {
    # A fifth of the labels is wrong. How much weight decay?
    "no_decay": _wrong(0.0, 200),
    "some_decay": _wrong(5.0, 300),
    "much_decay": _wrong(15.0, 300),
    "too_much_decay": _wrong(20.0, 1000),
    # Right labels: without decay, with decay, and by plain gradient descent.
    "right": RootArm(experiment=RIGHT, seeds=FLIES),
    "right_decay": RootArm(experiment=RIGHT.swept("training.optimiser.weight_decay", 5.0).swept("training.steps", 200), seeds=FLIES),
    "descent": RootArm(experiment=DESCENT, seeds=FLIES),
    # The analytic weights with more and more units. One step is trained, because a run has at least one; nothing after it is read.
    "analytic": RootArm(experiment=ANALYTIC, seeds=FLIES, sweep={"model.d_mlp": WIDTHS}),
}

TYPICAL, WAVES, BETWEEN, NONE = (
    NeuronIPR(reduce="median"),
    NeuronIPR(reduce="share", above=0.6),
    NeuronIPR(reduce="share", above=0.2, below=0.6),
    NeuronIPR(reduce="share", below=0.2),
)


SHARES = {"lowest": 0.5, "random": 0.5, "highest": 0.3}  # how many neurons are taken out


def _pruned(which: str, rows: str) -> Measure:
    """Accuracy after some neurons are taken out, by their IPR."""
    return PrunedAccuracy.parse({"by": {"kind": "neuron_ipr"}, "which": which, "share": SHARES[which], "rows": rows})


PRUNED = {
    (which, rows): _pruned(which, rows)
    for which, rows in (*itertools.product(("lowest", "highest"), ("corrupted", "test")), ("random", "test"))
}
MEASURES = (
    *(Accuracy(rows=rows) for rows in ("train", "test", "clean", "corrupted")),
    *(Loss(rows=rows) for rows in ("train", "test", "all")),
    *(TYPICAL, WAVES, BETWEEN, NONE, AnalyticNeurons()),
    *PRUNED.values(),
)


def _at_end(series: str, arm: str) -> ValueAt:
    return ValueAt(series=series, at="end", arm=arm)


def _gate(series: str, arm: str, above: float) -> Gate:
    return Gate(statistic=_at_end(series, arm), region=Region(above=above))


def _reaches(series: str, arm: str, above: float) -> Gate:
    return Gate(statistic=Extreme(series=series, which="max", arm=arm), region=Region(above=above))


Accounts = dict[str, Prediction]
exploratory = partial(Claim, primary=False, phenomenon="wrong-labels", sources=(DOSHI.key,))
PRUNING: Accounts = postdictions("Doshi et al., section 4: pruning by IPR", analytic_waves="yes")
CLAIMS = (
    Claim(
        id="wrong-labels-and-the-rule-together",
        says="Without weight decay a network remembers most wrong labels, and is right on more than 0.9 of held-out rows.",
        statistic=_at_end("test_acc", "no_decay"),
        gates=(_gate("corrupted_acc", "no_decay", 0.9),),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.5),
        phenomenon="wrong-labels",
        accounts={
            **postdictions("Doshi et al., section 3.1: coexistence", analytic_waves="yes"),
            **inferred("R143: both algorithms in superposition", superposition="yes"),
            **inferred("R066: no reason to generalise", regularisation="no"),
        },
        sources=(DOSHI.key,),
    ),
    Claim(
        id="decay-makes-it-let-go",
        says="Under much weight decay a network first remembers the wrong labels and then gives them up: less than 0.05 are left.",
        statistic=_at_end("corrupted_acc", "much_decay"),
        gates=(_reaches("corrupted_acc", "much_decay", 0.8), _gate("test_acc", "much_decay", 0.95)),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        phenomenon="wrong-labels",
        accounts={
            **postdictions("Doshi et al., section 3.2: full inversion", analytic_waves="yes"),
            **inferred("section 3: under decay the circuit with more logit per norm wins", efficiency="yes"),
        },
        sources=(DOSHI.key,),
    ),
    Claim(
        id="the-least-periodic-half-is-the-memory",
        says="Without the less periodic half of its neurons a network keeps the rule, but less than 0.3 of the wrong labels.",
        statistic=_at_end(PRUNED["lowest", "corrupted"].name, "no_decay"),
        gates=(_gate(PRUNED["lowest", "test"].name, "no_decay", 0.9), _gate("corrupted_acc", "no_decay", 0.9)),
        supported_if=Region(below=0.3),
        refuted_if=Region(above=0.6),
        phenomenon="wrong-labels",
        accounts=PRUNING,
        sources=(DOSHI.key,),
    ),
    exploratory(
        id="the-most-periodic-neurons-are-the-rule",
        says="Without its most periodic neurons, less than 0.2 of held-out rows are right.",
        statistic=_at_end(PRUNED["highest", "test"].name, "no_decay"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.5),
        accounts=PRUNING,
    ),
    exploratory(
        id="wrong-labels-live-without-the-rule",
        says="Without its most periodic neurons, more than 0.8 of the wrong labels are left.",
        statistic=_at_end(PRUNED["highest", "corrupted"].name, "no_decay"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        accounts=PRUNING,
    ),
    exploratory(
        id="a-random-half-is-worse",
        says="A random half of the neurons is worth over 20 points more of held-out accuracy than the less periodic half.",
        statistic=ValueAt(series=PRUNED["random", "test"].name, beside=PRUNED["lowest", "test"].name, at="end", arm="no_decay"),
        supported_if=Region(below=-0.2),
        refuted_if=Region(above=-0.05),
        accounts=PRUNING,
    ),
    exploratory(
        id="some-decay-lets-go-of-some",
        says="Under some weight decay a network keeps between 0.1 and 0.9 of the wrong labels.",
        statistic=_at_end("corrupted_acc", "some_decay"),
        gates=(_gate("test_acc", "some_decay", 0.95),),
        supported_if=Region(above=0.1, below=0.9),
        refuted_if=Region(above=0.95, below=0.05),
        accounts=postdictions("Doshi et al., section 3.2: partial inversion", analytic_waves="yes"),
    ),
    exploratory(
        id="the-rule-comes-before-letting-go",
        says="Under much weight decay, more than 0.5 of the wrong labels are still remembered when test accuracy passes 0.5.",
        statistic=ValueAt(series="corrupted_acc", at="t_gen(level=0.5)", arm="much_decay"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.3),
        accounts=postdictions("Doshi et al., section 3.2: first the rule, then the wrong labels", analytic_waves="yes"),
    ),
    exploratory(
        id="neurons-are-waves-or-not",
        says="Without weight decay a neuron is a wave or none: fewer than 0.1 of the neurons lie in between.",
        statistic=_at_end(BETWEEN.name, "no_decay"),
        gates=(_gate(WAVES.name, "no_decay", 0.15), _gate(NONE.name, "no_decay", 0.15)),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.2),
        accounts=postdictions("Doshi et al., section 4: two groups of neurons", analytic_waves="yes"),
    ),
    exploratory(
        id="too-much-decay-forgets",
        says="Under too much weight decay a network that had the rule loses it: at the end less than 0.2 of held-out rows are right.",
        statistic=_at_end("test_acc", "too_much_decay"),
        gates=(_reaches("test_acc", "too_much_decay", 0.9),),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.9),
        accounts=postdictions("Doshi et al., section 3.3: forgetting", analytic_waves="yes"),
    ),
    exploratory(
        id="no-decay-is-needed",
        says="Without weight decay, right labels are generalised more than twice as late as they are memorised.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="right"),
        supported_if=Region(above=2.0),
        refuted_if=Region(below=1.5),
        accounts={
            **postdictions("Gromov, section 2: without regularisation", analytic_waves="yes"),
            **inferred("R066: no reason to generalise", regularisation="no"),
        },
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="nor-is-adam",
        says="Plain gradient descent is right on more than 0.95 of held-out rows too.",
        statistic=_at_end("test_acc", "descent"),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.9),
        accounts={
            **postdictions("Gromov, section 2: plain gradient descent", analytic_waves="yes"),
            **inferred("R066: no reason to generalise", regularisation="no"),
        },
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="learned-neurons-are-waves",
        says="Of a network that learned from right labels, the typical neuron has an IPR above 0.6.",
        statistic=_at_end(TYPICAL.name, "right"),
        supported_if=Region(above=0.6),
        refuted_if=Region(below=0.4),
        accounts=postdictions("Gromov, section 4: trained weights are periodic", analytic_waves="yes"),
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="learned-phases-add-up",
        says="Without weight decay more than 0.8 of the periodic neurons have the frequencies and phases of the analytic solution.",
        statistic=_at_end("analytic_neurons", "right"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.75),
        accounts=postdictions("Gromov, section 4: the phases add up", analytic_waves="yes"),
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="with-decay-all-phases-add-up",
        says="With weight decay more than 0.95 of the periodic neurons have the frequencies and phases of the analytic solution.",
        statistic=_at_end("analytic_neurons", "right_decay"),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.8),
        accounts=postdictions("Gromov, section 4: the phases add up", analytic_waves="yes"),
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="the-analytic-weights-are-right",
        says="With 192 units the analytic weights are right on more than 0.99 of the rows, without training.",
        statistic=ValueAt(series="train_acc", at="start", arm="analytic", where={"d_mlp": 192}),
        supported_if=Region(above=0.99),
        refuted_if=Region(below=0.95),
        accounts=postdictions("Gromov, section 3", analytic_waves="yes"),
        sources=(GROMOV.key,),
    ),
    exploratory(
        id="their-error-falls-with-the-width",
        says="The squared error of the analytic weights falls about tenfold with ten times the units: between 8 and 12.5 times.",
        statistic=Slope(of=ValueAt(series="train_loss", at="start", arm="analytic", log=True), along="d_mlp", log=True),
        supported_if=Region(above=-log(12.5) / log(10), below=-log(8) / log(10)),
        refuted_if=Region(above=-0.5),
        accounts=postdictions("Gromov, section 3: terms with random phases average out", analytic_waves="yes"),
        sources=(GROMOV.key,),
    ),
)

WRONG_ARMS = ("no_decay", "some_decay", "much_decay", "too_much_decay")
FIGURES = (
    Figure(
        title="Does a network that learns the rule let go of the wrong labels?",
        arms=WRONG_ARMS,
        series=("corrupted_acc", "clean_acc", "test_acc"),
        events=("t_gen",),
        decides="wrong-labels-and-the-rule-together",
    ),
    Figure(
        title="What is left right without half of the neurons?",
        arms=("no_decay",),
        series=tuple(PRUNED[which, rows].name for which in ("lowest", "highest") for rows in ("corrupted", "test")),
        events=("t_gen",),
    ),
    Figure(
        title="When do neurons become waves?",
        arms=("no_decay", "some_decay", "much_decay", "right", "right_decay"),
        series=(WAVES.name, BETWEEN.name),
        events=("t_gen",),
    ),
    Figure(
        title="How many units do the analytic weights need?",
        arms=("analytic",),
        quantities=(ValueAt(series="train_acc", at="start", arm="analytic"),),
        along="d_mlp",
    ),
)

STUDY = Study(
    name="inversion",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(DOSHI, GROMOV),
    observation=Observation(measures=MEASURES, per_decade=20, checkpoint_megabytes=5),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
