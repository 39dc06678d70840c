"""What changes of the weights do to the training loss: taking single weights or blocks out, and going in random directions.

Random directions are filter-normalised (Li et al. 2018, arXiv 1712.09913, section 4): the part of a direction that belongs to one
unit is as long as the weights of that unit, and biases do not move. Then a network whose layers are rescaled without a change of what
it computes has the same profile.

Cost at a look: a forward pass on the training rows for every changed network.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from epicycle.measures.seldom import Seldom
from epicycle.spec.errors import InputError
from epicycle.spec.families import Params, Task
from epicycle.spec.fields import static
from epicycle.spec.objective import Objective

_SEED = 0  # of blocks and directions, the same at every look


class ChangeGain(Seldom):
    """Which share of some changes lowers the training loss plus the energy of weight decay?

    0.5 of all small changes do wherever the network is not at rest, and none do at a minimum.

    Attributes:
        change: `remove` sets the weights of a block to 0. `shift` adds or subtracts, at random, a part of their typical size.
        block: how many weights are changed together, or how many neurons.
        chosen: which weights these are. `random` draws them from all tensors that are trained. `neurons` draws neurons of the hidden
            layer; all weights of a neuron are changed. `best` tries the change of each of `samples` weights alone, and then makes the
            `block` changes together that did best alone; the series is 1 where this lowers the loss, and 0 elsewhere.
        size: for `shift`: the change of each weight, in units of the root mean square of its tensor.
        penalised: whether the energy of weight decay counts. For AdamW it is half the decay times the squares of the weights, each
            times what Adam divides its gradient by: the loss plus this energy is at rest where AdamW is. The series without it ends in
            `_unpenalised`.
        samples: how many changes are tried.
    """

    kind: ClassVar[str] = "change_gain"
    change: Literal["remove", "shift"] = static("remove")
    block: int = static(1, ge=1, le=1_000_000)
    chosen: Literal["random", "neurons", "best"] = static("random")
    size: float = static(0.1, gt=0, le=1000)
    penalised: bool = static(True)
    samples: int = static(200, ge=10, le=100_000)

    @property
    def name(self) -> str:
        """`gain_of_removing_1`, `gain_of_shifting_100_by_0.1`, `gain_of_removing_best_10`, ..."""
        block = f"{'' if self.chosen == 'random' else f'{self.chosen}_'}{self.block}"
        deed = f"removing_{block}" if self.change == "remove" else f"shifting_{block}_by_{self.size:g}"
        return f"gain_of_{deed}{'' if self.penalised else '_unpenalised'}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN before the first step of Adam, whose scale is not known yet.

        Raises:
            InputError: the optimiser has no known energy of weight decay, the network has fewer weights than a block, or it has no
                single hidden layer whose neurons could be drawn.
        """
        return self.at_its_looks(snapshot, ("change_gain", self.name, self.samples), lambda entries: self._share(entries["objective"]))

    def _share(self, objective: Objective) -> Float[Array, ""]:
        weights, unravel = ravel_pytree(objective.trained)
        self._check(objective, len(weights))

        def energy(vector: Float[Array, " number"]) -> Float[Array, ""]:
            params = unravel(vector)
            penalty = objective.penalty(params) if self.penalised and objective.penalty is not None else 0.0
            return objective.loss(params) + penalty

        typical = {name: jnp.full_like(w, jnp.sqrt(jnp.square(w).mean())) for name, w in objective.trained.items()}
        shifts, before = self.size * ravel_pytree(typical)[0], energy(weights)

        def gain(block: Int[Array, " draw"], sign: Float[Array, " draw"]) -> Float[Array, ""]:
            new = jnp.zeros_like(sign) if self.change == "remove" else weights[block] + sign * shifts[block]
            return before - energy(weights.at[block].set(new))

        blocks, signs = self._drawn(objective.trained, weights)
        gains = jax.lax.map(lambda drawn: gain(*drawn), (blocks, signs))
        if self.chosen == "best":
            best = jax.lax.top_k(gains, self.block)[1]
            gains = gain(blocks[best, 0], signs[best, 0])
        return jnp.where(jnp.isfinite(before), (gains > 0).astype(weights.dtype).mean(), jnp.nan)

    def _drawn(self, trained: Params, weights: Float[Array, " number"]) -> tuple[Int[Array, "draw ..."], Float[Array, "draw ..."]]:
        """The weights of each change, and the signs of their shifts. All weights are numbered in the order of the flat vector."""
        rng = np.random.default_rng(_SEED)
        if self.chosen == "best":
            blocks = rng.permutation(len(weights))[: self.samples, None]
        elif self.chosen == "neurons":
            of_neuron = _weights_of_neurons(trained)
            blocks = np.stack([of_neuron[rng.permutation(len(of_neuron))[: self.block]].ravel() for _ in range(self.samples)])
        else:
            blocks = np.stack([rng.permutation(len(weights))[: self.block] for _ in range(self.samples)])
        return jnp.asarray(blocks.astype(np.int32)), jnp.asarray(rng.choice([-1.0, 1.0], blocks.shape), weights.dtype)

    def _check(self, objective: Objective, n_weights: int) -> None:
        """Refuse what this network or its optimiser does not have."""
        if self.penalised and objective.penalty is None:
            raise InputError(
                f"measure {self.name}: no energy is known that the weight decay of this optimiser descends (adamw and sgd have one, "
                "towards 0); write penalised: false to look at the training loss alone, or leave the measure out."
            )
        if self.chosen == "neurons":
            n_neurons = len(_weights_of_neurons(objective.trained))
            if not n_neurons:
                raise InputError(f"measure {self.name}: neurons need one hidden layer, W_in and W_U: an mlp or a quadratic network.")
            if self.block > n_neurons:
                raise InputError(f"measure {self.name}: this network has {n_neurons:,} neurons; take a smaller block.")
        elif self.block > min(n_weights, self.samples if self.chosen == "best" else n_weights):
            raise InputError(f"measure {self.name}: this network has {n_weights:,} weights that are trained; take a smaller block.")


