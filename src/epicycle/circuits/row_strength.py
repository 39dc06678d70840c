"""Gen's part of the right logit, row by row: do all rows go over to the general algorithm at once, or one after the other?"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.circuits.strength import OfGen
from epicycle.spec.families import Task
from epicycle.spec.fields import static


class RowGenPart(OfGen):
    """Gen's part of the lead of a trained row's label over the mean logit: 0 for memory alone, 1 for Gen alone.

    Gen gives every row the same lead, as its logits depend on the right answer and the class through their quotient only. So rows
    differ in how much memory adds.

    Attributes:
        over_rows: `quantile` is a quantile over the trained rows; `above_half` is the share of the rows in which Gen adds more to the
            lead than memory does; `none` is the part of each row, which takes as much disk as a logit of every row.
        quantile: which quantile; 0.5 is the median.
    """

    kind: ClassVar[str] = "row_gen_part"
    over_rows: Literal["quantile", "above_half", "none"] = static("quantile")
    quantile: float = static(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _quantile_is_used(self) -> "RowGenPart":
        if self.over_rows != "quantile" and self.quantile != 0.5:
            raise ValueError("a quantile goes with over_rows 'quantile' and with no other; leave it out")
        return self

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the rows, or none."""
        return ("row",) if self.over_rows == "none" else ()

    @property
    def name(self) -> str:
        """`row_gen_part_quantile_0.5`, `row_gen_part_above_half`, `row_gen_part`, ..."""
        which = {"quantile": f"_quantile_{self.quantile:g}", "above_half": "_above_half", "none": ""}[self.over_rows]
        return f"row_gen_part{which}{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """The part or the share; NaN for rows that are not trained on, or whose label does not lead."""
        by_gen, in_all, rows = self.row_leads(snapshot)
        if self.over_rows == "above_half":
            return jnp.where(rows, by_gen > in_all - by_gen, False).sum() / rows.sum().astype(by_gen.dtype)
        part = jnp.where(rows & (in_all > 0), by_gen / in_all, jnp.nan)
        return part if self.over_rows == "none" else jnp.nanquantile(part, self.quantile)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The operands of each row, where there is one number for each."""
        del params
        return {"row": [" ".join(map(str, row)) for row in task.table().operands.tolist()]} if self.over_rows == "none" else {}
