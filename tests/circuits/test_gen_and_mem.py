"""Gen and Mem on planted logits: a pure circuit, a pure memoriser, and both together."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits import CIRCUIT_MEASURES, CIRCUIT_SET
from epicycle.circuits.ablated_loss import Excluded, Restricted
from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.altered import Altered, PrunedAccuracy
from epicycle.circuits.attention import AttentionEntropy, AttentionPattern
from epicycle.circuits.circles import TokenCircles
from epicycle.circuits.clock_pizza import Circularity, DistanceAccuracy, DistanceIrrelevance, GradientSymmetricity, TemplateShare
from epicycle.circuits.coset_neurons import CosetDistance
from epicycle.circuits.coverage import ActiveOverlap, Coverage, EffectiveNumber
from epicycle.circuits.end_point import EndPart, EndShare
from epicycle.circuits.exchange import Exchange
from epicycle.circuits.key_irreps import KeyIrreps, KeyIrrepShare, LogitSimilarity
from epicycle.circuits.loss_through import LossThrough
from epicycle.circuits.neurons import ClusteredNeurons, CosetConcentration, NeuronComponent, NeuronShare
from epicycle.circuits.other_rule import OfRule, RuleAccuracy
from epicycle.circuits.probes import Probe
from epicycle.circuits.regions import MoransI, OffsetShare, RegionMap
from epicycle.circuits.row_strength import RowGenPart
from epicycle.circuits.saliency import Breadth, BroadUnits, DeletionDamage, Participation, Salience, SalienceSkewness
from epicycle.circuits.strength import GenLogit, GenPart, GenQuality, GenShare, MemLogit, MemLogitOfFew
from epicycle.circuits.waves import AnalyticNeurons, NeuronIPR
from epicycle.circuits.weight_spectra import ComponentPower, IsKey, KeyComponents, KeyPower, SpectralGini
from epicycle.circuits.written import CircuitCoverage, CircuitShare, CircuitStrength
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.registry import resolve
from epicycle.tasks.derived import RandomLabels, WithoutDiagonal
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable
from epicycle.training.snapshots import SNAPSHOT

MAPS = {MoransI, OffsetShare, Probe, RegionMap}  # tested in test_regions.py and test_probes.py
CLOCK_PIZZA = {  # tested in test_clock_pizza.py
    *(Circularity, DistanceAccuracy, DistanceIrrelevance, GradientSymmetricity, TemplateShare),
    *(AttentionEntropy, AttentionPattern),
}
NEURONS = {ClusteredNeurons, CosetConcentration, NeuronComponent, NeuronShare, TokenCircles}  # test_neurons.py, test_circles.py
IRREPS = {CosetDistance, KeyIrrepShare, KeyIrreps, LogitSimilarity}  # tested in test_key_irreps.py and test_coset_distance.py
EXCHANGE = {Exchange, LossThrough}  # tested in test_exchange.py and test_loss_through.py
WRITTEN = {CircuitCoverage, CircuitShare, CircuitStrength}  # tested in test_written.py
END = {EndPart, EndShare}  # tested in test_end_point.py
WAVES = {AnalyticNeurons, NeuronIPR, Altered, PrunedAccuracy}  # tested in test_waves.py and test_altered.py
UNITS = {ActiveOverlap, Coverage, EffectiveNumber}  # tested in test_removable.py
OTHER = {OfRule, RuleAccuracy}  # tested in test_other_rule.py
SALIENCE = {Breadth, BroadUnits, DeletionDamage, Participation, Salience, SalienceSkewness}  # tested in test_saliency.py
TASKS = (
    Modular(p=11),
    Modular(p=10),
    Modular(p=11, operation="x-y"),
    Modular(p=11, operation="x*y"),
    Modular(p=11, operation="x/y"),
    Composition(group="S3"),
    Composition(group="C2 x C4"),
    Composition(group="A4"),
    WithoutDiagonal(of=Modular(p=11)),
)


def snapshot(task: Task, logits: Any, share: float = 0.5, params: Any = None) -> dict[str, Any]:
    """A snapshot in which a share of the rows, drawn with a fixed seed, is trained on."""
    n = len(logits)
    train = np.random.default_rng(1).permutation(n) < share * n
    return {
        "task": task,
        "params": params or {},
        "logits": jnp.asarray(logits, jnp.float32),
        "labels": jnp.asarray(task.table().labels),
        "train": jnp.asarray(train),
        "test": jnp.asarray(~train),
        "all": jnp.ones(n, bool),
    }


def circuit(task: Task, strengths: dict[str, float]) -> np.ndarray:
    """The ideal logits of the named components, with norm 1 times their strength in each row; rows without an answer have none."""
    algorithm, table = algorithm_of(task), task.table()
    coefficients = np.array([strengths.get(name, 0.0) for name in algorithm.names])
    logits = np.zeros((len(table.labels), table.num_classes))
    rows = np.flatnonzero(algorithm.answers >= 0)
    ideal = np.tensordot(coefficients, algorithm.characters, 1)[algorithm.quotient[algorithm.answers[rows]]]
    logits[rows[:, None], algorithm.classes] = ideal
    return logits


def memoriser(task: Task, height: float, share: float = 0.5) -> np.ndarray:
    """A right one-hot at every trained row, and a random one at every other row."""
    table, train = task.table(), np.asarray(snapshot(task, task.table().labels, share)["train"])
    answers = np.where(train, table.labels, np.random.default_rng(2).integers(table.num_classes, size=len(train)))
    return height * np.eye(table.num_classes)[answers]


def test_every_measure_of_circuits_is_tested_here() -> None:
    tested = {
        GenLogit,
        GenPart,
        GenQuality,
        GenShare,
        MemLogit,
        MemLogitOfFew,
        Excluded,
        Restricted,
        ComponentPower,
        KeyComponents,
        IsKey,
        KeyPower,
        SpectralGini,
        *CLOCK_PIZZA,
        RowGenPart,
        *MAPS,
        *NEURONS,
        *UNITS,
        *OTHER,
        *SALIENCE,
        *IRREPS,
        *WAVES,
        *EXCHANGE,
        *END,
        *WRITTEN,
    }
    assert {resolve("measure", kind) for kind in CIRCUIT_MEASURES} == tested
    for entry in CIRCUIT_SET:
        measure = resolve("measure", str(entry["kind"])).parse(entry)
        assert isinstance(measure, Measure)
        assert set(measure.needs) <= set(SNAPSHOT)


def everything(task: Task) -> dict[str, float]:
    return dict.fromkeys(algorithm_of(task).names, 3.0)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_planted_circuit_is_all_gen(task: Task) -> None:
    ideal = snapshot(task, circuit(task, everything(task)))
    assert float(GenShare().fn(ideal)) == pytest.approx(1.0, abs=1e-5)
    assert float(GenQuality().fn(ideal)) == pytest.approx(1.0, abs=1e-4)
    algorithm = algorithm_of(task)
    lead = 3.0 * float(algorithm.characters[:, algorithm.identity].sum())
    assert float(GenLogit().fn(ideal)) == pytest.approx(lead, rel=1e-4)
    assert np.asarray(GenLogit(by_component=True).fn(ideal)).sum() == pytest.approx(lead, rel=1e-4)
    assert float(MemLogit().fn(ideal)) == pytest.approx(0.0, abs=1e-4)
    assert float(Restricted(quantity="acc", fit="held_out", rows="test", components="all").fn(ideal)) == 1.0
    nothing_left = float(Excluded(fit="held_out", rows="test", components="all").fn(ideal))
    assert nothing_left == pytest.approx(np.log(len(algorithm.classes)), rel=1e-3)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_each_component_is_told_from_the_others(task: Task) -> None:
    for i, name in enumerate(algorithm_of(task).names):
        shares = np.asarray(GenShare(by_component=True).fn(snapshot(task, circuit(task, {name: 2.0}))))
        assert shares[i] == pytest.approx(1.0, abs=1e-5)
        assert np.delete(shares, i) == pytest.approx(0.0, abs=1e-5)


def test_a_memoriser_has_no_gen_and_passes_the_published_form_only() -> None:
    """The case of a memoriser that projections on sums of operands take for a circuit: p = 59, half of the pairs, logits 0 and 20."""
    task = Modular(p=59)
    planted = snapshot(task, memoriser(task, 20.0))
    assert float(Restricted(quantity="acc", rows="test", components="all").fn(planted)) > 0.99
    assert float(Restricted(quantity="loss", rows="test", components="all").fn(planted)) < 0.1
    assert float(Restricted(quantity="acc", rows="test", components="all", fit="held_out").fn(planted)) < 0.2
    assert float(Restricted(quantity="loss", rows="test", components="all", fit="held_out").fn(planted)) > 3.0
    assert float(GenShare().fn(planted)) < 0.005
    assert float(GenLogit().fn(planted)) < 0.2
    assert float(MemLogit().fn(planted)) == pytest.approx(20 * 58 / 59, abs=0.2)


def shadow_of_memory(task: Task, height: float) -> np.ndarray:
    """On every row, more logit for the answers trained on with the same first operand, and with the same second one."""
    table = task.table()
    train = np.asarray(snapshot(task, table.labels)["train"])
    logits = np.zeros((len(table.labels), table.num_classes))
    for operand in table.operands.T:
        seen = np.zeros((operand.max() + 1, table.num_classes))
        seen[operand[train], table.labels[train]] = height
        logits += seen[operand]
    return logits


@pytest.mark.parametrize("task", [Modular(p=31), Composition(group="S4"), RandomTable(n=31, latin=True)], ids=str)
def test_the_shadow_of_memory_is_not_counted_against_gen(task: Task) -> None:
    """Answers exclude each other in rows and columns, so memory lowers the right logit of held-out rows."""
    shadow = shadow_of_memory(task, 4.0)
    held_out_rows = np.asarray(snapshot(task, shadow)["test"])
    lead = (shadow[np.arange(len(shadow)), task.table().labels] - shadow.mean(axis=1))[held_out_rows]
    assert lead.mean() < -3
    assert float(GenLogit().fn(snapshot(task, shadow))) == pytest.approx(0.0, abs=1e-3)
    ideal = circuit(task, everything(task))
    both = snapshot(task, ideal + shadow)
    assert float(GenLogit().fn(both)) == pytest.approx(float(GenLogit().fn(snapshot(task, ideal))), rel=1e-3)
    assert float(GenQuality().fn(both)) == pytest.approx(1.0, abs=1e-3)


def test_gen_and_mem_add_up() -> None:
    task = Modular(p=31, operation="x-y")
    alone = snapshot(task, circuit(task, {"3": 4.0, "7": 2.0}))
    both = snapshot(task, circuit(task, {"3": 4.0, "7": 2.0}) + memoriser(task, 5.0))
    assert float(GenLogit().fn(both)) == pytest.approx(float(GenLogit().fn(alone)), abs=0.15)
    assert float(MemLogit().fn(both)) == pytest.approx(5 * 30 / 31, abs=0.15)
    rows = np.asarray(both["train"])
    lead = np.asarray(both["logits"])[np.arange(31 * 31), task.table().labels] - np.asarray(both["logits"]).mean(axis=1)
    assert float(GenLogit().fn(both)) + float(MemLogit().fn(both)) == pytest.approx(lead[rows].mean(), abs=1e-4)
    assert float(GenPart().fn(both)) == pytest.approx(float(GenLogit().fn(both)) / lead[rows].mean(), rel=1e-3)
    assert float(GenPart().fn(alone)) == pytest.approx(1.0, abs=1e-4)


def test_rows_that_the_general_algorithm_answers() -> None:
    """A circuit of lead 5, and memory of height 5, 1 or none: Gen's part is a half, five sixths or all."""
    task = Modular(p=31, operation="x-y")
    ideal = circuit(task, everything(task))
    ideal = 5 * ideal / ideal[0, 0]
    heights = np.array([5.0, 1.0, 0.0])[np.arange(961) % 3] * 31 / 30
    planted = snapshot(task, ideal + heights[:, None] * memoriser(task, 1.0) * np.asarray(snapshot(task, ideal)["train"])[:, None])
    train = np.asarray(planted["train"])
    parts = np.asarray(RowGenPart(over_rows="none").fn(planted))
    assert parts[train] == pytest.approx(np.array([1 / 2, 5 / 6, 1.0])[np.arange(961) % 3][train], abs=2e-3)
    assert np.isnan(parts[~train]).all()
    for quantile, part in ((0.1, 1 / 2), (0.5, 5 / 6), (0.9, 1.0)):
        assert float(RowGenPart(quantile=quantile).fn(planted)) == pytest.approx(part, abs=2e-3)
    stronger = snapshot(task, 1.1 * ideal + (planted["logits"] - ideal))
    for half, share in ((stronger, 1.0), (snapshot(task, 0.5 * ideal + (planted["logits"] - ideal)), 2 / 3)):
        assert float(RowGenPart(over_rows="above_half").fn(half)) == pytest.approx(share, abs=0.04)


