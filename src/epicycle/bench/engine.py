"""The engine under measurement: the program that `epicycle run` trains with, driven step by step."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure
from epicycle.training.cost import Product, member_bytes, step_products
from epicycle.training.devices import Machine
from epicycle.training.program import SEGMENTS, Plan, cohort_program
from epicycle.training.state import initialiser, padded_data, world_of


class Ensemble:
    """Members of one experiment, seeds 0, 1, ..., on the devices of a machine, block by block.

    Args:
        measures: what `look` observes.
    """

    def __init__(self, experiment: Experiment, members: int, machine: Machine, measures: Sequence[Measure] = ()) -> None:
        self.members, self._machine = members, machine
        table = experiment.task.table()
        self._world = world_of(table)
        begin = initialiser(experiment, table)
        data = [padded_data(experiment.split.train_rows(table, seed), len(table.labels)) for seed in range(members)]
        states = [begin(Run(experiment=experiment, seed=seed), rows) for seed, rows in enumerate(data)]
        self.products: Counter[Product] = step_products(experiment, self._world, data[0], states[0])
        self.bytes = member_bytes(experiment, measures, self._world, data[0], states[0])
        self.width = machine.width(members, self.bytes)
        self._program = cohort_program(experiment, measures, machine)
        self._blocks: list[tuple[Any, Any, int]] = []
        for first in range(0, members, self.width):
            chosen = [min(first + i, members - 1) for i in range(self.width)]
            here = min(self.width, members - first)
            self._blocks.append((*(_stack([each[i] for i in chosen]) for each in (data, states)), here))

    def steps(self, count: int) -> float:
        """Train every member by so many steps; returns seconds for one member-step."""
        return self._run([count], [False]) / (count * self.members)

    def look(self, times: int) -> float:
        """Observe every member so many times, no step between; returns seconds for one observation."""
        return self._run([0] * times, [True] * times) / (times * self.members)

    def _run(self, steps: Sequence[int], wanted: Sequence[bool]) -> float:
        padding = SEGMENTS + 1 - len(steps)
        plan = Plan(*(np.array([*values, *[0] * padding], kind) for values, kind in ((steps, np.int32), (wanted, bool))))  # type: ignore[arg-type]
        idle = jax.tree.map(np.zeros_like, plan)
        began = time.perf_counter()
        for i, (data, states, here) in enumerate(self._blocks):
            plans = _stack([plan] * here + [idle] * (self.width - here))
            states, records = self._program(self._world, data, states, plans)
            self._blocks[i] = (data, states, here)
        jax.block_until_ready((states, records))
        return time.perf_counter() - began


def _stack(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *values: np.stack(values), *trees)
