"""Runs in a notebook: `epicycle.train(...)` and the handle it gives on what was trained."""

import operator
import reprlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import xarray

from epicycle.events.standard import event_dataset
from epicycle.events.stops import ends_of
from epicycle.lab.activations import activations
from epicycle.lab.barriers import losses_between
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import ForkRequest, donor_finder, forked
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.replay import replayed
from epicycle.lab.session import Session, Watcher, ignore_progress
from epicycle.lab.surfaces import surface_of_run
from epicycle.report.run_pictures import plot_of_runs
from epicycle.spec.arms import ArmRun, ForkArm, RootArm, short_names
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run, bind
from epicycle.spec.families import Activations, Edit, Event
from epicycle.spec.figure import Form
from epicycle.spec.moment_grammar import whole_step
from epicycle.spec.observation import Observation
from epicycle.spec.results import is_forked
from epicycle.store.catalogue import Catalogue
from epicycle.store.checkpoints import Tensors
from epicycle.store.files import Root, default_root
from epicycle.store.grids import unstacked
from epicycle.store.knobs_in_force import knobs_in_force
from epicycle.store.reading import ArmReader
from epicycle.store.runs import StoredRun
from epicycle.store.study_listing import ListedArm

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects


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
    swept = {name: _plain(values) for name, values in sweep.items()} if isinstance(sweep, Mapping) else sweep or {}
    plain = {"experiment": experiment, "seeds": _plain(seeds), "data_seeds": _plain(data_seeds), "sweep": swept}
    arm = RootArm.parse(plain, "train")
    session = Session(Root.create(root if root is not None else default_root()), _observation(observation), _watcher(watch))
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
        edits: Edit | Mapping[str, Any] | Sequence[Edit | Mapping[str, Any]] = (),
        *,
        steps: int | None = None,
        donors: "Mapping[str, Runs | OneRun] | None" = None,
        observation: Observation | None = None,
        watch: Watcher = ignore_progress,
    ) -> "Runs":
        """Continue every run from a moment of its own, after edits.

        Args:
            at: a step, counted from where these runs begin; an event (`t_on`), a share of one (`0.5*t_gen`), `peak(test_loss)`, or an
                event of your own.
            edits: what changes at the moment: one edit or several, as objects (`ep.Scale("lr", 10)`) or as in YAML
                (`{"kind": "scale", "knob": "lr", "by": 10}`). Without an edit a fork repeats its parent, bit for bit.
            steps: updates after the moment; None keeps the parents' budget.
            donors: runs that edits take tensors from, by the names that the edits use.
            observation: measures, and the steps at which they are taken, counted from the moment; None takes the parents'.
            watch: called after every round of training.

        Returns:
            The forks. Runs in which the moment has not come are left out, and listed in `without`.

        Raises:
            InputError: an argument has another form, the moment came in no run, or an edit changes nothing.
        """
        request = _fork_request(at, edits, steps)
        parents = self.runs()
        root = self._session.root
        forks = forked(parents, self._flat(), request, donor_finder(root, _donor_runs(donors)))
        family = {**self._family, **{run.id: run for run in parents}}
        session = Session(root, _observation(observation, self._session.observation), _watcher(watch))
        train_runs(forks.runs, session, ForkStarts(session, family))
        values_of = {run.id: values for values, run in self._arm_runs}
        arm_runs = [ArmRun(values_of[run.lineage.parent], run) for run in forks.runs if run.lineage]
        return Runs(session, arm_runs, self._swept, family, forks.without)

    def __len__(self) -> int:
        return len(self._arm_runs)

    @overload
    def __getitem__(self, index: int) -> "OneRun": ...

    @overload
    def __getitem__(self, index: slice) -> "Runs": ...

    def __getitem__(self, index: int | slice) -> "OneRun | Runs":
        if isinstance(index, slice):
            chosen = self._arm_runs[index]
            if not chosen:
                raise InputError(f"[{index.start}:{index.stop}] takes none of these {len(self)} runs, which are counted from 0.")
            return Runs(self._session, chosen, self._swept, self._family, self.without)
        try:
            run = self._arm_runs[operator.index(index)].run
        except IndexError:  # `for run in runs` waits for this error
            raise IndexError(f"[{index}]: there are {len(self)} runs, counted from 0.") from None
        except TypeError:
            raise InputError(f"[{reprlib.repr(index)}]: take one run by its number ([0]), or some of them ([0:2]).") from None
        return OneRun(self._session, run, self._family, self._catalogue)

    def runs(self) -> list[Run]:
        """What each run is: experiment, seeds and lineage."""
        return [run for _, run in self._arm_runs]

    @cached_property
    def _catalogue(self) -> Catalogue:
        """Shared by the runs, so that member lists are read once."""
        return Catalogue(self._session.root)

    @property
    def data(self) -> xarray.Dataset:
        """All series, over swept fields x seed x step. Steps of forks count from step 0 of their first ancestor.

        The moment of each fork is the coordinate `moment`. The coordinate `since_moment` holds the steps since then, and
        `ep.since_moment(runs.data)` has them as its axis. Forks from several moments have different steps: a series is NaN where a run
        has no record.

        In a part of the runs whose seeds differ at each point of the sweep, the axis is `replicate` instead of `seed`.
        """
        return unstacked(self._flat())

    @property
    def events(self) -> xarray.Dataset:
        """The step at which each standard event happened (NaN where censored), over swept fields x seed.

        Steps of forks count from step 0 of their first ancestor; `ep.since_moment(runs.events)` counts from the moments.
        """
        return unstacked(event_dataset(self._flat()))

    def picture(self, form: Form, series: str | Sequence[str], **options: Any) -> "plotly.graph_objects.Figure":
        """A picture of these runs, as on the page of a study, with a panel for each combination of what they sweep.

        Args:
            form: `curves`, `component_curves`, `heat_map`, `ridges`, `circles`, `neurons` or `answer_map`; see `ep.Figure`.
            series: the name of a recorded series. Curves take several names.
            options: other fields of `ep.Figure`, such as `moments`, `ranked`, `events`, `null_band` and `log`.

        Raises:
            InputError: an option is unknown or refused, or the series was not recorded or does not fit the form. The message names a
                measure that fits.
        """
        names = [series] if isinstance(series, str) else list(series)
        return plot_of_runs(self._flat(), {"form": form, "series": names, **options})

    def to_pandas(self) -> "pandas.DataFrame":
        """The scalar series as a long table: one row per run and step. Forks have a column `since_moment` too."""
        flat = self._flat()
        scalar = flat[[name for name in flat.data_vars if flat[name].dims == ("run", "step")]]
        extra = [name for name in scalar.coords if name not in ("run", "step") and scalar[name].dims != ("run",)]
        table = scalar.drop_vars(extra).to_dataframe().reset_index()
        return table.assign(step=table["step"] + table["moment"], since_moment=table["step"]) if is_forked(flat) else table

    def _flat(self) -> xarray.Dataset:
        """The dataset of these runs, each up to its own end."""
        reader = ArmReader(self._session.root)
        whole = reader.dataset(ListedArm.of(self._arm_runs, self._swept))
        ends = ends_of(whole, [run.experiment.training for _, run in self._arm_runs])
        return reader.dataset(ListedArm.of(self._arm_runs, self._swept, ends))


