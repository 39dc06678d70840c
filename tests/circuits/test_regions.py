"""Maps of right rows on planted answers: right by band, by operand, on a checkerboard, in random places."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.regions import MoransI, OffsetShare, RegionMap, neighbours_of
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task
from epicycle.spec.registry import resolve
from epicycle.tasks.addition import ToyAddition
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

PRODUCTS, DIFFERENCES = Modular(p=31, operation="x*y"), Modular(p=31, operation="x-y")


def snapshot(task: Task, right: Any, share: float = 0.6, logits: Any = None) -> dict[str, Any]:
    """A snapshot in which these rows are right, and a share of the rows, drawn with a fixed seed, is trained on."""
    table = task.table()
    train = np.random.default_rng(1).permutation(len(table.labels)) < share * len(table.labels)
    return {
        "task": task,
        "row_margin": jnp.asarray(np.where(right, 1.0, -1.0), jnp.float32),
        "labels": jnp.asarray(table.labels),
        "logits": logits,
        "train": jnp.asarray(train),
        "test": jnp.asarray(~train),
    }


def at_random(task: Task, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(len(task.table().labels)) < 0.5


def operands(task: Task) -> Any:
    return task.table().operands.T


def z(task: Task, right: Any, geometry: str, **fields: Any) -> float:
    return float(MoransI.parse({"geometry": geometry, **fields}).fn(snapshot(task, right)))


GEOMETRIES = ("band", "sum", "difference", "answer", "first", "second", "orbit", "operand", "grid", "log")


@pytest.mark.parametrize("given", ["nothing", "training"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_moran_has_the_moments_of_random_places(geometry: str, given: str) -> None:
    """Over random places z has mean 0 and standard deviation 1."""
    values = [z(PRODUCTS, at_random(PRODUCTS, seed), geometry, given=given) for seed in range(200)]
    assert abs(np.mean(values)) < 0.3
    assert 0.85 < np.std(values) < 1.15


def test_moran_equals_its_definition_and_its_permutations() -> None:
    """The index of the textbook, and the mean and spread of the index over 2,000 permutations of uneven values."""
    right = np.random.default_rng(3).random(961) < 0.15
    taken = snapshot(PRODUCTS, right)
    rows = np.asarray(taken["test"]) & (PRODUCTS.table().labels > 0)
    x, y = operands(PRODUCTS)[:, rows]
    weights = ((x[:, None] == x) != (y[:, None] == y)).astype(float)
    deviations = right[rows] - right[rows].mean()

    def index(values: Any) -> float:
        return len(values) / weights.sum() * (values @ weights @ values) / (values @ values)

    moran = float(MoransI(geometry="operand", quantity="index").fn(taken))
    assert moran == pytest.approx(index(deviations), rel=1e-4)
    rng = np.random.default_rng(0)
    permuted = [index(rng.permutation(deviations)) for _ in range(2000)]
    expected = (moran - np.mean(permuted)) / np.std(permuted)
    assert float(MoransI(geometry="operand").fn(taken)) == pytest.approx(expected, abs=0.1)


def test_moran_finds_the_geometry_in_which_rows_lie_together() -> None:
    x, y = operands(PRODUCTS)
    by_band = (np.random.default_rng(0).random(31) < 0.5)[x * y // 31]
    assert z(PRODUCTS, by_band, "band") > 30
    assert abs(z(PRODUCTS, by_band, "answer")) < 4
    by_operand = x < 15
    assert z(PRODUCTS, by_operand, "first") > 30
    assert z(PRODUCTS, by_operand, "operand") > 10
    assert abs(z(PRODUCTS, by_operand, "second")) < 4
    assert z(PRODUCTS, (x + y) % 2 == 0, "grid") < -10
    logarithm = {pow(3, k, 31): k for k in range(30)}
    checkerboard = np.array([(logarithm.get(int(a), 0) + logarithm.get(int(b), 0)) % 2 == 0 for a, b in zip(x, y, strict=True)])
    assert z(PRODUCTS, checkerboard, "log") < -10
    assert abs(z(PRODUCTS, checkerboard, "grid")) < 4


def test_what_the_split_explains_is_taken_off() -> None:
    """Rows that are right where their first operand has many trained rows lie together, but not beyond that."""
    task = DIFFERENCES
    train = np.asarray(snapshot(task, at_random(task))["train"])
    x = operands(task)[0]
    counts = np.bincount(x[train], minlength=31)[x]
    right = np.random.default_rng(0).random(961) < (counts - counts.min()) / np.ptp(counts)
    assert z(task, right, "first") > 5
    assert abs(z(task, right, "first", given="training")) < 3


def test_a_map_of_the_regions() -> None:
    x, y = operands(PRODUCTS)
    right = x * y // 31 == 4
    shares = np.asarray(RegionMap(by="band").fn(snapshot(PRODUCTS, right)))
    assert shares[4] == 1
    assert np.nansum(shares) == 1
    assert len(RegionMap(by="band").coords({}, PRODUCTS)["region"]) == len(shares)
    assert np.asarray(RegionMap(by="first").fn(snapshot(PRODUCTS, x == 0)))[1:].tolist() == [0.0] * 30
    assert np.isnan(np.asarray(RegionMap(by="answer").fn(snapshot(PRODUCTS, right)))[0]), "products with zero are left out"


def test_orbits_of_products_are_the_swaps_and_changes_of_sign() -> None:
    """(x, y), (y, x), (-x, -y) and (-y, -x): four rows, or two where two of them are the same."""
    sums = np.asarray(neighbours_of(PRODUCTS, "orbit").sums(jnp.ones(961))).astype(int) + 1
    x, y = operands(PRODUCTS)
    assert (sums[(x == y) & (x > 0)] == 2).all()
    assert (sums[(x != y) & (x + y != 31) & (x * y > 0)] == 4).all()


@pytest.mark.parametrize("task", [DIFFERENCES, PRODUCTS, Composition(group="S4")], ids=str)
def test_offsets_of_answers(task: Task) -> None:
    """Answers that are off by one element of the group, and right ones."""
    group = task.answer_group()
    assert group is not None
    labels = task.table().labels
    for element in (0, 5):
        answers = labels.copy()
        rows = group.answers >= 0
        answers[rows] = group.classes[group.product[element, group.answers[rows]]]
        logits = jnp.asarray(np.eye(task.table().num_classes)[answers])
        shares = np.asarray(OffsetShare().fn(snapshot(task, rows, logits=logits)))
        assert shares[element] == pytest.approx(1, abs=1e-6)
        assert np.delete(shares, element).tolist() == [0] * (len(shares) - 1)
    assert OffsetShare().coords({}, task)["element"][0] == str(group.classes[0])


def test_what_does_not_fit_is_refused() -> None:
    task = ToyAddition()
    with pytest.raises(InputError, match="need a task of two operands with one answer a row"):
        neighbours_of(task, "grid")
    assert resolve("measure", "morans_i") is MoransI
