"""Arms: named sets of runs.

The runs of a root arm start from fresh weights. Those of a theory arm are simulated, without a network. Those of a fork arm continue
the runs of another arm.
"""

import itertools
import json
import math
import reprlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED, Experiment, Run
from epicycle.spec.families import AnyEdit, AnyTheory, Theory
from epicycle.spec.identity import digest, identity
from epicycle.spec.limits import MOST_POINTS, MOST_RUNS, MOST_STEPS
from epicycle.spec.moment_grammar import ForkMoment
from epicycle.spec.paths import get_path, with_path
from epicycle.spec.plain_data import SweptValues

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
SeedList = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_RUNS)]
Path = Annotated[str, Field(max_length=200)]  # of a field: names joined by dots
Sweep = Annotated[dict[Path, Annotated[tuple[Any, ...], Field(max_length=MOST_POINTS)]], Field(max_length=20)]


class ArmRun(NamedTuple):
    """A run of an arm.

    Attributes:
        values: the value of each swept name, by its short name.
    """

    values: SweptValues
    run: Run


class SimulatedRun(NamedTuple):
    """A theory with one seed: what takes the place of a run in a theory arm."""

    theory: Theory
    seed: int

    @property
    def id(self) -> str:
        """Sixteen hex digits, which cover the theory and the seed."""
        return digest({"theory": identity(self.theory), "seed": self.seed})

    @property
    def data_seed(self) -> int:
        """The seed: a theory draws its data, where it has some, from the seed of the run."""
        return self.seed


class ArmSimulation(NamedTuple):
    """A simulated run of an arm.

    Attributes:
        values: the value of each swept name, by its short name.
    """

    values: SweptValues
    run: SimulatedRun


class Seeded:
    """What root arms and theory arms share: their seeds, and the points of their sweep."""

    if TYPE_CHECKING:
        seeds: int | tuple[int, ...]
        first_seed: int
        sweep: Mapping[str, tuple[Any, ...]]

    def seed_list(self) -> tuple[int, ...]:
        """The seeds, in the order in which further ones are added."""
        return self.seeds if isinstance(self.seeds, tuple) else tuple(range(self.first_seed, self.first_seed + self.seeds))

    def with_seeds(self, count: int) -> Self:
        """The arm with a larger number of seeds. Listed seeds go on after the largest one."""
        after = max(self.seed_list()) + 1
        more = (*self.seeds, *range(after, after + count - len(self.seeds))) if isinstance(self.seeds, tuple) else count
        copy: Self = cast(Any, self).model_copy(update={"seeds": more})  # `Spec`, the other base of the arms, has the method
        return copy

    def run_count(self) -> int:
        """Number of runs, without making them."""
        seeds = len(self.seeds) if isinstance(self.seeds, tuple) else self.seeds
        return math.prod(map(len, self.sweep.values())) * seeds

    def _refuse_sweep(self, lists: Mapping[str, Any]) -> None:
        """Refuse too many runs, a sweep without values, and a value or a seed that is listed twice.

        Args:
            lists: name -> seeds, which may be listed.

        Raises:
            ValueError: the first mistake.
        """
        _refuse_too_many(self.sweep)
        if not isinstance(self.seeds, tuple) and self.first_seed + self.seeds - 1 > MAX_SEED:
            raise ValueError(f"{self.seeds} seeds from {self.first_seed} on pass the largest seed, {MAX_SEED}")
        if (runs := self.run_count()) > MOST_RUNS:
            raise ValueError(f"{runs:,} runs are too many for one study; at most {MOST_RUNS:,} are possible")
        for path, values in self.sweep.items():
            if not values:
                raise ValueError(f"sweep over {path} has no values")
            _refuse_repeats(f"sweep over {path}", values)
        for name, listed in lists.items():
            if isinstance(listed, tuple):
                _refuse_repeats(name, listed)


class RootArm(Seeded, Spec):
    """Experiment x sweep x seeds.

    Attributes:
        experiment: what is trained.
        seeds: how many pairs of seeds (counted from `first_seed`), or the seeds themselves, each once.
        first_seed: the first seed, where `seeds` is a number.
        data_seeds: seeds of the split. None: each run's own seed. A number: all runs share one split. A list: crossed with `seeds`.
        first_data_seed: the seed of the first run's split; those of the next runs are counted on from there. So fresh networks can
            be trained on the splits of another arm, one network a split. None: see `data_seeds`.
        sweep: dotted field of the experiment -> values; several fields are crossed.
    """

    aliases = {"n_seeds": "seeds"}

    experiment: Experiment
    seeds: Annotated[int, Field(ge=1, le=MOST_RUNS)] | SeedList = 10
    first_seed: int = Field(0, ge=0, le=MAX_SEED)
    data_seeds: Seed | SeedList | None = None
    first_data_seed: int | None = Field(None, ge=0, le=MAX_SEED)
    sweep: Sweep = {}

    @model_validator(mode="after")
    def _splits_are_counted_or_listed(self) -> "RootArm":
        if self.first_data_seed is None:
            return self
        if self.data_seeds is not None:
            raise ValueError("an arm has either data_seeds or first_data_seed; give one of them")
        if (last := self.first_data_seed + len(self.seed_list()) - 1) > MAX_SEED:
            raise ValueError(f"the last split would have seed {last}, past the largest seed, {MAX_SEED}")
        return self

    @model_validator(mode="after")
    def _sweep_is_valid(self) -> "RootArm":
        self._refuse_sweep({"seeds": self.seeds, "data_seeds": self.data_seeds})
        try:
            list(self.experiments())
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def run_count(self) -> int:
        """Number of runs, without making them."""
        return super().run_count() * (len(self.data_seeds) if isinstance(self.data_seeds, tuple) else 1)

    def seed_pairs(self) -> list[tuple[int, int]]:
        """(seed, data_seed) of every replicate."""
        seeds = self.seed_list()
        if self.first_data_seed is not None:
            return [(seed, self.first_data_seed + i) for i, seed in enumerate(seeds)]
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


