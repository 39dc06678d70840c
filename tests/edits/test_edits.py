"""Edits: every kind does what it says and nothing else, at as many places as it must; a refused edit leaves nothing behind."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import epicycle as ep
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import ForkRequest, donor_finder, forked
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve

TINY = ep.Experiment(
    task=ep.Modular(p=7, operation="x+y"),
    split=ep.Split(frac_train=0.6),
    model=ep.MLP(d_model=8, d_mlp=16),
    training=ep.Training(steps=60, optimiser=ep.AdamW(lr=1e-2), batch_size=8),
)
ROWS = ep.Observation.parse(
    {
        "dense_until": 5,
        "per_decade": 8,
        "measures": [{"kind": "loss", "rows": rows} for rows in ("train", "test")]
        + [{"kind": "accuracy", "rows": rows} for rows in ("train", "test", "removed", "never_trained")]
        + [{"kind": "total_norm"}],
    }
)
MOMENT = 18

# One of every kind, with the number of places it hits in TINY (49 rows, 29 trained on).
EXAMPLES: dict[str, tuple[ep.Edit, int | None]] = {
    "scale": (ep.Scale("lr", 3), None),
    "set": (ep.Set("weight_decay", 0.0), None),
    "change": (ep.Change("training.batch_size", 16), None),
    "remove": (ep.Remove(0.5), 14),
    "add": (ep.Add(0.5), 10),
    "replace": (ep.Replace(0.25), 14),
    "relabel": (ep.Relabel(1.0), None),
    "reweight": (ep.Reweight(0.5, 4.0), 14),
    "withhold": (ep.Withhold(0.5, 10), 14),
    "scale_weights": (ep.ScaleWeights(("W_*",), 0.5), None),
    "set_norm": (ep.SetNorm(("*",), 1.0), None),
    "add_noise": (ep.AddNoise(("W_in*",), 0.1), None),
    "reset_weights": (ep.ResetWeights(("W_E*",)), None),
    "zero_units": (ep.ZeroUnits(("W_U",), 0, (0, 3)), None),
    "project": (ep.Project(("W_E",), 0, "fourier", (0, 1)), 1),
    "set_measure": (ep.SetMeasure(("W_U",), {"kind": "gen_logit", "by_component": True}), 1),
    "prune": (ep.Prune(("W_E", "W_U"), "others", 0.3), 2),
    "plant": (ep.Plant("others", 0.5, neurons=4), 4),
    "transplant": (ep.Transplant(("W_E",), "others"), 1),
    "interpolate": (ep.Interpolate(("W_E",), "others", 0.5), 1),
    "along_path": (ep.AlongPath(("*",), "others", "straight", 0.5), 4),
    "freeze": (ep.Freeze(("W_E",)), 1),
    "reset_moments": (ep.ResetMoments(), None),
}


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> ep.Runs:
    return ep.train(TINY, seeds=2, data_seeds=0, root=tmp_path_factory.mktemp("edits"), observation=ROWS)


@pytest.fixture(scope="module")
def others(parents: ep.Runs) -> ep.Runs:
    return ep.train(TINY, seeds=(7, 8), data_seeds=0, root=parents._session.root.path, observation=ROWS)


def at_moment(parents: ep.Runs, edits: list[ep.Edit], **donor_arms: ep.Runs) -> tuple[list[Any], list[Any]]:
    """Where the forks begin, before anything is trained, and where forks without edits begin."""
    session, runs = parents._session, [run for _, run in parents._arm_runs]
    find_donor = donor_finder(session.root, {name: [run for _, run in arm._arm_runs] for name, arm in donor_arms.items()})
    starts_of = ForkStarts(session, {run.id: run for run in runs})
    requests = [ForkRequest(MOMENT, tuple(edits)), ForkRequest(MOMENT)]
    edited, plain = (starts_of(forked(runs, parents._flat(), request, find_donor).runs) for request in requests)
    return edited, plain


def test_there_is_an_example_of_every_kind() -> None:
    assert set(EXAMPLES) == set(KINDS["edit"])


def test_every_kind_is_documented_as_it_is_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "forks.md").read_text()
    examples = dict(re.findall(r"^\| `(\w+)` \| `(\w+\(.*?\))` \|", page, re.MULTILINE))
    assert set(examples) == set(KINDS["edit"])
    for kind, written in examples.items():
        made = eval(written, {name: getattr(ep, name) for name in dir(ep) if name[0].isupper()})  # the page is ours
        assert made.kind == kind


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_an_edit_changes_what_it_says(kind: str, parents: ep.Runs, others: ep.Runs) -> None:
    """Each edit survives a round trip, settles twice alike, changes something, and hits as many places as `EXAMPLES` says."""
    edit, places = EXAMPLES[kind]
    assert resolve("edit", kind).parse(edit.model_dump(mode="json")) == edit
    settled = edit.settled(lambda at: 5, lambda name: ("0123456789abcdef", 60))
    assert settled is not None
    assert settled.settled(lambda at: 5, lambda name: (name, 90)) == settled
    edited, plain = at_moment(parents, [edit], others=others)
    for after, before in zip(edited, plain, strict=True):
        assert int(after.state.step) == MOMENT
        np.testing.assert_array_equal(after.state.key, before.state.key)
        assert not same((after, kind == "change"), (before, False)), "it changes nothing"
    if places is not None:
        at_moment(parents, [edit.model_copy(update={"places": places})], others=others)
        with pytest.raises(ep.InputError, match=f"hits {places} .* must hit {places + 1}"):
            at_moment(parents, [edit.model_copy(update={"places": places + 1})], others=others)


def same(left: Any, right: Any) -> bool:
    leaves = [jax.tree.leaves(tree) for tree in (left, right)]
    return len(leaves[0]) == len(leaves[1]) and all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))


def test_every_kind_trains(parents: ep.Runs, others: ep.Runs) -> None:
    """Forks train to their parents' budget with finite losses, and end with other weights."""
    for kind in ("relabel", "withhold", "change", "freeze", "transplant"):
        forks = parents.fork(MOMENT, [EXAMPLES[kind][0]], donors={"others": others})
        assert int(forks[0].state()["step"]) == 60
        assert np.isfinite(forks.data.train_loss.values).all()
        assert not np.array_equal(forks[0].params()["W_U"], parents[0].params()["W_U"])


