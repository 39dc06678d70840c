"""What measures say of a state in which a fork begins: values for selections, and derivatives by the weights.

A process compiles one program for all states that differ only in knobs and data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Measure, Params
from epicycle.spec.identity import digest
from epicycle.training.snapshots import observe
from epicycle.training.state import Data, State, World, world_of

_PROGRAMS: dict[str, Callable[..., Any]] = {}


@dataclass(frozen=True)
class MeasuredState:
    """A state of a run as measures see it.

    Attributes:
        experiment: of the run.
        state: the state.
        data: what the run trains on.
    """

    experiment: Experiment
    state: State
    data: Data

    def value(self, measure: Measure) -> Float[ndarray, "..."]:
        """The value of a measure."""
        return np.asarray(self._program(measure, "value", _value)(self.state, self.data, self._world))

    def linearised(self, measure: Measure, tensors: Params) -> tuple[Float[ndarray, "..."], Params]:
        """The value of a measure if some tensors were replaced, and its derivatives by them, with the measure's axes first."""
        replaced = {name: np.asarray(value, self.state.params[name].dtype) for name, value in tensors.items()}
        value, derivatives = self._program(measure, "derivatives", _with_derivatives)(replaced, self.state, self.data, self._world)
        return np.asarray(value), {name: np.asarray(each) for name, each in derivatives.items()}

    def values_of_several(self, measure: Measure, tensors: Params) -> tuple[Float[ndarray, " bead"], Params]:
        """The values of a measure of one number in several networks at once, and its derivatives by the tensors.

        Args:
            measure: the measure.
            tensors: those that are replaced, with a first axis for the network.
        """
        replaced = {name: np.asarray(value, self.state.params[name].dtype) for name, value in tensors.items()}
        values, slopes = self._program(measure, "several", _of_several)(replaced, *self._on_device)
        return np.asarray(values), {name: np.asarray(slope) for name, slope in slopes.items()}

    @cached_property
    def _on_device(self) -> Any:
        """State, data and world where they need not be copied at every call: a search asks hundreds of times."""
        return jax.device_put((self.state, self.data, self._world))

    @cached_property
    def _world(self) -> World:
        return world_of(self.experiment.task.table())

    def _program(self, measure: Measure, what: str, make: Callable[..., Any]) -> Callable[..., Any]:
        precision = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        key = digest([self.experiment.static_part(), measure.model_dump(mode="json"), what, precision])
        if key not in _PROGRAMS:
            _PROGRAMS[key] = jax.jit(make(self.experiment, measure))
        return _PROGRAMS[key]


def _value(experiment: Experiment, measure: Measure) -> Callable[..., Any]:
    return lambda state, data, world: observe(experiment, (measure,), state, data, world)[measure.name]


def _of_several(experiment: Experiment, measure: Measure) -> Callable[..., Any]:
    """A function of tensors with a first axis that gives a measure of each network and its derivatives."""
    value = _value(experiment, measure)

    def all_of_them(tensors: Params, state: State, data: Data, world: World) -> tuple[Any, Params]:
        one = jax.value_and_grad(lambda some: value(state._replace(params={**state.params, **some}), data, world))
        return jax.lax.map(one, tensors)  # on a CPU, one network after the other is as fast as all at once, and needs less memory

    return all_of_them


def _with_derivatives(experiment: Experiment, measure: Measure) -> Callable[..., Any]:
    """A function of tensors that gives a measure and its derivatives by them."""
    value = _value(experiment, measure)

    def both(tensors: Params, state: State, data: Data, world: World) -> tuple[Any, Params]:
        at = lambda some: value(state._replace(params={**state.params, **some}), data, world)  # noqa: E731
        return at(tensors), jax.jacrev(at)(tensors)  # type: ignore[no-untyped-call]

    return both
