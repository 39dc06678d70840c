"""Disturb a small study in every way we can think of, run it again, and compare the bytes with an undisturbed run.

python -m tests.torture --kills 200

Kills come by the clock and by the count of writes, so that they fall between any two steps of writing too. Files are truncated, lost
and altered. Disks fill up, folders become read-only, two processes share a root, people press Ctrl-C. Afterwards `run` must end in
the bytes of the undisturbed run, or refuse with exit code 2 and one paragraph that names the file.
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import epicycle as ep
from epicycle.cli.main import command_line

# What says when and how fast, and so differs between any two runs.
TIMED = ("provenance.json", "registration.json", "report.html", ".lock")
JUDGED = ("verdicts.json", "events.json", "report.html", "figure.*", "provenance.json")
RUNS = 18
KILLS_IN_A_ROUND = 10  # then the process may end: on a busy machine the clock alone would kill the last part of a run over and over
LATE_WRITES = 30  # about as many as there are from the end of training on
FIGURES = (
    """    figures=(ep.Figure(title="Does it memorise?", arms=("control", "boosted"), series=("train_acc",), decides="memorises"),),"""
)
STUDY = """
import epicycle as ep

class Spread(ep.Measure):
    "A measure of one's own, so that its text is kept with the runs."
    @property
    def name(self): return "spread"
    @property
    def needs(self): return ("logits",)
    def fn(self, snapshot): return snapshot["logits"].std()

def experiment(lr, steps):
    return ep.Experiment(
        task=ep.Modular(p=7, operation="x-y"),
        split=ep.Split(frac_train=0.6),
        model=ep.Transformer(d_model=8, n_heads=2, d_mlp=16),
        training=ep.Training(optimiser=ep.AdamW(lr=lr, weight_decay=1.0), steps=steps),
    )

STUDY = ep.Study(
    question="Does it survive?",
    arms={
        "control": ep.RootArm(experiment=experiment(3e-3, 2000), seeds=6),
        "slow": ep.RootArm(experiment=experiment(1e-3, 1000), seeds=6),
        "boosted": ep.ForkArm(fork="control", at=30, edits=(ep.Scale("lr", 3),)),
    },
    claims=(
        ep.Claim(
            id="memorises",
            statistic=ep.EventTime(event="t_mem", arm="control", unit="budget"),
            supported_if=ep.Region(below=0.9),
            refuted_if=ep.Region(above=1.0),
        ),
    ),
{FIGURES}
    observation=ep.Observation(measures=(*ep.Observation().measures, Spread()), dense_until=10, per_decade=30),
)
""".replace("{FIGURES}", FIGURES)
# Runs the command line in a child that counts what it does to files below a folder, and at one of those moments is killed, or
# meets an error: from then on no file below the folder can be opened for writing, renamed or made (a full disk, a read-only folder).
# Real full disks also fail in the middle of a write; a limit on the size of files does that, see `narrow`.
CHILD = """
import atexit, os, signal, sys
folder, error, left, told = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
del sys.argv[1:5]
done = 0
def watch(event, args):
    global done
    if event == "open":
        counts = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        counts = event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir")
    if not counts or not isinstance(args[0], (str, bytes, os.PathLike)) or not os.fsdecode(args[0]).startswith(folder):
        return
    done += 1
    if done >= left and error:
        if event not in ("os.remove", "os.rmdir"):
            raise OSError(error, os.strerror(error), os.fsdecode(args[0]))
    elif done == left:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
if told:
    atexit.register(lambda: open(told, "w").write(str(done)))
from epicycle.cli.main import main
main()
"""
NEVER = 10**9


class Calm(NamedTuple):
    """The undisturbed run.

    Attributes:
        folder: holds the study, the roots and a cache of compiled programs.
        seconds: how long it took with everything compiled.
        writes: how often it did something to a file.
    """

    folder: Path
    root: Path
    files: dict[str, bytes]
    seconds: float
    writes: int

    def roots(self) -> Iterator[Path]:
        """Fresh places, one after the other; each is removed when the next is asked for."""
        place = self.folder / "disturbed"
        while True:
            shutil.rmtree(place, ignore_errors=True)
            yield place


def results(root: Path) -> dict[str, bytes]:
    """Every byte that must not depend on what happened on the way."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and p.name not in TIMED}


def compare(one: dict[str, bytes], other: dict[str, bytes], after: str) -> None:
    """Fail with the names of files that are missing or differ."""
    assert set(one) == set(other), (after, set(one) ^ set(other))
    differing = [name for name in one if one[name] != other[name]]
    assert not differing, (after, differing)


