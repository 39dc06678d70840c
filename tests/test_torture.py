"""A little of the torture in the ordinary suite: a few kills, one flipped bit in each kind of file, two processes.

`make torture KILLS=200` does many of each, in more ways, and fills disks.
"""

import json
import random
from pathlib import Path

import pytest

from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.store.files import Root
from epicycle.studies.study_files import load_file
from epicycle.training.loop import Interrupted
from tests import torture


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> torture.Calm:
    without_figures = torture.STUDY.replace(torture.FIGURES, "")  # they take most of the time
    return torture.undisturbed(tmp_path_factory.mktemp("torture"), without_figures, twice=False)


def test_killed_runs_end_in_the_same_bytes(calm: torture.Calm) -> None:
    assert torture.kills(calm, 2, random.Random(1))["runs compared"] == 1


def test_a_flipped_bit_is_named_or_mended(calm: torture.Calm) -> None:
    found = torture.damage(calm, calm.root, torture.kinds(calm.root), random.Random(0), [torture.flipped])
    assert found["run refused, naming the file"] >= 10
    assert found["run ended in the same bytes"] >= 5, "sources and what every run writes anew"


def test_two_processes_share_the_work(calm: torture.Calm) -> None:
    torture.pairs(calm, random.Random(0), 1)


def test_asked_to_end_goes_on_later(calm: torture.Calm, tmp_path: Path) -> None:
    """The signal itself is sent in test_cli; this is what happens when it comes in training, and before judging."""
    study, calls = load_file(calm.folder / "torture_study.py"), []

    def while_training() -> bool:
        calls.append(1)
        return len(calls) == 3

    def before_judging() -> bool:
        trained = [json.loads(path.read_text())["finished"] for path in tmp_path.glob("r/cohorts/[!.]*/status.json")]
        return trained.count(True) == 3

    for asked in (while_training, before_judging):
        with pytest.raises(Interrupted):
            run_study(study, Session(Root.create(tmp_path / "r"), interrupted=asked))
        assert not list((tmp_path / "r").rglob("verdicts.json"))
        assert not list((tmp_path / "r").rglob("*.partial"))
    outcome = run_study(study, Session(Root.create(tmp_path / "r")))
    assert outcome.trained == 0
    assert torture.results(outcome.files.path).items() <= torture.results(next(calm.root.glob("studies/*/*"))).items()
