"""Tables as other codes log them are understood, or refused with the word that helps. Files of tests/cases stand for each kind."""

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from tests.interop.test_foreign_runs import STEPS, curve, many

import epicycle as ep
from epicycle.claims.quantities import EventTime
from epicycle.claims.shares import Share
from epicycle.interop.spellings import meaning, meaning_after_prefix
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError

CASES = Path(__file__).parents[1] / "cases"


def imported(source: Any, **options: Any) -> ep.ForeignRuns:
    """The runs, with warnings kept as notes only."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        runs = ep.import_runs(source, **{"num_classes": 97, **options})
    assert [str(warning.message) for warning in shown] == list(runs.notes), "every note is a warning"
    return runs


def case(name: str, **options: Any) -> ep.ForeignRuns:
    return imported(CASES / name, **options)


def refusal(source: Any, **options: Any) -> str:
    """The message with which a source is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError) as caught:
            ep.import_runs(source, **{"num_classes": 97, **options})
    message = str(caught.value)
    assert "\n" not in message
    assert not re.search(r"pandas\.|numpy\(|pickle|Traceback|dtype|object at|Error", message), message
    return message


def events(runs: ep.ForeignRuns) -> list[list[float]]:
    return [runs.events[name].values.tolist() for name in ("t_mem", "t_gen")]


@pytest.mark.parametrize(
    "name",
    [
        "01_metrics.jsonl",
        "03_long_split.jsonl",
        "05_plural_names.json",
        "13_header_again.csv",
        "19_upper.CSV",
        "20_tab.tsv",
        "21_excel.csv",
    ],
)
def test_one_run_in_many_formats(name: str) -> None:
    assert events(case(name)) == [[400], [1800]]


def test_rows_in_memory_are_one_run() -> None:
    rows = [json.loads(line) for line in (CASES / "01_metrics.jsonl").read_text().splitlines()]
    for source in (rows, tuple(rows), {"theirs": rows}):
        runs = imported(source)
        assert (len(runs), events(runs)) == (1, [[400], [1800]])
    assert len(imported([rows, list(rows)])) == 2, "a list of tables is a run each"
    nested = [{"step": row["step"], "train": {"acc": row["train_acc"]}, "val": {"accuracy": row["test_acc"]}} for row in rows]
    assert events(imported(nested)) == [[400], [1800]]


def test_lines_without_a_step(tmp_path: Path) -> None:
    lines = (CASES / "01_metrics.jsonl").read_text().splitlines()
    head, foot = json.dumps({"config": {"p": 97}, "seed": 4}), json.dumps({"summary": {"best": 1.0}, "test_acc": 1.0})
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([head, *lines, foot]))
    runs = imported(path)
    assert runs.notes == (f"{path}: 2 rows without a step skipped.",)
    assert events(runs) == [[400], [1800]]
    assert runs.data["seed"].values.tolist() == [4], "the header's seed is the run's"
    path.write_text("\n".join([*lines, lines[-1][:20]]))
    assert "line 32, the last one, is cut off" in imported(path).notes[0]
    path.write_text("\n".join([lines[0], lines[1][:20], *lines[2:]]))
    assert "line 2 is not valid JSON" in refusal(path)
    stepless = [{"train_acc": 0.5, "iteration_time": 3}] * 5 + [{"step": 1, "test_acc": 0.5}]
    assert "5 rows have train_acc but no step" in refusal(stepless)


def test_scalars_beside_runs_are_swept() -> None:
    runs = case("06_scalars_beside_runs.npz", swept=["lr", "p"])
    assert events(runs) == [[[[400.0, 400.0]]], [[[1800.0, 1800.0]]]]
    assert runs.data["lr"].values.tolist() == [0.001]
    assert runs.data["p"].values.tolist() == [97]
    assert "optim" not in runs.data, "words without an axis are left out"
    assert case("06_scalars_beside_runs.npz", swept=["optim"]).data["optim"].values.tolist() == ["adamw"]


