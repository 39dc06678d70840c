"""Runs in a notebook: `epicycle.train(...)` and the handle it gives on what was trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray

from epicycle.events.standard import event_dataset
from epicycle.events.stops import ends_of
from epicycle.lab.activations import activations
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import ForkRequest, donor_finder, forked
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Session, Watcher, ignore_progress
from epicycle.spec.arms import ArmRun, RootArm, short_names
from epicycle.spec.experiment import Experiment, Run, bind
from epicycle.spec.families import Activations, Edit, Event
from epicycle.spec.observation import Observation
from epicycle.store.files import Root, default_root
from epicycle.store.knobs_in_force import knobs_in_force
from epicycle.store.reading import ArmReader, unstacked
from epicycle.store.runs import StoredRun
from epicycle.store.study_listing import ListedArm

if TYPE_CHECKING:
    import pandas


def train(
    experiment: Experiment,
    seeds: int | Sequence[int] = 10,
    *,
    data_seeds: int | Sequence[int] | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
    observation: Observation | None = None,
    root: str | Path | None = None,
    watch: Watcher = ignore_progress,
) -> "Runs":
    """Train an experiment over seeds (and a sweep). Runs that exist already are not trained again.

    Args:
        experiment: task, split, model and training.
        seeds: how many pairs of seeds, or the seeds themselves.
        data_seeds: seeds of the split; None lets each follow its run's seed.
        sweep: dotted field -> values.
        observation: measures and the steps at which they are taken; None takes the everyday ones.
        root: results folder; None means EPICYCLE_ROOT or ./epicycle-results.
        watch: called after every round of training.

    Raises:
        InputError: a field does not exist, or refuses its value.
    """
    plain = {"experiment": experiment, "seeds": seeds, "data_seeds": data_seeds, "sweep": dict(sweep or {})}
    arm = RootArm.parse(plain, "train")
    folder = Root.create(Path(root) if root is not None else default_root())
    session = Session(folder, observation or Observation(), watch)
    arm_runs = list(arm.runs())
    train_runs([run for _, run in arm_runs], session)
    return Runs(session, arm_runs, short_names(arm.sweep))


class Runs:
    """Trained runs: their series, events, states and activations.

    Attributes:
        without: for forks, labels of the parents in which the moment has not come.
    """

    def __init__(
        self,
        session: Session,
        arm_runs: Sequence[ArmRun],
        swept: Sequence[str],
        family: Mapping[str, Run] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self._session, self._arm_runs, self._swept = session, list(arm_runs), list(swept)
        self._family, self.without = dict(family or {}), tuple(without)

    def fork(
        self,
        at: float | str | Event,
        edits: Sequence[Edit] = (),
        *,
        steps: int | None = None,
        donors: Mapping[str, "Runs"] | None = None,
        observation: Observation | None = None,
        watch: Watcher = ignore_progress,
    ) -> "Runs":
        """Continue every run from a moment of its own, after edits.

        Args:
            at: a step, an event (`t_on`), a share of one (`0.5*t_gen`), `peak(test_loss)`, or an event of your own.
            edits: what changes at the moment. Without an edit a fork repeats its parent, bit for bit.
            steps: updates after the moment; None keeps the parents' budget.
            donors: runs that edits take tensors from, by the names that the edits use.
            observation: measures, and the steps at which they are taken, counted from the moment; None takes the parents'.
            watch: called after every round of training.

        Returns:
            The forks. Steps of their series count from the moment, which is a coordinate. Runs in which the moment has not come are
            left out, and listed in `without`.

        Raises:
            InputError: the moment came in no run, or an edit changes nothing.
        """
        parents = [run for _, run in self._arm_runs]
        root = self._session.root
        find_donor = donor_finder(root, {name: [run for _, run in runs._arm_runs] for name, runs in (donors or {}).items()})
        forks = forked(parents, self._flat(), ForkRequest.of(at, edits, steps), find_donor)
        family = {**self._family, **{run.id: run for run in parents}}
        session = Session(root, observation or self._session.observation, watch)
        train_runs(forks.runs, session, ForkStarts(session, family))
        values_of = {run.id: values for values, run in self._arm_runs}
        arm_runs = [ArmRun(values_of[run.lineage.parent], run) for run in forks.runs if run.lineage]
        return Runs(session, arm_runs, self._swept, family, forks.without)

    def __len__(self) -> int:
        return len(self._arm_runs)

    def __getitem__(self, index: int) -> "OneRun":
        return OneRun(self._session.root, self._arm_runs[index].run)

    @property
    def data(self) -> xarray.Dataset:
        """All series, over swept fields x seed x step."""
        return unstacked(self._flat())

    @property
    def events(self) -> xarray.Dataset:
        """The step at which each standard event happened (NaN where censored), over swept fields x seed."""
        return unstacked(event_dataset(self._flat()))

    def to_pandas(self) -> "pandas.DataFrame":
        """The scalar series as a long table: one row per run and step."""
        flat = self._flat()
        scalar = flat[[name for name in flat.data_vars if flat[name].dims == ("run", "step")]]
        extra = [name for name in scalar.coords if name not in ("run", "step") and scalar[name].dims != ("run",)]
        return scalar.drop_vars(extra).to_dataframe().reset_index()

    def _flat(self) -> xarray.Dataset:
        """The dataset of these runs, each up to its own end."""
        reader = ArmReader(self._session.root)
        whole = reader.dataset(ListedArm.of(self._arm_runs, self._swept))
        ends = ends_of(whole, [run.experiment.training for _, run in self._arm_runs])
        return reader.dataset(ListedArm.of(self._arm_runs, self._swept, ends))


class OneRun(StoredRun):
    """One run: its parameters and activations at the steps that were kept."""

    def __init__(self, root: Root, run: Run) -> None:
        super().__init__(root, run.id)
        self._run = run

    @property
    def spec(self) -> Run:
        """What the run is: experiment, seeds and lineage. Knobs have the values that the fork's edits gave them."""
        written = self._run.experiment
        if self._run.lineage is None:
            return self._run
        in_force = bind(written, knobs_in_force(self.state(), written.knobs()))
        return self._run.model_copy(update={"experiment": in_force, "written": written})

    def cache(self, step: int | None = None) -> Activations:
        """Every activation on all rows of the task at a kept step, under TransformerLens hook names.

        The network's knobs have the values that edits and courses gave them at that step.
        """
        return activations(self._run, self.state(step))
