"""Every measure on planted cases where its value is known."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits import CIRCUIT_MEASURES
from epicycle.maths.cross_entropy import cross_entropy, margins
from epicycle.measures.answer_maps import AnswerMap
from epicycle.measures.basin import LocalLearningCoefficient
from epicycle.measures.curvature import CurvatureAlongUpdate, CurvatureTrace, OffDiagonalShare, TopCurvature
from epicycle.measures.fit import Accuracy, CalibratedLoss, LogOdds, Loss, Margin, RegionAccuracy, ZeroLossShare
from epicycle.measures.norms import TotalNorm, WeightNorm
from epicycle.measures.path_sketch import Displacement, WeightSketch
from epicycle.measures.perturbations import ChangeGain, DirectionProfile, PerturbationRadius
from epicycle.measures.ranks import EffectiveRank, RepresentationQuality
from epicycle.measures.row_gradients import FisherOffDiagonal, GradientRank
from epicycle.measures.row_pushes import GradientCoherence
from epicycle.measures.update_effects import StepAdditivity, UpdateEffect
from epicycle.measures.where_it_fits import WhereItFits
from epicycle.spec.errors import InputError
from epicycle.spec.kinds import KINDS
from epicycle.spec.observation import Observation
from epicycle.spec.registry import resolve
from epicycle.tasks.modular import Modular
from epicycle.training.snapshots import SNAPSHOT, observe

CLASSES, ROWS = 7, 40
LABELS = jnp.asarray(np.arange(ROWS) % CLASSES)
OF_FIT = {Accuracy, CalibratedLoss, LogOdds, Loss, Margin, RegionAccuracy, ZeroLossShare}
OF_PATHS_AND_RANKS = {Displacement, EffectiveRank, RepresentationQuality, WeightSketch}
OF_UPDATES = {GradientCoherence, StepAdditivity, UpdateEffect}
OF_LANDSCAPES = {CurvatureAlongUpdate, CurvatureTrace, OffDiagonalShare, TopCurvature, LocalLearningCoefficient}
OF_CHANGES = {ChangeGain, DirectionProfile, PerturbationRadius, FisherOffDiagonal, GradientRank}
TESTED = {*OF_FIT, *OF_PATHS_AND_RANKS, *OF_UPDATES, *OF_LANDSCAPES, *OF_CHANGES, AnswerMap, TotalNorm, WeightNorm, WhereItFits}


def planted(logits: Any, **masks: Any) -> dict[str, Any]:
    """A snapshot with these logits; the first half of the rows is trained on."""
    logits = jnp.asarray(logits, jnp.float32)
    train = jnp.arange(ROWS) < ROWS // 2
    rows = {"train": train, "test": ~train, "all": train | True, "mirror_seen": train & False, "mirror_unseen": ~train}
    return {
        "logits": logits,
        "labels": LABELS,
        "row_loss": cross_entropy(logits, LABELS),
        "row_margin": margins(logits, LABELS),
        **rows,
        **masks,
    }


def right(strength: float) -> Any:
    return strength * (np.arange(CLASSES) == np.asarray(LABELS)[:, None])


def test_every_measure_is_tested_in_this_folder() -> None:
    assert {resolve("measure", kind) for kind in KINDS["measure"] if kind not in CIRCUIT_MEASURES} == TESTED


@pytest.mark.parametrize("rows", ["train", "test", "all", "mirror_unseen"])
def test_perfect_wrong_and_ignorant(rows: str) -> None:
    assert Accuracy(rows=rows).fn(planted(right(9.0))) == 1.0
    assert Accuracy(rows=rows).fn(planted(right(-9.0))) == 0.0
    assert float(Loss(rows=rows).fn(planted(right(0.0)))) == pytest.approx(np.log(CLASSES), rel=1e-6)
    assert float(Loss(rows=rows).fn(planted(right(60.0)))) == pytest.approx((CLASSES - 1) * np.exp(-60.0), rel=1e-5)
    assert float(Margin(rows=rows).fn(planted(right(9.0)))) == 9.0
    assert float(Margin(rows=rows, reduce="min").fn(planted(right(-2.0)))) == -2.0


def test_rows_are_kept_apart() -> None:
    half = right(9.0)
    half[ROWS // 2 :] *= -1
    snapshot = planted(half)
    assert [float(Accuracy(rows=r).fn(snapshot)) for r in ("train", "test", "all")] == [1.0, 0.0, 0.5]
    assert np.isnan(Accuracy(rows="mirror_seen").fn(snapshot)), "no such rows: no value"
    assert np.isnan(Margin(rows="mirror_seen", reduce="min").fn(snapshot))
    assert np.isnan(Loss(rows="mirror_seen").fn(snapshot))


def test_accuracy_of_a_diverged_network_is_not_a_number() -> None:
    assert np.isnan(Accuracy(rows="test").fn(planted(right(np.nan))))


def softmax_loss(logits: Any, labels: Any) -> float:
    return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]))


def test_calibration_takes_confidence_away() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(ROWS, CLASSES)) + right(1.0)
    test, labels = logits[ROWS // 2 :], np.asarray(LABELS)[ROWS // 2 :]
    best = min(softmax_loss(test * s, labels) for s in np.geomspace(1e-2, 1e2, 4001))
    for overconfidence in (0.02, 1.0, 37.0, 500.0):
        calibrated = float(CalibratedLoss(rows="test").fn(planted(logits * overconfidence)))
        assert calibrated == pytest.approx(best, rel=1e-4), overconfidence
    assert float(CalibratedLoss(rows="test").fn(planted(right(-5.0)))) == pytest.approx(np.log(CLASSES), rel=1e-2)
    assert float(CalibratedLoss(rows="test").fn(planted(right(0.3)))) < 1e-3, "all right: the loss can be scaled away"
    assert float(CalibratedLoss(rows="test").fn(planted(right(0.0)))) == pytest.approx(np.log(CLASSES)), "equal logits know nothing"
    assert np.isnan(float(CalibratedLoss(rows="test").fn(planted(right(np.nan)))))


def test_zero_loss_share_counts_what_float32_would_drop() -> None:
    strengths = np.where(np.arange(ROWS) % 4 == 0, 60.0, 5.0)[:, None]
    snapshot = planted(right(1.0) * strengths)
    assert float(ZeroLossShare(rows="train").fn(snapshot)) == pytest.approx(0.25)
    # With one wrong class, float32 rounds 1 + odds to 1 for odds below 2^-24, which is a margin of 16.64.
    rival = np.arange(CLASSES) == (np.asarray(LABELS) + 1)[:, None] % CLASSES
    for margin, dropped in ((16.5, 0.0), (16.8, 1.0)):
        two_classes = planted(np.where(right(1.0) > 0, margin, np.where(rival, 0.0, -90.0)))
        plain = jax.nn.log_softmax(two_classes["logits"])[np.arange(ROWS), np.asarray(LABELS)]
        assert float(ZeroLossShare(rows="all").fn(two_classes)) == float((plain == 0).mean()) == dropped, margin
    assert float(Loss(rows="train").fn(planted(right(60.0)))) > 0


def test_norms() -> None:
    params = {"W_b": jnp.full((2, 2), 3.0), "W_a": jnp.asarray([4.0, 0.0])}
    assert WeightNorm().fn({"params": params}).tolist() == [4.0, 6.0]
    assert WeightNorm().coords(params, Modular(p=5)) == {"tensor": ["W_a", "W_b"]}
    assert float(TotalNorm().fn({"params": params})) == pytest.approx(np.sqrt(52.0))


def test_contract() -> None:
    names = [measure.name for measure in Observation().measures]
    assert len(set(names)) == len(names)
    for measure in Observation().measures:
        assert set(measure.needs) <= set(SNAPSHOT)
        assert type(measure).model_validate(measure.model_dump()) == measure


def test_a_measure_sees_only_what_it_declares(tiny: Any) -> None:
    from epicycle.spec.experiment import Run
    from epicycle.training.state import data_of, initialiser, world_of

    class Nosy(Loss):
        @property
        def needs(self) -> tuple[str, ...]:
            return ("row_loss",)

    table = tiny.task.table()
    data = data_of(Run(experiment=tiny), table)
    state = initialiser(tiny, table)(Run(experiment=tiny), data)
    with pytest.raises(InputError, match="it reads 'test' from the snapshot, and its needs do not name that"):
        observe(tiny, [Nosy()], state, data, world_of(table))

    class Misspelt(Loss):
        @property
        def needs(self) -> tuple[str, ...]:
            return ("row_los", "test")

    with pytest.raises(InputError, match="it needs 'row_los', which a snapshot does not have; did you mean 'row_loss'"):
        observe(tiny, [Misspelt()], state, data, world_of(table))
    records = jax.jit(lambda s: observe(tiny, [Loss(rows="train"), Accuracy(rows="all")], s, data, world_of(table)))(state)
    logits = tiny.model.apply(state.params, jnp.asarray(table.inputs))[0]
    rows = np.asarray(tiny.split.train_rows(table, 0))
    assert float(records["train_loss"]) == pytest.approx(
        float(cross_entropy(logits, jnp.asarray(table.labels))[rows].mean()), rel=1e-5
    )
    assert float(records["all_acc"]) == pytest.approx(float((logits.argmax(1) == table.labels).mean()))


def test_mirror_rows(tiny: Any) -> None:
    """x + y, where all rows but five are trained on."""
    from epicycle import Modular
    from epicycle.training.snapshots import snapshot_entries
    from epicycle.training.state import Data, world_of

    table = Modular(p=7, operation="x+y").table()
    row = {tuple(pair): i for i, pair in enumerate(table.operands.tolist())}
    held = [row[1, 2], row[3, 4], row[4, 3], row[5, 5], row[6, 0]]
    rows = np.array([r for r in range(49) if r not in held], np.int32)
    entries = snapshot_entries(tiny, None, Data(rows, np.ones(len(rows), np.float32), table.labels[rows]), world_of(table))  # type: ignore[arg-type]
    assert sorted(np.flatnonzero(entries["test"]())) == sorted(held)
    assert sorted(np.flatnonzero(entries["mirror_seen"]())) == sorted([row[1, 2], row[6, 0]])
    assert sorted(np.flatnonzero(entries["mirror_unseen"]())) == sorted([row[3, 4], row[4, 3], row[5, 5]])
