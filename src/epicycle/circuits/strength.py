"""How strong the general algorithm is in a network (Gen), and how strong the rest (Mem).

Gen is fitted to the logits of held-out rows only, together with the shadow of memory (see `splitting`). A network that has memorised
its rows and nothing else has no Gen there, while the projections of the literature find one, because they average held-out rows with
memorised rows of the same answer (see `ablated_loss`). The null of every measure here gives each row the right answer of another row.
A stronger null is a network that learns a random Latin square, where answers exclude each other as in a group and there is no rule.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.splitting import (
    HELD_OUT,
    Sums,
    aligned,
    answer_power,
    held_out,
    label_elements,
    mean_square,
    strengths,
    summed,
)
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

Null = Literal["none", "shuffled"]
SAMPLE_SEED = 0  # of the order in which trained rows are taken where a few are enough


class OfGen(Measure):
    """What the measures of Gen share.

    Attributes:
        null: `shuffled` gives every row the right answer of another row, drawn once, and shows what chance alone would give. The name
            of the series then ends in `_shuffled`.
        withheld: for forks that take rows out of training. Gen is fitted to the rows that were never trained on, and memory is that of
            the rows that were taken out. The name of the series then ends in `_withheld`. NaN where no rows were taken out.
    """

    null: Null = static("none")
    withheld: bool = static(False)

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, logits and labels of all rows, and the sets of rows."""
        return (*HELD_OUT, *(("removed", "never_trained") if self.withheld else ()))

    def held_out(self, snapshot: Mapping[str, Any]) -> Sums:
        """Sums of the logits of the held-out rows, less the shadow of memory."""
        if self.withheld:
            ever_trained = snapshot["train"] | snapshot["removed"]
            snapshot = {name: snapshot[name] for name in HELD_OUT} | {"train": ever_trained, "test": snapshot["never_trained"]}
        return held_out(snapshot, algorithm_of(snapshot["task"]), self.null == "shuffled")

    def leads(self, snapshot: Mapping[str, Any], of_rows: int | None = None) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """By how much the label trained on leads over the mean logit on trained rows: through Gen, and in all.

        Args:
            snapshot: with the entries of `HELD_OUT`.
            of_rows: number of trained rows that count, the same ones throughout a run; None counts all.
        """
        by_gen, in_all, rows = self.row_leads(snapshot)
        if of_rows is not None:
            order = np.random.default_rng(SAMPLE_SEED).permutation(len(rows))
            rows = rows & jnp.zeros_like(rows).at[order].set(jnp.cumsum(rows[order]) <= of_rows)

        def mean(leads: Float[Array, " row"]) -> Float[Array, ""]:
            return jnp.where(rows, leads, 0).sum() / rows.sum().astype(leads.dtype)

        return mean(by_gen), mean(in_all)

    def row_leads(self, snapshot: Mapping[str, Any]) -> tuple[Float[Array, " row"], Float[Array, " row"], Bool[Array, " row"]]:
        """The leads of each row's label over its mean logit, through Gen and in all, and the rows whose leads count."""
        algorithm, counted = algorithm_of(snapshot["task"]), snapshot["removed" if self.withheld else "train"]
        trained = aligned(snapshot["logits"], counted, algorithm, self.null == "shuffled")
        coefficients, labels = strengths(self.held_out(snapshot), algorithm), label_elements(snapshot["labels"], algorithm)
        by_quotient = coefficients @ jnp.asarray(algorithm.characters, coefficients.dtype)
        by_gen = by_quotient[jnp.asarray(algorithm.quotient)[trained.answers, labels]]
        in_all = jnp.take_along_axis(trained.logits, labels[:, None], axis=1)[:, 0]
        return by_gen, in_all, trained.rows & (labels >= 0)

    @property
    def _ending(self) -> str:
        return ("" if self.null == "none" else f"_{self.null}") + ("_withheld" if self.withheld else "")


