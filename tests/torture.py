"""Kill a quickstart at random moments, start it again each time, and compare the bytes with an undisturbed one.

python -m tests.torture --kills 20
"""

import argparse
import random
import shutil
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
    """Hit running processes `kills` times; whenever a run comes to its end, compare its bytes and start over.

    Returns:
        How many runs were compared.

    Raises:
        AssertionError: a byte differs.
    """
    draw, hits, compared = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        calm, tortured = Path(folder) / "calm", Path(folder) / "tortured"
        began = time.perf_counter()
        run(calm, options, None)
        length = time.perf_counter() - began
        expected = results(calm)
        print(f"undisturbed: {length:.1f} s, {len(expected)} files, {sum(map(len, expected.values())):,} bytes", flush=True)
        while True:
            # From the imports on, through compilation, training and judging; short enough that most runs need several starts.
            ended = run(tortured, options, draw.uniform(0.5, 0.4 * length) if hits < kills else None)
            hits += not ended
            if ended:
                compare(expected, results(tortured))
                compared += 1
                print(f"the same bytes after {hits} kills in all", flush=True)
                shutil.rmtree(tortured)
                if hits >= kills:
                    return compared


def compare(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    """Fail with the names of files that are missing or differ."""
    assert set(one) == set(other), set(one) ^ set(other)
    differing = [name for name in one if one[name] != other[name]]
    assert not differing, differing


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
