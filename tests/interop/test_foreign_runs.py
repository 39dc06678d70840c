"""Imported training curves give the numbers, events and verdicts that our own would give, and nothing is guessed silently."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import xarray

import epicycle as ep
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.events.standard import event_steps
from epicycle.interop.spellings import SPELLINGS
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError
from epicycle.spec.results import DONE, checked, statuses
from epicycle.spec.study import Figure

STEPS = np.unique(np.round(np.geomspace(1, 1000, 150)).astype(int))
LATE = Claim(
    id="late",
    statistic=EventRatio(event="t_gen", over="t_mem", arm="runs"),
    supported_if=Region(above=3.0),
    refuted_if=Region(below=2.0),
)


def curve(mem: int, gen: int | None, steps: Any = STEPS, **labels: Any) -> pandas.DataFrame:
    """A run that memorises and generalises at given steps."""
    test = (steps >= gen).astype(float) if gen is not None else np.full(len(steps), 0.02)
    train = (steps >= mem).astype(float)
    return pandas.DataFrame(
        {**labels, "step": steps, "train_acc": train, "test_acc": test, "train_loss": 2 - train, "test_loss": 2 - test}
    )


def many(gens: list[int | None], mem: int = 20) -> pandas.DataFrame:
    return pandas.concat([curve(mem, gen, seed=seed) for seed, gen in enumerate(gens)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ep.Runs]:
    """Two runs of our own, to be exported and imported again."""
    experiment = ep.Experiment(
        task=ep.Modular(p=7, operation="x-y"),
        split=ep.Split(frac_train=0.6),
        model=ep.MLP(d_model=8, d_mlp=16),
        training=ep.Training(optimiser=ep.AdamW(lr=0.03), steps=300),
    )
    folder = tmp_path_factory.mktemp("foreign")
    return folder, ep.train(experiment, seeds=2, root=folder / "results")


def test_our_own_runs_come_back_with_their_events(trained: tuple[Path, ep.Runs], tmp_path: Path) -> None:
    _, runs = trained
    paths = [ep.export(runs[position], "csv", tmp_path) for position in (0, 1)]
    back = ep.import_runs(paths, baseline=float(runs.data["baseline"].values[0]))
    assert back.data.test_acc.dims == runs.data.test_acc.dims == ("seed", "step")
    for name in ("train_loss", "test_loss", "train_acc", "test_acc", "test_acc_mirror_unseen"):
        np.testing.assert_array_equal(back.data[name].values.astype(np.float32), runs.data[name].values)
    assert np.isfinite(runs.events["t_mem"].values).any(), "otherwise there is nothing to compare"
    for name in runs.events.data_vars:
        if str(name).startswith("t_"):
            np.testing.assert_array_equal(back.events[name], runs.events[name])
    assert list(back.data["run_id"].values) == [runs[position].id for position in (0, 1)]


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    gens: list[int | None] = [200, None, 400]
    table = many(gens)
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "all.csv", index=False)
    wide = {name: np.stack([curve(20, gen)[name] for gen in gens]) for name in ("train_acc", "test_acc", "train_loss", "test_loss")}
    np.savez(tmp_path / "all.npz", step=STEPS, seed=[0, 1, 2], **wide)
    files = []
    for seed, gen in enumerate(gens):
        files.append(tmp_path / f"{seed}.csv")
        curve(20, gen).to_csv(files[-1], index=False)
    sources: dict[str, Any] = {
        "csv": tmp_path / "all.csv",
        "npz": str(tmp_path / "all.npz"),
        "files": files,
        "table": table,
        "tables": [curve(20, gen) for gen in gens],
        "arrays": {"step": STEPS, **wide},
        "arm": {"runs": tmp_path / "all.csv"},
    }
    expected = ep.import_runs(table, num_classes=50).data.drop_vars("run_id")
    for source in sources.values():
        xarray.testing.assert_identical(ep.import_runs(source, num_classes=50).data.drop_vars("run_id"), expected)
    events = ep.import_runs(table, num_classes=50).events
    first = STEPS[STEPS >= 200][0]
    assert events["t_gen"].values[0] == first
    assert list(events["t_gen_censored"].values) == [False, True, False]
    assert "t_on" not in events, "nobody recorded which mirrors were seen"


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    many([200, 300]).to_parquet(tmp_path / "a.parquet", engine="pyarrow")
    runs = ep.import_runs(tmp_path / "a.parquet", num_classes=50)
    xarray.testing.assert_identical(
        runs.data.drop_vars("run_id"), ep.import_runs(many([200, 300]), num_classes=50).data.drop_vars("run_id")
    )


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("epicycle.interop.parquet.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'epicycle\[parquet\]'"):
        ep.import_runs(tmp_path / "a.parquet", num_classes=50)


@pytest.mark.parametrize(
    "theirs", ["val_acc", "valid_accuracy", "Validation Accuracy", "val/acc", "eval.accuracy", "acc_val", "test_acc"]
)
@pytest.mark.parametrize("clock", ["epoch", "iteration", "_step", "Steps"])
def test_other_spellings(theirs: str, clock: str) -> None:
    table = many([200]).rename(columns={"test_acc": theirs, "step": clock})
    np.testing.assert_array_equal(ep.import_runs(table, num_classes=50).data["test_acc"].values[0], curve(20, 200)["test_acc"])


def test_spellings_lead_to_our_names() -> None:
    assert set(SPELLINGS.values()) == {"step", "run", "seed", "data_seed", "train_loss", "train_acc", "test_loss", "test_acc"}


def test_ragged_runs_end_where_they_end() -> None:
    """Censored at the last step of their own record; drawn and judged all the same."""
    coarse = np.arange(0, 600, 7)
    runs = ep.import_runs([curve(20, 200), curve(21, None, coarse)], num_classes=50)
    flat = runs.arms["runs"]
    assert flat.sizes["step"] == len(np.union1d(STEPS, coarse))
    assert np.isnan(flat["test_acc"].values[1][flat["step"] > 595]).all()
    assert event_steps(flat)["t_mem"] == [int(STEPS[STEPS >= 20][0]), 21]
    [verdict] = runs.judge(LATE.model_copy(update={"min_seeds": 2}))
    assert verdict.estimate is not None
    assert verdict.estimate.censored == ("1",)
    lows = EventTime(event="t_gen", arm="runs").estimates(runs.arms)[0]
    assert lows.interval.value == np.inf
    curves = [curve(21, None, coarse, seed=seed) for seed in range(8)]
    eight = ep.import_runs([*curves, curve(20, 200, seed=8)], num_classes=50).arms["runs"].isel(run=range(8))
    estimate = EventTime(event="t_gen", arm="a").estimates({"a": eight})[0]
    assert estimate.interval.low == 595, "censored at the last record of its own, not at the end of the longer run"


def test_censoring_looks_at_the_series_of_the_event() -> None:
    table = curve(20, None)
    table.loc[table["step"] > 500, "test_acc"] = np.nan  # test accuracy was recorded in the first half of the run only
    flat = ep.import_runs([table.assign(seed=seed) for seed in range(8)], num_classes=50).arms["runs"]
    estimate = EventTime(event="t_gen", arm="runs").estimates({"runs": flat})[0]
    assert estimate.interval.low == STEPS[STEPS <= 500][-1]


def test_a_loss_that_ends_in_infinity_has_diverged() -> None:
    table = many([200, 300])
    table.loc[(table["seed"] == 1) & (table["step"] > 500), "train_loss"] = np.inf
    flat = ep.import_runs(table, num_classes=50).arms["runs"]
    assert list(flat["status"].values) == ["done", f"diverged at step {STEPS[STEPS > 500][0]}"]
    assert not np.isinf(flat["train_loss"].values).any()


def test_rows_of_one_step_are_merged_unless_they_disagree() -> None:
    table = curve(20, 200)
    halves = pandas.concat([table[["step", "train_acc"]], table[["step", "test_acc"]]])
    np.testing.assert_array_equal(ep.import_runs(halves, num_classes=9).data["test_acc"].values[0], table["test_acc"])
    with pytest.raises(InputError, match=r"test_acc has several values at step \d+"):
        ep.import_runs(pandas.concat([curve(20, 200), curve(20, 300)]), num_classes=9)


def test_swept_columns_and_arms() -> None:
    table = pandas.concat([curve(20, gen, seed=seed, decay=decay) for decay, gen in ((0.1, 800), (1.0, 100)) for seed in range(6)])
    runs = ep.import_runs(table, num_classes=50, swept=["decay"])
    assert runs.data["test_acc"].dims == ("decay", "seed", "step")
    assert list(runs.data["decay"].values) == [0.1, 1.0]
    at = [LATE.model_copy(update={"statistic": LATE.statistic.model_copy(update={"where": {"decay": d}})}) for d in (0.1, 1.0)]
    values = [verdict.estimate.interval.value for verdict in runs.judge(*at) if verdict.estimate]
    assert values[0] > 30 > values[1] > 3
    named = ep.import_runs(table.assign(decay=table["decay"].map({0.1: "low", 1.0: "high"})), num_classes=50, swept=["decay"])
    assert sorted(named.data["decay"].values.tolist()) == ["high", "low"]
    with pytest.raises(InputError, match="have the same seed"):
        ep.import_runs(table.drop(columns="decay").assign(run=table["decay"].astype(str) + table["seed"].astype(str)), num_classes=50)
    two = ep.import_runs({"high": curve(20, 100), "low": [curve(20, 800), curve(20, 900)]}, num_classes=50)
    assert {name: data.sizes["run"] for name, data in two.arms.items()} == {"high": 1, "low": 2}
    assert len(two) == 3
    with pytest.raises(InputError, match="several arms"):
        _ = two.data


def test_verdicts_and_the_page(tmp_path: Path) -> None:
    many([200, 210, 220, 190, 205, 200, 195, 215, None]).to_csv(tmp_path / "theirs.csv", index=False)
    runs = ep.import_runs(tmp_path / "theirs.csv", num_classes=50)
    assert [verdict.verdict for verdict in runs.judge(LATE)] == ["supported"]
    page = runs.report(tmp_path / "page", question="Is it late?", claims=[LATE])
    assert sorted(path.name for path in (tmp_path / "page").iterdir()) == [
        "figure.pdf", "figure.png", "figure.svg", "report.html", "verdicts.json",
    ]  # fmt: skip
    verdicts = json.loads((tmp_path / "page" / "verdicts.json").read_text())
    assert verdicts["claims"][0]["verdict"] == "supported"
    assert verdicts["claims"][0]["post_hoc"] is True
    assert verdicts["claims"][0]["censored"] == ["8"]
    assert verdicts["arms"]["runs"] == {
        "runs": 9, "done": 9, "diverged": 0, "budget": 1000, "baseline": 0.02, "leakage": {}, "exact": None,
    }  # fmt: skip
    text = page.read_text()
    for words in ("Is it late?", "post hoc", "theirs.csv", "not recorded", "num_classes=50", LATE.sentence().split(" is ")[0]):
        assert words in text.replace("&#x27;", "'"), words


def test_a_page_of_ragged_runs_draws_every_record(tmp_path: Path) -> None:
    runs = ep.import_runs([curve(20, 200), curve(20, 300, np.arange(0, 900, 11))], num_classes=50)
    figure = Figure(title="Two runs", arms=("runs",), series=("test_acc",), events=("t_gen",))
    text = runs.report(tmp_path, figures=[figure]).read_text()
    drawn = json.loads(re.split("<script type=.application/json.>", text)[1].split("</script>")[0].replace("<\\/", "</"))
    thin = _decoded(drawn["data"][0]["y"])
    gaps = np.flatnonzero(np.isnan(thin))
    assert len(thin) == len(STEPS) + 82 + 2
    assert list(gaps) == [len(STEPS), len(STEPS) + 83], "one gap after each run, none within"
    median = _decoded(drawn["data"][1]["y"])
    assert np.isfinite(median).all()


def _decoded(column: dict[str, str]) -> Any:
    """An array in plotly's JSON."""
    return np.frombuffer(base64.b64decode(column["bdata"]), np.dtype(column["dtype"]))


