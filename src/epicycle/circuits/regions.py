"""Where in the table is a network right? Right rows by region, and whether they lie together more than chance would have it.

A geometry says which rows are alike: rows of one region (a band of products, one sum, one answer), rows that share an operand, or
neighbours on a grid. Rows whose right answer is no element of the task's group (products with zero) are left out: they are easy for
another reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.splitting import aligned
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static
from epicycle.spec.table import Table

Regions = Literal["band", "sum", "difference", "answer", "first", "second", "orbit"]
Geometry = Literal["band", "sum", "difference", "answer", "first", "second", "orbit", "operand", "grid", "log"]


class OfRegions(Measure):
    """What the measures of right rows share."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the margins and labels of all rows, and the rows trained on and held out."""
        return ("task", "row_margin", "labels", "train", "test")


class RegionMap(OfRegions):
    """Share of right held-out rows in each region, from 0 to 1.

    Attributes:
        by: the regions. `band` is the number of times that p goes into the product of the operands, as numbers: in band m the right
            answer is x y - m p. `sum` and `difference` are those of the operands modulo the number of tokens; `answer` is the right
            answer; `first` and `second` are the operands; `orbit` holds the rows that the swap of operands and changes of sign take to
            each other without changing the answer.
    """

    kind: ClassVar[str] = "region_map"
    dims: ClassVar[tuple[str, ...]] = ("region",)
    by: Regions = static("band")

    @property
    def name(self) -> str:
        """`test_acc_by_band`, ..."""
        return f"test_acc_by_{self.by}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " region"]:
        """One share for each region; NaN for a region without held-out rows."""
        region, n = _regions(snapshot["task"], self.by)
        margin, rows = snapshot["row_margin"], snapshot["test"] & jnp.asarray(_has_element(snapshot["task"]))
        right, total = (jnp.zeros(n, margin.dtype).at[region].add(each.astype(margin.dtype)) for each in (rows & (margin > 0), rows))
        return right / total

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The regions, by number."""
        del params
        return {"region": [str(region) for region in range(_regions(task, self.by)[1])]}


class MoransI(OfRegions):
    """Do right held-out rows lie together? Moran's I of being right, compared with the same number of right rows in random places.

    The index is the correlation of neighbours (Moran 1950). Under random places its mean and variance are known exactly (Cliff & Ord
    1981, section 2.3), so `z` needs no random numbers.

    Attributes:
        geometry: which rows are neighbours: those of one region, see `RegionMap`; `operand`: those that share an operand; `grid`:
            those of which one operand differs by 1 as a number; `log`: the same in the order of the task's group, which is that of
            the discrete logarithm for products, and the largest is next to the smallest.
        quantity: `z` is the distance of the index from its mean under random places, in standard deviations; `index` is the index.
        given: `training` first takes off what the number of trained rows with the same first operand, second operand and answer
            explains (least squares). The name then ends in `_given_training`.
    """

    kind: ClassVar[str] = "morans_i"
    geometry: Geometry = static("grid")
    quantity: Literal["z", "index"] = static("z")
    given: Literal["nothing", "training"] = static("nothing")

    @property
    def name(self) -> str:
        """`morans_z_band`, `morans_index_grid`, `morans_z_operand_given_training`, ..."""
        return f"morans_{self.quantity}_{self.geometry}{'' if self.given == 'nothing' else '_given_training'}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The index or its z; NaN where all held-out rows are right, or all wrong, and where no two are neighbours."""
        task, margin = snapshot["task"], snapshot["row_margin"]
        rows = snapshot["test"] & jnp.asarray(_has_element(task))
        right = (margin > 0).astype(margin.dtype)
        fitted = [jnp.ones_like(right)] if self.given == "nothing" else [jnp.ones_like(right), *_trained_rows_alike(snapshot)]
        return _moran(_residual(right, fitted, rows), rows, neighbours_of(task, self.geometry), self.quantity == "z")


