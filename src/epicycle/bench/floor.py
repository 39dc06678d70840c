"""The floor under a training step: the time of its matrix products alone, each in the fastest memory order of its factors."""

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

SECONDS = 0.03  # for so long each product is repeated in one measurement

# The memory order of the two factors: n is [rows, inner] or [inner, columns], t the same factor transposed.
ORDERS: dict[str, Callable[..., Any]] = {
    "nn": lambda a, b: a @ b,
    "nt": lambda a, b: a @ b.swapaxes(-1, -2),
    "tn": lambda a, b: a.swapaxes(-1, -2) @ b,
}


class Floor:
    """The seconds that the matrix products of one member-step take, one after the other.

    Args:
        products: what a step multiplies, and how often.
        machine: the devices to multiply on.
        alone: whether one member has the whole machine; if not, every device may do the same product at once where that is faster.
    """

    def __init__(self, products: Mapping[Product, int], machine: Machine, alone: bool) -> None:
        spreads = (None,) if alone else (None, machine)
        self._loops = [(times, _fastest(product, spreads)) for product, times in products.items()]

    def __call__(self) -> float:
        """Measure all products once."""
        return sum(times * loop.seconds() for times, loop in self._loops)


@dataclass(frozen=True)
class _Loop:
    """A product that the machine repeats.

    Attributes:
        run: repeats the product so many times.
        at_once: how many copies of it run side by side.
        repeats: repetitions in one measurement.
    """

    run: Callable[[int], None]
    at_once: int
    repeats: int = 3

    def seconds(self) -> float:
        """Seconds for one product."""
        began = time.perf_counter()
        self.run(self.repeats)
        return (time.perf_counter() - began) / (self.repeats * self.at_once)


def _fastest(product: Product, spreads: Sequence[Machine | None]) -> _Loop:
    """The fastest loop over all memory orders, on one device (None) or spread over those of a machine."""
    trials = []
    for order in ORDERS:
        for machine in spreads:
            loop = _loop(product, order, machine)
            loop.seconds()  # compiles
            loop = replace(loop, repeats=max(3, int(SECONDS / (loop.seconds() * loop.at_once))))
            trials.append((loop.seconds(), loop))
    return min(trials, key=lambda trial: trial[0])[1]


def _loop(product: Product, order: str, machine: Machine | None) -> _Loop:
    rng = np.random.default_rng(0)
    lead = (product.batch,) if product.batch > 1 else ()
    left = (product.inner, product.rows) if order == "tn" else (product.rows, product.inner)
    right = (product.columns, product.inner) if order == "nt" else (product.inner, product.columns)
    a, b = (rng.normal(size=(*lead, *shape)).astype(np.float32) for shape in (left, right))
    run, at_once = _repeater(order, machine), machine.devices if machine else 1
    a, b = (jax.device_put(np.stack([factor] * at_once)) for factor in (a, b))
    return _Loop(lambda repeats: jax.block_until_ready(run(a, b, np.int32(repeats))), at_once)


@partial(jax.jit, static_argnums=0)
def _repeat(order: str, a: Float[Array, "..."], b: Float[Array, "..."], repeats: Any) -> Float[Array, "..."]:
    """The product, computed `repeats` times on one device."""

    def again(_: Any, carried: Any) -> Any:
        factor, _ = carried
        result = ORDERS[order](factor, b)
        # The next product depends on this one in a single number, so none can be left out and nothing is copied.
        return factor.at[(0,) * factor.ndim].add(1e-20 * result[(0,) * result.ndim]), result

    first = jnp.zeros(jax.eval_shape(ORDERS[order], a, b).shape, a.dtype)
    return jax.lax.fori_loop(0, repeats, again, (a, first))[1]


def _repeater(order: str, machine: Machine | None) -> Callable[..., Any]:
    """`_repeat` of factors stacked along a first axis: of the first pair on one device, or of one pair on each device of a machine."""
    if machine is None:
        return lambda a, b, repeats: _repeat(order, a[0], b[0], repeats)
    member = PartitionSpec("member")
    spread = jax.shard_map(
        lambda a, b, repeats: _repeat(order, a[0], b[0], repeats)[None],
        mesh=machine.mesh,
        in_specs=(member, member, PartitionSpec()),
        out_specs=member,
        check_vma=False,
    )
    return jax.jit(spread)
