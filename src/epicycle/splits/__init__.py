"""Which rows of a task are trained on: drawn by a rule, listed one by one, or derived from another split.

A new split is a class in one of these files and a line below.
"""

SPLITS = {
    "random": "epicycle.splits.drawn:Split",
    "counted": "epicycle.splits.drawn:CountedSplit",
    "mirror_closed": "epicycle.splits.drawn:MirrorClosedSplit",
    "mirror_forced": "epicycle.splits.drawn:MirrorForcedSplit",
    "python_shuffle": "epicycle.splits.drawn:PythonShuffleSplit",
    "corrupted": "epicycle.splits.derived:CorruptedSplit",
    "removed": "epicycle.splits.derived:RemovedSplit",
    "added": "epicycle.splits.derived:AddedSplit",
    "replaced": "epicycle.splits.derived:ReplacedSplit",
    "reweighted": "epicycle.splits.derived:ReweightedSplit",
    "withheld": "epicycle.splits.derived:WithheldSplit",
    "sequential": "epicycle.splits.drawn:SequentialSplit",
    "alternating": "epicycle.splits.drawn:AlternatingSplit",
    "listed": "epicycle.splits.listed:ListedSplit",
}
