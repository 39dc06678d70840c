"""What is measured: the canonical step, ensembles, an MLP, the cost of looking, many members, and the start."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from epicycle.bench.floor import Floor
from epicycle.bench.timing import Job, alternate, ratio
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.observation import Observation
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.cost import flops
from epicycle.training.devices import Machine, cores, start
from epicycle.training.rehearsal import Rehearsal

ROUNDS = 7
GPU_MEMBERS = (1, 8, 64, 512, 4096)


def experiment(p: int, model: Transformer | MLP) -> Experiment:
    """Addition mod p on 30 % of the pairs, AdamW, full batch."""
    return Experiment(
        task=Modular(p=p, operation="x+y"),
        split=Split(frac_train=0.3),
        model=model,
        training=Training(steps=20_000),
    )


CANONICAL = experiment(113, Transformer(d_model=128, n_heads=4, d_mlp=512))


def canonical(machine: Machine) -> dict[str, Any]:
    """The setting of the progress-measures paper, one run with the machine to itself."""
    return _against(CANONICAL, 1, machine, steps=8, plain_steps=1)


def ensembles(machine: Machine) -> list[dict[str, Any]]:
    """Three widths at p = 53, all members per member-step; PyTorch trains them one by one."""
    widths = {d: experiment(53, Transformer(d_model=d)) for d in (32, 64, 128)}
    if machine.lane == "unbatched":
        return [{"d_model": d, **_against(e, 8, machine, steps=1600 // d, plain_steps=4)} for d, e in widths.items()]
    many = [*widths.items(), (128, CANONICAL)]
    return [{"d_model": d, "p": e.task.p, **_against(e, n, machine, 20, 1)} for d, e in many for n in GPU_MEMBERS]  # type: ignore[attr-defined]


def mlp(machine: Machine) -> dict[str, Any]:
    """An embedding MLP on both operands."""
    return _against(experiment(53, MLP(d_model=128, d_mlp=256)), 8, machine, steps=40, plain_steps=8)


def observation(machine: Machine) -> dict[str, Any]:
    """All default measures at the default schedule, as a share of the training time of a default budget."""
    setting = experiment(53, Transformer(d_model=64))
    seen, budget = Observation(), setting.training.steps
    ensemble = Rehearsal(setting, 2 * machine.devices, machine, seen.measures)
    seconds = alternate({"step": lambda: ensemble.steps(20), "look": lambda: ensemble.look(20)}, ROUNDS)
    steps_each = ratio(seconds["look"], seconds["step"])
    shares = {f"share_of_{n}_steps": round(steps_each * len(seen.grid(n)) / n, 4) for n in (1600, budget)}
    return {"steps_that_one_observation_costs": round(steps_each, 3), "measures": len(seen.measures), **shares}


def members(machine: Machine) -> dict[str, Any]:
    """Whether time grows in proportion to the members, and the memory that 64 canonical ones take (in a process of their own)."""
    counts = (8, 16, 32, 64)
    grown = {n: Rehearsal(experiment(53, Transformer(d_model=32)), n, machine) for n in counts}
    jobs: dict[str, Job] = {str(n): _whole(ensemble) for n, ensemble in grown.items()}
    seconds = alternate(jobs, ROUNDS)
    medians = [statistics.median(seconds[str(n)]) for n in counts]
    slope = float(np.polyfit(np.log(counts), np.log(medians), 1)[0])
    child = _child("memory", "64")
    return {"counts": counts, "ms": [round(s * 1e3, 1) for s in medians], "slope": round(slope, 3), "canonical_64": child}


def lanes(machine: Machine) -> dict[str, Any]:
    """How far this machine's trajectory is from the CPU's, where members take turns; on a CPU that of batched members is taken.

    Largest difference of a weight, in units of the largest weight of its tensor.
    """
    turns = Machine(Mesh(np.array(jax.devices("cpu")), ("member",)), "unbatched")
    other = replace(machine, lane="vmap")
    pair = [Rehearsal(experiment(53, Transformer(d_model=32)), 4, each) for each in (turns, other)]
    drift: dict[str, float] = {}
    for done, goal in ((0, 1), (1, 10), (10, 30), (30, 100)):
        for rehearsal in pair:
            rehearsal.steps(goal - done)
        here, there = (rehearsal.members_states() for rehearsal in pair)
        drift[str(goal)] = max(_difference(a.params, b.params) for a, b in zip(here, there, strict=True))
    return {"platforms": [turns.platform, other.platform], "largest_difference_after_steps": drift}


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return max(float(np.abs(value - other[name]).max() / max(np.abs(value).max(), 1e-30)) for name, value in one.items())


def starting(machine: Machine) -> dict[str, Any]:
    """Seconds from the start of a process until the quickstart has made and recorded its first step; cache empty, and full."""
    with tempfile.TemporaryDirectory() as cache:
        cold = _child("start", EPICYCLE_CACHE=cache)["seconds"]
        warm = [_child("start", EPICYCLE_CACHE=cache)["seconds"] for _ in range(3)]
    return {"cold_seconds": round(cold, 2), "warm_seconds": round(statistics.median(warm), 2)}


CASES: dict[str, Callable[[Machine], Any]] = {
    "canonical": canonical,
    "ensembles": ensembles,
    "mlp": mlp,
    "observation": observation,
    "members": members,
    "start": starting,
    "lanes": lanes,
}


def bench(names: list[str], report: Callable[[str], None]) -> dict[str, Any]:
    """Run the named cases and describe the machine."""
    machine = start()
    found: dict[str, Any] = {"machine": {**machine.signature(), "torch": version("torch") if find_spec("torch") else None}}
    for name in names:
        began = time.perf_counter()
        found[name] = CASES[name](machine)
        report(f"{name}: {json.dumps(found[name])} ({time.perf_counter() - began:.0f} s)")
    return found


def _against(setting: Experiment, count: int, machine: Machine, steps: int, plain_steps: int) -> dict[str, Any]:
    """Ours, the floor and, where there is one, the plain loop, in turn."""
    ensemble = Rehearsal(setting, count, machine)
    work = flops(ensemble.products)
    jobs: dict[str, Job] = {
        "ours": lambda: ensemble.steps(steps),
        "floor": Floor(ensemble.products, machine, alone=count == 1),
    }
    if find_spec("torch") and machine.platform == "cpu":
        jobs["plain"] = _plain(setting, plain_steps)
    seconds = alternate(jobs, ROUNDS)
    ours = statistics.median(seconds["ours"])
    found = {
        "members": count,
        "ms_per_step": round(ours * 1e3, 4),
        "ratio_to_floor": round(ratio(seconds["ours"], seconds["floor"]), 3),
        "floor_ms": round(statistics.median(seconds["floor"]) * 1e3, 4),
        "steps_a_second": round(1 / ours, 1),
        "megaflops_per_step": round(work / 1e6, 1),
        "gigaflops_a_second": round(work / ours / 1e9, 1),
        "member_megabytes_at_most": round(ensemble.bytes / 1e6, 1),
    }
    if "plain" in seconds:
        found["pytorch_ms"] = round(statistics.median(seconds["plain"]) * 1e3, 3)
        found["ratio_to_pytorch"] = round(ratio(seconds["plain"], seconds["ours"]), 2)
    return found


def _plain(setting: Experiment, steps: int) -> Job:
    from epicycle.bench.plain import trainer

    params = setting.model.init(jax.random.key(0), setting.task.table())
    train = trainer(setting, {name: np.array(value) for name, value in params.items()}, cores())
    return lambda: train(steps)


def _whole(ensemble: Rehearsal) -> Job:
    return lambda: ensemble.steps(20) * ensemble.members


def _child(*arguments: str, **environment: str) -> dict[str, Any]:
    """What a fresh process of `bench.child` prints."""
    env = {**os.environ, **environment, "EPICYCLE_BENCH_BEGAN": repr(time.time())}
    done = subprocess.run(
        [sys.executable, "-m", "epicycle.bench.child", *arguments], env=env, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
