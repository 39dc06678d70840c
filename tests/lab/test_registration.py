"""What was registered before a look, and what was seen at it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from epicycle.claims.quantities import EventTime
from epicycle.lab.registration import Entry, Look, Registration, Seen
from epicycle.lab.session import Session
from epicycle.lab.study import Outcome, run_study
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.study import Study
from epicycle.store.files import Root

EARLY = Claim(id="early", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(below=50), refuted_if=Region(above=100))
LATER = EARLY.model_copy(update={"id": "later"})
PREDICTED = EARLY.model_copy(update={"accounts": {"coverage": Prediction(says="yes")}})
CITED = PREDICTED.citing(["thread2022"], {"coverage": "a guess"})  # the thread only asks
CORRECTED = PREDICTED.citing(["basins"], {"coverage": "R106: tickets"})
EXPERIMENT = {
    "task": {"kind": "modular", "p": 5, "operation": "x-y"},
    "split": {"frac_train": 0.5},
    "model": {"kind": "mlp", "d_model": 4, "d_mlp": 4},
    "training": {"steps": 3},
}


def entry(seeds: Mapping[str, int], *claims: Claim, judged: bool) -> Entry:
    return Entry(
        "now", {claim.id: claim.fingerprint for claim in claims}, {name: [*range(n)] for name, n in seeds.items()}, True, judged
    )


def before_a_look(registration: Registration, claim: Claim) -> dict[str, int]:
    return {name: len(seeds) for name, seeds in registration.seeds_before_a_look(claim).items()}


def test_the_seeds_of_a_claim_are_those_before_its_first_verdict() -> None:
    registration = Registration(
        [
            entry({"a": 4}, EARLY, judged=False),
            entry({"a": 6}, EARLY, judged=False),  # nobody had seen a verdict
            entry({"a": 9}, EARLY, judged=True),
            entry({"a": 12}, EARLY, LATER, judged=True),
            entry({"a": 20}, EARLY, LATER, judged=True),
        ]
    )
    assert before_a_look(registration, EARLY) == {"a": 6}
    assert before_a_look(registration, LATER) == {"a": 12}, "those that were there when the claim was added"
    moved = EARLY.model_copy(update={"supported_if": Region(below=40)})
    assert before_a_look(registration, moved) == {"a": 20}, "another region is another claim"
    assert registration.seeds("a") == set(range(20))


def test_looks_at_a_claim() -> None:
    def look(n_seeds: int, n: int, fingerprint: str = EARLY.fingerprint) -> Look:
        return Look("now", {"a": n_seeds}, {"early": Seen(fingerprint, n, "undecided")})

    looks = [look(10, 10), look(15, 10), look(20, 18), look(30, 25, "another"), Look("now", {"a": 40}, {})]
    registration = Registration([entry({"a": 40}, EARLY, judged=False)], looks)
    assert [seen.n for seen in registration.history(EARLY)] == [10, 18], "of this claim only, and once where it gained no runs"
    assert [look.seeds["a"] for look, _ in registration.looks_at(EARLY)] == [10, 15, 20]


def study(*claims: Claim) -> Study:
    data = {"question": "Early?", "arms": {"a": {"experiment": EXPERIMENT, "seeds": 2}}, "claims": [*claims]}
    return Study.parse(data, "study")


def in_the_earlier_form(registration: Registration, *claims: Claim) -> Registration:
    """As an early version wrote it."""
    earlier = {claim.id: claim.earlier_fingerprint for claim in claims}
    looks = [
        replace(look, claims={name: replace(seen, claim=earlier[name]) for name, seen in look.claims.items()})
        for look in registration.looks
    ]
    return Registration([replace(entry, claims=earlier) for entry in registration.entries], looks)


@pytest.fixture
def early(root: Path) -> Outcome:
    """A study whose registration covers what its claims cite."""
    outcome = run_study(study(CITED, LATER), Session(Root.create(root)))
    in_the_earlier_form(Registration.of(outcome.files), CITED, LATER).write(outcome.files)
    return outcome


def run_again(outcome: Outcome, *claims: Claim) -> dict[str, tuple[bool, int]]:
    """For each claim whether it is marked as post hoc, and the number of looks at it."""
    document = run_study(study(*claims), Session(outcome.root)).document()
    return {claim["id"]: (claim["post_hoc"], len(claim["looks"])) for claim in document["claims"]}


def test_a_corrected_citation_is_no_other_claim(root: Path) -> None:
    outcome = run_study(study(CITED), Session(Root.create(root)))
    before = Registration.of(outcome.files)
    assert run_again(outcome, CORRECTED) == {"early": (False, 1)}
    assert Registration.of(outcome.files) == before


@pytest.mark.parametrize("claim", [CITED, CORRECTED], ids=["as it was", "corrected"])
def test_an_early_registration_is_accepted_and_kept(early: Outcome, claim: Claim) -> None:
    before = Registration.of(early.files)
    assert before.entries[0].claims["early"] == CITED.earlier_fingerprint != claim.fingerprint
    for _ in range(2):
        assert run_again(early, claim, LATER) == {"early": (False, 1), "later": (False, 1)}
    after = Registration.of(early.files)
    assert after.entries == before.entries, "what was registered is not written anew"
    assert after.same == {CITED.earlier_fingerprint: claim.fingerprint}
    assert run_again(early, CITED.citing((), {}), LATER)["early"] == (False, 1), "the stored study has other citations by now"


def test_an_early_registration_of_another_claim_is_not_accepted(early: Outcome) -> None:
    moved = CORRECTED.model_copy(update={"supported_if": Region(below=40)})
    denied = CORRECTED.model_copy(update={"accounts": {"coverage": Prediction(says="no")}})
    for claim in (moved, denied):
        assert run_again(early, claim, LATER) == {"early": (True, 1), "later": (False, 1)}
