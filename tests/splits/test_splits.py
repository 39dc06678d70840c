"""The contract of every split: rows of the table, the same for the same seed, and the same after a round trip through YAML."""

import numpy as np
import pytest

from epicycle import (
    MLP,
    AddedSplit,
    AlternatingSplit,
    CorruptedSplit,
    CountedSplit,
    Experiment,
    ListedSplit,
    MirrorClosedSplit,
    MirrorForcedSplit,
    Modular,
    PythonShuffleSplit,
    RemovedSplit,
    ReplacedSplit,
    ReweightedSplit,
    SequentialSplit,
    Split,
    WithheldSplit,
)
from epicycle.spec.experiment import Run
from epicycle.spec.families import SplitRule
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
from epicycle.spec.yaml_text import dump_yaml, load_yaml

HALF = Split(frac_train=0.5)
SPLITS: dict[str, list[SplitRule]] = {
    "random": [Split(frac_train=0.3), Split(frac_train=1.0)],
    "counted": [CountedSplit(n_train=20), CountedSplit(n_train=1)],
    "mirror_closed": [MirrorClosedSplit(frac_train=0.5), MirrorClosedSplit(frac_train=0.31)],
    "mirror_forced": [MirrorForcedSplit(frac_train=0.6), MirrorForcedSplit(frac_train=0.9)],
    "python_shuffle": [PythonShuffleSplit(frac_train=0.3)],
    "corrupted": [CorruptedSplit(of=HALF, share=0.4), CorruptedSplit(of=HALF, share=0.0)],
    "removed": [RemovedSplit(of=HALF, share=0.4), RemovedSplit(of=CorruptedSplit(of=HALF, share=0.5), share=0.4)],
    "added": [AddedSplit(of=HALF, share=0.4), AddedSplit(of=HALF, share=1.0)],
    "replaced": [ReplacedSplit(of=HALF, share=0.4)],
    "reweighted": [
        ReweightedSplit(of=HALF, share=0.4, weight=3.0),
        ReweightedSplit(of=HALF, first_operands=(2, 4), weight=3.0),
    ],
    "withheld": [WithheldSplit(of=HALF, share=0.4, until=10)],
    "sequential": [SequentialSplit(frac_train=0.3), SequentialSplit(frac_train=1.0)],
    "alternating": [AlternatingSplit(frac_train=0.5), AlternatingSplit(frac_train=0.31)],
    "listed": [ListedSplit(rows=(5, 3, 120)), ListedSplit(rows=((0, 5), (10, 10)))],
}
NOTHING_DRAWN = ("sequential", "alternating", "listed")


def test_every_kind_is_tested_here() -> None:
    assert set(SPLITS) == set(KINDS["split"])
    for kind, cases in SPLITS.items():
        assert cases
        assert all(type(case) is resolve("split", kind) for case in cases)


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