def _weights_of_neurons(trained: Params) -> Int[np.ndarray, "neuron weight"]:
    """Where the weights of each neuron of a single hidden layer stand in the flat vector of all tensors."""
    if not {"W_in", "W_U"} <= set(trained) or {"W_hidden", "W_out"} & set(trained):
        return np.zeros((0, 0), np.int64)
    ends = np.cumsum([trained[name].size for name in sorted(trained)])
    places = {
        name: (end - trained[name].size + np.arange(trained[name].size)).reshape(trained[name].shape)
        for name, end in zip(sorted(trained), ends, strict=True)
    }
    bias = [places["b_in"][:, None]] if "b_in" in trained else []
    return np.concatenate([places["W_in"].T, *bias, places["W_U"]], axis=1)


class OfDirections(Seldom):
    """What the measures along random directions share.

    Attributes:
        directions: how many random directions are averaged over.
        distances: how far the network is moved along each, in units of its own weights: 1 is as far as the weights are long.
    """

    directions: int = static(16, ge=1, le=10_000)
    distances: tuple[float, ...] = static((0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0), min_length=2, max_length=1000)

    def rises(self, snapshot: Mapping[str, Any]) -> Float[Array, " distance"]:
        """By how much the training loss is higher at each distance: the mean over directions, computed once for all measures."""
        key = ("rises", self.directions, self.distances)
        mean: Float[Array, " distance"] = self.at_its_looks(snapshot, key, lambda entries: self._rises(entries["objective"]))
        return mean

    def _rises(self, objective: Objective) -> Float[Array, " distance"]:
        before = objective.loss(objective.trained)
        distances = jnp.asarray(self.distances, before.dtype)

        def along(key: Array) -> Float[Array, " distance"]:
            direction = filter_normalised(key, objective.trained)

            def rise(distance: Float[Array, ""]) -> Float[Array, ""]:
                return objective.loss({name: w + distance * direction[name] for name, w in objective.trained.items()}) - before

            return jax.lax.map(rise, distances)

        return jax.lax.map(along, jax.random.split(jax.random.key(_SEED), self.directions)).mean(axis=0)


class DirectionProfile(OfDirections):
    """How does the training loss rise along random filter-normalised directions?"""

    kind: ClassVar[str] = "direction_profile"
    dims: ClassVar[tuple[str, ...]] = ("distance",)

    @property
    def name(self) -> str:
        """`rise_along_directions`."""
        return "rise_along_directions"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " distance"]:
        """In units of the loss."""
        return self.rises(snapshot)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The distances."""
        del params, task
        return {"distance": [f"{distance:g}" for distance in self.distances]}


class PerturbationRadius(OfDirections):
    """How far can a network go in a random direction before the training loss has risen by so much?

    The distance is read off a straight line between two of `distances`. It is the first of them times the part of the rise where the
    loss rises by then, and the last one where the loss does not rise so much.

    Attributes:
        rise: how much the training loss may rise, in its own units.
    """

    kind: ClassVar[str] = "perturbation_radius"
    rise: float = static(0.1, gt=0, le=1e6)

    @property
    def name(self) -> str:
        """`radius_at_0.1`, ..."""
        return f"radius_at_{self.rise:g}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In units of the network's own weights."""
        rises = self.rises(snapshot)
        values = jnp.concatenate([jnp.zeros(1, rises.dtype), rises])
        distances = jnp.asarray((0.0, *self.distances), rises.dtype)
        first = jnp.argmax(values >= self.rise)
        low, high = values[first - 1], values[first]
        passed = distances[first - 1] + (self.rise - low) / (high - low) * (distances[first] - distances[first - 1])
        return jnp.where(jnp.isnan(rises).any(), jnp.nan, jnp.where((values >= self.rise).any(), passed, distances[-1]))


def filter_normalised(key: Array, params: Params) -> Params:
    """A random direction whose part for each unit is as long as the unit's weights; 0 for biases.

    The weights of a unit lie along the last axis but one of a tensor, for all tensors here that end in the axes (input, output).
    """
    keys = jax.random.split(key, len(params))
    direction = {}
    for one, (name, value) in zip(keys, sorted(params.items()), strict=True):
        if value.ndim < 2 or name.rpartition(".")[2].startswith("b"):
            direction[name] = jnp.zeros_like(value)
            continue
        random = jax.random.normal(one, value.shape, value.dtype)
        lengths = [jnp.linalg.norm(each, axis=-2, keepdims=True) for each in (value, random)]
        direction[name] = random * lengths[0] / (lengths[1] + 1e-10)
    return direction
