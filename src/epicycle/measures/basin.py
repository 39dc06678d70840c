"""How large the basin is that a network lies in: the local learning coefficient, estimated by Langevin dynamics.

Around weights w* the dynamics draw weights w with density proportional to exp(-n beta L(w) - gamma/2 |w - w*|^2), and the estimate is
lambda = n beta (mean of L(w) - L(w*)) (Lau et al. 2023, arXiv 2308.12108). L is the mean loss on the n rows trained on, and n beta is
n / ln n. The smaller the coefficient, the larger the volume of the weights that do nearly as well. For a minimum with d directions
that are curved much more than gamma / (n beta), lambda is d/2.

Two traps of other code are avoided: n is the number of rows and not the size of a batch, and both losses are taken on all rows.

A chain can be invalid: it diverges, or it finds a mean loss below L(w*). Then w* is no minimum, and n beta or gamma must be changed,
or the sampling kept from going down the gradient (`across_gradient`). Where any chain is invalid the coefficient is NaN, and another
series says why.

Cost at a look: chains * (burn_in + draws) gradients on all training rows.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from epicycle.measures.curvature import curvature_product, top_eigenvalue
from epicycle.measures.seldom import Seldom
from epicycle.spec.fields import static
from epicycle.spec.objective import Objective

Weights = Float[Array, " number"]
Reading = Literal["mean", "reason", "spread", "r_hat", "signed"]
_SEED = 0  # of the chains, the same at every look
_MATVECS = 12  # products with the Hessian for the step size
_SHARE = 0.3  # the step size, in units of 1 over the curvature of the most curved direction; it makes lambda 8 % too large there


class Dynamics(NamedTuple):
    """How the weights are drawn.

    Attributes:
        n_beta: the inverse temperature times the number of rows.
        localisation: gamma, how strongly the weights are held near w*.
        step_size: epsilon: a step is epsilon/2 times the gradient of the logarithm of the density, plus noise of variance epsilon.
        chains: chains side by side.
        burn_in: steps of each chain before the first draw.
        draws: steps of each chain that count.
    """

    n_beta: Any
    localisation: Any
    step_size: Any
    chains: int
    burn_in: int
    draws: int


class Chains(NamedTuple):
    """What the chains found.

    Attributes:
        coefficient: lambda of each chain.
        r_hat: Gelman and Rubin's ratio of the chains' losses; near 1 if the chains agree.
        loss: L(w*).
    """

    coefficient: Float[Array, " chain"]
    r_hat: Float[Array, ""]
    loss: Float[Array, ""]


class LocalLearningCoefficient(Seldom):
    """How many directions of the weights count: the local learning coefficient of the training loss, small in a wide basin.

    Attributes:
        reading: `mean` over the chains, NaN where a chain is invalid (series `llc`). `signed` is the mean of all chains
            (`llc_signed`). `reason` is 0 where all chains are valid, 1 where one found a mean loss below that of the network, and 2
            where one diverged (`llc_reason`). `spread` is the standard deviation over chains (`llc_spread`), and `r_hat` the ratio of
            Gelman and Rubin, near 1 if the chains agree (`llc_r_hat`).
        localisation: gamma, how strongly the weights are held near those of the network.
        n_beta: the inverse temperature times the number of rows; None is n / ln n.
        step_size: epsilon; None takes 0.3 over (n beta times the largest eigenvalue of the Hessian, plus gamma).
        across_gradient: whether the chains move only across the gradient at the network. Networks are no minima while they are
            trained, and the chains then go downhill.
        chains: chains side by side.
        burn_in: steps of each chain before the first draw.
        draws: steps of each chain that count.
    """

    kind: ClassVar[str] = "local_learning_coefficient"
    reading: Reading = static("mean")
    localisation: float = static(100.0, gt=0, le=1e9)
    n_beta: float | None = static(None, gt=0, le=1e12)
    step_size: float | None = static(None, gt=0, le=1e3)
    across_gradient: bool = static(False)
    chains: int = static(2, ge=2, le=1000)
    burn_in: int = static(100, ge=1, le=1_000_000)
    draws: int = static(100, ge=10, le=1_000_000)

    @property
    def name(self) -> str:
        """`llc`, `llc_reason`, `llc_across_gradient`, ..."""
        across = "_across_gradient" if self.across_gradient else ""
        return f"llc{across}{'' if self.reading == 'mean' else f'_{self.reading}'}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """A number of directions, divided by 2."""
        settings = self.model_dump(exclude={"reading", "per_decade"})
        chains: Chains = self.at_its_looks(snapshot, ("llc", *settings.items()), lambda entries: self._sample(entries["objective"]))
        coefficient = chains.coefficient
        reason = jnp.where(jnp.isfinite(coefficient).all(), jnp.where((coefficient < 0).any(), 1.0, 0.0), 2.0)
        readings = {
            "mean": jnp.where(reason == 0, coefficient.mean(), jnp.nan),
            "signed": coefficient.mean(),
            "reason": jnp.where(jnp.isfinite(chains.loss), reason, jnp.nan).astype(coefficient.dtype),
            "spread": coefficient.std(ddof=1),
            "r_hat": chains.r_hat,
        }
        return readings[self.reading]

    def _sample(self, objective: Objective) -> Chains:
        weights, unravel = ravel_pytree(objective.trained)
        n = objective.n_rows.astype(weights.dtype)
        n_beta = n / jnp.log(n) if self.n_beta is None else jnp.asarray(self.n_beta, weights.dtype)
        step_size: Any = self.step_size
        if step_size is None:
            top = top_eigenvalue(curvature_product(objective, "hessian"), weights, _MATVECS)
            step_size = _SHARE / (n_beta * jnp.maximum(top, 0) + self.localisation)
        dynamics = Dynamics(n_beta, self.localisation, step_size, self.chains, self.burn_in, self.draws)
        return sample(lambda vector: objective.loss(unravel(vector)), weights, dynamics, self.across_gradient)


def sample(loss: Callable[[Weights], Float[Array, ""]], at: Weights, dynamics: Dynamics, across_gradient: bool = False) -> Chains:
    """Draw weights around a point, and estimate the local learning coefficient of a loss there.

    Args:
        loss: of a vector of weights.
        at: the point w*.
        dynamics: how weights are drawn.
        across_gradient: whether the chains move only across the gradient at the point.
    """
    from blackjax.diagnostics import potential_scale_reduction

    keys = jax.random.split(jax.random.key(_SEED), dynamics.chains)
    losses = jax.lax.map(partial(_chain, loss, at, dynamics, across_gradient), keys)
    first = loss(at)
    return Chains(dynamics.n_beta * (losses - first).mean(axis=1), potential_scale_reduction(losses), first)


def _chain(
    loss: Callable[[Weights], Float[Array, ""]], at: Weights, dynamics: Dynamics, across_gradient: bool, key: Array
) -> Float[Array, " draw"]:
    """The losses of one chain after its burn-in."""
    from blackjax import sgld

    downhill = jax.grad(loss)(at) if across_gradient else None

    def move(weights: Weights, key: Array) -> tuple[Weights, Float[Array, ""]]:
        value, gradient = jax.value_and_grad(loss)(weights)
        slope = -dynamics.n_beta * gradient - dynamics.localisation * (weights - at)  # of the logarithm of the density
        moved = sgld(lambda *_: slope).step(key, weights, None, dynamics.step_size / 2)
        return moved if downhill is None else at + _across(moved - at, downhill), value

    keys = jax.random.split(key, dynamics.burn_in + dynamics.draws)
    return jax.lax.scan(move, at, keys)[1][dynamics.burn_in :]


def _across(change: Weights, direction: Weights) -> Weights:
    """The part of a change that is perpendicular to a direction."""
    square = direction @ direction
    return change - direction * (direction @ change) / jnp.where(square > 0, square, 1)
