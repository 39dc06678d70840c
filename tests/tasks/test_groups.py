"""Groups: axioms, orders and class counts, and that composition asks for what it says."""

import numpy as np
import pytest

from epicycle import Composition, InputError, Modular
from epicycle.maths.groups import conjugacy_classes, identity_of, inverses
from epicycle.spec.experiment import Experiment
from epicycle.tasks.groups import check_group, named

# name -> order, conjugacy classes (any textbook's tables), abelian
FACTS = {
    "C1": (1, 1, True),
    "C7": (7, 7, True),
    "D3": (6, 3, False),
    "D4": (8, 5, False),
    "D5": (10, 4, False),
    "S3": (6, 3, False),
    "S4": (24, 5, False),
    "S5": (120, 7, False),
    "A4": (12, 4, False),
    "A5": (60, 5, False),
    "C2 x C2": (4, 4, True),
    "C2 x S3": (12, 6, False),
    "C_3 * C_5": (15, 15, True),
}


@pytest.mark.parametrize("name", FACTS)
def test_axioms_orders_and_classes(name: str) -> None:
    product = named(name)
    order, classes, abelian = FACTS[name]
    check_group(tuple(map(tuple, product.tolist())))
    assert len(product) == order
    assert len(conjugacy_classes(product)) == classes
    assert sum(len(members) for members in conjugacy_classes(product)) == order
    assert bool((product == product.T).all()) == abelian
    assert identity_of(product) == 0
    assert (product[np.arange(order), inverses(product)] == 0).all()


def test_composition_in_a_cyclic_group_is_addition() -> None:
    np.testing.assert_array_equal(Composition(group="C11").table().labels, Modular(p=11, operation="x+y").table().labels)
    assert Composition(group="C11").table().mirror is not None
    assert Composition(group="S4").table().mirror is None, "not commutative: no swap preserves the label"


def test_variants_are_what_they_say() -> None:
    product = named("S3")
    rows = {variant: Composition(group="S3", variant=variant).table() for variant in ("xy", "xyx^-1", "xyx")}
    for i, (x, y) in enumerate(rows["xy"].operands):
        xy = product[x, y]
        assert rows["xy"].labels[i] == xy
        assert rows["xyx"].labels[i] == product[xy, x]
        assert product[rows["xyx^-1"].labels[i], x] == xy
    classes = {element: i for i, members in enumerate(conjugacy_classes(product)) for element in members}
    conjugated = rows["xyx^-1"]
    assert all(classes[label] == classes[y] for label, (_, y) in zip(conjugated.labels, conjugated.operands, strict=True))
    assert len(Composition(group="S5").table().labels) == 14_400  # 120 x 120, Power et al.


def test_conjugation_leaks_through_one_operand() -> None:
    """The identity and small classes are guessed from y alone, so chance is not one over the classes."""
    table = Composition(group="S4", variant="xyx^-1").table()
    assert table.baseline() > 2 / 24
    assert Composition(group="S4").table().baseline() == pytest.approx(1 / 24)


def test_a_group_never_named_here_works_from_data() -> None:
    quaternions = ["1", "i", "j", "k", "-1", "-i", "-j", "-k"]
    rules = {("i", "j"): "k", ("j", "k"): "i", ("k", "i"): "j"}

    def times(a: str, b: str) -> str:
        sign, a, b = (a[0] == "-") ^ (b[0] == "-"), a.lstrip("-"), b.lstrip("-")
        if "1" in (a, b):
            result = a if b == "1" else b
        elif a == b:
            sign, result = not sign, "1"
        else:
            sign, result = (sign, rules[a, b]) if (a, b) in rules else (not sign, rules[b, a])
        return "-" * sign + result

    cayley = [[quaternions.index(times(a, b)) for b in quaternions] for a in quaternions]
    experiment = Experiment.parse({"task": {"kind": "composition", "cayley": cayley}, "model": {"kind": "mlp"}})
    assert isinstance(experiment.task, Composition)
    assert len(conjugacy_classes(experiment.task.product())) == 5
    assert experiment.task.table().num_classes == 8
    assert Experiment.parse(experiment.model_dump(mode="json")) == experiment


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"group": "Q8"}, "is not the name of a group"),
        ({"group": "S7"}, "S and A from 1 to 6"),
        ({"group": "D2"}, "D from 3 on"),
        ({"group": "S6 x S4"}, "17280 elements"),
        ({"group": "C5000"}, "5000 elements"),
        ({"group": "C100000"}, "100000 elements; at most 1000 are allowed"),
        ({"group": "C1000000000"}, "1000000000 elements; at most 1000 are allowed"),
        ({"group": "C" + "9" * 99}, "elements; at most 1000 are allowed"),
        ({"group": "C" + "9" * 5000}, "at most 100 characters"),
        ({}, "one of the two"),
        ({"group": "C2", "cayley": [[0, 1], [1, 0]]}, "one of the two"),
        ({"cayley": [[0, 1], [1]]}, "square"),
        ({"cayley": [[0, 1], [0, 1]]}, "each of 0 to 1 once"),
        ({"cayley": [[1, 0, 2], [2, 1, 0], [0, 2, 1]]}, "no identity"),
        ({"cayley": [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]}, "differs from"),
        ({"group": "S3", "variant": "yx"}, "variant"),
    ],
)
def test_tables_and_names_of_no_group_are_refused(task: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Experiment.parse({"task": {"kind": "composition", **task}, "model": {"kind": "mlp"}})