class OffsetShare(Measure):
    """By how much are answers off? The share of held-out rows whose answer is each element away from the right one.

    The element is answer times the inverse of the right answer, in the group: their difference for sums, their ratio for products. The
    first one is the identity: rows that are right.
    """

    kind: ClassVar[str] = "offset_share"
    dims: ClassVar[tuple[str, ...]] = ("element",)

    @property
    def name(self) -> str:
        """`test_offset_share`."""
        return "test_offset_share"

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the logits of all rows, and the rows held out."""
        return ("task", "logits", "test")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " element"]:
        """From 0 to 1; classes that are no element of the group are no answers here."""
        algorithm = algorithm_of(snapshot["task"])
        part = aligned(snapshot["logits"], snapshot["test"], algorithm, shuffled=False)
        offset = jnp.asarray(algorithm.quotient)[part.logits.argmax(axis=1), part.answers]
        return jnp.zeros_like(part.logits[0]).at[offset].add(part.rows.astype(part.logits.dtype)) / part.total

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The elements, by their class ids."""
        del params
        return {"element": [str(element) for element in algorithm_of(task).classes]}


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Which rows are neighbours.

    Attributes:
        regions: the number of each row's region, once for each kind of region; rows of one region are neighbours.
        lists: the neighbours of each row, -1 where there are fewer.
    """

    regions: tuple[Int[ndarray, " row"], ...] = ()
    lists: Int[ndarray, "row slot"] | None = None

    def sums(self, values: Float[Array, " row"]) -> Float[Array, " row"]:
        """The sum of the values of each row's neighbours."""
        if self.lists is not None:
            return jnp.append(values, 0)[self.lists].sum(axis=1)
        per_region = [jnp.zeros(int(each.max()) + 1, values.dtype).at[each].add(values)[each] - values for each in self.regions]
        return sum(per_region[1:], start=per_region[0])


def _moran(values: Float[Array, " row"], rows: Bool[Array, " row"], neighbours: Neighbours, as_z: bool) -> Float[Array, ""]:
    """Moran's I of values whose mean over the rows is 0, and which are 0 at other rows."""
    is_row = rows.astype(values.dtype)
    n, square = is_row.sum(), jnp.square(values).sum()
    degree = is_row * neighbours.sums(is_row)
    s0 = degree.sum()
    index = n / s0 * (values * neighbours.sums(values)).sum() / square
    if not as_z:
        return index
    s1, s2 = 2 * s0, 4 * jnp.square(degree).sum()
    kurtosis = n * jnp.square(jnp.square(values)).sum() / jnp.square(square)
    mean = -1 / (n - 1)
    spread = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0 * s0) - kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0 * s0)
    variance = spread / ((n - 1) * (n - 2) * (n - 3)) / (s0 * s0) - mean * mean
    return (index - mean) / jnp.sqrt(variance)


def _residual(values: Float[Array, " row"], fitted: list[Float[Array, " row"]], rows: Bool[Array, " row"]) -> Float[Array, " row"]:
    """What is left at the rows of a least-squares fit of values by some columns; 0 at other rows."""
    columns = jnp.where(rows[:, None], jnp.stack(fitted, axis=1), 0)
    values = jnp.where(rows, values, 0)
    # Columns of one size, and a small ridge for columns that say the same.
    columns = columns / jnp.sqrt(jnp.square(columns).sum(axis=0) + 1e-9)
    gram = columns.T @ columns + 1e-6 * jnp.eye(len(fitted), dtype=values.dtype)
    left = values - columns @ jnp.linalg.solve(gram, columns.T @ values)
    return jnp.where(rows, left - left.sum() / rows.sum().astype(values.dtype), 0)


