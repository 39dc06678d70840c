"""A fork asked for on the command line, as a study: the run it goes on from as control, the fork beside it, both on one page."""

from typing import Any

from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.paths import assignment
from epicycle.spec.study import Figure, Study
from epicycle.spec.yaml_text import load_yaml
from epicycle.store.atomic import read_yaml
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun

FIGURES = (
    ("What does the change do to accuracy?", ("train_acc", "test_acc")),
    ("What does it do to the losses?", ("train_loss", "test_loss")),
    ("What does it do to the size of the weights?", ("total_norm",)),
)


def fork_study(root: Root, beginning: str, at: str, assigned: list[str], written: list[str], steps: int | None) -> Study:
    """The study of one fork.

    Args:
        beginning: the run's id, or as much of it as tells it apart.
        at: a step, an event, a share of one, or `peak(series)`.
        assigned: `lr=x10` multiplies a knob, `lr=0.01` sets it, `lr=x1,x10` makes a fork each; none gives the run again.
        written: further edits in YAML.
        steps: updates after the moment; None keeps the run's budget.

    Raises:
        InputError: no such run, or something that cannot be read.
    """
    run_id = Catalogue(root).find(beginning)
    experiment = Experiment.parse(StoredRun(root, run_id).experiment(), run_id)
    knobs = [_edit(text, experiment) for text in assigned]
    edits = [*(edit for edit, _, _ in knobs), *map(_written, written)]
    sweep = {f"edits.{i}.{what}": values for i, (_, what, values) in enumerate(knobs) if len(values) > 1}
    arms: dict[str, Any] = {}
    control = _ancestors(root, run_id, arms)
    moment: int | str = int(at) if at.isdigit() else at
    arms["fork"] = ForkArm.parse({"fork": control, "at": moment, "edits": edits, "steps": steps, "sweep": sweep}, "fork")
    change = ", ".join([*assigned, *written]) or "nothing"
    figures = tuple(
        Figure(title=title, arms=(control, "fork"), series=series, events=("t_mem", "t_gen"), decides="") for title, series in FIGURES
    )
    observation = _observation(root, run_id)
    recorded = {measure.name for measure in observation.measures}
    return Study(
        name=f"fork-{run_id[:8]}",
        question=f"What does {change} at {at} change in run {run_id}?",
        arms=arms,
        figures=tuple(figure for figure in figures if set(figure.series) <= recorded),
        observation=observation,
    )


def _ancestors(root: Root, run_id: str, arms: dict[str, Any]) -> str:
    """Put the run and all that it was forked from into arms of one run each; returns the name of its arm."""
    stored = StoredRun(root, run_id)
    lineage = stored.member.get("lineage")
    experiment = Experiment.parse(stored.experiment(), run_id)
    if lineage is None:
        seeds = {"seeds": (stored.member["seed"],), "data_seeds": stored.member["data_seed"]}
        arms["control"] = RootArm.parse({"experiment": experiment.model_dump(mode="json"), **seeds}, run_id)
        return "control"
    parent = _ancestors(root, lineage["parent"], arms)
    name = f"control-{len(arms)}"
    arms[name] = ForkArm.parse(
        {"fork": parent, "at": lineage["moment"], "edits": lineage["edits"], "steps": experiment.training.steps}, run_id
    )
    return name


def _observation(root: Root, run_id: str) -> Observation:
    """What the run's cohort records."""
    cohort, _ = Catalogue(root).place(run_id)
    files = root.cohort(cohort)
    return Observation.parse(read_yaml(files.spec)["observation"], str(files.spec))


def _edit(text: str, experiment: Experiment) -> tuple[dict[str, Any], str, tuple[Any, ...]]:
    """`lr=x10`, `lr=0.01`, several of either (`lr=x1,x10`), or a field that is no knob (`training.batch_size=256`).

    Returns:
        The edit with the first value, the name of its value, and all values.
    """
    name, value = assignment(text)
    knob = any(path == name or path.endswith(f".{name}") for path, role, _ in experiment.leaves() if role == "knob")
    if "." in name and not knob:
        return {"kind": "change", "field": name, "to": value}, "to", (value,)
    given = [entry.strip() for entry in str(value).split(",")]
    scaled = all(entry.startswith("x") for entry in given)
    try:
        numbers = tuple(float(entry.removeprefix("x") if scaled else entry) for entry in given)
    except ValueError:
        raise InputError(f"--set {text}: {value!r} is no number; write {name}=x10 to multiply, {name}=0.01 to set.") from None
    kind, what = ("scale", "by") if scaled else ("set", "to")
    return {"kind": kind, "knob": name, what: numbers[0]}, what, numbers


def _written(text: str) -> Any:
    """`{kind: remove, share: 0.5}`."""
    return load_yaml(text, f"--edit {text}")
