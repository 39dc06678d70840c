"""The contract of every task, with the facts that the literature states about them."""

from typing import get_args

import numpy as np
import pytest

from epicycle import (
    MLP,
    Composition,
    Experiment,
    InputError,
    Modular,
    NumberedRows,
    RandomLabels,
    RandomTable,
    ToyAddition,
    WithoutDiagonal,
)
from epicycle.spec.experiment import Run
from epicycle.spec.families import Task
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
from epicycle.spec.yaml_text import dump_yaml, load_yaml
from epicycle.tasks.forms import Form
from epicycle.tasks.ladder import Blocks, Ladder
from epicycle.tasks.mixed_rules import MixedRules
from epicycle.tasks.modular import Operation
from epicycle.tasks.password import Password

TASKS: dict[str, list[Task]] = {
    "modular": [Modular(p=p, operation=o) for p, o in ((7, "x+y"), (8, "x-y"), (9, "x*y"), (7, "x/y"), (2, "x/y"), (13, "x-y"))]
    + [Modular(p=7, operation=operation) for operation in get_args(Operation) if operation != "polynomial"]
    + [Modular(p=8, operation="polynomial", terms=((3, 2, 0), (-1, 1, 2), (5, 0, 0)))],
    "toy_addition": [ToyAddition(), ToyAddition(p=4, modular=True)],
    "composition": [Composition(group=g, variant=v) for g, v in (("S3", "xy"), ("D4", "xyx^-1"), ("C2 x C3", "xyx"), ("C1", "xy"))],
    "random_table": [RandomTable(n=n, commutative=c, latin=q) for n in (2, 3, 9) for c, q in ((0, 0), (1, 0), (0, 1))]
    + [RandomTable(n=9, commutative=True, latin=True, table_seed=3)],
    "numbered_rows": [NumberedRows(), NumberedRows(n_seen=2, n_new=3, num_classes=2)],
    "random_labels": [RandomLabels(of=task) for task in (Modular(p=7), Composition(group="S3"), WithoutDiagonal(of=Modular(p=7)))],
    "without_diagonal": [WithoutDiagonal(of=Modular(p=p, operation=o)) for p, o in ((7, "x+y"), (8, "x-y"), (7, "x/y"), (2, "x*y"))]
    + [WithoutDiagonal(of=Composition(group="D4")), WithoutDiagonal(of=RandomTable(n=7, commutative=True))],
}


TASKS["password"] = [Password(of=Modular(p=p, operation=o)) for p, o in ((7, "x+y"), (8, "x-y"), (7, "x/y"))]
TASKS["mixed_rules"] = [
    MixedRules(of=Modular(p=7, operation="x-y"), other=Modular(p=7, operation="x+y"), share=share, rows=rows)
    for share, rows in ((0.0, "drawn"), (0.3, "drawn"), (1.0, "drawn"), (0.6, "second_large"))
] + [MixedRules(of=Modular(p=7, operation="x*y"), other=Modular(p=7, operation="x+y"), share=1.0)]
TASKS["ladder"] = [Ladder(n=n, rungs=r, share=s) for n, r, s in ((7, 0, 0.5), (8, 2, 0.5), (9, 1, 1.0))]
TASKS["blocks"] = [Blocks(of=Modular(p=7, operation="x-y"), blocks=b) for b in (1, 2, 7)]


def test_every_kind_is_tested_here() -> None:
    assert set(TASKS) == set(KINDS["task"])
    for kind, cases in TASKS.items():
        assert cases
        assert all(type(case) is resolve("task", kind) for case in cases)


@pytest.mark.parametrize("task", [t for tasks in TASKS.values() for t in tasks], ids=repr)
def test_tables(task: Task) -> None:
    table = task.table()
    n = len(table.labels)
    assert table.inputs.shape[0] == table.operands.shape[0] == n
    assert table.inputs.min() >= 0
    assert table.inputs.max() < table.d_vocab
    if table.tolerance is None:
        assert table.labels.min() >= 0
        assert table.labels.max() < table.num_classes
    else:
        assert table.labels.shape == (n, table.num_classes)
    assert 1 / table.num_classes - 1e-12 <= table.baseline() <= 1
    assert len(np.unique(table.operands, axis=0)) == n
    for symmetry in table.symmetries:
        inside = symmetry.image >= 0
        assert len(np.unique(symmetry.image[inside])) == inside.sum(), "a symmetry is a permutation where it is defined"
        if symmetry.label == "preserved":
            np.testing.assert_array_equal(table.labels[symmetry.image[inside]], table.labels[inside])
        if symmetry.label == "negated":
            np.testing.assert_array_equal(table.labels[symmetry.image[inside]], -table.labels[inside] % table.num_classes)
        if symmetry.label == "inverted":
            products = table.labels[symmetry.image[inside]] * table.labels[inside] % table.num_classes
            assert set(products[table.operands[inside, 0] > 0]) <= {1}
    names = [symmetry.name for symmetry in table.symmetries]
    assert len(set(names)) == len(names), "leakage is reported by name"
    experiment = Experiment(task=task, model=MLP())
    again = Experiment.parse(load_yaml(dump_yaml(experiment.model_dump(mode="json")), "round trip"))
    assert again == experiment
    assert Run(experiment=again).id == Run(experiment=experiment).id
    np.testing.assert_array_equal(again.task.table().labels, table.labels)


