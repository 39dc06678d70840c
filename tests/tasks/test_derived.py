"""Tasks made of another task: what they keep and what they drop, and that they are named, swept and set like any other task."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epicycle as ep
from epicycle.spec.arms import RootArm
from epicycle.spec.experiment import Run
from epicycle.spec.families import Task
from epicycle.spec.study import Study
from epicycle.spec.table import Table
from epicycle.splits.drawn import leakage

NESTED = {"kind": "random_labels", "of": {"kind": "without_diagonal", "of": {"kind": "modular", "p": 7, "operation": "x+y"}}}


def test_random_labels_keep_the_inputs_and_lose_the_rule() -> None:
    inside = ep.Modular(p=31, operation="x+y").table()
    table = ep.RandomLabels(of=ep.Modular(p=31, operation="x+y")).table()
    np.testing.assert_array_equal(table.inputs, inside.inputs)
    np.testing.assert_array_equal(table.operands, inside.operands)
    assert (table.num_classes, table.d_vocab, table.symmetries) == (31, 32, ())
    counts = np.bincount(table.labels, minlength=31)
    assert counts.min() > 10, "every class is drawn"
    assert abs((table.labels == inside.labels).mean() - 1 / 31) < 4 * np.sqrt(1 / 31 / 961), "right by chance only"
    other = ep.RandomLabels(of=ep.Modular(p=31, operation="x+y"), table_seed=1).table()
    assert (other.labels != table.labels).mean() > 0.9


def test_random_labels_are_drawn_once() -> None:
    """The same on each call and in another process, whatever the run's seeds."""
    task = ep.RandomLabels(of=ep.Modular(p=7), table_seed=5)
    code = "import epicycle as ep; print(ep.RandomLabels(of=ep.Modular(p=7), table_seed=5).table().labels.tolist())"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert elsewhere.stdout.strip() == str(task.table().labels.tolist()) == str(task.table().labels.tolist())
    assert task.table().labels[:10].tolist() == [3, 6, 5, 6, 6, 0, 1, 0, 4, 6], "an id stands for the draw"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(p=st.integers(2, 23), operation=st.sampled_from(["x+y", "x-y", "x*y", "x^2+y^2", "x^3+xy"]))
def test_without_the_diagonal(p: int, operation: str) -> None:
    """Rows with distinct operands and their labels; a symmetry is that of the other task wherever it stays among them."""
    whole = ep.Modular(p=p, operation=operation).table()
    table = ep.WithoutDiagonal(of=ep.Modular(p=p, operation=operation)).table()
    pairs = [(x, y) for x in range(p) for y in range(p) if x != y]
    assert list(map(tuple, table.operands.tolist())) == pairs
    label = dict(zip(map(tuple, whole.operands.tolist()), whole.labels.tolist(), strict=True))
    assert table.labels.tolist() == [label[pair] for pair in pairs]
    assert [s.name for s in table.symmetries] == [s.name for s in whole.symmetries]
    for before, after in zip(whole.symmetries, table.symmetries, strict=True):
        for row, (x, y) in enumerate(pairs):
            image = before.image[x * p + y]
            expected = tuple(whole.operands[image].tolist())
            assert after.image[row] == (-1 if image < 0 or expected not in pairs else pairs.index(expected))


def test_without_the_diagonal_nothing_is_its_own_mirror() -> None:
    task = ep.WithoutDiagonal(of=ep.Modular(p=23, operation="x+y"))
    table = task.table()
    assert table.mirror is not None
    assert (table.mirror.image >= 0).all()
    assert (table.mirror.image != np.arange(23 * 22)).all()
    rows = ep.MirrorForcedSplit().train_rows(table, 0)
    assert len(rows) == 23 * 22 // 2, "one of each pair"
    trained = np.zeros(len(table.labels), bool)
    trained[rows] = True
    assert leakage(table, trained)["mirror"].share_of_test_rows_seen == 1.0
    closed = np.zeros(len(table.labels), bool)
    closed[ep.MirrorClosedSplit(frac_train=0.4).train_rows(table, 0)] = True
    assert leakage(table, closed)["mirror"].share_of_test_rows_seen == 0.0


