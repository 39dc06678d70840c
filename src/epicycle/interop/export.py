"""A run's series as a table (CSV, Parquet), and its weights as safetensors under the names that other tools load."""

import io
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save

from epicycle.interop.parquet import needs_pyarrow
from epicycle.interop.weight_layouts import LAYOUTS
from epicycle.spec.errors import InputError, nearest
from epicycle.store.atomic import write_bytes
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root, default_root
from epicycle.store.runs import StoredRun

if TYPE_CHECKING:
    import pandas
    import xarray

FORMATS = ("csv", "parquet", "safetensors")
WITHIN = {"norm": ("none", "pre"), "scaled_embedding": (False,), "attention_rate": (None,)}  # what TransformerLens's networks can be
NAMES = {"old": "transformer-lens", "native": "transformer-lens-native", "own": None}


def export(
    run: StoredRun | str, to: str, folder: str | Path, *, step: int | None = None, names: str = "old", root: str | Path | None = None
) -> Path:
    """Write one file of a run into a folder, whole or not at all.

    A table has one row per recorded step and one column per series; a series over labels has one column for each, as
    `weight_norm[W_E]`. safetensors holds the parameters at one step, and the model's fields in its header (weights do not tell the
    activation or the attention mask).

    Args:
        run: a run, or the beginning of its id.
        to: `csv`, `parquet` or `safetensors`.
        folder: made if it does not exist.
        step: of the parameters; None takes the last.
        names: `old` for HookedTransformer's state dict (TransformerLens 2 and 3; its zero biases and attention buffers are added, so
            that `load_state_dict(strict=True)` takes it), `native` for TransformerBridge.boot_native (TransformerLens 4), `own` for
            ours, which every model has.
        root: results folder of a run named by its id; None means EPICYCLE_ROOT or ./epicycle-results.

    Returns:
        The file's path.

    Raises:
        InputError: no such run, format, step or names; a folder that is a file; weights that the names do not cover.
    """
    if isinstance(run, str):
        run = _named(run, root)
    if to not in FORMATS:
        raise InputError(f"there is no export to '{to}'; {nearest(to, FORMATS)}")
    if names not in NAMES:
        raise InputError(f"there are no names '{names}'; {nearest(names, NAMES)}")
    if to != "safetensors" and step is not None:
        raise InputError(f"a step chooses the weights of --to safetensors; --to {to} has all recorded steps.")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; choose another.")
    if to == "safetensors":
        step = run.last_step if step is None else step
        name, content = f"{run.id}-step-{step}-{names}.safetensors", _weights(run, step, names)
    else:
        name, content = f"{run.id}.{to}", _table(table(run.recorded()), to)
    try:
        write_bytes(folder / name, content)
    except OSError as error:
        raise InputError(f"{folder / name} cannot be written: {error.strerror or error}; choose another folder.") from None
    return folder / name


def table(recorded: "xarray.Dataset") -> "pandas.DataFrame":
    """The series of one run: a row per step, a column per series and label."""
    import pandas

    steps = recorded["step"].values
    columns: dict[str, Any] = {name: [recorded[name].item()] * len(steps) for name in ("run", "seed", "data_seed")}
    columns["step"] = steps
    for name, series in recorded.data_vars.items():
        dims = [dim for dim in series.dims if dim != "step"]
        values = series.transpose("step", *dims).values.reshape(len(steps), -1)
        labels = itertools.product(*(recorded[dim].values.tolist() for dim in dims))
        for label, column in zip(labels, values.T, strict=True):
            columns[f"{name}[{','.join(map(str, label))}]" if label else str(name)] = column
    return pandas.DataFrame(columns)


def _table(frame: "pandas.DataFrame", to: str) -> bytes:
    if to == "csv":
        return frame.to_csv(index=False).encode()
    needs_pyarrow("writing")
    content = io.BytesIO()
    frame.to_parquet(content, engine="pyarrow", index=False)
    return content.getvalue()


def _weights(run: StoredRun, step: int, names: str) -> bytes:
    params, model = run.params(step), run.experiment()["model"]
    layout = NAMES[names]
    if layout and (beyond := [f"{name} = {model[name]}" for name, able in WITHIN.items() if model.get(name, able[0]) not in able]):
        raise InputError(
            f"HookedTransformer has no {', '.join(beyond)}: the weights of run {run.id} would load there as another network. "
            "--names own writes them."
        )
    try:
        arrays = LAYOUTS[layout].write(params) if layout else params
    except InputError as error:
        raise InputError(
            f"the weights of run {run.id} ({model['kind']}) have no {names} TransformerLens names: {error} --names own writes them."
        ) from None
    told = {"run": run.id, "step": step, "names": names, "model": model}
    # One entry: safetensors writes several in an order that changes from process to process.
    return save(arrays, metadata={"epicycle": json.dumps(told)})


def _named(run: str, root: str | Path | None) -> StoredRun:
    place = Root(Path(root) if root is not None else default_root()).opened()
    return StoredRun(place, Catalogue(place).find(run))
