"""`epicycle measure`: further measures of a study or of a run, and what does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest

import epicycle as ep
from epicycle.circuits import CIRCUIT_SET
from epicycle.measures import LANDSCAPE_SET
from tests.cli.commands import Command, one_paragraph

STUDY = """
question: What is recorded later?
arms:
  asked:
    experiment:
      task: {kind: modular, p: 7, operation: OPERATION}
      split: {frac_train: 0.5}
      model: {kind: mlp, d_model: 4, d_mlp: 8}
      training: {steps: 30}
    seeds: 2
  slower:
    fork: asked
    at: 10
    edits: [{kind: scale, knob: lr, by: 0.5}]
"""
FLAWED = """
from typing import ClassVar

import epicycle as ep


class Flawed(ep.Measure):
    name: ClassVar[str] = "flawed"
    needs: ClassVar[tuple[str, ...]] = ("params",)
    dims: ClassVar[tuple[str, ...]] = ("tensor",)

    def fn(self, snapshot):
        return 0.0 * snapshot["params"]["W_U"].sum()
"""


@pytest.fixture
def study(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(STUDY.replace("OPERATION", "x-y"))
    return "mine.yaml"


def test_circuits_of_a_study_are_recorded_later(study: str, command: Command) -> None:
    before = json.loads(command("run", study, "--json").stdout)
    result = command("measure", study, "--measures", "circuits", "--measures", "{kind: loss, rows: all}", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["series"]) == len(set(document["series"])) == len(CIRCUIT_SET) + 1
    folder = Path(before["report"]).parent
    arms = ep.open(folder)
    for arm in ("asked", "slower"):
        data = arms[arm].to_dataset()
        assert set(document["series"]) <= set(data.data_vars)
        assert data["gen_share_by_component"].coords["component"].values.tolist() == ["1", "2", "3"]
        shares = data["gen_share_by_component"].sum("component")
        np.testing.assert_allclose(shares, data["gen_share"], rtol=1e-4)
        assert np.isfinite(data["mem_logit"].isel(step=0)).all()
    assert json.loads(command("show", str(folder), "--json").stdout)["claims"] == before["claims"]
    assert "recorded gen_logit" in command("measure", str(folder), "--measures", "gen_logit").stdout


def test_the_effect_of_an_update_on_a_measure_with_axes(study: str, command: Command) -> None:
    folder = Path(json.loads(command("run", study, "--json").stdout)["report"]).parent
    wanted = "[{kind: update_effect, of: {kind: gen_logit, by_component: true}}, {kind: update_effect, of: {kind: gen_logit}}]"
    result = command("measure", study, "--measures", wanted)
    assert result.returncode == 0, result.stderr
    data = ep.open(folder)["asked"].to_dataset()
    by_component = data["gen_logit_by_component_by_all"]
    assert by_component.coords["component"].values.tolist() == ["1", "2", "3"]
    np.testing.assert_allclose(by_component.sum("component"), data["gen_logit_by_all"], atol=1e-5)


def test_effects_along_the_steps_add_up_to_the_change_of_the_loss(study: str, command: Command) -> None:
    """By parts of the update, and through the two algorithms; with a look at every step."""
    folder = Path(json.loads(command("run", study, "--json").stdout)["report"]).parent
    parts = [f"{{kind: update_effect, of: {{kind: loss, rows: test}}, part: {part}, along: step}}" for part in ("loss", "decay")]
    through = [
        f"{{kind: update_effect, of: {{kind: loss_through, circuit: {part}, rows: test}}, part: all, along: step}}"
        for part in ("gen", "mem")
    ]
    result = command("measure", study, "--measures", f"[{', '.join([*parts, *through])}]")
    assert result.returncode == 0, result.stderr
    data = ep.open(folder)["asked"].to_dataset()
    assert (np.diff(data["step"]) == 1).all()
    observed = data["test_loss"].diff("step").values
    for names in (
        [f"test_loss_by_{part}_along_step" for part in ("loss", "decay")],
        [f"test_loss_through_{part}_by_all_along_step" for part in ("gen", "mem")],
    ):
        np.testing.assert_allclose(sum(data[name] for name in names).isel(step=slice(None, -1)), observed, rtol=0.02, atol=1e-4)


def test_the_end_of_a_run_is_known_when_it_is_trained_again(study: str, command: Command) -> None:
    folder = Path(json.loads(command("run", study, "--json").stdout)["report"]).parent
    result = command("measure", study, "--measures", "[{kind: end_share}, {kind: restricted, components: final}, {kind: restricted}]")
    assert result.returncode == 0, result.stderr
    for arm in ("asked", "slower"):
        data = ep.open(folder)[arm].to_dataset()
        ends = data["end_share"].isel(step=-1)
        np.testing.assert_allclose(ends, 1, rtol=1e-4)
        assert (data["end_share"].isel(step=0) < 0.999).all()
        final, online = (data[name].isel(step=-1) for name in ("restricted_loss_final", "restricted_loss"))
        np.testing.assert_allclose(final, online, rtol=1e-5)
    assert "recorded gen_logit" in command("measure", study, "--measures", "gen_logit").stdout
    assert command("run", study).returncode == 0
    longer = command("run", study, "--set", "training.steps=40")
    one_paragraph(longer, "recorded end_share, restricted_loss_final", "cannot be trained further")
    assert "recorded mem_logit" in command("measure", study, "--measures", "mem_logit").stdout, "nothing was changed"


def test_the_end_of_a_run_is_not_known_before(tmp_path: Path) -> None:
    experiment = ep.Experiment(task=ep.Modular(p=7), model=ep.MLP(d_model=4, d_mlp=8), training=ep.Training(steps=5))
    observation = ep.Observation(measures=(*ep.Observation().measures, ep.EndShare()))
    with pytest.raises(ep.InputError, match=r"measure end_share: .* record it with epicycle measure"):
        ep.train(experiment, seeds=1, observation=observation, root=tmp_path)


def test_a_measure_of_ones_own_with_wrong_axes(study: str, command: Command, tmp_path: Path) -> None:
    """It is refused before the runs are trained again."""
    command("run", study)
    (tmp_path / "flawed.py").write_text(FLAWED)
    one_paragraph(command("measure", study, "--measures", "flawed:Flawed"), "measure flawed", "declare floats with 1 axes")


def test_the_runs_of_one_cohort(study: str, command: Command) -> None:
    folder = Path(json.loads(command("run", study, "--json").stdout)["report"]).parent
    runs = json.loads((folder / "runs.json").read_text())["arms"]
    result = command("measure", runs["asked"]["runs"][0]["run"][:12], "--measures", "gen_logit, mem_logit")
    assert "2 runs: recorded gen_logit, mem_logit" in result.stdout, result.stderr
    one_paragraph(command("measure", runs["slower"]["runs"][0]["run"], "--measures", "gen_logit"), "is a fork; name the study")


def test_bad_input(study: str, command: Command, tmp_path: Path) -> None:
    one_paragraph(command("measure", study, "--measures", "gen_logit"), "is not an Epicycle results folder")
    command("run", study)
    one_paragraph(command("measure", study, "--measures", "gen_logits"), "did you mean 'gen_logit'?")
    one_paragraph(command("measure", study, "--measures", "{kind: restricted, fit: leaky}"), "measures.0.fit", "held_out")
    (tmp_path / "squares.yaml").write_text(STUDY.replace("OPERATION", "x^2+y^2"))
    command("run", "squares.yaml")
    one_paragraph(command("measure", "squares.yaml", "--measures", "gen_logit"), "computed in a group, and none is known")


def test_the_landscape_of_a_study_is_recorded_later(study: str, command: Command) -> None:
    """Costly measures have a value at a few looks, counted from where a run begins."""
    folder = Path(json.loads(command("run", study, "--json").stdout)["report"]).parent
    result = command("measure", study, "--measures", "landscape", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["series"]) == len(set(document["series"])) == len(LANDSCAPE_SET)
    for arm, looks in (("asked", [0, 1, 2, 3, 4, 6, 10, 16, 25]), ("slower", [10, 11, 12, 13, 14, 16, 20, 26])):
        data = ep.open(folder)[arm].to_dataset()
        assert set(document["series"]) <= set(data.data_vars)
        for name in ("hessian_trace", "radius_at_0.1", "llc_reason", "gradient_rank_unit"):
            taken = np.isfinite(data[name].values).all(axis=0)
            assert data["step"].values[taken].tolist() == looks, (arm, name)
