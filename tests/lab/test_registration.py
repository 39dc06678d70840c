"""What was registered before a look, and what was seen at it."""

from collections.abc import Mapping

from epicycle.claims.quantities import EventTime
from epicycle.lab.registration import Entry, Look, Registration, Seen
from epicycle.spec.claim import Claim, Region

EARLY = Claim(id="early", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(below=50), refuted_if=Region(above=100))
LATER = EARLY.model_copy(update={"id": "later"})


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
