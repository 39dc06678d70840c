"""Contract of every task and split, with the facts that the literature states about them."""

import random
from typing import Any, get_args

import numpy as np
import pytest

from epicycle import (
    MLP,
    AddedSplit,
    AlternatingSplit,
    Composition,
    CorruptedSplit,
    Experiment,
    InputError,
    ListedSplit,
    MirrorClosedSplit,
    MirrorForcedSplit,
    Modular,
    PythonShuffleSplit,
    RandomLabels,
    RandomTable,
    RemovedSplit,
    ReplacedSplit,
    ReweightedSplit,
    SequentialSplit,
    Split,
    ToyAddition,
    WithheldSplit,
    WithoutDiagonal,
)
from epicycle.spec.experiment import Run
from epicycle.spec.families import SplitRule, Task
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
from epicycle.spec.yaml_text import dump_yaml, load_yaml
from epicycle.splits.drawn import leakage
from epicycle.tasks.forms import Form
from epicycle.tasks.modular import Operation

TASKS: dict[str, list[Task]] = {
    "modular": [Modular(p=p, operation=o) for p, o in ((7, "x+y"), (8, "x-y"), (9, "x*y"), (7, "x/y"), (2, "x/y"), (13, "x-y"))]
    + [Modular(p=7, operation=operation) for operation in get_args(Operation) if operation != "polynomial"]
    + [Modular(p=8, operation="polynomial", terms=((3, 2, 0), (-1, 1, 2), (5, 0, 0)))],
    "toy_addition": [ToyAddition(), ToyAddition(p=4, modular=True)],
    "composition": [Composition(group=g, variant=v) for g, v in (("S3", "xy"), ("D4", "xyx^-1"), ("C2 x C3", "xyx"), ("C1", "xy"))],
    "random_table": [RandomTable(n=n, commutative=c, latin=q) for n in (2, 3, 9) for c, q in ((0, 0), (1, 0), (0, 1))]
    + [RandomTable(n=9, commutative=True, latin=True, table_seed=3)],
    "random_labels": [RandomLabels(of=task) for task in (Modular(p=7), Composition(group="S3"), WithoutDiagonal(of=Modular(p=7)))],
    "without_diagonal": [WithoutDiagonal(of=Modular(p=p, operation=o)) for p, o in ((7, "x+y"), (8, "x-y"), (7, "x/y"), (2, "x*y"))]
    + [WithoutDiagonal(of=Composition(group="D4")), WithoutDiagonal(of=RandomTable(n=7, commutative=True))],
}
HALF = Split(frac_train=0.5)
SPLITS: dict[str, list[SplitRule]] = {
    "random": [Split(frac_train=0.3), Split(frac_train=1.0)],
    "mirror_closed": [MirrorClosedSplit(frac_train=0.5), MirrorClosedSplit(frac_train=0.31)],
    "mirror_forced": [MirrorForcedSplit(frac_train=0.6), MirrorForcedSplit(frac_train=0.9)],
    "python_shuffle": [PythonShuffleSplit(frac_train=0.3)],
    "corrupted": [CorruptedSplit(of=HALF, share=0.4), CorruptedSplit(of=HALF, share=0.0)],
    "removed": [RemovedSplit(of=HALF, share=0.4), RemovedSplit(of=CorruptedSplit(of=HALF, share=0.5), share=0.4)],
    "added": [AddedSplit(of=HALF, share=0.4), AddedSplit(of=HALF, share=1.0)],
    "replaced": [ReplacedSplit(of=HALF, share=0.4)],
    "reweighted": [ReweightedSplit(of=HALF, share=0.4, weight=3.0)],
    "withheld": [WithheldSplit(of=HALF, share=0.4, until=10)],
    "sequential": [SequentialSplit(frac_train=0.3), SequentialSplit(frac_train=1.0)],
    "alternating": [AlternatingSplit(frac_train=0.5), AlternatingSplit(frac_train=0.31)],
    "listed": [ListedSplit(rows=(5, 3, 120)), ListedSplit(rows=((0, 5), (10, 10)))],
}
NOTHING_DRAWN = ("sequential", "alternating", "listed")


