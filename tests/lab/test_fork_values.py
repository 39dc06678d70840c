"""What users see of a fork's knobs: the values that edits and courses gave them, in its spec, its activations and its exports."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open
from tests.lab.test_forks import SMALL

import epicycle as ep
from epicycle.training.schedules import knobs_at

RATED = ep.Experiment(
    task=ep.Modular(p=7, operation="x-y"),
    split=ep.Split(frac_train=0.6),
    model=ep.Transformer(d_model=8, n_heads=2, d_mlp=16, attention_rate=0.5),
    training=ep.Training(steps=60),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> ep.Runs:
    return ep.train(RATED, seeds=1, root=tmp_path_factory.mktemp("values"), observation=SMALL)


def header_of(run: Any, folder: Path, step: int | None = None) -> dict[str, Any]:
    with safe_open(ep.export(run, "safetensors", folder, names="own", step=step), "numpy") as opened:
        return dict(json.loads(opened.metadata()["epicycle"]))


def activations(rate: float, run: Any, step: int | None = None) -> Any:
    """The last activations of the network with an attention rate."""
    model = RATED.model.model_copy(update={"attention_rate": rate})
    params = {name: jnp.asarray(value) for name, value in run.params(step).items()}
    _, sites = model.apply(params, jnp.asarray(RATED.task.table().inputs))
    return np.asarray(sites["blocks.0.hook_resid_post"])


@pytest.mark.parametrize("edit", [ep.Set("attention_rate", 0.25), ep.Scale("attention_rate", 0.5)])
def test_an_edited_knob_is_seen_everywhere(edit: ep.Edit, runs: ep.Runs, tmp_path: Path) -> None:
    fork = runs.fork(20, [edit])
    again = fork.fork(10)  # a fork without edits keeps the value that its parent had
    for forks in (fork, again):
        run = forks[0]
        assert run.spec.experiment.model.attention_rate == 0.25
        assert run.experiment()["model"]["attention_rate"] == 0.25
        assert header_of(run, tmp_path)["model"]["attention_rate"] == 0.25
        np.testing.assert_array_equal(run.cache()["blocks.0.hook_resid_post"], activations(0.25, run))
        assert run.spec.id == run.id, "the id stays what it was"
    assert runs[0].spec.experiment == RATED


def test_a_number_is_shown_as_it_was_written(runs: ep.Runs) -> None:
    fork = runs.fork(20, [ep.Scale("lr", 3), ep.Set("temperature", 1 / 3)])[0].spec.experiment.training
    assert fork.optimiser.lr == 0.003, "not the float32 that is nearest"
    assert fork.temperature == pytest.approx(1 / 3, rel=1e-7)
    assert fork.optimiser.weight_decay == RATED.training.optimiser.weight_decay


def test_a_course_is_seen_at_its_step(root: Path, tmp_path: Path) -> None:
    course = ep.Course(of="attention_rate", steps=(10, 50), values=(0.1, 0.9))
    parents = ep.train(RATED.swept("training.courses", [course.model_dump()]), seeds=1, root=root, observation=SMALL)
    forks = parents.fork(20, [ep.Scale("lr", 2)])
    risen = parents.fork(40, [ep.Scale("attention_rate", 0.5, over=10)])
    for run, start in ((parents[0], 0), (forks[0], 20), (risen[0], 40)):
        for step in run.steps:
            state, experiment = run.state(step), run.spec.experiment
            knobs = {name.removeprefix("knobs/"): value for name, value in state.items() if name.startswith("knobs/")}
            rate = float(knobs_at(experiment, knobs, jnp.asarray(start + step))["model.attention_rate"])
            assert run.experiment(step)["model"]["attention_rate"] == pytest.approx(rate, rel=1e-6)
            assert header_of(run, tmp_path, step)["model"]["attention_rate"] == pytest.approx(rate, rel=1e-6)
            np.testing.assert_allclose(run.cache(step)["blocks.0.hook_resid_post"], activations(rate, run, step), rtol=1e-5, atol=1e-6)
    assert forks[0].experiment()["model"]["attention_rate"] == 0.9
    assert risen[0].spec.experiment.training.courses[0].values == (0.7, 0.35), "from where the parent's course had brought it"
