"""What a program costs, read off its own arithmetic: the matrix products in it, and the memory it needs at once.

Both are read off the traced program (the jaxpr). So they hold for any model, a user's own too, and count what the fast path really
does. The products are the floor under a step's time: a compiler can fuse or hide everything else, but not them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
from jax.extend import core

from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Measure
from epicycle.training.program import step
from epicycle.training.snapshots import observe
from epicycle.training.state import Data, State, World


@dataclass(frozen=True, order=True)
class Product:
    """A matrix product [rows, inner] x [inner, columns], `batch` of them at once."""

    rows: int
    inner: int
    columns: int
    batch: int = 1

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiplication and an addition for each term."""
        return 2 * self.batch * self.rows * self.inner * self.columns


def step_products(experiment: Experiment, world: World, data: Data, state: State) -> Counter[Product]:
    """The matrix products of one training step, forward and backward, and how often each occurs."""
    return products(lambda d, s, w: step(experiment, w, d, s), data, state, world)


def products(function: Callable[..., Any], *args: Any) -> Counter[Product]:
    """The matrix products in a function of arrays, and how often each occurs.

    A loop of unknown length counts once. Of a conditional, the branch with most operations counts.
    """
    return _products(jax.make_jaxpr(function)(*args).jaxpr)


def flops(counts: Mapping[Product, int]) -> int:
    """Floating-point operations of all products; `counts` says how often each occurs."""
    return sum(product.flops * times for product, times in counts.items())


def peak_bytes(function: Callable[..., Any], *args: Any) -> int:
    """An upper estimate of the bytes of memory that a function needs at once, its arguments included.

    Every value is counted from where it is made to its last use. Compilers fuse operations and share buffers, so the truth is lower.
    """
    return _peak(jax.make_jaxpr(function)(*args).jaxpr)


def bytes_of(tree: Any) -> int:
    """Bytes of all arrays in a tree."""
    return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(tree))


def member_bytes(experiment: Experiment, measures: Sequence[Measure], world: World, data: Data, state: State) -> int:
    """Bytes of memory that one member needs on its device to train and to be observed, an upper estimate."""
    training = peak_bytes(lambda d, s, w: step(experiment, w, d, s), data, state, world)
    observation = peak_bytes(lambda d, s, w: observe(experiment, measures, s, d, w), data, state, world)
    return max(training, observation)


def _products(jaxpr: core.Jaxpr) -> Counter[Product]:
    total: Counter[Product] = Counter()
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            total[_product(eqn)] += 1
            continue
        inner = [_products(program) for program in _programs_inside(eqn)]
        if eqn.primitive.name == "cond":
            costliest: Counter[Product] = max(inner, key=flops)
            total += costliest
            continue
        times = int(eqn.params.get("length", 1)) if eqn.primitive.name == "scan" else 1
        for counts in inner:
            for product, count in counts.items():
                total[product] += count * times
    return total


def _product(eqn: Any) -> Product:
    (left_inner, _), (left_batch, _) = eqn.params["dimension_numbers"]
    left, right = (variable.aval.shape for variable in eqn.invars)
    inner, batch = (prod(left[axis] for axis in axes) for axes in (left_inner, left_batch))
    return Product(prod(left) // max(inner * batch, 1), inner, prod(right) // max(inner * batch, 1), batch)


def _programs_inside(eqn: Any) -> Iterator[core.Jaxpr]:
    """The programs inside an operation: loops, branches, calls."""
    for parameter in eqn.params.values():
        for value in parameter if isinstance(parameter, tuple | list) else (parameter,):
            if isinstance(value, core.ClosedJaxpr):
                yield value.jaxpr
            elif isinstance(value, core.Jaxpr):
                yield value


def _peak(jaxpr: core.Jaxpr) -> int:
    last_use = {v: i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.invars if not isinstance(v, core.Literal)}
    held = {v for v in [*jaxpr.invars, *jaxpr.constvars, *jaxpr.outvars] if not isinstance(v, core.Literal)}  # until the end
    live = sum(_bytes(v) for v in [*jaxpr.invars, *jaxpr.constvars])
    peak = live
    for i, eqn in enumerate(jaxpr.eqns):
        live += sum(_bytes(v) for v in eqn.outvars)
        inside = max((_peak(program) - sum(_bytes(v) for v in program.invars) for program in _programs_inside(eqn)), default=0)
        peak = max(peak, live + max(inside, 0))
        dead = {v for v in eqn.invars if not isinstance(v, core.Literal) and last_use[v] == i} - held
        live -= sum(_bytes(v) for v in dead)
        live -= sum(_bytes(v) for v in eqn.outvars if v not in last_use and v not in held)
    return peak


def _bytes(variable: Any) -> int:
    aval = variable.aval
    return prod(aval.shape) * getattr(aval.dtype, "itemsize", 8) if hasattr(aval, "shape") else 0
