"""Seeds side by side: each on a thread of its own, one for each core. NumPy and compiled programs leave the interpreter free."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def side_by_side(of_seed: Callable[[int], T], seeds: Sequence[int]) -> list[T]:
    """What a function says of each seed, in the order of the seeds.

    Args:
        of_seed: a function that draws from the seed alone.
        seeds: what it is asked.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(of_seed, seeds))