def started(folder: Path, root: Path, error: int = 0, left: int = NEVER, told: Path | None = None) -> subprocess.Popen[str]:
    """`epicycle run` of the study in a process of its own."""
    watched = [str(folder), str(error), str(left), str(told or "")]
    command = [sys.executable, "-c", CHILD, *watched, "run", str(folder / "torture_study.py"), "--root", str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], *allowed: int) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; fails on any code but 0 and those allowed, and on a traceback."""
    out, err = process.communicate(timeout=600)
    assert process.returncode in (0, *allowed), (process.returncode, err)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def undisturbed(folder: Path, study: str = STUDY, twice: bool = True) -> Calm:
    """Write the study and run it; twice: once to compile, and once more to know how long it takes."""
    (folder / "torture_study.py").write_text(study)
    root, told = folder / "calm", folder / "told"
    if twice:
        ended(started(folder, folder / "first"))
    began = time.perf_counter()
    ended(started(folder, root, told=told))
    calm = Calm(folder, root, results(root), time.perf_counter() - began, int(told.read_text()))
    if twice:
        compare(results(folder / "first"), calm.files, "nothing")
        shutil.rmtree(folder / "first")
    size = sum(map(len, calm.files.values()))
    print(f"undisturbed: {calm.seconds:.1f} s, {len(calm.files)} files, {size:,} bytes, {calm.writes} writes", flush=True)
    return calm


def doing(root: Path) -> str:
    """What a killed process was at, as far as its root tells."""
    states = [json.loads(path.read_text()) for path in root.glob("cohorts/[!.]*/status.json")]
    if list(root.rglob("*.partial")):
        return "writing a file"
    if not states:
        return "before the first cohort"
    if len(states) < 3:
        return "training" if not all(state["finished"] for state in states) else "before forking"
    if not all(state["finished"] for state in states):
        return "forking"
    if not list(root.glob("studies/*/*/verdicts.json")):
        return "judging"
    return "writing the page" if not list(root.glob("studies/*/*/report.html")) else "asking again"


def kills(calm: Calm, many: int, draw: random.Random) -> Counter[str]:
    """Kill running processes so often; whenever one comes to its end, compare its bytes and start over.

    Every other one is killed by the clock, from the start of Python on, the rest at one of their writes. Every other round begins when
    all is trained, so that judging and writing the page are hit too; now and then nothing is compiled yet. After ten kills a round is
    left to its end.
    """
    hit: Counter[str] = Counter()
    compared = 0
    for root in calm.roots():
        late = compared % 2 == 1
        if late:
            shutil.copytree(calm.root, root, ignore=shutil.ignore_patterns(*JUDGED))
        if compared % 8 == 6:
            shutil.rmtree(calm.folder / "cache", ignore_errors=True)
        finished, enough = False, min(many, hit.total() + KILLS_IN_A_ROUND)
        while not finished:
            wait, left = None, NEVER
            if hit.total() < enough:
                by_clock = draw.random() < 0.5
                wait = draw.uniform(0.1, 0.4 * calm.seconds) if by_clock else None
                left = NEVER if by_clock else draw.randint(1, LATE_WRITES if late else calm.writes // 4)
            process = started(calm.folder, root, left=left)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=wait)
            finished = process.poll() is not None and process.returncode != -signal.SIGKILL
            if not finished:
                process.kill()
                process.communicate()
                hit[doing(root)] += 1
        assert process.returncode == 0, process.args
        compare(calm.files, results(root), f"{hit.total()} kills")
        compared += 1
        print(f"the same bytes after {hit.total()} kills in all", flush=True)
        if hit.total() >= many:
            break
    return hit + Counter({"runs compared": compared})


def kinds(root: Path) -> dict[str, list[Path]]:
    """The files of a root by what they are."""
    found: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name != ".lock":
            name = re.sub(r"[0-9a-f]{16}", "ID", str(path.relative_to(root)))
            name = re.sub(r"-\d+\.safetensors", "-N.safetensors", name)
            name = re.sub(r"series\.zarr/(\d)/(?!step/)\w+/", r"series.zarr/\1/SERIES/", re.sub(r"/c/[\d/]+$", "/c/N", name))
            found.setdefault(name, []).append(path)
    return found


def truncated(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"")


def flipped(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def lost(path: Path, draw: random.Random) -> None:
    path.unlink()


DAMAGES = (truncated, emptied, flipped, lost)


def told(*args: str) -> tuple[int, str, str]:
    """The command line in this process: exit code, stdout and stderr."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["epicycle", *args]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            command_line()
    except SystemExit as ending:
        return int(ending.code or 0), out.getvalue(), err.getvalue()
    finally:
        sys.argv = before