def test_a_float32_is_the_number_that_it_prints() -> None:
    runs = case("08_float32_swept.npz", swept=["alpha"])
    assert runs.data["alpha"].values.tolist() == [0.3]
    share = Share(event="t_gen", arm="runs", where={"alpha": 0.3})
    claim = Claim(id="all", statistic=share, supported_if=Region(above=0.5), refuted_if=Region(below=0.1), min_seeds=2)
    estimate = runs.judge(claim)[0].estimate
    assert estimate is not None
    assert estimate.n == 2
    other = claim.model_copy(update={"statistic": share.model_copy(update={"where": {"alpha": 0.4}})})
    assert "alpha is 0.3" in runs.judge(other)[0].reason


def test_panels_of_runs(tmp_path: Path) -> None:
    runs = case("09_wandb_panel.csv")
    assert runs.arms["runs"]["run"].values.tolist() == ["calm-river-0", "calm-river-1"]
    assert runs.events["t_gen"].values.tolist() == [1800, 1800]
    assert set(runs.arms["runs"].data_vars) == {"test_acc"}, "bounds are dropped"
    other = tmp_path / "train.csv"
    other.write_text((CASES / "09_wandb_panel.csv").read_text().replace("test/acc", "train/acc"))
    both = imported([CASES / "09_wandb_panel.csv", other])
    assert (len(both), set(both.arms["runs"].data_vars)) == (2, {"test_acc", "train_acc"}), "two panels of the same runs"


def test_a_step_goes_before_an_epoch() -> None:
    runs = case("11_lightning.csv")
    assert events(runs) == [[14], [56]]
    assert runs.data["step"].values[-1] == 92
    two = many([200]).assign(global_step=lambda table: table["step"] * 2)
    assert "columns step and global_step both mean step" in refusal(two)
    assert len(imported(two.assign(global_step=two["step"]))) == 1, "the same steps twice"


def test_a_repeated_header_is_skipped() -> None:
    assert case("13_header_again.csv").notes == (f"{CASES / '13_header_again.csv'}: 1 repeated header skipped.",)


def test_a_log_that_ends_at_success_is_open() -> None:
    paths = [CASES / f"14_ends_at_success_{number}.csv" for number in range(3)]
    claim = Claim(
        id="all",
        statistic=Share(event="t_gen", arm="runs"),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.15),
        min_seeds=3,
    )
    assert imported(paths).judge(claim)[0].verdict == "undecided"
    runs = imported(paths, hold=0)
    assert runs.events["t_gen"].values.tolist() == [1500, 2100, 1800]
    assert runs.judge(claim)[0].verdict == "supported"
    assert imported(paths, hold=0.5).events["t_gen_censored"].values.all()


def test_a_record_that_starts_late_is_left_censored() -> None:
    late = np.arange(5000, 9000, 100)
    runs = imported([curve(20, 6000, late), curve(7000, 8000, late)])
    assert runs.events["t_mem"].values.tolist() == [5000, 7000]
    assert runs.events["t_mem_left_censored"].values.tolist() == [True, False]
    assert "t_gen_left_censored" not in runs.events
    bounds = EventTime(event="t_mem", arm="runs").per_run(runs.arms["runs"])[0]
    assert (bounds.lows[0], bounds.highs[0]) == (0, 5000), "somewhere up to the first record"


def test_a_loss_that_is_no_number_to_the_end_has_diverged() -> None:
    runs = case("16_nan_divergence.csv")
    assert runs.data["status"].values.tolist() == ["diverged at step 500"]
    assert "no number from step 500 on" in runs.notes[0]
    for loss, ending in (("train_loss", "train_acc"), ("test_loss", "test_acc")):
        table = curve(20, 200)
        table.loc[table["step"] > 500, loss] = np.nan
        assert imported(table).data["status"].values[0] == f"diverged at step {STEPS[STEPS > 500][0]}", ending
    padded = {"step": np.arange(4), "train_loss": [[1, 2, 3, np.nan]], "train_acc": [[0, 0, 0.5, np.nan]]}
    assert imported(padded).data["status"].values.tolist() == ["done"], "nothing was recorded there"
    sparse = curve(20, 200).assign(train_loss=lambda table: table["train_loss"].where(table.index % 10 == 0))
    assert imported(sparse).data["status"].values.tolist() == ["done"], "a loss that was recorded now and then"


