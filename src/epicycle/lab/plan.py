"""What a study will cost, before anything runs: cohorts, arithmetic, memory, disk, time, and what its claims can show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from epicycle.claims.power import power
from epicycle.lab.assembly import grouped, planned_cohort
from epicycle.lab.resources import footprint, free_memory
from epicycle.spec.claim import Claim
from epicycle.spec.experiment import Run, longest
from epicycle.spec.study import Study
from epicycle.training.cost import flops, step_products
from epicycle.training.devices import Machine
from epicycle.training.rehearsal import calibrated

START_SECONDS = 15.0  # imports, compilation of a first program, judging and the page


def plan(study: Study, machine: Machine, report: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """The plan of a study on this machine; programs never timed here are compiled and rehearsed for a second each.

    Args:
        report: told about each cohort before it is rehearsed.

    Raises:
        InputError: no outcome could decide one of the claims. Those of a pilot, which may be too small for any, are not weighed.
    """
    claims = [] if study.pilot else [_claim(claim, study) for claim in study.claims]
    arms = {run.id: name for name, arm in study.root_arms() for _, run in arm.runs()}
    runs = list(longest([run for _, arm in study.root_arms() for _, run in arm.runs()]).values())
    cohorts = []
    for group in grouped(runs):
        report(f"rehearsing {', '.join(sorted({arms[run.id] for run in group}))} ({len(group)} runs)")
        cohorts.append({"arms": sorted({arms[run.id] for run in group}), **_cohort(group, study, machine)})
    for name in (name for generation in study.generations() for name, _ in generation):
        for group in grouped([run for _, run in study.foreseen(name)]):
            report(f"rehearsing {name} ({len(group)} forks)")
            cohorts.append({"arms": [name], **_cohort(group, study, machine)})
    totals = ("members", "member_steps", "disk_megabytes", "seconds")
    memory = free_memory()
    return {
        "study": study.name,
        "question": study.question,
        "pilot": study.pilot,
        "machine": {"platform": machine.platform, "devices": machine.devices, "lane": machine.lane},
        "cohorts": cohorts,
        "claims": claims,
        "total": {
            **{name: round(sum(cohort[name] for cohort in cohorts), 1) for name in totals},
            "memory_megabytes": max(cohort["memory_megabytes"] for cohort in cohorts),
            "wall_seconds_at_most": round(START_SECONDS + sum(cohort["seconds"] for cohort in cohorts), 1),
        },
        "free_memory_megabytes": None if memory is None else round(memory / 1e6),
    }


def _cohort(group: Sequence[Run], study: Study, machine: Machine) -> dict[str, Any]:
    cohort = planned_cohort(group, study.observation)
    experiment, slots = group[0].experiment, len(cohort.data[0].rows)
    products = step_products(experiment, cohort.world, cohort.data[0], cohort.states[0])
    needs = footprint(cohort, study.observation, machine)
    seconds = calibrated(experiment, len(group), machine, study.observation.measures)
    steps = sum(run.experiment.training.steps for run in group)
    looks = sum(int((cohort.grid <= run.experiment.training.steps).sum()) for run in group)
    total = steps * seconds.step + looks * seconds.look
    return {
        "members": len(group),
        "rows": slots,
        "parameters": sum(value.size for value in cohort.states[0].params.values()),
        "shortcuts": list(experiment.model.shortcuts(cohort.table, slots)),
        "members_at_once": needs.at_once,
        "flops_per_step": flops(products),
        "member_steps": steps,
        "evaluations": looks,
        "share_spent_looking": round(looks * seconds.look / total, 4),
        "seconds_per_member_step": total / steps,
        "seconds": round(total, 1),
        "memory_megabytes": round((needs.host + needs.device) / 1e6, 1),
        "disk_megabytes": round(needs.disk / 1e6, 1),
    }


def _claim(claim: Claim, study: Study) -> dict[str, Any]:
    counts = [_seeds(study, name, getattr(claim.statistic, "where", {})) for name in claim.statistic.arms()]
    return {"id": claim.id, "sentence": claim.sentence(), **asdict(power(claim, min(counts, default=0)))}


def _seeds(study: Study, arm: str, where: Mapping[str, Any]) -> int:
    """Runs of an arm at the swept values a claim names, as far as the arm is swept over them."""
    return sum(1 for values, _ in study.foreseen(arm) if all(values.get(name, value) == value for name, value in where.items()))


def sentences(found: Mapping[str, Any]) -> list[str]:
    """A plan in lines for a terminal."""
    lines = [f"{found['study']}: {found['question']}"]
    for cohort in found["cohorts"]:
        lines += [
            f"  {', '.join(cohort['arms'])}: {cohort['members']} runs, at most {cohort['member_steps']:,} member-steps; "
            f"{cohort['parameters']:,} parameters, {cohort['rows']:,} rows",
            f"    {cohort['flops_per_step'] / 1e6:,.0f} MFLOP a step, {cohort['seconds_per_member_step'] * 1e3:.3g} ms a member-step "
            f"({cohort['share_spent_looking']:.0%} of it measuring), {cohort['seconds']:,.0f} s at most",
            f"    {cohort['memory_megabytes']:,.0f} MB of memory, {cohort['disk_megabytes']:,.0f} MB of disk, "
            f"{cohort['members_at_once']} runs at once",
            *(f"    leaves out: {shortcut}" for shortcut in cohort["shortcuts"]),
        ]
    for claim in found["claims"]:
        chances = ", ".join(f"{float(share):.0%}: {value:.2f}" for share, value in claim["chance"].items())
        lines += [
            f"  claim {claim['id']}: {claim['sentence']}",
            f"    {claim['seeds']} runs; supported by {_counts(claim['supported_by'])}, refuted by {_counts(claim['refuted_by'])}",
            f"    chance of support if so many of all seeds would agree: {chances}",
        ][: 3 if chances else 1]
    if found["pilot"]:
        lines.append("  a pilot: its claims are not weighed")
    total = found["total"]
    lines.append(
        f"at most {total['wall_seconds_at_most']:,.0f} s in all, {total['memory_megabytes']:,.0f} MB of memory, "
        f"{total['disk_megabytes']:,.0f} MB of disk"
    )
    return lines


def _counts(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no number"
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
