"""How curved the training loss is: largest eigenvalue, trace, and how much of the curvature couples different weights.

The Hessian is never formed. Lanczos iterations give its largest eigenvalue (matfree), and random signs give its trace and the
squares of its entries (Hutchinson). All random vectors are the same at every look and in every run.

The Gauss-Newton matrix is the Hessian without the curvature of the network itself, J' H J with the Jacobian J of the logits and the
Hessian H of the loss by the logits. It has no negative eigenvalue.

Cost at a look: a product with the Hessian takes as long as three gradients on all training rows. The largest eigenvalue takes
`matvecs` products; trace and off-diagonal share take `probes` products together.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from epicycle.measures.seldom import Seldom
from epicycle.spec.errors import InputError
from epicycle.spec.fields import static
from epicycle.spec.objective import Objective

Matrix = Literal["hessian", "gauss_newton"]
Product = Callable[[Float[Array, " number"]], Float[Array, " number"]]
_SEED = 0  # of all random vectors
_BROKEN = 1e-5  # the iterations end where the next vector is shorter than this part of the first entries


class OfCurvature(Seldom):
    """What the measures of curvature share.

    Attributes:
        matrix: the Hessian of the training loss, or its Gauss-Newton part.
        preconditioned: whether the matrix is that of weights in which Adam is plain gradient descent: divided from both sides by the
            root of what Adam divides the gradient by (Cohen et al. 2022, arXiv 2207.14484). The series then ends in `_preconditioned`.
    """

    matrix: Matrix = static("hessian")
    preconditioned: bool = static(False)

    def named(self, reading: str) -> str:
        """`hessian_top`, `gauss_newton_trace_preconditioned`, ..."""
        return f"{self.matrix}_{reading}{'_preconditioned' if self.preconditioned else ''}"

    def key(self, *more: Any) -> tuple[Any, ...]:
        """What tells the work for one matrix from that for another."""
        return ("curvature", self.matrix, self.preconditioned, *more)

    def product(self, objective: Objective) -> tuple[Product, Float[Array, " number"]]:
        """The function that multiplies a vector with the matrix, and the trained weights as one vector.

        Raises:
            InputError: the matrix is to be preconditioned, and the optimiser is not Adam.
        """
        weights = ravel_pytree(objective.trained)[0]
        multiply = curvature_product(objective, self.matrix)
        if not self.preconditioned:
            return multiply, weights
        if objective.scale is None:
            raise InputError(
                f"measure {self.named('...')}: only adamw divides gradients by a scale of their own; leave preconditioned out, or "
                "train with adamw."
            )
        factor = 1 / jnp.sqrt(ravel_pytree(objective.scale)[0])
        return lambda vector: factor * multiply(factor * vector), weights


class TopCurvature(OfCurvature):
    """Sharpness: the largest eigenvalue of the Hessian of the training loss. Gradient descent with a rate above 2 over it diverges.

    Attributes:
        end: `top` is the largest eigenvalue. `bottom` is the smallest one: below 0, the loss curves downwards in some direction.
        matvecs: products with the matrix that the estimate may use; the estimate is never too far out.
    """

    kind: ClassVar[str] = "top_curvature"
    end: Literal["top", "bottom"] = static("top")
    matvecs: int = static(20, ge=2, le=1000)

    @property
    def name(self) -> str:
        """`hessian_top`, `gauss_newton_top`, `hessian_top_preconditioned`, `hessian_bottom`, ..."""
        return self.named(self.end)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In units of the loss over the square of the weights; preconditioned, over a weight."""

        def compute(entries: Mapping[str, Any]) -> Float[Array, ""]:
            multiply, weights = self.product(entries["objective"])
            if self.end == "top":
                return top_eigenvalue(multiply, weights, self.matvecs)
            return -top_eigenvalue(lambda vector: -multiply(vector), weights, self.matvecs)

        return self.at_its_looks(snapshot, self.key(self.end, self.matvecs), compute)


class CurvatureTrace(OfCurvature):
    """The trace of the Hessian of the training loss: the sum of all its eigenvalues.

    Attributes:
        probes: random vectors of signs.
    """

    kind: ClassVar[str] = "curvature_trace"
    probes: int = static(16, ge=2, le=10_000)

    @property
    def name(self) -> str:
        """`hessian_trace`, `gauss_newton_trace`, ..."""
        return self.named("trace")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In units of the loss over the square of the weights."""
        return _probed(self, snapshot, self.probes).trace


class OffDiagonalShare(OfCurvature):
    """Which share of the curvature couples different weights? The squares of off-diagonal entries over the squares of all entries.

    0: every weight can be moved without regard to the others. Near 1: the matrix is nearly all coupling.

    Attributes:
        probes: random vectors of signs.
    """

    kind: ClassVar[str] = "off_diagonal_share"
    probes: int = static(16, ge=2, le=10_000)

    @property
    def name(self) -> str:
        """`hessian_off_diagonal`, `gauss_newton_off_diagonal`, ..."""
        return self.named("off_diagonal")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """About from 0 to 1: both sums of squares are estimated, and right on average."""
        probed = _probed(self, snapshot, self.probes)
        return 1 - probed.diagonal_squares / probed.squares


class CurvatureAlongUpdate(OfCurvature):
    """How curved is the training loss along the next update? The Rayleigh quotient u'Hu / u'u.

    Attributes:
        part: the part of the update, see `UpdateEffect`; `gradient` is the direction of steepest descent.
    """

    kind: ClassVar[str] = "curvature_along_update"
    part: Literal["loss", "decay", "noise", "all", "gradient"] = static("all")

    @property
    def name(self) -> str:
        """`hessian_along_all`, `hessian_along_gradient`, ..."""
        return self.named(f"along_{self.part}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The parts of the update too."""
        return ("elapsed", "objective", "once", "update_parts")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """At most the largest eigenvalue; NaN where the update is 0."""

        def compute(entries: Mapping[str, Any]) -> Float[Array, ""]:
            objective, update = entries["objective"], entries["update_parts"][self.part]
            direction = ravel_pytree({name: update[name] for name in objective.trained})[0]
            if self.preconditioned and objective.scale is not None:
                direction = direction * jnp.sqrt(ravel_pytree(objective.scale)[0])
            multiply, _ = self.product(objective)
            unit = direction / jnp.linalg.norm(direction)
            return unit @ multiply(unit)

        return self.at_its_looks(snapshot, self.key("along", self.part), compute)


