"""Timing on this machine: the program that `epicycle run` trains with, run for its time alone. A cache keeps what was measured."""

import contextlib
import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure
from epicycle.spec.identity import digest
from epicycle.training.cost import Product, bytes_of, member_bytes, step_products
from epicycle.training.devices import Machine, cache_folder
from epicycle.training.program import SEGMENTS, ChunkPlan, cohort_program
from epicycle.training.rounds import Block, blocks_of
from epicycle.training.state import Data, State, data_of, initialiser, stacked, world_of

CALIBRATION_SECONDS = 0.3  # what each of three measurements of a step takes


@dataclass(frozen=True)
class _OnDevices:
    """A block of members whose data and states lie on the devices."""

    block: Block
    data: Data
    states: State


class Rehearsal:
    """Members of one experiment, with seeds 0, 1, ..., on the devices of a machine. Nothing is recorded or stored.

    Attributes:
        members: number of members.
        products: the matrix products of one training step.
        bytes: memory that one member needs on its device, an upper estimate.
    """

    def __init__(self, experiment: Experiment, members: int, machine: Machine, measures: Sequence[Measure] = ()) -> None:
        self.members = members
        table = experiment.task.table()
        self._world = world_of(table)
        begin = initialiser(experiment, table)
        runs = [Run(experiment=experiment, seed=seed, data_seed=seed) for seed in range(members)]
        data = [data_of(run, table) for run in runs]
        states = [begin(run, rows) for run, rows in zip(runs, data, strict=True)]
        self.products: Counter[Product] = step_products(experiment, self._world, data[0], states[0])
        self.bytes = member_bytes(experiment, measures, self._world, data[0], states[0])
        width = machine.width(machine.at_once(members, self.bytes), bytes_of((data[0], states[0])))
        self._program = cohort_program(experiment, measures, machine)
        # The devices on which the program's results will lie, so that going on from them compiles nothing.
        sharding = NamedSharding(machine.mesh, PartitionSpec("member"))
        self._rehearsed: list[_OnDevices] = []
        for block in blocks_of(range(members), width, machine):
            chosen = block.spread(block.members, block.members[0])
            block_data, block_states = (jax.device_put(stacked([trees[i] for i in chosen]), sharding) for trees in (data, states))
            self._rehearsed.append(_OnDevices(block, block_data, block_states))

    def steps(self, count: int) -> float:
        """Train every member by `count` steps; returns seconds for one member-step."""
        return self._run([count], [False]) / (count * self.members)

    def observe(self, times: int) -> float:
        """Observe every member `times` times, with no step between; returns seconds for one observation of one member."""
        return self._run([0] * times, [True] * times) / (times * self.members)

    def states(self) -> list[State]:
        """The state of every member, on the host."""
        states: list[Any] = [None] * self.members
        for rehearsed in self._rehearsed:
            on_host = jax.device_get(rehearsed.states)
            for slot, member in zip(rehearsed.block.slots, rehearsed.block.members, strict=True):
                states[member] = jax.tree.map(lambda value, slot=slot: value[slot], on_host)
        return states

    def _run(self, steps: Sequence[int], observed: Sequence[bool]) -> float:
        """Seconds that all blocks take for these segments."""
        padding = [0] * (SEGMENTS + 1 - len(steps))
        counts: Any = np.array([*steps, *padding], np.int32)
        marks: Any = np.array([*observed, *padding], bool)
        elapsed: Any = np.full(len(counts), 39, np.int32)
        elapsed[0] = 0  # measures that are taken seldom are taken at the first look alone: of 8, about as many as in a run
        plan = ChunkPlan(counts, marks, elapsed)
        idle = jax.tree.map(np.zeros_like, plan)
        began = time.perf_counter()
        for i, rehearsed in enumerate(self._rehearsed):
            plans = stacked(rehearsed.block.spread([plan] * len(rehearsed.block.members), idle))
            states, records = self._program(self._world, rehearsed.data, rehearsed.states, plans)
            self._rehearsed[i] = replace(rehearsed, states=states)
        jax.block_until_ready((states, records))
        return time.perf_counter() - began


class Calibration(NamedTuple):
    """Seconds that training takes in a cohort of a certain size.

    Attributes:
        step: for one step of one member.
        observation: for one observation of one member.
    """

    step: float
    observation: float


def calibrated(experiment: Experiment, members: int, machine: Machine, measures: Sequence[Measure]) -> Calibration:
    """How long a step and an observation take in a cohort of this size.

    Measured once per program and machine and then read from the user's cache folder. Deleting that folder only means measuring again.
    A calibration never enters a signature.
    """
    rehearsed = min(members, machine.devices) if machine.lane == "unbatched" else members
    measures_json = [measure.model_dump(mode="json") for measure in measures]
    program = [experiment.static_part(), experiment.split.model_dump(mode="json"), rehearsed, measures_json]
    path = cache_folder() / "calibrations" / f"{digest([program, machine.signature()])}.json"
    cached = _read(path)
    if cached is not None:
        return cached
    calibration = _measured(Rehearsal(experiment, rehearsed, machine, measures))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"step": calibration.step, "look": calibration.observation}), encoding="utf-8")
    return calibration


def _read(path: Path) -> Calibration | None:
    """A calibration from the cache; None if it is missing or damaged."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(float(stored["step"]), float(stored["look"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _measured(rehearsal: Rehearsal) -> Calibration:
    rehearsal.steps(1)  # compiles
    count = max(2, int(CALIBRATION_SECONDS / max(rehearsal.steps(2) * rehearsal.members, 1e-6)))
    return Calibration(
        step=statistics.median(rehearsal.steps(count) for _ in range(3)),
        observation=statistics.median(rehearsal.observe(8) for _ in range(3)),
    )