def test_the_operations_are_what_they_say() -> None:
    for x, y, label in zip(
        *Modular(p=13, operation="x/y").table().operands.T, Modular(p=13, operation="x/y").table().labels, strict=True
    ):
        assert label * y % 13 == x, "division is the inverse of multiplication, not multiplication"
    table = Modular(p=5, operation="x-y").table()
    assert table.labels.tolist() == [(x - y) % 5 for x in range(5) for y in range(5)]
    for task, name in (
        (Modular(p=13, operation="x*y"), "scaling"),
        (Composition(group="S3", variant="xyx^-1"), "translation"),
        (Composition(group="S3"), "translation"),
    ):
        kept = next(symmetry for symmetry in task.table().symmetries if symmetry.name == name)
        assert (kept.image != np.arange(len(kept.image))).mean() > 0.9, "it moves all rows but those of 0"
    assert "scaling" not in [symmetry.name for symmetry in Modular(p=13, operation="x^2+y^2").table().symmetries]
    assert len(Modular(p=97, operation="x/y").table().labels) == 9312  # Power et al., appendix A.1


def test_the_operations_of_power_et_al() -> None:
    """Row by row in plain integers; sizes and symmetries as in appendix A.1."""
    p = 11
    inverse = {y: pow(y, -1, p) for y in range(1, p)}
    expected = {
        "x*y": lambda x, y: x * y,
        "x/y if y odd else x-y": lambda x, y: x * inverse[y] if y % 2 else x - y,
        "x^2+y^2": lambda x, y: x**2 + y**2,
        "x^2+xy+y^2": lambda x, y: x**2 + x * y + y**2,
        "x^2+xy+y^2+x": lambda x, y: x**2 + x * y + y**2 + x,
        "x^3+xy": lambda x, y: x**3 + x * y,
        "x^3+xy^2+y": lambda x, y: x**3 + x * y**2 + y,
    }
    for operation, value in expected.items():
        table = Modular(p=p, operation=operation).table()
        assert table.labels.tolist() == [value(x, y) % p for x in range(p) for y in range(p)], operation
        symmetric = operation in ("x*y", "x^2+y^2", "x^2+xy+y^2")
        assert (table.mirror is not None) == symmetric
    names = {symmetry.name for symmetry in Modular(p=p, operation="x^2+y^2").table().symmetries}
    assert names == {"mirror", "sign of both", "sign of x", "sign of y"}
    mixed = {
        "x*y if x odd else x+y": lambda x, y: x * y if x % 2 else x + y,
        "x-y if x odd else x+y": lambda x, y: x - y if x % 2 else x + y,
    }
    for operation, value in mixed.items():  # of the released code; any p, as nothing is divided
        for n in (10, 11):
            table = Modular(p=n, operation=operation).table()
            assert table.labels.tolist() == [value(x, y) % n for x in range(n) for y in range(n)], operation
            assert table.mirror is None
    own = Modular(p=97, operation="polynomial", terms=((2, 40, 0), (-1, 0, 3), (7, 0, 0))).table()
    assert own.labels[5 * 97 + 6] == (2 * 5**40 - 6**3 + 7) % 97


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"operation": "polynomial"}, "go with operation 'polynomial'"),
        ({"terms": ((1, 1, 0),)}, "go with operation 'polynomial'"),
        ({"operation": "polynomial", "terms": ((1, -1, 0),)}, "from 0 to 1000"),
        ({"p": 9, "operation": "x/y if y odd else x-y"}, "not prime"),
    ],
)
def test_operations_that_make_no_sense_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Modular(**{"p": 7, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("p", "reason"), [(96, "not prime"), (9, "3 x 3"), (4, "2 x 2")])
def test_division_needs_a_prime(p: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Modular(p=p, operation="x/y")


def test_baselines_are_not_one_over_classes() -> None:
    assert Modular(p=7, operation="x+y").table().baseline() == pytest.approx(1 / 7)
    products = Modular(p=6, operation="x*y").table()  # 0 is the label of 15 of 36 rows
    assert products.baseline() == pytest.approx(15 / 36)


def test_forms() -> None:
    """Row (3, 5) of x + y mod 7 in every form."""
    row = 3 * 7 + 5
    expected = {"x y =": [3, 5, 7], "x y": [3, 5], "x o y =": [3, 7, 5, 8], "eos x o y = z eos": [9, 3, 7, 5, 8, 1]}
    assert set(expected) == set(get_args(Form))
    for form, tokens in expected.items():
        for task in (Modular(p=7, form=form), Composition(group="C7", form=form)):
            table = task.table()
            assert table.inputs[row].tolist() == tokens
            assert table.d_vocab == max(max(tokens) + 1, 7)
            assert table.labels[row].tolist() == ([1, 9] if "z" in form else 1)
            assert table.baseline() == pytest.approx(1 / 7)
            assert table.positions == ((4, 5) if "z" in form else None)


def test_toy_addition() -> None:
    table = ToyAddition().table()
    assert table.inputs.shape == (55, 2)
    assert table.labels.shape == (55, 30)
    sums = table.operands.sum(axis=1)
    assert (np.unique(table.labels, axis=0).shape[0], np.unique(ToyAddition(modular=True).table().labels, axis=0).shape[0]) == (19, 10)
    for i in range(55):
        np.testing.assert_array_equal((table.labels == table.labels[i]).all(axis=1), sums == sums[i])
    assert table.baseline() == pytest.approx(10 / 55)  # knowing i = 0 to 9, one of its sums each


def test_random_labels_are_classes() -> None:
    for task in (ToyAddition(), Modular(p=7, form="eos x o y = z eos")):
        with pytest.raises(InputError, match="one class for each row"):
            RandomLabels(of=task).table()