def test_pointers_are_named() -> None:
    assert "Git LFS pointer" in refusal(CASES / "18_lfs_pointer.npz")


def test_a_pointer_in_a_table(tmp_path: Path) -> None:
    for name in ("a.csv", "a.json", "a.parquet", "a.log"):
        (tmp_path / name).write_bytes((CASES / "18_lfs_pointer.npz").read_bytes())
        assert "git lfs pull" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("column", "ours"),
    [
        ("trainAccs", "train_acc"), ("test_losses", "test_loss"), ("valAccuracy", "test_acc"), ("VAL_ACC", "test_acc"),
        ("metrics/val/acc", "test_acc"), ("val_acc_epoch", "test_acc"), ("accuracies_train", "train_acc"),
        ("held_out loss", "test_loss"), ("trainer/global_step", "step"), ("epochs", "step"), ("Run ID", "run"),
        ("split_seed", "data_seed"), ("W_E", None), ("test_acc_mirror_unseen", None), ("clean_test_acc", None),
        ("steps_per_second", None), ("lr", None),
    ],
)  # fmt: skip
def test_meanings(column: str, ours: str | None) -> None:
    assert meaning(column) == ours


def test_prefixes_are_noted() -> None:
    assert meaning_after_prefix("resnet.val/acc") == "test_acc"
    runs = imported(many([200]).rename(columns={"test_acc": "big/val_acc"}))
    assert runs.notes == ("table 0: column big/val_acc is read as test_acc.",)
    beside = imported(many([200]).assign(**{"other/test_acc": 0.5}))
    assert "other/test_acc" in beside.data, "a name without a prefix goes first"


def test_names_of_keras() -> None:
    table = curve(20, 200).rename(
        columns={"train_acc": "accuracy", "train_loss": "loss", "test_acc": "val_accuracy", "test_loss": "val_loss"}
    )
    runs = imported(table)
    np.testing.assert_array_equal(runs.data["train_acc"].values[0], curve(20, 200)["train_acc"])
    assert runs.notes[0] == "column accuracy is read as train_acc, because the held-out one has its own column."


def test_long_tables() -> None:
    wide = many([200, 300])
    parts = []
    for rows, word in (("train", "Train"), ("test", "validation")):
        names = {f"{rows}_acc": "accuracy", f"{rows}_loss": "loss"}
        parts.append(wide[["seed", "step", *names]].rename(columns=names).assign(phase=word))
    long = pandas.concat(parts).assign(lr=0.1)
    expected = imported(wide).data
    for table in (long, long.sample(frac=1, random_state=1)):
        for name in ("train_acc", "test_acc", "test_loss"):
            np.testing.assert_array_equal(imported(table).data[name], expected[name])
    melted = wide.melt(id_vars=["seed", "step"], var_name="metric", value_name="value")
    np.testing.assert_array_equal(imported(melted).data["test_acc"], expected["test_acc"])
    unknown = long.assign(phase="third")
    assert "the column that names the split is called split" in refusal(unknown)


