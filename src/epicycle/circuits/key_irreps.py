"""Which irreducible representations (irreps) a network computes with, and how much of its weights and activations belongs to them.

The logits say which irreps are key: those whose characters chi(e c^-1) the logits resemble (Chughtai et al., arXiv 2302.03025, section
5). The other measures then ask how much of the embedding, of the hidden layer and of the unembedding these irreps explain. On a cyclic
group the irreps are frequencies.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.neurons import hidden, on_pairs
from epicycle.circuits.splitting import HELD_OUT, aligned, held_out, mean_square, strengths, summed
from epicycle.circuits.strength import component_names
from epicycle.circuits.weight_spectra import ComponentPower, power_of_components
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

USUAL_LIMIT = 0.1  # the cosine that makes an irrep key; noise and memory stay below it on held-out rows


class OfLogits(Measure):
    """What the measures share that compare logits with characters.

    Attributes:
        rows: `held_out` takes held-out rows only, less the shadow of memory. `all` takes all rows, as in the literature; a network
            that has only memorised then resembles every character a little. The name of the series ends in `_all_rows`.
    """

    rows: Literal["held_out", "all"] = static("held_out")

    @property
    def needs(self) -> tuple[str, ...]:
        """A hook: the task, logits and labels of all rows, and the sets of rows."""
        return (*HELD_OUT, "all")

    def similarities(self, snapshot: Mapping[str, Any]) -> Float[Array, " component"]:
        """The cosine between the logits and the characters of each component."""
        algorithm = algorithm_of(snapshot["task"])
        rows = snapshot["test" if self.rows == "held_out" else "all"]
        whole = summed(aligned(snapshot["logits"], rows, algorithm))
        fitted = held_out(snapshot, algorithm) if self.rows == "held_out" else whole
        return strengths(fitted, algorithm) / jnp.sqrt(mean_square(whole))

    def ended(self, name: str) -> str:
        """A hook: the name of a series with its ending."""
        return name if self.rows == "held_out" else f"{name}_all_rows"


class LogitSimilarity(OfLogits):
    """Cosine between the logits and the characters of each irrep: 1 for the ideal logits of that irrep alone, 0 for others.

    Source: Chughtai et al., arXiv 2302.03025, section 5. The squares of all irreps add up to the share of variance explained.

    Attributes:
        component: one irrep or frequency, by its name (`sign`, `3d_1`) or its number along the axis from 0, so that a study of
            several groups can ask for it. None gives all along an axis.
    """

    kind: ClassVar[str] = "logit_similarity"
    component: str | int | None = static(None)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the components, or none."""
        return ("component",) if self.component is None else ()

    @property
    def name(self) -> str:
        """`logit_similarity`, `logit_similarity_sign`, `logit_similarity_number_2`, `logit_similarity_all_rows`, ..."""
        one = {str: f"_{self.component}".replace(" ", "_"), int: f"_number_{self.component}"}.get(type(self.component), "")
        return self.ended(f"logit_similarity{one}")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """From -1 to 1; NaN if there are no such rows, or all logits are equal.

        Raises:
            InputError: the group has no such component.
        """
        similarities = self.similarities(snapshot)
        if self.component is None:
            return similarities
        names = algorithm_of(snapshot["task"]).names
        if self.component not in (*names, *range(len(names))):
            raise InputError(
                f"logit_similarity: this task has no component {self.component!r}; it has {', '.join(names)}, with numbers from 0 on."
            )
        return similarities[names.index(self.component) if isinstance(self.component, str) else self.component]

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task) if self.component is None else {}


class OfKeyIrreps(OfLogits):
    """What the measures of key irreps share.

    Attributes:
        least: the least cosine between the logits and an irrep's characters that makes the irrep key.
    """

    least: float = static(USUAL_LIMIT, gt=0, lt=1)

    def is_key(self, snapshot: Mapping[str, Any]) -> Bool[Array, " component"]:
        """Whether each component is key."""
        return self.similarities(snapshot) >= self.least

    def ended(self, name: str) -> str:
        """The ending, after `_at_0.05` for another limit than 0.1."""
        limit = "" if self.least == USUAL_LIMIT else f"_at_{self.least:g}"
        return super().ended(name + limit)


