"""Splits derived from another split: each changes what it says at the chosen rows and leaves everything else as it was."""

from typing import Any

import numpy as np
import pytest

from epicycle import (
    AddedSplit,
    CorruptedSplit,
    Experiment,
    InputError,
    Modular,
    RemovedSplit,
    ReplacedSplit,
    ReweightedSplit,
    Split,
    ToyAddition,
    WithheldSplit,
)

HALF = Split(frac_train=0.5)


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


def test_derived_splits() -> None:
    """What is taken out, put in, exchanged, weighted or withheld; shares of one seed are nested, and the rest stays as it was."""
    table = Modular(p=11).table()
    own = HALF.train_rows(table, 3)  # 60 rows
    few, many = (set(RemovedSplit(of=HALF, share=share).removed_rows(table, 3)) for share in (0.2, 0.5))
    assert (len(few), len(many)) == (12, 30)
    assert few < many < set(own)
    left = RemovedSplit(of=HALF, share=0.5).train_rows(table, 3)
    np.testing.assert_array_equal(left, [row for row in own if row not in many])
    enlarged = AddedSplit(of=HALF, share=0.5).train_rows(table, 3)
    np.testing.assert_array_equal(enlarged[:60], own)
    assert len(set(enlarged)) == 60 + 30
    replaced = ReplacedSplit(of=HALF, share=0.5)
    assert set(replaced.removed_rows(table, 3)) == many
    assert len(set(replaced.train_rows(table, 3))) == 60
    weights = ReweightedSplit(of=HALF, share=0.5, weight=3.0).train_weights(table, own, 3)
    assert {float(w) for w in weights} == {1.0, 3.0}
    assert set(own[weights == 3]) == many
    since = WithheldSplit(of=HALF, share=0.5, until=10).train_since(table, own, 3)
    assert set(own[since == 10]) == many
    assert HALF.train_since(table, own, 3) is None
    corrupted = CorruptedSplit(of=HALF, share=0.5)
    corrupted_label = dict(zip(own.tolist(), corrupted.train_labels(table, own, 3).tolist(), strict=True))
    inner = RemovedSplit(of=corrupted, share=0.5)
    np.testing.assert_array_equal(inner.train_labels(table, left, 3), [corrupted_label[row] for row in left.tolist()])
    twice = RemovedSplit(of=RemovedSplit(of=HALF, share=0.5), share=0.5)
    assert len(twice.removed_rows(table, 3)) == 45
    listed = CorruptedSplit(of=HALF, rows=tuple(own[:5].tolist())).train_labels(table, own, 3)
    assert (listed[5:] == table.labels[own][5:]).all()
    assert (listed[:5] != table.labels[own][:5]).any()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"kind": "removed", "of": {"frac_train": 0.5}}, "give one of share, rows and first_operands"),
        ({"kind": "removed", "of": {"frac_train": 0.5}, "share": 0.5, "rows": [3]}, "give one of share, rows and first_operands"),
        ({"kind": "removed", "of": {"frac_train": 0.5}, "share": 1.5}, "less than or equal to 1"),
        ({"kind": "withheld", "of": {"frac_train": 0.5}, "share": 0.5}, "until: Field required"),
        ({"kind": "removed", "share": 0.5}, "of: Field required"),
    ],
)
def test_wrong_derived_splits_are_refused(split: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Experiment.parse({"task": {"kind": "modular", "p": 11}, "split": split, "model": {"kind": "mlp"}})
