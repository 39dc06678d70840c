"""The split that lists its rows: read from files and from the spec, the same id for the same rows, and every wrong list refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epicycle as ep
from epicycle.spec.arms import RootArm
from epicycle.spec.experiment import Run


def experiment(rows: Any, key: str = "rows") -> ep.Experiment:
    return ep.Experiment.parse({"task": {"kind": "modular", "p": 7}, "split": {"kind": "listed", key: rows}, "model": {"kind": "mlp"}})


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("rows", [[4, 0, 48], [[0, 4], [6, 6], [3, 1]]], ids=["rows", "pairs"])
def test_one_content_is_one_id(rows: list[Any]) -> None:
    lines = [entry if isinstance(entry, list) else [entry] for entry in rows]
    Path("rows.txt").write_text("# chosen by hand\n" + "\n".join(" ".join(map(str, line)) for line in lines) + "\n\n")
    Path("rows.csv").write_text("x,y\r\n" + "".join(",".join(map(str, line)) + "\r\n" for line in lines))
    np.save("rows.npy", np.array(rows))
    np.save("small.npy", np.array(lines, np.uint8))
    Path("elsewhere").mkdir()
    Path("elsewhere/other_name.txt").write_text(Path("rows.txt").read_text())
    experiments = [experiment(rows)]
    experiments += [experiment(name, key) for key in ("rows", "path") for name in ("rows.txt", "rows.csv", "rows.npy", "small.npy")]
    experiments += [experiment("elsewhere/other_name.txt"), experiment(str(Path("rows.txt").absolute()))]
    assert len(set(experiments)) == 1
    assert len({Run(experiment=e).id for e in experiments}) == 1
    assert experiments[0].split == ep.ListedSplit(rows=np.array(rows)), "arrays in Python"
    table = experiments[0].task.table()
    expected = [row if isinstance(row, int) else row[0] * 7 + row[1] for row in rows]
    assert experiments[0].split.train_rows(table, 0).tolist() == expected


def test_a_changed_file_is_another_run_and_stored_specs_need_no_file() -> None:
    Path("rows.txt").write_text("1\n2\n")
    before = experiment("rows.txt")
    Path("rows.txt").write_text("1\n3\n")
    after = experiment("rows.txt")
    assert Run(experiment=before).id != Run(experiment=after).id
    Path("rows.txt").unlink()
    assert ep.Experiment.parse(before.model_dump(mode="json")) == before
    assert before.split.train_rows(before.task.table(), 9).tolist() == [1, 2]
    assert before.static_part() == after.static_part(), "one program trains both"


def test_lists_are_swept() -> None:
    Path("few.txt").write_text("1\n2\n")
    Path("more.txt").write_text("1\n2\n3\n")
    arm = RootArm(experiment=experiment([0]), seeds=1, sweep={"split.rows": ("few.txt", "more.txt")})
    assert [(values["rows"], run.experiment.split.rows) for values, run in arm.runs()] == [
        ("few.txt", (1, 2)),
        ("more.txt", (1, 2, 3)),
    ]


def test_pairs_are_looked_up_where_rows_are_missing() -> None:
    table = ep.Modular(p=7, operation="x/y").table()
    assert table.operands[ep.ListedSplit(rows=((3, 1), (0, 6))).train_rows(table, 0)].tolist() == [[3, 1], [0, 6]]
    with pytest.raises(ep.InputError, match=r"no row with operands \(3, 0\)"):
        ep.ListedSplit(rows=((3, 1), (3, 0))).train_rows(table, 0)
    with pytest.raises(ep.InputError, match="42 is not a row of this task, whose 42 rows are numbered 0 to 41"):
        ep.ListedSplit(rows=(41, 42)).train_rows(table, 0)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 48), min_size=1, unique=True))
def test_text_is_read_as_written(rows: list[int]) -> None:
    Path("any.txt").write_text(", \n".join(map(str, rows)))
    assert ep.ListedSplit(rows="any.txt").rows == tuple(rows)  # type: ignore[arg-type]


def test_the_rows_of_another_split_train_the_same() -> None:
    table = ep.Modular(p=11).table()
    rows = ep.PythonShuffleSplit(frac_train=0.3).train_rows(table, 0)
    np.testing.assert_array_equal(ep.ListedSplit(rows=rows).train_rows(table, 5), rows)


INLINE: list[tuple[Any, str]] = [
    ([], "no rows are listed"),
    ([1, 2, 1], "entry 3 lists 1 a second time"),
    ([[1, 2], [1, 2]], r"entry 2 lists \(1, 2\) a second time"),
    ([0, -1], "entry 2 is -1; rows and operands are counted from 0"),
    ([0, 1.5], "entry 2 is 1.5, which is not an integer"),
    ([0, "two"], "entry 2 is 'two', which is not an integer"),
    ([0, True], "entry 2 is True, which is not an integer"),
    ([0, None], "entry 2 is None, which is not an integer"),
    ([[1, 2, 3]], "entry 1 has 3 numbers"),
    ([[]], "entry 1 has 0 numbers"),
    ([1, [2, 3]], "row numbers and pairs of operands are mixed"),
    (5, "give the rows as a list"),
    ({"a": 1}, "give the rows as a list"),
    ("rows.xlsx", "rows.xlsx: rows are read from .txt, .csv and .npy files"),
    ("nowhere.txt", "nowhere.txt: cannot be read: No such file or directory; paths are relative to the working directory"),
    ("folder.txt", "folder.txt: cannot be read: Is a directory"),
]
FILES: dict[str, tuple[bytes, str]] = {
    "empty.txt": (b"", "empty.txt: no rows are listed"),
    "comments.txt": (b"# nothing\n\n", "no rows are listed"),
    "header.csv": (b"row\n", "no rows are listed"),
    "words.txt": (b"1\n2\nthree\n", "words.txt, line 3: 'three' is not an integer"),
    "floats.csv": (b"row\n1.0\n", "floats.csv, line 2: '1.0' is not an integer"),
    "wide.csv": (b"1,2,3\n", "wide.csv: entry 1 has 3 numbers"),
    "ragged.csv": (b"1,2\n3\n", "ragged.csv: row numbers and pairs of operands are mixed"),
    "twice.txt": (b"1\n1\n", "twice.txt: entry 2 lists 1 a second time"),
    "binary.txt": (b"\xff\xfe\x00", "binary.txt: not a text file"),
    "text.npy": (b"1\n2\n", "text.npy: not an array of numbers"),
    "nothing.npy": (b"", "nothing.npy: not an array of numbers"),
}
ARRAYS: dict[str, tuple[Any, str]] = {
    "float.npy": (np.array([1.0, 2.0]), "float64 of shape"),
    "mask.npy": (np.array([True, False]), "bool of shape"),
    "cube.npy": (np.zeros((2, 2, 2), int), r"int64 of shape \(2, 2, 2\)"),
    "scalar.npy": (np.array(3), r"shape \(\)"),
    "wide.npy": (np.array([[1, 2, 3]]), "entry 1 has 3 numbers"),
    "pickled.npy": (np.array([{"a": 1}], dtype=object), "not an array of numbers"),
}


def refused(rows: Any, message: str) -> None:
    with pytest.raises(ep.InputError, match=message) as error:
        experiment(rows)
    assert str(error.value).startswith("split.rows: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(("rows", "message"), INLINE, ids=[message for _, message in INLINE])
def test_wrong_lists_are_refused(rows: Any, message: str) -> None:
    Path("folder.txt").mkdir()
    refused(rows, message)


@pytest.mark.parametrize("name", [*FILES, *ARRAYS])
def test_wrong_files_are_refused(name: str) -> None:
    if name in FILES:
        content, message = FILES[name]
        Path(name).write_bytes(content)
    else:
        array, message = ARRAYS[name]
        np.save(name, array)
    refused(name, message)


def test_a_long_wrong_list_is_refused_briefly() -> None:
    refused([*range(5000), 7], "entry 5001 lists 7 a second time")


def test_a_path_beside_rows_is_refused() -> None:
    with pytest.raises(ep.InputError, match="both given"):
        ep.Experiment.parse({**experiment([1]).model_dump(mode="json"), "split": {"kind": "listed", "rows": [1], "path": "a.txt"}})
    with pytest.raises(ep.InputError, match="Field required"):
        ep.Experiment.parse({**experiment([1]).model_dump(mode="json"), "split": {"kind": "listed"}})
