"""The group in which a task's right answers are computed: what a general algorithm for the task can use."""

from dataclasses import dataclass

from jaxtyping import Int
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class AnswerGroup:
    """A group whose elements are classes of a task, with x o y, x o y^-1 or the like as the task's operation.

    Attributes:
        product: the group's Cayley table: row x, column y holds the element x y.
        classes: the class id, which is also the token id, of each element. A class that is no element (zero, for products) is missing.
        answers: the element that is each row's right answer; -1 for a row whose answer is no element.
        is_cyclic: whether x y is the element (x + y) modulo the order of the group.
    """

    product: Int[ndarray, "element element"]
    classes: Int[ndarray, " element"]
    answers: Int[ndarray, " row"]
    is_cyclic: bool = False
