"""Presets cite every field, are the published networks and splits, train, and can be named in YAML and on the command line."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.models.test_forward import REFERENCE, weights_of

import epicycle as ep
from epicycle.cli.main import command_line
from epicycle.measures.fit import Accuracy
from epicycle.presets.preset_pages import described, page
from epicycle.presets.swaps import differences, swaps
from epicycle.spec.base import Part, Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.fields import role_of
from epicycle.spec.kinds import PRESETS as NAMES
from epicycle.spec.preset import Citation, Preset
from epicycle.spec.registry import load_preset as load
from epicycle.spec.study import Study
from epicycle.spec.yaml_text import dump_yaml, load_yaml
from epicycle.training.program import step
from epicycle.training.state import data_of, initialiser, world_of

EXPLICIT = {
    "task": {"form"},
    "split": {"frac_train"},
    "transformer": {"n_layers", "d_model", "n_heads", "d_mlp", "act_fn", "norm", "final_norm", "biases"}
    | {"positions", "causal", "d_vocab_out", "initialisation"},
    "mlp": {"n_layers", "d_mlp", "act_fn", "operands", "combine", "biases", "initialisation"},
    "quadratic": {"d_mlp", "scaling", "weights"},
    "adamw": {"lr", "weight_decay", "betas", "eps"},
    "sgd": {"lr", "weight_decay", "momentum"},
    "training": {"optimiser", "loss", "batch_size", "warmup", "schedule", "steps"},
    "cross_entropy": {"precision"},
    "mse": set[str](),
}


def uncited(preset: Preset) -> tuple[str, ...]:
    """Paths that the experiment sets and `where` does not cover."""
    cited = [path for citation in preset.where for path in citation.paths]
    return tuple(path for path in paths_set(preset.experiment) if not any(f"{path}.".startswith(f"{known}.") for known in cited))


def paths_set(spec: Spec, prefix: str = "") -> Iterator[str]:
    """Dotted paths of everything that was given when a spec was made, the kinds of its parts included."""
    if isinstance(spec, Part):
        yield f"{prefix}kind"
    for name in type(spec).model_fields:
        if name not in spec.model_fields_set:
            continue
        value = getattr(spec, name)
        if isinstance(value, Spec):
            yield from paths_set(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_stated_and_cited(name: str) -> None:
    preset = load(name)
    assert preset.name == name
    assert uncited(preset) == ()
    experiment = preset.experiment
    training = experiment.training
    assert experiment.task.model_fields_set >= EXPLICIT["task"]
    assert experiment.split.model_fields_set >= EXPLICIT["split"]
    assert training.model_fields_set >= EXPLICIT["training"]
    for member in (experiment.model, training.optimiser, training.loss):
        assert member.model_fields_set >= EXPLICIT[member.kind]
    for entry in preset.published:
        changed = experiment
        for path, value in entry.changes.items():
            changed = changed.swept(path, value)
        assert entry.value or entry.steps
    assert preset.papers
    assert Preset.parse(json.loads(json.dumps(preset.model_dump(mode="json")))) == preset


def test_a_gap_in_the_citations_is_seen() -> None:
    preset = load("NP")
    fewer = preset.model_copy(update={"where": tuple(citation for citation in preset.where if "training.loss" not in citation.paths)})
    assert uncited(fewer) == ("training.loss.kind", "training.loss.precision")
    plain = preset.model_dump(mode="json")
    with pytest.raises(InputError, match=r"preset NP, where: model\.d_modle.*did you mean 'd_model'"):
        Preset.parse({**plain, "where": [Citation(paths=("model.d_modle",), source="nowhere").model_dump(mode="json")]})


def sizes(name: str) -> dict[str, int]:
    experiment = load(name).experiment
    table = experiment.task.table()
    shapes = jax.eval_shape(lambda: experiment.model.init(jax.random.key(0), table))
    return {tensor: int(np.prod(shape.shape)) for tensor, shape in shapes.items()}


def test_published_parameter_counts() -> None:
    """NP was counted from its stored weights, OG from its code; PB is published as '223k'."""
    assert sum(sizes("NP").values()) == 226_816
    assert sum(count for tensor, count in sizes("OG").items() if tensor not in ("W_E", "W_U")) == 394_240
    assert sum(sizes("PB").values()) == 223_360


@pytest.mark.parametrize("name", NAMES)
def test_forward_agrees_with_numpy(name: str) -> None:
    """A preset's network on three rows, plain and fast, against float64 functions that share no code with the library."""
    experiment = load(name).experiment
    model, table = experiment.model, experiment.task.table()
    weights = weights_of(model, table=table)
    exact = {tensor: value.astype(np.float64) for tensor, value in weights.items()}
    rows = table.inputs[[1, len(table.inputs) // 2, -1]]
    answers = table.positions or (rows.shape[1] - 1,)
    # Networks that answer at several positions are causal here, so an answer is the last one of a row that is cut off there.
    expected = np.stack([REFERENCE[model.kind](model, exact, rows[:, : position + 1]) for position in answers], axis=1)
    for forward in (
        lambda: model.apply(weights, jnp.asarray(rows), positions=table.positions)[0],
        lambda: fast(model, weights, rows, table),
    ):
        logits = forward().reshape(expected.shape)
        assert np.abs(logits - expected).max() <= 2e-5 * np.abs(expected).max()


def fast(model: Any, weights: Any, rows: Any, table: Any) -> Any:
    return model.fast(weights, jnp.asarray(rows), positions=table.positions, constant=table.constant)


UNIFORM = 3**-0.5  # standard deviation of a uniform number, per bound
DEVIATIONS = {
    "NP": {"W_E": 128**-0.5, "W_Q": 128**-0.5, "W_in": 128**-0.5, "W_out": 128**-0.5, "W_U": 114**-0.5, "b_in": 0},
    "TL": {"W_E": 0.8 * 128**-0.5, "W_O": 0.8 * 128**-0.5, "W_out": 0.8 * 128**-0.5, "W_U": 0.8 * 128**-0.5},
    "OM": {"W_E": 128**-0.5, "W_U": 114**-0.5},
    "AT": {"W_E": 0.8 * 128**-0.5, "W_Q": (6 / 512) ** 0.5 * UNIFORM, "W_O": 0.8 * 128**-0.5, "W_U": 0.8 * 128**-0.5, "b_out": 0},
    "PB": {"W_E": 0.02, "W_V": 0.02, "W_out": 0.02, "W_U": 0.02, "b_in": 0},
    "TG": {
        "W_E": 1,
        "W_K": 128**-0.5 * UNIFORM,
        "W_out": 512**-0.5 * UNIFORM,
        "b_out": 512**-0.5 * UNIFORM,
        "W_U": 128**-0.5 * UNIFORM,
    },
    "OG": {"W_E": 1, "W_Q": 128**-0.5 * UNIFORM, "W_O": 128**-0.5 * UNIFORM, "W_out": 512**-0.5 * UNIFORM},
    "DM": {"W_E": 1, "W_Q": (6 / 512) ** 0.5 * UNIFORM, "W_O": 128**-0.5 * UNIFORM, "b_Q": 0, "b_O": 0, "b_in": 128**-0.5 * UNIFORM},
    "SS": {"W_E": 1, "W_Q": 128**-0.5 * UNIFORM, "b_Q": 128**-0.5 * UNIFORM},
    "TK": {"W_E": 1, "W_V": (6 / 512) ** 0.5 * UNIFORM, "W_O": 128**-0.5 * UNIFORM, "b_V": 0, "W_U": 128**-0.5 * UNIFORM},
    "LI": {"W_E": 1, "W_K": (6 / 512) ** 0.5 * UNIFORM, "W_O": (6 / 256) ** 0.5 * UNIFORM, "W_in": 128**-0.5 * UNIFORM},
    "PZ-pizza": {"W_E": 128**-0.5, "W_in": 512**-0.5, "W_out": 128**-0.5, "W_U": 59**-0.5},
    "PZ-clock": {"W_E": 128**-0.5, "W_in": 512**-0.5, "W_out": 128**-0.5, "W_U": 59**-0.5},
    "RT-A5": {"W_E": 256**-0.5, "W_in": 512**-0.5, "W_U": 128**-0.5},
    "RT-S5": {"W_E": 256**-0.5, "W_in": 512**-0.5, "W_U": 128**-0.5},
    "DD": {"W_in": 0.05, "W_U": 0.05},
    "ES": {"W_in": 226**-0.5 * UNIFORM, "W_hidden": 200**-0.5 * UNIFORM, "W_U": 200**-0.5 * UNIFORM},
    "KU": {"W_in": 1, "W_U": 1},
}


@pytest.mark.parametrize("name", NAMES)
def test_weights_start_at_the_published_scales(name: str) -> None:
    experiment = load(name).experiment
    params = experiment.model.init(jax.random.key(0), experiment.task.table())
    for tensor, deviation in DEVIATIONS[name].items():
        assert float(params[tensor].std()) == pytest.approx(deviation, rel=0.1 if params[tensor].size < 3000 else 0.03), tensor


def test_splits_are_the_published_ones() -> None:
    """Drawn here by the calls that the repositories make."""

    def rows(name: str) -> Any:
        preset = load(name)
        assert preset.data_seed is not None
        return preset.experiment.split.train_rows(preset.experiment.task.table(), preset.data_seed)

    pairs = [(i, j, 113) for i in range(113) for j in range(113)]
    random.seed(0)
    random.shuffle(pairs)
    assert rows("NP").tolist() == [i * 113 + j for i, j, _ in pairs[: int(0.3 * len(pairs))]]
    assert rows("AT").tolist() == np.random.RandomState(42).permutation(113**2)[: int(113**2 * 0.3)].tolist()
    assert rows("LI").tolist() == np.random.RandomState(42).permutation(np.arange(97**2))[: int(0.5 * 97**2)].tolist()
    order = list(range(97**2))
    random.seed(420)
    random.shuffle(order)
    assert rows("DD").tolist() == order[: int(0.5 * 97**2)]


def smaller(preset: Preset) -> ep.Experiment:
    """The same experiment on fewer rows and with one narrow block, so that the same step compiles in less time."""
    changes: dict[str, Any] = {"split.frac_train": 0.5}
    changes |= {"task.group": "S3"} if preset.name.startswith("RT") else {"task.p": 8 if preset.name == "SS" else 11}
    if preset.experiment.model.kind == "transformer":
        changes |= {"model.n_layers": 1, "model.d_model": 16, "model.d_head": 4, "model.d_mlp": 32}
    experiment = preset.experiment
    for path, value in changes.items():
        experiment = experiment.swept(path, value)
    return experiment


@pytest.mark.parametrize("name", NAMES)
def test_two_steps(name: str) -> None:
    """The first update moves nothing after a warm-up from 0, as in the codes that have one; the second update moves all it should."""
    experiment = smaller(load(name))
    table, run = experiment.task.table(), Run(experiment=experiment)
    data = jax.tree.map(jnp.asarray, data_of(run, table))
    begun = initialiser(experiment, table)(run, data)
    update = jax.jit(
        lambda state: step(experiment, world_of(table), data, state), compiler_options={"xla_backend_optimization_level": 0}
    )
    first = update(begun)
    second = update(first)
    still = experiment.training.warmup > 0
    assert all(np.array_equal(first.params[tensor], value) == still for tensor, value in begun.params.items() if tensor == "W_in")
    for tensor, value in second.params.items():
        assert np.isfinite(value).all()
        assert not np.array_equal(value, begun.params[tensor]) or tensor in ("b_K", "b_Q"), tensor
    assert int(second.step) == 2
    assert int(second.diverged) == -1


def test_the_quadratic_preset_groks_within_its_hundred_steps(tmp_path: Path) -> None:
    """Published: train accuracy 0.99 at steps 19 to 20, test accuracy 0.99 at 41 to 42, with weights from another generator."""
    preset = load("DD")
    observation = ep.Observation(measures=(Accuracy(rows="train"), Accuracy(rows="test")))
    runs = ep.train(preset.experiment, seeds=1, data_seeds=preset.data_seed, root=tmp_path, observation=observation)
    assert (runs.data.train_acc.isel(step=-1) == 1).all()
    assert (runs.data.test_acc.isel(step=-1) == 1).all()
    early = runs.data.test_acc.where(runs.data.step <= 30).max("step")
    assert (early < 0.7).all(), "it does not generalise when it memorises"


def test_lookup() -> None:
    assert ep.preset("NP") is load("NP")
    for wrong, words in (("np", "'NP'"), ("PZ-pizzza", "'PZ-pizza'"), ("OGG", "'OG'"), (3, "a preset is named by a text")):
        with pytest.raises(InputError) as error:
            load(wrong)
        assert words in str(error.value)


def test_a_preset_is_imported_when_it_is_named() -> None:
    code = "import sys, epicycle as ep; ep.Experiment; assert 'epicycle.presets.prieto' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def parsed(text: str) -> ep.Experiment:
    return ep.Experiment.parse(load_yaml(text, "x.yaml"))


def test_presets_in_yaml() -> None:
    published = load("NP").experiment
    assert parsed("preset: NP") == published
    assert Run(experiment=parsed("preset: NP")).id == Run(experiment=parsed(dump_yaml(published.model_dump(mode="json")))).id
    less = parsed("{preset: NP, training: {optimizer: {wd: 0.3}, epochs: 500}}")
    assert less == published.swept("training.optimiser.weight_decay", 0.3).swept("training.steps", 500)
    assert parsed("{preset: NP, split: {frac_train: 0.5}}").split == ep.PythonShuffleSplit(frac_train=0.5), "merged"
    assert parsed("{preset: NP, split: {kind: python_shuffle, frac_train: 0.5}}").split == ep.PythonShuffleSplit(frac_train=0.5)
    assert parsed("{preset: NP, split: {kind: random}}").split == ep.Split(), "another kind starts from its own defaults"
    with_mlp = parsed("{preset: NP, model: {kind: mlp}, task: {form: x y}}")
    assert (with_mlp.model, with_mlp.task.form) == (ep.MLP(), "x y")
    assert parsed("{preset: TG, training: {optimiser: {groups: []}}}").training.optimiser.groups == ()
    assert ep.Experiment.model_validate({"preset": "NP", "model": ep.MLP()}).model == ep.MLP()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("preset: NPP", "did you mean 'NP'"),
        ("preset: [NP]", "a preset is named by a text"),
        ("{preset: NP, modle: {}}", "did you mean 'model'"),
        ("{preset: NP, training: {optimiser: {lrr: 1}}}", "training.optimiser: unknown field 'lrr'"),
        ("{preset: NP, training: {optimiser: {lr: 1, learning_rate: 2}}}", "keep one"),
        ("{preset: NP, model: {kind: mpl}}", "did you mean 'mlp'"),
        ("{preset: NP, task: 7}", "task"),
    ],
)
def test_bad_presets_in_yaml(text: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        parsed(text)
    assert words in str(error.value)


def test_set_reaches_presets() -> None:
    arms = {"a": {"experiment": {"preset": "NP"}}, "b": {"experiment": {"preset": "TL", "training": {"steps": 7}}}}
    study = Study.parse({"question": "Why?", "arms": arms})
    changed = study.with_assignments({"task.p": 59, "arms.b.training.optimiser.lr": 3e-3})
    a, b = (arm.experiment for _, arm in changed.root_arms())
    assert a == load("NP").experiment.swept("task.p", 59)
    assert (b.task.p, b.training.optimiser.lr, b.training.steps, b.model.biases) == (59, 3e-3, 7, ())
    replaced = study.with_assignments({"task.p": 59, "arms.b.preset": "OM"})
    assert [arm.experiment for _, arm in replaced.root_arms()] == [a, load("OM").experiment.swept("task.p", 59)]
    everywhere = study.with_assignments({"preset": "PB"})
    assert {arm.experiment.model_dump_json() for _, arm in everywhere.root_arms()} == {load("PB").experiment.model_dump_json()}
    with pytest.raises(InputError, match="did you mean 'PB'"):
        study.with_assignments({"preset": "PBB"})
    with pytest.raises(InputError, match="an arm of its own"):
        a.swept("preset", "TL")


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["epicycle", *args])
    with pytest.raises(SystemExit) as ending:
        command_line()
    out, err = capsys.readouterr()
    return int(str(ending.value.code)), out, err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(capsys, monkeypatch, "presets")
    assert code == 0
    assert all(f"{name}: " in out for name in NAMES)
    code, out, _ = command(capsys, monkeypatch, "presets", "--json")
    listed = json.loads(out)["presets"]
    assert [entry["preset"] for entry in listed] == list(NAMES)
    assert {"task", "network", "optimiser", "split"} <= set(listed[0])
    code, out, _ = command(capsys, monkeypatch, "presets", "NP")
    assert code == 0
    for words in ("helpers.py, cross_entropy_high_precision", "step 7,583", "frac_train: 0.3", "data_seed 0", "gen_train_test"):
        assert words in out
    code, out, _ = command(capsys, monkeypatch, "presets", "NP", "--json")
    assert Preset.parse(json.loads(out)) == load("NP")
    code, out, err = command(capsys, monkeypatch, "presets", "NPP")
    assert (code, out) == (2, "")
    assert err.strip() == "epicycle: there is no preset 'NPP'; did you mean 'NP'?"