def test_without_accuracies_there_are_no_events(tmp_path: Path) -> None:
    runs = ep.import_runs(curve(20, 200)[["step", "train_loss", "test_loss"]], num_classes=50)
    assert not runs.events.data_vars.keys() & {"t_mem", "t_gen", "t_on"}
    with pytest.raises(InputError, match=r"claim 'late' needs series 'test_acc', which arm 'runs' did not record"):
        runs.judge(LATE)
    with pytest.raises(InputError, match="needs series 'test_acc'"):
        runs.report(tmp_path / "page", claims=[LATE])
    with pytest.raises(InputError, match="figure 'x' needs series"):
        runs.report(tmp_path / "page", figures=[Figure(title="x", arms=("runs",), series=("train_acc",))])
    assert not (tmp_path / "page").exists()
    last = Extreme(series="test_loss", arm="run")
    with pytest.raises(InputError, match="names arm 'run', which these runs do not have; did you mean 'runs'"):
        runs.judge(LATE.model_copy(update={"statistic": last}))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, not a folder"):
        runs.report(tmp_path / "file")


def test_percentages_are_converted_on_request_only() -> None:
    table = many([200]).assign(train_acc=lambda t: t["train_acc"] * 100, test_acc=lambda t: t["test_acc"] * 100)
    with pytest.raises(InputError, match=r"outside 0 to 1\. If accuracies are given from 0 to 100, pass percent=True"):
        ep.import_runs(table, num_classes=50)
    xarray.testing.assert_identical(
        ep.import_runs(table, num_classes=50, percent=True).data, ep.import_runs(many([200]), num_classes=50).data
    )
    with pytest.raises(InputError, match="go from 0 to 1 already"):
        ep.import_runs(many([200]), num_classes=50, percent=True)
    with pytest.raises(InputError, match="outside 0 to 100"):
        ep.import_runs(table.assign(test_acc=101), num_classes=50, percent=True)
    with pytest.raises(InputError, match="goes from -1"):
        ep.import_runs(many([200]).assign(train_acc=-1), num_classes=50)


