"""One round of training: the step it ends at, and every active member brought there, block by block.

A round never passes the earliest step at which a stop that is not known yet could lie, so where rounds end changes no result.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.training.cohort import Cohort
from epicycle.training.devices import Machine
from epicycle.training.program import SEGMENTS, ChunkPlan
from epicycle.training.state import stacked

ROUND_SECONDS = 2.0  # what a round aims to take: short enough for a live table, long enough to hide the cost of dispatching it
FIRST_STEPS = 20  # steps of a round before the pace is known


class Pace:
    """Member-steps a second, learnt from the last round.

    Attributes:
        rate: member-steps a second; 0 before the first round.
    """

    def __init__(self) -> None:
        self.rate = 0.0
        self._rounds = 0

    def learn(self, member_steps: int, seconds: float) -> None:
        """Learn from one round."""
        self.rate = member_steps / max(seconds, 1e-9)
        self._rounds += 1

    def steps_in(self, seconds: float, members: int) -> int:
        """The steps of every member that fit into a time, at least 1. The first round compiles, so its pace is not trusted."""
        return FIRST_STEPS if self._rounds < 2 else max(1, int(seconds * self.rate / members))


def round_goal(cohort: Cohort, reached: int, pace: Pace, members: Sequence[int]) -> int:
    """The step that a round ends at.

    It is the first of: the earliest stop not yet known, the last observation that a chunk can hold, the next checkpoint, and the step
    that can be reached in `ROUND_SECONDS`.

    Args:
        cohort: what is trained.
        reached: the step that all active members have reached.
        pace: of the rounds before.
        members: the active members.
    """
    last_observation = min(_last_in_a_chunk(cohort, member, reached) for member in members)
    checkpoints = cohort.checkpoints[cohort.checkpoints > reached]
    affordable = reached + pace.steps_in(ROUND_SECONDS, len(members))
    next_checkpoint = checkpoints[0] if len(checkpoints) else last_observation
    return max(reached + 1, int(min(cohort.earliest_unknown_stop(reached), last_observation, next_checkpoint, affordable)))


def _last_in_a_chunk(cohort: Cohort, member: int, reached: int) -> int:
    """The step of the last observation of a member that a chunk can hold; its end where fewer are left."""
    own = cohort.grids[member]
    last = np.searchsorted(own, reached, side="right") + SEGMENTS - 1
    return int(own[last]) if last < len(own) else cohort.budgets[member]


class MemberPlan(NamedTuple):
    """What a chunk does for one member, and the rows of the grid that it records."""

    chunk: ChunkPlan
    rows: Int[ndarray, " segment"]


class Block(NamedTuple):
    """Members that one call of the program trains.

    Attributes:
        members: which ones.
        slots: where each of them lies along the first axis of the call's arguments.
        width: length of that axis.
    """

    members: list[int]
    slots: list[int]
    width: int

    def spread(self, values: Sequence[Any], filling: Any) -> list[Any]:
        """One value for each slot: those of the members, and `filling` in the slots that no member takes."""
        spread = [filling] * self.width
        for slot, value in zip(self.slots, values, strict=True):
            spread[slot] = value
        return spread


class _Dispatched(NamedTuple):
    """A block that the devices are working on; `results` are its states and records, not yet read."""

    block: Block
    plans: list[MemberPlan]
    results: Any


def blocks_of(members: Sequence[int], width: int, machine: Machine) -> list[Block]:
    """Members as blocks of at most `width`, as even in size as possible."""
    number = -(-len(members) // width)
    parts = [list(members[i::number]) for i in range(number)]
    return [Block(part, machine.slots(len(part), width), width) for part in parts]


def advance(cohort: Cohort, program: Callable[..., Any], blocks: Sequence[Block], goal: int) -> int:
    """Train members up to a step, or to their stop where that is earlier.

    Each block is dispatched before the results of the block before it are read, so the devices do not wait for the host.

    Args:
        cohort: what is trained; its states and records are updated.
        program: what `cohort_program` compiled.
        blocks: the members to train.
        goal: the step, counted from where each member begins.

    Returns:
        The member-steps done.
    """
    members = [member for block in blocks for member in block.members]
    before = sum(int(cohort.states[member].step) for member in members)
    previous: _Dispatched | None = None
    for block in blocks:
        dispatched = _dispatch(cohort, program, block, goal)
        if previous is not None:
            _collect(cohort, previous)
        previous = dispatched
    if previous is not None:
        _collect(cohort, previous)
    return sum(int(cohort.states[member].step) for member in members) - before


def _dispatch(cohort: Cohort, program: Callable[..., Any], block: Block, goal: int) -> _Dispatched:
    """Start a block. Slots that no member takes hold copies of its first member that do no steps."""
    plans = [member_plan(cohort, member, goal) for member in block.members]
    sources = block.spread(block.members, block.members[0])
    results = program(
        cohort.world,
        stacked([cohort.data[member] for member in sources]),
        stacked([cohort.states[member] for member in sources]),
        stacked(block.spread([plan.chunk for plan in plans], jax.tree.map(np.zeros_like, plans[0].chunk))),
    )
    return _Dispatched(block, plans, results)


def member_plan(cohort: Cohort, member: int, goal: int) -> MemberPlan:
    """The segments that bring a member to a step (or to its stop), with an observation at every step of its grid on the way."""
    reached, end = cohort.reached(member), min(goal, cohort.stops[member])
    rows = np.arange(cohort.rows[member], np.searchsorted(cohort.grid, end, side="right"))
    rows = rows[np.isin(cohort.grid[rows], cohort.grids[member], assume_unique=True)]
    observed_steps = cohort.grid[rows]
    last_stretch = [end] if not len(observed_steps) or observed_steps[-1] < end else []
    edges = np.concatenate([[reached], observed_steps, last_stretch]).astype(np.int64)
    steps: Any = np.zeros(SEGMENTS + 1, np.int32)
    observed: Any = np.zeros(SEGMENTS + 1, bool)
    elapsed: Any = np.zeros(SEGMENTS + 1, np.int32)
    steps[: len(edges) - 1] = np.diff(edges)
    observed[: len(rows)] = True
    elapsed[: len(edges) - 1] = edges[1:]
    return MemberPlan(ChunkPlan(steps, observed, elapsed), rows)


def _collect(cohort: Cohort, dispatched: _Dispatched) -> None:
    """Read the results of a block into the cohort. A member that diverged keeps the records of the steps before that."""
    states, records = jax.device_get(dispatched.results)
    block = dispatched.block
    for slot, member, plan in zip(block.slots, block.members, dispatched.plans, strict=True):
        state = jax.tree.map(lambda value, slot=slot: value[slot], states)
        recorded = plan.rows[cohort.grid[plan.rows] <= cohort.recorded_to(member, state)]
        cohort.take(member, state, recorded, {name: values[slot] for name, values in records.items()})
