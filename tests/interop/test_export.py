"""Exported files: tables read back to the same numbers, weights load under other codes' names, bad requests are refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest
from safetensors import safe_open
from tests.cli.commands import Command, command, one_paragraph

import epicycle as ep

__all__ = ["command"]  # a fixture


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ep.Runs]:
    """Two runs that stop by themselves, with two strengths of weight decay."""
    experiment = ep.Experiment(
        task=ep.Modular(p=7, operation="x-y"),
        split=ep.Split(frac_train=0.6),
        model=ep.Transformer(n_layers=2, d_model=8, n_heads=2, d_mlp=16),
        training=ep.Training(steps=60),
    )
    root = tmp_path_factory.mktemp("export") / "epicycle-results"
    return root, ep.train(experiment, seeds=1, sweep={"training.optimiser.weight_decay": [0.5, 1.0]}, root=root)


def reread(frame: pandas.DataFrame, runs: ep.Runs, position: int) -> None:
    run = runs[position]
    data = run.recorded()
    np.testing.assert_array_equal(frame["step"], data["step"])
    assert list(frame.columns[:4]) == ["run", "seed", "data_seed", "step"]
    assert (frame["run"] == run.id).all()
    for name in ("train_loss", "test_acc"):
        np.testing.assert_array_equal(frame[name].astype(np.float32), data[name].values)
    for tensor in ("W_E", "b_out"):
        column = data["weight_norm"].sel(tensor=tensor)
        np.testing.assert_array_equal(frame[f"weight_norm[{tensor}]"].astype(np.float32), column.values)


def test_tables_read_back(trained: tuple[Path, ep.Runs], tmp_path: Path) -> None:
    _, runs = trained
    reread(pandas.read_csv(ep.export(runs[0], "csv", tmp_path / "new" / "folder")), runs, 0)
    pytest.importorskip("pyarrow")
    reread(pandas.read_parquet(ep.export(runs[1], "parquet", tmp_path)), runs, 1)


@pytest.mark.parametrize("names", ["old", "native", "own"])
def test_weights_come_back_through_the_importer(names: str, trained: tuple[Path, ep.Runs], tmp_path: Path) -> None:
    _, runs = trained
    for step in (10, None):
        path = ep.export(runs[1], "safetensors", tmp_path, step=step, names=names)
        imported = ep.import_weights(path, fields={"n_heads": 2})
        params = runs[1].params(step)
        assert set(imported.params) == set(params)
        for name, value in params.items():
            np.testing.assert_array_equal(imported.params[name], value)
        with safe_open(path, "numpy") as opened:
            header = json.loads(opened.metadata()["epicycle"])
        assert header["step"] == (step or 60)
        assert header["model"]["kind"] == "transformer"
        assert header["model"]["n_layers"] == 2


def test_a_member_gives_its_own_experiment(trained: tuple[Path, ep.Runs]) -> None:
    _, runs = trained
    experiments = [runs[position].experiment() for position in (0, 1)]
    assert experiments == [runs[position].spec.experiment.model_dump(mode="json") for position in (0, 1)]
    assert experiments[0] != experiments[1]


def test_the_command(trained: tuple[Path, ep.Runs], tmp_path: Path, command: Command) -> None:
    root, runs = trained
    first = runs[0].id
    beginning = next(first[:n] for n in range(1, 17) if not runs[1].id.startswith(first[:n]))
    result = command("export", beginning, "--to", "csv", "out", "--root", str(root))
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()) == Path("out") / f"{first}.csv"
    before = (tmp_path / "out" / f"{first}.csv").read_bytes()
    printed = json.loads(command("export", first, "--to", "csv", "out", "--root", str(root), "--json").stdout)
    assert Path(printed["file"]).read_bytes() == before
    args = ("export", first, "--to", "safetensors", "out", "--step", "10", "--names", "native", "--root", str(root))
    assert command(*args).stdout.strip().endswith(f"{first}-step-10-native.safetensors")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [f"{first}.csv", f"{first}-step-10-native.safetensors"]
    ), "and nothing half-written beside them"


BAD: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "no such run": (("zzzz", "--to", "csv", "out"), ("no run in", "begins with 'zzzz'", "2 runs")),
    "several runs": (("", "--to", "csv", "out"), ("2 runs begin with ''",)),
    "no such format": (("RUN", "--to", "cvs", "out"), ("did you mean 'csv'",)),
    "no format": (("RUN", "out"), ("--to",)),
    "no such step": (("RUN", "--to", "safetensors", "out", "--step", "11"), ("keeps no state of step 11", "it keeps")),
    "no such names": (("RUN", "--to", "safetensors", "out", "--names", "olde"), ("did you mean 'old'",)),
    "a step of a table": (("RUN", "--to", "csv", "out", "--step", "10"), ("all recorded steps",)),
    "a file in the way": (("RUN", "--to", "csv", "taken"), ("taken is not a folder",)),
    "a file above": (("RUN", "--to", "csv", "taken/below"), ("taken/below", "choose another folder")),
    "no root": (("RUN", "--to", "csv", "out", "--root", "nowhere"), ("nowhere", "not an Epicycle results folder")),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(case: str, trained: tuple[Path, ep.Runs], tmp_path: Path, command: Command) -> None:
    args, words = BAD[case]
    root, runs = trained
    (tmp_path / "taken").write_text("here first")
    arguments = [runs[0].id if arg == "RUN" else arg for arg in args]
    root_option = () if "--root" in arguments else ("--root", str(root))
    one_paragraph(command("export", *arguments, *root_option), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "here first"


def test_parquet_without_pyarrow(
    trained: tuple[Path, ep.Runs], tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, runs = trained
    monkeypatch.setattr("epicycle.interop.parquet.find_spec", lambda name: None)
    one_paragraph(
        command("export", runs[0].id, "--to", "parquet", "out", "--root", str(root)), "pip install 'epicycle[parquet]'", "CSV"
    )
    assert not (tmp_path / "out").exists()


def test_the_header_of_our_own_file_gives_the_network(tmp_path: Path, tiny: ep.Experiment) -> None:
    network = ep.Transformer(d_model=8, n_heads=2, d_mlp=16, norm="post", final_norm=True, act_fn="gelu", causal=False)
    run = ep.train(tiny.model_copy(update={"model": network}).swept("training.steps", 2), seeds=1, root=tmp_path)[0]
    file = ep.export(run, "safetensors", tmp_path / "out", names="own")
    assert ep.import_weights(file).model == network
    changed = ep.import_weights(file, fields={"act_fn": "relu"}).model
    assert isinstance(changed, ep.Transformer)
    assert changed.act_fn == "relu", "fields come before the header"
    with pytest.raises(ep.InputError, match="n_heads = 0 is not a whole number"):
        ep.import_weights(file, fields={"n_heads": 0})
    with pytest.raises(ep.InputError, match="HookedTransformer has no norm = post"):
        ep.export(run, "safetensors", tmp_path / "out")


def test_a_model_without_transformer_names(tmp_path: Path, tiny: ep.Experiment) -> None:
    runs = ep.train(tiny.model_copy(update={"model": ep.MLP(d_model=8, d_mlp=16)}), seeds=1, root=tmp_path / "results")
    with pytest.raises(ep.InputError, match=r"\(mlp\) have no old TransformerLens names.*--names own"):
        ep.export(runs[0], "safetensors", tmp_path)
    assert ep.export(runs[0].id[:6], "safetensors", tmp_path, names="own", root=tmp_path / "results").stat().st_size > 1000
