"""The arms of study `disruptors`: flies with one regulariser or none, forks without one force, and forks with smaller weights.

The mouse has fewer arms.
"""

from typing import Any

from epicycle.edits.knobs import Change, Set
from epicycle.edits.parameters import ScaleWeights
from epicycle.models.mlp import MLP
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.base import Spec
from epicycle.spec.experiment import Experiment
from epicycle.studies.organisms import FLY, MICE, MOUSE
from epicycle.training.losses import MSE, CrossEntropy, Hinge
from epicycle.training.optimisers import SGD, Lion

BUDGET = 2000  # more than twice what a fly needs with decay
SOME, FEW = 24, 16  # seeds of an arm whose times are compared; of one of which it is asked whether it generalises at all

DECAY = FLY.swept("training.steps", BUDGET)
NOTHING = DECAY.swept("training.optimiser.weight_decay", 0.0)
# What each intervention changes in the training.
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "decay": {"optimiser.weight_decay": 1.0},
    "decay_to_start": {"optimiser.weight_decay": 1.0, "optimiser.decay_to": "initialisation"},
    "held_norm": {"norm_share": 3.0},
    "smoothing": {"loss.label_smoothing": 0.1},
    "squared_error": {"loss": MSE()},
    "hinge": {"loss": Hinge()},
    "weight_noise": {"weight_noise": 0.1},
    "gradient_noise": {"gradient_noise": 1e-3},
    "batches": {"batch_size": 64},
    "sign_descent": {"optimiser": Lion(lr=3e-3, weight_decay=0.0, betas=(0.0, 0.0))},
    "momentum": {"optimiser": SGD(lr=2.0, weight_decay=0.0, momentum=0.9)},
    "float32": {"loss": CrossEntropy(precision="float32")},
    "float64": {"loss": CrossEntropy(precision="float64")},
}
ON_TOP = ("smoothing", "squared_error", "hinge", "weight_noise", "gradient_noise", "batches")
# The factorial is batch x decay x loss. A squared error has no precision to lose, so loss and precision are one factor of three.
FULL, SMALL = ("nothing", "float32", "squared_error"), ("batches", "batches_float32", "batches_squared_error")
CELLS = (*FULL, *SMALL, "decay", "decay_float32", *(f"decay_{name}" for name in ("squared_error", *SMALL)))
FRACTIONS = (0.5, 0.6, 0.75, 0.9)
SHRINKS = (0.9, 0.7, 0.5)


def _with(experiment: Experiment, *names: str) -> Experiment:
    """The experiment with some interventions."""
    for path, value in (change for name in names for change in CHANGES[name].items()):
        experiment = experiment.swept(f"training.{path}", value.model_dump(mode="json") if isinstance(value, Spec) else value)
    return experiment


def _arm(experiment: Experiment, seeds: int = FEW, network: MLP | None = None) -> RootArm:
    return RootArm(experiment=experiment.swept("model", network.model_dump(mode="json")) if network else experiment, seeds=seeds)


def _fractions(*names: str) -> RootArm:
    whole = _with(NOTHING, *names).swept("training.stop", None).swept("training.steps", BUDGET // 2)
    return RootArm(experiment=whole, seeds=FEW, sweep={"split.frac_train": FRACTIONS})


def _without(*edits: Any, at: str = "peak(test_loss)") -> ForkArm:
    return ForkArm(fork="decay", at=at, edits=edits, steps=BUDGET)


def _shrunk(at: str, *shares: float) -> ForkArm:
    edit = ScaleWeights(tensors=("*",), by=shares[0])
    return ForkArm(fork="decay", at=at, edits=(edit,), sweep={"edits.0.by": shares}, steps=100)


NO_DECAY = Set(knob="weight_decay", to=0.0)
# The learning rate is 0, and weights shrink as before: by the fly's rate times its decay a step.
NO_LOSS = (
    Change(field="training.optimiser.decay_coupling", to="independent"),
    Set(knob="weight_decay", to=1e-2),
    Set(knob="lr", to=0.0),
)
NARROW = MLP(d_model=16, d_mlp=32)
ARMS: dict[str, RootArm | ForkArm] = {
    # One thing alone. Decay alone is the fly.
    **{name: _arm(_with(NOTHING, name)) for name in CHANGES},
    "decay": _arm(DECAY, SOME),
    "squared_error": _arm(_with(NOTHING, "squared_error"), 2 * SOME),
    # Decay, and one thing more.
    **{f"decay_{name}": _arm(_with(DECAY, name), SOME) for name in ON_TOP},
    # What the factorial has besides.
    "decay_float32": _arm(_with(DECAY, "float32")),
    **{f"batches_{name}": _arm(_with(NOTHING, "batches", name)) for name in ("float32", "squared_error")},
    **{f"decay_batches_{name}": _arm(_with(DECAY, "batches", name)) for name in ("float32", "squared_error")},
    # A network a quarter as wide.
    "narrow": _arm(NOTHING, network=NARROW),
    "decay_narrow": _arm(DECAY, network=NARROW),
    # How much data does it take?
    "nothing_fractions": _fractions(),
    "decay_fractions": _fractions("decay"),
    "decay_weight_noise_fractions": _fractions("decay", "weight_noise"),
    # From the peak of the test loss on, or from the onset on, one of two forces is taken away.
    "no_decay": _without(NO_DECAY),
    "no_loss": _without(*NO_LOSS),
    "no_decay_from_onset": _without(NO_DECAY, at="t_on"),
    # Once a network generalises, or begins to, all its weights are made smaller.
    "shrunk": _shrunk("t_gen", *SHRINKS),
    "shrunk_at_onset": _shrunk("t_on", SHRINKS[1]),
}

# The key arms on the mouse. With the fly's noise on its weights no pilot mouse memorised.
NOISE_OF_MICE = 0.01
OF_MICE = {
    "decay": MOUSE,
    "decay_smoothing": _with(MOUSE, "smoothing"),
    "decay_weight_noise": MOUSE.swept("training.weight_noise", NOISE_OF_MICE),
    "decay_batches": _with(MOUSE, "batches"),
}
MOUSE_ARMS: dict[str, RootArm | ForkArm] = {
    **{name: RootArm(experiment=experiment.swept("training.steps", 1500), seeds=MICE) for name, experiment in OF_MICE.items()},
    "no_decay": ARMS["no_decay"],
}
