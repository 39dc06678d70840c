"""The contracts: what a task, split, model, loss, optimiser, edit, measure, event or statistic must offer.

Subclass one of these in a file of your own and name it by import path; nothing in the library changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import SerializeAsAny

from epicycle.spec.base import Part
from epicycle.spec.registry import Resolve

if TYPE_CHECKING:
    import jax
    import numpy as np
    import optax
    import xarray
    from jaxtyping import Array, Float, Int

    from epicycle.spec.table import Table

    SitePatch = tuple[str, Callable[[Float[Array, "..."]], Float[Array, "..."]]]

Params = dict[str, Any]  # name of a tensor -> array
Activations = dict[str, Any]  # hook name of a site -> array


class Task(Part, ABC):
    """A finite table of inputs and labels with its symmetries."""

    family: ClassVar[str] = "task"

    @abstractmethod
    def table(self) -> Table:
        """All rows at once."""


class SplitRule(Part, ABC):
    """Which rows are trained on."""

    family: ClassVar[str] = "split"

    @abstractmethod
    def train_rows(self, table: Table, data_seed: int) -> Int[np.ndarray, slot]:
        """Indices of the rows trained on, in a fixed order, drawn from `data_seed` alone."""

    def train_labels(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The labels trained on at these rows: the table's own, unless the rule says otherwise."""
        del data_seed
        return table.labels[rows]

    def train_weights(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The weight of each of these rows in the loss; the mean is over their sum."""
        del table, rows, data_seed
        return 1.0

    def train_since(self, table: Table, rows: Int[np.ndarray, slot], data_seed: int) -> Any:
        """The step from which each of these rows is trained on; None: all from the start."""
        del table, rows, data_seed

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """Rows that were trained on before and are not now; None where the rule knows of no before."""
        del table, data_seed


class Model(Part, ABC):
    """A network: plain parameters and pure functions of them."""

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
            key: for what is random in training (dropout); None switches it off.
            edits: (pattern, function) pairs; each replaces the activations at the sites its pattern matches.
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
        """The same logits with less work. Override it only with something a test proves equal to `apply`.

        Args:
            constant: for each position the token that every row has there, None where it varies; empty if unknown.
        """
        if positions is None:
            return self.apply(params, inputs, key=key)[0]
        return self.apply(params, inputs, key=key, positions=positions)[0]

    def frozen(self) -> tuple[str, ...]:
        """Names of the tensors that training leaves as they were drawn."""
        return ()

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out on so many rows of a table, in words."""
        return ()


class RowLoss(Part, ABC):
    """What is minimised, row by row."""

    family: ClassVar[str] = "loss"

    @abstractmethod
    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Any) -> Float[Array, row]:
        """Loss of each row; labels are class ids `[row]`, or vectors `[row, d_vocab_out]` for a loss that can take them."""

    def recorded(self) -> RowLoss:
        """The loss that measures record: this one, without what only training needs (rounding, smoothing)."""
        return self


class Optimiser(Part, ABC):
    """A gradient transformation whose numbers are knobs."""

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
    """

    experiment: Any
    fresh: Callable[[], Any]
    before: Any
    donors: Mapping[tuple[str, int | None], Params]
    trained_tensors: tuple[str, ...]
    normal: Callable[[Mapping[str, tuple[int, ...]], int], Params]
    reset_moments: Callable[[Collection[str]], Any]


class Edit(Part):
    """One change at the moment of a fork: of what is trained (`changed`), or of where it stands (`apply`)."""

    family: ClassVar[str] = "edit"
    leading: ClassVar[tuple[str, ...]] = ()  # fields that can be given without their names: Scale("lr", 10)

    def __init__(self, *values: Any, **fields: Any) -> None:
        if len(values) > len(self.leading):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.leading) or 'nothing'} without names; name the rest")
        super().__init__(**dict(zip(self.leading, values, strict=False)), **fields)

    def settled(self, place: Callable[[int | str], int | None], donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """The edit for one parent: its moments as steps of the parent, its donors as run ids at a step; None if a moment has not come.

        Args:
            place: the step of a moment.
            donor: the run that a name means, and the step of its last state.

        Settling twice changes nothing.
        """
        del place, donor
        return self

    def donors(self) -> tuple[tuple[str, int | None], ...]:
        """Name (once settled: run id) and step of the parameters it takes from other runs; step None is their last."""
        return ()

    def changed(self, experiment: Any, moment: int, before: int) -> Any:
        """The fork's experiment.

        Args:
            experiment: as it is without this edit.
            moment: step of the parent.
            before: steps that the first ancestor had done when the parent began.
        """
        del moment, before
        return experiment

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state and data after the change; both are those of the changed experiment already.

        Raises:
            InputError: the edit hits no place, or another number of places than it must.
        """
        del context
        return state, data


class Measure(Part, ABC):
    """A pure function of a declared snapshot."""

    family: ClassVar[str] = "measure"
    dims: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the recorded series."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The entries of the snapshot that `fn` reads; asking for another fails."""

    @abstractmethod
    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ...]:
        """The value, with axes `dims`."""

    def coords(self, params: Mapping[str, Any]) -> dict[str, list[str]]:
        """Labels along the measure's own axes, given the names of the parameters."""
        del params
        return {}


class Event(Part, ABC):
    """A detector over recorded series."""

    family: ClassVar[str] = "event"

    @property
    @abstractmethod
    def series(self) -> tuple[str, ...]:
        """The recorded series it reads."""

    @abstractmethod
    def bracket(
        self, steps: Int[np.ndarray, step], series: Mapping[str, Float[np.ndarray, step]], baseline: float
    ) -> tuple[int, int] | None:
        """The interval (previous evaluation, this one] in which it happened, None while it has not (censored)."""


class Statistic(Part, ABC):
    """A number with an interval over seeds."""

    family: ClassVar[str] = "statistic"

    @abstractmethod
    def arms(self) -> tuple[str, ...]:
        """The arms it reads."""

    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The recorded series it needs; a study that does not record them is refused before it runs."""

    @abstractmethod
    def phrase(self) -> str:
        """What is estimated, in words that finish 'The ... is'."""

    @abstractmethod
    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Any]:
        """One estimate for each registered detector."""


AnyTask = Annotated[SerializeAsAny[Task], Resolve("task")]
AnySplit = Annotated[SerializeAsAny[SplitRule], Resolve("split")]
AnyModel = Annotated[SerializeAsAny[Model], Resolve("model")]
AnyLoss = Annotated[SerializeAsAny[RowLoss], Resolve("loss")]
AnyOptimiser = Annotated[SerializeAsAny[Optimiser], Resolve("optimiser")]
AnyEdit = Annotated[SerializeAsAny[Edit], Resolve("edit")]
AnyMeasure = Annotated[SerializeAsAny[Measure], Resolve("measure")]
AnyEvent = Annotated[SerializeAsAny[Event], Resolve("event")]
AnyStatistic = Annotated[SerializeAsAny[Statistic], Resolve("statistic")]
