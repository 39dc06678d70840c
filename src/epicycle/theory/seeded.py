"""What simulators share: a stream of random numbers for each seed, and the steps that are recorded."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.spec.observation import Observation

AT_ONCE = 512  # updates whose random numbers are drawn together


def streams(seeds: Sequence[int]) -> list[np.random.Generator]:
    """A stream of random numbers for each seed, the same one in any company."""
    return [np.random.default_rng(seed) for seed in seeds]


def normal(rngs: Sequence[np.random.Generator], *shape: int) -> Float[ndarray, "seed ..."]:
    """Numbers from the standard normal distribution, each seed's from its own stream."""
    return np.stack([rng.standard_normal(shape) for rng in rngs])


def steady_noise(rngs: Sequence[np.random.Generator], *shape: int) -> Iterator[Float[ndarray, "seed ..."]]:
    """The noise of one update after the other, without end."""
    while True:
        yield from np.moveaxis(normal(rngs, AT_ONCE, *shape), 1, 0)


def recorded_steps(last: int) -> Int[ndarray, " step"]:
    """The steps at which a network would be evaluated: every step at first, then 40 in each factor of ten."""
    return Observation(measures=()).grid(last)
