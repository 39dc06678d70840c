"""What moves the numbers of a run is in its id, in its signature, or fixed: precision, random generator, compiler flags."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from tests.lab.test_forks import SMALL

import epicycle as ep
from epicycle.spec.experiment import Run
from epicycle.spec.precision import asked_precision
from epicycle.training.devices import start


def test_precision_is_part_of_the_id(tiny: ep.Experiment, root: Path) -> None:
    with jax.enable_x64(True):
        double = ep.train(tiny, seeds=1, root=root, observation=SMALL)
    single = ep.train(tiny, seeds=1, root=root, observation=SMALL)
    assert double[0].id != single[0].id
    assert [runs[0].precision for runs in (single, double)] == ["float32", "float64"]
    assert single.data.train_loss.dtype == np.float32
    np.testing.assert_allclose(single.data.train_loss[:, :8], double.data.train_loss[:, :8], rtol=1e-5)
    fork = double.fork(10)[0]  # asked for in float32, and yet in its parent's precision
    for name, value in double[0].state().items():
        np.testing.assert_array_equal(fork.state()[name], value, err_msg=name)
    assert fork.cache()["blocks.0.hook_resid_post"].dtype == np.float64


def test_precision_is_known_without_jax(tiny: ep.Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Run(experiment=tiny).id
    monkeypatch.delitem(sys.modules, "jax")
    for value, precision in (("1", "float64"), ("True", "float64"), ("0", "float32"), ("", "float32")):
        monkeypatch.setenv("JAX_ENABLE_X64", value)
        assert asked_precision() == precision
        assert (Run(experiment=tiny).id == plain) == (precision == "float32")
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace())  # JAX while it is being imported
    assert asked_precision() == "float32"


def test_settings_of_jax_move_nothing(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = tiny.swept("training.batch_size", 8).swept("training.weight_noise", 0.01)
    plain = ep.train(noisy, seeds=1, root=root / "plain", observation=SMALL).fork(20, [ep.AddNoise(("W_E",), 0.1)])
    offset = jax.config.values["jax_random_seed_offset"]
    try:
        jax.config.update("jax_random_seed_offset", 5)
        with (
            jax.default_prng_impl("rbg"),
            jax.threefry_partitionable(False),
            jax.default_matmul_precision("bfloat16"),
            jax.numpy_dtype_promotion("strict"),
        ):
            moved = ep.train(noisy, seeds=1, root=root / "moved", observation=SMALL).fork(20, [ep.AddNoise(("W_E",), 0.1)])
    finally:
        jax.config.update("jax_random_seed_offset", offset)
    for name, value in plain[0].state().items():
        np.testing.assert_array_equal(moved[0].state()[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("flags", "noted"),
    [
        ("", []),
        ("--xla_dump_to=/tmp/x --xla_force_host_platform_device_count=8", []),
        ("--xla_cpu_enable_fast_math=true --xla_dump_to=x", ["--xla_cpu_enable_fast_math=true"]),
    ],
)
def test_flags_of_the_compiler_are_in_the_signature(flags: str, noted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", flags)
    signature: dict[str, Any] = start.__wrapped__().signature()
    assert [flag for flag in signature.get("flags", []) if flag.startswith("--")] == noted
