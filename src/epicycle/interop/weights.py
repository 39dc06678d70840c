"""Weights that another code trained: `epicycle.import_weights(path)` gives parameters under our names and a model that fits them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray

from epicycle.interop.folded_norms import folded_norm_fields, unit_norms
from epicycle.interop.layout_conversion import BIASES, Arrays, Sizes
from epicycle.interop.state_dicts import Within, read_state_dict
from epicycle.interop.state_keys import network_arrays
from epicycle.interop.weight_layouts import Reading, readings
from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.errors import InputError, shortened
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure, Params, SplitRule, Task
from epicycle.spec.observation import Observation
from epicycle.spec.plain_data import Plain
from epicycle.spec.table import Table
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of


@dataclass(frozen=True)
class Weights:
    """The network that another code's weights are.

    Attributes:
        params: parameters under TransformerLens's names, stacked over layers, as `model.apply` takes them.
        model: the network that the parameters fit, as far as their shapes and `fields` tell.
        layout: the layout that the file has.
        sizes: n_layers, d_model, n_heads, d_head, d_mlp, n_ctx, d_vocab and d_vocab_out; an MLP has 0 heads.
    """

    params: Params
    model: Transformer | MLP
    layout: str
    sizes: Sizes

    def measure(
        self, task: Task, split: SplitRule | None = None, data_seed: int = 0, measures: Sequence[Measure] | None = None
    ) -> xarray.Dataset:
        """Take our measures of these weights, as they would be taken at one step of a run.

        Args:
            task: the task that the network was trained on, in the form that it reads.
            split: which rows it was trained on. None counts a random 30 % of the rows as trained on; this affects every measure that
                looks at trained or held-out rows only.
            data_seed: seed of the split.
            measures: None takes the standard ones of `Observation`.

        Returns:
            One variable for each measure, with the measure's own axes.

        Raises:
            InputError: the task has another number of tokens or positions than the weights.
        """
        experiment = Experiment.parse({"task": task, "model": self.model, **({} if split is None else {"split": split})}, "measure")
        table, run = task.table(), Run(experiment=experiment, data_seed=data_seed)
        self._check_reads(table)
        data = data_of(run, table)
        params: Params = {name: value.astype(np.float32) for name, value in self.params.items()}
        state = initialiser(experiment, table)(run, data)._replace(params=params)
        chosen = Observation().measures if measures is None else tuple(measures)
        values = jax.device_get(jax.jit(lambda s, d, w: observe(experiment, chosen, s, d, w))(state, data, world_of(table)))
        labels = {axis: names for measure in chosen for axis, names in measure.coords(state.params, task).items()}
        return xarray.Dataset({measure.name: (measure.dims, values[measure.name]) for measure in chosen}, labels)

    def _check_reads(self, table: Table) -> None:
        """Refuse a task that does not fit the embedding."""
        tokens, positions = self.sizes.d_vocab, self.sizes.n_ctx
        if (table.d_vocab, table.inputs.shape[1]) != (tokens, positions):
            raise InputError(
                f"the weights read {positions} positions of {tokens} tokens, and the task has {table.inputs.shape[1]} of "
                f"{table.d_vocab}; choose the p and the form that the network was trained on."
            )


def import_weights(
    source: str | Path | Mapping[Any, Any],
    layout: str = "auto",
    *,
    within: Within = "",
    leave_out: Sequence[str] = (),
    fields: Mapping[str, Any] | None = None,
) -> Weights:
    """Read a network's weights from a state dict of PyTorch or from a safetensors file. Nothing in the file is executed.

    Names and shapes decide the layout. The names of wrappers (`_orig_mod.`, `module.`, `model.`) are taken off.

    Weights do not tell how a network uses them: its activation, its attention mask, its attention rate (of `pizza`) and the like.
    These come from `fields`. What `fields` does not say comes from the file's header, if `epicycle.export` wrote the file; otherwise
    from the layout, whose code may know one value only; otherwise from the model's defaults. Where the weights show that a default
    may be wrong, you are asked. A norm that was folded into the weights leaves no names, so name it: fields={"norm": "pre",
    "final_norm": True}. Its gains are then 1. An RMSNorm that was folded shows in nothing. Biases that are zero throughout and that
    the model does not have are left out; biases that are not zero never are.

    Args:
        source: a file of torch.save (PyTorch 1.6 or later) or of safetensors; or a dict of arrays in memory, such as
            model.state_dict().
        layout: `progress-measures`, `pizza`, `transformer-lens` (state dicts of HookedTransformer), `transformer-lens-native`
            (TransformerBridge.boot_native; needs n_heads in `fields`), `porth-bot` (of the preset PB; needs n_heads too),
            `rep-theory` (MLPs of Chughtai et al., preset RT), `epicycle`, or `auto` for the one that fits. The elements of a group
            have another order in rep-theory than in our tasks.
        within: where the state dict lies if the source holds more than that: a dotted path such as `model` or `state_dicts.12`, an
            integer key, or the keys one by one in a list.
        leave_out: names, or patterns such as `ema.*`, of tensors that are no part of the network.
        fields: further fields of the model, as `Transformer` or `MLP` takes them.

    Raises:
        InputError: a file that cannot be read safely, names or shapes of no known layout or of several that compute different
            things, or weights that the model does not have.
    """
    if not isinstance(fields, Mapping | None):
        raise InputError(f"fields is a dict of the model's fields, such as {{'n_heads': 4}}, and not {shortened(repr(fields))}.")
    arrays, header = read_state_dict(source, within)
    try:
        return _one_network(network_arrays(arrays, leave_out), layout, header, fields or {})
    except InputError as error:
        raise InputError(f"{source if isinstance(source, str | Path) else 'the dict of weights'}: {error}") from None


def _one_network(arrays: Arrays, layout: str, header: Plain, fields: Mapping[str, Any]) -> Weights:
    """The network that the weights are, in every layout that fits.

    Raises:
        InputError: the layouts that fit give different networks.
    """
    kind = header.pop("kind", None)
    if kind not in (None, "transformer"):
        raise InputError(f"epicycle.export wrote it from a network of kind '{kind}'; of our own files only transformers are read.")
    fields = {**header, **fields}
    first, *others = [_network(reading, fields) for reading in readings(arrays, layout, _head_sizes(fields))]
    for other in others:
        if other.model != first.model:
            ours, theirs = (network.model.model_dump(mode="json") for network in (first, other))
            wrong = [f"{name} ({ours[name]} or {theirs[name]})" for name in ours if ours[name] != theirs[name]]
            raise InputError(
                f"names and shapes fit the layouts {first.layout} and {other.layout}, whose networks differ in {', '.join(wrong)}; "
                f"choose one with layout='{first.layout}' or layout='{other.layout}'."
            )
    return first


def _network(reading: Reading, fields: Plain) -> Weights:
    """The network of one reading of the weights."""
    model = _model(reading, fields)
    return Weights(_params_of(model, reading.params, reading.sizes), model, reading.layout.name, reading.sizes)


def _head_sizes(fields: Mapping[str, Any]) -> dict[str, int]:
    """The numbers and widths of heads in the fields: shapes do not always tell these."""
    sizes = {name: fields[name] for name in ("n_heads", "d_head") if fields.get(name) is not None}
    for name, size in sizes.items():
        if not (isinstance(size, int) and size > 0):
            raise InputError(f"fields: {name} = {size!r} is not a whole number from 1 on.")
    return sizes


def _model(reading: Reading, fields: Plain) -> Transformer | MLP:
    """The network of these sizes. What names and shapes do not tell comes from `fields`, or from the layout."""
    layout, params, sizes = reading
    if layout.kind == "mlp":
        widths = {"d_model": sizes.d_model, "d_mlp": sizes.d_mlp}
        return MLP.parse({**widths, **layout.fields, **fields}, "fields")
    settings: Plain = {name: getattr(sizes, name) for name in ("n_layers", "d_model", "n_heads", "d_head", "d_mlp")}
    settings["biases"] = [name for name in BIASES if name in params and (name in ("b_in", "b_out") or np.any(params[name]))]
    settings["d_vocab_out"] = "tokens" if sizes.d_vocab_out == sizes.d_vocab else "classes"
    if "ln1_w" in params:  # TransformerLens normalises what attention and MLP read; our own files say in their header where we do
        settings |= {"norm": "pre", "norm_kind": "layer" if "ln1_b" in params else "rms"}
    settings["final_norm"] = "ln_final_w" in params
    if layout.norm_is_open:
        settings |= folded_norm_fields(params, fields)
    return Transformer.parse({**settings, **layout.fields, **fields}, "fields")


def _params_of(model: Transformer | MLP, params: Params, sizes: Sizes) -> Params:
    """The parameters that the model has, in the model's order. A norm without gains has gains of 1.

    Raises:
        InputError: some parameters that are not zero have no place in the model, some are missing, or some have another shape.
    """
    tokens = np.zeros((1, sizes.n_ctx), np.int64)
    table = Table(tokens, np.zeros(1, np.int64), tokens[:, :2], num_classes=sizes.d_vocab_out, d_vocab=sizes.d_vocab)
    shapes = {name: array.shape for name, array in jax.eval_shape(lambda key: model.init(key, table), jax.random.key(0)).items()}
    params = {**unit_norms(shapes), **params}
    superfluous = [name for name, value in params.items() if name not in shapes and np.any(value)]
    missing = [name for name in shapes if name not in params]
    misshapen = [
        f"{name} {params[name].shape} instead of {shape}"
        for name, shape in shapes.items()
        if name in params and params[name].shape != shape
    ]
    if superfluous or missing or misshapen:
        problems = [f"the model does not have {', '.join(superfluous)}"] if superfluous else []
        problems += [f"the file lacks {', '.join(missing)}"] if missing else []
        problems += [f"the file has {', '.join(misshapen)}"] if misshapen else []
        raise InputError(
            f"the weights do not fit {model!r}: {'; '.join(problems)}. Pass the fields in which the network differs with "
            "fields={'name': value}."
        )
    return {name: params[name] for name in shapes}
