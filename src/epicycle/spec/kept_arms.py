"""What is left of a study where a profile keeps only some of its arms."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from epicycle.spec.arms import Arm, ForkArm
from epicycle.spec.claim import Claim
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Statistic
from epicycle.spec.plain_data import Plain


class Shown(Protocol):
    """A figure, as far as its arms go."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that it shows."""

    @property
    def quantities(self) -> Sequence[Statistic]:
        """The numbers that it shows."""

    @property
    def decides(self) -> str:
        """Id of the claim that it decides."""

    def model_dump(self, *, mode: str) -> Plain:
        """The figure as plain data."""


def check_kept_arms(arms: Mapping[str, Arm], names: Collection[str]) -> None:
    """Refuse to keep arms that a study has not, or to leave out what they start from.

    Args:
        arms: the arms of the study.
        names: those that are kept.

    Raises:
        InputError: an arm is unknown, or one that is kept starts from one that is not.
    """
    for name in names:
        if name not in arms:
            raise InputError(f"a profile keeps arm '{name}', which the study has not; {nearest(name, arms)}")
        arm = arms[name]
        needed = arm.behind(arms) if isinstance(arm, ForkArm) else set()
        if missing := sorted(needed.difference(names)):
            both = " and ".join(f"'{each}'" for each in missing)
            raise InputError(f"a profile keeps arm '{name}', which starts from {both}; keep {both} too.")


def kept_parts(plain: Plain, claims: Sequence[Claim], figures: Sequence[Shown], names: Collection[str]) -> Plain:
    """A study with some of its arms, as plain data.

    Claims that read another arm are left out. A figure shows what is left of its arms; if none is left, or a quantity reads another
    arm, the figure is left out. A figure whose claim is left out decides nothing. Assignments of the study's other profiles to an arm
    that is left out go with the arm.

    Args:
        plain: the whole study as plain data.
        claims: its claims.
        figures: its figures.
        names: the arms that are kept.
    """
    kept, left_out = set(names), set(plain["arms"]).difference(names)
    judged = [claim for claim in claims if kept.issuperset(claim.arms())]
    ids = {claim.id for claim in judged}
    return plain | {
        "arms": {name: arm for name, arm in plain["arms"].items() if name in kept},
        "claims": [claim.model_dump(mode="json") for claim in judged],
        "figures": [_with_arms(figure, kept, ids) for figure in figures if _is_left(figure, kept)],
        "profiles": {name: _without(profile, left_out) for name, profile in plain["profiles"].items()},
    }


def _is_left(figure: Shown, kept: set[str]) -> bool:
    return not kept.isdisjoint(figure.arms) and all(kept.issuperset(quantity.arms()) for quantity in figure.quantities)


def _with_arms(figure: Shown, kept: set[str], claims: set[str]) -> Plain:
    arms = [name for name in figure.arms if name in kept]
    return figure.model_dump(mode="json") | {"arms": arms, "decides": figure.decides if figure.decides in claims else ""}


def _without(profile: Any, arms: set[str]) -> Plain:
    """A profile, as plain data, without its assignments to some arms."""
    assign = {path: value for path, value in profile["assign"].items() if not _is_of(path, arms)}
    return {**profile, "assign": assign}


def _is_of(path: str, arms: set[str]) -> bool:
    return any(path == f"arms.{name}" or path.startswith(f"arms.{name}.") for name in arms)