def test_a_study_of_a_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = {"question": "Does it?", "arms": {"only": {"experiment": {"preset": "NP", "training": {"steps": 4}}, "seeds": 1}}}
    (tmp_path / "mine.yaml").write_text(dump_yaml(study))
    small = [f"--set={path}" for path in ("task.p=7", "model.d_model=8", "model.d_head=2", "model.d_mlp=8")]
    code, _, err = command(capsys, monkeypatch, "run", "mine.yaml", "--json", *small)
    assert code == 0, err
    code, _, err = command(capsys, monkeypatch, "run", "mine.yaml", "--set", "preset=NPP")
    assert code == 2
    assert "did you mean 'NP'" in err


BUDGETS = {f"training.{field}" for field, info in ep.Training.model_fields.items() if role_of(info) == "budget"}


@pytest.mark.parametrize("pair", [("NP", "TL"), ("TL", "NP"), ("NP", "OG"), ("TG", "NP"), ("SS", "DM"), ("PB", "LI"), ("RT-A5", "ES")])
def test_swaps_take_every_difference_once(pair: tuple[str, str]) -> None:
    a, b = map(load, pair)
    differing = set(differences(a, b)) - BUDGETS
    result = swaps(a, b, seeds=3)
    assert result.impossible == {}
    arms = dict(result.arms)
    assert arms.pop(a.name.lower()).experiment == a.experiment
    taken: list[str] = []
    for name, arm in arms.items():
        assert name.endswith(f"-of-{b.name}".lower())
        assert arm.seeds == 3
        assert arm.experiment.training.steps == a.experiment.training.steps
        swapped = a.model_copy(update={"experiment": arm.experiment})
        taken += [path for path in differences(a, swapped) if path != "training.optimiser.groups" or "groups" in name]
    assert len(taken) == len(set(taken)), "each difference in one arm"
    # A pattern of a parameter group that matches no tensor of the swapped network is dropped.
    assert set(taken) | {"training.optimiser.groups"} == differing | {"training.optimiser.groups"}