class OfComponents(OfGen):
    """What the measures of Gen share that can be taken of each component."""

    by_component: bool = static(False)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the components, or none."""
        return ("component",) if self.by_component else ()

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """A hook: the names of the components."""
        del params
        return component_names(task) if self.by_component else {}

    def _named(self, quantity: str) -> str:
        return quantity + ("_by_component" if self.by_component else "") + self._ending


class GenLogit(OfComponents):
    """By how much Gen alone raises the right logit above the mean of all logits.

    Gen is the sum of the characters of e c^-1, where e is the right answer and c the class, with the coefficients that fit the logits
    of held-out rows best (least squares). With `by_component` each character stands alone; their sum is the whole.

    Attributes:
        by_component: one number for each component. The name of the series then has `_by_component` in it.
    """

    kind: ClassVar[str] = "gen_logit"

    @property
    def name(self) -> str:
        """`gen_logit`, `gen_logit_shuffled`, `gen_logit_by_component`, ..."""
        return self._named("gen_logit")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """In units of the logits; NaN if no rows are held out."""
        algorithm = algorithm_of(snapshot["task"])
        coefficients = strengths(self.held_out(snapshot), algorithm)
        at_right = coefficients * algorithm.characters[:, algorithm.identity]
        return at_right if self.by_component else at_right.sum()


class MemLogit(OfGen):
    """By how much all but Gen raises the logit of the label trained on above the mean of all logits, on trained rows.

    `gen_logit` and `mem_logit` add up to the lead of the label over the mean logit on trained rows, where labels are right.
    """

    kind: ClassVar[str] = "mem_logit"

    @property
    def name(self) -> str:
        """`mem_logit` or `mem_logit_shuffled`."""
        return f"mem_logit{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In units of the logits; NaN if no rows are held out, or none trained on."""
        by_gen, in_all = self.leads(snapshot)
        return in_all - by_gen


class MemLogitOfFew(OfGen):
    """The memory of a few trained rows: by how much all but Gen raises the logit of their labels above the mean of all logits.

    A direction that raises it serves these rows, where one that raises Gen serves all.

    Attributes:
        of_rows: the number of rows, drawn once from those trained on.
    """

    kind: ClassVar[str] = "mem_logit_of_few"
    of_rows: int = static(8, ge=1)

    @property
    def name(self) -> str:
        """`mem_logit_of_8`, `mem_logit_of_8_shuffled`, ..."""
        return f"mem_logit_of_{self.of_rows}{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In units of the logits; NaN if no rows are held out, or none trained on."""
        by_gen, in_all = self.leads(snapshot, self.of_rows)
        return in_all - by_gen


class GenPart(OfGen):
    """Gen's part of the lead of the label trained on over the mean logit, on trained rows: 0 for memory alone, 1 for Gen alone."""

    kind: ClassVar[str] = "gen_part"

    @property
    def name(self) -> str:
        """`gen_part` or `gen_part_shuffled`."""
        return f"gen_part{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The part; it says nothing before the network has learnt anything, when both leads are near 0."""
        by_gen, in_all = self.leads(snapshot)
        return by_gen / in_all


class GenShare(OfComponents):
    """Share of the variance of held-out logits that Gen explains, from 0 to 1.

    With all irreducible representations as components this is the share of variance explained by characters (Chughtai et al., arXiv
    2302.03025, logit similarity squared), taken on held-out rows only.

    Attributes:
        by_component: one share for each component. The name of the series then has `_by_component` in it.
    """

    kind: ClassVar[str] = "gen_share"

    @property
    def name(self) -> str:
        """`gen_share`, `gen_share_shuffled`, `gen_share_by_component`, ..."""
        return self._named("gen_share")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """The share; NaN if no rows are held out, or all their logits are equal."""
        algorithm = algorithm_of(snapshot["task"])
        everything = summed(aligned(snapshot["logits"], snapshot["test"], algorithm, self.null == "shuffled"))
        shares = jnp.square(strengths(self.held_out(snapshot), algorithm)) / mean_square(everything)
        return shares if self.by_component else shares.sum()


class GenQuality(OfGen):
    """How close to the ideal form Gen is: variance explained by characters over variance explained by the right answer at all.

    1 for ideal logits. It is lower where logits depend on the right answer in another way, for example where some answers have
    larger logits than others. Noise that differs from row to row changes neither of the two variances on average.
    """

    kind: ClassVar[str] = "gen_quality"

    @property
    def name(self) -> str:
        """`gen_quality` or `gen_quality_shuffled`."""
        return f"gen_quality{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The ratio. It is noise where `gen_share` is not above its null; NaN if no two held-out rows have the same right answer."""
        sums = self.held_out(snapshot)
        return jnp.square(strengths(sums, algorithm_of(snapshot["task"]))).sum() / answer_power(sums)


def component_names(task: Task) -> dict[str, list[str]]:
    """The labels along the axis of components."""
    return {"component": list(algorithm_of(task).names)}
