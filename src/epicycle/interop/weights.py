"""Weights that another code trained: `epicycle.import_weights(path)` gives parameters under our names and a model that fits them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray
from jaxtyping import Float
from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from epicycle.interop.torch_files import is_torch_file, read_torch
from epicycle.interop.weight_layouts import BIASES, layout_of
from epicycle.models.transformer.model import Transformer
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure, SplitRule, Task
from epicycle.spec.observation import Observation
from epicycle.spec.table import Table
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of


@dataclass(frozen=True)
class Weights:
    """What a file of weights held.

    Attributes:
        params: parameters under TransformerLens names, stacked over layers, as `model.apply` takes them.
        model: the network they fit, as far as shapes and `fields` tell.
        layout: the layout they were found in.
        sizes: n_layers, d_model, n_heads, d_head, d_mlp, n_ctx, d_vocab and d_vocab_out.
    """

    params: dict[str, Float[ndarray, "..."]]
    model: Transformer
    layout: str
    sizes: dict[str, int]

    def measure(
        self, task: Task, split: SplitRule | None = None, data_seed: int = 0, measures: Sequence[Measure] | None = None
    ) -> xarray.Dataset:
        """What our measures say of these weights, as they would at one step of a run.

        Args:
            task: what the network was trained on, in the form it reads.
            split: which rows it was trained on; None calls 30 % at random so, which matters to measures of one side only.
            data_seed: of the split.
            measures: None takes the everyday ones.

        Raises:
            InputError: the task has other tokens or positions than the weights.
        """
        experiment = Experiment.parse({"task": task, "model": self.model, **({} if split is None else {"split": split})}, "measure")
        table, run = task.table(), Run(experiment=experiment, data_seed=data_seed)
        tokens, positions = self.sizes["d_vocab"], self.sizes["n_ctx"]
        if (table.d_vocab, table.inputs.shape[1]) != (tokens, positions):
            told = f"{positions} positions of {tokens} tokens, and the task has {table.inputs.shape[1]} of {table.d_vocab}"
            raise InputError(f"the weights read {told}; choose another p or form.")
        data = data_of(run, table)
        params: Any = {name: value.astype(np.float32) for name, value in self.params.items()}
        state = initialiser(experiment, table)(run, data)._replace(params=params)
        chosen = Observation().measures if measures is None else tuple(measures)
        found = jax.device_get(jax.jit(lambda s, d, w: observe(experiment, chosen, s, d, w))(state, data, world_of(table)))
        labels = {axis: names for each in chosen for axis, names in each.coords(state.params).items()}
        return xarray.Dataset({each.name: (each.dims, found[each.name]) for each in chosen}, labels)


def import_weights(path: str | Path, layout: str = "auto", *, within: str = "", fields: Mapping[str, Any] | None = None) -> Weights:
    """Read a transformer's weights from a state dict of PyTorch or a safetensors file; nothing in it is executed.

    Weights do not tell how a network uses them: activation, attention mask, attention rate (of `pizza`) and the like are as the file's
    header says where we wrote it, otherwise the model's defaults, unless `fields` says otherwise. Biases that are zero throughout and
    that the model does not have are left out.

    Args:
        path: a file of torch.save (PyTorch 1.6 or later) or of safetensors.
        layout: `progress-measures`, `pizza`, `transformer-lens` (state dicts of HookedTransformer), `transformer-lens-native`
            (TransformerBridge.boot_native; needs n_heads in `fields`), `epicycle`, or `auto` for the first whose names fit.
        within: dotted path to the state dict where the file holds more, such as `model` or `state_dicts.12`.
        fields: further fields of the model, as `Transformer` takes them.

    Raises:
        InputError: a file that cannot be read safely, names or shapes of no known layout, or weights that the model does not have.
    """
    found_in, told = _read(Path(path))
    fields = {**told, **(fields or {})}
    arrays = _state_dict(found_in, within, str(path))
    try:
        for name in ("n_heads", "d_head"):
            if not (fields.get(name) is None or (isinstance(fields[name], int) and fields[name] > 0)):
                raise InputError(f"fields: {name} = {fields[name]!r} is no whole number of at least 1.")
        found = layout_of(set(arrays), layout)
        params, sizes = found.read(arrays, {name: fields[name] for name in ("n_heads", "d_head") if fields.get(name) is not None})
        model = _model(found.name, params, sizes, fields)
        return Weights(_fitting(params, model, sizes), model, found.name, sizes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _model(layout: str, params: Mapping[str, Any], sizes: Mapping[str, int], fields: Mapping[str, Any]) -> Transformer:
    """The network of these sizes; everything that names and shapes do not tell comes from the caller's fields."""
    told: dict[str, Any] = {name: sizes[name] for name in ("n_layers", "d_model", "n_heads", "d_head", "d_mlp")}
    told["biases"] = [name for name in BIASES if name in params and (name in ("b_in", "b_out") or np.any(params[name]))]
    told["d_vocab_out"] = "tokens" if sizes["d_vocab_out"] == sizes["d_vocab"] else "classes"
    if "ln1_w" in params:  # TransformerLens's are before what they feed; ours say in their header where they stand
        told |= {"norm": "pre", "final_norm": "ln_final_w" in params, "norm_kind": "layer" if "ln1_b" in params else "rms"}
    if layout == "pizza":
        told["causal"] = False  # its mask is written but not used
    return Transformer.parse({**told, **fields}, "fields")