class OneRun(StoredRun):
    """One run: its parameters and activations at any step that it has passed. A state that was not kept is reached by replay.

    Attributes:
        run: what the run is, as its id covers it.
    """

    def __init__(self, session: Session, run: Run, family: Mapping[str, Run], catalogue: Catalogue | None = None) -> None:
        super().__init__(session.root, run.id, catalogue)
        self._session, self.run, self._family = session, run, family

    @property
    def spec(self) -> Run:
        """What the run is: experiment, seeds and lineage. Knobs have the values that the fork's edits gave them."""
        written = self.run.experiment
        if self.run.lineage is None:
            return self.run
        in_force = bind(written, knobs_in_force(self.state(), written.knobs()))
        return self.run.model_copy(update={"experiment": in_force, "written": written})

    def state(self, step: int | None = None) -> Tensors:
        """The full state at a step (None: the last), as named arrays.

        Raises:
            InputError: the run has not passed the step.
        """
        if step is None:
            return super().state()
        number = whole_step(step, f"run {self.id}, step {reprlib.repr(step)}")
        if number > self.last_step:
            raise InputError(f"run {self.id} ends at step {self.last_step}; a budget (training.steps) beyond {number} trains it on.")
        return super().state(number) if self.keeps(number) else replayed(self.run, number, self._session, self._family)

    def cache(self, step: int | None = None) -> Activations:
        """Every activation on all rows of the task at a step (None: the last), under TransformerLens hook names.

        The network's knobs have the values that edits and courses gave them at that step.
        """
        return activations(self.run, self.state(step))

    def surface(self) -> xarray.Dataset:
        """The losses in the plane of the two main directions of the run's way, and the way in it.

        Returns:
            `train_loss` and `test_loss` over `y` and `x`; `way_x`, `way_y`, `own_loss` and `seen_loss` over `step`: where the run was,
            its training loss, and that of the point of the plane which lies nearest. The attribute `share` is the share of the way's
            variance that the plane shows.

        Raises:
            InputError: the run is a fork, or has fewer than three looks.
        """
        drawn = surface_of_run(self.id, self._session)
        way = dict(zip(("way_x", "way_y"), zip(*drawn["way"], strict=True), strict=True))
        of_looks = {**way, "own_loss": drawn["own_loss"], "seen_loss": drawn["seen_loss"]}
        series = {name: ("step", [*values]) for name, values in of_looks.items()}
        maps = {"train_loss": (("y", "x"), drawn["train_loss"]), "test_loss": (("y", "x"), drawn["test_loss"])}
        places = {"step": drawn["steps"], "x": drawn["x"], "y": drawn["y"]}
        return xarray.Dataset({**maps, **series}, places, {"share": drawn["share"]})


