"""The effect of one update, and of its parts, against the step that training takes."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from epicycle.circuits.strength import GenLogit
from epicycle.measures.fit import Loss, Margin
from epicycle.measures.norms import TotalNorm
from epicycle.measures.update_effects import StepAdditivity, UpdateEffect
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run, Training
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import SGD, AdamW
from epicycle.training.program import step
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of

OF = (Loss(rows="train"), Loss(rows="test"), Margin(rows="test"), TotalNorm(), GenLogit())
PARTS = ("loss", "decay", "noise")


def observed(training: Training, measures: Any, steps: int = 12) -> tuple[dict[str, float], dict[str, float]]:
    """The measures after some steps of a small MLP, when the warm-up is over, and after one step more."""
    model = MLP(d_model=8, d_mlp=16)
    experiment = Experiment(task=Modular(p=7), split=Split(frac_train=0.6), model=model, training=training)
    table, run = experiment.task.table(), Run(experiment=experiment)
    data, world = jax.device_put(data_of(run, table)), world_of(table)
    state = initialiser(experiment, table)(run, data)
    look = jax.jit(lambda s: observe(experiment, measures, s, data, world))
    for _ in range(steps):
        state = step(experiment, world, data, state)
    before, after = (jax.device_get(look(s)) for s in (state, step(experiment, world, data, state)))
    return ({name: float(value) for name, value in record.items()} for record in (before, after))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "training",
    [
        Training(optimiser=AdamW(lr=1e-4, weight_decay=1.0)),
        Training(optimiser=AdamW(lr=1e-4, weight_decay=3.0, decay_coupling="coupled"), batch_size=8),
        Training(optimiser=SGD(lr=1e-3, weight_decay=0.1), gradient_noise=0.1),
    ],
    ids=["full batch", "small batches, coupled decay", "noise on the gradient"],
)
def test_the_parts_add_up_to_the_step(training: Training) -> None:
    effects = [UpdateEffect(of=of, part=part) for of in OF for part in (*PARTS, "all")]
    before, after = observed(training, [*OF, *effects])
    for of in OF:
        parts, whole = [before[f"{of.name}_by_{part}"] for part in PARTS], before[f"{of.name}_by_all"]
        largest = max(map(abs, parts))
        assert sum(parts) == pytest.approx(whole, abs=1e-4 * largest)
        assert after[of.name] - before[of.name] == pytest.approx(whole, abs=0.1 * largest + 3e-6), of.name


def test_each_part_does_what_it_is_for() -> None:
    training = Training(optimiser=AdamW(lr=1e-3, weight_decay=1.0))
    before, _ = observed(training, [TotalNorm(), *(UpdateEffect(of=of, part=part) for of in OF for part in (*PARTS, "gradient"))])
    assert before["train_loss_by_loss"] < 0
    assert before["train_loss_by_gradient"] < 0
    assert before["total_norm_by_decay"] == pytest.approx(-1e-3 * before["total_norm"], rel=1e-3)
    for of in OF:
        assert abs(before[f"{of.name}_by_noise"]) < 1e-4 * abs(before[f"{of.name}_by_loss"]), "there is none in a full batch"


def of_planted(value: Any, update: dict[str, float], times: float = 1.0) -> float:
    """The additivity of a quantity of two weights, which is `value` of them, from 0 and 0 on."""

    def measured_at(measure: Any, params: Any) -> Any:
        return value(params["a"], params["b"])

    params = {name: jnp.zeros(()) for name in update}
    parts = {"loss": {name: jnp.asarray(step) for name, step in update.items()}}
    measure = StepAdditivity(of=TotalNorm(), times=times)
    return float(measure.fn({"params": params, "update_parts": parts, "measured_at": measured_at}))


def test_what_needs_coordination_is_not_additive() -> None:
    step = {"a": 0.5, "b": 2.0}
    assert of_planted(lambda a, b: 3 * a - b, step) == pytest.approx(1.0)
    assert of_planted(lambda a, b: a * b, step) == 0.0
    assert of_planted(lambda a, b: a + b + a * b, step, times=2.0) == pytest.approx((1 + 4) / (1 + 4 + 4))


def test_short_steps_are_additive() -> None:
    """To first order single steps add up to the joint one, whatever the quantity."""
    measures = [StepAdditivity(of=of, times=times) for times in (1.0,) for of in (GenLogit(), Loss(rows="train"))]
    before, _ = observed(Training(optimiser=AdamW(lr=1e-4, weight_decay=1.0)), measures)
    for measure in measures:
        assert before[measure.name] == pytest.approx(1.0, abs=0.05)
    assert measures[0].name == "gen_logit_additivity"
    with pytest.raises(InputError, match="several at a step"):
        StepAdditivity.parse({"of": GenLogit(by_component=True).model_dump()})


def test_without_decay_the_part_of_decay_is_nothing() -> None:
    effects = [UpdateEffect(of=of, part=part) for of in OF for part in ("loss", "decay")]
    before, _ = observed(Training(optimiser=AdamW(lr=1e-3, weight_decay=0.0)), effects)
    for of in OF:
        assert abs(before[f"{of.name}_by_decay"]) < 1e-4 * abs(before[f"{of.name}_by_loss"])


def test_a_relative_effect_is_the_effect_over_the_size_of_the_measure() -> None:
    """Decay takes lr * decay = 0.1 % of the norm."""
    effects = [UpdateEffect(of=TotalNorm(), part="decay", relative=relative) for relative in (False, True)]
    before, _ = observed(Training(optimiser=AdamW(lr=1e-3, weight_decay=1.0)), [TotalNorm(), *effects])
    assert before["total_norm_by_decay_relative"] == pytest.approx(-1e-3, rel=1e-3)
    assert before["total_norm_by_decay"] == pytest.approx(-1e-3 * before["total_norm"], rel=1e-3)
