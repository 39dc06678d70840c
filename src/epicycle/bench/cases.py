"""The benchmark cases, one function each. `CASES` names them for the command line, and `bench` runs them."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from epicycle.bench.child import BEGAN
from epicycle.bench.floor import Floor
from epicycle.bench.jax_loop import jax_loop
from epicycle.bench.settings import CANONICAL, experiment
from epicycle.bench.timing import Job, alternate, ratio
from epicycle.circuits import CIRCUIT_SET
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure, Params
from epicycle.spec.observation import Observation
from epicycle.studies.organisms import FLY, MOUSE
from epicycle.theory.sampling.boolean_sampler import BooleanSampler
from epicycle.theory.sampling.side_by_side import side_by_side
from epicycle.theory.sampling.truth_tables import random_tables
from epicycle.training.cohort import Cohort
from epicycle.training.cost import flops
from epicycle.training.devices import Machine, cores, start
from epicycle.training.loop import train
from epicycle.training.program_timing import Rehearsal

ROUNDS = 7
DRAWN = 1 << 17  # random networks of a core in a round
FLY_STEPS = 850  # about where a fly ends: 1.25 times the median of t_gen (docs/organisms.md)
GPU_MEMBERS = (1, 8, 64, 512, 4096)
Result = dict[str, Any]  # a JSON object


def canonical(machine: Machine) -> Result:
    """One run of the canonical setting, which has the machine to itself."""
    return compared(CANONICAL, 1, machine, steps=8, plain_steps=1)


def ensembles(machine: Machine) -> list[Result]:
    """Runs at three widths with p = 53, trained together, per member-step. PyTorch trains them one by one."""
    settings = {d_model: experiment(53, Transformer(d_model=d_model)) for d_model in (32, 64, 128)}
    if machine.lane == "unbatched":
        return [{"d_model": d, **compared(e, 8, machine, steps=1600 // d, plain_steps=4)} for d, e in settings.items()]
    on_gpu = [*((d, 53, e) for d, e in settings.items()), (128, 113, CANONICAL)]
    return [{"d_model": d, "p": p, **compared(e, n, machine, steps=20, plain_steps=1)} for d, p, e in on_gpu for n in GPU_MEMBERS]


def mlp(machine: Machine) -> Result:
    """An MLP on the embeddings of both operands."""
    return compared(experiment(53, MLP(d_model=128, d_mlp=256)), 8, machine, steps=40, plain_steps=8)


def fly(machine: Machine) -> Result:
    """The fly as studies train it: what recording costs, and the time of a member-step against two plain loops.

    One loop is JAX's own (`bench.jax_loop`), with as many copies at a time as there are devices. The other is PyTorch's with one
    thread, one run after the other.
    """
    members = 8 * machine.devices
    jobs: dict[str, Job] = {
        "engine": _training(FLY, members, Observation(), machine),
        "unobserved": _training(FLY, members, Observation(dense_until=1, per_decade=1), machine),
        "bare": jax_loop(FLY, FLY_STEPS, machine),
    }
    if find_spec("torch") and machine.platform == "cpu":
        jobs["plain"] = _plain_loop(FLY, 60, threads=1)
    seconds = alternate(jobs, ROUNDS)
    result = {
        "members": members,
        "steps": FLY_STEPS,
        "ms_per_member_step": round(statistics.median(seconds["engine"]) * 1e3, 4),
        "share_of_observation": round(ratio(seconds["engine"], seconds["unobserved"]) - 1, 3),
        "ratio_to_bare_loop": round(ratio(seconds["engine"], seconds["bare"]), 2),
    }
    if "plain" in seconds:
        result["ratio_to_pytorch"] = round(ratio(seconds["plain"], seconds["engine"]), 1)
    return result


def circuits(machine: Machine) -> list[Result]:
    """What the usual measures of circuits cost at 200 evaluations, as a share of the training time of a fly and of a mouse."""
    measures = Observation.parse({"measures": list(CIRCUIT_SET)}, "the circuit set").measures
    return [
        {"organism": name, **_cost_of(measures, setting, steps, rounds, machine)}
        for name, setting, steps, rounds in (("fly", FLY, FLY_STEPS, ROUNDS), ("mouse", MOUSE, FLY_STEPS, 3))
    ]


def _cost_of(measures: Sequence[Measure], setting: Experiment, steps: int, rounds: int, machine: Machine) -> Result:
    """The time of measures at 200 evaluations, which are dense at first, over the time of a training that hardly records.

    `share_of_measures` is what they cost alone, as where they are taken afterwards. `share_beside_everyday` is what they add where the
    everyday measures are taken at the same evaluations, which need the same forward pass.
    """
    members, everyday = 8 * machine.devices, Observation(dense_until=100, per_decade=108)
    measured = everyday.model_copy(update={"measures": tuple(measures)})
    jobs: dict[str, Job] = {
        "measured": _training(setting, members, measured, machine, steps),
        "everyday": _training(setting, members, everyday, machine, steps),
        "both": _training(setting, members, everyday.with_further(measures), machine, steps),
        "unobserved": _training(setting, members, Observation(dense_until=1, per_decade=1), machine, steps),
    }
    seconds = alternate(jobs, rounds)
    return {
        "members": members,
        "steps": steps,
        "measures": len(measures),
        "evaluations": len(measured.grid(steps)),
        "ms_per_member_step": round(statistics.median(seconds["measured"]) * 1e3, 4),
        "share_of_measures": round(ratio(seconds["measured"], seconds["unobserved"]) - 1, 3),
        "share_beside_everyday": round(_added(seconds), 3),
    }


def _added(seconds: Mapping[str, Sequence[float]]) -> float:
    """What measures add to the everyday ones, over the time of a training that hardly records."""
    return ratio(seconds["both"], seconds["unobserved"]) - ratio(seconds["everyday"], seconds["unobserved"])


def _training(setting: Experiment, members: int, observed: Observation, machine: Machine, steps: int = FLY_STEPS) -> Job:
    """A job that trains members from step 0, as the command line does but without a disk; it gives the seconds of a member-step."""
    experiment = setting.swept("training.steps", steps).swept("training.stop", None)
    runs = [Run(experiment=experiment, seed=seed, data_seed=seed) for seed in range(members)]

    def job() -> float:
        grid = observed.grid(steps)
        cohort = Cohort(runs, setting.task.table(), observed.measures, grid, [steps] * members, lambda *_: None)
        began = time.perf_counter()
        train(cohort, machine, _Nowhere(), lambda *_: None, lambda: False)
        return (time.perf_counter() - began) / (members * steps)

    return job


class _Nowhere:
    """A sink that throws everything away."""

    def rows(self, *_: Any) -> None: ...

    def checkpoint(self, *_: Any) -> None: ...

    def commit(self, *_: Any, **__: Any) -> None: ...


def sampler(machine: Machine) -> Result:
    """How many random networks a minute the theory `boolean_sampler` draws and asks every input, with a thread for each core."""
    theory, rounds = BooleanSampler(), []

    def draw(seed: int) -> int:
        return len(random_tables(theory.network, theory.n_bits, DRAWN, seed))

    for batch in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        drawn = sum(side_by_side(draw, [batch * cores() + core for core in range(cores())]))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        rounds.append((60 * drawn / wall / 1e6, 60 * drawn * cores() / processor / 1e6))
    by_clock, by_processor = (round(statistics.median(column), 1) for column in zip(*rounds, strict=True))
    shape = {"inputs": theory.n_bits, "hidden": list(theory.hidden)}
    return {**shape, "million_networks_per_minute": by_clock, "million_networks_per_minute_of_all_cores": by_processor}


def observation(machine: Machine) -> Result:
    """The time of all default measures at the default schedule, as a share of the training time of a default budget."""
    setting = experiment(53, Transformer(d_model=64))
    default, budget = Observation(), setting.training.steps
    ensemble = Rehearsal(setting, 2 * machine.devices, machine, default.measures)
    seconds = alternate({"step": lambda: ensemble.steps(20), "observation": lambda: ensemble.observe(20)}, ROUNDS)
    steps_per_observation = ratio(seconds["observation"], seconds["step"])
    shares = {f"share_of_{n}_steps": round(steps_per_observation * len(default.grid(n)) / n, 4) for n in (1600, budget)}
    return {"steps_that_one_observation_costs": round(steps_per_observation, 3), "measures": len(default.measures), **shares}


def members(machine: Machine) -> Result:
    """Whether time grows in proportion to the members, and the memory of 64 canonical members in a process of their own.

    `slope` is the exponent of time against members; 1 is proportional.
    """
    counts = (8, 16, 32, 64)
    cohorts = {n: Rehearsal(experiment(53, Transformer(d_model=32)), n, machine) for n in counts}
    seconds = alternate({str(n): _whole_cohort(cohort) for n, cohort in cohorts.items()}, ROUNDS)
    medians = [statistics.median(seconds[str(n)]) for n in counts]
    slope = float(np.polyfit(np.log(counts), np.log(medians), 1)[0])
    memory = child_result("memory", "64")
    return {"counts": counts, "ms": [round(s * 1e3, 1) for s in medians], "slope": round(slope, 3), "canonical_64": memory}


def lanes(machine: Machine) -> Result:
    """How far this machine's trajectory is from that of a CPU on which members take turns.

    On a CPU, a trajectory of batched members is compared. The distance is the largest difference of a weight, in units of the largest
    weight of its tensor.
    """
    reference = Machine(Mesh(np.array(jax.devices("cpu")), ("member",)), "unbatched")
    batched = replace(machine, lane="vmap")
    rehearsals = [Rehearsal(experiment(53, Transformer(d_model=32)), 4, device) for device in (reference, batched)]
    distances: dict[str, float] = {}
    for done, goal in ((0, 1), (1, 10), (10, 30), (30, 100)):
        for rehearsal in rehearsals:
            rehearsal.steps(goal - done)
        pairs = zip(*(rehearsal.states() for rehearsal in rehearsals), strict=True)
        distances[str(goal)] = max(_distance(state.params, batched_state.params) for state, batched_state in pairs)
    return {"platforms": [reference.platform, batched.platform], "largest_difference_after_steps": distances}


def _distance(params: Params, compared_params: Params) -> float:
    return max(float(np.abs(v - compared_params[name]).max() / max(np.abs(v).max(), 1e-30)) for name, v in params.items())


def starting(machine: Machine) -> Result:
    """Seconds from the start of a process until the quickstart has recorded its first steps, with an empty cache and a full one."""
    del machine
    with tempfile.TemporaryDirectory() as cache:
        cold = child_result("start", EPICYCLE_CACHE=cache)["seconds"]
        warm = [child_result("start", EPICYCLE_CACHE=cache)["seconds"] for _ in range(3)]
    return {"cold_seconds": round(cold, 2), "warm_seconds": round(statistics.median(warm), 2)}


CASES: dict[str, Callable[[Machine], Any]] = {
    "canonical": canonical,
    "ensembles": ensembles,
    "mlp": mlp,
    "fly": fly,
    "circuits": circuits,
    "sampler": sampler,
    "observation": observation,
    "members": members,
    "start": starting,
    "lanes": lanes,
}


def bench(names: list[str], report: Callable[[str], None]) -> Result:
    """Run the named cases.

    Args:
        names: keys of `CASES`.
        report: called with one line after each case.

    Returns:
        A description of the machine, and the result of each case by its name.
    """
    machine = start()
    results: Result = {"machine": {**machine.signature(), "torch": version("torch") if find_spec("torch") else None}}
    for name in names:
        began = time.perf_counter()
        results[name] = CASES[name](machine)
        report(f"{name}: {json.dumps(results[name])} ({time.perf_counter() - began:.0f} s)")
    return results


def compared(setting: Experiment, count: int, machine: Machine, steps: int, plain_steps: int) -> Result:
    """The time of a member-step in this engine, against the floor and, if PyTorch is installed, against the plain loop.

    Args:
        setting: what is trained.
        count: members of the cohort.
        machine: the devices to train on.
        steps: steps that the engine makes in each round.
        plain_steps: steps that the plain loop makes in each round.
    """
    ensemble = Rehearsal(setting, count, machine)
    jobs: dict[str, Job] = {
        "engine": lambda: ensemble.steps(steps),
        "floor": Floor(ensemble.products, machine, alone=count == 1),
    }
    if find_spec("torch") and machine.platform == "cpu":
        jobs["plain"] = _plain_loop(setting, plain_steps)
    return _comparison(ensemble, alternate(jobs, ROUNDS))


def _comparison(ensemble: Rehearsal, seconds: dict[str, list[float]]) -> Result:
    operations, engine = flops(ensemble.products), statistics.median(seconds["engine"])
    result = {
        "members": ensemble.members,
        "ms_per_step": round(engine * 1e3, 4),
        "ratio_to_floor": round(ratio(seconds["engine"], seconds["floor"]), 3),
        "floor_ms": round(statistics.median(seconds["floor"]) * 1e3, 4),
        "steps_a_second": round(1 / engine, 1),
        "megaflops_per_step": round(operations / 1e6, 1),
        "gigaflops_a_second": round(operations / engine / 1e9, 1),
        "member_megabytes_at_most": round(ensemble.bytes / 1e6, 1),
    }
    if "plain" in seconds:
        result["pytorch_ms"] = round(statistics.median(seconds["plain"]) * 1e3, 3)
        result["ratio_to_pytorch"] = round(ratio(seconds["plain"], seconds["engine"]), 2)
    return result


def _plain_loop(setting: Experiment, steps: int, threads: int | None = None) -> Job:
    """PyTorch's loop, with a number of threads; None stands for one for each core."""
    from epicycle.bench.pytorch_loop import trainer

    params = setting.model.init(jax.random.key(0), setting.task.table())
    train = trainer(setting, {name: np.array(value) for name, value in params.items()}, threads or cores())
    return lambda: train(steps)


def _whole_cohort(ensemble: Rehearsal) -> Job:
    """A job that takes the seconds of one step of all members."""
    return lambda: ensemble.steps(20) * ensemble.members


def child_result(*arguments: str, **environment: str) -> Result:
    """What a fresh process of `bench.child` prints.

    Args:
        arguments: of its command line.
        environment: variables to set for it.

    Raises:
        subprocess.CalledProcessError: the process failed; its messages are on stderr.
    """
    variables = {**os.environ, **environment, BEGAN: repr(time.time())}
    command = [sys.executable, "-m", "epicycle.bench.child", *arguments]
    # Ctrl-C in the terminal reaches this process alone; the child sees the end of its standard input, and ends too.
    child = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with child:
        assert child.stdout is not None, "a pipe was asked for"
        printed = child.stdout.read()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return json.loads(printed)
