"""Modular arithmetic: an operation x o y mod p on all ordered pairs of residues, in lexicographic order.

Sources: Power et al. (arXiv 2201.02177, appendix A.1; all nine of their modular operations are here) and Nanda et al. (arXiv
2301.05217, appendix A). Division leaves out y = 0, and needs a prime p, as every residue but 0 must have an inverse. Any other
polynomial is given by its terms.

The released code of Power et al. (openai/grok, grok/data.py) has four further operations. Its `+*` and `+-` add where the first
operand is even, and multiply or subtract where it is odd; its operands are 10 to 99 modulo 1000, while here they are all residues
modulo p. Its `**2+` and `**3+` are the polynomials x^2 + y and x^3 + y.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from epicycle.maths.groups import powers_of_generator
from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table
from epicycle.tasks.forms import Form, table_in_form


def _quotient(x: Any, y: Any, p: int) -> Any:
    inverses = np.array([0] + [pow(r, -1, p) for r in range(1, p)])
    return x * inverses[y]


def _quotient_or_difference(x: Any, y: Any, p: int) -> Any:
    return np.where(y % 2 == 1, _quotient(x, y, p), x - y)


def _product_or_sum(x: Any, y: Any, p: int) -> Any:
    del p
    return np.where(x % 2 == 1, x * y, x + y)


def _difference_or_sum(x: Any, y: Any, p: int) -> Any:
    del p
    return np.where(x % 2 == 1, x - y, x + y)


# A term is (coefficient, power of x, power of y).
Term = tuple[int, int, int]
POLYNOMIALS: dict[str, tuple[Term, ...]] = {
    "x+y": ((1, 1, 0), (1, 0, 1)),
    "x-y": ((1, 1, 0), (-1, 0, 1)),
    "x*y": ((1, 1, 1),),
    "x^2+y^2": ((1, 2, 0), (1, 0, 2)),
    "x^2+xy+y^2": ((1, 2, 0), (1, 1, 1), (1, 0, 2)),
    "x^2+xy+y^2+x": ((1, 2, 0), (1, 1, 1), (1, 0, 2), (1, 1, 0)),
    "x^3+xy": ((1, 3, 0), (1, 1, 1)),
    "x^3+xy^2+y": ((1, 3, 0), (1, 1, 2), (1, 0, 1)),
}
NOT_POLYNOMIALS: dict[str, Callable[[Any, Any, int], Any]] = {
    "x/y": _quotient,
    "x/y if y odd else x-y": _quotient_or_difference,
    "x*y if x odd else x+y": _product_or_sum,
    "x-y if x odd else x+y": _difference_or_sum,
}
Operation = Literal[
    "x+y",
    "x-y",
    "x*y",
    "x/y",
    "x/y if y odd else x-y",
    "x*y if x odd else x+y",
    "x-y if x odd else x+y",
    "x^2+y^2",
    "x^2+xy+y^2",
    "x^2+xy+y^2+x",
    "x^3+xy",
    "x^3+xy^2+y",
    "polynomial",
]


class Modular(Task):
    """An operation on two residues modulo p.

    Attributes:
        p: the modulus.
        operation: the operation; `polynomial` is given by `terms`.
        terms: of the operation `polynomial`, a tuple of (coefficient, power of x, power of y): ((1, 2, 0), (3, 0, 1)) is x^2 + 3 y.
        form: how a row is written, see `epicycle.tasks.forms`.
    """

    kind = "modular"
    aliases = {"modulus": "p", "prime": "p", "P": "p", "op": "operation", "fn_name": "operation"}

    p: int = static(ge=2, le=1000)
    operation: Operation = static("x+y")
    terms: tuple[Term, ...] | None = static(None, max_length=20)
    form: Form = static("x y =")

    @model_validator(mode="after")
    def _terms_fit_the_operation(self) -> "Modular":
        if (self.operation == "polynomial") != bool(self.terms):
            raise ValueError("terms, such as [[1, 2, 0], [3, 0, 1]] for x^2 + 3 y, go with operation 'polynomial' and with no other")
        if any(not 0 <= power <= 1000 for _, *powers in self.terms or () for power in powers):
            raise ValueError("the powers in terms must be from 0 to 1000; division is an operation of its own")
        return self

    @model_validator(mode="after")
    def _division_is_defined(self) -> "Modular":
        if "x/y" in self.operation and (factor := _least_factor(self.p)) < self.p:
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
        if self.operation in NOT_POLYNOMIALS:
            labels = NOT_POLYNOMIALS[self.operation](x, y, p) % p
        else:
            labels = _polynomial(self.terms or POLYNOMIALS[self.operation], x, y, p)
        return table_in_form(np.stack([x, y], axis=1), labels, p, self._symmetries(x, y, labels), self.form)

    def answer_group(self) -> AnswerGroup | None:
        """The residues under addition, for sums and differences; all but 0 under multiplication, for products and quotients."""
        table = self.table()
        answers = table.labels if table.labels.ndim == 1 else table.labels[:, 0]
        if self.operation in ("x+y", "x-y"):
            residues = np.arange(self.p)
            return AnswerGroup(np.add.outer(residues, residues) % self.p, residues, answers, is_cyclic=True)
        if self.operation not in ("x*y", "x/y") or _least_factor(self.p) < self.p or self.p == 2:
            return None
        exponents, powers = np.arange(self.p - 1), powers_of_generator(self.p)
        logarithm = np.full(self.p, -1)
        logarithm[powers] = exponents
        return AnswerGroup(np.add.outer(exponents, exponents) % (self.p - 1), powers, logarithm[answers], is_cyclic=True)

    def _symmetries(self, x: Any, y: Any, labels: Any) -> tuple[Symmetry, ...]:
        """The swap of operands, and one generator of the translations, scalings or changes of sign that keep the label."""
        p = self.p
        row = np.full((p, p), -1)  # row number of each pair
        row[x, y] = np.arange(len(x))
        swap = row[y, x]
        if self.operation == "x+y":
            return (Symmetry("mirror", swap, "preserved"), Symmetry("translation", row[(x + 1) % p, (y - 1) % p], "preserved"))
        if self.operation == "x-y":
            return (Symmetry("swap", swap, "negated"), Symmetry("translation", row[(x + 1) % p, (y + 1) % p], "preserved"))
        if self.operation != "x/y":
            signs = {"sign of both": row[-x % p, -y % p], "sign of x": row[-x % p, y], "sign of y": row[x, -y % p]}
            images = {"mirror": swap, **(signs if p > 2 else {})}
            if p % 2:  # (p + 1) / 2 is the inverse of 2
                images["scaling"] = row[2 * x % p, (p + 1) // 2 * y % p]
            return tuple(Symmetry(name, image, "preserved") for name, image in images.items() if (labels[image] == labels).all())
        scale = 2 % p if p > 2 else 1
        return (Symmetry("swap", swap, "inverted"), Symmetry("scaling", row[scale * x % p, scale * y % p], "preserved"))


def _polynomial(terms: tuple[Term, ...], x: Any, y: Any, p: int) -> Any:
    """The polynomial modulo p; residues are reduced after every step, so that no power overflows."""
    total = np.zeros_like(x)
    for coefficient, power_of_x, power_of_y in terms:
        x_power, y_power = _powers(power_of_x, p)[x], _powers(power_of_y, p)[y]
        total = (total + coefficient % p * (x_power * y_power % p)) % p
    return total


def _powers(exponent: int, p: int) -> Any:
    """The power of every residue modulo p."""
    return np.array([pow(residue, exponent, p) for residue in range(p)])


def _least_factor(n: int) -> int:
    return next((d for d in range(2, int(n**0.5) + 1) if n % d == 0), n)
