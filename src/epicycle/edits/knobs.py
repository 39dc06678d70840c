"""Edits of knobs and of other fields.

A knob is set or scaled, at once or along a straight line, for good or until a later moment. `Change` gives any other field a new
value.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Course, Experiment
from epicycle.spec.families import Edit, EditContext
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.moment_grammar import ForkMoment
from epicycle.spec.paths import knob_path

FIXED = ("task", "training.steps", "training.stop")  # what `Change` must not touch


class _KnobEdit(Edit):
    """Give one knob another value.

    An edit that takes time, or ends, is a `Course` of the experiment: steps, and the knob's values at them.

    Attributes:
        knob: the knob's path, or as much of its end as identifies it.
        over: number of updates in which the knob reaches the new value along a straight line; 0 jumps there.
        until: the moment, on the parent's clock, at which the knob jumps back to its old value; None never does.
    """

    knob: str = data(max_length=200)
    over: int = data(0, ge=0, le=MOST_STEPS)
    until: ForkMoment | None = data(None)

    @abstractmethod
    def new_value(self, value: Any) -> Any:
        """The knob's new value, given its present one; None is a knob that is off."""

    def moments(self) -> tuple[int | str, ...]:
        """The moment at which the knob jumps back, if there is one."""
        return () if self.until is None else (self.until,)

    def settled(self, step_of: Callable[[int | str], int | None], find_donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """The edit with `until` as a step; None if that moment has not come in the parent."""
        del find_donor
        if self.until is None:
            return self
        step = step_of(self.until)
        return None if step is None else self.model_copy(update={"until": step})

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment without the course that the knob had, and with a new course if the edit takes time or ends.

        Raises:
            InputError: no such knob or value, or the knob is off before the fork and would have to rise slowly or go back.
        """
        path = self._path(experiment)
        courses = tuple(c for c in experiment.training.courses if knob_path(c.of, experiment.knobs()) != path)
        value = experiment.knobs().get(path)
        target = self.new_value(value)
        if value is None:
            if self._has_course():
                raise InputError(
                    f"edit {self.kind}: {path} is off before the fork, so it cannot change slowly or go back; drop over and until."
                )
            return experiment.swept(path, target)
        if self._has_course():
            steps = tuple(before + step for step in self._course_steps(moment))
            course = {"of": path, "steps": steps, "values": self._course_values(value, target)}
            courses = (*courses, Course.parse(course, f"edit {self.kind}"))
        return experiment.model_copy(update={"training": experiment.training.model_copy(update={"courses": courses})})

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with the knob changed, or with the values of its course counted from the knob's value in this state.

        Raises:
            InputError: the knob's field refuses the new value.
        """
        experiment: Experiment = context.experiment
        path = self._path(experiment)
        value = state.knobs[path]
        target = type(value)(self.new_value(value))
        experiment.swept(path, float(target))  # raises if the field refuses the value
        if not self._has_course():
            return state._replace(knobs={**state.knobs, path: target}), data
        last = len(experiment.training.courses) - 1
        points = enumerate(self._course_values(value, target))
        course = {f"training.courses.{last}.values.{i}": type(value)(point) for i, point in points}
        return state._replace(knobs={**state.knobs, **course}), data

    def _has_course(self) -> bool:
        return bool(self.over) or self.until is not None

    def _course_steps(self, moment: int) -> list[int]:
        """The steps of the course, on the parent's clock."""
        arrival = moment + self.over
        if self.until is None:
            return [moment, arrival]
        assert isinstance(self.until, int), "`settled` has made it a step"
        if self.until <= arrival + 1:
            raise InputError(
                f"edit {self.kind}: it is to last until step {self.until}, but reaches its value at step {arrival} only; "
                f"choose an until of at least {arrival + 2}."
            )
        return [*([moment] if self.over else []), arrival, self.until - 1, self.until]

    def _course_values(self, value: Any, target: Any) -> tuple[Any, ...]:
        """The knob's values at the steps of the course."""
        rise = (value, target) if self.over else (target,)
        return rise if self.until is None else (*rise, target, value)

    def _path(self, experiment: Experiment) -> str:
        """The full path of the knob; knobs that are off count too, values of courses do not."""
        off = [path for path, role, value in experiment.leaves() if role == "knob" and value is None]
        on = [path for path in experiment.knobs() if not path.startswith("training.courses.")]
        return knob_path(self.knob, [*on, *off])


class Scale(_KnobEdit):
    """Multiply a knob.

    Attributes:
        by: the factor.
    """

    kind = "scale"
    leading = ("knob", "by")

    by: float = data()

    def new_value(self, value: Any) -> Any:
        """The present value times the factor.

        Raises:
            InputError: the knob is off.
        """
        if value is None:
            raise InputError(f"edit scale: {self.knob} is off in this run; give it a value with set.")
        return value * self.by


class Set(_KnobEdit):
    """Give a knob a value; a knob that was off is switched on.

    Attributes:
        to: the value.
    """

    kind = "set"
    leading = ("knob", "to")

    to: float = data()

    def new_value(self, value: Any) -> Any:
        """The value of the edit, whatever the present one."""
        del value
        return self.to


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Spec) else value


class Change(Edit):
    """Give a field that is not a knob another value: the optimiser, the loss, the batch, the schedule, the split.

    Tensors and knobs that have the same names in the changed experiment keep their values. Another optimiser starts with fresh
    moments.

    Attributes:
        field: dotted path below the experiment, such as `training.batch_size`.
        to: the new value, as in YAML.
    """

    kind = "change"
    leading = ("field", "to")

    field: str = data(max_length=200)
    to: Annotated[Any, BeforeValidator(_plain)] = data()

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with the field replaced.

        Raises:
            InputError: no such field or value, the field has that value already, or a fork must not change it.
        """
        del moment, before
        if any(f"{self.field}.".startswith(f"{fixed}.") for fixed in FIXED):
            raise InputError(
                f"edit change: a fork keeps its parent's task and has a budget of its own; it cannot change {self.field}."
            )
        after = experiment.swept(self.field, self.to)
        if after == experiment:
            raise InputError(f"edit change: {self.field} is {self.to} already.")
        return after
