"""The floor under a training step: its matrix products alone, each in the fastest of the layouts a product can have."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from epicycle.training.cost import Product
from epicycle.training.devices import Machine

SECONDS = 0.03  # that each product is repeated for in one measurement

# How the two factors lie in memory: [rows, inner] [inner, columns], or either of them the other way round.
LAYOUTS: dict[str, Callable[..., Any]] = {
    "nn": lambda a, b: a @ b,
    "nt": lambda a, b: a @ b.swapaxes(-1, -2),
    "tn": lambda a, b: a.swapaxes(-1, -2) @ b,
}


class Floor:
    """Seconds that the matrix products of one member-step take.

    Args:
        products: what a step multiplies, and how often.
        alone: one member has the whole machine; else every device may also do the same product at once, if that is faster.
    """

    def __init__(self, products: Mapping[Product, int], machine: Machine, alone: bool) -> None:
        ways = (None,) if alone else (None, machine)
        self._loops = [(times, _fastest(product, ways)) for product, times in products.items()]

    def __call__(self) -> float:
        """Measure all of them once."""
        return sum(times * loop.seconds() for times, loop in self._loops)


@dataclass(frozen=True)
class _Loop:
    """A product repeated on the device; `at_once` of them run side by side."""

    run: Callable[[int], None]
    at_once: int
    repeats: int = 3

    def seconds(self) -> float:
        """Seconds for one product."""
        began = time.perf_counter()
        self.run(self.repeats)
        return (time.perf_counter() - began) / (self.repeats * self.at_once)


def _fastest(product: Product, ways: Sequence[Machine | None]) -> _Loop:
    trials = []
    for layout in LAYOUTS:
        for machine in ways:
            loop = _loop(product, layout, machine)
            loop.seconds()
            loop = replace(loop, repeats=max(3, int(SECONDS / (loop.seconds() * loop.at_once))))
            trials.append((loop.seconds(), loop))
    return min(trials, key=lambda trial: trial[0])[1]


def _loop(product: Product, layout: str, machine: Machine | None) -> _Loop:
    rng = np.random.default_rng(0)
    lead = (product.batch,) if product.batch > 1 else ()
    left = (product.inner, product.rows) if layout == "tn" else (product.rows, product.inner)
    right = (product.columns, product.inner) if layout == "nt" else (product.inner, product.columns)
    a, b = (rng.normal(size=(*lead, *shape)).astype(np.float32) for shape in (left, right))
    run, at_once = _repeated(layout, machine), machine.devices if machine else 1
    a, b = (jax.device_put(np.stack([value] * at_once)) for value in (a, b))
    return _Loop(lambda repeats: jax.block_until_ready(run(a, b, np.int32(repeats))), at_once)


@partial(jax.jit, static_argnums=0)
def _one(layout: str, a: Float[Array, "..."], b: Float[Array, "..."], repeats: Any) -> Float[Array, "..."]:
    def again(_: Any, carried: Any) -> Any:
        factor, _ = carried
        result = LAYOUTS[layout](factor, b)
        # The next product depends on this one in a single number, so none can be left out and nothing is copied.
        return factor.at[(0,) * factor.ndim].add(1e-20 * result[(0,) * result.ndim]), result

    first = jnp.zeros(jax.eval_shape(LAYOUTS[layout], a, b).shape, a.dtype)
    return jax.lax.fori_loop(0, repeats, again, (a, first))[1]


def _repeated(layout: str, machine: Machine | None) -> Callable[..., Any]:
    if machine is None:
        return lambda a, b, repeats: _one(layout, a[0], b[0], repeats)
    member = PartitionSpec("member")
    spread = jax.shard_map(
        lambda a, b, repeats: _one(layout, a[0], b[0], repeats)[None],
        mesh=machine.mesh,
        in_specs=(member, member, PartitionSpec()),
        out_specs=member,
        check_vma=False,
    )
    return jax.jit(spread)
