"""What a network does if it is altered on the spot, without further training: neurons taken out, embeddings exchanged or negated.

Pruning by the spectrum of neurons separates memory from the general algorithm in Doshi et al. (arXiv 2310.13061, section 4). The other
alterations are those with which Stander et al. (arXiv 2312.06581, section 5) test that neurons recognise cosets.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from pydantic import model_validator

from epicycle.circuits.removable import last_hidden_site
from epicycle.maths.cross_entropy import cross_entropy, margins
from epicycle.measures.fit import Accuracy, Loss, Rows, mean_over
from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyMeasure, Measure
from epicycle.spec.fields import static

RANDOM_SEED = 0  # of the order in which `random` takes neurons out


class PrunedAccuracy(Measure):
    """Share of right rows after some neurons of the last hidden layer are set to 0, without further training.

    Attributes:
        by: a measure that gives a number for each neuron: `neuron_ipr`, `coset_distance`, `neuron_share`.
        which: `lowest` or `highest` takes out the share of the neurons with these numbers; `random` a share drawn once, which is the
            control; `above` all neurons whose number is at least `level`. A number that is NaN counts as lowest, and above nothing.
        share: share of the neurons that are taken out.
        level: for `above`.
        rows: the rows that are scored, see `Accuracy`.
    """

    kind: ClassVar[str] = "pruned_accuracy"
    by: AnyMeasure
    which: Literal["lowest", "highest", "random", "above"] = static("lowest")
    share: float = static(0.5, gt=0, lt=1)
    level: float = static(1.0)
    rows: Rows = static("test")

    @model_validator(mode="after")
    def _is_of_neurons(self) -> "PrunedAccuracy":
        if self.by.dims != ("neuron",):
            raise ValueError(f"{self.by.name} gives no number for each neuron; take neuron_ipr, coset_distance or neuron_share")
        return self

    @property
    def name(self) -> str:
        """`test_acc_without_lowest_0.5_neuron_ipr`, `corrupted_acc_without_above_1_coset_distance_sum`, ..."""
        return f"{self.rows}_acc_without_{self.which}_{self.level if self.which == 'above' else self.share:g}_{self.by.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """What ranks the neurons, a forward pass without some of them, and the rows."""
        return tuple(dict.fromkeys((*self.by.needs, "activations", "patched", "labels", self.rows)))

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN if there are no such rows."""
        kept = ~self._taken_out(self.by.fn(snapshot))
        logits = snapshot["patched"]([(last_hidden_site(snapshot["activations"], "post"), lambda value: value * kept)])
        return mean_over((margins(logits, snapshot["labels"]) > 0).astype(logits.dtype), snapshot[self.rows])

    def _taken_out(self, numbers: Float[Array, " neuron"]) -> Bool[Array, " neuron"]:
        """The neurons that are set to 0."""
        if self.which == "above":
            return numbers >= self.level
        n = len(numbers)
        if self.which == "random":
            rank = jnp.asarray(np.random.default_rng(RANDOM_SEED).permutation(n))
        else:
            ascending = jnp.argsort(jnp.where(jnp.isnan(numbers), -jnp.inf, numbers))
            rank = jnp.zeros(n, int).at[ascending if self.which == "lowest" else ascending[::-1]].set(jnp.arange(n))
        return rank < round(self.share * n)


class Altered(Measure):
    """Loss or accuracy of the network with one thing altered, without further training.

    Source: Stander et al., arXiv 2312.06581, section 5, whose networks have a table of embeddings for each operand.

    Attributes:
        alteration: `swap` exchanges the two tables of embeddings. `flip_first`, `flip_second` and `flip_both` negate the table of an
            operand, or both. `absolute` puts the absolute value of the last hidden layer's input in the place of its non-linearity.
        quantity: mean loss as it is recorded, or share of right rows.
        rows: the rows that are scored, see `Accuracy`.
    """

    kind: ClassVar[str] = "altered"
    alteration: Literal["swap", "flip_first", "flip_second", "flip_both", "absolute"] = static()
    quantity: Literal["loss", "acc"] = static("acc")
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`test_acc_after_swap`, `test_loss_after_absolute`, ..."""
        return f"{self._quantity().name}_after_{self.alteration}"

    @property
    def needs(self) -> tuple[str, ...]:
        """A forward pass of the altered network, and the rows."""
        altered = ("activations", "patched") if self.alteration == "absolute" else ("params", "measured_at")
        return tuple(dict.fromkeys((*self._quantity().needs, "labels", *altered)))

    def _quantity(self) -> Accuracy | Loss:
        return (Accuracy if self.quantity == "acc" else Loss)(rows=self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In nats, or from 0 to 1.

        Raises:
            InputError: the network has no table of embeddings for each operand.
        """
        if self.alteration == "absolute":
            return self._with_absolute(snapshot)
        params = snapshot["params"]
        if "W_E" not in params or params["W_E"].ndim != 3:
            raise InputError(
                f"altered, {self.alteration}: the network needs a table of embeddings for each operand; take an mlp with "
                "embeddings: separate."
            )
        tables = params["W_E"]
        signs = {"flip_first": (-1, 1), "flip_second": (1, -1), "flip_both": (-1, -1)}.get(self.alteration)
        changed = tables[::-1] if signs is None else tables * jnp.asarray(signs, tables.dtype)[:, None, None]
        return snapshot["measured_at"](self._quantity(), {**params, "W_E": changed})

    def _with_absolute(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        activations, labels = snapshot["activations"], snapshot["labels"]
        magnitude = jnp.abs(activations[last_hidden_site(activations, "pre")])
        logits = snapshot["patched"]([(last_hidden_site(activations, "post"), lambda value: magnitude)])
        right = (margins(logits, labels) > 0).astype(logits.dtype)
        return mean_over(right if self.quantity == "acc" else cross_entropy(logits, labels), snapshot[self.rows])
