"""The verdicts of one study on several organisms, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from epicycle.spec.claim import VerdictName
from epicycle.spec.organism import ORGANISMS, OrganismName
from epicycle.spec.plain_data import Plain
from epicycle.store.files import Root
from epicycle.store.judged_folders import verdicts_of_study


@dataclass(frozen=True)
class OrganismVerdicts:
    """What became of each claim of a study on each organism.

    Attributes:
        by_organism: organism -> claim id -> verdict. A claim that was not asked of an organism is missing there.
    """

    by_organism: Mapping[OrganismName, Mapping[str, VerdictName]]

    def claims(self) -> list[str]:
        """Ids of all claims, in the order of the documents."""
        return list(dict.fromkeys(claim for verdicts in self.by_organism.values() for claim in verdicts))

    def disagree(self, claim: str) -> bool:
        """Whether a claim is supported on one organism and refuted on another."""
        return {"supported", "refuted"} <= {verdicts.get(claim) for verdicts in self.by_organism.values()}

    def document(self) -> list[Plain]:
        """For each claim its verdict on each organism, and whether they disagree."""
        return [
            {
                "id": claim,
                "verdicts": {organism: verdicts[claim] for organism, verdicts in self.by_organism.items() if claim in verdicts},
                "disagree": self.disagree(claim),
            }
            for claim in self.claims()
        ]


def compared_organisms(root: Root, name: str) -> OrganismVerdicts | None:
    """The verdicts of a study side by side; None where it was judged on fewer than two organisms.

    Of several settings on one organism the one that was judged last counts. Pilots are left out, and so are settings on no organism.

    Raises:
        InputError: a document is damaged.
    """
    latest = {verdicts.get("organism"): verdicts["claims"] for _, verdicts in verdicts_of_study(root, name)}
    judged = {organism: latest[organism] for organism in ORGANISMS if organism in latest}
    if len(judged) < 2:
        return None
    return OrganismVerdicts({organism: {claim["id"]: claim["verdict"] for claim in claims} for organism, claims in judged.items()})