class Probed(NamedTuple):
    """What random signs say of a symmetric matrix.

    Attributes:
        trace: the sum of its diagonal.
        squares: the sum of the squares of all entries.
        diagonal_squares: the sum of the squares of its diagonal.
    """

    trace: Float[Array, ""]
    squares: Float[Array, ""]
    diagonal_squares: Float[Array, ""]


def _probed(measure: OfCurvature, snapshot: Mapping[str, Any], probes: int) -> Probed:
    def compute(entries: Mapping[str, Any]) -> Probed:
        multiply, weights = measure.product(entries["objective"])
        return probed(multiply, weights, probes)

    return measure.at_its_looks(snapshot, measure.key("probes", probes), compute)


def curvature_product(objective: Objective, matrix: Matrix) -> Product:
    """The function that multiplies a vector with the Hessian or the Gauss-Newton matrix, by the trained weights as one vector.

    Weights that `training.sparse` holds at 0 are no directions.
    """
    weights, unravel = ravel_pytree(objective.trained)

    def movable(vector: Float[Array, " number"]) -> Float[Array, " number"]:
        return ravel_pytree(objective.movable(unravel(vector)))[0]

    if matrix == "hessian":
        product = jax.linearize(jax.grad(lambda vector: objective.loss(unravel(vector))), weights)[1]
        return lambda vector: movable(product(movable(vector)))
    logits, forward = jax.linearize(lambda vector: objective.logits(unravel(vector)), weights)
    backward = jax.linear_transpose(forward, weights)
    of_logits = jax.linearize(jax.grad(objective.loss_of), logits)[1]
    return lambda vector: movable(backward(of_logits(forward(movable(vector))))[0])


def top_eigenvalue(multiply: Product, like: Float[Array, " number"], matvecs: int) -> Float[Array, ""]:
    """The largest eigenvalue of a symmetric matrix by Lanczos iterations with full re-orthogonalisation.

    The iterations find nothing new once they have met all eigenvectors that the first vector is made of. What they then give is
    rounding, and it is left out.
    """
    from matfree import decomp

    steps = min(matvecs, len(like))
    first = jax.random.normal(jax.random.key(_SEED), like.shape, like.dtype)
    small = decomp.hessenberg(steps, reortho="full", custom_vjp=False)(multiply, first / jnp.linalg.norm(first)).J_small
    diagonal, below = jnp.diag(small), jnp.nan_to_num(jnp.diag(small, -1))
    goes_on = jnp.cumprod((below > _BROKEN * (jnp.abs(diagonal[0]) + below[0])).astype(like.dtype))
    diagonal = jnp.where(jnp.concatenate([jnp.ones(1, like.dtype), goes_on]) > 0, diagonal, diagonal[0])
    below = below * goes_on
    return jnp.linalg.eigvalsh(jnp.diag(diagonal) + jnp.diag(below, 1) + jnp.diag(below, -1))[-1]


def probed(multiply: Product, like: Float[Array, " number"], probes: int) -> Probed:
    """Estimates from products with random signs, each right on average.

    The squares of the diagonal are taken from pairs of different probes, because the square of one estimate is too large on average.
    """
    from matfree import stochtrace

    signs = stochtrace.sampler_signs(like, num=probes)(jax.random.key(_SEED))

    def one(sums: tuple[Any, ...], sign: Float[Array, " number"]) -> tuple[tuple[Any, ...], None]:
        image = multiply(sign)
        diagonal = sign * image
        new = (diagonal, (image @ image), diagonal @ diagonal)
        return tuple(old + more for old, more in zip(sums, new, strict=True)), None

    nothing = (jnp.zeros_like(like), jnp.zeros((), like.dtype), jnp.zeros((), like.dtype))
    (diagonal, squares, own), _ = jax.lax.scan(one, nothing, signs)
    pairs = (diagonal @ diagonal - own) / (probes * (probes - 1))
    return Probed(diagonal.sum() / probes, squares / probes, pairs)