def _fitting(params: Mapping[str, Any], model: Transformer, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The parameters that the model has.

    Raises:
        InputError: the model lacks some that are not zero, has others, or has them in another shape.
    """
    n_ctx = sizes["n_ctx"]
    tokens = np.zeros((1, n_ctx), np.int64)
    table = Table(tokens, np.zeros(1, np.int64), tokens[:, :1], num_classes=sizes["d_vocab_out"], d_vocab=sizes["d_vocab"])
    wanted = {name: leaf.shape for name, leaf in jax.eval_shape(lambda key: model.init(key, table), jax.random.key(0)).items()}
    extra = [name for name, value in params.items() if name not in wanted and np.any(value)]
    lacking = [name for name in wanted if name not in params]
    shared = {name: (params[name].shape, shape) for name, shape in wanted.items() if name in params}
    other = [f"{name} {have} instead of {want}" for name, (have, want) in shared.items() if have != want]
    if extra or lacking or other:
        parts = [f"the model does not have {', '.join(extra)}"] if extra else []
        parts += [f"the file lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"the file has {', '.join(other)}"] if other else []
        raise InputError(f"the weights do not fit {model!r}: {'; '.join(parts)}. Name the model's further fields in fields.")
    return {name: params[name] for name in wanted}


def _read(path: Path) -> tuple[Any, dict[str, Any]]:
    """What a file holds, and the fields of the model where our own header gives them."""
    if not path.is_file():
        raise InputError(f"{path} is not a file.")
    if is_torch_file(path) or path.suffix != ".safetensors":
        return read_torch(path), {}
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("epicycle", "{}"))
        model = header.get("model") or {}
        model = model if model.get("kind") == "transformer" else {}
        return load(path.read_bytes()), {name: value for name, value in model.items() if name != "kind"}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}.") from None


def _state_dict(found: Any, within: str, where: str) -> Mapping[str, Any]:
    """The one dict of arrays in a file."""
    for step in within.split(".") if within else ():
        if isinstance(found, list | tuple) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            names = found if isinstance(found, Mapping) else ()
            raise InputError(f"{where}: within: there is no '{step}'; {nearest(step, [str(name) for name in names])}")
    if _is_state_dict(found):
        return found
    inside = list(_inside(found, set()))
    if len(inside) == 1:
        return _state_dict(found, inside[0], where)
    told = f"it holds {len(inside)}: {', '.join(inside[:8])}; choose one by within" if inside else "it holds none"
    raise InputError(f"{where} is not a state dict (a dict of tensors); {told}.")


def _is_state_dict(found: Any) -> bool:
    return isinstance(found, Mapping) and bool(found) and all(isinstance(k, str) and isinstance(v, ndarray) for k, v in found.items())


def _inside(found: Any, seen: set[int], at: str = "", depth: int = 3) -> Iterator[str]:
    """Paths of the state dicts in nested dicts and lists, a few levels deep; a hostile file may hold itself, many times over."""
    if id(found) in seen:
        return
    seen.add(id(found))
    entries = found.items() if isinstance(found, Mapping) else enumerate(found) if isinstance(found, list | tuple) else ()
    for name, entry in entries:
        path = f"{at}{name}"
        if _is_state_dict(entry):
            yield path
        elif depth:
            yield from _inside(entry, seen, f"{path}.", depth - 1)
