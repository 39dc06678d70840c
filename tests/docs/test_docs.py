"""Every code block of README.md and docs/*.md runs, in tiny settings; every command of the verdicts' pages parses.

What a block may be:

- Python (fenced): run in one namespace for each page, in order. Where a command names `x.py` and the page's Python ends in a study,
  its blocks are put into that file and run by the command instead.
- YAML (fenced): a mapping with `arms` is a study, and is run.
- shell (fenced or indented by four spaces): `epicycle ...` is run in this process, `make ...` must be targets of the Makefile, and a
  list that begins with a folder, such as `src/epicycle/`, must name files that exist.

Whatever cannot run needs a line in NOT_RUN with the reason.
"""

import importlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import matplotlib
import numpy as np
import pytest
from safetensors.numpy import save_file

import epicycle as ep
from epicycle.spec.yaml_text import load_yaml
from epicycle.studies.study_files import load_file
from tests.cli.commands import Command, command, parse  # noqa: F401
from tests.docs.pages import REPOSITORY, Block, blocks_of, inline_commands, name_of
from tests.docs.test_extend import own_modules  # noqa: F401
from tests.docs.tiny import STEPS_OF_PYTHON, tiny_experiment, tiny_study
from tests.interop import torch_writing

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
EXTEND = REPOSITORY / "docs" / "extend.md"
VERDICTS = sorted((REPOSITORY / "docs" / "verdicts").glob("*/README.md"))
MAKEFILE = (REPOSITORY / "Makefile").read_text()
# First words of a command, or label of a block -> why it is not run.
NOT_RUN = {
    "epicycle bench": "measures speed for minutes (tests/bench runs its parts); its options are parsed",
    "flax": "run by tests/models/test_wrapped.py where Flax is installed",
    "equinox": "run by tests/models/test_wrapped.py where Equinox is installed",
}


def unlabelled_python(blocks: list[Block]) -> str:
    return "\n\n".join(block.text for block in blocks if block.language == "python" and not block.label)


def yaml_files_named(page: Path) -> set[str]:
    """Files in YAML that a command of the page names and that are not in the repository."""
    return set(re.findall(r"epicycle \w+ ([\w-]+\.ya?ml)", page.read_text()))


class Reader:
    """Somebody who does what a page says, block by block, in an empty folder."""

    def __init__(self, page: Path, folder: Path, command: Command) -> None:  # noqa: F811
        self.blocks, self.folder, self.command = blocks_of(page), folder, command
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.runs_as_file = self._write_own_file()
        self._write_yaml_files(page)

    def steps(self, block: Block) -> Iterator[tuple[str, Callable[[], None]]]:
        """What the block asks for, in parts that fail by themselves: place and function."""
        if block.label in NOT_RUN:
            return
        if block.language == "sh" and not block.is_tree:
            for where, words in block.commands():
                yield where, partial(self._command_line, *words)
            return
        functions = {"python": self._python, "yaml": self._yaml, "sh": self._tree}
        yield block.where, partial(functions.get(block.language, self._unknown), block)

    def _unknown(self, block: Block) -> None:
        raise AssertionError(f"a block of '{block.language}' is neither Python, YAML nor shell")

    def _python(self, block: Block) -> None:
        self._write_imported_files(block.text)
        if block.label == "test":
            tests: dict[str, Any] = {}
            exec(compile(block.text, block.where, "exec"), tests)
            functions = [value for name, value in tests.items() if name.startswith("test_")]
            assert functions
            for function in functions:
                function()
        elif not self.runs_as_file:
            exec(compile(block.text, block.where, "exec"), self.namespace)

    def _yaml(self, block: Block) -> None:
        content = load_yaml(block.text, block.where)
        assert content, "an empty block"
        if isinstance(content, dict) and "arms" in content:
            file = self.folder / f"block-at-line-{block.line}.yaml"
            file.write_text(block.text)
            self._run(["run", file.name])

    def _command_line(self, program: str, *words: str) -> None:
        if program in NOT_RUN or " ".join([program, *words[:1]]) in NOT_RUN:
            if program == "epicycle":
                parse(words)
        elif program == "epicycle":
            self._run([self._replaced(word) for word in words])
        elif program == "make":
            for target in words:
                assert "=" in target or re.search(rf"^{target}:", MAKEFILE, re.M), f"the Makefile has no target {target}"
        else:
            raise AssertionError(f"'{program}' is neither epicycle nor make")

    def _run(self, words: list[str]) -> None:
        result = self.command(*words)
        assert result.returncode == 0, f"epicycle {' '.join(words)}: {result.stderr or result.stdout}"

    def _tree(self, block: Block) -> None:
        """The files of an indented list, each below the last line that is indented less."""
        above: list[tuple[int, Path]] = []
        missing = []
        for line in block.text.splitlines():
            indent, entry = len(line) - len(line.lstrip()), line.split()[0]
            above = [(depth, folder) for depth, folder in above if depth < indent]
            path = (above[-1][1] if above else REPOSITORY) / entry
            if not path.exists():
                missing.append(name_of(path))
            if entry.endswith("/"):
                above.append((indent, path))
        if missing:
            raise FileNotFoundError(f"the page lists {', '.join(missing)}")

    def _replaced(self, word: str) -> str:
        """A word of a command with its placeholder filled in."""
        if word == "RUN":
            return self._run_id()
        return {"DIR": "out", "STUDY": "quickstart", "STUDY|FILE": "quickstart"}.get(word, word)

    def _run_id(self) -> str:
        """A run of the quickstart in which every standard event happens."""
        if not (self.folder / "epicycle-results").exists():
            self._run(["run", "quickstart"])
        (study,) = (self.folder / "epicycle-results" / "studies" / "quickstart").iterdir()
        events = json.loads((study / "events.json").read_text())["grokking"]
        runs = json.loads((study / "runs.json").read_text())["arms"]["grokking"]["runs"]
        whole = [run["run"] for i, run in enumerate(runs) if all(events[name][i] for name in ("t_mem", "t_on", "t_gen"))]
        assert whole, f"no tiny run has every event: {events}"
        return str(whole[0])

    def _write_own_file(self) -> bool:
        """Write each `x.py` that a command names: the page's Python if that ends in a study, else that of docs/extend.md.

        Returns:
            Whether the page's Python is run by a command.
        """
        names = {word for block in self.blocks for _, words in block.commands() for word in words if word.endswith(".py")}
        python = unlabelled_python(self.blocks)
        is_study = "STUDY = " in python
        for name in names:
            (self.folder / name).write_text(python if is_study else unlabelled_python(blocks_of(EXTEND)))
        return bool(names) and is_study

    def _write_yaml_files(self, page: Path) -> None:
        """The page's first study as each file in YAML that its commands name."""
        studies = [block.text for block in self.blocks if block.language == "yaml" and "arms:" in block.text]
        for name in yaml_files_named(page) if studies else ():
            (self.folder / name).write_text(studies[0])

    def _write_imported_files(self, text: str) -> None:
        """Sample files for `import_runs` and `import_weights`."""
        for kind, name in re.findall(r"import_(runs|weights)\(\s*\"([^\"]+)\"", text):
            (write_curves if kind == "runs" else write_weights)(self.folder / name)