def refuses(code: int, err: str, name: str, after: str) -> None:
    """Fail unless a command has refused in one paragraph that names the file."""
    lines = [line for line in err.splitlines() if line.startswith("epicycle: ")]
    assert code == 2, (after, code, err)
    assert len(lines) == 1, (after, err)
    assert name in lines[0] or (after.endswith("lost") and Path(name).name in lines[0]), (after, name, err)


def damage(
    calm: Calm,
    source: Path,
    files: Mapping[str, Sequence[Path]],
    draw: random.Random,
    damages: Sequence[Callable[[Path, random.Random], None]] = DAMAGES,
    read: bool = False,
) -> Counter[str]:
    """Damage one file of each kind in copies of a root, and run again.

    Args:
        read: try every command that reads, too; for a finished root.
    """
    found: Counter[str] = Counter()
    expected = reading(calm, source) if read else {}
    for kind, members in files.items():
        for harm in damages:
            place = next(calm.roots())
            shutil.copytree(source, place)
            path = place / draw.choice(members).relative_to(source)
            name, after = str(path.relative_to(place)), f"{kind} {harm.__name__}"
            harm(path, draw)
            if read:
                found += read_damaged(calm, place, name, after, expected)
            code, _, err = told("run", str(calm.folder / "torture_study.py"), "--root", str(place), "--json")
            if code:
                refuses(code, err, name, after)
            else:
                compare(calm.files, results(place), after)
            found["run refused, naming the file" if code else "run ended in the same bytes"] += 1
    return found


def reading(calm: Calm, root: Path) -> dict[str, tuple[int, str, str]]:
    """What each reading command says of a whole root."""
    run = sorted(member["run"] for path in root.glob("cohorts/*/members.json") for member in json.loads(path.read_text()))[0]
    return {
        f"{command} {rest}": told(command, *rest.split(), "--root", str(root))
        for command, rest in [
            ("show", "torture_study --json"),
            ("report", "torture_study"),
            ("export", f"{run} {calm.folder / 'out'} --to csv"),
            ("export", f"{run} {calm.folder / 'out'} --to safetensors"),
        ]
    }


def read_damaged(calm: Calm, root: Path, name: str, after: str, expected: dict[str, tuple[int, str, str]]) -> Counter[str]:
    """Reading says what it said before, or refuses."""
    found: Counter[str] = Counter()
    home = next(iter(calm.root.glob("studies/*/*")))
    page = {each: (home / each).read_bytes() for each in ("report.html", "figure.svg")}
    for command, before in expected.items():
        verb, *rest = command.split()
        code, out, err = told(verb, *rest, "--root", str(root))
        found["reading refused, naming the file" if code else "reading was as before"] += 1
        if code:
            refuses(code, err, name, f"{verb} after {after}")
        else:
            assert out.replace(str(root), str(calm.root)) == before[1], (verb, after)
            if verb == "report":
                there = next(iter(root.glob("studies/*/*")))
                assert all((there / each).read_bytes() == content for each, content in page.items()), (verb, after)
    try:
        tree = ep.open(next(iter(root.glob("studies/*/*"))))
    except ep.InputError as error:
        refuses(2, f"epicycle: {error}", name, f"ep.open after {after}")
    else:
        assert tree.identical(ep.open(home)), after
    return found


