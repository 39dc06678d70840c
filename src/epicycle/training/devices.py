"""Starting JAX: one device per CPU core, a persistent compilation cache, full float32 precision, and the signature of a machine.

A signature names everything on which the last bit of a result may depend.
"""

import contextlib
import os
import platform
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import platformdirs
from jax.sharding import Mesh

from epicycle.spec.errors import InputError
from epicycle.spec.precision import Precision

MEMORY_SHARE = 0.8  # of an accelerator's memory that one block of members may take
TURNS = 8  # most members that take turns on a CPU device within one call; a call costs as much as ten steps of a small MLP
BLOCK_BYTES = 64_000_000  # of states that one call on CPU devices may move
ENGINE_VERSION = 6  # raised when the same spec under the same libraries may give other bits
FLAG_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS")
# Where compiled programs are written down, and the number of devices, which a signature has already.
HARMLESS_FLAGS = ("--xla_dump", "--xla_force_host_platform_device_count")
# JAX's own options that change compiled code or what it draws -> their usual values.
COMPILER_OPTIONS: dict[str, Any] = {
    "jax_disable_most_optimizations": False,
    "jax_disable_jit": False,
    "jax_allow_f16_reductions": True,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_optimization_level": "UNKNOWN",
    "jax_use_direct_linearize": True,
    "jax_softmax_custom_jvp": False,
    "jax_high_dynamic_range_gumbel": False,
    "jax_threefry_gpu_kernel_lowering": False,
}


@dataclass(frozen=True)
class Machine:
    """The devices in use, and how members run on them.

    Attributes:
        mesh: the devices, along one axis called `member`.
        lane: "unbatched" runs the members of a device one after the other, with the same bits for any number of them (on a CPU);
            "vmap" runs them as one batched program (on an accelerator).
        flags: settings of the compiler that may move the last bit, such as `--xla_cpu_enable_fast_math=true`.
    """

    mesh: Mesh
    lane: str
    flags: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """JAX's name for the kind of device: cpu, gpu or tpu."""
        return str(self.mesh.devices.flat[0].platform)

    @property
    def devices(self) -> int:
        """Number of devices."""
        return int(self.mesh.devices.size)

    def at_once(self, members: int, member_bytes: int) -> int:
        """How many members train at the same moment.

        Where members take turns, it is one for each device. Elsewhere it is the whole cohort, or the largest block of it that fits
        into memory. The number stays the same when some members of a cohort end, so that no new program is compiled.

        Args:
            members: number of members of the cohort.
            member_bytes: memory that one member needs while it trains.
        """
        if self.lane == "unbatched":
            return self.devices
        memory = (self.mesh.devices.flat[0].memory_stats() or {}).get("bytes_limit")
        per_device = -(-members // self.devices)
        fitting = per_device if memory is None else max(1, int(MEMORY_SHARE * memory / max(member_bytes, 1)))
        blocks = -(-per_device // min(per_device, fitting))
        return -(-per_device // blocks) * self.devices

    def width(self, at_once: int, state_bytes: int) -> int:
        """How many members one call of a program takes.

        Where members take turns, up to `TURNS` of them do so on each device. That number depends on the size of a state only, so
        cohorts of any size share one compiled program.

        Args:
            at_once: how many members train at the same moment.
            state_bytes: memory that the state and the data of one member take.
        """
        if self.lane == "unbatched":
            return at_once * max(1, min(TURNS, BLOCK_BYTES // max(at_once * state_bytes, 1)))
        return at_once

    def slots(self, members: int, width: int) -> list[int]:
        """Where the members of a call lie along its first axis, so that every device has as many of them as the others, or one more.

        Args:
            members: number of members, at most `width`.
            width: length of the axis, of which each device takes an equal part in order.
        """
        return [i % self.devices * (width // self.devices) + i // self.devices for i in range(members)]

    def signature(self) -> dict[str, Any]:
        """Everything on which the last bit of a result may depend."""
        return {
            "platform": self.platform,
            "processor": _processor() if self.platform == "cpu" else self.mesh.devices.flat[0].device_kind,
            "cores": cores(),
            "devices": self.devices,
            "lane": self.lane,
            "libraries": {name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")},
            "engine": ENGINE_VERSION,
            **({"flags": list(self.flags)} if self.flags else {}),
        }


def choose_platform(name: Literal["cpu", "gpu"]) -> None:
    """Train on this kind of device. Call this before `start`.

    Raises:
        InputError: JAX finds no such device.
    """
    _configure(cores())
    try:
        device = jax.devices(name)[0]
    except RuntimeError:
        hint = "install JAX for it (for an NVIDIA card: pip install 'jax[cuda13]'), or leave out --platform"
        raise InputError(f"--platform {name}: JAX finds no {name.upper()} on this machine; {hint}.") from None
    jax.config.update("jax_default_device", device)
    _chosen_platforms.append(name)


@contextlib.contextmanager
def fixed_settings(precision: Precision) -> Iterator[None]:
    """The settings of JAX under which runs are trained, whatever the user has set: an id stands for one trajectory.

    Args:
        precision: of the runs.
    """
    with (
        jax.enable_x64(precision == "float64"),
        jax.default_matmul_precision("highest"),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


_chosen_platforms: list[str] = []


def prepare() -> None:
    """Configure JAX before a user's file is loaded, which may start it."""
    _configure(cores())


@cache
def start() -> Machine:
    """Start JAX, once per process, and return its devices.

    If JAX was started before with another number of devices, those are used and a warning says so.
    """
    core_count = cores()
    _configure(core_count)
    devices = jax.devices(_chosen_platforms[-1]) if _chosen_platforms else jax.devices()
    on_cpu = devices[0].platform == "cpu"
    if on_cpu and len(devices) != core_count:
        warnings.warn(
            f"JAX was already running with {len(devices)} CPU devices instead of {core_count}, so training uses those. "
            "Import epicycle first to use one per core.",
            stacklevel=2,
        )
    return Machine(Mesh(np.array(devices), ("member",)), "unbatched" if on_cpu else "vmap", _compiler_flags())


def _compiler_flags() -> tuple[str, ...]:
    """The user's settings of the compiler, without those that leave the numbers alone."""
    flags = [flag for variable in FLAG_VARIABLES for flag in os.environ.get(variable, "").split()]
    options = {name: jax.config.values.get(name, usual) for name, usual in COMPILER_OPTIONS.items()}
    changed = [f"{name}={value}" for name, value in options.items() if value != COMPILER_OPTIONS[name]]
    return (*sorted(flag for flag in flags if not flag.startswith(HARMLESS_FLAGS)), *changed)


def _configure(core_count: int) -> None:
    with contextlib.suppress(RuntimeError):  # JAX runs already: `start` compares the number of devices and warns
        jax.config.update("jax_num_cpu_devices", core_count)
    jax.config.update("jax_default_matmul_precision", "highest")
    if jax.config.values["jax_compilation_cache_dir"] is None:
        # One folder per processor: home folders are shared, and another processor's machine code must not be loaded.
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "compiled" / _slug(_processor())))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def cache_folder() -> Path:
    """Where compiled programs and calibrations are kept: EPICYCLE_CACHE, or else the user's cache folder. It is safe to delete."""
    return Path(os.environ.get("EPICYCLE_CACHE") or platformdirs.user_cache_dir("epicycle")).expanduser()


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
