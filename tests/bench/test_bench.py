"""The benchmarks: ratios, the floor, the measurement in a process of its own, and the plain loop as the same function."""

import json
import math
import time
from typing import Any

import jax
import numpy as np
import pytest

import epicycle as ep
from epicycle.bench import cases, child
from epicycle.bench.floor import Floor
from epicycle.bench.jax_loop import logits_of
from epicycle.bench.settings import experiment
from epicycle.bench.timing import alternate, ratio
from epicycle.studies.organisms import FLY
from epicycle.training.cost import Product
from epicycle.training.devices import Machine

SMALL_FLY = FLY.swept("task.p", 7).swept("model.d_model", 8).swept("model.d_mlp", 16)  # compiles sooner than a fly


def test_jobs_take_turns_and_only_rounds_are_compared() -> None:
    order: list[str] = []

    def job(name: str, seconds: list[float]) -> Any:
        def once() -> float:
            order.append(name)
            return seconds.pop(0)

        return once

    seconds = alternate({"a": job("a", [9.0, 2.0, 4.0, 8.0]), "b": job("b", [9.0, 1.0, 2.0, 4.0])}, rounds=3)
    assert order == ["a", "b"] * 4
    assert seconds["a"] == [2.0, 4.0, 8.0], "the first is not measured"
    assert ratio(seconds["a"], seconds["b"]) == 2.0


@pytest.mark.parametrize("alone", [True, False])
def test_the_floor_grows_with_the_work(machine: Machine, alone: bool) -> None:
    small, large = (Floor({Product(n, n, n): 2, Product(n, n, n, 3): 1}, machine, alone) for n in (16, 256))
    assert 0 < small() < large()


@pytest.mark.parametrize("model", [ep.Transformer(n_layers=2, d_model=16), ep.MLP(d_model=8, d_mlp=16)], ids=lambda m: m.kind)
def test_the_plain_loop_is_the_same_function(model: Any) -> None:
    torch = pytest.importorskip("torch")
    from epicycle.bench.pytorch_loop import network, trainer

    setting = experiment(7, model)
    table = setting.task.table()
    params = {name: np.array(value) for name, value in model.init(jax.random.key(0), table).items()}
    logits = network(setting, params)(torch.tensor(table.inputs).long())[:, -1].detach().numpy()
    expected = model.apply(params, table.inputs)[0]
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()
    assert trainer(setting, params, threads=2)(2) > 0


def test_a_case_reports_what_its_readers_look_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ROUNDS", 1)
    result = cases.compared(experiment(7, ep.MLP(d_model=8, d_mlp=16)), 2, machine, steps=2, plain_steps=1)
    assert {"ms_per_step", "ratio_to_floor", "floor_ms", "megaflops_per_step"} <= set(result)
    assert result["ms_per_step"] > 0


def test_the_start_is_timed_up_to_the_first_report(
    tiny: ep.Experiment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ep.Study(name="tiny", question="Does it start?", arms={"only": ep.RootArm(experiment=tiny, seeds=1)})
    monkeypatch.setattr("epicycle.studies.load", lambda name: study)
    began = time.time()
    monkeypatch.setenv(child.BEGAN, repr(began))
    child.main("start")
    assert 0 < json.loads(capsys.readouterr().out)["seconds"] <= time.time() - began


def test_the_fly_is_compared_with_loops_that_compute_the_same_function(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    table = FLY.task.table()
    params = FLY.model.init(jax.random.key(0), table)
    np.testing.assert_allclose(logits_of(params, table.inputs), FLY.model.apply(params, table.inputs)[0], rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(cases, "ROUNDS", 1)
    monkeypatch.setattr(cases, "FLY_STEPS", 12)
    monkeypatch.setattr(cases, "FLY", SMALL_FLY)
    result = cases.fly(machine)
    assert result["members"] == 8 * machine.devices
    assert result["ratio_to_bare_loop"] > 0
    assert result["share_of_observation"] > -1


def test_the_cost_of_circuits_is_that_of_the_evaluations(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ROUNDS", 1)
    monkeypatch.setattr(cases, "FLY_STEPS", 12)
    monkeypatch.setattr(cases, "FLY", SMALL_FLY)
    monkeypatch.setattr(cases, "MOUSE", experiment(7, ep.Transformer(d_model=8, n_heads=2, d_mlp=16)))
    monkeypatch.setattr(cases, "CIRCUIT_SET", [{"kind": "gen_logit"}])
    of_fly, of_mouse = cases.circuits(machine)
    assert (of_fly["organism"], of_mouse["organism"]) == ("fly", "mouse")
    assert of_fly["evaluations"] == 13
    assert of_fly["measures"] == 1
    assert of_fly["share_of_measures"] > -1
    assert math.isfinite(of_fly["share_beside_everyday"])


def test_what_measures_add_is_the_difference_within_a_round() -> None:
    seconds = {"unobserved": [1.0, 2.0, 4.0], "everyday": [1.5, 3.0, 6.0], "both": [1.75, 3.5, 7.0], "measured": [1.0, 1.0, 1.0]}
    assert cases._added(seconds) == pytest.approx(0.25)


def test_random_networks_are_counted_by_the_minute(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "DRAWN", 1 << 10)
    monkeypatch.setattr(cases, "ROUNDS", 1)
    rate = cases.sampler(machine)
    assert (rate["inputs"], rate["hidden"]) == (5, [16])
    assert rate["million_networks_per_minute"] > 0
