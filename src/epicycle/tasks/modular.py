"""Modular arithmetic: x o y mod p over all ordered pairs, in lexicographic order.

Tokens are x, y and "=" (id p), as in Power et al. (arXiv 2201.02177) and Nanda et al. (arXiv 2301.05217, appendix A). Division
leaves out y = 0 and needs a prime p, as every residue but 0 must have an inverse.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table


def _quotient(x: Any, y: Any, p: int) -> Any:
    inverses = np.array([0] + [pow(r, -1, p) for r in range(1, p)])
    return x * inverses[y]


OPERATIONS: dict[str, Callable[[Any, Any, int], Any]] = {
    "x+y": lambda x, y, p: x + y,
    "x-y": lambda x, y, p: x - y,
    "x*y": lambda x, y, p: x * y,
    "x/y": _quotient,
}


class Modular(Task):
    """x + y, x - y, x * y or x / y modulo p."""

    kind = "modular"
    aliases = {"modulus": "p", "prime": "p", "P": "p", "op": "operation", "fn_name": "operation"}

    p: int = static(ge=2, le=1000)
    operation: Literal["x+y", "x-y", "x*y", "x/y"] = static("x+y")

    @model_validator(mode="after")
    def _divisible(self) -> "Modular":
        if self.operation == "x/y" and (factor := _least_factor(self.p)) < self.p:
            raise ValueError(
                f"division modulo {self.p} is not defined for every pair, as {self.p} = {factor} x {self.p // factor} is not prime;"
                " choose a prime p or another operation"
            )
        return self

    def table(self) -> Table:
        """All p * p rows; p * (p - 1) for division."""
        p = self.p
        x, y = np.divmod(np.arange(p * p), p)
        if self.operation == "x/y":
            x, y = x[y > 0], y[y > 0]
        labels = OPERATIONS[self.operation](x, y, p) % p
        inputs = np.stack([x, y, np.full_like(x, p)], axis=1)
        return Table(
            inputs=inputs.astype(np.int32),
            labels=labels.astype(np.int32),
            operands=np.stack([x, y], axis=1).astype(np.int32),
            num_classes=p,
            d_vocab=p + 1,
            symmetries=self._symmetries(x, y),
        )

    def _symmetries(self, x: Any, y: Any) -> tuple[Symmetry, ...]:
        """The swap of operands, and one generator of the translations or scalings that keep the label."""
        p = self.p
        row = np.full((p, p), -1)
        row[x, y] = np.arange(len(x))
        swap = row[y, x]
        if self.operation == "x+y":
            return (Symmetry("mirror", swap, "preserved"), Symmetry("translation", row[(x + 1) % p, (y - 1) % p], "preserved"))
        if self.operation == "x-y":
            return (Symmetry("swap", swap, "negated"), Symmetry("translation", row[(x + 1) % p, (y + 1) % p], "preserved"))
        if self.operation == "x*y":
            return (Symmetry("mirror", swap, "preserved"),)
        scale = 2 % p if p > 2 else 1
        return (Symmetry("swap", swap, "inverted"), Symmetry("scaling", row[scale * x % p, scale * y % p], "preserved"))


def _least_factor(n: int) -> int:
    return next((d for d in range(2, int(n**0.5) + 1) if n % d == 0), n)