def test_separators_and_comments(tmp_path: Path) -> None:
    table = many([200])
    path = tmp_path / "a.csv"
    body = table.to_csv(index=False)
    spaced = body.replace(",", " ")
    header, *lines = spaced.splitlines()
    texts = {
        "comments": "# seed 3\n# made by us\n" + body,
        "comments within": body.replace("\n1,", "\n# resumed\n1,"),
        "numpy's header": "\n".join([f"# {header}", *lines]),
        "spaces": spaced,
        "a byte order mark": "\ufeff" + body,
        "semicolons": body.replace(",", ";"),
        "decimal commas": body.replace(",", ";").replace(".", ","),
        "windows": body.replace("\n", "\r\n"),
    }
    expected = imported(table).data["test_acc"].values
    for name, text in texts.items():
        path.write_text(text, encoding="utf-8")
        np.testing.assert_array_equal(imported(path).data["test_acc"].values, expected, name)
    path.write_text(body, encoding="utf-16")
    assert len(imported(path)) == 1
    bad = {
        "a cell too many": (body.replace("\n", ",1\n", 9).replace(",1\n", "\n", 1), "more cells than the header"),
        "a line of another length": (body + "1,2,3,4,5,6,7,8,9\n", "cells where"),
        "a name twice": (body.replace("train_loss", "train_acc"), "column train_acc occurs twice"),
        "words": (body.replace("\n0,1,", "\n0,soon,", 1), "column step: 'soon' is not a whole number"),
        "words for numbers": (body.replace(",0.0,", ",low,", 3), "such as 'low'"),
        "nothing": ("\n\n", "is empty"),
    }
    for name, (text, words) in bad.items():
        path.write_text(text)
        assert words in refusal(path), name
    path.write_bytes(b"step,test_acc,k\xfcche\n1,1,1\n")
    assert "not text in UTF-8" in refusal(path)


def test_a_resumed_log_keeps_the_later_record() -> None:
    first, again = curve(20, 800).replace({"test_acc": {1.0: 0.5}}), curve(20, 400)
    again = again[again["step"] > 300].assign(time=1.0)
    log = pandas.concat([first, again])
    assert "keep_later=True" in refusal(log)
    runs = imported(log, keep_later=True)
    np.testing.assert_array_equal(runs.data["test_acc"].values[0], curve(20, 400)["test_acc"])
    clocks = pandas.concat([first[["step", "train_acc"]], first[["step", "test_acc"]]]).assign(time=lambda t: np.arange(len(t)))
    assert "column time has several values at some steps" in imported(clocks).notes[0]


def test_what_does_not_fit_is_left_out_on_request() -> None:
    arrays = {
        "step": STEPS,
        "test_acc": np.ones((2, len(STEPS))),
        "train_acc": np.ones((2, len(STEPS))),
        "freqs": np.zeros(5),
        "W": np.zeros((9, 3)),
    }
    message = refusal(arrays)
    assert f"column freqs has shape (5,), which does not fit 2 runs and {len(STEPS)} steps" in message
    assert "leave_out=['freqs', 'W']" in message
    assert len(imported(arrays, leave_out=["freqs", "W"])) == 2
    assert "pass the array transposed" in refusal({"step": STEPS, "test_acc": np.ones((len(STEPS), 2))})
    assert "'log_history' is a table of its own" in refusal({"log_history": [{"step": 1, "test_acc": 1}], "epoch": 3})
    frame = curve(20, 200).assign(grad_acc_steps=4)
    assert "leave_out=['grad_acc_steps']" in refusal(frame)
    assert len(imported(frame, leave_out="grad_acc_steps")) == 1


def test_runs_without_seeds_are_numbered_within_a_swept_cell() -> None:
    tables = [curve(20, gen).assign(decay=decay) for decay in (0.1, 1.0) for gen in (200, 300)]
    runs = imported(tables, swept=["decay"])
    assert runs.events["t_gen"].dims == ("decay", "seed")
    assert np.isfinite(runs.events["t_gen"].values).all()
    assert runs.data["seed"].values.tolist() == [0, 1]


class _Unreadable:
    def __array__(self, *args: Any, **options: Any) -> Any:
        raise RuntimeError("can't call numpy() on a tensor that requires grad")


