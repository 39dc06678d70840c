"""An experiment (everything that moves a trajectory except its seeds), and a run (an experiment with one pair of seeds)."""

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from epicycle.spec.base import Part, Spec, kind_of
from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyEdit, AnyLoss, AnyModel, AnyOptimiser, AnySplit, AnyTask
from epicycle.spec.fields import budget, knob, role_of, static
from epicycle.spec.identity import digest, identity
from epicycle.spec.limits import MOST_NAMES, MOST_RATE, MOST_SEED, MOST_STEPS
from epicycle.spec.paths import knob_path, with_path
from epicycle.spec.plain_data import Plain
from epicycle.spec.precision import Precision, asked_precision
from epicycle.spec.registry import default_part, load_preset

MAX_SEED = MOST_SEED


class Stop(Spec):
    """Ends a run before its budget: at the first evaluation at or after `factor` times the step of an event.

    Attributes:
        event: name of a standard event.
        factor: at least 1.25, because an event is confirmed at 1.1 times its step.
    """

    event: str = budget("t_gen")
    factor: float = budget(2.0, ge=1.25, le=1000)


class Course(Spec):
    """Moves a knob over time: along straight lines from value to value, constant before the first value and after the last.

    Attributes:
        of: the knob's path, or its last names: `lr`.
        steps: updates done, counted from the start of the run (of the first ancestor, in a fork).
        values: one for each step. Two successive steps make a jump.
    """

    of: str = static()
    steps: tuple[Annotated[float, Field(ge=0, le=10 * MOST_STEPS)], ...] = knob(min_length=1, max_length=200)
    values: tuple[float, ...] = knob(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        if len(self.steps) != len(self.values):
            raise ValueError(f"a course has one value for each step; here are {len(self.steps)} steps and {len(self.values)} values")
        if any(later <= earlier for earlier, later in itertools.pairwise(self.steps)):
            raise ValueError("the steps of a course rise")
        return self


class Training(Spec):
    """How parameters are trained, and for how long.

    Attributes:
        optimiser: turns gradients into updates.
        loss: what is minimised.
        batch_size: rows in one update; None is the full batch.
        replacement: draw every row of a minibatch from all training rows (as in Sea-Snell/grokking); otherwise one pass uses each row
            once.
        warmup: updates over which the learning rate rises linearly from 0 (factor s / warmup after s updates, as in the
            progress-measures code, whose first update therefore moves nothing).
        schedule: how the learning rate goes on after the warm-up: constant, or down to its final share along a line or a cosine.
        anneal_steps: updates from the end of the warm-up to the final share. Every schedule but `constant` needs them.
        final_lr_scale: share of the learning rate that is left in the end (0.1 in openai/grok).
        temperature: divides the logits, in training and in what is recorded; None is 1.
        norm_share: after each update, rescale all trained tensors together to this multiple of their norm at initialisation (the
            constrained optimisation of Liu et al., arXiv 2210.01117). The first update jumps to that norm.
        gradient_noise: standard deviation of Gaussian noise on each entry of the gradient, drawn anew at each update.
        weight_noise: standard deviation of Gaussian noise on each weight in the forward pass of an update (Graves, NeurIPS 2011).
            Measures see the weights without noise.
        frozen: patterns of tensors that training leaves unchanged: `W_E`, `b_*`.
        sparse: patterns of tensors in which a weight that is exactly 0 stays 0, see the edit `prune`.
        courses: knobs that move over time.
        steps: the budget of updates.
        stop: ends each run early, at its own event; None trains the whole budget.
    """

    aliases = {
        "optimizer": "optimiser",
        **dict.fromkeys(("num_steps", "n_steps", "epochs", "num_epochs"), "steps"),
        **dict.fromkeys(("anneal_lr_steps", "decay_steps"), "anneal_steps"),
        "min_lr_ratio": "final_lr_scale",
    }

    optimiser: AnyOptimiser = Field(default_factory=default_part("optimiser"))
    loss: AnyLoss = Field(default_factory=default_part("loss"))
    batch_size: int | None = static(None, ge=1, le=10_000_000)
    replacement: bool = static(False)
    warmup: float = knob(10.0, ge=0, le=MOST_STEPS)
    schedule: Literal["constant", "cosine", "linear"] = static("constant")
    anneal_steps: float | None = knob(None, ge=1, le=MOST_STEPS)
    final_lr_scale: float = knob(0.1, ge=0, le=MOST_RATE)
    temperature: float | None = knob(None, gt=0, le=1e6)
    norm_share: float | None = knob(None, gt=0, le=1e6)
    gradient_noise: float | None = knob(None, ge=0, le=1e6)
    weight_noise: float | None = knob(None, ge=0, le=1e6)
    frozen: tuple[str, ...] = static((), max_length=MOST_NAMES)
    sparse: tuple[str, ...] = static((), max_length=MOST_NAMES)
    courses: tuple[Course, ...] = Field((), max_length=20)
    steps: int = budget(20_000, ge=1, le=MOST_STEPS)
    stop: Stop | None = budget(None)

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.schedule != "constant" and self.anneal_steps is None:
            raise ValueError(
                f"schedule = {self.schedule} needs anneal_steps, the number of updates from the end of the warm-up to the final rate"
            )
        if self.replacement and self.batch_size is None:
            raise ValueError("replacement = true does nothing to a full batch; give batch_size, or leave replacement out")
        return self


class Experiment(Spec):
    """Task, split, model and training: everything that moves a trajectory except its seeds.

    In YAML, `preset` names a published setting, and the other entries change it at any depth:
    `{preset: NP, training: {optimiser: {weight_decay: 0.3}}}`.

    Attributes:
        task: the rows, and the right answers.
        split: which rows are trained on.
        model: the network.
        training: loss, optimiser, schedule and budget.
    """

    task: AnyTask
    split: AnySplit = Field(default_factory=default_part("split"))
    model: AnyModel
    training: Training = Field(default_factory=Training)

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "preset" not in value:
            return value
        return load_preset(value["preset"]).experiment.merged({name: entry for name, entry in value.items() if name != "preset"})

    @model_validator(mode="after")
    def _courses_fit(self) -> Self:
        courses = self.training.courses
        if not courses:
            return self
        plain = self.model_copy(update={"training": self.training.model_copy(update={"courses": ()})})
        try:
            paths = [knob_path(course.of, plain.knobs()) for course in courses]
            if len(set(paths)) < len(paths):
                raise InputError("training.courses: a knob has two courses; give it one.")
            if "model.init_scale" in paths:
                raise InputError("training.courses: model.init_scale acts before the first step only, so it cannot have a course.")
            for path, course in zip(paths, courses, strict=True):
                for value in dict.fromkeys(course.values):
                    plain.swept(path, value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def knobs(self) -> dict[str, float]:
        """Dotted path -> value, for every knob that is not None."""
        return {path: float(value) for path, role, value in self.leaves() if role == "knob" and value is not None}

    def swept(self, path: str, value: Any) -> Self:
        """A validated copy with the entry at a dotted path replaced.

        Raises:
            InputError: the field does not exist, or refuses the value.
        """
        if path == "preset":
            raise InputError("preset: a preset replaces the whole experiment, not one field; give each preset an arm of its own.")
        return self.parse(with_path(self.model_dump(mode="json"), path, value), where=path)

    def static_part(self) -> Plain:
        """What all members of a cohort share: kinds, versions, static fields, and which optional knobs are present."""
        fixed: Plain = {"kinds": _kinds(self)}
        for path, role, value in self.leaves():
            if role == "static":
                fixed[path] = value
            elif role == "knob":
                fixed[path] = value is not None
        return fixed


class Lineage(Spec):
    """Where a fork comes from.

    Attributes:
        parent: id of the run that the fork continues.
        moment: step of the parent at which the fork begins.
        start: the same moment, counted from step 0 of the first ancestor; None where the parent is a run from the start.
        edits: what changes at the moment, with moments as steps and donors as run ids.
        stages: the fork's experiment after each edit. They follow from the edits, so they are neither stored nor part of an id.
    """

    parent: str
    moment: int = Field(ge=0)
    start: int | None = Field(None, ge=0)
    edits: tuple[AnyEdit, ...] = ()
    stages: tuple[Experiment, ...] = Field((), exclude=True, repr=False)

    def named(self) -> Plain:
        """What a fork's id covers of its lineage."""
        start = {} if self.start is None else {"start": self.start}
        return {"parent": self.parent, "moment": self.moment, **start, "edits": identity(self.edits)}


class Run(Spec):
    """One experiment with one seed for the weights and one for the split.

    Attributes:
        lineage: where a fork comes from; None for a run from the start.
        written: the experiment that the id covers, where `experiment` shows values of knobs that came from edits: an id covers edits
            by the lineage. None where it is `experiment`.
        precision: of all floating-point numbers. An id names it where it is not float32.
    """

    experiment: Experiment
    seed: int = Field(0, ge=0, le=MAX_SEED)
    data_seed: int = Field(0, ge=0, le=MAX_SEED)
    lineage: Lineage | None = None
    written: Experiment | None = Field(None, exclude=True, repr=False)
    precision: Precision = Field(default_factory=asked_precision)

    @property
    def id(self) -> str:
        """Sixteen hex digits. The id covers what moves the trajectory, and nothing else."""
        return digest(
            {
                "experiment": identity(self.written or self.experiment),
                "seed": self.seed,
                "data_seed": self.data_seed,
                "lineage": None if self.lineage is None else self.lineage.named(),
                **({} if self.precision == "float32" else {"precision": self.precision}),
            }
        )

    @property
    def start(self) -> int:
        """The step of the first ancestor at which this run begins; 0 for a run from the start."""
        if self.lineage is None:
            return 0
        return self.lineage.moment if self.lineage.start is None else self.lineage.start


@dataclass(frozen=True)
class Request:
    """What is asked of one member of a cohort.

    Attributes:
        budget: steps it may train.
        stop: what ends it earlier.
        shorter: smaller budgets that other arms ask of the same run. Their ends are recorded too.
    """

    budget: int
    stop: Stop | None = None
    shorter: tuple[int, ...] = dataclasses.field(default=(), compare=False)

    @classmethod
    def of(cls, run: Run, budgets: Collection[int] = ()) -> "Request":
        """What a run asks for; `budgets` are those of every arm that asks for it."""
        training = run.experiment.training
        return cls(training.steps, training.stop, tuple(sorted(set(budgets) - {training.steps})))

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> "Request":
        """The request that `plain` wrote down."""
        return cls(int(plain["budget"]), None if plain["stop"] is None else Stop.parse(plain["stop"], "stop"))

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {"budget": self.budget, "stop": self.stop.model_dump() if self.stop else None}

    def covers(self, later: "Request") -> bool:
        """Whether a member that was trained as asked here needs no further step for a later request."""
        return self.stop in (None, later.stop) and self.budget >= later.budget


def budgets_of(runs: Sequence[Run]) -> dict[str, set[int]]:
    """Every budget that is asked of each run, by the run's id."""
    budgets: dict[str, set[int]] = {}
    for run in runs:
        budgets.setdefault(run.id, set()).add(run.experiment.training.steps)
    return budgets


def longest(runs: Sequence[Run]) -> dict[str, Run]:
    """Each run once, by id, with its longest request. Two arms may share a run and ask for different budgets and stops."""
    wanted: dict[str, Run] = {}
    for run in runs:
        known = wanted.get(run.id)
        wanted[run.id] = run if known is None else _longer(known, run)
    return wanted


def _longer(first: Run, second: Run) -> Run:
    """The first of two runs with one id, with the longer request. Stops at different events cannot be compared, so neither is kept."""
    training, second_training = first.experiment.training, second.experiment.training
    stops = [each.stop for each in (training, second_training) if each.stop is not None]
    stop = max(stops, key=lambda each: each.factor) if len(stops) == 2 and stops[0].event == stops[1].event else None
    longer = training.model_copy(update={"steps": max(training.steps, second_training.steps), "stop": stop})
    return first.model_copy(update={"experiment": first.experiment.model_copy(update={"training": longer})})


S = TypeVar("S", bound=Spec)


def bind(spec: S, knobs: Mapping[str, Any], prefix: str = "") -> S:
    """An unvalidated copy of a spec whose knobs have these (possibly traced) values. Never hash the copy."""
    changed: Plain = {}
    for name in type(spec).model_fields:
        path, value = f"{prefix}{name}", getattr(spec, name)
        if path in knobs:
            changed[name] = knobs[path]
        elif isinstance(value, Spec):
            changed[name] = bind(value, knobs, f"{path}.")
        elif isinstance(value, tuple):
            changed[name] = tuple(
                bind(entry, knobs, f"{path}.{i}.") if isinstance(entry, Spec) else knobs.get(f"{path}.{i}", entry)
                for i, entry in enumerate(value)
            )
    return spec.model_copy(update=changed)


def _kinds(spec: Spec) -> Plain:
    named: Plain = {"": f"{kind_of(type(spec)) if isinstance(spec, Part) else ''}@{type(spec).version}"}
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if role_of(field) == "budget":
            continue
        if isinstance(value, Spec):
            named[name] = _kinds(value)
        elif isinstance(value, tuple):
            named[name] = [_kinds(entry) for entry in value if isinstance(entry, Spec)]
    return named
