"""A stranger's results: reading them, and training beside them, executes nothing, leads nowhere else and ends.

The results are those of an honest study in which a stranger has changed something. The checksums are right, because a stranger can
compute them.
"""

import ast
import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.commands import Command, one_paragraph
from tests.store.mutations import nested, write_with_sums

import epicycle as ep
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Session
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.observation import Observation
from epicycle.spec.own_code import stored_document
from epicycle.spec.registry import resolve
from epicycle.spec.yaml_text import dump_yaml, load_yaml
from epicycle.store.atomic import JSON_SEAL, YAML_SEAL, sealed
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohorts import CohortStore
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun


def json_text(value: Any) -> bytes:
    return (sealed(json.dumps(value, indent=2)[2:] + "\n", JSON_SEAL) if isinstance(value, dict) else json.dumps(value)).encode()


def change_json(file: Path, change: Callable[[Any], Any]) -> None:
    """Change a document of JSON; its checksums are made right."""
    value = json.loads(file.read_bytes())
    was_sealed = isinstance(value, dict) and bool(value.pop("sha256", None))
    value = change(value) or value
    write_with_sums(file, json_text(value) if was_sealed else json.dumps(value).encode())


def change_yaml(file: Path, change: Callable[[Any], Any]) -> None:
    """Change a document of YAML; its checksum is made right."""
    value = load_yaml(file.read_text(), "original")
    change(value)
    file.write_bytes(sealed(dump_yaml(value), YAML_SEAL).encode())


def cohort_of(root: Path) -> Path:
    """The cohort of the arm `control`."""
    runs = json.loads(study_of(root).joinpath("runs.json").read_bytes())
    return root / "cohorts" / Catalogue(Root(root)).place(runs["arms"]["control"]["runs"][0]["run"]).cohort


def study_of(root: Path) -> Path:
    return next((root / "studies" / "tiny").iterdir())


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module in the working directory and on the import path that leaves a file when it is imported; gives that file."""
    trace = tmp_path / "executed"
    (tmp_path / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return trace


class Boom:
    """Leaves a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = str(trace)

    def __reduce__(self) -> Any:
        return open, (self.trace, "w")


OBJECT_ARRAY = {
    "shape": [1],
    "chunks": [1],
    "dtype": "|O",
    "fill_value": None,
    "order": "C",
    "filters": [{"id": "pickle", "protocol": 5}],
    "dimension_separator": ".",
    "compressor": None,
    "zarr_format": 2,
    "attributes": {},
}


def consolidated(group: Any) -> None:
    group["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": {"train_loss": OBJECT_ARRAY}}


def codecs(*names: str) -> Callable[[Any], None]:
    return lambda array: array.update(codecs=[{"name": name} for name in names])


def in_terabytes(array: Any) -> None:
    array["shape"] = array["chunk_grid"]["configuration"]["chunk_shape"] = [2, 10**12]


def in_tiny_chunks(array: Any) -> None:
    array["shape"], array["chunk_grid"]["configuration"]["chunk_shape"] = [2, 10**7], [1, 1]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("zarr.json", consolidated),
        ("train_loss/zarr.json", codecs("numcodecs.pickle")),
        ("train_loss/zarr.json", codecs("bytes", "numcodecs.pickle", "crc32c")),
        ("train_loss/zarr.json", codecs("sharding_indexed")),
        ("train_loss/zarr.json", lambda array: array.update(data_type="object")),
        ("train_loss/zarr.json", lambda array: array.update(data_type={"name": "null_terminated_bytes"})),
        ("train_loss/zarr.json", lambda array: array.update(storage_transformers=[{"name": "x"}])),
        ("train_loss/zarr.json", lambda array: array.update(zarr_format=2)),
        ("train_loss/zarr.json", in_terabytes),
        ("train_loss/zarr.json", in_tiny_chunks),
        ("step/zarr.json", lambda array: array.update(shape=[10**12])),
        ("zarr.json", lambda group: group["attributes"]["coords"].update(tensor=["W_E"] * 3)),
    ],
)
def test_series_are_read_with_our_codecs_and_shapes_only(
    file: str, change: Callable[[Any], None], finished: Path, evil: Path, command: Command
) -> None:
    segment = cohort_of(finished) / "series.zarr" / "0"
    (segment / "train_loss" / "0").write_bytes(pickle.dumps(np.array([Boom(evil)], dtype=object)))
    change_json(segment / file, change)
    with pytest.raises(InputError, match=r"zarr\.json is damaged"):
        ep.open(cohort_of(finished))
    one_paragraph(command("report", "tiny", "--root", str(finished)), "zarr.json is damaged")
    run = Run.parse(run_of(finished))
    with pytest.raises(InputError, match=r"zarr\.json is damaged"):
        train_runs([longer(run)], Session(Root(finished)))
    assert not evil.exists()


