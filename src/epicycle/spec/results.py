"""Results: what a run has come to, and the one contract of an arm's dataset.

Whoever makes such a dataset (the store, imported curves) calls `arm_dataset`, which checks it. Whoever reads one (events, claims,
report) uses the functions below. xarray is imported when a dataset is made: training starts half a second sooner without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from epicycle.spec.plain_data import python_value

if TYPE_CHECKING:
    import xarray
    from jaxtyping import Bool, Int
    from numpy import ndarray

DIVERGED = "diverged at step "
EVENT = {"units": "step"}  # attributes of a variable that holds the step of an event in each run
# Coordinates along `run` that every arm's dataset has.
COORDINATES = ("seed", "data_seed", "status", "baseline", "mirror_share")
OWN_NAMES = frozenset({"run", "step", "moment", *COORDINATES})  # of an arm's dataset; no series, axis or swept name may have one


@dataclass(frozen=True)
class Status:
    """What a run has come to.

    Attributes:
        step: for a diverged run, the step whose loss was not finite.
    """

    state: Literal["running", "done", "diverged"]
    step: int | None = None

    @classmethod
    def parse(cls, text: str) -> Status:
        """The status that `str` wrote.

        Raises:
            ValueError: the text is no status.
        """
        if text.startswith(DIVERGED):
            return cls("diverged", int(text.removeprefix(DIVERGED)))
        for plain in (RUNNING, DONE):
            if text == plain.state:
                return plain
        raise ValueError(f"'{text}' is no status of a run")

    @classmethod
    def diverged_at(cls, step: int) -> Status:
        """The status of a run whose loss was not finite at a step."""
        return cls("diverged", step)

    @property
    def diverged(self) -> bool:
        """Whether the run's loss stopped being finite."""
        return self.state == "diverged"

    def __str__(self) -> str:
        return f"{DIVERGED}{self.step}" if self.diverged else self.state


RUNNING, DONE = Status("running"), Status("done")


