"""The fields of the transformer, its initial weights, and the small accessors that the plain and the fast form share."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.models.activation_functions import Activation, normalised
from epicycle.models.initialisation import Scheme, Tensor, draw
from epicycle.models.transformer.positions import sinusoids
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model, Params
from epicycle.spec.fields import knob, static
from epicycle.spec.interchangeable import Interchangeable, UnitsIn
from epicycle.spec.limits import MOST_LAYERS, MOST_WIDTH
from epicycle.spec.table import Table

Bias = Literal["b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U"]
STACKED = ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out", "b_Q", "b_K", "b_V", "b_O", "b_in", "b_out")  # stacked over layers
NORMS = ("ln1_w", "ln1_b", "ln2_w", "ln2_b")


class TransformerFields(Model):
    """The fields of a transformer and what follows from them. `Transformer` adds the forward passes and documents the fields."""

    n_layers: int = static(1, ge=1, le=MOST_LAYERS)
    d_model: int = static(128, ge=1, le=MOST_WIDTH)
    n_heads: int = static(4, ge=1, le=1000)
    d_head: int | None = static(None, ge=1, le=MOST_WIDTH)
    d_mlp: int | None = static(None, ge=1, le=MOST_WIDTH)
    act_fn: Activation = static("relu")
    norm: Literal["none", "pre", "post", "pre_stream"] = static("none")
    norm_kind: Literal["layer", "rms"] = static("layer")
    final_norm: bool = static(False)
    biases: tuple[Bias, ...] = static(("b_in", "b_out"), max_length=10)
    positions: Literal["learned", "sinusoidal", "rotary", "none"] = static("learned")
    scaled_embedding: bool = static(False)
    causal: bool = static(True)
    tied: bool = static(False)
    attention_rate: float | None = knob(None, ge=0, le=1)
    smeared_keys: bool = static(False)
    d_vocab_out: Literal["tokens", "classes"] = static("tokens")
    dropout: float | None = knob(None, ge=0, lt=1)
    dropout_at: tuple[Literal["embed", "attn", "mlp"], ...] = static(("attn", "mlp"), max_length=10)
    initialisation: Scheme = static("progress_measures")
    attention_initialisation: Literal["same", "torch_multihead", "xavier"] = static("same")
    init_scale: float = knob(1.0, gt=0, le=1e6)

    @model_validator(mode="after")
    def _fits_together(self) -> "TransformerFields":
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads = {self.n_heads} does not divide d_model = {self.d_model}; choose n_heads that does, or set d_head"
            )
        if self.positions == "rotary" and self.head_width % 2:
            raise ValueError(
                f"rotary positions turn pairs of features, but a head has {self.head_width} of them; choose an even width"
            )
        if self.tied and self.d_vocab_out == "classes":
            raise ValueError("a tied unembedding has a logit for every token; set d_vocab_out to tokens, or tied to false")
        return self

    @property
    def head_width(self) -> int:
        """Features of a head: `d_head`, or d_model / n_heads where it is None."""
        return self.d_head or self.d_model // self.n_heads

    @property
    def mlp_width(self) -> int:
        """Hidden units of an MLP: `d_mlp`, or 4 * d_model where it is None."""
        return self.d_mlp or 4 * self.d_model

    @property
    def reads_normalised(self) -> bool:
        """Whether attention and MLP read a normalised residual stream."""
        return self.norm in ("pre", "pre_stream")

    def n_logits(self, table: Table) -> int:
        """Number of logits for a task: one for each token, or one for each class."""
        return table.d_vocab if self.d_vocab_out == "tokens" else table.num_classes

    def block_params(self, params: Params, layer: int) -> Params:
        """The tensors of one block, without their layer axis."""
        return {name: params[name][layer] for name in (*STACKED, *NORMS, "smear") if name in params}

    def unembedding(self, params: Params) -> Float[Array, "d_model d_vocab_out"]:
        """W_U, or the transposed embedding where the two are tied."""
        return params["W_E"].T if self.tied else params["W_U"]

    def token_vectors(self, params: Params) -> Float[Array, "token d_model"]:
        """The vector looked up for each token: W_E, times sqrt(d_model) where `scaled_embedding` is set."""
        table = params["W_E"]
        return table * jnp.asarray(self.d_model**0.5, table.dtype) if self.scaled_embedding else table

    def position_vectors(self, params: Params, n_pos: int) -> Float[Array, "pos d_model"] | None:
        """The vector added to the embedding at each position; None where positions add nothing.

        Learned vectors come for all positions of the network, which may be more than `n_pos`.
        """
        if self.positions == "learned":
            return params["W_pos"]
        return sinusoids(n_pos, self.d_model, params["W_E"].dtype) if self.positions == "sinusoidal" else None

    def normalise(self, weights: Params, name: str, x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
        """Apply one normalisation of a block.

        Args:
            weights: the tensors of the block.
            name: `ln1` or `ln2`.
            x: activations with features along `axis`.
            axis: the axis of the features.
        """
        return normalised(x, weights[f"{name}_w"], weights.get(f"{name}_b"), axis)

    def interchangeable(self) -> tuple[Interchangeable, ...]:
        """The heads and the neurons of each block, and the features of the residual stream.

        Sinusoidal positions tell the features apart.
        """
        heads = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "smear")
        layers = range(self.n_layers)
        groups = [Interchangeable(f"heads of block {i}", tuple(UnitsIn(name, 0, i) for name in heads)) for i in layers]
        neurons = (("W_in", 1), ("b_in", 0), ("W_out", 0))
        groups += [Interchangeable(f"neurons of block {i}", tuple(UnitsIn(name, axis, i) for name, axis in neurons)) for i in layers]
        return tuple(groups) if self.positions == "sinusoidal" else (*groups, self._stream())

    def _stream(self) -> Interchangeable:
        """The features of the residual stream, wherever they lie."""
        once = (("W_E", 1), ("W_pos", 1), ("W_U", 0), ("ln_final_w", 0), ("ln_final_b", 0))
        inner = (("W_Q", 1), ("W_K", 1), ("W_V", 1), ("W_O", 2), ("b_O", 0), ("W_in", 0), ("W_out", 1), ("b_out", 0))
        of_blocks = (*inner, *((name, 0) for name in NORMS))
        blocks = (UnitsIn(name, axis, i) for i in range(self.n_layers) for name, axis in of_blocks)
        return Interchangeable("features", (*(UnitsIn(name, axis) for name, axis in once), *blocks))

    def init(self, key: jax.Array, table: Table) -> Params:
        """Draw fresh parameters.

        Returns:
            W_E, W_pos, W_Q, W_K, W_V, W_O, W_in, W_out, W_U, the biases, ln1_w, ln1_b, ln2_w, ln2_b, ln_final_w, ln_final_b and
            smear, as far as the fields ask for them.

        Raises:
            InputError: the network has no causal mask and the task asks for an answer before the last token. The network would
                see the answer.
        """
        last_position = table.inputs.shape[1] - 1
        if not self.causal and any(position < last_position for position in table.positions or ()):
            raise InputError(
                "this form is read before its last token, which a network without a causal mask sees; set causal to true."
            )
        bounds = self._attention_bounds()
        tensors = {
            name: tensor._replace(bound=bounds.get(name)) for name, tensor in (self._weights(table) | self._biases(table)).items()
        }
        params = draw(key, tensors, self.initialisation, self.d_model, self.init_scale)
        if self.smeared_keys:
            params["smear"] = jnp.zeros((self.n_layers, self.n_heads), jnp.float32)
        return params | self._norms()

    def _weights(self, table: Table) -> dict[str, Tensor]:
        """The weight matrices to draw. Their order decides which random key each of them gets."""
        layers, d, heads, width, hidden = self.n_layers, self.d_model, self.n_heads, self.head_width, self.mlp_width
        n_pos = table.inputs.shape[1]
        weights = {
            "W_E": Tensor((table.d_vocab, d), table.d_vocab),
            "W_pos": Tensor((n_pos, d), n_pos),
            **dict.fromkeys(("W_Q", "W_K", "W_V"), Tensor((layers, heads, d, width), d)),
            "W_O": Tensor((layers, heads, width, d), heads * width),
            "W_in": Tensor((layers, d, hidden), d),
            "W_out": Tensor((layers, hidden, d), hidden),
            "W_U": Tensor((d, self.n_logits(table)), d),
        }
        if self.positions != "learned":
            del weights["W_pos"]
        if self.tied:
            del weights["W_U"]
        return weights

    def _biases(self, table: Table) -> dict[str, Tensor]:
        """The biases to draw. Their order decides which random key each of them gets."""
        layers, d, heads, width, hidden = self.n_layers, self.d_model, self.n_heads, self.head_width, self.mlp_width
        d_out = self.n_logits(table)
        possible = {
            **dict.fromkeys(("b_Q", "b_K", "b_V"), Tensor((layers, heads, width), d, bias=True)),
            "b_O": Tensor((layers, d), heads * width, bias=True),
            "b_in": Tensor((layers, hidden), d, bias=True),
            "b_out": Tensor((layers, d), hidden, bias=True),
            "b_U": Tensor((d_out,), d, bias=True),
        }
        return {name: tensor for name, tensor in possible.items() if name in self.biases}

    def _attention_bounds(self) -> dict[str, float]:
        """Uniform bounds of the attention tensors that `attention_initialisation` takes out of the scheme."""
        if self.attention_initialisation == "same":
            return {}
        width = self.n_heads * self.head_width
        bounds = dict.fromkeys(("W_Q", "W_K", "W_V"), (6 / (self.d_model + 3 * width)) ** 0.5)
        if self.attention_initialisation == "xavier":
            bounds["W_O"] = (6 / (width + self.d_model)) ** 0.5
        return bounds | dict.fromkeys(("b_Q", "b_K", "b_V", "b_O"), 0.0)

    def _norms(self) -> Params:
        """Gains of 1 and shifts of 0 for every normalisation; RMSNorm has no shifts."""
        shapes: dict[str, tuple[int, ...]] = {} if self.norm == "none" else dict.fromkeys(NORMS, (self.n_layers, self.d_model))
        if self.final_norm:
            shapes |= dict.fromkeys(("ln_final_w", "ln_final_b"), (self.d_model,))
        needed = {name: shape for name, shape in shapes.items() if self.norm_kind == "layer" or name.endswith("_w")}
        return {name: jnp.full(shape, float(name.endswith("_w")), jnp.float32) for name, shape in needed.items()}
