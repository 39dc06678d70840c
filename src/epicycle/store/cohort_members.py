"""What a cohort writes down of each of its members (`members.json`): one typed record a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from epicycle.spec.arms import SimulatedRun
from epicycle.spec.experiment import Run
from epicycle.spec.paths import overrides
from epicycle.spec.plain_data import Plain
from epicycle.spec.table import SymmetryLeak
from epicycle.store.documents import Count, Number, Seed, Settings


@dataclass(frozen=True)
class StoredLineage:
    """Where a stored fork comes from, as plain data: reading results resolves no class.

    Attributes:
        parent: id of the run that the fork continues.
        moment: step of the parent at which the fork begins.
        start: the same moment, counted from step 0 of the first ancestor.
        edits: what changed at the moment.
    """

    parent: str
    moment: Count
    start: Count
    edits: tuple[Settings, ...]

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {"parent": self.parent, "moment": self.moment, "start": self.start, "edits": list(self.edits)}


@dataclass(frozen=True)
class MemberRecord:
    """What a cohort says of one member.

    Attributes:
        run: the run's id.
        baseline: accuracy of the best predictor that sees at most one operand.
        train_rows: number of rows trained on.
        leakage: for each symmetry of the task, what the trained rows give away of the held-out ones.
        start: the step of the first ancestor at which the run begins; 0 for a run from the start.
        lineage: of a fork.
        differs: dotted path -> value, wherever the run's experiment differs from the cohort's.
    """

    run: str
    seed: Seed
    data_seed: Seed
    baseline: Number
    train_rows: Count
    leakage: Mapping[str, SymmetryLeak] = field(default_factory=dict)
    start: Count = 0  # cohorts of before there were forks have none
    lineage: StoredLineage | None = None
    differs: Settings = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, first: Run, baseline: float, train_rows: int, leakage: Mapping[str, SymmetryLeak]) -> "MemberRecord":
        """The record of a run in the cohort whose first member is `first`."""
        lineage = None
        if run.lineage is not None:
            edits = tuple(run.lineage.model_dump(mode="json")["edits"])
            lineage = StoredLineage(run.lineage.parent, run.lineage.moment, run.start, edits)
        differs = overrides(first.experiment.model_dump(mode="json"), run.experiment.model_dump(mode="json"))
        return cls(run.id, run.seed, run.data_seed, baseline, train_rows, leakage, run.start, lineage, differs)

    @classmethod
    def simulated(cls, run: SimulatedRun) -> "MemberRecord":
        """The record of a simulated run, which is trained on no rows."""
        return cls(run.id, run.seed, run.data_seed, run.theory.baseline, 0)

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {
            "run": self.run,
            "seed": self.seed,
            "data_seed": self.data_seed,
            "baseline": self.baseline,
            "train_rows": self.train_rows,
            "leakage": {name: leak.plain() for name, leak in self.leakage.items()},
            "start": self.start,
            **({"lineage": self.lineage.plain()} if self.lineage else {}),
            "differs": dict(self.differs),
        }

    @property
    def mirror_share(self) -> float:
        """Share of the test rows whose mirror is trained on; NaN where the task has no mirror or no row is held out."""
        share = self.leakage["mirror"].share_of_test_rows_seen if "mirror" in self.leakage else None
        return float("nan") if share is None else float(share)
