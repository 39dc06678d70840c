"""What run and show print of a study's verdicts."""

from typing import Any

import pytest

from epicycle.cli.output import print_verdicts

CLAIM: dict[str, Any] = {
    "id": "later",
    "says": "It generalises more than ten times later.",
    "sentence": "The median of t_gen / t_mem over runs of arm a is above 10.",
    "criterion": "The median of t_gen / t_mem over runs of arm a is above 10. Refuted if below 2.",
    "finding": "19 times later (17 to 21), 48 seeds",
    "verdict": "supported",
    "reason": "19 (17 to 21, n = 48) lies above 10",
    "needs": "",
    "pilot": False,
    "post_hoc": False,
    "refuted_if": "below 2",
    "estimate": 19.0,
    "interval": [17.0, 21.0],
    "n": 48,
    "censored": [],
}


def printed(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    claim = {key: value for key, value in (CLAIM | changes).items() if value is not None}
    print_verdicts({"study": "s", "question": "Does it?", "claims": [claim], "seconds": 1.0, "report": "r.html"})
    return capsys.readouterr().out.splitlines()


def test_a_decided_claim_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys)[:3] == [
        "s: Does it?",
        "  ✓ It generalises more than ten times later — 19 times later (17 to 21), 48 seeds",
        "1.0 s",
    ]


def test_an_undecided_claim_has_its_criterion_and_what_would_decide_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, verdict="undecided", finding="6 times later (4 to 15), 48 seeds", needs="about 90 runs instead of 48")
    assert lines[1:4] == [
        "  ~ It generalises more than ten times later — 6 times later (4 to 15), 48 seeds",
        f"      Criterion: {CLAIM['criterion']}",
        "      Undecided. What would decide it: about 90 runs instead of 48.",
    ]
    assert printed(capsys, verdict="undecided", finding="", reason="arm a has no runs", needs="its runs", pilot=True)[1] == (
        "  ~ [pilot] It generalises more than ten times later — arm a has no runs"
    )


def test_verdicts_of_earlier_versions(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, says=None, finding=None, criterion=None, verdict="refuted")
    assert lines[1] == "  ✗ The median of t_gen / t_mem over runs of arm a is above 10 — 19 (17 to 21, n = 48)"
