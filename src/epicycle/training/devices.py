"""Starting JAX: one host device per core on a CPU, a persistent compilation cache, full float32, and the signature of the bits."""

import contextlib
import os
import platform
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import platformdirs
from jax.sharding import Mesh

ENGINE_VERSION = 2  # raised when the same spec under the same libraries may give other bits


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
    def devices(self) -> int:
        """Number of devices."""
        return int(self.mesh.devices.size)

    def signature(self) -> dict[str, Any]:
        """Everything that the last bit of a result may depend on."""
        return {
            "platform": jax.default_backend(),
            "processor": _processor() if jax.default_backend() == "cpu" else jax.devices()[0].device_kind,
            "cores": _cores(),
            "devices": self.devices,
            "lane": self.lane,
            "libraries": {name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")},
            "engine": ENGINE_VERSION,
        }


@cache
def start() -> Machine:
    """Start JAX, once per process, and say what there is.

    If JAX was started before with other devices, those are used and a warning says so.
    """
    wanted = _cores()
    _configure(wanted)
    devices = jax.devices()
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
        folder = Path(platformdirs.user_cache_dir("epicycle")) / "compiled" / _slug(_processor())
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