def run_of(root: Path) -> Any:
    """A run of the arm `control`, as plain data."""
    member = json.loads((cohort_of(root) / "members.json").read_bytes())[0]
    stored = StoredRun(Root(root), member["run"])
    return {"experiment": stored.written_experiment(), "seed": member["seed"], "data_seed": member["data_seed"]}


def longer(run: Run) -> Run:
    """The same run with a longer budget, so that there is something to train."""
    return run.model_copy(update={"experiment": run.experiment.swept("training.steps", 70)})


def test_a_chunk_that_claims_to_unfold_to_terabytes_is_damaged(finished: Path) -> None:
    chunk = cohort_of(finished) / "series.zarr" / "0" / "train_loss" / "c" / "0" / "0"
    chunk.write_bytes(b"\x28\xb5\x2f\xfd\xe0" + (2**42).to_bytes(8, "little") + b"\0" * 20)
    with pytest.raises(InputError, match=r"c/0/0 is damaged: it does not hold a chunk of 120 bytes"):
        ep.open(cohort_of(finished))


def test_series_of_early_versions_are_read(finished: Path) -> None:
    """They have no checksums, chunks of nothing but NaN are not there, and the marker has no sums."""
    import zarr

    cohort = cohort_of(finished)
    before, segment = ep.open(cohort), cohort / "series.zarr" / "0"
    values = {name: (axes.dims, axes.values) for name, axes in before.data_vars.items()}
    shutil.rmtree(segment)
    group = zarr.open_group(segment, mode="w", zarr_format=3, attributes={"coords": {"tensor": before["tensor"].values.tolist()}})
    steps = before["step"].values
    group.create_array("step", shape=steps.shape, dtype=np.int64, chunks=steps.shape, dimension_names=("step",))[:] = steps
    for name, (axes, series) in values.items():
        shape, chunks = series.shape, (series.shape[0], min(64, len(steps)), *series.shape[2:])
        array = group.create_array(str(name), shape=shape, dtype=series.dtype, chunks=chunks, fill_value=np.nan, dimension_names=axes)
        array[:] = series
    change_json(cohort / "members.json", lambda members: [member.pop("start") for member in members] and None)
    change_json(cohort / "status.json", lambda marker: marker.pop("sums") and None)
    assert ep.open(cohort).equals(before)
    shutil.rmtree(segment / "test_acc" / "c")
    assert np.isnan(ep.open(cohort)["test_acc"]).all()


def name_evil_measure(root: Path) -> None:
    change_yaml(cohort_of(root) / "spec.yaml", lambda spec: spec["observation"]["measures"].append({"kind": "evil:Boom"}))


def name_evil_task(root: Path) -> None:
    change_yaml(cohort_of(root) / "spec.yaml", lambda spec: spec["experiment"].update(task={"kind": "evil:Boom"}))


def name_evil_edit(root: Path) -> None:
    for members in root.glob("cohorts/*/members.json"):
        if '"edits"' in members.read_text():
            change_json(members, lambda forks: [fork["lineage"].update(edits=[{"kind": "evil:Boom"}]) for fork in forks] and None)


def run_of_arm(root: Path, arm: str) -> str:
    runs = json.loads((study_of(root) / "runs.json").read_bytes())
    return str(runs["arms"][arm]["runs"][0]["run"])


@pytest.mark.parametrize(("change", "arm"), [(name_evil_measure, "control"), (name_evil_task, "control"), (name_evil_edit, "boosted")])
def test_a_fork_imports_nothing_that_is_stored(
    change: Callable[[Path], None], arm: str, finished: Path, evil: Path, command: Command
) -> None:
    change(finished)
    forked = command("fork", run_of_arm(finished, arm), "--at", "10", "--root", str(finished))
    one_paragraph(forked, "evil:Boom", "is code outside Epicycle", "--use")
    assert not evil.exists()


def test_training_imports_nothing_that_is_stored(finished: Path, evil: Path) -> None:
    """A run that is finished is taken as it is; to train it on, its measures would have to be known."""
    run = Run.parse(run_of(finished))
    observation = Observation.parse(load_yaml((cohort_of(finished) / "spec.yaml").read_text(), "")["observation"])
    name_evil_measure(finished)
    session = Session(Root(finished), observation)
    assert train_runs([run], session) == 0
    with pytest.raises(InputError, match="measure 'evil:Boom' is code outside Epicycle"):
        train_runs([longer(run)], session)
    assert not evil.exists()