def test_nested_tasks_from_yaml() -> None:
    experiment = ep.Experiment.parse({"task": NESTED, "model": {"kind": "mlp"}})
    assert experiment.task == ep.RandomLabels(of=ep.WithoutDiagonal(of=ep.Modular(p=7, operation="x+y")))
    assert experiment.model_dump(mode="json")["task"] == {
        "kind": "random_labels",
        "of": {"kind": "without_diagonal", "of": {"kind": "modular", "p": 7, "operation": "x+y", "terms": None, "form": "x y ="}},
        "table_seed": 0,
    }
    assert ep.Experiment.parse(experiment.model_dump(mode="json")) == experiment
    assert {"task.of.of.p", "task.table_seed"} <= set(experiment.static_part())
    changed = [experiment.swept(path, value) for path, value in (("task.of.of.p", 11), ("task.table_seed", 1), ("task.of.of", CUBE))]
    ids = {Run(experiment=e).id for e in (experiment, *changed)}
    assert len(ids) == 4, "all that is inside counts"
    assert len({str(sorted(e.static_part().items(), key=str)) for e in (experiment, *changed)}) == 4
    alone = ep.Experiment.parse({"task": NESTED["of"], "model": {"kind": "mlp"}})
    assert Run(experiment=alone).id not in ids


CUBE = {"kind": "modular", "p": 7, "operation": "polynomial", "terms": [[1, 3, 0], [1, 0, 1]]}


def test_nested_tasks_are_swept_and_set() -> None:
    arm = {"experiment": {"task": NESTED["of"], "model": {"kind": "mlp"}}, "sweep": {"task.of.p": [7, 11]}, "seeds": 2}
    runs = list(RootArm.parse(arm).runs())
    assert [values for values, _ in runs] == [{"p": 7}, {"p": 7}, {"p": 11}, {"p": 11}]
    assert [len(run.experiment.task.table().labels) for _, run in runs] == [42, 42, 110, 110]
    study = Study.parse({"question": "Does it?", "arms": {"only": {**arm, "sweep": {}}}})
    after = study.with_assignments({"task.of.p": 59})
    assert [a.experiment.task.of.p for _, a in after.root_arms()] == [59]
    with pytest.raises(ep.InputError, match="did you mean 'p'"):
        study.with_assignments({"task.of.pp": 59})
    with pytest.raises(ep.InputError, match=r"task\.of\.p: Input should be greater than or equal to 2"):
        study.with_assignments({"task.of.p": 1})


class OneOperand(Task):
    """A user's own task, whose rows have no pair to compare."""

    kind = "one_operand"

    def table(self) -> Table:
        x = np.arange(4)
        return Table(inputs=x[:, None], labels=x % 2, operands=x[:, None], num_classes=2, d_vocab=4)


def test_tasks_of_ones_own_can_be_wrapped() -> None:
    task = ep.RandomLabels.model_validate({"of": {"kind": f"{__name__}:OneOperand"}})
    assert task.table().labels.shape == (4,)
    assert task.model_dump()["of"] == {"kind": f"{__name__}:OneOperand"}
    with pytest.raises(ep.InputError, match="of two operands; one_operand has 1"):
        ep.WithoutDiagonal(of=OneOperand()).table()
    with pytest.raises(ep.InputError, match="only rows with x = y"):
        ep.WithoutDiagonal(of=ep.Composition(group="C1")).table()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"kind": "random_labels"}, "task.of: Field required"),
        ({"kind": "random_labels", "of": {"p": 7}}, "this task has no kind"),
        ({"kind": "random_labels", "of": {"kind": "modulra", "p": 7}}, "did you mean 'modular'"),
        ({"kind": "without_diagonal", "of": {"kind": "modular", "p": 9, "operation": "x/y"}}, "3 x 3 is not prime"),
        ({"kind": "without_diagonal", "of": 7}, "task.of"),
        ({"kind": "random_labels", "of": {"kind": "mlp"}}, "there is no task of kind 'mlp'"),
    ],
)
def test_wrong_nested_tasks_are_refused_with_their_path(task: dict[str, object], message: str) -> None:
    with pytest.raises(ep.InputError) as error:
        ep.Experiment.parse({"task": task, "model": {"kind": "mlp"}})
    assert message in str(error.value)
    assert str(error.value).startswith("task")
