"""More seeds in some arms of a study, and the arms that must get them."""

import pytest

import epicycle as ep
from epicycle.spec.errors import InputError
from epicycle.spec.study import Study


def test_some_arms_get_more_seeds(tiny: ep.Experiment) -> None:
    listed = ep.RootArm(experiment=tiny, seeds=(4, 9, 2))
    study = Study(question="?", arms={"counted": ep.RootArm(experiment=tiny, seeds=5, first_seed=3), "listed": listed})
    grown = dict(study.with_seeds_of({"counted": 7, "listed": 5}).root_arms())
    assert grown["counted"].seed_list() == (3, 4, 5, 6, 7, 8, 9)
    assert grown["listed"].seed_list() == (4, 9, 2, 10, 11), "the seeds that are there keep their order"
    assert study.with_seeds_of({"listed": 3}) == study
    with pytest.raises(InputError, match=r"arms\.counted"):
        study.with_seeds_of({"counted": 10**7})


def test_the_roots_of_forks_and_of_their_donors(tiny: ep.Experiment) -> None:
    study = Study(
        question="?",
        arms={
            "a": ep.RootArm(experiment=tiny),
            "b": ep.RootArm(experiment=tiny),
            "of_a": ep.ForkArm(fork="a", at=5),
            "mixed": ep.ForkArm(fork="of_a", at=5, edits=(ep.Transplant(("W_E",), "b"),)),
        },
    )
    assert study.roots_of(["of_a"]) == {"a"}
    assert study.roots_of(["mixed"]) == {"a", "b"}
    assert study.roots_of([]) == set()