def not_tables() -> dict[str, tuple[Any, str]]:
    flat = imported(many([200])).data
    return {
        "nothing": (None, "was given None"),
        "a number": (3, "a value of type int"),
        "an array": (np.ones((3, 2)), "an array has no names of columns"),
        "a generator": ((row for row in [{"step": 1}]), "pass list(...) of it"),
        "a dataset": (flat, "to_dataframe().reset_index()"),
        "datasets by arm": ({"a": flat}, "to_dataframe().reset_index()"),
        "runs": (imported(many([200])), "a value of type ForeignRuns"),
        "no steps": ({"train_acc": [0.1, 0.2], "test_acc": [0.1, 0.2]}, "there is no array of steps"),
        "no steps, two axes": ({"train_acc": [[0.1, 0.2]], "test_acc": [[0.1, 0.2]]}, "there is no array of steps"),
        "one step": ({"step": 3000, "test_acc": [0.1, 0.2]}, "there is no array of steps"),
        "no arms": ({}, "is empty"),
        "an arm of nothing": ({"a": None}, "arm 'a' was given None"),
        "rows without steps": ([{"test_acc": 1.0}, {"test_acc": 0.5}], "no column of steps"),
        "a tensor with a gradient": ({"step": [1, 2], "test_acc": _Unreadable()}, "must be an array"),
        "no known series": (curve(20, 200)[["step", "train_acc"]].rename(columns={"train_acc": "score"}), "none of train_loss"),
        "complex numbers": ({"step": [1, 2], "test_acc": np.array([1j, 2])}, "plain numbers"),
    }


@pytest.mark.parametrize("name", not_tables())
def test_what_is_no_table_gets_a_message(name: str) -> None:
    source, words = not_tables()[name]
    assert words in refusal(source)


def test_our_own_dataset_as_a_table_is_read() -> None:
    """The advice for xarray datasets holds."""
    table = imported(many([200, 300])).data[["train_acc", "test_acc"]].to_dataframe().reset_index()
    assert len(imported(table)) == 2


def test_columns_come_before_every_guess() -> None:
    arrays = {"t": STEPS, "a": curve(20, 200)["test_acc"].to_numpy()}
    assert imported(arrays, columns={"step": "t", "test_acc": "a"}).events["t_gen"].values[0] > 199
    table = many([200]).assign(split="train", loss=0.25)
    assert (imported(table, columns={"train_loss": "loss"}).data["train_loss"] == 0.25).all()
    indexed = many([200, 300]).set_index(["seed", "step"])
    assert len(imported(indexed)) == 2, "an index with names"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["test_acc"]}, "columns maps our names"),
        ({"swept": 3}, "swept is a list of column names"),
        ({"leave_out": [1]}, "leave_out is a list"),
        ({"num_classes": "97"}, "num_classes = 97: pass a number"),
        ({"num_classes": 2.5}, "pass a whole number"),
        ({"num_classes": None, "baseline": "x"}, "baseline = x"),
        ({"num_classes": None, "baseline": float("nan")}, "baseline = nan"),
        ({"budget": -1}, "budget = -1: pass a number from 0 on"),
        ({"budget": [3]}, "budget = "),
        ({"hold": "long"}, "hold = long"),
        ({"swept": ["seed"]}, "leave seed out of swept"),
        ({"swept": ["t_gen"]}, "another meaning"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], words: str) -> None:
    assert words in refusal(many([200]).assign(t_gen=1), **options)


def test_numbers_that_are_too_large() -> None:
    for column, value in (("step", 2**63), ("seed", 2**63), ("seed", 2**64), ("step", 2**53 + 2), ("seed", 1e300)):
        table = pandas.DataFrame({"seed": [0, 0], "step": [0, 1], "test_acc": [0.1, 1.0]}, dtype=object)
        table[column] = [value, value + (column == "step")]
        assert f"column {column}: " in refusal(table), (column, value)
        assert "too large" in refusal(table)
    exact = imported({"step": [0, 1], "test_acc": [[0.1, 1.0]], "seed": [2**63 - 1]})
    assert exact.data["seed"].values.tolist() == [2**63 - 1]


