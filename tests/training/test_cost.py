"""Operations and memory read off a program, against the compiler's own count; lanes, widths, and calibrations."""

from collections import Counter
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.spec.experiment import Run
from epicycle.training.cost import Product, flops, member_bytes, peak_bytes, products, step_products
from epicycle.training.devices import BLOCK_BYTES, TURNS, Machine
from epicycle.training.program import step
from epicycle.training.program_timing import Rehearsal, calibrated
from epicycle.training.state import data_of, initialiser, world_of

SETTINGS = {
    "transformer": ep.Transformer(d_model=64),
    "two layers": ep.Transformer(n_layers=2, d_model=32),
    "mlp": ep.MLP(d_model=64, d_mlp=128),
}

SMALL = ep.Experiment(task=ep.Modular(p=7, operation="x-y"), split=ep.Split(frac_train=0.6), model=ep.MLP(d_model=8, d_mlp=16))


def parts(model: Any, p: int = 31) -> tuple[Any, Any, Any, Any]:
    experiment = ep.Experiment(task=ep.Modular(p=p, operation="x+y"), split=ep.Split(frac_train=0.5), model=model)
    table = experiment.task.table()
    data = data_of(Run(experiment=experiment), table)
    return experiment, world_of(table), data, initialiser(experiment, table)(Run(experiment=experiment), data)


def test_muon_pays_for_its_products() -> None:
    """Five Newton-Schulz steps of each matrix: X X^T, its square, and their sum times X, along the shorter side."""
    experiment, world, data, state = parts(ep.Transformer(d_model=64))
    orthogonalised = experiment.swept("training.optimiser", {"kind": "muon"})
    begun = initialiser(orthogonalised, orthogonalised.task.table())(Run(experiment=orthogonalised), data)
    extra = flops(step_products(orthogonalised, world, data, begun)) - flops(step_products(experiment, world, data, state))
    sides = [(64, 64)] * 4 + [(64, 256)] * 2
    assert extra == 5 * sum(2 * (2 * d * d * long + d**3) for d, long in sides)
    assert member_bytes(orthogonalised, (), world, data, begun) > 0.9 * member_bytes(experiment, (), world, data, state)


@pytest.mark.parametrize("name", SETTINGS)
def test_flops_and_memory_agree_with_the_compiler(name: str) -> None:
    experiment, world, data, state = parts(SETTINGS[name])
    lowered = jax.jit(lambda d, s, w: step(experiment, w, d, s)).lower(data, state, world)
    counted = flops(step_products(experiment, world, data, state))
    assert 0.8 * lowered.cost_analysis()["flops"] <= counted <= lowered.cost_analysis()["flops"]
    memory = lowered.compile().memory_analysis()
    compiled_bytes = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    estimated = peak_bytes(lambda d, s, w: step(experiment, w, d, s), data, state, world)
    assert 0.6 * compiled_bytes <= estimated <= 3 * compiled_bytes


def test_products_are_found_in_loops_and_branches() -> None:
    a, b = np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)

    def function(a: Any, b: Any) -> Any:
        looped = jax.lax.scan(lambda c, _: (c + (a @ b).sum(), None), 0.0, None, length=6)[0]
        return jax.lax.cond(looped > 0, lambda: (a @ b).sum() + (a @ b @ b.T).sum(), lambda: looped)

    assert products(function, a, b) == Counter({Product(3, 4, 5): 6 + 2, Product(3, 5, 4): 1})
    batched = products(lambda x, y: jnp.einsum("bij,bjk->bik", x, y), np.ones((2, 3, 4)), np.ones((2, 4, 5)))
    assert list(batched) == [Product(3, 4, 5, 2)]
    assert flops(batched) == 2 * 2 * 3 * 4 * 5


def test_an_accelerator_takes_as_many_as_fit(machine: Machine) -> None:
    class Card:
        platform, device_kind = "gpu", "planted"

        @staticmethod
        def memory_stats() -> dict[str, int]:
            return {"bytes_limit": 1000}

    class Mesh:
        devices = np.array([Card()], object)

    card = Machine(Mesh(), "vmap")  # type: ignore[arg-type]
    assert card.at_once(5, 100) == 5
    assert card.at_once(8, 100) == 8
    assert card.at_once(9, 100) == 5, "two blocks of five rather than eight and one"
    assert card.at_once(100, 5000) == 1, "one member always runs"
    assert card.width(5, 10) == 5, "one call trains those that train at once"


def test_small_members_take_turns_within_a_call_on_a_cpu(machine: Machine) -> None:
    devices = machine.devices
    assert machine.at_once(100, 10**15) == devices
    assert machine.width(devices, 1000) == TURNS * devices
    assert machine.width(devices, BLOCK_BYTES // (2 * devices)) == 2 * devices
    assert machine.width(devices, 10**15) == devices, "one member always runs"


def test_members_of_a_call_are_spread_evenly_over_the_devices() -> None:
    class Mesh:
        devices = np.array([None, None], object)

    two = Machine(Mesh(), "unbatched")  # type: ignore[arg-type]
    assert two.slots(3, 8) == [0, 4, 1], "the first half of the slots belongs to the first device"
    assert sorted(two.slots(8, 8)) == list(range(8))


def test_lanes_and_blocks_agree_to_rounding(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batched members and cohorts cut into blocks, as on a GPU, run on the CPU's devices."""
    turns = Rehearsal(SMALL, 5, machine)
    batched_machine = replace(machine, lane="vmap")
    monkeypatch.setattr(Machine, "at_once", lambda self, members, member_bytes: self.devices * (1 if self.lane == "unbatched" else 2))
    batched = Rehearsal(SMALL, 5, batched_machine)
    turns.steps(100)
    batched.steps(100)
    for state, batched_state in zip(turns.states(), batched.states(), strict=True):
        assert int(state.step) == int(batched_state.step) == 100
        for name, value in state.params.items():
            np.testing.assert_allclose(batched_state.params[name], value, rtol=0, atol=1e-4 * np.abs(value).max())


def test_calibration_is_kept_and_never_trusted_blindly(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path))
    calibration = calibrated(SMALL, 4, machine, ())
    assert 0 < calibration.step < 1
    cache_file = next(tmp_path.glob("calibrations/*.json"))
    monkeypatch.setattr("epicycle.training.program_timing.Rehearsal", lambda *_: pytest.fail("measured before"))
    assert calibrated(SMALL, 9, machine, ()) == calibration
    monkeypatch.undo()
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path))
    cache_file.write_text("rubbish")
    assert calibrated(SMALL, 4, machine, ()).observation > 0


def test_member_bytes_grow_with_the_task() -> None:
    small, large = (parts(ep.MLP(d_model=16, d_mlp=32), p) for p in (11, 31))
    sizes = [member_bytes(experiment, (), world, data, state) for experiment, world, data, state in (small, large)]
    assert sizes[1] > 3 * sizes[0]