def barrier(
    first: OneRun,
    last: OneRun,
    *,
    steps: tuple[int | None, int | None] = (None, None),
    path: str = "straight",
    match: bool = False,
    search: int = 200,
    looks: int = 21,
) -> xarray.Dataset:
    """Losses and accuracies along a path between two networks that were trained on the same rows: is there a barrier?

    Args:
        first: the run at which the path begins.
        last: the run at which the path ends, which may be the same run.
        steps: the step of each of the two; None is its last.
        path: `straight`, `bezier`, `band` or `walk`, see `ep.AlongPath`; or `mixture`, which mixes the logits of the two networks. A
            mixture has no barrier, as cross-entropy is convex in the logits.
        match: whether the units of the last network first change places to fit the first.
        search: steps of the search for a path.
        looks: points at which the losses are taken, both ends among them.

    Returns:
        `train_loss`, `test_loss`, `train_acc` and `test_acc` over `weight`, the share of the way. The attributes are `above_ends`, the
        highest training loss less that of the higher end; `above_line`, the most by which the training loss lies above the straight
        line between those of the ends; `top`, where it is highest; `left`, which share of the distance a walk has left.

    Raises:
        InputError: the two have another task, network or other trained rows; there is no such path; or a run has not passed its step.
    """
    if not isinstance(first, OneRun) or not isinstance(last, OneRun):
        raise InputError("barrier: give two runs: ep.barrier(runs[0], runs[1]).")
    if isinstance(looks, bool) or not isinstance(looks, int) or looks < 2 or search < 1:
        raise InputError("barrier: looks is a whole number of at least 2, and search one of at least 1.")
    for part in ("task", "model"):
        if getattr(first.run.experiment, part) != getattr(last.run.experiment, part):
            raise InputError(f"barrier: the two runs differ in their {part}; a path joins networks of one kind on one task.")
    rows = [run.run.experiment.split.train_rows(run.run.experiment.task.table(), run.run.data_seed) for run in (first, last)]
    if {*rows[0].tolist()} != {*rows[1].tolist()}:
        raise InputError("barrier: the two runs are trained on different rows; train both with the same data_seeds.")
    begin, end = (run.params(step) for run, step in zip((first, last), steps, strict=True))
    return losses_between(first.spec, begin, end, path, match=match, search=search, looks=looks)


def _fork_request(at: Any, edits: Any, steps: Any) -> ForkRequest:
    """What `Runs.fork` is asked for, in the forms that a notebook allows."""
    moment = at
    if not isinstance(at, str | Event):
        moment = whole_step(at, f"fork at {reprlib.repr(at)}")
    elif isinstance(at, str) and at.isdecimal():
        moment = int(at)
    several = [edits] if isinstance(edits, Edit | Mapping) else edits
    plain = {"fork": "runs", "at": 0 if isinstance(moment, Event) else moment, "edits": several, "steps": _plain(steps)}
    arm = ForkArm.parse(plain, "fork")
    return ForkRequest(moment, arm.edits, arm.steps)


def _donor_runs(donors: Any) -> dict[str, list[Run]]:
    """The runs behind each donor's name."""
    named = {} if donors is None else donors
    if not isinstance(named, Mapping) or not all(isinstance(runs, Runs | OneRun) for runs in named.values()):
        raise InputError("fork: donors is a mapping from a name that an edit uses to trained runs: donors={'other': runs}.")
    return {name: runs.runs() if isinstance(runs, Runs) else [runs.run] for name, runs in named.items()}


def _observation(observation: Any, otherwise: Observation | None = None) -> Observation:
    return otherwise or Observation() if observation is None else Observation.parse(observation, "observation")


def _watcher(watch: Any) -> Watcher:
    if not callable(watch):
        raise InputError(f"watch = {reprlib.repr(watch)}: give a function, which is called after every round of training.")
    return watch


def _plain(value: Any) -> Any:
    """Arrays and ranges as lists, NumPy's numbers as Python's."""
    return value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, range) else value
