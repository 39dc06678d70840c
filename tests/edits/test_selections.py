"""Edits of units that are found in the run itself, edits that set a measure, and pruning: what they take out, and what they leave."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epicycle as ep
from epicycle.circuits.algorithm import algorithm_of
from epicycle.lab.fork_measures import MeasuredState
from tests.cli.commands import Command, command  # noqa: F401
from tests.edits.test_edits import MOMENT, ROWS, TINY, at_moment, others, parents  # noqa: F401

BY_SHARE = {"kind": "neuron_share"}
BY_GEN = {"kind": "gen_logit", "by_component": True}
VALUES = np.array([0.3, np.nan, 0.9, 0.1, 0.9, 0.5])


class Given:
    """The context of an edit in which every measure has the same values."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def measured(self, measure: ep.Measure) -> Any:
        del measure
        return VALUES

    def normal(self, shapes: Any, draw: int) -> Any:
        return {name: np.random.default_rng([self.seed, draw]).normal(size=shape) for name, shape in shapes.items()}


def chosen(seed: int = 0, **rule: Any) -> tuple[int, ...]:
    context: Any = Given(seed)
    return ep.Selection(of=BY_SHARE, **rule).units(context)[0]


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ({"top": 1}, (2,)),  # of two that are as large, the first
        ({"top": 3}, (2, 4, 5)),
        ({"top": 0.5}, (2, 4, 5)),
        ({"bottom": 2}, (0, 3)),
        ({"bottom": 1 / 6}, (3,)),
        ({"top": 6}, (0, 2, 3, 4, 5)),  # a unit without a number is never chosen
        ({"above": 0.5}, (2, 4)),
        ({"below": 0.5}, (0, 3)),
        ({"above": 0.5, "invert": True}, (0, 1, 3, 5)),
    ],
)
def test_rules(rule: dict[str, Any], units: tuple[int, ...]) -> None:
    assert chosen(**rule) == units


def test_the_null_takes_as_many_of_the_others() -> None:
    drawn = {chosen(seed, top=2, random=True) for seed in range(20)}
    assert {len(units) for units in drawn} == {2}
    assert not {unit for units in drawn for unit in units} & {2, 4}
    assert len(drawn) > 3, "another seed draws other units"
    assert chosen(top=2, random=True) == chosen(top=2, random=True)
    assert len({chosen(top=2, random=True, draw=draw) for draw in range(5)}) > 1, "another draw too"
    assert chosen(top=4, random=True) == (1, 3), "where there are fewer others, all of them"
    of_all = [chosen(seed, top=4, random=True, of_all=True) for seed in range(20)]
    assert {len(units) for units in of_all} == {4}
    assert {unit for units in of_all for unit in units} == set(range(6))


def at(parents: ep.Runs, *edits: ep.Edit, **donors: ep.Runs) -> tuple[Any, Any]:  # noqa: F811
    """The parameters of the first fork and of its parent at the moment."""
    edited, plain = at_moment(parents, list(edits), **donors)
    return edited[0].state.params, plain[0].state.params


def test_units_are_those_that_the_recorded_measure_shows(parents: ep.Runs) -> None:  # noqa: F811
    """The engine's own record of the measure at the moment is the reference. Both edits select before the first of them acts."""
    recorded = parents.fork(MOMENT, [], steps=1, observation=ep.Observation(measures=(*ROWS.measures, ep.NeuronShare())))
    shares = recorded.data.neuron_share.values[0, 0, 0]
    least = np.sort(np.argsort(shares)[:4])
    memory = ep.Selection(of=BY_SHARE, bottom=0.25)
    after, before = at(parents, ep.ZeroUnits(("W_in",), -1, memory), ep.ZeroUnits(("W_U",), 0, memory))
    np.testing.assert_array_equal(np.flatnonzero((after["W_U"] == 0).all(axis=1)), least)
    np.testing.assert_array_equal(np.flatnonzero((after["W_in"] == 0).all(axis=0)), least)
    np.testing.assert_array_equal(np.delete(after["W_U"], least, axis=0), np.delete(before["W_U"], least, axis=0))
    fresh = parents[0].params(0)["W_U"]
    after, before = at(parents, ep.ResetWeights(("W_U",), 0, memory))
    np.testing.assert_array_equal(after["W_U"][least], fresh[least])
    np.testing.assert_array_equal(np.delete(after["W_U"], least, axis=0), np.delete(before["W_U"], least, axis=0))


