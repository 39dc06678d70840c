"""Runs in a notebook: `epicycle.train(...)` and the handle it gives on what was trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray

from epicycle.events.standard import event_dataset
from epicycle.events.stops import ends_of
from epicycle.lab.cohorts import Watcher, start_of, train_runs
from epicycle.lab.forks import Replay, donor_among, forked
from epicycle.spec.arms import RootArm, short_names
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Edit, Event
from epicycle.spec.observation import Observation
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root, default_root
from epicycle.store.reading import arm_dataset, unstacked
from epicycle.store.runs import StoredRun

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
    watch: Watcher = lambda progress: None,
) -> "Runs":
    """Train an experiment over seeds (and a sweep), or take up what is there already.

    Args:
        experiment: task, split, model and training.
        seeds: how many pairs of seeds, or the seeds themselves.
        data_seeds: seeds of the split; None lets each follow its run's seed.
        sweep: dotted field -> values.
        observation: measures and their grid; None takes the everyday ones.
        root: results folder; None means EPICYCLE_ROOT or ./epicycle-results.

    Raises:
        InputError: a field that does not exist or a value it refuses.
    """
    plain = {"experiment": experiment, "seeds": seeds, "data_seeds": data_seeds, "sweep": dict(sweep or {})}
    arm = RootArm.parse(plain, "train")
    place = Root.create(Path(root) if root is not None else default_root())
    listed = list(arm.runs())
    chosen = observation or Observation()
    train_runs([run for _, run in listed], chosen, place, watch, lambda: False)
    return Runs(place, listed, short_names(arm.sweep), chosen)


class Runs:
    """Trained runs: their data, events, states and activations."""

    def __init__(
        self,
        root: Root,
        listed: Sequence[tuple[Mapping[str, Any], Run]],
        swept: Sequence[str],
        observation: Observation,
        family: Mapping[str, Run] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self._root, self._listed, self._swept, self._observation = root, list(listed), list(swept), observation
        self._family, self.without = dict(family or {}), tuple(without)

    def fork(
        self,
        at: float | str | Event,
        edits: Sequence[Edit] = (),
        *,
        steps: int | None = None,
        donors: Mapping[str, "Runs"] | None = None,
        observation: Observation | None = None,
        watch: Watcher = lambda progress: None,
    ) -> "Runs":
        """Continue every run from a moment of its own, after edits.

        Args:
            at: a step, an event (`t_on`), a share of one (`0.5*t_gen`), `peak(test_loss)`, or an event of your own.
            edits: what changes at the moment; none gives the parent again, bit for bit.
            steps: updates after the moment; None keeps the parents' budget.
            donors: by the names that edits give them: runs that tensors are taken from.
            observation: measures and their grid, counted from the moment; None takes the parents'.

        Returns:
            The forks. Steps of their series count from the moment, which is a coordinate. Runs in which the moment has not come are
            left out, and named in `without`.

        Raises:
            InputError: a moment that came in no run, an edit that hits nothing.
        """
        parents = [run for _, run in self._listed]
        donor = donor_among(self._root, {name: [run for _, run in each._listed] for name, each in (donors or {}).items()})
        born, without = forked(parents, self._flat(), at, edits, steps, donor)
        values_of = {run.id: values for values, run in self._listed}
        family = {**self._family, **{run.id: run for run in parents}}
        chosen = observation or self._observation

        def never() -> bool:  # Ctrl-C is for the interpreter to raise
            return False

        train_runs(born, chosen, self._root, watch, never, Replay(self._root, family, chosen.measures, never))
        listed = [(values_of[run.lineage["parent"]], run) for run in born if run.lineage]
        return Runs(self._root, listed, self._swept, chosen, family, without)

    def __len__(self) -> int:
        return len(self._listed)

    def __getitem__(self, place: int) -> "OneRun":
        return OneRun(self._root, self._listed[place][1])

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
        runs: list[dict[str, Any]] = [{"run": run.id, "values": values} for values, run in self._listed]
        for entry, (_, run) in zip(runs, self._listed, strict=True):
            entry |= {"moment": start_of(run)} if run.lineage else {}
        trainings = [run.experiment.training for _, run in self._listed]
        budget, catalogue = max(training.steps for training in trainings), Catalogue(self._root)
        cohorts: dict[str, xarray.Dataset] = {}
        whole = arm_dataset(runs, self._swept, budget, self._root, catalogue, cohorts)
        cut = [{**entry, "end": end} for entry, end in zip(runs, ends_of(whole, trainings), strict=True)]
        return arm_dataset(cut, self._swept, budget, self._root, catalogue, cohorts)


class OneRun(StoredRun):
    """One run: its parameters and activations at the steps that were kept."""

    def __init__(self, root: Root, run: Run) -> None:
        super().__init__(root, run.id)
        self.spec = run

    def cache(self, step: int | None = None) -> dict[str, Any]:
        """Every activation on all rows of the task at a kept step, under TransformerLens hook names."""
        table, model = self.spec.experiment.task.table(), self.spec.experiment.model
        jax.eval_shape(lambda key: model.init(key, table), jax.random.key(0))  # a wrapped model learns here how its parameters fit
        params = {name: jnp.asarray(value) for name, value in self.params(step).items()}
        _, sites = model.apply(params, jnp.asarray(table.inputs))
        return {name: np.asarray(value) for name, value in sites.items()}