def narrow(calm: Calm, draw: random.Random, many: int) -> Counter[str]:
    """Disks that are full, folders that are read-only, files that may not grow: a refusal that names a file, then the same bytes."""
    found: Counter[str] = Counter()
    for number, root in enumerate(calm.roots()):
        if number == many:
            break
        left, error = draw.randint(1, calm.writes), draw.choice((28, 30, 13))  # ENOSPC, EROFS, EACCES
        if number % 3 == 2:
            largest = int(10 ** draw.uniform(2, 5))
            limit = (
                ["prlimit", f"--fsize={largest}"] if shutil.which("prlimit") else ["sh", "-c", f'ulimit -f {largest // 512 + 1}; "$@"']
            )
            process = subprocess.Popen(
                [*limit, sys.executable, "-m", "epicycle.cli.main", "run", str(calm.folder / "torture_study.py"), "--root", str(root)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        else:
            process = started(calm.folder, root, error=error, left=left)
        code, _, err = ended(process, 2)
        if code:
            refuses(code, err, str(calm.folder), f"{os.strerror(error)} at write {left}")
            assert not list(root.rglob("*.partial")), list(root.rglob("*.partial"))
        found["refused, naming the file" if code else "not met"] += 1
        ended(started(calm.folder, root))
        compare(calm.files, results(root), "room again")
    return found


def pairs(calm: Calm, draw: random.Random, many: int) -> Counter[str]:
    """Two processes on one root. In every other pair one of them is killed."""
    found: Counter[str] = Counter()
    for number, root in enumerate(calm.roots()):
        if number == many:
            break
        both = [started(calm.folder, root)]
        time.sleep(draw.uniform(0, calm.seconds) if number % 2 else 0.0)
        both.append(started(calm.folder, root))
        if number % 4 in (1, 2):
            time.sleep(draw.uniform(0, calm.seconds))
            both[0].kill()
        ends = [ended(process, -signal.SIGKILL) for process in both]
        assert ends[1][0] == 0, ends
        if ends[0][0] == 0:
            trained = [sum(map(int, re.findall(r"(\d+) new runs", out))) for _, out, _ in ends]
            assert sum(trained) == RUNS, (trained, "each run is trained once")
            found[f"{min(trained)} + {max(trained)} runs"] += 1
        found["one waited"] += any("waiting for it" in err for _, _, err in ends)
        found["one was killed"] += ends[0][0] != 0
        compare(calm.files, results(root), "two processes")
    return found


def interruptions(calm: Calm, draw: random.Random, many: int) -> Counter[str]:
    """Ctrl-C, or a polite kill, at any moment from when training is looked for: exit 3 and how to go on."""
    found: Counter[str] = Counter()
    for number, root in enumerate(calm.roots()):
        if number == many:
            break
        if number % 4 == 0:
            shutil.rmtree(calm.folder / "cache", ignore_errors=True)  # so that something is compiled
        process = started(calm.folder, root)
        assert process.stderr
        assert "Looking for runs that are missing" in process.stderr.readline()
        time.sleep(draw.uniform(0, 0.8 * calm.seconds))
        was = doing(root)
        process.send_signal(draw.choice((signal.SIGINT, signal.SIGTERM)))
        code, _, err = ended(process, 3)
        assert code == 0 or "run the same command again to go on" in err, err  # 0: it came when all was done
        assert not list(root.rglob("*.partial")), list(root.rglob("*.partial"))
        found[f"{was}: exit {code}"] += 1
        ended(started(calm.folder, root))
        compare(calm.files, results(root), "an interruption")
    return found


def damage_half_done(calm: Calm, draw: random.Random) -> Counter[str]:
    """Damage the files of a root whose process was killed after a share of its writes."""
    place = calm.folder / "half"
    assert ended(started(calm.folder, place, left=int(0.4 * calm.writes)), -signal.SIGKILL)[0] == -signal.SIGKILL
    return damage(calm, place, kinds(place), draw, (flipped, lost))


def say(what: str, counts: Counter[str]) -> None:
    """Print counts."""
    print(f"{what}: " + "; ".join(f"{number} {name}" for name, number in sorted(counts.items())), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default="kills,damage,half,narrow,pairs,interruptions")
    given = parser.parse_args()
    few = max(4, given.kills // 40)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EPICYCLE_CACHE"] = str(Path(folder) / "cache")
        calm, draw = undisturbed(Path(folder)), random.Random(given.seed)
        parts: dict[str, tuple[str, Callable[[], Counter[str]]]] = {
            "kills": ("killed while", lambda: kills(calm, given.kills, draw)),
            "damage": ("files of a finished root damaged", lambda: damage(calm, calm.root, kinds(calm.root), draw, read=True)),
            "half": ("files of a half-done root damaged", lambda: damage_half_done(calm, draw)),
            "narrow": ("full disks and read-only folders", lambda: narrow(calm, draw, 2 * few)),
            "pairs": ("two processes on one root", lambda: pairs(calm, draw, few)),
            "interruptions": ("Ctrl-C and SIGTERM while", lambda: interruptions(calm, draw, 2 * few)),
        }
        for name in given.parts.split(","):
            began = time.perf_counter()
            what, part = parts[name]
            say(what, part())
            print(f"  in {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