def test_a_page_imports_nothing_that_is_stored(finished: Path, evil: Path, command: Command) -> None:
    study = study_of(finished) / "study.yaml"
    change_yaml(study, lambda spec: spec["arms"]["boosted"].update(edits=[{"kind": "evil:Boom", "by": 1}]))
    assert command("report", "tiny", "--root", str(finished)).returncode == 0
    change_yaml(study, lambda spec: spec["figures"][1].update(quantities=[{"kind": "evil:Boom"}]))
    one_paragraph(command("report", "tiny", "--root", str(finished)), "evil:Boom", "is code outside Epicycle")
    assert not evil.exists()


def test_a_stored_part_is_known_once_the_program_has_used_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from epicycle.studies.study_files import use_file

    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_measures.py").write_text("import epicycle as ep\n\nclass Twice(ep.TotalNorm):\n    pass\n")
    with stored_document(), pytest.raises(InputError, match="outside Epicycle"):
        resolve("measure", "my_measures:Twice")
    use_file(tmp_path / "my_measures.py")
    with stored_document():
        assert resolve("measure", "my_measures:Twice").__name__ == "Twice"
        with pytest.raises(ValueError, match="is not a task"):
            resolve("task", "my_measures:Twice")
    with pytest.raises(InputError, match="name a file that ends in"):
        use_file(tmp_path / "notes.txt")
    monkeypatch.delitem(sys.modules, "my_measures")


def test_the_working_directory_is_not_on_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries try to import what is not installed; a stranger's folder may hold a module of that name."""
    from epicycle.cli.chosen_study import load_study

    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    load_study("quickstart")
    (tmp_path / "my.yaml").write_text(
        "question: Q?\narms: {a: {experiment: {task: {kind: modular, p: 7}, model: {kind: transformer}}}}\n"
    )
    load_study("my.yaml")
    assert sys.path == before


STRANGE = {
    "a link": lambda path, target: path.symlink_to(target),
    "a FIFO": lambda path, target: os.mkfifo(path),
}


STUDY_LINKS = ("studies", "studies/tiny", "STUDY", "STUDY/report.html", "STUDY/.report.html.partial")
COHORT_LINKS = ("cohorts", "COHORT", "COHORT/checkpoints", "COHORT/series.zarr/0/train_loss", "COHORT/spec.yaml", "COHORT/sources")
LOCK_LINKS = (".lock", "COHORT/.lock", "cohorts/.new-0123456789abcdef")
FIFOS = ("COHORT/status.json", "COHORT/series.zarr/0/train_loss/c/0/0", "STUDY/events.json", "STUDY/.lock")


@pytest.mark.parametrize(
    ("kind", "where"),
    [*(("a link", name) for name in (*STUDY_LINKS, *COHORT_LINKS, *LOCK_LINKS)), *(("a FIFO", name) for name in FIFOS)],
)
def test_links_and_fifos_are_refused_by_name(kind: str, where: str, finished: Path, tmp_path: Path, command: Command) -> None:
    parts = {"COHORT": str(cohort_of(finished)), "STUDY": str(study_of(finished))}
    path = finished / where.replace("COHORT", parts["COHORT"]).replace("STUDY", parts["STUDY"])
    target = tmp_path / "outside"
    if path.is_dir():
        path.rename(target)
    else:
        target.write_text("untouched") if "partial" in where or "." in path.name[1:] else target.mkdir()
        path.unlink(missing_ok=True)
    STRANGE[kind](path, target)
    before = {file: file.read_bytes() for file in sorted(target.rglob("*")) if file.is_file() and not file.is_fifo()}
    run = Run.parse(RUN)
    results = [command("report", "tiny", "--root", str(finished))]
    acts = [lambda: ep.open(finished), lambda: train_runs([run], Session(Root.create(finished)))]
    for act in acts[: 1 if "STUDY" in where else 2]:
        try:
            act()
        except InputError as error:
            results.append(error)
    named = [text for text in (getattr(result, "stderr", str(result)) for result in results) if path.name in text and kind[2:] in text]
    assert named, results
    assert {file: file.read_bytes() for file in before} == before
    assert {file for file in target.rglob("*") if file.is_file() and not file.is_fifo()} == {*before}


RUN = {
    "experiment": {
        "task": {"kind": "modular", "p": 7, "operation": "x-y"},
        "model": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 16},
        "training": {"steps": 60},
    },
    "seed": 77,
}


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "checkpoints/../../x"])
def test_a_name_in_the_marker_never_leaves_the_cohort(name: str, finished: Path) -> None:
    status = cohort_of(finished) / "status.json"
    before = status.read_bytes()
    change_json(status, lambda marker: marker["sums"].update({name: "0" * 64}))
    with pytest.raises(InputError, match=r"status\.json is damaged: sums.*leads out of its folder"):
        ep.open(cohort_of(finished))
    status.write_bytes(before)
    change_json(status, lambda marker: marker["checkpoint"].update(file=name))
    with pytest.raises(InputError, match=r"status\.json is damaged: checkpoint\.file"):
        ep.open(cohort_of(finished))


