"""Optimisers: optax transformations whose hyper-parameters are traced, so that changing one compiles nothing."""

from math import prod
from typing import Any

import jax
import optax
from jaxtyping import Array, Float
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from epicycle.spec.errors import InputError
from epicycle.spec.fields import knob, static
from epicycle.spec.paths import matches
from epicycle.training.update_rule import Fraction, UpdateRule, by_name, tensor_names


class AdamW(UpdateRule):
    """Adam with weight decay on every tensor (Loshchilov & Hutter, arXiv 1711.05101). Decay 0, or coupled, gives Adam.

    Attributes:
        betas: decay rates of the first and second moment.
        eps: added to the root of the second moment; it mutes gradients far below it.
    """

    kind = "adamw"

    lr: float = knob(1e-3, ge=0)
    weight_decay: float = knob(1.0, ge=0)
    betas: tuple[Fraction, Fraction] = knob((0.9, 0.98))
    eps: float = knob(1e-8, ge=0)

    def direction(self) -> optax.GradientTransformation:
        """The first moment over the root of the second, both corrected for their start at 0."""
        return optax.scale_by_adam(b1=self.betas[0], b2=self.betas[1], eps=self.eps)


class SGD(UpdateRule):
    """Gradient descent with momentum as in PyTorch (no dampening): m <- momentum * m + g; the direction is m, or g itself at 0.

    Attributes:
        nesterov: the direction is g + momentum * m.
    """

    kind = "sgd"

    lr: float = knob(0.1, ge=0)
    weight_decay: float = knob(0.0, ge=0)
    momentum: float = knob(0.0, ge=0, lt=1)
    nesterov: bool = static(False)

    def direction(self) -> optax.GradientTransformation:
        """The momentum."""
        return optax.trace(decay=self.momentum, nesterov=self.nesterov)


class RMSProp(UpdateRule):
    """The gradient over the root of its mean square (Hinton, Coursera lecture 6e), with momentum after it, as in PyTorch.

    Attributes:
        beta: decay rate of the mean square, which starts at 0 and is not corrected for it; PyTorch's `alpha`.
        eps: added to the root.
        momentum: m <- momentum * m + g / (sqrt(v) + eps); the direction is m.
    """

    kind = "rmsprop"
    aliases = {**UpdateRule.aliases, "alpha": "beta"}

    lr: float = knob(1e-3, ge=0)
    weight_decay: float = knob(0.0, ge=0)
    beta: float = knob(0.99, ge=0, lt=1)
    eps: float = knob(1e-8, ge=0)
    momentum: float = knob(0.0, ge=0, lt=1)

    def direction(self) -> optax.GradientTransformation:
        """The momentum of the scaled gradient."""
        scaled = optax.scale_by_rms(decay=self.beta, eps=self.eps, eps_in_sqrt=False)
        return optax.chain(scaled, optax.trace(decay=self.momentum))


class Lion(UpdateRule):
    """The sign of a momentum (Chen et al., arXiv 2302.06675, algorithm 2).

    The defaults are AdamW's here with a third of its lr and three times its decay, the mild end of the paper's advice (3 to 10). No
    weight can outgrow 1 / weight_decay when the decay is decoupled; at 10, small networks did not memorise.

    Attributes:
        betas: the direction is sign(betas[0] * m + (1 - betas[0]) * g); m itself decays at betas[1].
    """

    kind = "lion"

    lr: float = knob(3e-4, ge=0)
    weight_decay: float = knob(3.0, ge=0)
    betas: tuple[Fraction, Fraction] = knob((0.9, 0.99))

    def direction(self) -> optax.GradientTransformation:
        """The sign."""
        return optax.scale_by_lion(b1=self.betas[0], b2=self.betas[1])


