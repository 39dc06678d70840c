"""Clock and pizza on exact templates and planted embeddings, and attention on planted patterns."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.attention import AttentionEntropy, AttentionPattern
from epicycle.circuits.clock_pizza import (
    Circle,
    Circularity,
    DistanceAccuracy,
    DistanceIrrelevance,
    GradientSymmetricity,
    TemplateShare,
)
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure, Model, Params, Task
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of
from tests.circuits.test_gen_and_mem import cosines, memoriser, snapshot

P = 31
SUMS = Modular(p=P, form="x y")
TASKS = (SUMS, Modular(p=P), Modular(p=P, operation="x-y"))


def logits(task: Task, template: str, *frequencies: int) -> np.ndarray:
    """The exact logits of a template, added up over frequencies."""
    x, y = task.table().operands.T
    answer, distance = (x - y, x + y) if getattr(task, "operation", "") == "x-y" else (x + y, x - y)
    total = np.zeros((len(x), task.table().num_classes))
    for k in frequencies:
        w = 2 * np.pi * k / P
        heights = {"clock": 1 + 0 * x, "pizza": np.abs(np.cos(w * distance / 2)), "accompanying": -np.cos(w * distance)}[template]
        total += heights[:, None] * np.cos(w * (answer[:, None] - np.arange(P)))
    return total


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_each_template_explains_its_own_logits(task: Task) -> None:
    """The mean of |cos|, 2 / pi, and that of its square, 1 / 2, tell how much the two templates have in common: 8 / pi^2 = 0.81."""
    for template in ("clock", "pizza", "accompanying"):
        planted = snapshot(task, logits(task, template, 3, 7))
        shares = {each: float(TemplateShare(template=each).fn(planted)) for each in ("clock", "pizza", "accompanying")}
        assert shares[template] == pytest.approx(1.0, abs=1e-4)
        if template != "accompanying":
            assert shares["clock" if template == "pizza" else "pizza"] == pytest.approx(8 / np.pi**2, abs=0.01)
        assert float(TemplateShare(template=template).fn(snapshot(task, -np.asarray(planted["logits"])))) == pytest.approx(
            0.0, abs=1e-9
        )
    by_component = np.asarray(TemplateShare(template="pizza", by_component=True).fn(snapshot(task, logits(task, "pizza", 3, 7))))
    assert by_component == pytest.approx([0.5 if k in (3, 7) else 0.0 for k in range(1, P // 2 + 1)], abs=1e-4)
    memorised = float(TemplateShare().fn(snapshot(task, memoriser(task, 10.0))))
    assert memorised == pytest.approx(0.5**2, abs=0.02), "all rows count, and half of them are memorised"


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_distance_irrelevance_of_exact_logits(task: Task) -> None:
    """0 for a pizza, whose right logit depends on the distance alone, and 1 where it depends on the answer alone."""
    assert float(DistanceIrrelevance().fn(snapshot(task, logits(task, "pizza", 3, 7)))) == pytest.approx(0.0, abs=1e-4)
    clock, answers = logits(task, "clock", 3), task.table().labels
    assert float(DistanceIrrelevance().fn(snapshot(task, (1 + answers[:, None]) * clock))) == pytest.approx(1.0, abs=1e-4)
    noise = np.random.default_rng(0).standard_normal(clock.shape)
    assert float(DistanceIrrelevance().fn(snapshot(task, clock + noise))) == pytest.approx(1.0, abs=0.05)
    assert np.isnan(float(DistanceIrrelevance().fn(snapshot(task, np.ones_like(clock)))))


def test_circularity() -> None:
    circles = cosines(P, {3: 2.0, 7: 1.0})
    assert float(Circularity().fn({"task": SUMS, "params": {"W_E": jnp.asarray(circles)}})) == pytest.approx(1.0, abs=1e-4)
    two_waves = np.stack(
        [np.cos(2 * np.pi * np.arange(P) / P * k) + np.cos(2 * np.pi * np.arange(P) / P * (k + 4)) for k in range(1, 5)]
    )
    mixed = two_waves.T * np.array([4, 3, 2, 1])
    assert float(Circularity().fn({"task": SUMS, "params": {"W_E": jnp.asarray(mixed)}})) == pytest.approx(0.5, abs=0.02)
    noise = np.random.default_rng(0).standard_normal((P, 64))
    assert float(Circularity().fn({"task": SUMS, "params": {"W_E": jnp.asarray(noise)}})) < 0.4


def taken_of(model: Model, measures: tuple[Measure, ...], task: Task = SUMS, changed: Params | None = None) -> dict[str, Any]:
    """Measures of a network with its first weights, some of them replaced."""
    experiment = Experiment(task=task, model=model)
    run, table = Run(experiment=experiment), task.table()
    data = data_of(run, table)
    state = initialiser(experiment, table)(run, data)
    state = state._replace(params=dict(state.params) | (changed or {}))
    return {name: np.asarray(value) for name, value in observe(experiment, measures, state, data, world_of(table)).items()}


def planted_pizza(*frequencies: int) -> tuple[MLP, Params]:
    """A network that adds its operands' circles up and takes the absolute value along many directions: an exact pizza, nearly."""
    embedding = cosines(P, dict.fromkeys(frequencies, 1.0))
    angles = 2 * np.pi * np.arange(64) / 64
    w_in, w_u = np.zeros((embedding.shape[1], 64 * len(frequencies))), np.zeros((64 * len(frequencies), P))
    for i, k in enumerate(frequencies):
        rows, columns = slice(2 * i, 2 * i + 2), slice(64 * i, 64 * i + 64)
        w_in[rows, columns] = np.cos(angles), np.sin(angles)
        # |cos(w(x + y) / 2 - phi)| has the wave cos(w(x + y) - 2 phi), so twice the angle of a unit is read out.
        w_u[columns] = np.cos(2 * angles[:, None] - 2 * np.pi * k * np.arange(P) / P)
    params = {"W_E": embedding, "W_in": w_in, "W_U": w_u}
    model = MLP(d_model=embedding.shape[1], d_mlp=w_in.shape[1], combine="sum", biases=())
    return model, {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def test_a_planted_pizza_with_its_circles_one_by_one() -> None:
    model, params = planted_pizza(3, 7)
    circles: tuple[Circle, ...] = ("all", "main")
    measures = (
        GradientSymmetricity(),
        DistanceIrrelevance(),
        *(TemplateShare(template=template, circle=circle) for template in ("clock", "pizza") for circle in circles),
        *(DistanceAccuracy(tokens=tokens, circle=circle) for tokens in ("near", "far") for circle in circles),
    )
    values = taken_of(model, measures, changed=params | {"W_U": params["W_U"] * jnp.where(jnp.arange(128) < 64, 2.0, 1.0)[:, None]})
    assert values["gradient_symmetricity"] == pytest.approx(1.0, abs=1e-5)
    assert values["distance_irrelevance"] < 0.05
    assert values["pizza_share_main"] > 0.98
    assert values["clock_share_main"] == pytest.approx(8 / np.pi**2, abs=0.02)
    assert values["pizza_share"] > 0.85
    assert [values[f"accuracy_{tokens}{circle}"] for tokens in ("near", "far") for circle in ("", "_main")] == [1.0] * 4


def test_accuracy_by_distance() -> None:
    """A network that is right where tokens lie near each other on the main circle, and wrong where they lie far apart."""
    x, y = SUMS.table().operands.T
    height = np.abs(np.cos(np.pi * 3 * (x - y) / P))
    far = height <= np.sort(np.unique(height.round(6)))[4] + 1e-6  # one distance for each sign: the ten smallest of 31 values
    planted = snapshot(
        SUMS, np.where(far, -1.0, 1.0)[:, None] * logits(SUMS, "clock", 3), params={"W_U": jnp.asarray(cosines(P, {3: 1.0}).T)}
    )
    assert float(DistanceAccuracy(tokens="near").fn(planted)) == 1.0
    assert float(DistanceAccuracy(tokens="far").fn(planted)) == 0.0


def test_an_accompanying_circle_is_found() -> None:
    """Tokens on the circle of twice the frequency, read along directions without a non-linearity: the third template."""
    angles = 2 * np.pi * np.arange(P) / P
    embedding = cosines(P, {3: 1.0, 6: 1.0})
    w_in = np.zeros((4, 8))
    w_in[2:, :4] = [[1, -1, 0, 0], [0, 0, 1, -1]]  # the rest is left for the main circle, which the read-out alone shows
    w_u = np.zeros((8, P))
    # relu(z) - relu(-z) = z, and cos(2 w x) + cos(2 w y) = 2 cos(w d) cos(w e).
    w_u[:4] = -np.stack([np.cos(3 * angles), -np.cos(3 * angles), np.sin(3 * angles), -np.sin(3 * angles)])
    params = {"W_E": embedding, "W_in": w_in, "W_U": w_u}
    model = MLP(d_model=4, d_mlp=8, combine="sum", biases=())
    measure = TemplateShare(template="accompanying", circle="accompanying")
    values = taken_of(model, (measure,), changed={name: jnp.asarray(value, jnp.float32) for name, value in params.items()})
    assert values[measure.name] == pytest.approx(1.0, abs=1e-4)


def test_gradients_of_a_network_that_reads_one_operand_or_opposite_ones() -> None:
    """Cosine -1 if y is read with the opposite sign, and no number if only x is read."""
    embedding = jnp.asarray(np.random.default_rng(0).standard_normal((P, 4)), jnp.float32)
    read = np.random.default_rng(1).standard_normal((4, 16))
    model = MLP(d_model=4, d_mlp=16, biases=(), act_fn="quadratic")
    for second, expected in ((-read, -1.0), (read, 1.0)):
        w_in = jnp.asarray(np.concatenate([read, second]), jnp.float32)
        values = taken_of(model, (GradientSymmetricity(),), changed={"W_E": embedding, "W_in": w_in})
        assert values["gradient_symmetricity"] == pytest.approx(expected, abs=1e-4)
    values = taken_of(model, (GradientSymmetricity(),), changed={"W_in": jnp.asarray(np.concatenate([read, 0 * read]), jnp.float32)})
    assert np.isnan(values["gradient_symmetricity"])


def test_the_operands_are_where_the_form_of_the_task_puts_them() -> None:
    model = Transformer(d_model=16, n_heads=2, d_mlp=32)
    for form in ("x y", "x y =", "x o y =", "eos x o y = z eos"):
        values = taken_of(model, (GradientSymmetricity(),), Modular(p=5, form=form))
        assert -1 <= values["gradient_symmetricity"] <= 1


def test_attention_of_planted_patterns() -> None:
    """Zero queries read all alike; a query that one key alone answers reads from one position."""
    even = taken_of(
        Transformer(d_model=8, n_heads=2, d_mlp=8), (AttentionEntropy(), AttentionPattern()), changed={"W_Q": jnp.zeros((1, 2, 8, 4))}
    )
    assert even["attention_entropy"] == pytest.approx(np.ones((1, 2)), abs=1e-5)
    assert even["attention_pattern"] == pytest.approx(np.full((1, 2, 2), 0.5), abs=1e-5)
    pattern = jnp.zeros((P * P, 2, 2, 2)).at[..., 0].set(1.0)
    planted = {"activations": {"blocks.0.attn.hook_pattern": pattern}}
    assert np.asarray(AttentionEntropy().fn(planted)) == pytest.approx(np.zeros((1, 2)), abs=1e-6)
    assert np.asarray(AttentionPattern().fn(planted))[..., 0] == pytest.approx(np.ones((1, 2)))
    constant = {"activations": {"blocks.0.attn.hook_pattern": 0 * pattern + 1}}
    assert np.asarray(AttentionEntropy().fn(constant)) == pytest.approx(np.ones((1, 2)), abs=1e-6), "attention rate 0"


def test_what_does_not_fit_is_refused() -> None:
    for task in (Modular(p=10), Modular(p=11, operation="x*y"), Composition(group="S3"), RandomTable(n=11, latin=True)):
        for measure in (DistanceIrrelevance(), TemplateShare(template="pizza")):
            with pytest.raises(InputError, match="all sums or all differences modulo an odd number"):
                measure.fn(snapshot(task, memoriser(task, 1.0)))
    with pytest.raises(InputError, match="need a transformer"):
        taken_of(MLP(d_model=4, d_mlp=8), (AttentionEntropy(),))
    with pytest.raises(InputError, match="reads them as one-hot"):
        taken_of(MLP(d_mlp=8, operands="one_hot"), (GradientSymmetricity(),))
    with pytest.raises(InputError, match="W_E beside W_U"):
        taken_of(MLP(d_mlp=8, operands="one_hot"), (TemplateShare(circle="main"),))