def test_what_was_selected_is_noted_and_is_not_the_name(parents: ep.Runs, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The fork by selection ends in the bits of the fork by its noted numbers, under another id; asking again trains nothing."""
    asked = ep.ZeroUnits(("W_U",), 0, ep.Selection(of=BY_SHARE, top=3))
    forks = parents.fork(MOMENT, [asked], steps=20)
    (noted,) = forks[1].edits
    assert noted["units"] == sorted(noted["units"])
    assert len(noted["units"]) == 3
    assert ep.ZeroUnits.parse(noted).units == tuple(noted["units"])
    by_number = parents[1:2].fork(MOMENT, [ep.ZeroUnits.parse(noted)], steps=20)
    assert by_number[0].id != forks[1].id
    for name, value in forks[1].state().items():
        np.testing.assert_array_equal(by_number[0].state()[name], value, err_msg=name)
    assert forks[0].edits != forks[1].edits, "each run has its own units"
    monkeypatch.setattr("epicycle.lab.missing_runs.start", lambda: pytest.fail("what exists is not trained again"))
    again = parents.fork(MOMENT, [asked], steps=20)
    assert again[1].id == forks[1].id
    assert again[1].edits == forks[1].edits
    assert parents[0].edits == ()


def test_selections_resume_and_replay_to_the_bit(root: Path) -> None:
    """A fork that is trained on, and its state between kept states, are those of a fork trained at once."""
    edits = [ep.Project(("W_E",), 0, "components", ep.Selection(of=BY_GEN, top=1, random=True), keep=False)]
    brief, whole = (ep.train(TINY, seeds=2, data_seeds=0, root=root / name, observation=ROWS) for name in ("brief", "whole"))
    brief.fork(MOMENT, edits, steps=9)
    resumed, straight = (runs.fork(MOMENT, edits, steps=30) for runs in (brief, whole))
    assert resumed[0].edits == straight[0].edits
    for name, value in straight[0].state().items():
        np.testing.assert_array_equal(resumed[0].state()[name], value, err_msg=name)
    for name, value in straight[0].params(step=13).items():
        np.testing.assert_array_equal(resumed[0].params(step=13)[name], value, err_msg=name)


@pytest.mark.parametrize("task", [ep.Modular(p=7, operation="x*y"), ep.Composition(group="S3")], ids=["product", "group"])
def test_components_are_projected_out_of_classes_and_tokens(task: ep.Task, root: Path) -> None:
    """What is left has nothing of the component, all of the others, and entries that are no elements stay; the mean stays too."""
    runs = ep.train(TINY.swept("task", task.model_dump(mode="json")), seeds=1, root=root, observation=ROWS)
    algorithm, gen = algorithm_of(task), ep.Selection(of=BY_GEN, top=1)
    for tensor, axis in (("W_E", 0), ("W_U", 1)):
        out, kept = (ep.Project((tensor,), axis, "components", gen, keep=keep) for keep in (False, True))
        number = at_moment(runs, [out])[0][0].edits[0].which  # type: ignore[union-attr]
        (without, before), (alone, _) = (at(runs, edit) for edit in (out, kept))
        elements = partial(np.take, indices=algorithm.classes, axis=axis)
        others_ = np.delete(np.arange(before[tensor].shape[axis]), algorithm.classes)
        for after in (without, alone):
            np.testing.assert_array_equal(np.take(after[tensor], others_, axis), np.take(before[tensor], others_, axis))
            np.testing.assert_allclose(elements(after[tensor]).mean(axis), elements(before[tensor]).mean(axis), atol=1e-6)
        powers = []
        for params in (before, without, alone):
            along = algorithm.basis.T @ np.moveaxis(elements(params[tensor]), axis, 0)
            powers.append(np.bincount(algorithm.owner, np.square(along).sum(axis=1)))
        is_chosen = np.isin(np.arange(len(algorithm.names)), number)
        np.testing.assert_allclose(powers[1], np.where(is_chosen, 0, powers[0]), atol=1e-5)
        np.testing.assert_allclose(powers[2], np.where(is_chosen, powers[0], 0), atol=1e-5)


def test_random_subspaces_are_the_null_of_components(parents: ep.Runs) -> None:  # noqa: F811
    """As many dimensions, the mean kept, both tensors by the same vectors; what is kept and what is taken out add up."""
    numbers = (0, 1)
    kept, before = at(parents, ep.Project(("W_E",), 0, "random", numbers), ep.Project(("W_U",), 1, "random", numbers))
    without, _ = at(parents, ep.Project(("W_E",), 0, "random", numbers, keep=False))
    table = before["W_E"][:7]
    np.testing.assert_allclose(kept["W_E"][:7] + without["W_E"][:7], table + table.mean(0), atol=1e-5)
    np.testing.assert_allclose(kept["W_E"][:7].mean(0), table.mean(0), atol=1e-6)
    spaces = [np.linalg.svd(x - x.mean(0))[0][:, :2] for x in (kept["W_E"][:7], kept["W_U"].T)]
    assert np.linalg.matrix_rank(kept["W_E"][:7] - kept["W_E"][:7].mean(0), tol=1e-5) == 2
    np.testing.assert_allclose(np.abs(np.linalg.det(spaces[0].T @ spaces[1])), 1, atol=1e-4)
    other, _ = at(parents, ep.Project(("W_E",), 0, "random", numbers, draw=1))
    assert not np.allclose(other["W_E"], kept["W_E"], atol=1e-3)


def of_first(state: Any, measure: ep.Measure, experiment: ep.Experiment = TINY) -> Any:
    return MeasuredState(experiment, state.state, state.data).value(measure)


@pytest.mark.parametrize("tensors", [("W_U",), ("W_E", "W_in", "W_U")], ids=["read-out", "all weights"])
def test_a_measure_is_set_by_the_shortest_way(tensors: tuple[str, ...], parents: ep.Runs) -> None:  # noqa: F811
    """Gen is 0 in every component, and no projection of the read-out that takes all of it out is as short. The null leaves Gen."""
    gen, whole = ep.GenLogit(by_component=True), tuple(range(3))
    steered, plain = at_moment(parents, [ep.SetMeasure(tensors, gen)])
    chance, _ = at_moment(parents, [ep.SetMeasure(tensors, gen, random=True)])
    projected, _ = at_moment(parents, [ep.Project(("W_U",), 1, "components", whole, keep=False)])
    before = of_first(plain[0], gen)
    assert np.abs(before).max() > 0.01
    np.testing.assert_allclose(of_first(steered[0], gen), 0, atol=2e-3 * np.abs(before).max())
    np.testing.assert_allclose(of_first(projected[0], gen), 0, atol=1e-5)
    assert np.abs(of_first(chance[0], gen)).max() > 0.2 * np.abs(before).max()

    def distance(start: Any) -> float:
        return sum(np.square(value - plain[0].state.params[name]).sum() for name, value in start.state.params.items()) ** 0.5

    assert distance(steered[0]) < 0.9 * distance(projected[0])
    assert distance(chance[0]) == pytest.approx(distance(steered[0]), rel=1e-4)
    np.testing.assert_array_equal(steered[0].state.params["b_in"], plain[0].state.params["b_in"])


def test_a_measure_is_set_to_any_value(parents: ep.Runs) -> None:  # noqa: F811
    goal = 0.9 * float(of_first(at_moment(parents, [])[0][0], ep.TotalNorm()))
    steered, _ = at_moment(parents, [ep.SetMeasure(("W_U", "W_in"), ep.TotalNorm(), goal)])
    norm = np.sqrt(sum(np.square(value).sum() for value in steered[0].state.params.values()))
    assert norm == pytest.approx(goal, rel=1e-3)


def test_pruned_weights_stay_zero(parents: ep.Runs, others: ep.Runs) -> None:  # noqa: F811
    """The mask is the donor's, the other weights train on, and biases at 0 are not held."""
    ticket = ep.Prune(("W_*",), "others", 0.3)
    mask = {name: np.abs(value) >= np.quantile(np.abs(value), 0.7) for name, value in others[0].params().items() if "W_" in name}
    start, before = at(parents, ticket, others=others)
    forks = parents.fork(MOMENT, [ticket], donors={"others": others}, steps=25)
    for name, value in forks[0].params().items():
        if name in mask:
            assert (start[name] != 0).mean() == pytest.approx(0.3, abs=0.01)
            np.testing.assert_array_equal(start[name] != 0, mask[name])
            np.testing.assert_array_equal(start[name][mask[name]], before[name][mask[name]])
            np.testing.assert_array_equal(value != 0, mask[name], err_msg=name)
            assert not np.array_equal(value, start[name])
    assert (forks[0].params()["b_in"] != 0).all()
    null, _ = at(parents, ep.Prune(("W_*",), "others", 0.3, random=True), others=others)
    assert (null["W_U"] != 0).sum() == (start["W_U"] != 0).sum()
    assert not np.array_equal(null["W_U"] != 0, start["W_U"] != 0)


def test_held_zeros_do_not_count_as_parts_of_the_update(parents: ep.Runs, others: ep.Runs) -> None:  # noqa: F811
    effects = tuple(ep.UpdateEffect(of=ep.Loss(rows="train"), part=part) for part in ("all", "loss"))
    observation = ep.Observation(measures=(*ROWS.measures, *effects))
    forks = parents.fork(MOMENT, [ep.Prune(("*",), "others", 0.001)], donors={"others": others}, steps=1, observation=observation)
    free = parents.fork(MOMENT, [], steps=1, observation=observation)
    held, whole = (np.abs(runs.data.train_loss_by_all.values[0, 0, 0]) for runs in (forks, free))
    assert held < 0.2 * whole


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"of": {"kind": "gen_part"}, "top": 1}, "gen_part gives one number, and a selection needs one number for each unit"),
        ({"of": {"kind": "neuron_share", "by_component": True}, "top": 1}, "gives a table of numbers"),
        ({"of": BY_SHARE}, "needs one of top, bottom, above and below, and has none"),
        ({"of": BY_SHARE, "top": 1, "above": 0.5}, "has top and above"),
        ({"of": BY_SHARE, "top": 1.5}, "a whole number of units, or a share below 1"),
        ({"of": BY_SHARE, "top": 0}, "greater than 0"),
        ({"of": BY_SHARE, "top": 1, "of_all": True}, "set random too"),
        ({"of": {"kind": "neuron_shore"}, "top": 1}, "did you mean 'neuron_share'"),
    ],
)
def test_wrong_selections_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ep.InputError, match=message):
        ep.Selection.parse(fields, "units")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (ep.ZeroUnits(("W_U",), 0, ep.Selection(of=BY_SHARE, top=17)), "asks for 17 units, and there are 16"),
        (ep.ZeroUnits(("W_U",), 1, ep.Selection(of=BY_SHARE, top=1)), "gives 16 numbers, and W_U has 7 entries along axis 1"),
        (ep.ZeroUnits(("W_U",), 0, ep.Selection(of=BY_SHARE, above=2.0)), "chooses none of the 16 units; their numbers lie between"),
        (ep.Project(("W_U",), 1, "components", ep.Selection(of=BY_SHARE, top=1)), "the task has 3 components"),
        (ep.Project(("W_U",), 1, "components", (3,)), "the task has components 0 to 2, not 3"),
        (ep.Project(("W_U",), 1, "random", (6,)), "random vectors 0 to 5 over 7 residues, not 6"),
        (ep.SetMeasure(("b_in",), {"kind": "spectral_gini"}, 0.1), "b_in cannot bring unembedding_gini to 0.1"),
        (ep.SetMeasure(("W_U",), {"kind": "gen_share"}, 5.0), "W_U cannot bring gen_share to 5"),
    ],
)
def test_what_cannot_be_selected_is_refused_and_leaves_nothing(edit: ep.Edit, message: str, parents: ep.Runs) -> None:  # noqa: F811
    folder = parents._session.root.path / "cohorts"
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(ep.InputError, match=message):
        parents.fork(MOMENT, [edit])
    assert sorted(path.name for path in folder.iterdir()) == before


