"""Kill a quickstart at random moments, start it again each time, and compare the bytes with an undisturbed one.

python -m tests.torture --kills 20
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# What says when and how fast, and so differs between any two runs.
TIMED = ("provenance.json", "registration.json", "report.html", ".lock")


def results(root: Path) -> dict[str, bytes]:
    """Every byte that must not depend on how often the run was killed."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and p.name not in TIMED}


def run(root: Path, options: Sequence[str], kill_after: float | None) -> bool:
    """Start the quickstart; True when it ended by itself."""
    command = [sys.executable, "-m", "epicycle.cli", "run", "quickstart", "--root", str(root), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, told = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    if process.returncode:
        raise SystemExit(f"the run failed with {process.returncode}: {told.decode()}")
    return True


def torture(kills: int, options: Sequence[str], seed: int = 0) -> int:
    """Kills that hit a running process, after which the bytes were the same.

    Raises:
        AssertionError: a byte differs.
    """
    draw, hits = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        calm, tortured = Path(folder) / "calm", Path(folder) / "tortured"
        began = time.perf_counter()
        run(calm, options, None)
        length = time.perf_counter() - began
        began = time.perf_counter()
        run(calm, options, None)
        idle = time.perf_counter() - began
        print(f"undisturbed: {length:.1f} s, nothing to do: {idle:.1f} s", flush=True)
        for kill in range(kills):
            # Between the imports and a little over the whole length, so that early, late and no kills all occur.
            ended = run(tortured, options, draw.uniform(0.3 * idle, max(1.1 * length / (1 + kill / 4), 2 * idle)))
            hits += not ended
            print(f"kill {kill + 1} of {kills}: {'came too late' if ended else 'hit'}", flush=True)
        run(tortured, options, None)
        one, other = results(calm), results(tortured)
        assert set(one) == set(other), set(one) ^ set(other)
        differing = [name for name in one if one[name] != other[name]]
        assert not differing, differing
        print(f"{len(one)} files, {sum(map(len, one.values())):,} bytes: the same after {hits} kills", flush=True)
    return hits


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("options", nargs="*", help="options of `epicycle run quickstart`, after --")
    given = parser.parse_args()
    torture(given.kills, given.options, given.seed)


if __name__ == "__main__":
    main()