def bad(table: pandas.DataFrame) -> dict[str, tuple[Any, dict[str, Any], str]]:
    return {
        "no baseline": (table, {"num_classes": None}, "either num_classes or baseline"),
        "two baselines": (table, {"baseline": 0.1}, "either num_classes or baseline"),
        "one class": (table, {"num_classes": 1}, "pass the number of classes, at least 2"),
        "no steps": (table.rename(columns={"step": "when"}), {}, "no column of steps"),
        "two spellings": (table.assign(val_acc=0.5), {}, "columns test_acc and val_acc both mean test_acc"),
        "no such column": (table, {"columns": {"test_acc": "tset_acc"}}, "did you mean 'test_acc'"),
        "a swept column with another meaning": (table.assign(baseline=0.1), {"swept": ["baseline"]}, "rename the column"),
        "a baseline of 1": (table, {"num_classes": None, "baseline": 1.0}, "baseline = 1: pass an accuracy"),
        "no such sweep": (table, {"swept": ["sed"]}, "did you mean 'seed'"),
        "half a step": (table.assign(step=table["step"] + 0.5), {}, "is not a whole number"),
        "a step that is a word": (table.assign(step="first"), {}, "is not a whole number"),
        "a seed that is a word": (table.assign(seed="first"), {}, "column seed: 'first' is not a whole number"),
        "words for accuracies": (table.assign(test_acc="high"), {}, "column test_acc holds text where numbers are needed"),
        "labels only": (table[["seed", "step"]], {}, "no column of numbers to import"),
        "no rows": (table.iloc[:0], {}, "has no rows"),
        "seeds here and not there": ([table, curve(20, 100)], {}, "give all of them or none"),
        "no runs": ([], {}, "has no runs"),
        "all past the budget": (table, {"budget": 0}, "up to step 0"),
        "lists of two lengths": (
            {"step": [1, 2], "test_acc": [[0.1, 0.2], [0.1]]},
            {},
            "table 0: column test_acc is not a regular array",
        ),
        "arrays of two lengths": ({"step": [1, 2, 3], "test_acc": [0.1, 0.2]}, {}, r"column test_acc has shape \(2,\)"),
        "objects": ({"step": [1, 2], "test_acc": [None, {}]}, {}, "plain numbers"),
        "which axis": ({"step": [1, 2], "test_acc": np.ones((2, 2)), "decay": [1, 2]}, {}, r"give it as an array \[run, step\]"),
    }


