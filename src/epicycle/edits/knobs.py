"""Edits of knobs: a number set or scaled, at once or little by little, for good or until another moment; and of any other field."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Course, Experiment
from epicycle.spec.families import Edit, EditContext
from epicycle.spec.fields import data
from epicycle.spec.moments import ForkMoment
from epicycle.spec.paths import knob_path

FIXED = ("task.", "training.steps", "training.stop")


class _KnobEdit(Edit):
    """One knob gets another value.

    Attributes:
        knob: its path, or as much of the end as tells it apart.
        over: updates in which it goes there along a straight line; 0 is at once.
        until: the moment, on the parent's clock, at which it jumps back to the value it had; None is never.
    """

    knob: str = data()
    over: int = data(0, ge=0)
    until: ForkMoment | None = data(None)

    @abstractmethod
    def _target(self, value: Any) -> Any:
        """The new value, given the one it has."""

    def settled(self, place: Callable[[int | str], int | None], donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """With `until` as a step."""
        del donor
        if self.until is None:
            return self
        step = place(self.until)
        return None if step is None else self.model_copy(update={"until": step})

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """Without the course that the knob had, and with a new one where the edit takes time."""
        path = self._path(experiment)
        courses = tuple(c for c in experiment.training.courses if knob_path(c.of, experiment.knobs()) != path)
        known = experiment.knobs().get(path)
        target = self._target(known)
        if known is None:
            if self.over or self.until is not None:
                raise InputError(f"edit {self.kind}: {path} is off before the fork, so it can neither come on slowly nor go back.")
            return experiment.swept(path, target)
        if self.over or self.until is not None:
            steps = tuple(before + step for step in self._steps(moment))
            courses = (*courses, Course(of=path, steps=steps, values=self._values(known, target)))
        return experiment.model_copy(update={"training": experiment.training.model_copy(update={"courses": courses})})

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with the knob changed, or with the values of its course counted from the one it has."""
        experiment: Experiment = context.experiment
        path = self._path(experiment)
        value = state.knobs[path]
        target = type(value)(self._target(value))
        experiment.swept(path, float(target))  # refuses what the field refuses
        if not (self.over or self.until is not None):
            return state._replace(knobs={**state.knobs, path: target}), data
        last = len(experiment.training.courses) - 1
        course = {f"training.courses.{last}.values.{i}": type(value)(point) for i, point in enumerate(self._values(value, target))}
        return state._replace(knobs={**state.knobs, **course}), data

    def _steps(self, moment: int) -> list[int]:
        """Of the course, on the parent's clock."""
        there = moment + self.over
        if self.until is None:
            return [moment, there]
        assert isinstance(self.until, int), "settled before"
        if self.until <= there + 1:
            raise InputError(f"edit {self.kind}: it is to last until step {self.until}, and is there at step {there} only.")
        return [*([moment] if self.over else []), there, self.until - 1, self.until]

    def _values(self, value: Any, target: Any) -> tuple[Any, ...]:
        """Of the course at its steps."""
        rise = (value, target) if self.over else (target,)
        return rise if self.until is None else (*rise, target, value)

    def _path(self, experiment: Experiment) -> str:
        off = [path for path, role, value in experiment.leaves() if role == "knob" and value is None]
        known = [path for path in experiment.knobs() if not path.startswith("training.courses.")]
        return knob_path(self.knob, [*known, *off])


class Scale(_KnobEdit):
    """Multiply a knob."""

    kind = "scale"
    leading = ("knob", "by")

    by: float = data()

    def _target(self, value: Any) -> Any:
        if value is None:
            raise InputError(f"edit scale: {self.knob} is off in this run; give it a value with set.")
        return value * self.by


class Set(_KnobEdit):
    """Give a knob a value; one that was off comes on."""

    kind = "set"
    leading = ("knob", "to")

    to: float = data()

    def _target(self, value: Any) -> Any:
        del value
        return self.to


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Spec) else value


class Change(Edit):
    """Give a field that is no knob another value: the optimiser, the loss, the batch, the schedule, the split.

    What the fork still has keeps its state: tensors and knobs of the same names. Another optimiser starts with moments of its own.

    Attributes:
        field: dotted path below the experiment, `training.batch_size`.
        to: its new value, as in YAML.
    """

    kind = "change"
    leading = ("field", "to")

    field: str = data()
    to: Annotated[Any, BeforeValidator(_plain)] = data()

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """With the field replaced.

        Raises:
            InputError: no such field or value, it has that value already, or a fork cannot change it.
        """
        del moment, before
        if f"{self.field}.".startswith(tuple(f"{fixed.rstrip('.')}." for fixed in FIXED)):
            raise InputError(f"edit change: a fork goes on with its task and has a budget of its own; it cannot change {self.field}.")
        after = experiment.swept(self.field, self.to)
        if after == experiment:
            raise InputError(f"edit change: {self.field} is {self.to} already.")
        return after