def test_the_memory_of_a_few_rows() -> None:
    """It is that of as many trained rows as are asked for, always the same ones, and of all if there are no more."""
    task = Modular(p=31, operation="x-y")
    logits = memoriser(task, 5.0)
    for n in (1, 8, 10_000):
        assert float(MemLogitOfFew(of_rows=n).fn(snapshot(task, logits))) == pytest.approx(5 * 30 / 31, abs=0.15)
    counted = []
    for row in np.flatnonzero(snapshot(task, logits)["train"]):
        without = logits.copy()
        without[row] = 0
        if float(MemLogitOfFew(of_rows=3).fn(snapshot(task, without))) < 4:
            counted.append(row)
    assert len(counted) == 3


def test_the_memory_of_withheld_rows() -> None:
    """Memory of height 5 in rows that stay, of height 2 in those that a fork withholds, and a circuit in all rows."""
    task = Modular(p=31, operation="x-y")
    memory, ideal = memoriser(task, 1.0), circuit(task, {"3": 4.0, "7": 2.0})
    ever = np.asarray(snapshot(task, memory)["train"])
    removed = ever & (np.arange(961) % 5 == 0)
    heights = np.where(removed, 2.0, 5.0)[:, None]
    sets = {"train": ever & ~removed, "test": ~ever | removed, "removed": removed, "never_trained": ~ever}
    planted = snapshot(task, ideal + heights * memory) | {name: jnp.asarray(rows) for name, rows in sets.items()}
    gen, mem = GenLogit(withheld=True), MemLogit(withheld=True)
    assert float(gen.fn(planted)) == pytest.approx(float(GenLogit().fn(snapshot(task, ideal))), abs=0.15)
    assert float(mem.fn(planted)) == pytest.approx(2 * 30 / 31, abs=0.15)
    assert float(MemLogit().fn(planted)) == pytest.approx(5 * 30 / 31, abs=0.5)
    assert (gen.name, mem.name) == ("gen_logit_withheld", "mem_logit_withheld")
    none = planted | {"removed": jnp.zeros(961, bool), "never_trained": planted["test"]}
    assert np.isnan(float(mem.fn(none)))