@pytest.mark.parametrize("case", bad(many([200])))
def test_what_cannot_be_understood_is_refused(case: str) -> None:
    source, options, words = bad(many([200]))[case]
    with pytest.raises(InputError, match=words) as caught:
        ep.import_runs(source, **{"num_classes": 50, **options})
    assert "\n" not in str(caught.value)


def test_of_two_spellings_one_is_chosen() -> None:
    table = many([200]).assign(val_acc=0.5, epoch=lambda t: t["step"] * 2)
    data = ep.import_runs(table, num_classes=50, columns={"test_acc": "val_acc", "step": "epoch"}).data
    assert (data["test_acc"] == 0.5).all()
    assert data["step"].values[-1] == 2000


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", step=np.array([1, 2]), test_acc=np.array([{}, {}], dtype=object))
    files = {"broken.csv": b"\xff\xfe\x00", "empty.csv": b"", "broken.npz": b"PK\x03\x04", "notes.txt": b"step,test_acc\n1,1\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    messages = {
        "objects.npz": "Python objects, which are never loaded",
        "broken.csv": "cannot be read as csv",
        "empty.csv": "is empty",
        "broken.npz": "cannot be read as npz",
        "notes.txt": "curves are read from",
        "nowhere.csv": "is not a file",
    }
    for name, words in messages.items():
        with pytest.raises(InputError, match=words) as caught:
            ep.import_runs(tmp_path / name, num_classes=50)
        assert "pickle" not in str(caught.value), "no other library's advice"


