"""The document of verdicts: plain data for JSON, from any arms' datasets, wherever their runs were trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from epicycle.claims.verdict import Verdict
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import DONE, budget_of, statuses

if TYPE_CHECKING:
    import xarray


def verdicts_document(
    header: Mapping[str, Any],
    judged: Sequence[Verdict],
    arms: Mapping[str, xarray.Dataset],
    leakage: Mapping[str, Mapping[str, Any]],
    post_hoc: Collection[str],
) -> Plain:
    """Put verdicts and a summary of the arms into one document.

    Args:
        header: study, question, profile and pilot.
        judged: the verdicts, in the order of the document.
        arms: the dataset of each arm.
        leakage: for each arm, symmetry -> share of the test rows whose image under it is trained on.
        post_hoc: ids of the claims that were registered when their runs existed.
    """
    verdicts = [{**each.document(), "post_hoc": each.claim.id in post_hoc, "pilot": header["pilot"]} for each in judged]
    return {**header, "claims": verdicts, "arms": {name: _arm_summary(data, leakage[name]) for name, data in arms.items()}}


def _arm_summary(data: xarray.Dataset, leakage: Mapping[str, Any]) -> Plain:
    states = statuses(data)
    return {
        "runs": len(states),
        "done": states.count(DONE),
        "diverged": sum(status.diverged for status in states),
        "budget": budget_of(data),
        "baseline": float(data["baseline"].values[0]),
        "leakage": dict(leakage),
        "exact": data.attrs.get("exact"),  # None for runs that were trained elsewhere
    }
