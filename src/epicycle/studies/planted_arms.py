"""The arms of the study `planted`, what is recorded of them, and the thresholds of its instruments."""

from typing import Any

from epicycle.circuits.ablated_loss import Restricted
from epicycle.circuits.neurons import ClusteredNeurons
from epicycle.circuits.other_rule import OfRule, RuleAccuracy
from epicycle.circuits.saliency import DeletionDamage
from epicycle.circuits.strength import GenLogit
from epicycle.circuits.waves import NeuronIPR
from epicycle.circuits.weight_spectra import SpectralGini
from epicycle.edits.data import Add, Replace
from epicycle.edits.knobs import Change, Set
from epicycle.edits.parameters import SetNorm
from epicycle.edits.planting import Plant
from epicycle.models.locked import Locked
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.experiment import Experiment, Training
from epicycle.splits.derived import CorruptedSplit
from epicycle.splits.drawn import Split
from epicycle.studies.organisms import FLIES, FLY, UNTIL_GENERAL, P, fly
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.mixed_rules import MixedRules
from epicycle.tasks.modular import Modular
from epicycle.training.losses import MSE, CrossEntropy
from epicycle.training.optimisers import AdamW

DIFFERENCE, SUM = Modular(p=P, operation="x-y"), Modular(p=P, operation="x+y")
FIRST = Modular(p=P, operation="polynomial", terms=((1, 1, 0),))  # the label is x
SPLIT = Split(frac_train=0.6)
LATE, MEMORISED = 600, 200  # steps of moments
STRENGTHS, SHARES, DEPTHS = (0.0, 0.02, 0.05, 0.1, 0.2), (0.05, 0.1, 0.2), (1, 4)


def _to_the_end(experiment: Experiment, steps: int) -> RootArm:
    """Flies without a stop: their forks, or claims about the end, need the whole budget."""
    return RootArm(experiment=experiment.swept("training.stop", None).swept("training.steps", steps), seeds=FLIES)


def _locked(circuit: str, frac_train: float, decay: float = 0.0, **sweep: Any) -> RootArm:
    """Locked networks: without decay on squared error, as in study `inversion`, or with decay on cross-entropy, as the fly."""
    model = Locked.parse({"d_mlp": 64, "d_circuit": 64, "operation": "x-y", "circuit": circuit})
    training = Training(
        optimiser=AdamW(lr=1e-2, weight_decay=decay), loss=CrossEntropy() if decay else MSE(), steps=500, stop=UNTIL_GENERAL
    )
    experiment = Experiment(task=DIFFERENCE, split=Split(frac_train=frac_train), model=model, training=training)
    return RootArm(experiment=experiment, seeds=FLIES, sweep=sweep)


# A fly with four times the neurons, on random labels. It is forked when it has memorised them.
HOST = fly(DIFFERENCE).swept("training.optimiser.weight_decay", 0.0).swept("model.d_mlp", 512)
HOST = HOST.model_copy(update={"split": CorruptedSplit(of=SPLIT, share=1.0)})
RIGHT_LABELS = (Change(field="split", to=SPLIT), Set(knob="weight_decay", to=1.0))
EASY_AND_BETTER, EASY_ALONE = (
    fly(MixedRules(of=better, other=FIRST, share=0.4, rows="second_large"), frac_train=0.8)
    for better in (DIFFERENCE, RandomLabels(of=DIFFERENCE))
)
MIXED = fly(MixedRules(of=DIFFERENCE, other=SUM, share=0.1))
NOISY = FLY.model_copy(update={"split": CorruptedSplit(of=SPLIT, share=0.05)})
ARMS = {
    # The fly: fresh, and the twin whose neurons are planted.
    "fresh": _to_the_end(FLY, 1500),
    # Flies that have memorised: half-way to the onset with a quarter of the rows exchanged; with twice the rows.
    "half_way": ForkArm(fork="fresh", at="0.5*t_on", edits=(Replace(share=0.25),), steps=800),
    "few": _to_the_end(FLY.swept("split.frac_train", 0.3), LATE + 10),
    "more": ForkArm(fork="few", at=LATE, edits=(Add(share=3 / 7),), steps=800),
    # Locked networks, and as large ones without a solution.
    "unlockable": _locked("random", 0.6),
    "locked": _locked("analytic", 0.6, 0.0, **{"model.depth": DEPTHS}),
    "unlockable_few": _locked("random", 0.1),
    "locked_few": _locked("analytic", 0.1),
    "opened": ForkArm(fork="locked_few", at=0, edits=(SetNorm(tensors=("gates",), to=1.0),), steps=1),
    "unlockable_decay": _locked("random", 0.6, decay=1.0),
    "locked_decay": _locked("analytic", 0.6, decay=1.0),
    # Neurons of the twin in a fly that has memorised random labels: to be found.
    "host": _to_the_end(HOST, MEMORISED),
    "planted": ForkArm(
        fork="host", at=MEMORISED, edits=(Plant(donor="fresh", strength=0.0),), steps=1, sweep={"edits.0.strength": STRENGTHS}
    ),
    # The same with half as many neurons, which learns from right labels then. As a control, neurons of a fly without a rule.
    "pupil": _to_the_end(HOST.swept("model.d_mlp", 256), MEMORISED),
    "pupil_taught": ForkArm(fork="pupil", at=MEMORISED, edits=RIGHT_LABELS, steps=900),
    "planted_taught": ForkArm(
        fork="pupil",
        at=MEMORISED,
        edits=(Plant(donor="fresh", strength=0.0), *RIGHT_LABELS),
        steps=900,
        sweep={"edits.0.strength": (0.0, 0.1)},
    ),
    "ruleless": _to_the_end(FLY.model_copy(update={"split": CorruptedSplit(of=SPLIT, share=1.0)}), 1500),
    "ruleless_taught": ForkArm(fork="pupil", at=MEMORISED, edits=(Plant(donor="ruleless", strength=0.1), *RIGHT_LABELS), steps=900),
    # A share of the rows with the labels of the sum; or with random labels.
    "mixed": RootArm(
        experiment=MIXED.swept("training.stop", None).swept("training.steps", 800), seeds=FLIES, sweep={"task.share": SHARES}
    ),
    "noisy": _to_the_end(NOISY, 800),
    # An easy rule that is right where y is large, with a better rule behind it, and without.
    "easy_and_better": _to_the_end(EASY_AND_BETTER, 1000),
    "easy_alone": _to_the_end(EASY_ALONE, 1000),
}

OF_SUM, BY_SUM = OfRule(of=GenLogit(), rule=SUM, called="sum"), RuleAccuracy(rule=SUM, called="sum")
BY_FIRST = RuleAccuracy(rule=FIRST, called="first")
RESTRICTED = Restricted(quantity="acc", rows="test", components="all")
SPECTRUM, ABLATION = SpectralGini(), DeletionDamage(unit="component", rows="test")
WAVES, CLUSTERED = NeuronIPR(reduce="share", above=0.6), ClusteredNeurons()
MEASURES = (GenLogit(), OF_SUM, BY_SUM, BY_FIRST, RESTRICTED, SPECTRUM, ABLATION, WAVES, CLUSTERED)
# Of 20 pilot networks at strength 0, 19 are below. Of the last two, all pilot networks without planted neurons are at 0.
THRESHOLDS = {
    "gen_logit": 0.25,
    "test_acc": 0.05,
    RESTRICTED.name: 0.09,
    SPECTRUM.name: 0.046,
    ABLATION.name: 0.003,
    WAVES.name: 0.01,
    CLUSTERED.name: 0.01,
}
