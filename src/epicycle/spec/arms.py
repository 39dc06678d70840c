"""Arms: named sets of runs. The runs of a root arm start from fresh weights; those of a fork arm continue the runs of another arm."""

import itertools
from collections.abc import Collection, Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED, Experiment, Run
from epicycle.spec.families import AnyEdit
from epicycle.spec.moment_grammar import ForkMoment
from epicycle.spec.paths import get_path, with_path
from epicycle.spec.plain_data import SweptValues


class ArmRun(NamedTuple):
    """A run of an arm.

    Attributes:
        values: the value of each swept name, by its short name.
    """

    values: SweptValues
    run: Run


class RootArm(Spec):
    """Experiment x sweep x seeds.

    Attributes:
        experiment: what is trained.
        seeds: how many pairs of seeds (counted from `first_seed`), or the seeds themselves.
        first_seed: the first seed, where `seeds` is a number.
        data_seeds: seeds of the split. None: each run's own seed. A number: all runs share one split. A list: crossed with `seeds`.
        sweep: dotted field of the experiment -> values; several fields are crossed.
    """

    aliases = {"n_seeds": "seeds"}

    experiment: Experiment
    seeds: Annotated[int, Field(ge=1)] | Annotated[tuple[int, ...], Field(min_length=1)] = 10
    first_seed: int = Field(0, ge=0, le=MAX_SEED)
    data_seeds: int | tuple[int, ...] | None = None
    sweep: dict[str, tuple[Any, ...]] = {}

    @model_validator(mode="after")
    def _sweep_is_valid(self) -> "RootArm":
        for path, values in self.sweep.items():
            if not values:
                raise ValueError(f"sweep over {path} has no values")
        try:
            list(self.experiments())
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def seed_pairs(self) -> list[tuple[int, int]]:
        """(seed, data_seed) of every replicate."""
        seeds = self.seeds if isinstance(self.seeds, tuple) else tuple(range(self.first_seed, self.first_seed + self.seeds))
        if self.data_seeds is None:
            return [(seed, seed) for seed in seeds]
        shared = self.data_seeds if isinstance(self.data_seeds, tuple) else (self.data_seeds,)
        return [(seed, data_seed) for seed in seeds for data_seed in shared]

    def experiments(self) -> Iterator[tuple[SweptValues, Experiment]]:
        """Each point of the sweep: swept values by their short names, and the experiment there."""
        names = short_names(self.sweep)
        for point in itertools.product(*self.sweep.values()):
            experiment = self.experiment
            for path, value in zip(self.sweep, point, strict=True):
                experiment = experiment.swept(path, value)
            yield dict(zip(names, point, strict=True)), experiment

    def runs(self) -> Iterator[ArmRun]:
        """Every run of the arm with its swept values."""
        for values, experiment in self.experiments():
            for seed, data_seed in self.seed_pairs():
                yield ArmRun(values, Run(experiment=experiment, seed=seed, data_seed=data_seed))


class ForkArm(Spec):
    """Runs that continue the runs of a parent arm from a moment, after edits.

    Attributes:
        fork: name of the parent arm.
        at: the moment, looked up in each parent run by itself.
        edits: what changes at the moment, in order.
        steps: updates after the moment; None keeps the parent's budget.
        sweep: dotted field of this arm -> values, for example `edits.0.by`.
    """

    fork: str
    at: ForkMoment
    edits: tuple[AnyEdit, ...] = ()
    steps: int | None = Field(None, ge=1)
    sweep: dict[str, tuple[Any, ...]] = {}

    @model_validator(mode="after")
    def _sweep_is_valid(self) -> "ForkArm":
        plain = self.model_dump(mode="json")
        for path, values in self.sweep.items():
            if path == "fork":
                raise ValueError("'fork' cannot be swept: make a fork arm for each parent")
            if not values:
                raise ValueError(f"sweep over {path} has no values")
            try:
                get_path(plain, path)
            except InputError as error:
                raise ValueError(str(error)) from None
            for value in values:
                ForkArm.model_validate({**with_path(plain, path, value), "sweep": {}})
        return self

    def behind(self, arms: Collection[str]) -> set[str]:
        """The arms whose runs must be trained first: the parent, and the donors of edits that are arms."""
        donors = {name for _, variant in self.points() for edit in variant.edits for name, _ in edit.donors()}
        return {self.fork, *(name for name in donors if name in arms)}

    def points(self) -> Iterator[tuple[SweptValues, "ForkArm"]]:
        """Each point of the sweep: swept values by their short names, and the arm there."""
        names = short_names(self.sweep)
        for point in itertools.product(*self.sweep.values()):
            plain = {**self.model_dump(mode="json"), "sweep": {}}
            for path, value in zip(self.sweep, point, strict=True):
                plain = with_path(plain, path, value)
            yield dict(zip(names, point, strict=True)), ForkArm.model_validate(plain)


def short_names(paths: Collection[str]) -> list[str]:
    """A short name for each swept path: its last word, or the whole path where last words collide or are numbers."""
    last = [path.rsplit(".", 1)[-1] for path in paths]
    return [name if last.count(name) == 1 and not name.isdigit() else path for name, path in zip(last, paths, strict=True)]


def _kind_of_arm(value: Any) -> Any:
    if isinstance(value, dict):
        return (ForkArm if "fork" in value else RootArm).model_validate(value)
    return value


Arm = Annotated[RootArm | ForkArm, BeforeValidator(_kind_of_arm)]
