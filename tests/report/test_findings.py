"""Findings rendered from verdicts: what they contradict, what would decide them; and a page of forks with all of it."""

from pathlib import Path
from typing import Any

from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.several_claims import judge_together
from epicycle.claims.verdict import judge
from epicycle.claims.verdicts_document import verdicts_document
from epicycle.lab.study import provenance
from epicycle.report.findings import findings
from epicycle.report.page import write_page
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.study import Figure, Source
from epicycle.store.files import StudyFiles
from tests.claims.planted_arms import planted
from tests.report.test_fork_panels import LEFT, SETTINGS, family

HEADER = {"study": "planted", "question": "Does it come sooner?", "profile": "stated", "pilot": False}
N = 10  # seeds of an arm
TEXT = Source(key="them2022", title="A text", authors="One, Two, Three", year=2022)


def left(claim_id: str, dose: int, arm: str = "early", below: float = -0.5, **more: Any) -> Claim:
    statistic = LogRemainingTime(event="t_gen", arm=arm, against="control", where={"by": dose})
    return Claim(id=claim_id, statistic=statistic, supported_if=Region(below=below), refuted_if=Region(above=below), **more)


CLAIMS = (
    left(
        "sooner",
        3,
        says="Three times the rate brings it sooner.",
        accounts={"coverage": Prediction(says="yes"), "norm": Prediction(says="no", basis="inferred", locator="R7")},
    ),
    left("plain", 10, primary=False),
    left(
        "nothing",
        1,
        sources=("them2022",),
        accounts={"efficiency": Prediction(says="yes", timing="postdiction", locator="section 3")},
        primary=False,
    ),
    left("late", 10, arm="late", below=30.0, accounts={"coverage": Prediction(says="yes")}, primary=False),
)


def test_contradictions_come_first() -> None:
    arms = family(N)
    judged = verdicts_document(HEADER, judge_together(CLAIMS, arms), arms, {name: {} for name in arms}, ())["claims"]
    registered = {claim.id: claim.model_dump(mode="json") for claim in CLAIMS}
    lines = findings(judged, registered, [TEXT.model_dump(mode="json")])
    assert [(line.claim, line.contradicts) for line in lines] == [
        ("sooner", True),
        ("nothing", True),
        ("plain", False),
        ("late", False),
    ]
    sooner, nothing, plain, late = (line.text for line in lines)
    assert sooner.startswith("Three times the rate brings it sooner. Found: 3.0 times sooner (2.9 to 3.0), ")
    assert "This contradicts Norm, which predicted that it does not hold, as we read it (R7). This agrees with Coverage." in sooner
    assert (
        "This contradicts Efficiency, which says afterwards that it holds (section 3); and One et al. (2022), where the claim"
        in nothing
    )
    assert "contradicts" not in plain
    assert lines[2].marks == ["exploratory"]
    assert late.endswith("What would decide it: a longer budget (10 runs are open).")
    assert "contradicts" not in late, "nothing is known yet"
    later = ("needs", "says", "criterion", "finding")
    stored = [{key: value for key, value in claim.items() if key not in later} for claim in judged]
    before = {line.claim: line.text for line in findings(stored, {}, [])}
    assert len(before) == 4, "verdicts of before, and of runs of other codes"
    assert before["sooner"].startswith(f"{CLAIMS[0].sentence()} Found: -1.09 (-1.1 to -1.07, n = 10).")


def test_a_page_of_forks(tmp_path: Path) -> None:
    arms = family(N)
    settings: dict[str, Any] = {name: dict(SETTINGS[name]) for name in arms}
    edits = [{"kind": "scale", "knob": "lr", "by": 1.0}]
    settings["early"] |= {"at": 100, "edits": edits, "steps": None, "sweep": {"edits.0.by": [1, 3, 10]}}
    settings["late"] |= {"at": "0.4*t_gen", "edits": edits, "steps": None, "sweep": {"edits.0.by": [1, 3, 10]}}
    figures = (
        Figure(title="Which decides?", arms=("early", "late"), quantities=(LEFT,), along="by", decides="sooner"),
        Figure(title="And over time?", arms=("control", "early"), series=("test_acc",)),
    )
    spec = {
        "name": "planted",
        "question": HEADER["question"],
        "arms": settings,
        "claims": [claim.model_dump(mode="json") for claim in CLAIMS],
        "figures": [figure.model_dump(mode="json") for figure in figures],
        "sources": [TEXT.model_dump(mode="json")],
    }
    verdicts = verdicts_document(HEADER, judge_together(CLAIMS, arms), arms, {name: {} for name in arms}, ())
    verdicts["arms"]["late"]["without"] = ["seed 7"]
    files = StudyFiles(tmp_path)
    write_page(files, spec, arms, verdicts, provenance("epicycle run planted", 1.0, 0))
    page = files.report.read_text()
    for text in (
        "4 claims: 2 supported, 1 refuted, 1 undecided. 2 of them contradict a text or an account.",
        "control at step 100; scale lr: by 1, 3, 10",
        "control at 0.4*t_gen (steps 400 to 490); scale lr: by 1, 3, 10",
        "seed 7 of control did not reach the moment and was not forked",
        "Norm: no ✗",
        "Coverage: yes ✓",
        "fresh weights",
        "t_mem: train accuracy reaches 0.99. t_on: test accuracy, mirror not trained on, rises 0.1 above the baseline.",
        "<td>early, by = 3</td><td>control</td>",
        '<p class="finding">3.0 times sooner (2.9 to 3.0), 10 seeds</p>',
        f"<p>Criterion: {CLAIMS[0].criterion()}</p>",
        "; these numbers are in natural logarithms",
        "<p>Runs: 10.</p>",
    ):
        assert text in page, text
    primary, exploratory = (f'<p class="sentence">{text}' for text in (CLAIMS[0].says, CLAIMS[1].sentence()))
    order = [primary, "<h3>Which decides?", "<h2>Findings", "<h2>Exploratory claims", exploratory, "<h2>Arms"]
    assert [page.count(text) for text in order] == [1] * len(order)
    assert sorted(order, key=page.index) == order, "exploratory claims come after the deciding figure"
    for entry in verdicts["arms"].values():
        entry.pop("without", None)
    spec.pop("claims")
    write_page(files, spec, arms, verdicts, provenance("epicycle run planted", 1.0, 0))


def test_a_claim_on_one_split_says_so() -> None:
    claim = Claim(
        id="late", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(above=100.0), refuted_if=Region(below=50.0)
    )
    arms = {"a": planted([20] * N, [400.0] * N, [(seed, 3) for seed in range(N)])}
    [judged] = verdicts_document(HEADER, [judge(claim, arms)], arms, {"a": {}}, ())["claims"]
    [line] = findings([judged], {}, [])
    assert line.marks == ["on one split"]
    assert "10 runs on one split" in line.text
    del judged["sharing"]  # as earlier versions wrote it
    assert findings([judged], {}, [])[0].marks == []
