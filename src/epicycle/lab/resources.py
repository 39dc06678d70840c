"""How much disk and memory a cohort needs, and whether this machine has that much."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.observation import Observation
from epicycle.training.cohort import Cohort
from epicycle.training.devices import Machine
from epicycle.training.state import to_tensors, trained_tensors

# Copies of a cohort's states on the host at one time: as members, stacked for a call, and as the result of a call.
COPIES = 3


@dataclass(frozen=True)
class Footprint:
    """What a cohort needs.

    Attributes:
        disk: bytes of series and checkpoints over the whole budget.
        host: bytes of states and records of all members.
        device: bytes for the members that train at once, an upper estimate.
        at_once: number of members that train at once.
    """

    disk: int
    host: int
    device: int
    at_once: int


def refuse_what_no_memory_holds(runs: Sequence[Run]) -> None:
    """Refuse runs of one program whose states do not fit into memory, before one of them is made. Only shapes are computed.

    Raises:
        InputError: how much is missing, and what would need less.
    """
    memory, experiment = free_memory(), runs[0].experiment
    if memory is None:
        return
    table = experiment.task.table()
    params = jax.eval_shape(lambda key: experiment.model.init(key, table), jax.random.key(0))
    transform = experiment.training.optimiser.transform(jnp.ones(()))
    moments = jax.eval_shape(lambda tensors: transform.init(trained_tensors(experiment, tensors)), params)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves((params, moments)))
    _refuse_memory(COPIES * len(runs) * state, memory)


def footprint(
    cohort: Cohort, observation: Observation, machine: Machine, members: int | None = None, precise: bool = True
) -> Footprint:
    """What a cohort needs.

    Args:
        cohort: the cohort, or some of its members with the longest budget among them.
        observation: what is recorded.
        machine: where it is trained.
        members: number of members of the cohort; None counts those that are there.
        precise: read the device's part off the traced program. Otherwise a bound that is far too high, but costs no tracing.
    """
    members = members or len(cohort.runs)
    states = members * sum(tensor.nbytes for tensor in to_tensors(cohort.states[0]).values())
    records = members * len(cohort.grid) * sum(shape.record_bytes for shape in cohort.series_shapes().values())
    checkpoints = len(observation.checkpoint_steps(int(cohort.grid[-1]), states / 1e6))
    widest = max(max(value.shape, default=1) for value in cohort.states[0].params.values())
    bound = 64 * 4 * len(cohort.table.labels) * cohort.table.inputs.shape[1] * widest
    per_member = cohort.member_bytes() if precise else bound
    at_once = machine.at_once(members, per_member)
    return Footprint(records + (checkpoints + 2) * states, COPIES * states + 2 * records, at_once * per_member, at_once)


def refuse_what_does_not_fit(cohort: Cohort, observation: Observation, folder: Path, machine: Machine) -> None:
    """Refuse to train where the disk or the memory is too small.

    Raises:
        InputError: how much is missing, and what would need less.
    """
    free = shutil.disk_usage(folder).free
    memory = free_memory()
    needs = footprint(cohort, observation, machine, precise=False)
    if memory is not None and needs.host + needs.device > memory:
        needs = footprint(cohort, observation, machine)
    if needs.disk > free:
        raise InputError(
            f"{folder}: training needs about {needs.disk / 1e6:,.0f} MB of disk and {free / 1e6:,.0f} MB are free; make room, choose "
            "another --root, or keep less (observation.checkpoint_megabytes, fewer seeds)."
        )
    needed = needs.host + (needs.device if machine.platform == "cpu" else 0)
    if memory is not None:
        _refuse_memory(needed, memory)


def refuse_rehearsal(needs: Footprint, machine: Machine) -> None:
    """Refuse to rehearse a program whose members do not fit into memory.

    Raises:
        InputError: how much is missing, and what would need less.
    """
    memory = free_memory()
    if memory is not None and machine.platform == "cpu":
        _refuse_memory(needs.device, memory)


def _refuse_memory(needed: int, memory: int) -> None:
    if needed > memory:
        raise InputError(
            f"training needs about {needed / 1e9:,.1f} GB of memory and {memory / 1e9:,.1f} GB are free; use fewer seeds at a time "
            "(--seeds; more can be added later), a smaller model, or a task with fewer rows."
        )


def free_memory() -> int | None:
    """Bytes of memory that are free on this machine, or in this container if that is less; None where the system does not tell."""
    limits = [value for value in (_machine_memory(), _container_memory()) if value is not None]
    return min(limits, default=None)


def _machine_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _container_memory() -> int | None:
    try:
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{what}").read_text(encoding="utf-8")) for what in ("max", "current"))
    except (OSError, ValueError):  # no container, or one without a limit
        return None
    return limit - used
