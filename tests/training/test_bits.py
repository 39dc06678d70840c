"""The same bits whether training is chunked, resumed, killed, or in other company; and changes that must not compile again."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import epicycle as ep
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.observation import Observation
from epicycle.spec.results import DONE
from epicycle.training.cohort import Cohort
from epicycle.training.devices import Machine
from epicycle.training.gradients import next_batch
from epicycle.training.loop import Interrupted, train
from epicycle.training.program import cohort_program
from epicycle.training.rounds import Pace, member_plan
from epicycle.training.state import Data, from_tensors, stacked, to_tensors

TASK, SPLIT = ep.Modular(p=7, operation="x-y"), ep.Split(frac_train=0.6)
CASES = {
    "transformer, full batch": ep.Experiment(
        task=TASK, split=SPLIT, model=ep.Transformer(d_model=8, n_heads=2, d_mlp=16), training=ep.Training(steps=90)
    ),
    "transformer, minibatch": ep.Experiment(
        task=TASK, split=SPLIT, model=ep.Transformer(d_model=8, n_heads=2), training=ep.Training(steps=90, batch_size=8)
    ),
    "two layers, coupled decay": ep.Experiment(
        task=TASK,
        split=SPLIT,
        model=ep.Transformer(n_layers=2, d_model=8, n_heads=2, d_mlp=8),
        training=ep.Training(steps=70, optimiser=ep.AdamW(decay_coupling="coupled")),
    ),
    "mlp, minibatch": ep.Experiment(
        task=TASK, split=SPLIT, model=ep.MLP(d_model=8, d_mlp=16), training=ep.Training(steps=90, batch_size=10)
    ),
    "pre-norm, dropout, corrupted labels, minibatch": ep.Experiment(
        task=TASK,
        split=ep.CorruptedSplit(of=SPLIT, share=0.3),
        model=ep.Transformer(d_model=8, n_heads=2, norm="pre", final_norm=True, act_fn="gelu", dropout=0.1),
        training=ep.Training(steps=70, batch_size=8, loss=ep.CrossEntropy(precision="float64", label_smoothing=0.1)),
    ),
    "post-norm, two answers": ep.Experiment(
        task=ep.Modular(p=5, form="eos x o y = z eos"),
        split=SPLIT,
        model=ep.Transformer(n_layers=2, d_model=8, n_heads=2, norm="post", biases=(), positions="sinusoidal", initialisation="torch"),
        training=ep.Training(steps=40),
    ),
    "noise, a held norm, a frozen tensor, a course, minibatch": ep.Experiment(
        task=TASK,
        split=ep.WithheldSplit(of=SPLIT, share=0.2, until=30),
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(
            steps=60,
            batch_size=10,
            gradient_noise=1e-3,
            weight_noise=1e-2,
            norm_share=0.9,
            temperature=2.0,
            frozen=("W_E",),
            courses=(ep.Course(of="lr", steps=(10, 40), values=(1e-3, 1e-2)),),
        ),
    ),
    "hand-written circuits": ep.Experiment(
        task=ep.NumberedRows(n_seen=12, n_new=8, num_classes=4),
        split=ep.SequentialSplit(frac_train=0.6),
        model=ep.GatedBank(start_spread=0.5),
        training=ep.Training(steps=60, batch_size=5),
    ),
    "two heads": ep.Experiment(
        task=ep.NumberedRows(n_seen=2, n_new=2, num_classes=3),
        split=ep.SequentialSplit(frac_train=0.5),
        model=ep.TwoHeads(start_spread=0.5),
        training=ep.Training(steps=60, optimiser=ep.SGD(weight_decay=0.01)),
    ),
    "a rule and a memory": ep.Experiment(
        task=ep.NumberedRows(n_seen=12, n_new=8, num_classes=4),
        split=ep.SequentialSplit(frac_train=0.6),
        model=ep.FrequencyToy(start_spread=0.5),
        training=ep.Training(steps=60),
    ),
    "random features, vectors": ep.Experiment(
        task=ep.ToyAddition(p=5, d_target=4),
        split=SPLIT,
        model=ep.MLP(d_mlp=16, operands="one_hot", trained="read_out"),
        training=ep.Training(steps=40, loss=ep.MSE()),
    ),
    "sgd, drawn with replacement": ep.Experiment(
        task=TASK,
        split=SPLIT,
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(
            steps=60, batch_size=10, replacement=True, optimiser=ep.SGD(weight_decay=0.01, momentum=0.9, nesterov=True)
        ),
    ),
    "rmsprop, annealed": ep.Experiment(
        task=TASK,
        split=SPLIT,
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(steps=60, schedule="cosine", anneal_steps=40, optimiser=ep.RMSProp(weight_decay=0.1, momentum=0.5)),
    ),
    "lion, towards the initialisation": ep.Experiment(
        task=TASK,
        split=SPLIT,
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(steps=60, optimiser=ep.Lion(lr=1e-3, decay_to="initialisation")),
    ),
    "muon, groups": ep.Experiment(
        task=TASK,
        split=SPLIT,
        model=ep.MLP(n_layers=2, d_model=8, d_mlp=16),
        training=ep.Training(
            steps=60, optimiser=ep.Muon(ns_steps=3, groups=(ep.ParameterGroup(tensors=("W_U",), lr_scale=0.25, decay_scale=2),))
        ),
    ),
}


class Memory:
    """A sink that keeps checkpoints in memory and counts commits."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[int, dict[str, Any]]] = {}
        self.commits = 0

    def rows(self, first: int, records: Any) -> None:
        pass

    def checkpoint(self, step: int, members: Any, states: Any) -> None:
        self.kept[step] = {m: to_tensors(s) for m, s in zip(members, states, strict=True)}

    def commit(self, rows: Any, statuses: Any, states: Any, finished: bool) -> None:
        self.commits += 1


