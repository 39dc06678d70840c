"""docs/extend.md as it is written, run by the command as one file; and the mistakes that a user's file can contain."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import epicycle as ep
from epicycle.cli.main import command_line
from epicycle.spec.own_code import same_text, text_of
from tests.docs.pages import blocks_of
from tests.torture import compare, results

PAGE = Path(__file__).parents[2] / "docs" / "extend.md"
# Names, fields and versions decide an id, nothing else; these are of the page's arms at seed 0.
IDS = {"lookup": "f14fa66a86f6c2d9", "dense": "1428584f40712c77", "forgetful": "9f5779c17847d5ca", "by_rows": "0c97e8cd4371e86b"}


def blocks() -> dict[str, list[str]]:
    """The page's Python blocks by their label, which stands behind the word python."""
    by_label: dict[str, list[str]] = {}
    for block in blocks_of(PAGE):
        if block.language == "python":
            by_label.setdefault(block.label, []).append(block.text)
    return by_label


def page_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "my_study.py"
    file.write_text("\n\n".join(blocks()[""]))
    return file


@pytest.fixture
def own_modules(tmp_path: Path) -> Iterator[None]:
    """Forget what a test imports from files of its own."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(f"{tmp_path}/"):
            del sys.modules[name]


def epicycle(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command as it is installed: the working folder is not importable by itself."""
    command = [sys.executable, "-P", "-c", "from epicycle.cli.main import main; main()", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def document(*args: str | Path, cwd: Path) -> dict[str, Any]:
    result = epicycle(*args, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def run_ids(verdicts: dict[str, Any]) -> dict[str, list[str]]:
    arms = json.loads((Path(verdicts["report"]).parent / "runs.json").read_text())["arms"]
    return {name: [run["run"] for run in arm["runs"]] for name, arm in arms.items()}


def test_the_page_as_it_is_written(tmp_path: Path) -> None:
    file, cwd = page_file(tmp_path / "mine"), tmp_path / "elsewhere"
    cwd.mkdir()
    verdicts = document("run", file, cwd=cwd)
    assert (verdicts["study"], Path(verdicts["root"])) == ("my_study", cwd / "epicycle-results")
    assert {claim["id"]: claim["verdict"] for claim in verdicts["claims"]} == dict.fromkeys(
        ("halves-early", "by-rows", "theory", "sure"), "supported"
    )
    assert all(arm["done"] == 12 and arm["diverged"] == 0 for arm in verdicts["arms"].values())
    ids = run_ids(verdicts)
    assert {name: runs[0] for name, runs in ids.items()} == IDS
    tree = ep.open(Path(verdicts["report"]).parent)
    assert tree["lookup"].test_confidence.dims == ("seed", "step")
    last = tree["lookup"].test_confidence.values[:, -1]
    assert ((last > 1 / 7) & (last < 1)).all()
    assert tree["dense"].tensor.values.tolist() == ["layers.0.bias", "layers.0.kernel", "layers.1.bias", "layers.1.kernel"]
    assert "my_study:Dense" in Path(verdicts["report"]).read_text()
    forgetful, dense = tree["forgetful"].train_loss, tree["dense"].train_loss
    assert (forgetful.sel(step=100).values > dense.sel(step=100).values).all(), "steps of a fork count from the first ancestor"
    assert list((Path(verdicts["root"]) / "cohorts").glob("*/sources/my_study.Forget@1.txt"))

    # The same file elsewhere, with other lines in it, means the same runs.
    moved = tmp_path / "moved" / "my_study.py"
    moved.parent.mkdir()
    text = file.read_text().replace('"""optax.adabelief."""', '"""Another docstring."""').replace("width=24", "width = 24")
    moved.write_text(text.replace("class Larger", "SPARE = 3  # used by nothing\n\n\nclass Larger"))
    shutil.rmtree(file.parent)
    before = {p: p.stat().st_mtime_ns for p in (cwd / "epicycle-results" / "cohorts").rglob("*") if p.is_file()}
    again = document("run", "../moved/my_study.py", cwd=cwd)
    assert again["claims"] == verdicts["claims"]
    assert run_ids(again) == ids
    assert {p: p.stat().st_mtime_ns for p in before} == before, "nothing was trained"
    shown = document("show", moved, "--root", "epicycle-results", cwd=cwd)
    assert shown["claims"] == verdicts["claims"] == document("show", "my_study", cwd=cwd)["claims"]
    assert epicycle("report", moved, cwd=cwd).stdout.strip() == verdicts["report"]

    # Another network under the same name is refused until it says that it is another.
    moved.write_text(text.replace("return jax.nn.relu(", "return jnp.tanh("))
    refused = epicycle("run", moved, cwd=cwd)
    assert refused.returncode == 2
    for word in ("model my_study:Lookup is not the code", "version = 2", "another --root", "sources/my_study.Lookup@1.txt"):
        assert word in refused.stderr
    moved.write_text(
        text.replace("return jax.nn.relu(", "return jnp.tanh(").replace("    width: int", "    version = 2\n    width: int")
    )
    raised = run_ids(document("run", moved, "--seeds", "1", cwd=cwd))
    assert raised["dense"] == ids["dense"][:1]
    assert not set(raised["lookup"]) & set(ids["lookup"])


def test_killed_and_run_again(tmp_path: Path) -> None:
    options = ("--seeds", "2", "--set", "training.steps=5000")
    file = page_file(tmp_path / "mine")
    command = [sys.executable, "-P", "-c", "from epicycle.cli.main import main; main()", "run", str(file), *options]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cohorts, deadline = tmp_path / "epicycle-results" / "cohorts", time.time() + 200
    while time.time() < deadline and not list(cohorts.glob("*/checkpoints/latest-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    states = [json.loads(path.read_text()) for path in cohorts.glob("*/status.json")]
    assert not all(state["finished"] for state in states)
    assert epicycle("run", file, *options, cwd=tmp_path).returncode == 0
    assert epicycle("run", file, *options, "--root", "calm", cwd=tmp_path).returncode == 0
    compare(results(tmp_path / "calm"), results(tmp_path / "epicycle-results"), "kills")


def test_the_tests_of_the_page(tmp_path: Path, own_modules: None) -> None:
    page_file(tmp_path)
    sys.path.insert(0, str(tmp_path))
    tests: dict[str, Any] = {}
    exec(blocks()["test"][0], tests)
    functions = [test for name, test in tests.items() if name.startswith("test_")]
    assert len(functions) == 4
    for test in functions:
        test()


def test_a_script_and_a_module_have_one_name(tmp_path: Path) -> None:
    file = page_file(tmp_path)
    file.write_text(file.read_text() + "\nif __name__ == '__main__':\n    print(next(STUDY.arms['dense'].runs())[1].id)\n")
    by_script = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=100)
    assert by_script.stdout.strip() == IDS["dense"], by_script.stderr


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_modules: None) -> Command:
    """The command in this process."""
    monkeypatch.chdir(tmp_path)

    def called(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["epicycle", *args])
        with pytest.raises(SystemExit) as ending:
            command_line()
        messages = capsys.readouterr().err
        assert "Traceback" not in messages
        return ending.value.code, messages  # type: ignore[return-value]

    return called


SMALL = """
import epicycle as ep
import jax.numpy as jnp
import numpy as np

class Task(ep.Task):
    def table(self):
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 4)
        return ep.Table(inputs=x, labels=x[:, 0], operands=x, num_classes=2, d_vocab=2)

class Loss(ep.RowLoss):
    def rows(self, logits, labels):
        return jnp.square(logits).sum(axis=1)

class Net(ep.MLP):
    pass

class Half(ep.Measure):
    @property
    def name(self): return "half"
    @property
    def needs(self): return ("logits",)
    def fn(self, snapshot): return snapshot["logits"].sum()

class Adam(ep.AdamW):
    pass

ONE = ep.Experiment(task=Task(), model=Net(d_model=2, d_mlp=2), training=ep.Training(loss=Loss(), optimiser=Adam(), steps=3))
STUDY = ep.Study(question="Does it?", arms={"a": ep.RootArm(experiment=ONE, seeds=1)}, observation=ep.Observation(measures=(Half(),)))
"""
WRONG: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "syntax": ("class Task(ep.Task):", "class Task(ep.Task:", ("line 6: not valid Python", "Correct that line")),
    "no study": ("STUDY =", "STUDIES =", ("there is no STUDY in it", "STUDY = ep.Study")),
    "not a study": ("STUDY = ep.Study(", "STUDY = dict(", ("its STUDY is a dict",)),
    "a library that is missing": ("import numpy as np", "import numpyy as np", ("line 4: ModuleNotFoundError", "numpyy")),
    "a wrong value": ("d_model=2", "d_model=0", ("line 28", "d_model", "greater than or equal to 1")),
    "a class inside a function": (
        "class Net(ep.MLP):\n    pass",
        "def inner():\n    class Net(ep.MLP):\n        pass\n    return Net\nNet = inner()",
        ("top level",),
    ),
    "an error in a method": ("return jnp.square(logits)", "return jnp.sqare(logits)", ("line 13: AttributeError", "sqare")),
    "the mean of a loss": ("sum(axis=1)", "sum(axis=1).mean()", ("training.loss", "one number for each row")),
    "labels out of range": ("labels=x[:, 0]", "labels=x[:, 0] + 1", ("task: labels must be class ids from 0 to num_classes - 1 = 1",)),
    "tokens out of range": ("d_vocab=2", "d_vocab=1", ("task: inputs must be token ids, whole numbers from 0 to d_vocab - 1 = 0",)),
    "rows that do not meet": ("labels=x[:, 0]", "labels=x[1:, 0]", ("the same number of rows",)),
    "a measure with undeclared axes": ('["logits"].sum()', '["logits"].sum(axis=0)', ("measure half", "dims ()")),
    "logits of the wrong shape": (
        "class Net(ep.MLP):\n    pass",
        "class Net(ep.MLP):\n    def fast(self, *a, **k):\n        return super().fast(*a, **k)[:, :1]",
        ("model: fast gives logits of shape (16, 1)", "(16, 2)"),
    ),
    "parameters in a tree": (
        "class Net(ep.MLP):\n    pass",
        "class Net(ep.MLP):\n    def init(self, key, table):\n        return {'w': super().init(key, table)}",
        ("one flat dict", "ep.wrap"),
    ),
    "a parameter's name": (
        "class Net(ep.MLP):\n    pass",
        "class Net(ep.MLP):\n    def init(self, key, table):\n        return {**super().init(key, table), 'step': jnp.zeros(1)}",
        ("cannot be called 'step'",),
    ),
    "moments that change": (
        "class Adam(ep.AdamW):\n    pass",
        "import optax\nclass Adam(ep.AdamW):\n    def transform(self, schedule):\n"
        "        return optax.GradientTransformation(lambda p: jnp.zeros(()), lambda g, s, p: (g, s.astype(int)))",
        ("training.optimiser: its update changes",),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_explained_in_one_paragraph(case: str, tmp_path: Path, command: Command) -> None:
    old, new, words = WRONG[case]
    assert old in SMALL
    (tmp_path / "wrong_parts.py").write_text(SMALL.replace(old, new))
    code, message = command("run", "wrong_parts.py", "--json")
    assert code == 2, message
    lines = [line for line in message.splitlines() if line.startswith("epicycle: ")]
    assert len(lines) == 1
    for word in words:
        assert word in lines[0]
    assert not list(tmp_path.glob("epicycle-results/cohorts/*/*"))


def test_a_correct_small_file_runs_and_takes_its_file_name(tmp_path: Path, command: Command) -> None:
    """The others fail by what is wrong in them."""
    (tmp_path / "Right_Parts.py").write_text(SMALL)
    assert command("run", "Right_Parts.py")[0] == 0
    assert list(tmp_path.glob("epicycle-results/studies/right_parts/*/verdicts.json"))


def test_names_that_clash(tmp_path: Path, command: Command) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice.py").write_text(SMALL)
    assert command("run", "a/twice.py")[0] == 0
    code, message = command("run", "b/twice.py")
    assert code == 2
    assert "'twice' is another module already" in message
    assert "a/twice.py" in message
    for name, word in (
        ("random", "another module already"),
        ("jax", "another module already"),
        ("time", "built in"),
        ("my-study", "must be a word"),
    ):
        (tmp_path / f"{name}.py").write_text(SMALL)
        code, message = command("plan", f"{name}.py")
        assert code == 2
        assert word in message


def test_another_file_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    """In another process, where nothing of the first is left but its runs."""
    early = SMALL + "\nONES = jnp.ones(2)  # starts JAX when the file is read\n"
    for folder, text in (("a", early), ("b", early.replace("square", "abs"))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice.py").write_text(text)
    first = epicycle("run", "a/twice.py", cwd=tmp_path)
    assert (first.returncode, "already running" in first.stderr) == (0, False)
    refused = epicycle("run", "b/twice.py", cwd=tmp_path)
    assert refused.returncode == 2
    assert "loss twice:Loss is not the code that runs of this name were trained with" in refused.stderr
    assert epicycle("run", "b/twice.py", "--root", "other", cwd=tmp_path).returncode == 0


YAML = """
question: Does it?
arms:
  a: {experiment: {task: {kind: "yaml_parts:Task"}, model: {kind: "yaml_parts:Net", d_mlp: 2}, training: {steps: 3}}, seeds: 1}
observation:
  measures: [{kind: loss}]
"""


def test_yaml_beside_python_and_a_measure_that_comes_later(tmp_path: Path, command: Command) -> None:
    study = tmp_path / "mine" / "in-words.yaml"
    study.parent.mkdir()
    (study.parent / "yaml_parts.py").write_text(SMALL)
    study.write_text(YAML)
    assert command("run", str(study), "--set", "model.d_mlp=3")[0] == 0
    study.write_text(YAML.replace("[{kind: loss}]", '[{kind: loss}, {kind: "yaml_parts:Half"}]'))
    assert command("run", str(study), "--set", "model.d_mlp=3")[0] == 0
    (cohort,) = tmp_path.glob("epicycle-results/cohorts/*")
    assert {path.name for path in (cohort / "sources").iterdir()} == {f"yaml_parts.{name}@1.txt" for name in ("Task", "Net", "Half")}
    assert set(ep.open(cohort).data_vars) == {"test_loss", "half"}
    assert command("show", str(study))[0] == 0
    code, message = command("run", "quickstart", "--set", "model={kind: 'nowhere_parts:Net'}")
    assert (code, "name its file on the command line" in message) == (2, True)


def test_a_results_folder_runs_nothing(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Showing a stranger's results from inside their folder imports none of their files."""
    (tmp_path / "stranger.py").write_text(SMALL + "\nimport pathlib; pathlib.Path('ran').touch()\n")
    assert command("run", "stranger.py")[0] == 0
    (tmp_path / "ran").unlink()
    sys.modules.pop("stranger")
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(tmp_path))]
    results_of = next(tmp_path.glob("epicycle-results/studies/stranger/*"))
    assert command("show", str(results_of))[0] == 0
    assert command("report", "stranger")[0] == 0
    assert not (tmp_path / "ran").exists()
    assert "stranger" not in sys.modules


CODE = '''
"""A file."""
import epicycle as ep
SCALE = 2
UNUSED = 3

def helper(x):
    """Doubles."""
    return SCALE * x  # twice

class Part(ep.RowLoss):
    """A loss."""
    def rows(self, logits, labels):
        return helper(logits)[:, 0]
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("UNUSED = 3", "UNUSED = 4", True),
        ('"""Doubles."""', '"""Two times."""', True),
        ("SCALE * x  # twice", "(SCALE  *  x)", True),
        ("SCALE = 2", "SCALE = 3", False),
        ("return SCALE * x", "return SCALE + x", False),
        ("[:, 0]", "[:, 1]", False),
    ],
)
def test_which_lines_belong_to_a_part(old: str, new: str, same: bool, tmp_path: Path, own_modules: None) -> None:
    sys.path.insert(0, str(tmp_path))
    texts = []
    for name, text in (("one_part", CODE), ("other_part", CODE.replace(old, new))):
        (tmp_path / f"{name}.py").write_text(text)
        texts.append(text_of(__import__(name).Part))
    assert "helper" in texts[0]
    assert same_text(*texts) == same