class Muon(UpdateRule):
    """Momentum orthogonalised by Newton-Schulz for hidden matrices, AdamW for the rest (Jordan et al. 2024, KellerJordan/Muon).

    Every layer's matrix is orthogonalised by itself. Heads are concatenated: W_Q, W_K and W_V count as [d_model, head * d_head] each,
    W_O as [head * d_head, d_model]; so in Jordan's code, while Na00s/muon-grokking takes W_Q, W_K and W_V together as one matrix. The
    direction is scaled by sqrt(max(1, fan_out / fan_in)). Momentum is corrected for its start at 0, which changes Nesterov's mixture
    in the first steps only. The defaults are Na00s/muon-grokking's at depth 1; its unembedding has a quarter of `adam_lr`, which is
    a group: ParameterGroup(tensors=("W_U",), lr_scale=0.25).

    Attributes:
        lr: learning rate of the matrices.
        weight_decay: decay of the matrices; `decay_coupling` and `decay_to` hold for all tensors.
        momentum: decay rate of the mean gradient.
        nesterov: orthogonalise momentum * m + (1 - momentum) * g rather than m.
        ns_steps: Newton-Schulz iterations X <- a X + b (X X^T) X + c (X X^T)^2 X, from X = m / |m|.
        ns_coeffs: a, b and c.
        matrices: patterns over the names of the tensors that Muon moves. Where there is a head axis, it is the third from the end.
        adam_lr: learning rate of all other tensors: embeddings, unembedding, biases, gains.
        adam_weight_decay: their decay.
        adam_betas: decay rates of their moments.
        adam_eps: added to the root of their second moment.
    """

    kind = "muon"

    lr: float = knob(0.03, ge=0)
    weight_decay: float = knob(0.1, ge=0)
    momentum: float = knob(0.95, ge=0, lt=1)
    nesterov: bool = static(True)
    ns_steps: int = static(5, ge=1)
    ns_coeffs: tuple[float, float, float] = static((3.4445, -4.7750, 2.0315))
    matrices: tuple[str, ...] = static(("W_Q", "W_K", "W_V", "W_O", "W_in", "W_gate", "W_hidden", "W_out"))
    adam_lr: float = knob(1e-3, ge=0)
    adam_weight_decay: float = knob(1.0, ge=0)
    adam_betas: tuple[Fraction, Fraction] = knob((0.9, 0.999))
    adam_eps: float = knob(1e-8, ge=0)

    def direction(self) -> optax.GradientTransformation:
        """An almost orthogonal matrix for each matrix, Adam's direction for every other tensor."""
        muon = scale_by_muon(
            self.ns_coeffs, self.ns_steps, self.momentum, nesterov=self.nesterov, weight_dimension_numbers=lambda u: by_name(_axes, u)
        )
        shaped = optax.stateless(lambda updates, params: by_name(lambda name, u: u * _shape_factor(name, u), updates))
        adam = optax.scale_by_adam(b1=self.adam_betas[0], b2=self.adam_betas[1], eps=self.adam_eps)
        side = lambda name, _: "muon" if matches(name, self.matrices) else "adam"  # noqa: E731
        return optax.partition({"muon": optax.chain(muon, shaped), "adam": adam}, lambda params: by_name(side, params))

    def rates(self, name: str) -> tuple[Any, Any]:
        """Those of the matrices, or Adam's."""
        return (self.lr, self.weight_decay) if matches(name, self.matrices) else (self.adam_lr, self.adam_weight_decay)

    def refuse(self, params: Any) -> None:
        """Check the fields against a network.

        Raises:
            InputError: a group's pattern matches no tensor, there is no matrix for Muon, or a tensor named as one is none.
        """
        super().refuse(params)
        names = tensor_names(params)
        if not any(matches(name, self.matrices) for name in names):
            raise InputError(
                f"training.optimiser.matrices: none of {', '.join(self.matrices)} is a tensor of this network, so Muon would move "
                f"nothing; name its hidden matrices. Its tensors: {', '.join(names)}."
            )
        axes = dict(zip(names, (weight.ndim for weight in jax.tree.leaves(params)), strict=True))
        flat = [name for name in names if matches(name, self.matrices) and axes[name] < 2]
        if flat:
            raise InputError(f"training.optimiser.matrices: {', '.join(flat)} has fewer than two axes and is no matrix; leave it out.")


def _axes(name: str, weight: Float[Array, "..."]) -> MuonDimensionNumbers:
    """Input and output axes of a stack of matrices in TransformerLens's shapes; all other axes count matrices."""
    if name in ("W_Q", "W_K", "W_V") and weight.ndim > 2:
        return MuonDimensionNumbers(reduction_axis=(-2,), output_axis=(-3, -1))
    if name == "W_O" and weight.ndim > 2:
        return MuonDimensionNumbers(reduction_axis=(-3, -2), output_axis=(-1,))
    return MuonDimensionNumbers(reduction_axis=(-2,), output_axis=(-1,))


def _shape_factor(name: str, weight: Float[Array, "..."]) -> float:
    """sqrt(max(1, fan_out / fan_in)): an update then changes outputs alike whatever the shape (KellerJordan/Muon)."""
    fan_in, fan_out = (prod(weight.shape[axis] for axis in axes) for axes in _axes(name, weight))
    return max(1.0, fan_out / fan_in) ** 0.5