def write_curves(path: Path) -> None:
    steps = np.arange(0, 400, 10)
    columns = {"step": steps, "train_acc": np.clip(steps / 100, 0, 1), "test_acc": np.clip(steps / 300 - 0.3, 0, 1)}
    columns |= {"train_loss": np.exp(-steps / 50), "test_loss": np.exp(-steps / 200)}
    if path.suffix == ".npz":
        np.savez(path, **columns)
        return
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def write_weights(path: Path) -> None:
    """The weights of a small transformer under Epicycle's names, as safetensors or as torch.save lays them out."""
    drawn = ep.Transformer(d_model=8, n_heads=2, d_mlp=8).init(jax.random.key(0), ep.Modular(p=5).table())
    weights = {name: np.asarray(value) for name, value in drawn.items()}
    if path.suffix == ".safetensors":
        save_file(weights, path)
        return
    entries, storages = {}, {}
    for number, (name, value) in enumerate(weights.items()):
        strides = tuple(stride // value.itemsize for stride in value.strides)
        entries[name] = torch_writing.tensor("FloatStorage", str(number), value.size, 0, value.shape, strides)
        storages[str(number)] = value.tobytes()
    torch_writing.save(path, torch_writing.dictionary(entries), storages)


@pytest.fixture
def tiny_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every study of the command line, and everything that `ep.train` trains, in tiny settings."""
    commands = importlib.import_module("epicycle.cli.training_commands")
    notebook = importlib.import_module("epicycle.notebook")
    chosen, train = commands.chosen_study, notebook.train

    def train_tiny(experiment: Any, *args: Any, **options: Any) -> Any:
        return train(tiny_experiment(experiment, STEPS_OF_PYTHON), *args, **options)

    monkeypatch.setattr(commands, "chosen_study", lambda *args: tiny_study(chosen(*args)))
    monkeypatch.setattr(notebook, "train", train_tiny)
    monkeypatch.setattr("epicycle.lab.until_decided.TIMES_STATED", 2)
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EPICYCLE_ROOT", raising=False)
    matplotlib.use("Agg")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
@pytest.mark.usefixtures("tiny_settings", "own_modules")
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, command: Command) -> None:  # noqa: F811
    reader = Reader(page, tmp_path, command)
    problems = []
    for where, step in itertools.chain.from_iterable(map(reader.steps, reader.blocks)):
        try:
            step()
        except Exception as error:  # the rest of the page is run all the same
            problems.append(f"{where}: {type(error).__name__}: {error}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_study_file_that_a_page_names_is_on_the_page(page: Path) -> None:
    names = yaml_files_named(page)
    studies = [block for block in blocks_of(page) if block.language == "yaml" and "arms:" in block.text]
    assert not names or studies, f"{name_of(page)} names {', '.join(names)}, and no YAML block of the page is a study"


@pytest.mark.parametrize("page", [*PAGES, *VERDICTS], ids=name_of)
def test_every_command_of_a_page_parses(page: Path) -> None:
    in_blocks = [line for block in blocks_of(page) for line in block.commands()]
    for where, (program, *words) in [*in_blocks, *inline_commands(page)]:
        if program != "epicycle":
            continue
        try:
            if len(words) > 1:  # `epicycle show` alone speaks of the command
                parse(words)
        except Exception as error:
            pytest.fail(f"{where}: epicycle {' '.join(words)}: {getattr(error, 'message', None) or error}")
        for word in words:
            if word.startswith("docs/") and word.endswith(".yaml"):
                load_file(REPOSITORY / word)


def test_what_counts_as_a_block(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "A line\n\n    make test   # all\n    epicycle run \\\n        quickstart\n\n- item\n\n    continued\n\n```yaml\na: 1\n```\n"
    )
    shell, yaml = blocks_of(page)
    assert [(block.language, block.line) for block in (shell, yaml)] == [("sh", 3), ("yaml", 12)]
    assert [words for _, words in shell.commands()] == [["make", "test"], ["epicycle", "run", "quickstart"]]
