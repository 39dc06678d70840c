"""Organisms: the fixed small settings on which studies are run. `epicycle.studies.organisms` says what each of them is made of."""

from typing import Literal, get_args

from epicycle.spec.errors import InputError, nearest

OrganismName = Literal["fly", "mouse", "canon"]
ORGANISMS: tuple[OrganismName, ...] = get_args(OrganismName)


def organism_named(name: str) -> OrganismName:
    """The organism of a name that a user typed.

    Raises:
        InputError: no organism has this name.
    """
    for organism in ORGANISMS:
        if organism == name:
            return organism
    raise InputError(f"there is no organism '{name[:100]}'; {nearest(name, ORGANISMS)}")