def test_the_null_has_no_gen() -> None:
    task = Modular(p=31)
    ideal = snapshot(task, circuit(task, everything(task)))
    assert float(GenShare(null="shuffled").fn(ideal)) < 0.01
    assert abs(float(GenLogit(null="shuffled").fn(ideal))) < 0.1 * float(GenLogit().fn(ideal))
    assert GenShare(null="shuffled").name == "gen_share_shuffled"


def test_random_labels_are_compared_with_the_rule() -> None:
    """A network on random labels has no Gen of the rule, though it is right on its rows; one that runs the rule has."""
    task = Modular(p=31)
    labels = RandomLabels(of=task)
    assert float(GenShare().fn(snapshot(labels, memoriser(labels, 10.0)))) < 0.01
    assert float(MemLogit().fn(snapshot(labels, memoriser(labels, 10.0)))) == pytest.approx(10 * 30 / 31, abs=0.3)
    assert float(GenShare().fn(snapshot(labels, circuit(task, everything(task))))) == pytest.approx(1.0, abs=1e-5)


def test_quality_falls_where_answers_differ() -> None:
    """Logits that depend on the answer, but not by e c^-1 alone, are no ideal Gen; noise by row changes nothing."""
    task = Modular(p=31)
    sizes = np.where(task.table().labels < 15, 2.0, 0.5)[:, None]
    ideal = circuit(task, everything(task))
    assert float(GenQuality().fn(snapshot(task, sizes * ideal))) == pytest.approx(np.mean(sizes) ** 2 / np.mean(sizes**2), abs=0.03)
    noise = np.random.default_rng(0).standard_normal(ideal.shape) * 2
    assert float(GenQuality().fn(snapshot(task, ideal + noise))) == pytest.approx(1.0, abs=0.03)


