"""The contracts: the methods that a task, split, model, loss, optimiser, edit, measure, event, statistic or theory must have.

To add a part of your own, subclass one of these in a file of your own and name the class by its import path. Nothing in the library
changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import SerializeAsAny

from epicycle.spec.base import Part
from epicycle.spec.interchangeable import Interchangeable
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.registry import Resolve

if TYPE_CHECKING:
    import jax
    import numpy as np
    import optax
    import xarray
    from jaxtyping import Array, Float, Int

    from epicycle.spec.answer_group import AnswerGroup
    from epicycle.spec.table import Table

Params = dict[str, Any]  # name of a tensor -> array
STATE_SCALARS = ("step", "key", "diverged")  # entries of a stored state beside the parameters that have no prefix
Activations = dict[str, Any]  # hook name of a site -> array
SitePatch = tuple[str, Callable[[Any], Any]]  # pattern of hook names, and a function of the activation


class Task(Part, ABC):
    """A finite table of inputs and labels with its symmetries."""

    family: ClassVar[str] = "task"

    @abstractmethod
    def table(self) -> Table:
        """All rows at once."""

    def answer_group(self) -> AnswerGroup | None:
        """The group in which the right answers are computed, for measures of circuits; None where there is none or it is not known."""
        return None


class SplitRule(Part, ABC):
    """Which rows are trained on."""

    family: ClassVar[str] = "split"

    @abstractmethod
    def train_rows(self, table: Table, data_seed: int) -> Int[np.ndarray, slot]:
        """Indices of the rows trained on, in a fixed order, drawn from `data_seed` alone."""

    def train_labels(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The labels trained on at these rows. Without an override, the table's own."""
        del data_seed
        return table.labels[rows]

    def train_weights(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The weight of each of these rows in the loss. The loss is the weighted sum over the sum of weights."""
        del table, rows, data_seed
        return 1.0

    def train_since(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The step from which each of these rows is trained on; None where all are trained on from the start."""
        del table, rows, data_seed

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """Rows that an earlier split trained on and this one does not; None where there is no earlier split."""
        del table, data_seed


class Model(Part, ABC):
    """A network: plain parameters, and pure functions of them."""

    family: ClassVar[str] = "model"

    @abstractmethod
    def init(self, key: jax.Array, table: Table) -> Params:
        """Fresh float32 parameters under TransformerLens names."""

    @abstractmethod
    def apply(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[SitePatch] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row *answer d_vocab_out"], Activations]:
        """Logits and every named activation.

        Args:
            key: for what is random in training (dropout); None switches dropout off.
            patches: (pattern, function) pairs; each function replaces the activations at the sites that its pattern matches.
            positions: where answers are read, one logit vector each; None reads the last position, without an axis for it.
        """

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row *answer d_vocab_out"]:
        """The logits of `apply` with less work. Override it only with a form that a test proves equal to `apply`.

        Args:
            constant: for each position the token that all rows have there, None where rows differ; empty if unknown.
        """
        if positions is None:
            return self.apply(params, inputs, key=key)[0]
        return self.apply(params, inputs, key=key, positions=positions)[0]

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"] | None:
        """What each unit of the last hidden layer adds to the logits per unit of activation; None where they are not linear."""
        del params
        return None

    def interchangeable(self) -> tuple[Interchangeable, ...]:
        """The units that can change places without a change of the logits; none where the model does not say."""
        return ()

    def frozen(self) -> tuple[str, ...]:
        """Names of the tensors that training leaves as they were drawn."""
        return ()

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """The work that `fast` leaves out for `n_rows` rows of a table, one phrase each."""
        return ()


class RowLoss(Part, ABC):
    """The function that training minimises, row by row."""

    family: ClassVar[str] = "loss"

    @abstractmethod
    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Any) -> Float[Array, row]:
        """Loss of each row; labels are class ids `[row]`, or vectors `[row, d_vocab_out]` for a loss that can take them."""

    def recorded(self) -> RowLoss:
        """The loss that measures record: this loss without what only training needs (rounding, label smoothing)."""
        return self


class Optimiser(Part, ABC):
    """A rule that turns gradients into updates. Its numbers are knobs."""

    family: ClassVar[str] = "optimiser"

    @abstractmethod
    def transform(self, schedule: Float[Array, ""]) -> optax.GradientTransformation:
        """The optax transformation of this step; `schedule` multiplies the learning rate (warm-up, annealing)."""


class EditContext(NamedTuple):
    """What an edit may use beside the state and the data that it changes.

    Attributes:
        experiment: the fork's experiment, with this edit applied.
        fresh: returns the state in which that experiment begins with the run's seed: weights as initialised, moments at their start.
        before: the training data before this edit.
        donors: parameters of other runs, by (run id, step).
        trained_tensors: names of the tensors that training moves in that experiment.
        normal: returns standard-normal numbers by tensor name, drawn from the run's seed and step. Its arguments are the shapes by
            tensor name and the number of the draw; another number gives independent values.
        reset_moments: returns the optimiser's state with what it holds of the named tensors put back to its start.
        measured: returns the value of a measure in the parent at the moment of the fork, before any edit.
        linearised: returns the value of a measure in the present state with some tensors replaced, and its derivatives by these
            tensors, each with the measure's axes first.
        losses: returns the training loss of several networks and its derivatives by their tensors, where some tensors are replaced;
            these tensors have a first axis for the network.
        algorithm: returns the general algorithm of the task, an `epicycle.circuits.algorithm.Algorithm`. It raises InputError for a
            task that has none.
    """

    experiment: Any
    fresh: Callable[[], Any]
    before: Any
    donors: Mapping[tuple[str, int | None], Params]
    trained_tensors: tuple[str, ...]
    normal: Callable[[Mapping[str, tuple[int, ...]], int], Params]
    reset_moments: Callable[[Collection[str]], Any]
    measured: Callable[[Measure], Float[np.ndarray, ...]]
    linearised: Callable[[Measure, Params], tuple[Float[np.ndarray, ...], Params]]
    losses: Callable[[Params], tuple[Float[np.ndarray, bead], Params]]
    algorithm: Callable[[], Any]


class Edit(Part):
    """One change at the moment of a fork. `changed` changes the experiment, `apply` the state and the data."""

    family: ClassVar[str] = "edit"
    leading: ClassVar[tuple[str, ...]] = ()  # fields that Python accepts by position: Scale("lr", 10)

    def __init__(self, /, *values: Any, **fields: Any) -> None:
        if len(values) > len(self.leading):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.leading) or 'nothing'} without names; name the rest")
        super().__init__(**dict(zip(self.leading, values, strict=False)), **fields)

    def settled(self, step_of: Callable[[int | str], int | None], find_donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """The edit for one parent: moments become steps of the parent, donors become run ids. Settling twice changes nothing.

        Args:
            step_of: gives the step of a moment in this parent; None where the moment has not come.
            find_donor: gives the run id of a donor's name, and the step of its last state.

        Returns:
            The settled edit; None if one of its moments has not come.
        """
        del step_of, find_donor
        return self

    def moments(self) -> tuple[int | str, ...]:
        """The moments that it names, beside that of the fork. A study in which one cannot be found is refused before it runs."""
        return ()

    def donors(self) -> tuple[tuple[str, int | None], ...]:
        """The donors: name (once settled, run id) and step of each run whose parameters it takes; step None is the last."""
        return ()

    def changed(self, experiment: Any, moment: int, before: int) -> Any:
        """The fork's experiment.

        Args:
            experiment: the experiment without this edit.
            moment: step of the parent.
            before: steps that the first ancestor had done when the parent began.
        """
        del moment, before
        return experiment

    def resolved(self, state: Any, context: EditContext) -> Edit:
        """The edit with what it selects in this run written out as numbers. Resolving twice changes nothing.

        The fork is named by the edit as it was asked for, and keeps a note of the resolved one.
        """
        del state, context
        return self

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state and data after the edit, which is resolved. Both belong to the changed experiment already.

        Raises:
            InputError: the edit changes nothing, or hits another number of places than it must.
        """
        del context
        return state, data


class Measure(Part, ABC):
    """An instrument: a pure function of the entries of a snapshot that it declares."""

    family: ClassVar[str] = "measure"
    dims: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the recorded series."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The entries of the snapshot that `fn` reads. Reading any other entry fails."""

    @abstractmethod
    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ...]:
        """The value, with axes `dims`."""

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """Labels along the measure's own axes, given the network's parameters and its task."""
        del params, task
        return {}