def test_what_fits_together_is_checked_first() -> None:
    selection = {"of": BY_SHARE, "top": 1}
    with pytest.raises(ep.InputError, match="basis must be components, not singular"):
        ep.Project.parse({"tensors": ["W_E"], "basis": "singular", "which": selection})
    with pytest.raises(ep.InputError, match="give an axis and its units"):
        ep.ResetWeights.parse({"tensors": ["W_E"], "units": selection})


def test_a_task_without_gen_is_refused_before_the_first_step(tmp_path: Path, command: Command) -> None:  # noqa: F811
    """On the command line: exit 2 and one paragraph. A selection that may choose nothing on an untrained network is no mistake."""
    study = """
question: What is left without Gen?
arms:
  plain: {{experiment: {{task: {task}, model: {{kind: mlp, d_model: 8, d_mlp: 16}}, training: {{steps: 20}}}}, seeds: 8}}
  cut:
    fork: plain
    at: 10
    edits: [{{kind: zero_units, tensors: [W_U], axis: 0, units: {{of: {{kind: neuron_share}}, {rule}}}}}]
"""
    paths = {}
    for name, task in (("none", "{kind: random_table, n: 7}"), ("some", "{kind: modular, p: 7, operation: x+y}")):
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(study.format(task=task, rule="top: 3" if name == "none" else "above: 0.999"))
    refused, planned = (command("plan", str(paths[name])) for name in ("none", "some"))
    assert refused.returncode == 2
    assert "arms.cut: measures of circuits need a task whose answers are computed in a group" in refused.stderr
    assert "\n\n" not in refused.stderr.strip()
    assert planned.returncode == 0, planned.stderr