def cosines(p: int, frequencies: dict[int, float]) -> np.ndarray:
    """A matrix whose columns are cosines and sines over p classes, with these amplitudes."""
    angle = 2 * np.pi * np.arange(p)[:, None] / p
    columns = [size * wave(angle * k) for k, size in frequencies.items() for wave in (np.cos, np.sin)]
    return np.concatenate(columns, axis=1)


def test_weight_spectra_find_planted_frequencies() -> None:
    task = Modular(p=31)
    weights = cosines(31, {3: 1.0, 7: 2.0})
    planted = {"task": task, "params": {"W_E": jnp.asarray(weights), "W_U": jnp.asarray(weights.T)}}
    for where in ("embedding", "unembedding"):
        shares = dict(zip(algorithm_of(task).names, np.asarray(ComponentPower(where=where).fn(planted)), strict=True))
        assert shares["3"] == pytest.approx(0.2, abs=1e-4)
        assert shares["7"] == pytest.approx(0.8, abs=1e-4)
        assert float(KeyComponents(where=where).fn(planted)) == 2
        assert float(KeyPower(where=where).fn(planted)) == pytest.approx(1.0, abs=1e-4)
        assert np.flatnonzero(np.asarray(IsKey(where=where).fn(planted))).tolist() == [2, 6]
        assert float(SpectralGini(where=where).fn(planted)) > 0.85
    gaussian = np.random.default_rng(0).standard_normal((113, 128))
    flat = {"task": Modular(p=113), "params": {"W_U": jnp.asarray(gaussian.T)}}
    assert float(SpectralGini().fn(flat)) == pytest.approx(0.03, abs=0.01), "of Gaussian weights"
    assert float(KeyPower().fn(flat)) == 0.0


