"""What moves the numbers of a run is in its id, in its signature, or fixed: precision, random generator, compiler flags."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
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
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohort_marker import read_marker, write_marker
from epicycle.training.devices import Machine, start


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


def elsewhere(runs: ep.Runs) -> None:
    """Make stored runs look as if another version of JAX had trained them."""
    root = runs._session.root
    for cohort in Catalogue(root).members:
        marker = read_marker(root.cohort(cohort))
        (segment,) = marker.segments
        signature = {**segment.signatures[0], "libraries": {**segment.signatures[0]["libraries"], "jax": "0.9.9"}}
        write_marker(root.cohort(cohort), replace(marker, segments=(replace(segment, signatures=(signature,)),)))


def test_a_fork_of_a_parent_with_other_bits_is_not_exact(
    tiny: ep.Experiment, machine: Machine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("epicycle.lab.missing_runs.start", lambda: Machine(machine.mesh, "vmap"))
        parents = ep.train(tiny, seeds=2, root=root, observation=SMALL)
    assert parents.data.exact
    with pytest.warns(
        UserWarning, match=r"another signature \(lane vmap.*\), and its steps 20 to 25 give other bits here. Its forks are"
    ):
        forks = parents.fork(20)
    assert not forks.data.exact
    assert not parents.fork(20).data.exact, "asked again"


def test_a_fork_of_a_parent_whose_bits_are_repeated_is_exact(tiny: ep.Experiment, root: Path) -> None:
    parents = ep.train(tiny, seeds=2, root=root, observation=SMALL)
    elsewhere(parents)
    for moment in (0, 20, 60):
        assert parents.fork(moment, steps=9).data.exact
    elsewhere(parents)
    assert parents.fork(20).fork(5).data.exact


def test_files_are_read_once_for_all_parents(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[str] = Counter()

    def counted(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            reads[name] += 1
            return read(*arguments)

        return count

    for module, name in (("catalogue", "read_members"), ("cohorts", "read_members"), ("runs", "read_checkpoint")):
        path = f"epicycle.store.{module}"
        monkeypatch.setattr(f"{path}.{name}", counted(name, getattr(sys.modules[path], name)))
    counts = []
    for seeds in (2, 6):
        parents = ep.train(tiny, seeds=seeds, root=root / str(seeds), observation=SMALL)
        reads.clear()
        parents.fork(20, [ep.Transplant(("W_E",), "others")], donors={"others": parents})
        counts.append(dict(reads))
        reads.clear()
        for i in range(len(parents)):
            assert parents[i].id
        assert reads["read_members"] == len(Catalogue(parents._session.root).members), "once for each cohort"
    assert counts[0] == counts[1]