def cohort_of(experiment: ep.Experiment, seeds: tuple[int, ...] = (0, 1, 2), find_stop: Any = None) -> Cohort:
    observation = Observation(dense_until=5, per_decade=8)
    runs = [Run(experiment=experiment, seed=seed, data_seed=seed) for seed in seeds]
    budget = experiment.training.steps
    return Cohort(
        runs=runs,
        table=experiment.task.table(),
        measures=observation.measures,
        grid=observation.grid(budget),
        budgets=[budget] * len(runs),
        find_stop=find_stop or (lambda member, steps, series: None),
        checkpoints=np.array([3, 30]),
    )


def trained(cohort: Cohort, machine: Machine, interrupted: Callable[[], bool] = lambda: False) -> Memory:
    sink = Memory()
    with contextlib.suppress(Interrupted):
        train(cohort, machine, sink, lambda c, rate: None, interrupted)
    return sink


def assert_same(cohort: Cohort, reference: Cohort, members: dict[int, int] | None = None) -> None:
    for member, reference_member in (members or {m: m for m in range(len(cohort.runs))}).items():
        left, right = to_tensors(cohort.states[member]), to_tensors(reference.states[reference_member])
        for name in left:
            assert np.isfinite(left[name]).all(), name
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)
        for name in cohort.records:
            np.testing.assert_array_equal(cohort.records[name][member], reference.records[name][reference_member], err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_straight_equals_chunked_equals_resumed(case: str, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = cohort_of(CASES[case])
    trained(straight, machine)
    assert all(int(state.step) == straight.grid[-1] for state in straight.states)
    chunked = cohort_of(CASES[case])
    with monkeypatch.context() as patch:
        patch.setattr(Pace, "steps_in", lambda self, seconds, members: 3)  # rounds of three steps, off the grid
        trained(chunked, machine)
    assert_same(straight, chunked)
    answers = iter([False] * 4 + [True] * 99)
    killed = cohort_of(CASES[case])
    with monkeypatch.context() as patch:
        patch.setattr(Pace, "steps_in", lambda self, seconds, members: 7)
        trained(killed, machine, lambda: next(answers))
    assert 0 < int(killed.states[0].step) < straight.grid[-1]
    resumed = cohort_of(CASES[case])
    saved = [to_tensors(state) for state in killed.states]
    resumed.resume([from_tensors(t, s) for t, s in zip(saved, resumed.states, strict=True)], killed.rows, killed.records)
    trained(resumed, machine)
    assert_same(straight, resumed)


@pytest.mark.parametrize("seeds", [(1,), (2, 1), (5, 4, 3, 2, 1)])
def test_company_does_not_matter(seeds: tuple[int, ...], machine: Machine) -> None:
    experiment = CASES["transformer, minibatch"]
    reference, company = cohort_of(experiment), cohort_of(experiment, seeds)
    sink, company_sink = trained(reference, machine), trained(company, machine)
    shared = {member: seed for member, seed in enumerate(seeds) if seed in (0, 1, 2)}
    assert_same(company, reference, shared)
    for member, seed in shared.items():
        for name, value in sink.kept[30][seed].items():
            np.testing.assert_array_equal(company_sink.kept[30][member][name], value)


def test_seeds_and_data_seeds_matter(machine: Machine) -> None:
    cohort = cohort_of(CASES["transformer, full batch"])
    trained(cohort, machine)
    losses = cohort.records["train_loss"][:, -1]
    assert len(set(losses.tolist())) == 3


def test_each_member_stops_by_itself(machine: Machine) -> None:
    stops = {0: 20, 1: None, 2: 45}
    cohort = cohort_of(CASES["transformer, full batch"], find_stop=lambda member, steps, series: stops[member])
    trained(cohort, machine)
    ends = [int(state.step) for state in cohort.states]
    grid = cohort.grid.tolist()
    assert ends == [min(s for s in grid if s >= 20), 90, min(s for s in grid if s >= 45)]
    for member, end in enumerate(ends):
        recorded = np.isfinite(cohort.records["train_loss"][member])
        assert cohort.grid[recorded].max() == end
    free = cohort_of(CASES["transformer, full batch"])
    trained(free, machine)
    assert_same(cohort, free, {1: 1})


def test_a_diverging_member_leaves_the_others_alone(machine: Machine) -> None:
    calm = CASES["transformer, full batch"]
    wild = calm.swept("training.optimiser.lr", 1e6).swept("training.optimiser.weight_decay", 1e6)
    reference, mixed = cohort_of(calm), cohort_of(calm)
    mixed.runs = [mixed.runs[0], Run(experiment=wild, seed=1, data_seed=1), mixed.runs[2]]
    mixed.__post_init__()
    trained(reference, machine)
    trained(mixed, machine)
    assert mixed.statuses()[1].diverged
    assert mixed.statuses()[0] == mixed.statuses()[2] == DONE
    at = int(mixed.states[1].diverged)
    assert np.isnan(mixed.records["train_loss"][1][mixed.grid > at]).all()
    assert_same(reference, mixed, {0: 0, 2: 2})


def test_knobs_seeds_fractions_and_budgets_compile_nothing_new(machine: Machine) -> None:
    traces = []
    experiment = CASES["transformer, full batch"]

    class Counted(ep.Transformer):
        kind = "transformer"

        def fast(self, params: Any, inputs: Any, **options: Any) -> Any:
            traces.append(1)
            return super().fast(params, inputs, **options)

    model = Counted(d_model=8, n_heads=2, d_mlp=16)
    first = experiment.model_copy(update={"model": model})
    cohort = cohort_of(first)
    program = cohort_program(first, cohort.measures, machine)
    fields = {"training": {"optimiser": {"lr": 0.5}, "warmup": 3, "steps": 40}, "split": {"frac_train": 0.61}}
    changed = ep.Experiment(task=TASK, model=model, **fields)
    variants = [first, changed]
    counts = []
    for variant in variants:
        for seeds in ((0, 1), (7, 8)):
            cohort = cohort_of(variant, seeds)
            plans = [member_plan(cohort, member, 9).chunk for member in (0, 1)]
            program(cohort.world, *(stacked(trees) for trees in (cohort.data, cohort.states, plans)))
            counts.append(len(traces))
    assert counts[0] > 0
    assert len(set(counts)) == 1, f"traced again: {counts}"
    assert program._cache_size() == 1


@pytest.mark.parametrize("case", [case for case in CASES if case.split(",")[0] in ("sgd", "rmsprop", "lion", "muon")])
def test_every_knob_of_the_optimisers_is_traced(case: str, machine: Machine) -> None:
    """Changing a knob compiles nothing and changes the update."""
    first = CASES[case]
    program = cohort_program(first, cohort_of(first, (0,)).measures, machine)

    def ends(experiment: ep.Experiment) -> Any:
        cohort = cohort_of(experiment, (0, 1))
        assert cohort_program(experiment, cohort.measures, machine) is program
        plans = [member_plan(cohort, member, 16).chunk for member in (0, 1)]
        state, _ = program(cohort.world, *(stacked(trees) for trees in (cohort.data, cohort.states, plans)))
        return {name: np.asarray(value) for name, value in state.params.items()}

    reference, compiled = ends(first), program._cache_size()
    unused = set() if first.training.schedule != "constant" else {"training.final_lr_scale"}
    for path, value in first.knobs().items():
        changed = ends(first.swept(path, value * 0.5))
        moved = any((changed[name] != reference[name]).any() for name in changed)
        assert moved or path in unused or path.endswith("eps"), path
    assert program._cache_size() == compiled


def test_a_state_stored_before_a_knob_was_known(machine: Machine) -> None:
    cohort = cohort_of(CASES["mlp, minibatch"], (0,))
    tensors = to_tensors(cohort.states[0])
    del tensors["knobs/training.final_lr_scale"]
    assert from_tensors(tensors, cohort.states[0]).knobs["training.final_lr_scale"] == np.float32(0.1)
    with pytest.raises(InputError, match="'W_E' has another shape"):
        from_tensors({**tensors, "W_E": tensors["W_E"][:-1]}, cohort.states[0])
    del tensors["W_E"]
    with pytest.raises(InputError, match="there is no 'W_E' in it"):
        from_tensors(tensors, cohort.states[0])


def test_rows_drawn_with_replacement() -> None:
    """Only rows with weight are drawn, all with the same chance, and padding changes nothing."""
    cohort = cohort_of(CASES["sgd, drawn with replacement"], (0,))
    state, data = cohort.states[0], cohort.data[0]
    assert state.order is None
    present = np.flatnonzero(data.weights > 0)
    weights = data.weights.copy()
    weights[present[[0, 7]]] = 0  # withheld rows in the middle count as absent
    batch = jax.jit(next_batch, static_argnums=0)
    drawn: list[int] = []
    for step in range(40):
        state = state._replace(step=np.int32(step))
        taken, order = batch(64, data._replace(weights=weights), state)
        assert order is None
        assert (taken.weights == 1).all()
        np.testing.assert_array_equal(taken.labels, TASK.table().labels[taken.rows])
        drawn += taken.rows.tolist()
        padded = Data(*(np.pad(part, (0, 50)) for part in (data.rows, weights, data.labels)))
        np.testing.assert_array_equal(batch(64, padded, state)[0].rows, taken.rows)
    allowed = data.rows[weights > 0]
    counts = np.array([drawn.count(row) for row in allowed])
    assert counts.sum() == len(drawn) == 40 * 64
    expected = len(drawn) / len(allowed)
    assert ((counts - expected) ** 2 / expected).sum() < 2 * len(allowed), "far outside chance, for a chi-squared of so many terms"
    assert len(set(drawn[:64])) < 64, "64 draws of fewer rows repeat some"


def test_minibatch_passes_cover_every_row_once() -> None:
    cohort = cohort_of(CASES["transformer, minibatch"], (0,))
    state, data = cohort.states[0], cohort.data[0]
    present = int((data.weights > 0).sum())
    for _ in range(3):
        seen: list[int] = []
        for _ in range(-(-present // 8)):
            batch, order = jax.jit(next_batch, static_argnums=0)(8, data, state)
            seen += [int(r) for r, w in zip(batch.rows, batch.weights, strict=True) if w > 0]
            state = state._replace(order=order, step=state.step + 1)
        assert sorted(seen) == sorted(data.rows[:present].tolist())


def test_the_batched_lane_agrees_to_rounding(machine: Machine) -> None:
    """The batched program of a GPU, run on this CPU."""
    reference, batched = cohort_of(CASES["transformer, minibatch"]), cohort_of(CASES["transformer, minibatch"])
    trained(reference, machine)
    trained(batched, Machine(machine.mesh, "vmap"))
    for name, values in reference.records.items():
        np.testing.assert_allclose(batched.records[name][:, :12], values[:, :12], rtol=2e-3, atol=1e-4, err_msg=name)


def test_float64_by_context(machine: Machine) -> None:
    single = cohort_of(CASES["transformer, full batch"], (0,))
    trained(single, machine)
    with jax.enable_x64(True):
        double = cohort_of(CASES["transformer, full batch"], (0,))
        trained(double, machine)
    assert double.states[0].params["W_E"].dtype == np.float64
    assert single.states[0].params["W_E"].dtype == np.float32
    first = double.records["train_loss"][0, :8]
    np.testing.assert_allclose(single.records["train_loss"][0, :8], first, rtol=1e-5)
    assert (single.records["train_loss"][0, :8] != first).any()
