"""The optimisers: the direction that each gives to the update of `update_rule.py`, as an optax transformation.

All numbers are knobs and enter as traced values, so changing one compiles nothing.
"""

from math import prod
from typing import Any

import jax
import optax
from jaxtyping import Array, Float
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from epicycle.spec.errors import InputError
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_NAMES, MOST_RATE
from epicycle.spec.paths import matches
from epicycle.training.update_rule import Fraction, TensorwiseRule, UpdateRule, by_name, tensor_names


class AdamW(UpdateRule):
    """Adam with weight decay on every tensor (Loshchilov & Hutter, arXiv 1711.05101). With decay 0, or coupled decay, this is Adam.

    Attributes:
        betas: decay rates of the first and second moment.
        eps: added to the root of the second moment; gradients far below it hardly move a weight.
    """

    kind = "adamw"

    lr: float = knob(1e-3, ge=0, le=MOST_RATE)
    weight_decay: float = knob(1.0, ge=0, le=MOST_RATE)
    betas: tuple[Fraction, Fraction] = knob((0.9, 0.98))
    eps: float = knob(1e-8, ge=0, le=MOST_RATE)

    def direction(self) -> optax.GradientTransformation:
        """The first moment divided by the root of the second, both corrected for their start at 0."""
        return optax.scale_by_adam(b1=self.betas[0], b2=self.betas[1], eps=self.eps)


class SGD(UpdateRule):
    """Gradient descent with momentum as in PyTorch (no dampening): m <- momentum * m + g, and the direction is m.

    Attributes:
        momentum: how much of m each update keeps; with 0 the direction is the gradient itself.
        nesterov: the direction is g + momentum * m.
    """

    kind = "sgd"

    lr: float = knob(0.1, ge=0, le=MOST_RATE)
    weight_decay: float = knob(0.0, ge=0, le=MOST_RATE)
    momentum: float = knob(0.0, ge=0, lt=1)
    nesterov: bool = static(False)

    def direction(self) -> optax.GradientTransformation:
        """m, or g + momentum * m with Nesterov's momentum."""
        return optax.trace(decay=self.momentum, nesterov=self.nesterov)


class RMSProp(UpdateRule):
    """The gradient divided by the root of its mean square (Hinton, Coursera lecture 6e), then momentum, as in PyTorch.

    Attributes:
        beta: decay rate of the mean square, PyTorch's `alpha`; the mean square starts at 0 and is not corrected for that.
        eps: added to the root.
        momentum: how much of m each update keeps: m <- momentum * m + g / (sqrt(v) + eps), and the direction is m.
    """

    kind = "rmsprop"
    aliases = {**UpdateRule.aliases, "alpha": "beta"}

    lr: float = knob(1e-3, ge=0, le=MOST_RATE)
    weight_decay: float = knob(0.0, ge=0, le=MOST_RATE)
    beta: float = knob(0.99, ge=0, lt=1)
    eps: float = knob(1e-8, ge=0, le=MOST_RATE)
    momentum: float = knob(0.0, ge=0, lt=1)

    def direction(self) -> optax.GradientTransformation:
        """The momentum m of the scaled gradient."""
        scaled = optax.scale_by_rms(decay=self.beta, eps=self.eps, eps_in_sqrt=False)
        return optax.chain(scaled, optax.trace(decay=self.momentum))


class Lion(UpdateRule):
    """The sign of a momentum (Chen et al., arXiv 2302.06675, algorithm 2).

    The paper advises an lr 3 to 10 times smaller than AdamW's and a decay 3 to 10 times larger. The defaults take the factor 3 against
    the defaults of `AdamW` here. With decoupled decay no weight can outgrow 1 / weight_decay; with the factor 10, small networks did
    not memorise.

    Attributes:
        betas: the direction is sign(betas[0] * m + (1 - betas[0]) * g); m itself decays at betas[1].
    """

    kind = "lion"

    lr: float = knob(3e-4, ge=0, le=MOST_RATE)
    weight_decay: float = knob(3.0, ge=0, le=MOST_RATE)
    betas: tuple[Fraction, Fraction] = knob((0.9, 0.99))

    def direction(self) -> optax.GradientTransformation:
        """sign(betas[0] * m + (1 - betas[0]) * g)."""
        return optax.scale_by_lion(b1=self.betas[0], b2=self.betas[1])