def test_swaps_of_np_and_tl() -> None:
    arms = swaps(load("NP"), load("TL")).arms
    assert set(arms) == {"np", *(f"np-{factor}-of-tl" for factor in ("split", "biases", "read-out", "initialisation", "schedule"))}
    assert arms["np-schedule-of-tl"].experiment == load("NP").experiment.swept("training.warmup", 0)
    assert Study.parse({"question": "Which one?", "arms": arms}).arms.keys() == arms.keys()


def test_a_swap_that_cannot_be() -> None:
    """An MLP reads its operands at the first positions, where OG writes another token."""
    result = swaps(load("ES"), load("OG"))
    assert "two operands at the first positions" in result.impossible["task"]
    assert "es-network-of-og" in result.arms


def test_a_swap_drops_patterns_without_tensors() -> None:
    groups = swaps(load("TG"), load("NP")).arms["tg-normalisation-of-np"].experiment.training.optimiser.groups
    assert [group.tensors for group in groups] == [("b_*",)]


def test_described() -> None:
    assert described(load("SS"))["batch"] == "512 drawn anew, warm-up 10"
    assert described(load("LI"))["batch"] == "512, warm-up 10, cosine"
    assert described(load("RT-S5"))["task"] == "xy in S5, 'x y'"


def test_the_page_is_current() -> None:
    written = Path(__file__).parents[2] / "docs" / "presets.md"
    assert written.read_text() == page(), "write it again: python -m epicycle.presets.preset_pages > docs/presets.md"