class Event(Part, ABC):
    """A detector: it finds in recorded series when something happened."""

    family: ClassVar[str] = "event"

    @property
    @abstractmethod
    def series(self) -> tuple[str, ...]:
        """The recorded series it reads."""

    @abstractmethod
    def bracket(
        self, steps: Int[np.ndarray, step], series: Mapping[str, Float[np.ndarray, step]], baseline: float
    ) -> tuple[int, int] | None:
        """The interval (previous evaluation, this evaluation] in which the event happened; None while it has not (censored)."""

    def unconfirmed(
        self, steps: Int[np.ndarray, step], series: Mapping[str, Float[np.ndarray, step]], baseline: float
    ) -> tuple[int, int] | None:
        """A hook for events that must hold: the bracket of one that holds at the end of the record but is not confirmed there."""
        del steps, series, baseline
        return None


class Statistic(Part, ABC):
    """A number over the runs of arms, with an interval.

    Where `anytime` is true, the interval holds at every number of seeds at once, so that seeds may be added until a claim is decided.
    Else a claim is judged on the seeds that were registered before anybody saw a verdict.
    """

    family: ClassVar[str] = "statistic"
    of_forks: ClassVar[bool] = False  # whether it compares forks with their controls, and so reads arms of forks only
    anytime: ClassVar[bool] = False

    @abstractmethod
    def arms(self) -> tuple[str, ...]:
        """The arms it reads."""

    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The recorded series it needs. A study that does not record them is refused before it runs."""

    def reads_with_axes(self) -> tuple[str, ...]:
        """A hook for subclasses: those of the series it needs that may have several numbers at a step."""
        return ()

    @abstractmethod
    def phrase(self) -> str:
        """The name of the number, such as `median of t_gen over runs of arm control`."""

    def plain_units(self) -> PlainUnits:
        """How the number is read in plain units, such as a logarithm as `ten times sooner`. Without an override, as it is."""
        return PlainUnits()

    @abstractmethod
    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Any]:
        """One estimate for each detector that the claim registers."""


class Simulated(NamedTuple):
    """What a theory says of some runs.

    Attributes:
        steps: the recorded steps, rising; (0,) for a theory without time.
        series: name -> numbers, with axes run, step and those that the theory declares for the series.
        labels: along the series' own axes.
    """

    steps: Int[np.ndarray, step]
    series: Mapping[str, Float[np.ndarray, ...]]
    labels: Mapping[str, Sequence[str]] = {}


class Theory(Part, ABC):
    """A small model of grokking without a network: a pure function of its fields and of a seed."""

    family: ClassVar[str] = "theory"
    series: ClassVar[Mapping[str, tuple[str, ...]]]  # name of each series that it gives -> the series' own axes

    @property
    def baseline(self) -> float:
        """Accuracy of a guess, for a theory that gives an accuracy."""
        return 0.0

    @property
    @abstractmethod
    def last_step(self) -> int:
        """The last step that it gives; 0 for a theory without time."""

    @abstractmethod
    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """The series of one run a seed. A seed gives the same numbers whatever the other seeds are."""


AnyTask = Annotated[SerializeAsAny[Task], Resolve("task")]
AnySplit = Annotated[SerializeAsAny[SplitRule], Resolve("split")]
AnyModel = Annotated[SerializeAsAny[Model], Resolve("model")]
AnyLoss = Annotated[SerializeAsAny[RowLoss], Resolve("loss")]
AnyOptimiser = Annotated[SerializeAsAny[Optimiser], Resolve("optimiser")]
AnyEdit = Annotated[SerializeAsAny[Edit], Resolve("edit")]
AnyMeasure = Annotated[SerializeAsAny[Measure], Resolve("measure")]
AnyEvent = Annotated[SerializeAsAny[Event], Resolve("event")]
AnyTheory = Annotated[SerializeAsAny[Theory], Resolve("theory")]
AnyStatistic = Annotated[SerializeAsAny[Statistic], Resolve("statistic")]