def test_every_kind_is_tested_here() -> None:
    assert set(TASKS) == set(KINDS["task"])
    assert set(SPLITS) == set(KINDS["split"])
    for family, members in (("task", TASKS), ("split", SPLITS)):
        for kind, cases in members.items():
            assert cases
            assert all(type(case) is resolve(family, kind) for case in cases)


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
    ("fields", "told"),
    [
        ({"operation": "polynomial"}, "go with operation 'polynomial'"),
        ({"terms": ((1, 1, 0),)}, "go with operation 'polynomial'"),
        ({"operation": "polynomial", "terms": ((1, -1, 0),)}, "at least 0"),
        ({"p": 9, "operation": "x/y if y odd else x-y"}, "not prime"),
    ],
)
def test_operations_that_make_no_sense_are_told(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Modular(**{"p": 7, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("p", "reason"), [(96, "not prime"), (9, "3 x 3"), (4, "2 x 2")])
def test_division_needs_a_prime(p: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Modular(p=p, operation="x/y")


def test_baselines_are_not_one_over_classes() -> None:
    assert Modular(p=7, operation="x+y").table().baseline() == pytest.approx(1 / 7)
    products = Modular(p=6, operation="x*y").table()  # 0 is the label of 15 of 36 rows
    assert products.baseline() == pytest.approx(15 / 36)


@pytest.mark.parametrize("split", [s for splits in SPLITS.values() for s in splits], ids=repr)
@pytest.mark.parametrize("operation", ["x+y", "x-y"])
def test_splits(split: SplitRule, operation: str) -> None:
    table = Modular(p=11, operation=operation).table()
    rows = split.train_rows(table, 3)
    assert len(np.unique(rows)) == len(rows)
    assert 0 < len(rows) <= 121
    assert rows.min() >= 0
    assert rows.max() < 121
    if isinstance(split, Split | MirrorClosedSplit | MirrorForcedSplit | PythonShuffleSplit | SequentialSplit | AlternatingSplit):
        assert abs(len(rows) - int(split.frac_train * 121)) <= 1
    np.testing.assert_array_equal(rows, split.train_rows(table, 3))
    experiment = Experiment(task=Modular(p=11), split=split, model=MLP())
    again = Experiment.parse(load_yaml(dump_yaml(experiment.model_dump(mode="json")), "round trip"))
    assert again == experiment
    assert Run(experiment=again).id == Run(experiment=experiment).id
    if split.kind in NOTHING_DRAWN:
        np.testing.assert_array_equal(rows, split.train_rows(table, 4))
    elif len(rows) < 121:
        assert set(rows) != set(split.train_rows(table, 4)), "the split follows data_seed"


def test_splits_around_a_split() -> None:
    """What is taken out, put in, exchanged, weighted or withheld; shares of one seed are nested, and the rest stays as it was."""
    table = Modular(p=11).table()
    own = HALF.train_rows(table, 3)  # 60 rows
    few, many = (set(RemovedSplit(of=HALF, share=share).removed_rows(table, 3)) for share in (0.2, 0.5))
    assert (len(few), len(many)) == (12, 30)
    assert few < many < set(own)
    left = RemovedSplit(of=HALF, share=0.5).train_rows(table, 3)
    np.testing.assert_array_equal(left, [row for row in own if row not in many])
    more = AddedSplit(of=HALF, share=0.5).train_rows(table, 3)
    np.testing.assert_array_equal(more[:60], own)
    assert len(set(more)) == 60 + 30
    other = ReplacedSplit(of=HALF, share=0.5)
    assert set(other.removed_rows(table, 3)) == many
    assert len(set(other.train_rows(table, 3))) == 60
    weights = ReweightedSplit(of=HALF, share=0.5, weight=3.0).train_weights(table, own, 3)
    assert {float(w) for w in weights} == {1.0, 3.0}
    assert set(own[weights == 3]) == many
    since = WithheldSplit(of=HALF, share=0.5, until=10).train_since(table, own, 3)
    assert set(own[since == 10]) == many
    assert HALF.train_since(table, own, 3) is None
    corrupted = CorruptedSplit(of=HALF, share=0.5)
    told = dict(zip(own.tolist(), corrupted.train_labels(table, own, 3).tolist(), strict=True))
    inner = RemovedSplit(of=corrupted, share=0.5)
    np.testing.assert_array_equal(inner.train_labels(table, left, 3), [told[row] for row in left.tolist()])
    twice = RemovedSplit(of=RemovedSplit(of=HALF, share=0.5), share=0.5)
    assert len(twice.removed_rows(table, 3)) == 45
    listed = CorruptedSplit(of=HALF, rows=tuple(own[:5].tolist())).train_labels(table, own, 3)
    assert (listed[5:] == table.labels[own][5:]).all()
    assert (listed[:5] != table.labels[own][:5]).any()


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ({"kind": "removed", "of": {"frac_train": 0.5}}, "give either share or rows"),
        ({"kind": "removed", "of": {"frac_train": 0.5}, "share": 0.5, "rows": [3]}, "give either share or rows"),
        ({"kind": "removed", "of": {"frac_train": 0.5}, "share": 1.5}, "less than or equal to 1"),
        ({"kind": "withheld", "of": {"frac_train": 0.5}, "share": 0.5}, "until: Field required"),
        ({"kind": "removed", "share": 0.5}, "of: Field required"),
    ],
)
def test_wrong_splits_around_a_split(split: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Experiment.parse({"task": {"kind": "modular", "p": 11}, "split": split, "model": {"kind": "mlp"}})


def test_fractions_are_shares_of_all_rows() -> None:
    assert len(Split(frac_train=0.3).train_rows(Modular(p=113).table(), 0)) == 3830  # int(0.3 * 113^2), as published
    table = Modular(p=10).table()
    assert len(Split(frac_train=0.29).train_rows(table, 0)) == 29
    small, large = (set(Split(frac_train=f).train_rows(table, 5)) for f in (0.2, 0.6))
    assert small < large, "fractions of one seed are nested"
    with pytest.raises(InputError, match="none to train on"):
        Split(frac_train=0.001).train_rows(table, 0)


def test_splits_in_table_order() -> None:
    table = Modular(p=7, operation="x+y").table()
    assert SequentialSplit(frac_train=0.3).train_rows(table, 0).tolist() == list(range(14))
    assert set(table.operands[SequentialSplit(frac_train=0.3).train_rows(table, 0), 0]) == {0, 1}
    assert AlternatingSplit().train_rows(table, 0).tolist() == list(range(0, 48, 2))
    assert AlternatingSplit(frac_train=1 / 3).train_rows(table, 0).tolist() == list(range(0, 48, 3))
    x, y = table.operands[AlternatingSplit().train_rows(table, 0)].T
    assert set((x + y) % 2) == {0}, "on an odd side, every other row is one colour of the chessboard"
    _, y = Modular(p=8).table().operands[AlternatingSplit().train_rows(Modular(p=8).table(), 0)].T
    assert set(y % 2) == {0}, "on an even side, every other second operand"
    differences = Modular(p=7, operation="x-y").table()
    trained = np.zeros(49, bool)
    trained[AlternatingSplit().train_rows(differences, 0)] = True
    assert leakage(differences, trained)["swap"]["share_of_test_rows_seen"] == 0, "x + y is the same on both sides of the swap"
    for split in (SequentialSplit(frac_train=0.01), AlternatingSplit(frac_train=0.01)):
        with pytest.raises(InputError, match="none to train on"):
            split.train_rows(table, 0)
    off_diagonal = WithoutDiagonal(of=Modular(p=7, operation="x+y")).table()
    with pytest.raises(InputError, match="none to train on"):
        MirrorClosedSplit(frac_train=0.025).train_rows(off_diagonal, 0)


def test_a_forced_split_leaks_everything() -> None:
    table = Modular(p=23, operation="x+y").table()
    for split, held_out in ((MirrorForcedSplit(), 23 * 22 // 2), (MirrorForcedSplit(frac_train=0.7), 529 - int(0.7 * 529))):
        trained = np.zeros(529, bool)
        trained[split.train_rows(table, 0)] = True
        assert (~trained).sum() == held_out
        assert leakage(table, trained)["mirror"]["share_of_test_rows_seen"] == 1.0
        assert trained[table.operands[:, 0] == table.operands[:, 1]].all()
    with pytest.raises(InputError, match=r"give at least 0\.522"):
        MirrorForcedSplit(frac_train=0.4).train_rows(table, 0)
    with pytest.raises(InputError, match="split mirror_forced needs a task whose operands can be swapped"):
        MirrorForcedSplit().train_rows(Composition(group="S3").table(), 0)


def test_the_shuffle_of_the_progress_measures_code() -> None:
    """Its lines in its order: pairs listed, `random.seed`, `random.shuffle`, first 30 %."""
    pairs = [(x, y) for x in range(113) for y in range(113)]
    random.seed(0)
    random.shuffle(pairs)
    table = Modular(p=113, operation="x+y").table()
    rows = PythonShuffleSplit(frac_train=0.3).train_rows(table, 0)
    assert len(rows) == 3830
    assert [tuple(pair) for pair in table.operands[rows].tolist()] == pairs[:3830]


@pytest.mark.parametrize("task", [t for tasks in TASKS.values() for t in tasks if len(t.table().labels) > 3], ids=repr)
def test_every_symmetry_has_its_leakage(task: Task) -> None:
    """Counted row by row, for a split that leaks and one that need not."""
    table = task.table()
    for split in (Split(frac_train=0.5), AlternatingSplit()):
        trained = np.zeros(len(table.labels), bool)
        trained[split.train_rows(table, 0)] = True
        told = leakage(table, trained)
        assert set(told) == {symmetry.name for symmetry in table.symmetries}
        for symmetry in table.symmetries:
            held_out = np.flatnonzero(~trained)
            seen = sum(symmetry.image[row] >= 0 and trained[symmetry.image[row]] for row in held_out)
            assert told[symmetry.name] == {"share_of_test_rows_seen": seen / len(held_out), "label": symmetry.label}


def test_leakage() -> None:
    table = Modular(p=23, operation="x+y").table()
    for split, expected in ((Split(frac_train=0.4), 0.4), (MirrorClosedSplit(frac_train=0.4), 0.0)):
        trained = np.zeros(len(table.labels), bool)
        trained[split.train_rows(table, 0)] = True
        share = leakage(table, trained)["mirror"]["share_of_test_rows_seen"]
        assert share == pytest.approx(expected, abs=0.06 if expected else 0.003)
    difference = leakage(Modular(p=23, operation="x-y").table(), trained)
    assert "mirror" not in difference
    assert difference["swap"]["label"] == "negated"


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


def test_corrupted_labels() -> None:
    table = Modular(p=23).table()
    split = Split(frac_train=0.5)
    rows = split.train_rows(table, 4)
    for share in (0.0, 0.35, 1.0):
        corrupted = CorruptedSplit(of=split, share=share)
        np.testing.assert_array_equal(corrupted.train_rows(table, 4), rows)
        labels = corrupted.train_labels(table, rows, 4)
        wrong = (labels != table.labels[rows]).mean()
        assert wrong == pytest.approx(share * 22 / 23, abs=0.05), "drawn from all classes, so one in 23 is right by chance"
        np.testing.assert_array_equal(labels, corrupted.train_labels(table, rows, 4))
    assert (CorruptedSplit(of=split, share=0.35).train_labels(table, rows, 5) != labels).any()
    with pytest.raises(InputError, match="more than one class"):
        CorruptedSplit(of=split, share=0.5).train_labels(ToyAddition().table(), np.arange(3), 0)


def test_random_labels_are_classes() -> None:
    for task in (ToyAddition(), Modular(p=7, form="eos x o y = z eos")):
        with pytest.raises(InputError, match="one class for each row"):
            RandomLabels(of=task).table()
