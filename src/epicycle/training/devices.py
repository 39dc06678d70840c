"""Starting JAX: one host device per core on a CPU, a persistent compilation cache, full float32, and the signature of the bits."""

import contextlib
import os
import platform
import warnings
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

MEMORY_SHARE = 0.8  # of an accelerator's memory that one block of members may take
ENGINE_VERSION = 4  # raised when the same spec under the same libraries may give other bits


@dataclass(frozen=True)
class Machine:
    """Devices in use and how members run on them.

    Attributes:
        lane: "unbatched" runs the members of a device one after the other, with the same bits for any number of them (on a CPU);
            "vmap" runs them as one batched program (elsewhere).
    """

    mesh: Mesh
    lane: str

    @property
    def platform(self) -> str:
        """What JAX calls the kind of device: cpu, gpu or tpu."""
        return str(self.mesh.devices.flat[0].platform)

    @property
    def devices(self) -> int:
        """Number of devices."""
        return int(self.mesh.devices.size)

    def width(self, members: int, member_bytes: int) -> int:
        """How many members one call of a program takes: as many as run at once.

        One for each device where they take turns; else the whole cohort, or the largest block of it that fits into memory. Fixed for
        a cohort, so that members that end make no new program.
        """
        if self.lane == "unbatched":
            return self.devices
        memory = (self.mesh.devices.flat[0].memory_stats() or {}).get("bytes_limit")
        each = -(-members // self.devices)
        fitting = each if memory is None else max(1, int(MEMORY_SHARE * memory / max(member_bytes, 1)))
        blocks = -(-each // min(each, fitting))
        return -(-each // blocks) * self.devices

    def signature(self) -> dict[str, Any]:
        """Everything that the last bit of a result may depend on."""
        return {
            "platform": self.platform,
            "processor": _processor() if self.platform == "cpu" else self.mesh.devices.flat[0].device_kind,
            "cores": cores(),
            "devices": self.devices,
            "lane": self.lane,
            "libraries": {name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")},
            "engine": ENGINE_VERSION,
        }


def choose_platform(name: Literal["cpu", "gpu"]) -> None:
    """Train on this kind of device; to be called before `start`.

    Raises:
        InputError: JAX finds no such device.
    """
    _configure(cores())
    try:
        device = jax.devices(name)[0]
    except RuntimeError:
        hint = "install JAX for it (for an NVIDIA card: pip install 'jax[cuda13]'), or leave out --platform"
        raise InputError(f"--platform {name}: JAX finds no {name.upper()} here; {hint}.") from None
    jax.config.update("jax_default_device", device)
    _chosen.append(name)


_chosen: list[str] = []


def prepare() -> None:
    """Say how JAX is to start, before a user's file may start it."""
    _configure(cores())


@cache
def start() -> Machine:
    """Start JAX, once per process, and say what there is.

    If JAX was started before with other devices, those are used and a warning says so.
    """
    wanted = cores()
    _configure(wanted)
    devices = jax.devices(_chosen[-1]) if _chosen else jax.devices()
    on_cpu = devices[0].platform == "cpu"
    if on_cpu and len(devices) != wanted:
        warnings.warn(
            f"JAX was already running with {len(devices)} CPU devices instead of {wanted}: training uses those. "
            "Import epicycle first to use one per core.",
            stacklevel=2,
        )
    return Machine(Mesh(np.array(devices), ("member",)), "unbatched" if on_cpu else "vmap")


def _configure(cores: int) -> None:
    with contextlib.suppress(RuntimeError):  # already started: `start` compares and tells
        jax.config.update("jax_num_cpu_devices", cores)
    jax.config.update("jax_default_matmul_precision", "highest")
    if jax.config.values["jax_compilation_cache_dir"] is None:
        # Machine code of another processor must not be picked up from a shared home.
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "compiled" / _slug(_processor())))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def cache_folder() -> Path:
    """Where compiled programs and calibrations are kept: EPICYCLE_CACHE, else the user's cache folder. Safe to delete."""
    return Path(os.environ.get("EPICYCLE_CACHE") or platformdirs.user_cache_dir("epicycle"))


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
