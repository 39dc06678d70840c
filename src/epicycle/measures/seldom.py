"""Measures that cost as much as many steps of training, and are therefore taken at a few looks only.

The few looks are evenly spaced on a log axis. At all others the series is NaN, and moments in it are those of the looks that have one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from epicycle.spec.families import Measure, Params
from epicycle.spec.fields import static
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.observation import few_looks


class Seldom(Measure):
    """What the measures share that are taken at a few looks.

    Attributes:
        per_decade: how many looks per factor of ten in steps have a value; the others are NaN. It must divide the looks per factor of
            ten of the observation, which are 40 unless told otherwise.
    """

    per_decade: int = static(5, ge=1, le=1000)

    @property
    def needs(self) -> tuple[str, ...]:
        """A hook for subclasses: the steps since the run began, the training loss as a function of the weights, and what is shared."""
        return ("elapsed", "objective", "once")

    def at_its_looks(self, snapshot: Mapping[str, Any], key: tuple[Any, ...], compute: Callable[[Mapping[str, Any]], Any]) -> Any:
        """What a costly function gives, computed once for all measures of one key; NaN at looks that are left out.

        Args:
            snapshot: with the entries of `needs`.
            key: what tells the function from others.
            compute: gives a tree of float arrays from the entries of `needs`.
        """
        entries = {name: snapshot[name] for name in self.needs}  # what is first traced in the loop could not leave it
        elapsed, objective = entries["elapsed"], entries["objective"]

        def compute_for(trained: Params) -> Any:
            return compute(entries | {"objective": objective._replace(trained=trained)})

        def where_taken() -> Any:
            if elapsed is None:
                return compute(entries)
            return where_due(is_taken(elapsed, self.per_decade), objective.trained, compute_for)

        return entries["once"]((*key, self.per_decade), where_taken)


def is_taken(elapsed: Int[Array, ""], per_decade: int) -> Bool[Array, ""]:
    """Whether a costly measure is taken so many steps after a run's start."""
    return jnp.isin(elapsed, jnp.asarray(few_looks(per_decade, MOST_STEPS), jnp.int32))


def where_due(due: Bool[Array, ""], trained: Params, compute: Callable[[Params], Any]) -> Any:
    """What a function of the trained tensors gives where it is due, NaN elsewhere, by a loop of one round or none.

    For members side by side (`vmap`) a condition would compute both of its branches; a loop ends as soon as no member goes on. XLA
    moves what does not change out of a loop, and would compute it where nothing is due. Therefore the tensors depend on the round.
    """
    empty = jax.tree.map(lambda shape: jnp.full(shape.shape, jnp.nan, shape.dtype), jax.eval_shape(compute, trained))

    def one_round(carry: tuple[Int[Array, ""], Any]) -> tuple[Int[Array, ""], Any]:
        rounds_left = carry[0]
        in_round = {name: jnp.where(rounds_left > 0, value, jnp.zeros_like(value)) for name, value in trained.items()}
        return rounds_left - 1, compute(in_round)

    return jax.lax.while_loop(lambda carry: carry[0] > 0, one_round, (due.astype(jnp.int32), empty))[1]
