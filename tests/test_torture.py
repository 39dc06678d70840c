"""A few kills of a small quickstart; `make torture KILLS=200` does many of the whole one."""

from tests.torture import torture


def test_killed_runs_end_in_the_same_bytes() -> None:
    small = ["--set", "task.p=13", "--set", "training.steps=600", "--set", "model.d_model=16", "--seeds", "2"]
    assert torture(3, small) >= 1