class Muon(TensorwiseRule):
    """Momentum orthogonalised by Newton-Schulz for hidden matrices, AdamW for all other tensors.

    Source: Jordan et al. 2024, KellerJordan/Muon. Each layer's matrix is orthogonalised by itself, its heads side by side: W_Q, W_K
    and W_V count as [d_model, head * d_head] each, and W_O as [head * d_head, d_model]. Jordan's code does the same, while
    Na00s/muon-grokking takes W_Q, W_K and W_V together as one matrix.
    The direction is scaled by sqrt(max(1, fan_out / fan_in)). Momentum is corrected for its start at 0, which changes Nesterov's
    mixture in the first steps only. The defaults are those of Na00s/muon-grokking at depth 1. There the unembedding has a quarter of
    `adam_lr`; write this as a group: ParameterGroup(tensors=("W_U",), lr_scale=0.25).

    Attributes:
        lr: learning rate of the matrices.
        weight_decay: decay of the matrices; `decay_coupling` and `decay_to` hold for all tensors.
        momentum: decay rate of the mean gradient.
        nesterov: orthogonalise momentum * m + (1 - momentum) * g instead of m.
        ns_steps: Newton-Schulz iterations X <- a X + b (X X^T) X + c (X X^T)^2 X, from X = m / |m|.
        ns_coeffs: a, b and c.
        matrices: patterns over the names of the tensors that Muon moves. A head axis must be the third from the end.
        adam_lr: learning rate of all other tensors: embeddings, unembedding, biases, gains.
        adam_weight_decay: weight decay of those tensors.
        adam_betas: decay rates of their first and second moment.
        adam_eps: added to the root of their second moment.
    """

    kind = "muon"

    lr: float = knob(0.03, ge=0, le=MOST_RATE)
    weight_decay: float = knob(0.1, ge=0, le=MOST_RATE)
    momentum: float = knob(0.95, ge=0, lt=1)
    nesterov: bool = static(True)
    ns_steps: int = static(5, ge=1, le=100)
    ns_coeffs: tuple[float, float, float] = static((3.4445, -4.7750, 2.0315))
    matrices: tuple[str, ...] = static(("W_Q", "W_K", "W_V", "W_O", "W_in", "W_gate", "W_hidden", "W_out"), max_length=MOST_NAMES)
    adam_lr: float = knob(1e-3, ge=0, le=MOST_RATE)
    adam_weight_decay: float = knob(1.0, ge=0, le=MOST_RATE)
    adam_betas: tuple[Fraction, Fraction] = knob((0.9, 0.999))
    adam_eps: float = knob(1e-8, ge=0, le=MOST_RATE)

    def direction(self) -> optax.GradientTransformation:
        """An almost orthogonal matrix for each matrix, Adam's direction for every other tensor."""
        muon = scale_by_muon(
            self.ns_coeffs, self.ns_steps, self.momentum, nesterov=self.nesterov, weight_dimension_numbers=lambda u: by_name(_axes, u)
        )
        scaled = optax.stateless(lambda updates, params: by_name(lambda name, u: u * _shape_factor(name, u), updates))
        adam = optax.scale_by_adam(b1=self.adam_betas[0], b2=self.adam_betas[1], eps=self.adam_eps)
        label = lambda name, _: "muon" if matches(name, self.matrices) else "adam"  # noqa: E731
        return optax.partition({"muon": optax.chain(muon, scaled), "adam": adam}, lambda params: by_name(label, params))

    def rates(self, name: str) -> tuple[Any, Any]:
        """`lr` and `weight_decay` for the matrices, `adam_lr` and `adam_weight_decay` for all other tensors."""
        return (self.lr, self.weight_decay) if matches(name, self.matrices) else (self.adam_lr, self.adam_weight_decay)

    def check_fields(self, params: Any) -> None:
        """Check `matrices` against a network.

        Raises:
            InputError: the patterns match no tensor, or one that has fewer than two axes.
        """
        names = tensor_names(params)
        if not any(matches(name, self.matrices) for name in names):
            raise InputError(
                f"training.optimiser.matrices: none of {', '.join(self.matrices)} is a tensor of this network, so Muon would move "
                f"nothing; name its hidden matrices. Its tensors: {', '.join(names)}."
            )
        axis_counts = [weight.ndim for weight in jax.tree.leaves(params)]
        vectors = [name for name, axes in zip(names, axis_counts, strict=True) if matches(name, self.matrices) and axes < 2]
        if vectors:
            raise InputError(
                f"training.optimiser.matrices: {', '.join(vectors)} has fewer than two axes and is no matrix; leave it out."
            )


def _axes(name: str, weight: Float[Array, "..."]) -> MuonDimensionNumbers:
    """Which axes of a tensor in TransformerLens's shape are the input and the output of a matrix; all others count matrices."""
    if name in ("W_Q", "W_K", "W_V") and weight.ndim > 2:
        return MuonDimensionNumbers(reduction_axis=(-2,), output_axis=(-3, -1))
    if name == "W_O" and weight.ndim > 2:
        return MuonDimensionNumbers(reduction_axis=(-3, -2), output_axis=(-1,))
    return MuonDimensionNumbers(reduction_axis=(-2,), output_axis=(-1,))


def _shape_factor(name: str, weight: Float[Array, "..."]) -> float:
    """sqrt(max(1, fan_out / fan_in)), so that an update changes outputs equally whatever the shape (KellerJordan/Muon)."""
    fan_in, fan_out = (prod(weight.shape[axis] for axis in axes) for axes in _axes(name, weight))
    return max(1.0, fan_out / fan_in) ** 0.5
