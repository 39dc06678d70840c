"""A claim: a statistic, the region that supports the claim, and the region that refutes it. All are registered before the runs."""

from collections.abc import Iterable, Mapping
from itertools import product
from math import inf
from typing import Literal

from pydantic import Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.families import AnyStatistic, Statistic
from epicycle.spec.identity import digest, identity
from epicycle.spec.limits import LONGEST_SENTENCE, MOST_NAMES, MOST_RUNS
from epicycle.spec.organism import ORGANISMS, OrganismName
from epicycle.spec.spoken_numbers import numbers_in, without

Says = Literal["yes", "no"]
VerdictName = Literal["supported", "refuted", "undecided"]


class Region(Spec):
    """An open set of values.

    With one bound: the values above (or below) that bound. With `above` < `below`: the values between the two. With `above` > `below`:
    the values outside, under `below` or over `above`. A bound itself is in no region.

    Attributes:
        above: lower bound.
        below: upper bound.
    """

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> "Region":
        if self.above is None and self.below is None:
            raise ValueError("a region needs 'above' or 'below'")
        if self.above is not None and self.above == self.below:
            raise ValueError("a region's 'above' and 'below' must differ")
        return self

    def pieces(self) -> list[tuple[float, float]]:
        """The one or two open intervals that make up the region."""
        above, below = -inf if self.above is None else self.above, inf if self.below is None else self.below
        return [(above, below)] if above < below else [(-inf, below), (above, inf)]

    def holds(self, low: float, high: float) -> bool:
        """Whether the interval from `low` to `high` lies inside one piece. An unbounded piece also holds an unbounded interval."""
        return any((low > above or above == -inf) and (high < below or below == inf) for above, below in self.pieces())

    def phrase(self) -> str:
        """The region in words."""
        if self.above is not None and self.below is not None:
            if self.above > self.below:
                return f"below {self.below:g} or above {self.above:g}"
            return f"between {self.above:g} and {self.below:g}"
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


class Gate(Spec):
    """A condition: the claim stays undecided unless the whole interval of this statistic lies in the region.

    Attributes:
        statistic: what is looked at.
        region: where its interval must lie.
    """

    statistic: AnyStatistic
    region: Region


class Prediction(Spec):
    """What an account says about a claim.

    Attributes:
        says: whether the claim holds.
        basis: `stated` where the text says so, `inferred` where it is our reading.
        timing: `postdiction` where the text already knew the outcome.
        locator: the row, section or comment.
        within: a stated tolerance: the values in which the estimate must lie. The prediction is a hit if the whole interval lies here
            and a miss if the whole interval lies outside.
    """

    says: Says
    basis: Literal["stated", "inferred"] = "stated"
    timing: Literal["prediction", "postdiction"] = "prediction"
    locator: str = ""
    within: Region | None = None