class KeyIrreps(OfKeyIrreps):
    """Number of key irreps: those whose characters the logits resemble.

    Attributes:
        by_component: 1 for a key irrep and 0 for another, along an axis. The name of the series then has `_by_component` in it.
    """

    kind: ClassVar[str] = "key_irreps"
    by_component: bool = static(False)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the components, or none."""
        return ("component",) if self.by_component else ()

    @property
    def name(self) -> str:
        """`key_irreps`, `key_irreps_by_component`, `key_irreps_at_0.05`, `key_irreps_all_rows`, ..."""
        return self.ended("key_irreps" + ("_by_component" if self.by_component else ""))

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """A whole number."""
        is_key = self.is_key(snapshot).astype(snapshot["logits"].dtype)
        return is_key if self.by_component else is_key.sum()

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task) if self.by_component else {}


class KeyIrrepShare(OfKeyIrreps):
    """How much of a part of the network the key irreps explain, from 0 to 1, the constant left out.

    Source: Chughtai et al., arXiv 2302.03025, section 5 (fraction of variance explained).

    Attributes:
        of: `embedding` and `unembedding` are the power of the weights, see `ComponentPower`. `hidden` is the variance of the last
            hidden layer over all pairs that the functions of x, of y and of the right answer explain together, and `hidden_answer`
            what those of the right answer explain. `functions` is the share of all functions on the group that belong to key irreps,
            which is what the weights of noise give.
        irreps: the `key` ones, or `all`, which is what there is to explain: the functions of x and of y explain much of the hidden
            layer of an untrained network already.
    """

    kind: ClassVar[str] = "key_irrep_share"
    of: Literal["embedding", "unembedding", "hidden", "hidden_answer", "functions"] = static("embedding")
    irreps: Literal["key", "all"] = static("key")

    @property
    def name(self) -> str:
        """`embedding_in_key_irreps`, `hidden_answer_in_key_irreps_all_rows`, `hidden_in_all_irreps`, ..."""
        return f"{self.of}_in_all_irreps" if self.irreps == "all" else self.ended(f"{self.of}_in_key_irreps")

    @property
    def needs(self) -> tuple[str, ...]:
        """The logits, and the part of the network."""
        part = {"functions": (), "hidden": ("activations",), "hidden_answer": ("activations",)}.get(self.of, ("params",))
        return (*HELD_OUT, "all", *part)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """0 where no irrep is key."""
        algorithm = algorithm_of(snapshot["task"])
        shares = self._shares(snapshot, algorithm)
        return shares.sum() if self.irreps == "all" else jnp.where(self.is_key(snapshot), shares, 0).sum()

    def _shares(self, snapshot: Mapping[str, Any], algorithm: Algorithm) -> Float[Array, " component"]:
        """What each component explains."""
        if self.of == "functions":
            return jnp.asarray(np.bincount(algorithm.owner) / len(algorithm.owner), snapshot["logits"].dtype)
        if self.of in ("hidden", "hidden_answer"):
            return self._of_hidden(snapshot, algorithm)
        return ComponentPower(where=self.of).fn(snapshot)

    def _of_hidden(self, snapshot: Mapping[str, Any], algorithm: Algorithm) -> Float[Array, " component"]:
        """What functions of x, of y and of the right answer explain of the hidden layer; they are orthogonal to each other."""
        grid = on_pairs(hidden(snapshot["activations"], "post"), snapshot["task"], algorithm)
        answers = on_pairs(algorithm.answers, snapshot["task"], algorithm).reshape(-1)
        centred = (grid - grid.mean(axis=(0, 1))).reshape(len(answers), -1)
        n = len(algorithm.classes)
        of_answer = jnp.zeros((n, centred.shape[1]), centred.dtype).at[answers].add(centred) / n
        of_operands = [centred.reshape(n, n, -1).mean(axis=axis) for axis in (1, 0)]
        terms = [of_answer] if self.of == "hidden_answer" else [of_answer, *of_operands]
        return n * power_of_components(jnp.concatenate(terms, axis=1), algorithm) / jnp.square(centred).sum()
