"""The effect of one update, and of its parts, against the step that training takes."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from epicycle.circuits.strength import GenLogit
from epicycle.measures.fit import Loss, Margin
from epicycle.measures.norms import TotalNorm
from epicycle.measures.update_effects import StepAdditivity, UpdateEffect
from epicycle.models.activation_functions import Activation
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


def observed(
    training: Training, measures: Any, steps: int = 12, act_fn: Activation = "relu"
) -> tuple[dict[str, float], dict[str, float]]:
    """The measures after some steps of a small MLP, when the warm-up is over, and after one step more."""
    model = MLP(d_model=8, d_mlp=16, act_fn=act_fn)
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


def of_a_quadratic(curvature: float, decay: float, lr: float, at: float = 2.0) -> dict[str, float]:
    """What SGD's next step does to a loss of curvature/2 w^2, by part; a second weight is there and does not count."""
    parts = {"loss": -lr * curvature * at, "decay": -lr * decay * at}
    updates = {part: {"w": jnp.asarray(value), "v": jnp.asarray(1.0)} for part, value in {**parts, "all": sum(parts.values())}.items()}
    snapshot = {
        "params": {"w": jnp.asarray(at), "v": jnp.asarray(0.0)},
        "update_parts": updates,
        "measured_at": lambda measure, params: curvature / 2 * params["w"] ** 2,
    }
    effects = [UpdateEffect(of=TotalNorm(), part=part, along="step") for part in ("loss", "decay", "all")]
    return {effect.part: float(effect.fn(snapshot)) for effect in effects}


def test_along_the_step_a_quadratic_has_its_closed_form() -> None:
    """From w to r w the loss changes by curvature/2 (r^2 - 1) w^2, and the parts share this as curvature and decay do."""
    effects = of_a_quadratic(curvature=3.0, decay=1.0, lr=0.1)
    assert effects["all"] == pytest.approx(3 / 2 * ((1 - 0.4) ** 2 - 1) * 2**2)
    assert effects["loss"] / effects["all"] == pytest.approx(3 / 4)
    assert effects["decay"] / effects["all"] == pytest.approx(1 / 4)


@pytest.mark.parametrize("optimiser", [AdamW(lr=3e-3, weight_decay=3.0), SGD(lr=0.3, weight_decay=0.1)], ids=["AdamW", "SGD"])
def test_along_the_step_the_parts_add_up_to_a_long_step(optimiser: Any) -> None:
    of = (Loss(rows="train"), Loss(rows="test"), Margin(rows="test"), GenLogit())
    effects = [UpdateEffect(of=each, part=part, along=along) for each in of for part in PARTS for along in ("start", "step")]
    before, after = observed(Training(optimiser=optimiser, batch_size=8), [*of, *effects], act_fn="gelu")  # no kinks
    for each in of:
        changed = after[each.name] - before[each.name]
        at_start, along = ([before[f"{each.name}_by_{part}{end}"] for part in PARTS] for end in ("", "_along_step"))
        close = 0.01 * max(map(abs, along)) + 3e-6
        assert sum(along) == pytest.approx(changed, abs=close), each.name
        assert abs(sum(along) - changed) <= abs(sum(at_start) - changed) + close, each.name


def test_tensors_share_the_effect() -> None:
    of = Loss(rows="test")
    effects = [UpdateEffect(of=of, part="loss", along="step", tensors=names) for names in ((), ("W_E",), ("W_in", "W_U", "b_*"))]
    before, _ = observed(Training(optimiser=AdamW(lr=1e-3)), effects)
    whole, embedding, others = (before[effect.name] for effect in effects)
    assert effects[2].name == "test_loss_by_loss_along_step_in_W_in_W_U_b_any"
    assert embedding + others == pytest.approx(whole, rel=1e-4)
    assert embedding != 0.0
    with pytest.raises(InputError, match="no tensor is named W_V; there are W_E, "):
        observed(Training(), [UpdateEffect(of=of, tensors=("W_V",))])
    with pytest.raises(InputError, match="no part of the step"):
        UpdateEffect.parse({"of": of.model_dump(), "part": "gradient", "along": "step"})


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
