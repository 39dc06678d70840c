"""The progress display: a table on a terminal, plain lines elsewhere, nothing when it is quiet."""

import io
import warnings

import pytest
from rich.console import Console

from epicycle import Experiment
from epicycle.cli.progress import MEMBERS_SHOWN, Display, loading_meanwhile
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Progress, Session
from epicycle.spec.arms import RootArm
from epicycle.store.files import Root


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Progress]:
    """What a small cohort with more members than the table shows says after each round."""
    from epicycle import MLP, Modular, Training

    experiment = Experiment(task=Modular(p=5), model=MLP(d_model=4, d_mlp=4), training=Training(steps=5))
    seen: list[Progress] = []
    session = Session(Root.create(tmp_path_factory.mktemp("rounds") / "results"), watch=seen.append)
    train_runs([run for _, run in RootArm(experiment=experiment, seeds=MEMBERS_SHOWN + 2).runs()], session)
    return seen


def shown(rounds: list[Progress], monkeypatch: pytest.MonkeyPatch, *, terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    monkeypatch.setattr("epicycle.cli.progress.Console", lambda **options: console)
    with Display({rounds[-1].cohort.runs[0].id: "control"}, quiet=quiet) as display:
        for progress in rounds:
            display(progress)
    return out.getvalue()


def test_plain_lines_where_there_is_no_terminal(rounds: list[Progress], monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, last = shown(rounds, monkeypatch, terminal=False).splitlines()
    assert first.startswith("Looking for runs that are missing.")
    assert last.startswith(f"step 5: {MEMBERS_SHOWN + 2} of {MEMBERS_SHOWN + 2} runs done")


def test_a_table_on_a_terminal(rounds: list[Progress], monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(rounds, monkeypatch, terminal=True)
    for word in ("arm", "seed", "control", "done", "2 more"):
        assert word in text


def test_what_writes_the_page_is_loaded_while_the_devices_train(rounds: list[Progress], monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds[0].rate == 0, "the first report comes before the first round"
    loads: list[str] = []
    monkeypatch.setattr("epicycle.cli.progress.load_page_writer", lambda: loads.append("page"))
    with loading_meanwhile(Display({}, quiet=True)):
        pass
    assert not loads, "nothing is trained"
    with loading_meanwhile(Display({}, quiet=True)) as watch:
        for progress in rounds:
            watch(progress)
    assert loads == ["page"]


def test_quiet(rounds: list[Progress], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(rounds, monkeypatch, terminal=True, quiet=True) == ""


def test_a_warning_is_one_line() -> None:
    with Display({}, quiet=True):
        text = warnings.formatwarning("another process trains this cohort.", UserWarning, "file.py", 1)
    assert text == "note: another process trains this cohort.\n"