def test_knobs_go_slowly_and_come_back(parents: ep.Runs) -> None:
    """A knob set until a step is two forks one after the other; a ramp is half way half way."""
    whole = parents.fork(MOMENT, [ep.Set("lr", 0.03, until=MOMENT + 20)], steps=40)
    steps = parents.fork(MOMENT, [ep.Set("lr", 0.03)], steps=20).fork(20, [ep.Set("lr", 0.01)], steps=20)
    for i in range(2):
        for name, value in steps[i].params().items():
            np.testing.assert_allclose(whole[i].params()[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    ramp = at_moment(parents, [ep.Scale("lr", 3, over=10)])[0][0]
    from epicycle.training.schedules import knobs_at

    after = ep.Scale("lr", 3, over=10).changed(TINY, MOMENT, 0)
    for step, lr in ((0, 0.01), (MOMENT, 0.01), (MOMENT + 5, 0.02), (MOMENT + 10, 0.03), (90, 0.03)):
        now = knobs_at(after, ramp.state.knobs, np.int32(step))
        assert float(now["training.optimiser.lr"]) == pytest.approx(lr)


def test_a_course_from_the_start_is_a_fork(parents: ep.Runs) -> None:
    """The same numbers as knobs that are set at the moments."""
    course = ep.Course(of="lr", steps=(MOMENT - 1, MOMENT), values=(0.01, 0.002))
    straight = ep.train(TINY.swept("training.courses", [course.model_dump()]), seeds=2, data_seeds=0, root=parents._session.root.path)
    forks = parents.fork(MOMENT, [ep.Set("lr", 0.002)])
    for name, value in forks[0].params().items():
        np.testing.assert_allclose(straight[0].params()[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_later_edit_ends_a_course(parents: ep.Runs) -> None:
    slow = parents.fork(MOMENT, [ep.Scale("lr", 3, over=20)])
    fixed = slow.fork(10, [ep.Scale("weight_decay", 1.0), ep.Set("lr", 0.5)], steps=5)
    assert float(fixed[0].state()["knobs/training.optimiser.lr"]) == pytest.approx(0.5)
    kept = slow.fork(10)
    np.testing.assert_array_equal(kept[0].params()["W_U"], slow[0].params()["W_U"])


def test_data_edits_are_the_splits_that_runs_can_start_with(parents: ep.Runs) -> None:
    """Removed rows are measured apart from those never trained on, and come back when they are withheld only."""
    forks = parents.fork(MOMENT, [ep.Remove(0.5)])
    rule = ep.RemovedSplit(of=TINY.split, share=0.5)
    table = TINY.task.table()
    left = rule.train_rows(table, 0)
    assert len(left) == 15
    assert set(left) <= set(TINY.split.train_rows(table, 0))
    assert forks[0].member.train_rows == 15
    assert np.isfinite(forks.data.removed_acc.values).all()
    test, removed, never = (forks.data[name].values for name in ("test_acc", "removed_acc", "never_trained_acc"))
    np.testing.assert_allclose(test * 34, removed * 14 + never * 20, atol=1e-4)
    assert np.isnan(parents.data.removed_acc.values).all()
    back = parents.fork(MOMENT, [ep.Withhold(0.5, 10)])
    gone = np.isfinite(back.data.removed_acc.values).all(axis=(0, 1))
    np.testing.assert_array_equal(gone, back.data.step.values < MOMENT + 10)


def test_listed_rows(parents: ep.Runs) -> None:
    rows = TINY.split.train_rows(TINY.task.table(), 0)
    edited, _ = at_moment(parents, [ep.Remove(rows=tuple(map(int, rows[:3])), places=3)])
    assert int((edited[0].data.weights > 0).sum()) == 26
    held_out = int(np.setdiff1d(np.arange(49), rows)[0])
    with pytest.raises(ep.InputError, match=f"row {held_out} is not among the 29 rows"):
        at_moment(parents, [ep.Remove(rows=(held_out,))])


def test_weights_are_edited_exactly(parents: ep.Runs, others: ep.Runs) -> None:
    def params(edit: ep.Edit) -> tuple[Any, Any]:
        edited, plain = at_moment(parents, [edit], others=others)
        return edited[0].state.params, plain[0].state.params

    after, before = params(ep.SetNorm(("W_E", "W_U"), 2.0))
    assert np.sqrt(sum(np.square(after[name]).sum() for name in ("W_E", "W_U"))) == pytest.approx(2.0, rel=1e-6)
    np.testing.assert_array_equal(after["b_in"], before["b_in"])
    after, before = params(ep.Project(("W_E",), 0, "fourier", (2,), keep=False))
    waves = np.exp(2j * np.pi * np.outer(np.arange(4), np.arange(7)) / 7)
    spectrum = [np.abs(waves @ each["W_E"][:7]).sum(axis=1) for each in (after, before)]
    assert spectrum[0][2] < 1e-5 < spectrum[1][2]
    np.testing.assert_allclose(spectrum[0][[0, 1, 3]], spectrum[1][[0, 1, 3]], rtol=1e-4)
    after, before = params(ep.Project(("W_U",), 0, "singular", (0, 1)))
    assert np.linalg.matrix_rank(after["W_U"], tol=1e-5) == 2
    after, before = params(ep.ZeroUnits(("W_U",), 0, (0, 3)))
    np.testing.assert_array_equal((after["W_U"] == 0).all(axis=1).nonzero()[0], (0, 3))
    after, before = params(ep.Interpolate(("W_E",), "others", 0.25))
    np.testing.assert_allclose(after["W_E"], 0.75 * before["W_E"] + 0.25 * others[0].params()["W_E"], rtol=1e-5, atol=1e-7)
    after, _ = params(ep.Transplant(("*",), others[1].id))
    np.testing.assert_array_equal(after["W_E"], others[1].params()["W_E"])


def test_noise_of_weights_follows_the_seed_and_the_draw(parents: ep.Runs) -> None:
    def noise(edit: ep.Edit) -> list[Any]:
        edited, plain = at_moment(parents, [edit])
        return [after.state.params["W_in"] - before.state.params["W_in"] for after, before in zip(edited, plain, strict=True)]

    first, again, second = (noise(ep.AddNoise(("W_in", "W_U"), 0.5, draw=draw)) for draw in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[0], first[1]), "another seed gives other noise"
    assert not np.allclose(first[0], second[0]), "another draw gives other noise"
    scale = np.sqrt(np.square(at_moment(parents, [])[0][0].state.params["W_in"]).mean())
    assert np.std(first[0]) == pytest.approx(0.5 * scale, rel=0.25)


def test_frozen_tensors_stay(parents: ep.Runs) -> None:
    forks = parents.fork(MOMENT, [ep.Freeze(("W_E",))])
    again = forks.fork(10, [ep.Change("training.frozen", [])])
    start = at_moment(parents, [])[0][0].state.params
    np.testing.assert_array_equal(forks[0].params()["W_E"], start["W_E"])
    assert not np.array_equal(again[0].params()["W_E"], start["W_E"])
    assert not any("moments" in name and name.endswith("W_E") for name in forks[0].state())


def test_another_optimiser_begins_anew_and_another_batch_a_new_pass(parents: ep.Runs) -> None:
    sgd, plain = at_moment(parents, [ep.Change("training.optimiser", ep.SGD(lr=0.05, momentum=0.9))])
    assert float(sgd[0].state.knobs["training.optimiser.lr"]) == pytest.approx(0.05)
    np.testing.assert_array_equal(sgd[0].state.params["W_E"], plain[0].state.params["W_E"])
    batch, plain = at_moment(parents, [ep.Change("training.batch_size", 16)])
    assert int(batch[0].state.order.cursor) == len(batch[0].data.rows)
    assert int(plain[0].state.order.cursor) == 16
    fresh, _ = at_moment(parents, [ep.ResetMoments()])
    assert int(fresh[0].state.moments[0].count) == 0


def test_a_held_norm_is_held(parents: ep.Runs) -> None:
    """At the multiple of the norm at initialisation, also where it comes on in a fork."""
    first = float(parents.data.total_norm.values[0, 0, 0])
    forks = parents.fork(MOMENT, [ep.Set("norm_share", 0.5)])
    np.testing.assert_allclose(forks.data.total_norm.values[0, 0, 1:], 0.5 * first, rtol=1e-5)


def test_a_norm_is_held_of_what_moves(parents: ep.Runs) -> None:
    """In whichever order a tensor is frozen and the norm is held."""
    held, frozen = ep.Set("norm_share", 0.5), ep.Freeze(("W_E",))
    held_first, frozen_first = (parents.fork(MOMENT, edits, steps=3)[0].params() for edits in ([held, frozen], [frozen, held]))
    for name, value in held_first.items():
        np.testing.assert_array_equal(value, frozen_first[name], err_msg=name)


def test_moments_are_reset_of_the_named_tensors_alone(parents: ep.Runs) -> None:
    """The other tensors keep their moments, and the count of steps goes on."""
    reset, plain = at_moment(parents, [ep.ResetMoments(tensors=("W_E",))])
    after, before = reset[0].state.moments[0], plain[0].state.moments[0]
    assert int(after.count) == MOMENT
    assert not after.mu["W_E"].any()
    np.testing.assert_array_equal(after.mu["W_U"], before.mu["W_U"])
    assert before.mu["W_E"].any()


def test_moments_outlive_a_change_of_coupling(parents: ep.Runs) -> None:
    coupled, plain = at_moment(parents, [ep.Change("training.optimiser.decay_coupling", "coupled")])
    before, after = (
        {str(path[1:]): value for path, value in jax.tree_util.tree_flatten_with_path(starts[0].state.moments)[0]}
        for starts in (plain, coupled)
    )
    assert set(before) == set(after)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)
    assert int(coupled[0].state.moments[1].count) == MOMENT


def test_a_donor_that_was_trained_on_makes_another_fork(root: Path) -> None:
    brief = ep.train(TINY.swept("training.steps", 10), seeds=2, data_seeds=0, root=root, observation=ROWS)
    edits = [ep.Transplant(("W_E",), brief[1].id)]
    first = brief.fork(5, edits, steps=3)[0]
    ep.train(TINY.swept("training.steps", 20), seeds=2, data_seeds=0, root=root, observation=ROWS)
    again = brief.fork(5, edits, steps=3)[0]
    assert first.id != again.id
    assert not np.array_equal(first.params()["W_E"], again.params()["W_E"])


def test_temperature_divides_the_logits(parents: ep.Runs) -> None:
    """Accuracy stays, the loss is that of flatter outputs."""
    hot = parents.fork(MOMENT, [ep.Set("temperature", 1e6)], steps=1).data
    plain = parents.fork(MOMENT, [], steps=1).data
    np.testing.assert_allclose(hot.test_loss.values[..., 0], np.log(7), rtol=1e-4)
    np.testing.assert_array_equal(hot.test_acc.values[..., 0], plain.test_acc.values[..., 0])


def test_noise_is_the_runs_own(parents: ep.Runs) -> None:
    for knob in ("gradient_noise", "weight_noise"):
        none, some = (parents.fork(MOMENT, [ep.Set(knob, size)], steps=10) for size in (0.0, 0.05))
        plain = parents.fork(MOMENT, [], steps=10)
        np.testing.assert_allclose(none[0].params()["W_U"], plain[0].params()["W_U"], rtol=1e-5, atol=1e-6)
        change = [some[i].params()["W_U"] - plain[i].params()["W_U"] for i in range(2)]
        assert np.abs(change[0]).max() > 1e-4
        assert not np.allclose(*change)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([ep.Scale("temperature", 2)], "is off in this run; give it a value with set"),
        ([ep.Set("temperature", 2, over=5)], "off before the fork"),
        ([ep.Set("lr", -1.0)], "greater than or equal to 0"),
        ([ep.Set("lr", 0.1, until=MOMENT + 1)], "to last until step 19"),
        ([ep.Change("training.batch_size", 8)], "is 8 already"),
        ([ep.Change("training.batch_sise", 8)], "did you mean 'batch_size'"),
        ([ep.Change("task.p", 11)], "keeps its parent's task"),
        ([ep.Change("training.steps", 11)], "budget of its own"),
        ([ep.Change("model.d_mlp", 32)], "changes the names or shapes of W_U, W_in, b_in"),
        ([ep.Remove(0.01)], "0.01 of 29 rows is none"),
        ([ep.Remove(1.0)], "no row is left"),
        ([ep.Replace(1.0)], "only 20 are held out"),
        ([ep.Withhold(1.0, 5)], "all rows are withheld"),
        ([ep.ScaleWeights(("W_Q",), 2)], "no tensor is called 'W_Q'"),
        ([ep.ZeroUnits(("W_U",), 0, (16,))], "has units 0 to 15"),
        ([ep.ZeroUnits(("W_U",), 2, (0,))], "has axes 0 to 1"),
        ([ep.Project(("W_E",), 0, "fourier", (4,))], "frequencies over 7 residues are 0 to 3"),
        ([ep.Freeze(("*",))], "every tensor is frozen"),
        ([ep.Transplant(("W_E",), "nobody")], "nobody"),
    ],
)
def test_wrong_edits_are_refused_and_leave_nothing(edits: list[ep.Edit], message: str, parents: ep.Runs) -> None:
    before = sorted(path.name for path in (parents._session.root.path / "cohorts").iterdir())
    with pytest.raises(ep.InputError, match=message):
        parents.fork(MOMENT, edits)
    assert sorted(path.name for path in (parents._session.root.path / "cohorts").iterdir()) == before


def test_transplants_across_splits_or_shapes_are_refused(parents: ep.Runs, root: Path) -> None:
    root_path = parents._session.root.path
    elsewhere = ep.train(TINY.swept("training.steps", 5), seeds=1, data_seeds=3, root=root_path, observation=ROWS)
    with pytest.raises(ep.InputError, match="trained on other rows"):
        parents.fork(MOMENT, [ep.Transplant(("W_E",), elsewhere[0].id)])
    with pytest.raises(ep.InputError, match="no run on data seed 0"):
        parents.fork(MOMENT, [ep.Transplant(("W_E",), "elsewhere")], donors={"elsewhere": elsewhere})
    wide = ep.train(
        TINY.swept("model.d_model", 16).swept("training.steps", 5), seeds=1, data_seeds=0, root=root_path, observation=ROWS
    )
    with pytest.raises(ep.InputError, match=r"W_E has shape .* in this run and shape"):
        parents.fork(MOMENT, [ep.Transplant(("W_E",), wide[0].id)])
    other = ep.train(TINY.swept("task.operation", "x-y").swept("training.steps", 5), seeds=1, data_seeds=0, root=root_path)
    with pytest.raises(ep.InputError, match="has another task"):
        parents.fork(MOMENT, [ep.Transplant(("W_E",), other[0].id)])


def test_moments_in_words(parents: ep.Runs) -> None:
    data = parents._flat()
    accuracy = data.train_acc.values
    from epicycle.events.moments import fork_moment

    first = int(data.step.values[np.argmax(accuracy[0] >= 0.3)])
    assert fork_moment(data, 0, "train_acc>=0.3") == first
    assert fork_moment(data, 0, "t_mem(level=0.3, hold=0)") == first
    assert fork_moment(data, 0, "0.5*t_mem(level=0.3, hold=0)") == -(-first // 2)
    assert fork_moment(data, 0, "train_loss<0.0") is None
    with pytest.raises(ep.InputError, match="did you mean 'level'"):
        fork_moment(data, 0, "t_mem(levle=0.5)")
    with pytest.raises(ep.InputError, match="no such series; did you mean 'train_acc'"):
        fork_moment(data, 0, "train_ac>=0.3")
    parts = data.assign(parts=data.train_acc.expand_dims(part=2, axis=-1))
    for at in ("peak(parts)", "parts<1"):
        with pytest.raises(ep.InputError, match="more than one number at a step"):
            fork_moment(parts, 0, at)


def test_donors_that_wait_for_each_other_are_refused() -> None:
    control = {"experiment": TINY.model_dump(mode="json"), "seeds": 6}
    swap = {"fork": "control", "at": 5, "edits": [{"kind": "transplant", "tensors": ["W_E"], "donor": "other"}]}
    other = {"fork": "control", "at": 5, "edits": [{"kind": "transplant", "tensors": ["W_E"], "donor": "swap"}]}
    with pytest.raises(ep.InputError, match="wait for each other"):
        ep.Study.parse({"question": "Who is first?", "arms": {"control": control, "swap": swap, "other": other}})
    chain = ep.Study.parse({"question": "Who is first?", "arms": {"control": control, "swap": {**swap, "edits": []}, "other": other}})
    assert [[name for name, _ in born] for born in chain.generations()] == [["swap"], ["other"]]


def test_edits_do_not_start_the_engine() -> None:
    """Every kind is made, and its default values read, in a process that has no JAX."""
    code = """
import sys
sys.modules["jax"] = None
import epicycle.edits.data, epicycle.edits.knobs, epicycle.edits.parameters
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
for kind in KINDS["edit"]:
    fields = resolve("edit", kind).model_fields.values()
    print(kind, [field.get_default(call_default_factory=True, validated_data={}) for field in fields])
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in output.splitlines()} == set(KINDS["edit"])