def _trained_rows_alike(snapshot: Mapping[str, Any]) -> list[Float[Array, " row"]]:
    """For each row the number of trained rows with its first operand, its second operand, and its answer, less their mean."""
    trained = snapshot["train"].astype(snapshot["row_margin"].dtype)
    alike = [Neighbours((_regions(snapshot["task"], by)[0],)).sums(trained) for by in ("first", "second", "answer")]
    return [each - each.mean() for each in alike]


@lru_cache(maxsize=64)
def neighbours_of(task: Task, geometry: Geometry) -> Neighbours:
    """Which rows of a task are neighbours in a geometry."""
    if geometry == "operand":
        return Neighbours((_regions(task, "first")[0], _regions(task, "second")[0]))
    if geometry in get_args(Regions):
        return Neighbours((_regions(task, geometry)[0],))
    operands = _table(task).operands.astype(int)
    n = int(operands.max()) + 1
    if geometry == "grid":
        return Neighbours(lists=_next_on_grid(operands, n, closed=False))
    algorithm = algorithm_of(task)
    return Neighbours(lists=_next_on_grid(algorithm.element_of[operands], len(algorithm.classes), closed=True))


def _next_on_grid(places: Int[ndarray, "row operand"], n: int, closed: bool) -> Int[ndarray, "row slot"]:
    """The rows at distance 1 from each row on a grid; rows with a place below 0 have no neighbours, and are none.

    Args:
        places: where each row stands.
        n: number of places along each side.
        closed: whether the last place is next to the first.
    """
    row = np.full((n + 2, n + 2), -1)  # with a margin of places that hold no row
    on_grid = (places >= 0).all(axis=1)
    row[tuple(places[on_grid].T + 1)] = np.flatnonzero(on_grid)
    steps = [places + step for step in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    moved = [step % n if closed else step for step in steps]
    return np.stack([np.where(on_grid, row[tuple(each.T + 1)], -1) for each in moved], axis=1)


@lru_cache(maxsize=64)
def _regions(task: Task, by: str) -> tuple[Int[ndarray, " row"], int]:
    """The number of each row's region, and the number of regions."""
    table = _table(task)
    x, y = table.operands.astype(int).T
    n = int(table.operands.max()) + 1
    numbers: dict[str, Callable[[], Any]] = {
        "band": lambda: x * y // n,
        "sum": lambda: (x + y) % n,
        "difference": lambda: (x - y) % n,
        "answer": lambda: table.labels.astype(int),
        "first": lambda: x,
        "second": lambda: y,
        "orbit": lambda: _orbits(table),
    }
    region: Int[ndarray, " row"] = numbers[by]()
    return region, int(region.max()) + 1


def _orbits(table: Table) -> Int[ndarray, " row"]:
    """Rows that the symmetries which keep the answer, and undo themselves when done twice, take to each other."""
    rows = np.arange(len(table.labels))
    images = [each.image for each in table.symmetries if each.label == "preserved"]
    images = [image for image in images if (image >= 0).all() and (image[image] == rows).all()]
    least = rows
    for _ in range(len(images) + 1):  # each symmetry reaches its orbit in as many rounds as there are symmetries
        least = np.minimum.reduce([least, *(least[image] for image in images)])
    return np.unique(least, return_inverse=True)[1]


@lru_cache(maxsize=64)
def _has_element(task: Task) -> Bool[ndarray, " row"]:
    """Whether the right answer of each row is an element of the task's group; true of every row where no group is known."""
    group = task.answer_group()
    return np.ones(len(_table(task).labels), bool) if group is None else group.answers >= 0


@lru_cache(maxsize=64)
def _table(task: Task) -> Table:
    """The table of a task of two operands.

    Raises:
        InputError: the rows have not two operands, or not one class as their label.
    """
    table = task.table()
    if table.operands.ndim != 2 or table.operands.shape[1] != 2 or table.labels.ndim > 1:
        raise InputError(
            f"maps of right rows need a task of two operands with one answer a row, and this {task.kind} task has others; "
            "modular arithmetic, groups and random tables fit."
        )
    return table
