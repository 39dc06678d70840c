"""The arms of study `boost`: flies on five tasks, and forks of them with a higher learning rate, more decay, or both."""

from typing import Any

from epicycle.edits.knobs import Change, Scale, Set
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.experiment import Experiment, Stop
from epicycle.studies.organisms import FLIES, FLY, GROUP, PRODUCT, QUOTIENT, SUM, P
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.modular import Modular

RATE = 3e-3  # of the controls; the fly's own rate of 1e-2 leaves less room
TASKS = {
    "differences": FLY,
    "sums": SUM,
    "products": PRODUCT,
    "quotients": QUOTIENT,
    "s4": GROUP.swept("split.frac_train", 0.8),  # with 70 % half of the pilot's runs did not generalise at this rate
}
DOSES, ALL_DOSES = (5, 10, 50), (2, 5, 10, 20, 50, 100)
MOMENTS = {"start": 0, "memorised": "t_mem", "plateau": "0.25*t_gen", "onset": "t_on"}
STEPS = 1600  # after a fork
TOO_FAR = 200  # no pilot run learned anything after so large a boost
UNTIL_MEMORISED = Stop(event="t_mem", factor=1.25)


def _control(experiment: Experiment, lr: float = RATE) -> RootArm:
    return RootArm(experiment=experiment.swept("training.optimiser.lr", lr), seeds=FLIES)


def _boost(
    parent: str, moment: str, doses: tuple[float, ...] = DOSES, knob: str = "lr", steps: int = STEPS, also: Any = ()
) -> ForkArm:
    """Forks with a knob multiplied by each dose."""
    edits = (Scale(knob=knob, by=doses[0]), *also)
    return ForkArm(fork=parent, at=MOMENTS[moment], edits=edits, sweep={"edits.0.by": doses}, steps=steps)


# The rate without its share in the decay: weights go on shrinking by the control's lr * decay a step.
ALONE = (Change(field="training.optimiser.decay_coupling", to="independent"), Set(knob="weight_decay", to=RATE))
FEW = (2, 5, 10)
ARMS = {
    # Controls: five tasks without a boost.
    **{name: _control(experiment) for name, experiment in TASKS.items()},
    # The learning rate multiplied: task by moment, with the doses swept.
    **{
        f"{name}_{moment}": _boost(name, moment, ALL_DOSES if name == "differences" else (2, *DOSES) if name == "s4" else DOSES)
        for name in TASKS
        for moment in ("start", "onset")
    },
    "differences_memorised": _boost("differences", "memorised"),
    "differences_plateau": _boost("differences", "plateau"),
    "sums_far": _boost("sums", "onset", (100,)),
    # A boost that fails, with more decay or less beside it.
    "differences_too_far": _boost("differences", "plateau", (TOO_FAR,), steps=1000),
    "differences_too_far_rescued": ForkArm(
        fork="differences",
        at=MOMENTS["plateau"],
        edits=(Scale(knob="lr", by=TOO_FAR), Scale(knob="weight_decay", by=2)),
        sweep={"edits.1.by": (0.3, 2)},
        steps=1000,
    ),
    # The rate alone, and the decay alone.
    **{
        f"differences_{moment}_{name}": _boost("differences", moment, doses, knob, steps, also)
        for moment, steps in (("start", 3200), ("onset", STEPS))
        for name, doses, knob, also in (("rate", FEW, "lr", ALONE), ("decay", (2, 3, 10), "weight_decay", ()))
    },
    # Batches of 144 rows instead of the full batch.
    **{
        f"differences_{moment}_batch": ForkArm(
            fork="differences", at=MOMENTS[moment], edits=(Change(field="training.batch_size", to=144),), steps=3200
        )
        for moment in ("start", "onset")
    },
    # After generalisation the rate of fifty times is kept, or lowered to a tenth of itself.
    "high": _boost("differences", "onset", (50,)),
    "high_kept": ForkArm(fork="high", at="t_gen", steps=500),
    "high_annealed": ForkArm(fork="high", at="t_gen", edits=(Scale(knob="lr", by=0.1, over=100),), steps=500),
    # Random labels, which leave nothing to generalise: what does the rate do to memorising alone?
    "labels": _control(
        FLY.swept("task", RandomLabels(of=Modular(p=P, operation="x-y")).model_dump(mode="json"))
        .swept("training.stop", UNTIL_MEMORISED.model_dump())
        .swept("training.steps", 1500)
    ),
    "labels_start": _boost("labels", "start", (5, 10), steps=1500),
    # The rate falls along a cosine to a tenth within 10,000 steps, as in the debate's network (R091), which generalised after as many
    # steps as the fly. At the onset it goes back to its first value.
    "cosine": _control(FLY.swept("training.anneal_steps", 10_000.0).swept("training.schedule", "cosine")),
    "cosine_constant": ForkArm(fork="cosine", at="t_on", edits=(Change(field="training.schedule", to="constant"),), steps=STEPS),
    # The fly at its own rate, and how high a rate fits.
    "usual": _control(FLY, lr=1e-2),
    "usual_start": _boost("usual", "start", (10,)),
    "rates": RootArm(
        experiment=FLY.swept("training.stop", None).swept("training.steps", 1000),
        seeds=FLIES,
        sweep={"training.optimiser.lr": (0.03, 0.1, 0.2, 0.3, 0.5)},
    ),
}
