"""Adds seeds to a study until its claims are decided, or until more seeds could not decide them.

The verdicts say which open claims need seeds. The arms that these claims read get a batch of them, and the study is trained and judged
again. How many seeds there are is read from the study's registration, so an interrupted command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import ceil

from epicycle.claims.needs import Need
from epicycle.claims.verdict import Verdict
from epicycle.lab.registration import Registration
from epicycle.lab.session import Session
from epicycle.lab.study import Outcome, run_study, study_id
from epicycle.spec.arms import Seeded
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.study import FIRST_PILOT_SEED, Study
from epicycle.store.files import Root

TIMES_STATED = 4  # the most seeds of an arm, over those that it states, where nobody says how many
GROWTH = 1.5  # of an arm, where nobody knows how many seeds a claim needs
LEAST_BATCH = 8  # seeds; a look takes a second or two, which fewer seeds are not worth

Counts = Mapping[str, int]  # arm with seeds of its own -> number of seeds


@dataclass(frozen=True)
class Batch:
    """Seeds that are added after a look.

    Attributes:
        claims: ids of the open claims that may be decided by them.
        added: arm -> number of further seeds.
    """

    claims: tuple[str, ...]
    added: Counts

    def line(self) -> str:
        """What is done next, in words: `3 claims open; 24 more seeds of arm grokking`."""
        seeds = " and ".join(f"{count} more seeds of arm {name}" for name, count in self.added.items())
        return f"{len(self.claims)} claim{'s' * (len(self.claims) != 1)} open; {seeds}"


Watcher = Callable[[Batch], None]


def ignore_batch(batch: Batch) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class SeedPlan:
    """How many seeds the arms of a study have, and how many they may get.

    Attributes:
        study: the study as it states its seeds.
        counts: seeds that are there: the stated ones, and those that were registered since.
        most: the most seeds of each arm that has seeds of its own.
    """

    study: Study
    counts: Counts
    most: Counts

    @classmethod
    def of(cls, study: Study, registration: Registration, at_most: int | None = None) -> SeedPlan:
        """The plan of a study.

        Args:
            at_most: the most seeds of every arm; None is four times as many as each states.

        Raises:
            InputError: the study is a pilot; or an arm has more seeds than `at_most`, or they would reach those of pilots.
        """
        if study.pilot:
            raise InputError(
                "--until-decided: a pilot decides nothing, so seeds are not added to it; leave out --quick, or run it with --seeds."
            )
        arms = dict(study.seeded_arms())
        counts = {name: _registered(arm, registration.seeds(name)) for name, arm in arms.items()}
        most = {name: _most(name, arm, counts[name], at_most) for name, arm in arms.items()}
        return cls(study, counts, most)

    def grown(self) -> Study:
        """The study with the seeds that are there."""
        return self.study.with_seeds_of(self.counts)

    def largest(self) -> Study:
        """The study with all seeds that it may get.

        Raises:
            InputError: these are too many runs for one study.
        """
        return self.study.with_seeds_of(self.most)

    def batch(self, verdicts: Sequence[Verdict]) -> Batch | None:
        """The seeds to add after a look; None where all claims are decided, or seeds cannot decide them, or no arm may get more."""
        wanted, claims = dict(self.counts), []
        for verdict in verdicts:
            if verdict.need and verdict.need.what is Need.SEEDS:
                roots = self.study.roots_of(verdict.claim.arms())
                targets = {root: min(_target(self.counts[root], verdict), self.most[root]) for root in roots}
                claims += [verdict.claim.id] if any(targets[root] > self.counts[root] for root in roots) else []
                wanted |= {root: max(wanted[root], targets[root]) for root in roots}
        added = {name: wanted[name] - count for name, count in self.counts.items() if wanted[name] > count}
        return Batch(tuple(claims), added) if added else None

    def after(self, batch: Batch) -> SeedPlan:
        """The plan once a batch is there."""
        return replace(self, counts={name: count + batch.added.get(name, 0) for name, count in self.counts.items()})


def seed_plan(study: Study, root: Root, at_most: int | None = None) -> SeedPlan:
    """How many seeds the arms of a study have in a results folder, and how many they may get.

    Args:
        at_most: the most seeds of every arm; None is four times as many as each states.

    Raises:
        InputError: the study is a pilot; or an arm has more seeds than `at_most`, or they would reach those of pilots.
    """
    return SeedPlan.of(study, Registration.of(root.study(study.name, study_id(study))), at_most)


def run_until_decided(plan: SeedPlan, session: Session, command: str = "", watch: Watcher = ignore_batch) -> Outcome:
    """Run a study, and add seeds until its claims are decided or seeds cannot decide them.

    Args:
        plan: the study, with how many seeds are there and how many there may be.
        session: its observation is replaced by the study's.
        command: what the user typed, for the record.
        watch: called before a batch is trained.

    Raises:
        InputError: the study cannot be run as it stands.
        Interrupted: the session was interrupted; everything up to here is kept.
    """
    outcome = run_study(plan.grown(), session, command)
    while batch := plan.batch(outcome.verdicts):
        watch(batch)
        plan = plan.after(batch)
        outcome = run_study(plan.grown(), session, command, outcome)
    return outcome


def closing_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Why no more seeds are added, and what would decide each open claim, in words."""
    needs = {verdict.claim.id: verdict.need for verdict in verdicts if verdict.need}
    if not needs:
        return ["Every claim is decided."]
    of_seeds = sum(need.what is Need.SEEDS for need in needs.values())
    more = f"more seeds could decide {of_seeds}, but there are as many as --at-most allows" if of_seeds else "more seeds decide none"
    lines = [f"{len(needs)} of {len(verdicts)} claims are open; {more}. What would decide them:"]
    return [*lines, *(f"  {claim}: {need.text}" for claim, need in needs.items())]


def _registered(arm: Seeded, registered: Collection[int]) -> int:
    """How many seeds an arm has: those it states, and as many of the following ones as are registered."""
    stated = len(arm.seed_list())
    following = arm.with_seeds(stated + len(registered)).seed_list()[stated:]
    return stated + sum(1 for _ in takewhile(lambda seed: seed in registered, following))


def _most(name: str, arm: Seeded, count: int, at_most: int | None) -> int:
    """The most seeds that an arm may have."""
    seeds = arm.seed_list()
    room = MAX_SEED if max(seeds) >= FIRST_PILOT_SEED else len(seeds) + FIRST_PILOT_SEED - 1 - max(seeds)
    if at_most is None:
        return max(count, min(TIMES_STATED * len(seeds), room))
    if at_most < count:
        raise InputError(f"--at-most {at_most}: arm '{name}' has {count} seeds already; give {count} or more.")
    if at_most > room:
        raise InputError(
            f"--at-most {at_most}: arm '{name}' can have {room} seeds, as seeds from {FIRST_PILOT_SEED} on are for pilots; "
            f"give {room} or fewer."
        )
    return at_most


def _target(count: int, verdict: Verdict) -> int:
    """The number of seeds that an arm of `count` seeds should get for a claim: what the claim needs, but twice as many at the most."""
    least, units = count + LEAST_BATCH, verdict.estimate.independent if verdict.estimate else 0
    if verdict.need is None or verdict.need.units is None or not units:
        return max(least, ceil(GROWTH * count))
    return max(least, min(ceil(count * verdict.need.units / units), 2 * count))
