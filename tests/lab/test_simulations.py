"""Theory arms: stored, found again, judged, drawn and refused as they should be."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import epicycle as ep
from epicycle.lab.cost_plan import plan
from epicycle.lab.session import Session
from epicycle.lab.simulations import checked_simulation, simulate_runs
from epicycle.lab.study import run_study
from epicycle.lab.until_decided import run_until_decided, seed_plan
from epicycle.report.page import write_report
from epicycle.spec.errors import InputError
from epicycle.store.files import Root
from epicycle.training.devices import Machine
from epicycle.training.loop import Interrupted


class Rising(ep.Theory):
    """Two accuracies that reach 1 at given steps, the second one late.

    Attributes:
        late: how many steps later, times a number that the seed draws between 1 and 2.
        broken: what is wrong with it.
    """

    series: ClassVar = {"train_acc": (), "test_acc": (), "share": ("part",)}
    calls: ClassVar[list[list[int]]] = []
    late: float = ep.static(30.0, ge=0)
    broken: str = ep.static("")

    @property
    def last_step(self) -> int:
        return 100

    def simulate(self, seeds: Sequence[int]) -> ep.Simulated:
        self.calls.append(list(seeds))
        if self.broken == "fails":
            raise ZeroDivisionError("nothing over nothing")
        steps = np.arange(0, 101 - (self.broken == "short"), 1 + (self.broken == "sparse"))
        late = self.late * np.array([[1 + np.random.default_rng(seed).random()] for seed in seeds])
        train = np.broadcast_to((steps >= 10) * 1.0, (len(seeds), len(steps)))
        parts = np.zeros((len(seeds), len(steps), 3 if self.broken == "axis" else 2))
        series = {"train_acc": train, "test_acc": (steps >= 10 + late) * 1.0, "share": parts}
        if self.broken == "series":
            del series["share"]
        return ep.Simulated(steps, series, {"part": ["a", "b"]})


def study(seeds: int = 8, **theory: object) -> ep.Study:
    return ep.Study(
        name="rising",
        question="How late?",
        arms={"rising": ep.TheoryArm(theory=Rising(**theory), seeds=seeds, sweep={"late": (0.0, 30.0)})},
        claims=(
            ep.Claim(
                id="late",
                statistic=ep.EventRatio(event="t_gen", over="t_mem", arm="rising", where={"late": 30.0}),
                supported_if=ep.Region(above=2),
                refuted_if=ep.Region(below=2),
            ),
        ),
        figures=(ep.Figure(title="When?", arms=("rising",), series=("train_acc", "test_acc"), decides="late"),),
    )


def test_a_theory_is_simulated_once_stored_and_judged(tmp_path: Path) -> None:
    session = Session(Root.create(tmp_path / "r"))
    Rising.calls.clear()
    outcome = run_study(study(), session)
    assert [verdict.verdict for verdict in outcome.verdicts] == ["supported"]
    assert (outcome.trained, Rising.calls) == (16, [list(range(8))] * 2)

    again = run_study(study(), session)
    assert (again.trained, len(Rising.calls)) == (0, 2)
    grown = run_study(study(seeds=12), session)
    assert (grown.trained, Rising.calls[2:]) == (8, [[8, 9, 10, 11]] * 2)
    assert grown.verdicts[0].estimate is not None
    assert grown.verdicts[0].estimate.independent == 12

    data = ep.open(outcome.files.path)["rising"]
    assert data["share"].dims == ("late", "seed", "step", "part")
    assert data["part"].values.tolist() == ["a", "b"]
    assert (data["t_gen"].sel(late=0.0) == 10).all()
    whole = Rising().simulate(range(12)).series["test_acc"]
    assert np.array_equal(data["test_acc"].sel(late=30.0).values, whole)

    write_report(outcome.root, outcome.files)
    page = outcome.files.report.read_text()
    assert "t_gen / t_mem" in page
    assert "Rising" in page, "the settings on the page name the theory"


def test_seeds_are_added_until_a_claim_of_a_theory_is_decided(tmp_path: Path) -> None:
    root = Root.create(tmp_path / "r")
    few = study(seeds=4)
    outcome = run_until_decided(seed_plan(few, root, 32), Session(root))
    assert outcome.verdicts[0].verdict == "supported"
    assert outcome.trained > 8


def test_a_plan_counts_the_runs_of_a_theory() -> None:
    planned = plan(study(), Machine("cpu", 1, "map"))
    assert [(theory.arm, theory.members) for theory in planned.theories] == [("rising", 16)]
    assert planned.totals()["memory_megabytes"] == 0
    assert any("rising: 16 simulated runs" in line for line in planned.lines())


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    root, asked = Root.create(tmp_path / "r"), iter([False, True])
    runs = [run for _, run in study().arms["rising"].runs()]  # type: ignore[union-attr, misc]
    with pytest.raises(Interrupted):
        simulate_runs(runs, Session(root, interrupted=lambda: next(asked)))  # type: ignore[arg-type]
    assert simulate_runs(runs, Session(root)) == 8  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("fails", "theory Rising failed: ZeroDivisionError: nothing over nothing"),
        ("short", "its last step, 100"),
        ("series", "declares the series train_acc, test_acc, share and gives train_acc, test_acc"),
        ("axis", "series share has shape (2, 101, 3); with axes run, step, part and these labels it has shape (2, 101, 2)"),
    ],
)
def test_a_theory_that_breaks_its_contract_is_refused(broken: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        checked_simulation(Rising(broken=broken), [0, 1])
    assert words in str(error.value)
    assert checked_simulation(Rising(broken="sparse"), [0]).steps[1] == 2


def test_a_theory_cannot_be_forked() -> None:
    plain = study().model_dump(mode="json")
    plain["arms"]["fork"] = {"fork": "rising", "at": 5, "edits": []}
    with pytest.raises(InputError, match="descends from 'rising', a theory, which has no weights"):
        ep.Study.parse(plain, "study")