class TheoryArm(Seeded, Spec):
    """Theory x sweep x seeds: runs that are simulated without a network.

    Attributes:
        theory: what is simulated.
        seeds: how many seeds (counted from `first_seed`), or the seeds themselves, each once.
        first_seed: the first seed, where `seeds` is a number.
        sweep: dotted field of the theory -> values; several fields are crossed.
    """

    aliases = {"n_seeds": "seeds"}

    theory: AnyTheory
    seeds: Annotated[int, Field(ge=1, le=MOST_RUNS)] | SeedList = 10
    first_seed: int = Field(0, ge=0, le=MAX_SEED)
    sweep: Sweep = {}

    @model_validator(mode="after")
    def _sweep_is_valid(self) -> "TheoryArm":
        self._refuse_sweep({"seeds": self.seeds})
        try:
            list(self.theories())
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def theories(self) -> Iterator[tuple[SweptValues, Theory]]:
        """Each point of the sweep: swept values by their short names, and the theory there."""
        names = short_names(self.sweep)
        for point in itertools.product(*self.sweep.values()):
            plain = self.theory.model_dump(mode="json")
            for path, value in zip(self.sweep, point, strict=True):
                plain = with_path(plain, path, value)
            yield dict(zip(names, point, strict=True)), type(self.theory).parse(plain, "theory")

    def runs(self) -> Iterator[ArmSimulation]:
        """Every run of the arm with its swept values."""
        for values, theory in self.theories():
            for seed in self.seed_list():
                yield ArmSimulation(values, SimulatedRun(theory, seed))


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
    edits: tuple[AnyEdit, ...] = Field((), max_length=100)
    steps: int | None = Field(None, ge=1, le=MOST_STEPS)
    sweep: Sweep = {}

    @model_validator(mode="after")
    def _sweep_is_valid(self) -> "ForkArm":
        _refuse_too_many(self.sweep)
        plain = self.model_dump(mode="json")
        for path, values in self.sweep.items():
            if path == "fork":
                raise ValueError("'fork' cannot be swept: make a fork arm for each parent")
            if not values:
                raise ValueError(f"sweep over {path} has no values")
            _refuse_repeats(f"sweep over {path}", values)
            try:
                get_path(plain, path)
            except InputError as error:
                raise ValueError(str(error)) from None
            for value in values:
                ForkArm.model_validate({**with_path(plain, path, value), "sweep": {}})
        return self

    def point_count(self) -> int:
        """Number of points of the sweep, without making them."""
        return math.prod(map(len, self.sweep.values()))

    def moments(self) -> tuple[int | str, ...]:
        """The moment of the fork and those that its edits name, at every point of the sweep."""
        every = [
            moment for _, variant in self.points() for moment in (variant.at, *(m for edit in variant.edits for m in edit.moments()))
        ]
        return tuple(dict.fromkeys(every))

    def behind(self, arms: Collection[str]) -> set[str]:
        """The arms whose runs must be trained first: the parent, and the donors of edits that are arms."""
        donors = {name for _, variant in self.points() for edit in variant.edits for name, _ in edit.donors()}
        return {self.fork, *(name for name in donors if name in arms)}

    def points(self) -> Iterator[tuple[SweptValues, "ForkArm"]]:
        """Each point of the sweep: swept values by their short names, and the arm there."""
        names, unswept = short_names(self.sweep), {**self.model_dump(mode="json"), "sweep": {}}
        for point in itertools.product(*self.sweep.values()):
            plain = unswept
            for path, value in zip(self.sweep, point, strict=True):
                plain = with_path(plain, path, value)
            yield dict(zip(names, point, strict=True)), ForkArm.model_validate(plain)


def _refuse_too_many(sweep: Mapping[str, Collection[Any]]) -> None:
    """Refuse a sweep of too many combinations, before one of them is made.

    Raises:
        ValueError: how many there are.
    """
    points = math.prod(map(len, sweep.values()))
    if points > MOST_POINTS:
        raise ValueError(f"the sweep has {points:,} combinations of values; at most {MOST_POINTS:,} are possible")


def _refuse_repeats(name: str, values: Collection[Any]) -> None:
    """Refuse a list that names a value twice: the two would be the same runs, and a copy of a run is no second observation.

    Raises:
        ValueError: the first value that comes again.
    """
    seen: set[Any] = set()
    for value in values:
        key = json.dumps(value, sort_keys=True, default=str) if isinstance(value, list | tuple | dict | bool) else value
        if key in seen:
            shown = "a value" if isinstance(value, list | tuple | dict) else reprlib.repr(value)
            raise ValueError(
                f"{name}: {shown} is listed twice; the same seeds and settings give the same run, so list each value once"
            )
        seen.add(key)


def short_names(paths: Collection[str]) -> list[str]:
    """A short name for each swept path: its last word, or the whole path where last words collide or are numbers."""
    last = [path.rsplit(".", 1)[-1] for path in paths]
    return [name if last.count(name) == 1 and not name.isdigit() else path for name, path in zip(last, paths, strict=True)]


def _kind_of_arm(value: Any) -> Any:
    if isinstance(value, dict):
        return (ForkArm if "fork" in value else TheoryArm if "theory" in value else RootArm).model_validate(value)
    return value


Arm = Annotated[RootArm | TheoryArm | ForkArm, BeforeValidator(_kind_of_arm)]