@pytest.mark.parametrize("values", [(5, 7), (0.25, 0.75), ("low", "high"), (True, False)])
def test_swept_values_keep_their_type(values: tuple[Any, Any]) -> None:
    table = pandas.concat([curve(20, 200, seed=0, width=value) for value in values])
    for swept in (["width"], ["width", "half"]):
        data = ep.import_runs(table.assign(half=np.float32(0.5)), num_classes=50, swept=swept).arms["runs"]
        assert sorted(data["width"].values.tolist()) == sorted(values)
        assert {type(value) for value in data["width"].values.tolist()} == {type(values[0])}
    assert data["half"].values.tolist() == [0.5, 0.5]


def test_the_dataset_keeps_the_contract_of_an_arm() -> None:
    data = ep.import_runs(many([200, 300]), num_classes=50).arms["runs"]
    assert data.attrs == {"budget": 1000, "swept": []}, "nothing says whether foreign runs are exact"
    assert checked(data) is data
    assert statuses(data) == [DONE, DONE]


def test_a_file_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs would count as further runs, and a claim would be decided by copies."""
    monkeypatch.chdir(tmp_path)
    curve(20, 200).to_csv("a.csv", index=False)
    curve(20, 300).to_csv("b.csv", index=False)
    Path("link.csv").symlink_to("a.csv")
    assert len(ep.import_runs(["a.csv", "b.csv"], num_classes=47)) == 2
    with pytest.raises(InputError, match=r"import_runs was given a\.csv twice; a copy of a run is no second run"):
        ep.import_runs(["a.csv", "b.csv", "a.csv"], num_classes=47)
    for again in (tmp_path / "a.csv", "./a.csv", "link.csv"):
        with pytest.raises(InputError, match=r"arm 'one' was given .* twice, as a\.csv and as "):
            ep.import_runs({"one": ["a.csv", again]}, num_classes=47)
    frame = curve(20, 200)
    with pytest.raises(InputError, match="table 1 twice, as table 0 and as table 1"):
        ep.import_runs([frame, frame], num_classes=47)
    assert ep.import_runs({"one": "a.csv", "other": "a.csv"}, num_classes=47).arms.keys() == {"one", "other"}


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    curve(20, 200).to_csv(tmp_path / "a.csv", index=False)
    runs = ep.import_runs("~/a.csv", num_classes=47)
    assert len(runs) == 1
    assert runs.report("~/page") == tmp_path / "page" / "report.html"
    with pytest.raises(InputError, match=r"twice, as ~/a\.csv and as "):
        ep.import_runs(["~/a.csv", tmp_path / "a.csv"], num_classes=47)