def test_sizes_are_bounded(tmp_path: Path) -> None:
    wide = pandas.DataFrame(np.zeros((2, 100_000)), columns=[f"c{number}" for number in range(100_000)]).assign(step=[0, 1])
    assert "too many" in refusal(wide)
    assert "too many" in refusal({"step": np.broadcast_to(np.int64(1), 10**12), "test_acc": np.broadcast_to(0.5, 10**12)})
    assert "tell 20000 runs apart" in refusal(
        pandas.DataFrame({"step": 0, "test_acc": 0.5, "decay": np.linspace(0, 1, 20_000)}), swept="decay"
    )
    distant = imported({"step": [0, 10**12], "test_acc": [0.1, 1.0]})
    assert distant.report(tmp_path / "page").is_file(), "a large step is not a large table"


@pytest.mark.parametrize(
    "name", ["status", "baseline", "moment", "budget", "mirror_share", "run_id", "data", "t_gen", "exact", "swept"]
)
@pytest.mark.parametrize("value", [0.25, "words"])
def test_columns_that_are_called_like_coordinates(name: str, value: Any, tmp_path: Path) -> None:
    runs = imported(many([200, 300]).assign(**{name: value}))
    if name == "run_id":
        assert runs.data["run_id"].values.tolist() == [str(value)] * 2, "a label"
    elif value == 0.25 and name not in ("data", "t_gen"):
        assert (runs.data[f"logged_{name}"] == 0.25).all()
    assert events(runs)[1][0] == STEPS[STEPS >= 200][0]
    assert runs.report(tmp_path / "page").is_file()


def test_the_repeated_call_gives_the_same(tmp_path: Path) -> None:
    many([200, 300]).to_csv(tmp_path / "a.csv", index=False)
    for options in (
        {"baseline": 0.0},
        {"baseline": np.float64(0.25), "budget": np.int64(900)},
        {"baseline": 0, "hold": 0, "leave_out": ["x"]},
    ):
        runs = ep.import_runs(tmp_path / "a.csv", **options)  # type: ignore[arg-type]
        page = runs.report(tmp_path / "page").read_text().replace("&#x27;", "'").replace("&#39;", "'")
        [call] = set(re.findall(r"epicycle\.(import_runs\(.*?\))\.report", page))
        again = eval(call, {"import_runs": ep.import_runs})  # the command of the page
        assert again.data.identical(runs.data), call


def test_exported_runs_come_back_as_a_sweep(tmp_path: Path, tiny: ep.Experiment) -> None:
    """Diverged runs as diverged, the runs of a sweep as a sweep; from a root that cannot be written to."""
    root = tmp_path / "results"
    path = "training.optimiser.lr"
    runs = ep.train(tiny, seeds=2, sweep={path: [0.01, 1e6], "model.d_mlp": [8, 16]}, root=root)
    before = sorted((str(entry), entry.stat().st_mtime_ns) for entry in root.rglob("*"))
    os.chmod(root, 0o500)
    try:
        files = [ep.export(runs[number].id, "csv", tmp_path / "out", root=root) for number in range(len(runs))]
    finally:
        os.chmod(root, 0o700)
    assert sorted((str(entry), entry.stat().st_mtime_ns) for entry in root.rglob("*")) == before, "nothing is written there"
    back = imported(files, num_classes=7)
    assert back.data["test_acc"].dims == ("d_mlp", "lr", "seed", "step")
    flat = back.arms["runs"]
    assert flat["run"].values.tolist() == [runs[number].id for number in range(len(runs))]
    ours = {runs[number].id: str(runs[number].recorded()["status"].item()) for number in range(len(runs))}
    assert dict(zip(flat["run"].values.tolist(), flat["status"].values.tolist(), strict=True)) == ours
    assert sorted({status.split(" ")[0] for status in ours.values()}) == ["diverged", "done"]
    assert set(flat.data_vars) == set(imported(files[:1], num_classes=7).arms["runs"].data_vars), "settings are no series"
    assert not [name for name in flat.data_vars if str(name).startswith(("experiment", "status", "logged"))]
