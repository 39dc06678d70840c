"""What a study will cost here, before anything runs, and what its claims can show."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scipy.special import ndtri

from epicycle.claims.intervals import LEVEL
from epicycle.claims.power import GOOD_CHANCE, Power, powers
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.units import Units, units_among
from epicycle.lab.cohort_of_runs import grouped, planned_cohort
from epicycle.lab.edit_checks import refuse_edits_that_fail
from epicycle.lab.past_ends import PastRuns, expected_steps
from epicycle.lab.resources import footprint, free_memory, refuse_rehearsal, refuse_what_no_memory_holds
from epicycle.lab.simulations import checked_simulation
from epicycle.lab.study_checks import refuse_mistakes
from epicycle.spec.arms import ArmRun, ArmSimulation
from epicycle.spec.claim import Claim
from epicycle.spec.experiment import Run, longest
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Study
from epicycle.training.checks import refuse_unfit
from epicycle.training.cost import flops, step_products
from epicycle.training.devices import Machine
from epicycle.training.program_timing import calibrated

START_SECONDS = 15.0  # imports, compilation of a first program, judging and the page


@dataclass(frozen=True)
class CohortPlan:
    """What a cohort will cost.

    Attributes:
        arms: the arms whose runs it trains.
        members: number of runs.
        rows: training rows of each run, padding included.
        parameters: of one network.
        shortcuts: the work that the fast form of the model leaves out.
        members_at_once: runs that train side by side.
        flops_per_step: floating-point operations of the matrix products in one step of one run.
        member_steps: at most, over all runs.
        evaluations: at most, over all runs.
        share_spent_looking: share of the time that measuring takes.
        seconds: at most.
        expected_seconds: if the runs end as those of the same arms did before; None where an arm was never run.
    """

    arms: list[str]
    members: int
    rows: int
    parameters: int
    shortcuts: list[str]
    members_at_once: int
    flops_per_step: int
    member_steps: int
    evaluations: int
    share_spent_looking: float
    seconds_per_member_step: float
    seconds: float
    expected_seconds: float | None
    memory_megabytes: float
    disk_megabytes: float

    def lines(self) -> Iterator[str]:
        """The plan for a terminal."""
        yield (
            f"  {', '.join(self.arms)}: {self.members} runs, at most {self.member_steps:,} member-steps; "
            f"{self.parameters:,} parameters, {self.rows:,} rows"
        )
        yield (
            f"    {self.flops_per_step / 1e6:,.0f} MFLOP a step, {self.seconds_per_member_step * 1e3:.3g} ms a member-step "
            f"({self.share_spent_looking:.0%} of it measuring), {self.seconds:,.0f} s at most{_expected_text(self.expected_seconds)}"
        )
        memory, disk = (f"{megabytes:,.0f} MB" for megabytes in (self.memory_megabytes, self.disk_megabytes))
        yield f"    {memory} of memory, {disk} of disk, {self.members_at_once} runs at once"
        for shortcut in self.shortcuts:
            yield f"    leaves out: {shortcut}"


@dataclass(frozen=True)
class TheoryPlan:
    """What a theory arm will cost.

    Attributes:
        members: number of simulated runs.
        seconds: at most.
    """

    arm: str
    members: int
    seconds: float

    def lines(self) -> Iterator[str]:
        """The plan for a terminal."""
        yield f"  {self.arm}: {self.members} simulated runs, {self.seconds:,.0f} s at most"


@dataclass(frozen=True)
class ClaimPlan:
    """What a claim can show with the runs that the study has."""

    claim: Claim
    power: Power

    def lines(self) -> Iterator[str]:
        """The plan for a terminal."""
        yield f"  claim {self.claim.id}: {self.claim.sentence()}"
        if self.power.chance:
            yield from self._chances()
        elif not self.claim.anytime:
            yield "    no any-time interval: it is judged on the seeds that are registered first; seeds added later do not count"

    def _chances(self) -> Iterator[str]:
        """The numbers of runs that decide the claim, and the chances of support."""
        power, exploratory = self.power, "" if self.claim.primary else "; exploratory"
        supported, refuted = (_range_text(numbers) for numbers in (power.supported_by, power.refuted_by))
        confidence = f"{100 * (1 - power.level):.3g} %"
        level = "" if power.level == LEVEL else f" at {confidence}, as the primary claims share the level of error"
        yield f"    {power.seeds} runs{level}; supported by {supported}, refuted by {refuted}{exploratory}"
        chances = ", ".join(f"{float(share):.0%}: {chance:.2f}" for share, chance in power.chance.items())
        yield f"    chance of support, by the share of all possible seeds that would agree: {chances}"
        enough = ", ".join(f"{float(share):.0%}: {size or 'over 256'}" for share, size in power.enough.items())
        yield f"    runs for a chance of {GOOD_CHANCE:.0%}, by the same share: {enough}"
        if not isinstance(self.claim.statistic, Share | RegionShare):
            distances = ", ".join(f"{float(share):.0%} at {ndtri(float(share)):.2g}" for share in power.chance)
            yield f"    relative to the spread, if runs spread normally: the median is {distances} deviations past the bound"


@dataclass(frozen=True)
class StudyPlan:
    """What a study will cost on this machine.

    Attributes:
        claims: none for a pilot, which may be too small for any claim.
        free_memory: bytes; None where the system does not tell.
    """

    study: Study
    machine: Machine
    theories: list[TheoryPlan]
    cohorts: list[CohortPlan]
    claims: list[ClaimPlan]
    free_memory: int | None

    def document(self) -> Plain:
        """What `--json` prints."""
        machine = {"platform": self.machine.platform, "devices": self.machine.devices, "lane": self.machine.lane}
        return {
            "study": self.study.name,
            "question": self.study.question,
            "pilot": self.study.pilot,
            "machine": machine,
            "theories": [asdict(theory) for theory in self.theories],
            "cohorts": [asdict(cohort) for cohort in self.cohorts],
            "claims": [{"id": each.claim.id, "sentence": each.claim.sentence(), **asdict(each.power)} for each in self.claims],
            "total": self.totals(),
            "free_memory_megabytes": None if self.free_memory is None else round(self.free_memory / 1e6),
        }

    def expected_seconds(self) -> float | None:
        """How long the study takes if its runs end as those of the same arms did before; None where an arm was never run."""
        known = [cohort.expected_seconds for cohort in self.cohorts if cohort.expected_seconds is not None]
        simulated = sum(theory.seconds for theory in self.theories)
        return round(START_SECONDS + simulated + sum(known), 1) if len(known) == len(self.cohorts) else None

    def totals(self) -> dict[str, float | None]:
        """Sums over cohorts; memory is that of the largest cohort."""
        summed = ("members", "member_steps", "disk_megabytes", "seconds")
        sums = {name: round(sum(getattr(cohort, name) for cohort in self.cohorts), 1) for name in summed}
        simulated = sum(theory.seconds for theory in self.theories)
        return {
            **sums,
            "seconds": round(sums["seconds"] + simulated, 1),
            "memory_megabytes": max((cohort.memory_megabytes for cohort in self.cohorts), default=0.0),
            "wall_seconds_at_most": round(START_SECONDS + simulated + sum(cohort.seconds for cohort in self.cohorts), 1),
            "wall_seconds_expected": self.expected_seconds(),
        }

    def lines(self) -> list[str]:
        """The plan for a terminal."""
        totals = self.totals()
        parts: list[TheoryPlan | CohortPlan | ClaimPlan] = [*self.theories, *self.cohorts, *self.claims]
        return [
            f"{self.study.name}: {self.study.question}",
            *(line for part in parts for line in part.lines()),
            *(["  a pilot: its claims are not weighed"] if self.study.pilot else []),
            f"at most {totals['wall_seconds_at_most']:,.0f} s in all{_expected_text(self.expected_seconds())}, "
            f"{totals['memory_megabytes']:,.0f} MB of memory, "
            f"{totals['disk_megabytes']:,.0f} MB of disk",
        ]


def plan(
    study: Study, machine: Machine, report: Callable[[str], None] = lambda line: None, past: Mapping[str, PastRuns] | None = None
) -> StudyPlan:
    """The plan of a study on this machine. A program that was never timed here is compiled, and rehearsed for a second.

    Args:
        report: called with a line before each rehearsal.
        past: the runs of each arm that were judged before.

    Raises:
        InputError: a mistake that would come to light after training, a claim that no outcome could decide, or a network that does not
            fit into memory.
    """
    runs = refuse_mistakes(study)
    claims = [] if study.pilot else claim_plans(study, runs)
    refuse_edits_that_fail(study, runs)
    arm_of = {run.id: name for name, _ in study.root_arms() for _, run in runs[name]}
    cohorts = []
    for group in grouped(list(longest([run for name, _ in study.root_arms() for _, run in runs[name]]).values())):
        arms = sorted({arm_of[run.id] for run in group})
        report(f"rehearsing {', '.join(arms)} ({len(group)} runs)")
        cohorts.append(_cohort_plan(arms, group, study, machine, expected_steps(group, arm_of, past or {})))
    for name in (name for generation in study.generations() for name, _ in generation):
        for group in grouped([run for _, run in runs[name]]):
            report(f"rehearsing {name} ({len(group)} forks)")
            expected = expected_steps(group, dict.fromkeys((run.id for run in group), name), past or {})
            cohorts.append(_cohort_plan([name], group, study, machine, expected))
    return StudyPlan(study, machine, _theory_plans(study, report), cohorts, claims, free_memory())


def _theory_plans(study: Study, report: Callable[[str], None]) -> list[TheoryPlan]:
    """The first setting of each theory arm is simulated with one seed. Several seeds at once take less than one after the other."""
    plans = []
    for name, arm in study.theory_arms():
        report(f"rehearsing {name} ({arm.run_count()} simulated runs)")
        began = time.perf_counter()
        checked_simulation(next(arm.theories())[1], arm.seed_list()[:1])
        plans.append(TheoryPlan(name, arm.run_count(), round(arm.run_count() * (time.perf_counter() - began), 1)))
    return plans


def _cohort_plan(arms: list[str], group: Sequence[Run], study: Study, machine: Machine, expected: float | None) -> CohortPlan:
    longest_run = max(group, key=lambda run: run.experiment.training.steps)
    refuse_unfit(longest_run, study.observation.measures)
    refuse_what_no_memory_holds([longest_run])
    cohort = planned_cohort([longest_run], study.observation)  # one member shows what all need
    experiment, n_rows = longest_run.experiment, len(cohort.data[0].rows)
    products = step_products(experiment, cohort.world, cohort.data[0], cohort.states[0])
    needs = footprint(cohort, study.observation, machine, len(group))
    refuse_rehearsal(needs, machine)
    seconds = calibrated(experiment, len(group), machine, study.observation.measures)
    steps = sum(run.experiment.training.steps for run in group)
    evaluations = sum(len(study.observation.grid(run.experiment.training.steps)) for run in group)
    total_seconds = steps * seconds.step + evaluations * seconds.observation
    return CohortPlan(
        arms=arms,
        members=len(group),
        rows=n_rows,
        parameters=sum(value.size for value in cohort.states[0].params.values()),
        shortcuts=list(experiment.model.shortcuts(cohort.table, n_rows)),
        members_at_once=needs.at_once,
        flops_per_step=flops(products),
        member_steps=steps,
        evaluations=evaluations,
        share_spent_looking=round(evaluations * seconds.observation / total_seconds, 4),
        seconds_per_member_step=total_seconds / steps,
        seconds=round(total_seconds, 1),
        expected_seconds=None if expected is None else round(total_seconds * expected / steps, 1),
        memory_megabytes=round((needs.host + needs.device) / 1e6, 1),
        disk_megabytes=round(needs.disk / 1e6, 1),
    )


def claim_plans(study: Study, runs: Mapping[str, Sequence[ArmRun]]) -> list[ClaimPlan]:
    """What each claim of a study can show with the runs that the study will have.

    Args:
        runs: the runs of each arm with networks.

    Raises:
        InputError: no outcome could decide one of the claims.
    """
    every: dict[str, Sequence[ArmRun] | Sequence[ArmSimulation]] = {**runs, **study.simulations()}
    units = [
        min((_units(every[name], getattr(claim.statistic, "where", {})) for name in claim.statistic.arms()), key=_n_units)
        for claim in study.asked_claims()
    ]
    plans = powers(list(zip(study.asked_claims(), units, strict=True)))
    return [ClaimPlan(claim, power) for claim, power in zip(study.asked_claims(), plans, strict=True)]


def _n_units(units: Units) -> int:
    return units.n_units


def _units(runs: Sequence[ArmRun | ArmSimulation], where: Mapping[str, Any]) -> Units:
    """The independent units of an arm at the swept values that a claim names. A name that the arm does not sweep is ignored."""
    chosen = [run for values, run in runs if all(values.get(name, value) == value for name, value in where.items())]
    return units_among([(run.seed, run.data_seed) for run in chosen])


def _expected_text(seconds: float | None) -> str:
    """What a plan adds to the longest time; nothing where no run of the same arms is known."""
    return "" if seconds is None else f", {seconds:,.0f} s if runs end as they did before"


def _range_text(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no number"
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
