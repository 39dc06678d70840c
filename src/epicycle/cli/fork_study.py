"""The study of one fork asked for on the command line: the run it continues is the control, and both appear on one page."""

from typing import Any, NamedTuple

from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.paths import assignment
from epicycle.spec.plain_data import Plain
from epicycle.spec.precision import asked_precision
from epicycle.spec.study import Figure, Study
from epicycle.spec.yaml_text import load_yaml
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohorts import cohort_spec
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun

FIGURES = (
    ("What does the change do to accuracy?", ("train_acc", "test_acc")),
    ("What does it do to the losses?", ("train_loss", "test_loss")),
    ("What does it do to the size of the weights?", ("total_norm",)),
)
EVENTS_SHOWN = ("t_mem", "t_gen")


class KnobEdit(NamedTuple):
    """One `--set` of `epicycle fork`.

    Attributes:
        edit: the edit with the first value, as plain data.
        field: the field of the edit that holds the value.
        values: every value asked for; several of them make a fork each.
    """

    edit: Plain
    field: str
    values: tuple[Any, ...]


def fork_study(root: Root, run: str, at: str, assignments: list[str], edits: list[str], steps: int | None) -> Study:
    """Make the study of one fork and its control.

    Args:
        root: the results folder that holds the run.
        run: the run's id, or enough of its beginning to tell it from other runs.
        at: the moment: a step, an event, a share of an event, or `peak(series)`.
        assignments: `lr=x10` multiplies a knob, `lr=0.01` sets it, `lr=x1,x10` makes a fork for each value.
        edits: further edits in YAML. Without assignments and edits the fork repeats the run.
        steps: updates after the moment; None keeps the run's budget.

    Raises:
        InputError: no run has this id, or a moment, an assignment or an edit cannot be read.
    """
    run_id = Catalogue(root).find(run)
    experiment = Experiment.parse_stored(StoredRun(root, run_id).written_experiment(), f"run {run_id}")
    knob_edits = [_knob_edit(text, experiment) for text in assignments]
    arms: Plain = {}
    control = _add_ancestors(root, run_id, arms)
    fork = {
        "fork": control,
        "at": int(at) if at.isdigit() else at,
        "edits": [*(knob.edit for knob in knob_edits), *(load_yaml(text, f"--edit {text}") for text in edits)],
        "steps": steps,
        "sweep": {f"edits.{i}.{knob.field}": knob.values for i, knob in enumerate(knob_edits) if len(knob.values) > 1},
    }
    observation = _observation_of(root, run_id)
    change = ", ".join([*assignments, *edits]) or "nothing"
    return Study(
        name=f"fork-{run_id[:8]}",
        question=f"What does {change} at {at} change in run {run_id}?",
        arms={**arms, "fork": ForkArm.parse(fork, "fork")},
        figures=_figures(control, observation),
        observation=observation,
    )


def _add_ancestors(root: Root, run_id: str, arms: Plain) -> str:
    """Add an arm of one run for the run and for each of its ancestors; returns the name of the run's own arm."""
    stored = StoredRun(root, run_id)
    lineage = stored.member.lineage
    experiment = Experiment.parse_stored(stored.written_experiment(), f"run {run_id}")
    if lineage is None:
        _refuse_other_precision(stored)
        seeds = {"seeds": (stored.member.seed,), "data_seeds": stored.member.data_seed}
        arms["control"] = RootArm.parse({"experiment": experiment.model_dump(mode="json"), **seeds}, run_id)
        return "control"
    parent = _add_ancestors(root, lineage.parent, arms)
    name = f"control-{len(arms)}"
    fork = {"fork": parent, "at": lineage.moment, "edits": list(lineage.edits), "steps": experiment.training.steps}
    arms[name] = ForkArm.parse_stored(fork, f"run {run_id}")
    return name


def _refuse_other_precision(run: StoredRun) -> None:
    if run.precision != asked_precision():
        advice = "set JAX_ENABLE_X64=1" if run.precision == "float64" else "unset JAX_ENABLE_X64"
        raise InputError(
            f"run {run.id} was trained in {run.precision}, and this command runs in {asked_precision()}; {advice} to fork it."
        )


def _observation_of(root: Root, run_id: str) -> Observation:
    """What the run's cohort records, and when."""
    cohort, _ = Catalogue(root).place(run_id)
    files = root.cohort(cohort)
    return Observation.parse_stored(cohort_spec(files)["observation"], str(files.spec))


def _figures(control: str, observation: Observation) -> tuple[Figure, ...]:
    """The figures whose series are recorded."""
    recorded = {measure.name for measure in observation.measures}
    return tuple(
        Figure(title=title, arms=(control, "fork"), series=series, events=EVENTS_SHOWN)
        for title, series in FIGURES
        if recorded.issuperset(series)
    )


def _knob_edit(text: str, experiment: Experiment) -> KnobEdit:
    """Read `lr=x10`, `lr=0.01`, `lr=x1,x10`, or a field that is no knob, such as `training.batch_size=256`."""
    name, value = assignment(text)
    is_knob = any(path == name or path.endswith(f".{name}") for path, role, _ in experiment.leaves() if role == "knob")
    if "." in name and not is_knob:
        return KnobEdit({"kind": "change", "field": name, "to": value}, "to", (value,))
    entries = [entry.strip() for entry in str(value).split(",")]
    multiplies = all(entry.startswith("x") for entry in entries)
    try:
        numbers = tuple(float(entry.removeprefix("x") if multiplies else entry) for entry in entries)
    except ValueError:
        raise InputError(f"--set {text}: {value!r} is no number. Write {name}=x10 to multiply, {name}=0.01 to set.") from None
    kind, field = ("scale", "by") if multiplies else ("set", "to")
    return KnobEdit({"kind": kind, "knob": name, field: numbers[0]}, field, numbers)
