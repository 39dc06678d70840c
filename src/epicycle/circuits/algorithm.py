"""The general algorithm of a task: the functions of the right answer that it computes, one component at a time.

A network on a group task whose logits depend on x and y only through the right answer e, and on a class c only through e c^-1, runs
the general algorithm. Such logits are a sum of characters chi(e c^-1), one for each real irreducible representation of the group
(Chughtai et al., arXiv 2302.03025, section 3). On a cyclic group the components are frequencies, and the characters are
cos(2 pi k (e - c) / n) (Nanda et al., arXiv 2301.05217, section 3).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.maths.fourier import basis, wave_frequencies
from epicycle.maths.groups import inverses
from epicycle.maths.irreps import real_irreps
from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task


@dataclass(frozen=True, eq=False)
class Algorithm:
    """What the general algorithm of a task is made of. The trivial representation, the constant, is no component.

    Attributes:
        names: the components: frequencies as `1`, `2`, ..., or irreducible representations as named in `epicycle.maths.irreps`.
        basis: orthonormal functions on the group, the functions of one component side by side.
        owner: the component of each of these functions.
        characters: the character of each component, scaled to norm 1.
        quotient: the element e c^-1 at row e, column c.
        classes: the class id, and token id, of each element.
        answers: the element that is each row's right answer, -1 where it is none.
        operands: the operands of each row, as ids.
    """

    names: tuple[str, ...]
    basis: Float[ndarray, "element function"]
    owner: Int[ndarray, " function"]
    characters: Float[ndarray, "component element"]
    quotient: Int[ndarray, "element element"]
    classes: Int[ndarray, " element"]
    answers: Int[ndarray, " row"]
    operands: Int[ndarray, "row operand"]

    @property
    def element_of(self) -> Int[ndarray, " token"]:
        """The element that each class id, or token id, stands for; -1 for none."""
        elements = np.full(1 + max(int(self.classes.max()), int(self.operands.max())), -1)
        elements[self.classes] = np.arange(len(self.classes))
        return elements

    @property
    def identity(self) -> int:
        """The identity of the group: e c^-1 where class c is the right answer e."""
        return int(self.quotient[0, 0])


@lru_cache(maxsize=32)
def algorithm_of(task: Task) -> Algorithm:
    """The general algorithm of a task.

    Raises:
        InputError: no group is known in which the task's answers are computed.
    """
    group = task.answer_group()
    if group is None:
        raise InputError(
            f"measures of circuits need a task whose answers are computed in a group, and none is known for this {task.kind} task. "
            "Such tasks are x+y and x-y with any p, x*y and x/y with a prime p, and composition x y in a group."
        )
    names, functions, characters = _frequencies(len(group.classes)) if group.is_cyclic else _irreps(group)
    return Algorithm(
        names=names,
        basis=np.concatenate(functions, axis=1),
        owner=np.repeat(np.arange(len(names)), [columns.shape[1] for columns in functions]),
        characters=characters / np.linalg.norm(characters, axis=1, keepdims=True),
        quotient=group.product[:, inverses(group.product)],
        classes=group.classes,
        answers=group.answers,
        operands=task.table().operands,
    )


# The names of components, the functions on the group that belong to each, and the characters.
_Components = tuple[tuple[str, ...], list[Float[ndarray, "element function"]], Float[ndarray, "component element"]]


def _frequencies(n: int) -> _Components:
    """The components of the integers modulo n, in the order of frequency."""
    frequencies, waves = range(1, n // 2 + 1), basis(n).T
    functions = [waves[:, wave_frequencies(n) == k] for k in frequencies]
    characters = np.cos(2 * np.pi * np.outer(frequencies, np.arange(n)) / n)
    return tuple(map(str, frequencies)), functions, characters


def _irreps(group: AnswerGroup) -> _Components:
    irreps = [irrep for irrep in real_irreps(group.product) if not irrep.is_trivial]
    functions, characters = [irrep.functions for irrep in irreps], np.stack([irrep.character for irrep in irreps])
    return tuple(irrep.name for irrep in irreps), functions, characters
