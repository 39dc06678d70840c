"""Files of a run for other programs: its series as a table (CSV, Parquet), its weights as safetensors under other codes' names."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save

from epicycle.interop.column_names import SETTING
from epicycle.interop.parquet import require_pyarrow
from epicycle.interop.weight_layouts import LAYOUTS
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Params
from epicycle.spec.plain_data import Plain
from epicycle.store.atomic import write_bytes
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root, default_root, given_path
from epicycle.store.runs import StoredRun

if TYPE_CHECKING:
    import pandas
    import xarray

LONGEST_SETTING = 200  # letters; a listed split does not fit into a table
FORMATS = ("csv", "parquet", "safetensors")
# What `names` may be -> the layout of weights; None writes our own names.
NAMES = {"old": "transformer-lens", "native": "transformer-lens-native", "own": None}
# Field of our model -> the values that TransformerLens's HookedTransformer can compute.
HOOKED_FIELDS = {"norm": ("none", "pre"), "scaled_embedding": (False,), "attention_rate": (None,)}


def export(
    run: StoredRun | str, to: str, folder: str | Path, *, step: int | None = None, names: str = "old", root: str | Path | None = None
) -> Path:
    """Write one file of a run into a folder. A file is written whole or not at all.

    A table has one row for each recorded step and one column for each series. A series with labels has one column for each label,
    such as `weight_norm[W_E]`. The columns `status` and `experiment.FIELD` say what became of the run and how it was trained.

    A safetensors file holds the parameters at one step. Its header holds the model's fields at that step, because weights do not tell
    the activation or the attention mask.

    Args:
        run: a run, or the beginning of its id.
        to: `csv`, `parquet` or `safetensors`.
        folder: made if it does not exist.
        step: the step of the parameters; None takes the last one.
        names: `old` for the state dict of HookedTransformer (TransformerLens 2 and 3; its zero biases and attention buffers are added,
            so that `load_state_dict(strict=True)` accepts the file), `native` for TransformerBridge.boot_native (TransformerLens 4),
            `own` for our names, which exist for every model.
        root: results folder of a run that is named by its id; None means EPICYCLE_ROOT or ./epicycle-results.

    Returns:
        The file's path.

    Raises:
        InputError: there is no such run, format, step or `names`; the folder is a file; or the weights have no such names.
    """
    if isinstance(run, str):
        run = _find_run(run, root)
    if not isinstance(run, StoredRun):
        raise InputError("export writes one run: give runs[0], or the beginning of a run's id.")
    folder = given_path(folder)
    _check_request(to, folder, step, names)
    if to == "safetensors":
        step = run.last_step if step is None else step
        path, content = folder / f"{run.id}-step-{step}-{names}.safetensors", _weights_file(run, step, names)
    else:
        path, content = folder / f"{run.id}.{to}", _table_file(run_table(run), to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; choose another folder.") from None
    return path


def run_table(run: StoredRun) -> "pandas.DataFrame":
    """The series of one run as a table. Columns of their own say what became of the run and how it was trained.

    `import_runs` reads these columns. So a diverged run comes back as diverged, and the runs of a sweep come back as a sweep.
    """
    recorded = run.recorded()
    frame = series_table(recorded)
    said = {"status": str(recorded["status"].item()), **{f"{SETTING}{path}": value for path, value in _settings(_made_from(run))}}
    return frame.assign(**said)


def _made_from(run: StoredRun) -> Plain:
    """The experiment of a network, or the theory of a simulated run."""
    if run.theory is not None:
        return {"theory": run.theory}
    return run.written_experiment() if run.member.lineage is None else run.experiment()  # a fork may have changed a knob


def _settings(plain: Plain, before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted field -> value of every field of a spec that is set and short enough for a cell of a table."""
    for name, value in plain.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{before}{name}.")
            continue
        text = json.dumps(value) if isinstance(value, list | tuple) else value
        if value is not None and len(str(text)) <= LONGEST_SETTING:
            yield f"{before}{name}", text


def series_table(recorded: "xarray.Dataset") -> "pandas.DataFrame":
    """The series of one run as a table: a row for each step, a column for each series and label."""
    import pandas

    steps = recorded["step"].values
    columns: dict[str, Any] = {name: [recorded[name].item()] * len(steps) for name in ("run", "seed", "data_seed")}
    columns["step"] = steps
    for name, series in recorded.data_vars.items():
        axes = [axis for axis in series.dims if axis != "step"]
        values = series.transpose("step", *axes).values.reshape(len(steps), -1)
        labels = itertools.product(*(recorded[axis].values.tolist() for axis in axes))
        for label, column in zip(labels, values.T, strict=True):
            columns[f"{name}[{','.join(map(str, label))}]" if label else str(name)] = column
    return pandas.DataFrame(columns)


def _find_run(beginning: str, root: str | Path | None) -> StoredRun:
    opened = Root(root if root is not None else default_root()).opened()
    return StoredRun(opened, Catalogue(opened).find(beginning))


def _check_request(to: str, folder: Path, step: int | None, names: str) -> None:
    if to not in FORMATS:
        raise InputError(f"a run cannot be exported to '{to}'; {nearest(to, FORMATS)}")
    if names not in NAMES:
        raise InputError(f"names = '{names}' is not a way to name weights; {nearest(names, NAMES)}")
    if to != "safetensors" and step is not None:
        raise InputError(
            f"a step chooses the weights in a safetensors file, but --to {to} writes all recorded steps; leave the step out."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; choose another.")


def _table_file(frame: "pandas.DataFrame", to: str) -> bytes:
    if to == "csv":
        return frame.to_csv(index=False).encode()
    require_pyarrow("writing")
    content = io.BytesIO()
    frame.to_parquet(content, engine="pyarrow", index=False)
    return content.getvalue()


def _weights_file(run: StoredRun, step: int, names: str) -> bytes:
    model = run.experiment(step)["model"]
    header = {"run": run.id, "step": step, "names": names, "model": model}
    # One entry: safetensors writes several entries in an order that changes from process to process.
    return save(_named_weights(run, step, names, model), metadata={"epicycle": json.dumps(header)})


def _named_weights(run: StoredRun, step: int, names: str, model: Plain) -> Params:
    """The parameters under the names asked for; `model` is the run's model as plain data."""
    params, layout = run.params(step), NAMES[names]
    if layout is None:
        return params
    wrong = [f"{field} = {model[field]}" for field, able in HOOKED_FIELDS.items() if model.get(field, able[0]) not in able]
    if wrong:
        raise InputError(
            f"HookedTransformer has no {', '.join(wrong)}, so the weights of run {run.id} would compute another function there. "
            "Use --names own."
        )
    try:
        return LAYOUTS[layout].write(params)
    except InputError as error:
        raise InputError(
            f"the weights of run {run.id} ({model['kind']}) have no {names} TransformerLens names: {error} Use --names own."
        ) from None