def test_key_components_alone_and_left_out() -> None:
    task = Modular(p=31)
    weights = cosines(31, {3: 1.0, 7: 2.0})
    planted = snapshot(task, circuit(task, {"3": 20.0, "7": 20.0}), params={"W_U": jnp.asarray(weights.T)})
    for fit in ("published", "held_out"):
        assert float(Restricted(quantity="acc", fit=fit).fn(planted)) == 1.0
        assert float(Excluded(quantity="loss", fit=fit).fn(planted)) == pytest.approx(np.log(31), rel=1e-2)
        random_ones = float(Restricted(quantity="loss", fit=fit, components="random").fn(planted))
        assert random_ones == pytest.approx(np.log(31), rel=5e-2)
        assert float(Excluded(quantity="acc", fit=fit, components="random").fn(planted)) == 1.0
        named = Restricted(fit=fit, components=("3", "7"))
        assert float(named.fn(planted)) == pytest.approx(float(Restricted(fit=fit).fn(planted)), rel=1e-4)
        assert named.name.endswith("_3_7")
        assert float(Restricted(fit=fit, components=("1", "2")).fn(planted)) == pytest.approx(np.log(31), rel=5e-2)
    with pytest.raises(InputError, match="no component '16'"):
        Restricted(components=("16",)).fn(planted)


@pytest.mark.parametrize(
    "task", [Modular(p=11, operation="x^2+y^2"), Modular(p=10, operation="x*y"), Composition(group="S3", variant="xyx")], ids=str
)
def test_tasks_without_a_known_algorithm_are_refused(task: Task) -> None:
    with pytest.raises(InputError, match="computed in a group, and none is known"):
        GenShare().fn(snapshot(task, memoriser(task, 1.0)))
