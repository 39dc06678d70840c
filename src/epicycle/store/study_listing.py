"""Which runs a study's arms consist of (`runs.json`), as types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from epicycle.spec.arms import ArmRun, ArmSimulation
from epicycle.spec.experiment import Run
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import OWN_NAMES
from epicycle.store.documents import Count, Scalar, Seed

RESERVED = OWN_NAMES | {"run_id"}  # names that no swept name may have


@dataclass(frozen=True)
class ListedRun:
    """One run of an arm, as a study's folder lists it.

    Attributes:
        values: the value of each swept name.
        moment: for a fork, the step of the first ancestor at which it begins.
        end: the last step that counts for this arm; None while that is not known.
    """

    run: str
    seed: Seed
    data_seed: Seed
    values: dict[str, Scalar]
    moment: Count | None = None
    end: Count | None = None

    @classmethod
    def of(cls, arm_run: ArmRun | ArmSimulation, end: int | None = None) -> "ListedRun":
        """The entry of a run."""
        values, run = arm_run
        moment = run.start if isinstance(run, Run) and run.lineage else None
        return cls(run.id, run.seed, run.data_seed, dict(values), moment, end)

    def plain(self) -> Plain:
        """Plain data for a file."""
        entry = {"run": self.run, "seed": self.seed, "data_seed": self.data_seed, "values": dict(self.values)}
        optional = {"moment": self.moment, "end": self.end}
        return entry | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True)
class ListedArm:
    """The runs of an arm, as a study's folder lists them.

    Attributes:
        swept: names that the runs differ in, beside their seeds.
        budget: the step up to which runs count.
        without: for a fork arm, labels of the parents in which the moment has not come.
    """

    swept: tuple[str, ...]
    budget: Count
    runs: tuple[ListedRun, ...]
    without: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("it has no runs")
        if any(name in RESERVED for name in self.swept) or len({*self.swept}) < len(self.swept):
            raise ValueError(f"its swept names ({', '.join(self.swept)}) cannot stand beside each other and the seeds")
        if any(not {*self.swept} <= run.values.keys() for run in self.runs):
            raise ValueError("a run has no value of a swept name")

    @classmethod
    def of(
        cls,
        runs: Sequence[ArmRun],
        swept: Sequence[str],
        ends: Sequence[int] | None = None,
        without: Sequence[str] | None = None,
    ) -> "ListedArm":
        """The listing of runs; `ends` are known once they are trained."""
        budget = max(run.experiment.training.steps for _, run in runs)
        listed = tuple(ListedRun.of(run, end) for run, end in zip(runs, [None] * len(runs) if ends is None else ends, strict=True))
        return cls(tuple(swept), budget, listed, None if without is None else tuple(without))

    @classmethod
    def simulated(cls, runs: Sequence[ArmSimulation], swept: Sequence[str]) -> "ListedArm":
        """The listing of simulated runs, each of which counts to the last step of its theory."""
        ends = [run.theory.last_step for _, run in runs]
        return cls(tuple(swept), max(ends), tuple(ListedRun.of(run, end) for run, end in zip(runs, ends, strict=True)))

    def plain(self) -> Plain:
        """Plain data for a file."""
        listing = {"swept": list(self.swept), "budget": self.budget, "runs": [run.plain() for run in self.runs]}
        return listing if self.without is None else {**listing, "without": list(self.without)}


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study.

    Attributes:
        left_out: arms that have no runs, with the reason.
    """

    arms: Mapping[str, ListedArm]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {"arms": {name: arm.plain() for name, arm in self.arms.items()}, "left_out": dict(self.left_out)}