class SeriesShape(NamedTuple):
    """One record of a series.

    Attributes:
        axes: the measure's own axes, after run and step.
        lengths: their lengths.
        dtype: number type.
    """

    axes: tuple[str, ...]
    lengths: tuple[int, ...]
    dtype: Any

    @property
    def record_bytes(self) -> int:
        """Bytes of one record."""
        return int(np.prod(self.lengths)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class RunLabels:
    """What an arm's dataset says of one run, beside its series.

    Attributes:
        name: the run's id, or for an imported run where it came from.
        baseline: accuracy of the best predictor that sees at most one operand.
        mirror_share: share of the test rows whose mirror is trained on; NaN where that is not known.
        swept: value of each swept name.
        moment: for a fork, the step at which it begins, counted from the first ancestor's start; None for a run from the start.
    """

    name: str
    seed: int
    data_seed: int
    status: Status
    baseline: float
    mirror_share: float = float("nan")
    swept: Mapping[str, Any] = field(default_factory=dict)
    moment: int | None = None


def arm_dataset(
    steps: Int[np.ndarray, " step"],
    series: Mapping[str, tuple[tuple[str, ...], Any]],
    runs: Sequence[RunLabels],
    *,
    budget: int,
    swept: Sequence[str] = (),
    exact: bool | None = None,
    labels: Mapping[str, Sequence[Any]] | None = None,
) -> xarray.Dataset:
    """The dataset of an arm.

    Args:
        steps: recorded steps, counted from where each run begins.
        series: name -> (axes beginning with run and step, values); NaN where nothing was recorded.
        runs: one entry for each position along the axis `run`.
        budget: the step up to which runs count.
        swept: names that the runs differ in, beside their seeds.
        exact: whether all runs were trained under one signature each; None where that is not known.
        labels: along the series' own axes.

    Raises:
        ValueError: the parts do not fit each other.
    """
    import xarray

    coords: dict[str, Any] = {"step": steps, "run": [run.name for run in runs], **{k: list(v) for k, v in (labels or {}).items()}}
    for name in COORDINATES:
        values = [getattr(run, name) for run in runs]
        coords[name] = ("run", np.array([str(value) for value in values], dtype=object) if name == "status" else values)
    if any(run.moment is not None for run in runs):
        coords["moment"] = ("run", [int(run.moment or 0) for run in runs])
    for name in swept:
        coords[name] = ("run", [_label(run.swept[name]) for run in runs])
    data = xarray.Dataset(dict(series), coords, {"budget": budget, "swept": list(swept)} | ({} if exact is None else {"exact": exact}))
    return checked(data)


def checked(data: xarray.Dataset) -> xarray.Dataset:
    """The dataset itself, if it keeps the contract of an arm.

    Raises:
        ValueError: what is missing or has other axes.
    """
    for axis in ("run", "step"):
        if axis not in data.sizes:
            raise ValueError(f"an arm's dataset has an axis '{axis}'; this one has {', '.join(map(str, data.sizes))}")
    for name in (*COORDINATES, *swept_names(data), *(("moment",) if is_forked(data) else ())):
        if name not in data.coords or data[name].dims != ("run",):
            raise ValueError(f"an arm's dataset has a coordinate '{name}' along run")
    for name, values in data.data_vars.items():
        if values.dims[:2] != ("run", "step"):
            raise ValueError(f"series '{name}' has axes {values.dims}; they begin with run and step")
    if "budget" not in data.attrs:
        raise ValueError("an arm's dataset has an attribute 'budget'")
    return data


def swept_names(data: xarray.Dataset) -> list[str]:
    """The names that the runs of an arm differ in, beside their seeds."""
    return list(data.attrs.get("swept", ()))


def budget_of(data: xarray.Dataset) -> int:
    """The step up to which the runs of an arm count."""
    return int(data.attrs["budget"])


def is_forked(data: xarray.Dataset) -> bool:
    """Whether the runs of an arm are forks."""
    return "moment" in data.coords


def moments_of(data: xarray.Dataset) -> Int[np.ndarray, " run"]:
    """The step of the first ancestor at which each run begins; 0 for runs from the start."""
    return data["moment"].values.astype(int) if is_forked(data) else np.zeros(data.sizes["run"], int)


def statuses(data: xarray.Dataset) -> list[Status]:
    """What each run has come to."""
    return [Status.parse(str(text)) for text in data["status"].values]


def labels_of(data: xarray.Dataset) -> list[str]:
    """A short name for each run: its seed, with its data_seed where the two differ."""
    pairs = zip(data["seed"].values.tolist(), data["data_seed"].values.tolist(), strict=True)
    return [str(seed) if seed == data_seed else f"{seed}/{data_seed}" for seed, data_seed in pairs]


@dataclass(frozen=True)
class Ancestry:
    """Where the runs of a fork arm come from.

    Attributes:
        parent: name of the arm they were forked from.
        without: labels of the parents in which the moment of the fork has not come.
        doses: swept name -> what its numbers are doses of, such as `factor on lr`.
    """

    parent: str
    without: tuple[str, ...] = ()
    doses: Mapping[str, str] = field(default_factory=dict)


def with_ancestry(data: xarray.Dataset, ancestry: Ancestry) -> xarray.Dataset:
    """The dataset with its ancestry in its attributes."""
    return data.assign_attrs(fork=ancestry.parent, without=list(ancestry.without), doses=dict(ancestry.doses))


def ancestry_of(data: xarray.Dataset) -> Ancestry | None:
    """The ancestry of a fork arm; None for an arm from the start, or one whose parent is not at hand."""
    if not data.attrs.get("fork"):
        return None
    return Ancestry(data.attrs["fork"], tuple(data.attrs.get("without", ())), data.attrs.get("doses", {}))


def recorded(series: Iterable[Any], shape: Sequence[int]) -> Bool[ndarray, ...]:
    """Where at least one series was recorded, be it a single one of its numbers. NaN stands for what was not.

    Args:
        series: arrays whose first axes have this shape; further axes are the series' own.
        shape: the lengths of the shared axes, such as those of run and step.
    """
    known = np.zeros(tuple(shape), bool)
    for values in series:
        known |= ~np.isnan(values).reshape(*shape, -1).all(axis=-1)
    return known


def _label(value: Any) -> Any:
    value = python_value(value)
    return value if isinstance(value, int | float | str | bool) else str(value)
