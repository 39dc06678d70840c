"""Statistics of forks: the time that a fork still needs to an event, relative to the time that its control still needs."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from math import e
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, known_steps, median_estimate
from epicycle.claims.of_event import OfEvent
from epicycle.claims.quantities import LATER_SOONER
from epicycle.claims.slopes import numbers_along, slopes
from epicycle.spec.errors import InputError
from epicycle.spec.families import Event
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import is_forked, labels_of, moments_of, swept_names

if TYPE_CHECKING:
    import xarray


class RemainingTime(OfEvent, ABC):
    """What the statistics of the time left to an event share: the log remaining time of each fork.

    The log remaining time is ln[(t_fork - m) / (t_control - m)], where m is the moment of the fork and t the step of the event. The
    control is the run of the same seeds without the change. Below 0 the fork reaches the event sooner than its control.

    Attributes:
        arm: the arm of forks.
        where: swept values of the forks that count; those that the control was swept over too hold for the control as well.
        against: the arm of controls: the parent arm, or forks of it at the same moment.
    """

    of_forks: ClassVar[bool] = True

    against: str

    def arms(self) -> tuple[str, ...]:
        """The statistic reads the arm of forks and the arm of controls."""
        return (self.arm, self.against)

    def title(self) -> str:
        """The title names the log remaining time of one fork."""
        return f"ln(time left to {self.event} / control's)"

    def per_run(self, forks: xarray.Dataset, control: xarray.Dataset) -> list[PerRun]:
        """The log remaining time of every fork, once for each detector.

        It is open where the control had reached the event before the moment of the fork, as no time was left then.

        Raises:
            InputError: the first dataset has no forks; or a fork has no control of its seeds and swept values, or several.
        """
        if not is_forked(forks):
            raise InputError(
                f"{self.kind}: arm '{self.arm}' has no forks; compare times from the start with the statistic difference."
            )
        partners = self._partners(forks, control)
        # Added to a control's steps, its shift makes them steps from the moment of the fork.
        shifts = moments_of(control).astype(float)[partners] - moments_of(forks).astype(float)
        quantities = []
        for name, event in self.every_detector().items():
            fork_steps, control_steps = _steps_to(event, forks), _steps_to(event, control)
            bounds = [
                _log_ratio_bounds(steps, [end + shift for end in control_steps[partner]])
                for steps, partner, shift in zip(fork_steps, partners, shifts, strict=True)
            ]
            quantities.append(PerRun(name, *({run: ends[side] for run, ends in enumerate(bounds)} for side in (0, 1))))
        return quantities

    def with_controls(self, forks: xarray.Dataset, control: xarray.Dataset) -> xarray.Dataset:
        """The forks whose seeds the arm of controls has too. One of two arms may have got more seeds than the other.

        Raises:
            InputError: no fork has a control.
        """
        seeds = set(labels_of(control))
        kept = [run for run, label in enumerate(labels_of(forks)) if label in seeds]
        if not kept:
            raise InputError(f"{self.kind}: arm '{self.against}' has no run of seed {labels_of(forks)[0]} to compare with.")
        return forks if len(kept) == forks.sizes["run"] else forks.isel(run=kept)

    def _partners(self, forks: xarray.Dataset, control: xarray.Dataset) -> list[int]:
        """For each fork the position of its control: the run of the same seeds, and of the same values of what both arms sweep."""
        shared = [name for name in swept_names(control) if name in swept_names(forks)]
        fork_keys, control_keys = (
            list(zip(labels_of(data), *(data[name].values.tolist() for name in shared), strict=True)) for data in (forks, control)
        )
        position = {key: run for run, key in enumerate(control_keys)}
        if missing := [key for key in fork_keys if key not in position]:
            raise InputError(f"{self.kind}: arm '{self.against}' has no run of seed {missing[0][0]} to compare with.")
        if len(position) < len(control_keys):
            raise InputError(f"{self.kind}: arm '{self.against}' has several runs of one seed; name another control.")
        return [position[key] for key in fork_keys]


class LogRemainingTime(RemainingTime):
    """Does a change bring an event sooner? The log remaining time of a fork relative to its control; below 0 is sooner.

    ln[(t_fork - m) / (t_control - m)] in each fork, where m is the moment of the fork. The interval is that of the median over forks.
    """

    kind: ClassVar[str] = "log_remaining_time"

    def phrase(self) -> str:
        """The phrase names the event and the two arms."""
        fork = f"{self.event}, counted from the fork, in {self.arm_phrase()}"
        return f"median of {fork}, compared with its control in arm {self.against},"

    def plain_units(self) -> PlainUnits:
        """How many times later than the control, or sooner."""
        return PlainUnits(base=e, compared="ratio", sides=LATER_SOONER)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """The median over forks, once for each detector.

        Raises:
            InputError: the arm has no forks, or a fork has no control of its seeds.
        """
        forks = chosen_runs(arms, self.arm, self.where)
        swept = swept_names(arms[self.against])
        control = chosen_runs(arms, self.against, {name: value for name, value in self.where.items() if name in swept})
        forks = self.with_controls(forks, control)
        return [median_estimate(forks, bounds) for bounds in self.per_run(forks, control)]


class DoseExponent(RemainingTime):
    """How strongly does the time left to an event fall with the dose of a change?

    The exponent b in (time left of the fork) = (time left of its control) * dose^-b: 1 is as fast as the dose, 0 means no effect.
    For each seed b is the least-squares slope of the log remaining times along -ln dose. A time that is known between bounds moves
    b by its weight in the fit, so the bounds of b are exact. The interval is that of the median over seeds.

    Attributes:
        along: the swept name of the dose.
        doses: the doses that enter the fit; None takes all.
    """

    kind: ClassVar[str] = "dose_exponent"

    along: str
    doses: tuple[float, ...] | None = None

    def phrase(self) -> str:
        """The phrase names the event, the doses and the arm."""
        among = "" if self.doses is None else f" over {', '.join(f'{dose:g}' for dose in self.doses)}"
        speed = f"the speed of {self.event} after the fork, fitted along {self.along}{among}"
        return f"median over seeds of {speed} in {self.arm_phrase()},"

    def plain_units(self) -> PlainUnits:
        """How many times faster ten times the dose is."""
        return PlainUnits(base=10.0, compared="ratio", sides=("faster", "slower"), tail=f"for ten times {self.along}")

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """The median over seeds, once for each detector.

        Raises:
            InputError: the arm is not swept over the dose.
        """
        forks = self.with_controls(chosen_runs(arms, self.arm, self.where, self.along), arms[self.against])
        doses = numbers_along(forks, self.along, above_zero=True)
        if absent := [f"{dose:g}" for dose in self.doses or () if dose not in doses]:
            doses_there = ", ".join(f"{dose:g}" for dose in np.unique(doses))
            raise InputError(f"{self.kind}: arm '{self.arm}' has no run where {self.along} = {absent[0]}; its doses: {doses_there}.")
        if self.doses is not None:
            forks = forks.isel(run=np.isin(doses, self.doses))
        log_dose = -np.log(numbers_along(forks, self.along, above_zero=True))
        quantities = self.per_run(forks, arms[self.against])
        return [median_estimate(forks, slopes(labels_of(forks), log_dose, bounds)) for bounds in quantities]


def _steps_to(event: Event, data: xarray.Dataset) -> list[tuple[float, float]]:
    """For each run the least and the most steps from its start to an event."""
    return [(step.low, step.high) for step in known_steps(data, event).values()]


def _log_ratio_bounds(fork: Sequence[float], control: Sequence[float]) -> tuple[float, float]:
    """Bounds of the log remaining time, from those of a fork's and its control's steps to the event; open where none were left."""
    if control[1] < 1:
        return -NEVER, NEVER
    return _log_ratio(fork[0], control[1], -NEVER), _log_ratio(fork[1], control[0], NEVER)


def _log_ratio(steps: float, over: float, open_end: float) -> float:
    """Natural logarithm of a ratio of steps, each at least 1; infinity over infinity is unknown, and becomes `open_end`."""
    if np.isinf(steps) and np.isinf(over):
        return open_end
    return -NEVER if np.isinf(over) else float(np.log(max(steps, 1.0) / max(over, 1.0)))