class Claim(Spec):
    """A registered statistic, with the values that would support the claim and the values that would refute it.

    Attributes:
        id: lower-case letters, digits, `_` and `-`.
        says: the claim in one plain sentence, as a colleague would say it aloud. Every number in it, in digits or in words, must be
            one of the criterion's. Empty: the criterion speaks for itself.
        statistic: the number that is judged.
        supported_if: the claim is supported if the whole interval lies here.
        refuted_if: the claim is refuted if the whole interval lies here.
        gates: conditions without which the claim stays undecided.
        min_seeds: with fewer runs the claim stays undecided.
        primary: whether this is one of the two or three claims that the study is for; the others are exploratory.
        organisms: the organisms that the claim is for; empty for all. On another organism an exploratory claim is not judged, and a
            study with a primary one is refused.
        phenomenon: what the claim is about, such as `learning-rate boost`. Claims of one phenomenon have one vote together in the
            ledger. Empty: the claim stands for itself.
        accounts: account id -> prediction. An account that is not listed predicts nothing.
        sources: keys of the texts that make the claim.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)
    says: str = Field("", max_length=LONGEST_SENTENCE)
    statistic: AnyStatistic
    supported_if: Region
    refuted_if: Region
    gates: tuple[Gate, ...] = Field((), max_length=20)
    # The default was 6. No verdict depends on the difference, as fewer than eight seeds decide nothing; so the version stays.
    min_seeds: int = Field(8, ge=1, le=MOST_RUNS)
    primary: bool = True
    organisms: tuple[OrganismName, ...] = Field((), max_length=len(ORGANISMS))
    phenomenon: str = Field("", max_length=100)
    accounts: dict[str, Prediction] = Field({}, max_length=MOST_NAMES)
    sources: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_predictions(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("accounts"), dict):
            accounts = {name: {"says": says} if isinstance(says, str) else says for name, says in value["accounts"].items()}
            return {**value, "accounts": accounts}
        return value

    @model_validator(mode="after")
    def _regions_apart(self) -> "Claim":
        pairs = product(self.supported_if.pieces(), self.refuted_if.pieces())
        if any(max(one[0], other[0]) < min(one[1], other[1]) for one, other in pairs):
            raise ValueError("the regions of support and refutation overlap; no outcome could tell them apart")
        return self

    @model_validator(mode="after")
    def _says_what_is_judged(self) -> "Claim":
        if not self.says:
            return self
        if not self.says.isprintable():
            raise ValueError("'says' must be one line of text")
        bounds = {end for region in (self.supported_if, self.refuted_if) for piece in region.pieces() for end in piece}
        written = [each.value for each in numbers_in(f"{self.criterion()} {self.statistic.model_dump_json()}")]
        known = {*written, *(number for bound in bounds for number in self.statistic.plain_units().numbers(bound))}
        if unknown := without(numbers_in(self.says), known):
            numbers = ", ".join(f"{number:.4g}" for number in sorted(set(written))) or "none"
            raise ValueError(
                f"'says' speaks of '{unknown[0].text}', which is no number of the criterion. The criterion: {self.criterion()} Its "
                f"numbers: {numbers}. Say one of them, or leave the number out"
            )
        return self

    @property
    def fingerprint(self) -> str:
        """What the claim is registered under. A later option whose default changes nothing leaves it as it was.

        How the claim is said is left out, who says it and where (sources and locators), and how the ledger counts it (its phenomenon,
        and the tolerance that a text states). None of these changes what is asked or what an account predicts.
        """
        return self.citing((), {}).earlier_fingerprint

    @property
    def earlier_fingerprint(self) -> str:
        """What the claim was registered under while sources and locators were a part of the registration."""
        accounts = {name: prediction.model_copy(update={"within": None}) for name, prediction in self.accounts.items()}
        return digest(identity(self.model_copy(update={"says": "", "phenomenon": "", "accounts": accounts})))

    def citing(self, sources: Iterable[str], locators: Mapping[str, str]) -> "Claim":
        """The same claim with other citations.

        Args:
            sources: keys of the texts that make the claim.
            locators: account id -> the place that its prediction cites; accounts that are left out cite none.
        """
        accounts = {name: said.model_copy(update={"locator": locators.get(name, "")}) for name, said in self.accounts.items()}
        return self.model_copy(update={"sources": tuple(sources), "accounts": accounts})

    def is_for(self, organism: OrganismName | None) -> bool:
        """Whether the claim is judged in a study on an organism. A study that is set on none judges every claim."""
        return organism is None or not self.organisms or organism in self.organisms

    @property
    def anytime(self) -> bool:
        """Whether all its intervals hold at every number of seeds at once. If not, seeds that are added after a look do not count."""
        return all(statistic.anytime for statistic in self.statistics())

    def statistics(self) -> tuple[Statistic, ...]:
        """The statistic that is judged, and those of the gates."""
        return (self.statistic, *(gate.statistic for gate in self.gates))

    def arms(self) -> tuple[str, ...]:
        """Arms that the claim or one of its gates reads."""
        return tuple(dict.fromkeys(arm for statistic in self.statistics() for arm in statistic.arms()))

    def reads(self) -> tuple[str, ...]:
        """Series that the claim or one of its gates needs."""
        return tuple(dict.fromkeys(series for statistic in self.statistics() for series in statistic.reads()))

    def sentence(self) -> str:
        """The claim as a sentence, made from the statistic and the region of support."""
        return f"The {self.statistic.phrase()} is {self.statistic.plain_units().region(self.supported_if.pieces())}."

    def criterion(self) -> str:
        """What supports the claim and what refutes it, in plain units."""
        return f"{self.sentence()} Refuted if {self.statistic.plain_units().region(self.refuted_if.pieces())}."
