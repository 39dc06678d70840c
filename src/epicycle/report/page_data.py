"""What the page of a study is made of: the stored documents of the study and the datasets of its arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import xarray

from epicycle.report.ancestry import with_parents
from epicycle.report.run_groups import shown_arms
from epicycle.spec.study import Figure
from epicycle.store.organism_verdicts import OrganismVerdicts

Document = Mapping[str, Any]  # plain data, as a file of JSON or YAML has it


@dataclass(frozen=True)
class StudyPage:
    """A judged study, ready to be shown.

    Attributes:
        spec: name, question, arms, claims, figures and sources, as the study's file has them.
        arms: the dataset of each arm that has runs; fork arms know their ancestry.
        verdicts: the verdicts, as stored.
        provenance: command, machine, versions and time, as stored.
        compared: the verdicts on several organisms; None where there is one organism, or none.
    """

    spec: Document
    arms: Mapping[str, xarray.Dataset]
    verdicts: Document
    provenance: Document
    compared: OrganismVerdicts | None = None

    @classmethod
    def of(
        cls,
        spec: Document,
        arms: Mapping[str, xarray.Dataset],
        verdicts: Document,
        provenance: Document,
        compared: OrganismVerdicts | None = None,
    ) -> "StudyPage":
        """The page of any runs; the arms need not know their ancestry yet.

        Args:
            spec: name, question, arms, figures and sources; runs that were trained elsewhere have no registered claims.
            arms: the dataset of each arm that has runs.
            verdicts: the verdicts, as stored.
            provenance: command, machine, versions and time, as stored.
            compared: the verdicts on several organisms, if there are several.
        """
        without = {name: arm.get("without", ()) for name, arm in verdicts["arms"].items()}
        return cls(spec, with_parents(arms, spec["arms"], without), verdicts, provenance, compared)

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of which at least one arm has runs."""
        figures = [Figure.parse_stored(entry, "figures") for entry in self.spec["figures"]]
        return tuple(figure for figure in figures if shown_arms(figure.arms, self.arms))

    @property
    def deciding(self) -> Figure | None:
        """The figure that decides a claim, or else the first one; None where the study has no figure."""
        return next((figure for figure in self.figures if figure.decides), self.figures[0] if self.figures else None)

    @property
    def organism(self) -> str:
        """The organism that the study is set on; empty for a setting of its own, and for results of earlier versions."""
        return self.verdicts.get("organism") or ""

    @property
    def not_asked(self) -> list[str]:
        """Ids of the claims that are for other organisms."""
        return self.verdicts.get("not_asked", [])

    @property
    def registered(self) -> dict[str, Document]:
        """The claims as registered, by id."""
        return {claim["id"]: claim for claim in self.spec.get("claims", ())}

    def claims(self, primary: bool) -> list[Document]:
        """The judged claims that are primary, or those that are exploratory."""
        return [claim for claim in self.verdicts["claims"] if bool(claim["primary"]) is primary]
