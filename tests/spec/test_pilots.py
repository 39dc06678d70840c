"""A pilot has seeds and data seeds of its own, and keeps its mark."""

from typing import Any

import pytest

from epicycle.cli.chosen_study import chosen_study
from epicycle.spec.errors import InputError
from epicycle.spec.study import Study
from epicycle.studies import NAMES, load

TINY = {"task": {"kind": "modular", "p": 5}, "model": {"kind": "mlp", "d_model": 4, "d_mlp": 8}}


def pilot_of(profile: dict[str, Any] | None = None, **arm: Any) -> Study:
    arms = {"a": {"experiment": TINY, **arm}}
    profiles = {"quick": {"pilot": True, **(profile or {})}}
    return Study.parse({"question": "Does it?", "arms": arms, "profiles": profiles}).at_profile("quick")


def pairs(study: Study) -> list[tuple[int, int]]:
    return [pair for _, arm in study.root_arms() for pair in arm.seed_pairs()]


@pytest.mark.parametrize(
    ("arm", "expected"),
    [
        ({"seeds": 2}, [(1000, 1000), (1001, 1001)]),
        ({"seeds": [0, 1, 2]}, [(1000, 1000), (1001, 1001), (1002, 1002)]),
        ({"seeds": [7, 2000]}, [(1007, 1007), (2000, 2000)]),
        ({"seeds": 2, "first_seed": 100, "data_seeds": 0}, [(1100, 1000), (1101, 1000)]),
        ({"seeds": 2, "first_seed": 100, "first_data_seed": 3}, [(1100, 1003), (1101, 1004)]),
        ({"seeds": 1, "data_seeds": [0, 5]}, [(1000, 1000), (1000, 1005)]),
    ],
    ids=str,
)
def test_seeds_of_a_pilot_are_its_own(arm: dict[str, Any], expected: list[tuple[int, int]]) -> None:
    assert pairs(pilot_of(**arm)) == expected


def test_seeds_that_are_set_in_a_pilot_are_moved_as_well() -> None:
    study = pilot_of(seeds=6).with_assignments({"arms.a.seeds": [0, 1], "arms.a.data_seeds": 3})
    assert pairs(study) == [(1000, 1003), (1001, 1003)]
    assert study.pilot
    assert pairs(pilot_of({"seeds": 2, "assign": {"arms.a.data_seeds": 3}})) == [(1000, 1003), (1001, 1003)]


@pytest.mark.parametrize("path", ["pilot", "profile"])
def test_the_mark_of_a_pilot_stays(path: str) -> None:
    with pytest.raises(InputError, match=f"{path} cannot be assigned: a study is a pilot by its profile"):
        chosen_study("quickstart", None, True, None, [f"{path}={'false' if path == 'pilot' else 'stated'}"])
    with pytest.raises(InputError, match="cannot be assigned"):
        pilot_of({"assign": {"pilot": False}})


@pytest.mark.parametrize("name", NAMES)
def test_pilots_of_the_library_share_no_run_and_no_split_with_the_study(name: str) -> None:
    study = load(name)
    for profile in study.profiles:
        if (pilot := study.at_profile(profile)).pilot:
            assert min(min(pair) for pair in pairs(pilot)) >= 1000