@pytest.mark.parametrize(
    ("document", "change"),
    [
        ("COHORT/members.json", lambda members: {"runs": members}),
        ("COHORT/members.json", lambda members: [member.update(differs={"x": nested(100)}) for member in members] and None),
        ("COHORT/members.json", lambda members: [member.pop("seed") for member in members] and None),
        ("COHORT/status.json", lambda marker: marker.update(rows=[10**12, 3])),
        ("COHORT/status.json", lambda marker: marker["segments"][0].update(rows=10**12)),
        ("COHORT/status.json", lambda marker: marker.update(states=["done"])),
        ("STUDY/runs.json", lambda listing: listing["arms"]["control"].update(runs=[])),
        ("STUDY/events.json", lambda events: events["control"].update(t_mem=[3])),
    ],
)
def test_a_document_that_is_whole_but_wrong_is_damaged(document: str, change: Callable[[Any], Any], finished: Path) -> None:
    cohort, study = cohort_of(finished), study_of(finished)
    file = {"COHORT": cohort, "STUDY": study}[document.split("/")[0]] / document.split("/")[1]
    change_json(file, change)
    with pytest.raises(InputError, match=rf"{file.name} is damaged"):
        ep.open(file.parent)


def test_documents_are_limited_in_size(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epicycle.store.documents.LARGEST_JSON", 100)
    with pytest.raises(InputError, match=r"holds [\d,]+ bytes, and at most 100 are read"):
        ep.open(cohort_of(finished))


def test_series_that_would_fill_the_memory_are_refused(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epicycle.store.series_layout.most_bytes", lambda: 1000)
    with pytest.raises(InputError, match="a quarter of this machine's memory"):
        ep.open(cohort_of(finished))


def test_a_root_that_is_moved_in_mid_run_is_not_made_again(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from epicycle.training.loop import CommitClock
    from epicycle.training.rounds import Pace

    monkeypatch.setattr(CommitClock, "due", lambda self: True)
    monkeypatch.setattr(Pace, "steps_in", lambda self, seconds, members: 5)

    def move(progress: Any) -> None:
        if root.exists():
            root.rename(root.with_name("moved"))

    runs = [Run(experiment=tiny, seed=seed, data_seed=seed) for seed in (0, 1)]
    with pytest.raises(InputError, match="not there any more: it was moved or removed"):
        train_runs(runs, Session(Root.create(root), watch=move))
    assert not root.exists()
    assert train_runs(runs, Session(Root.create(root.with_name("moved")))) == 2


def test_an_interrupted_crowd_does_not_stand_in_the_way(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--seeds 100003`, interrupted before anything was recorded, would have to be loaded whole for each of its runs."""
    from epicycle.training.loop import Interrupted

    crowd = [Run(experiment=tiny, seed=seed, data_seed=seed) for seed in range(30)]
    with pytest.raises(Interrupted):
        train_runs(crowd, Session(Root.create(root), interrupted=lambda: True))
    assert len(Catalogue(Root(root)).places) == 30
    assert train_runs(crowd[:1], Session(Root(root))) == 1
    stores = [CohortStore(Root(root).cohort(cohort)) for cohort in Catalogue(Root(root)).members]
    assert [len(store.members) for store in stores] == [1]
    assert train_runs(crowd[:3], Session(Root(root))) == 2


def test_a_crowd_that_is_dissolved_by_another_process_is_allocated_again(tiny: ep.Experiment, root: Path) -> None:
    runs = [Run(experiment=tiny.swept("training.steps", steps), seed=seed) for steps in (60, 50) for seed in (0, 1)]

    def dissolve(progress: Any) -> None:
        for cohort in root.glob("cohorts/[!.]*"):
            if not CohortStore(Root(root).cohort(cohort.name)).marker.budget:
                shutil.rmtree(cohort)

    assert train_runs(runs, Session(Root.create(root), watch=dissolve)) == len({run.id for run in runs})


def test_text_is_read_and_written_as_utf8() -> None:
    """Whatever the locale says: a call that leaves the encoding open takes the locale's."""
    package = Path(ep.__file__).parent
    calls = [
        (file, call)
        for file in sorted(package.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text")
    ]
    assert calls
    left_open = [f"{file}:{call.lineno}" for file, call in calls if "encoding" not in {keyword.arg for keyword in call.keywords}]
    assert not left_open
