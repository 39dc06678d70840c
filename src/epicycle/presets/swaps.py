"""Which factor makes two presets behave differently? `differences` lists what differs, `swaps` makes arms that swap one factor each.

A factor is a set of fields that are swapped together, such as the normalisation or the schedule.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from epicycle.spec.arms import RootArm
from epicycle.spec.base import kind_of
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.fields import role_of
from epicycle.spec.paths import get_path, with_path
from epicycle.spec.preset import Preset

# Field of a model, of an optimiser or of training -> the factor that it belongs to. A field that is not listed is a factor by itself.
FACTOR = {
    **dict.fromkeys(("n_layers", "d_model", "n_heads", "d_head", "d_mlp"), "size"),
    **dict.fromkeys(("norm", "norm_kind", "final_norm"), "normalisation"),
    **dict.fromkeys(("tied", "d_vocab_out"), "read-out"),
    **dict.fromkeys(("causal", "attention_rate", "smeared_keys"), "attention"),
    **dict.fromkeys(("operands", "combine", "embeddings", "scaled_embedding"), "embedding"),
    **dict.fromkeys(("dropout", "dropout_at"), "dropout"),
    **dict.fromkeys(("initialisation", "attention_initialisation", "init_scale", "weights"), "initialisation"),
    **dict.fromkeys(("weight_decay", "decay_coupling", "decay_to"), "weight decay"),
    **dict.fromkeys(("batch_size", "replacement"), "batch"),
    **dict.fromkeys(("warmup", "schedule", "anneal_steps", "final_lr_scale"), "schedule"),
    "act_fn": "activation",
    "lr": "learning rate",
    "groups": "parameter groups",
}


class Swaps(NamedTuple):
    """Arms for a study that compares two presets.

    Attributes:
        arms: name -> arm. One arm is the first preset unchanged (`np`); each other arm takes one factor from the second preset
            (`np-schedule-of-tl`).
        impossible: factor -> why it cannot be taken alone.
    """

    arms: dict[str, RootArm]
    impossible: dict[str, str]


def differences(a: Preset, b: Preset) -> dict[str, tuple[Any, Any]]:
    """The fields in which the experiments of two presets differ.

    Returns:
        Dotted path -> the value in `a` and the value in `b`; None where an experiment has no such field.
    """
    values_a, values_b = (dict(_flat(preset.experiment.model_dump(mode="json"))) for preset in (a, b))
    paths = [*values_a, *(path for path in values_b if path not in values_a)]
    return {path: (values_a.get(path), values_b.get(path)) for path in paths if values_a.get(path) != values_b.get(path)}


def swaps(a: Preset, b: Preset, seeds: int = 10) -> Swaps:
    """Preset `a`, and `a` with one factor of `b` at a time.

    Budgets stay those of `a`. If a swap leaves a pattern of a parameter group without tensors, the pattern is dropped.

    Args:
        a: the preset that is changed.
        b: the preset that gives the factors.
        seeds: number of seeds of each arm.

    Returns:
        The arms, and the factors that cannot be swapped alone.
    """
    arms, impossible = {a.name.lower(): RootArm(experiment=a.experiment, seeds=seeds)}, {}
    for factor, paths in _factors(a.experiment, b.experiment).items():
        try:
            swapped = _without_empty_groups(_with(a.experiment, b.experiment, paths))
        except InputError as error:
            impossible[factor] = str(error)
            continue
        if swapped != a.experiment:
            arms[f"{a.name}-{factor.replace(' ', '-')}-of-{b.name}".lower()] = RootArm(experiment=swapped, seeds=seeds)
    return Swaps(arms, impossible)


def _factors(a: Experiment, b: Experiment) -> dict[str, list[str]]:
    """Factor -> its paths. Two networks, or two optimisers, of different kinds have different fields and are swapped as a whole."""
    factors: dict[str, list[str]] = {"task": ["task"], "split": ["split"], "loss": ["training.loss"]}
    for path, factor, part_a, part_b in (
        ("model", "network", a.model, b.model),
        ("training.optimiser", "optimiser", a.training.optimiser, b.training.optimiser),
    ):
        if kind_of(type(part_a)) != kind_of(type(part_b)):
            factors[factor] = [path]
            continue
        for name in type(part_a).model_fields:
            factors.setdefault(FACTOR.get(name, name), []).append(f"{path}.{name}")
    for name, field in Training.model_fields.items():
        if role_of(field) in ("static", "knob", "data"):
            factors.setdefault(FACTOR.get(name, name), []).append(f"training.{name}")
    return factors


def _with(a: Experiment, b: Experiment, paths: list[str]) -> Experiment:
    """Experiment `a` with the values of `b` at some paths."""
    swapped, source = (experiment.model_dump(mode="json") for experiment in (a, b))
    for path in paths:
        swapped = with_path(swapped, path, get_path(source, path))
    return Experiment.parse(swapped, ", ".join(paths))


def _without_empty_groups(experiment: Experiment) -> Experiment:
    """The experiment without those patterns of its parameter groups that match no tensor of its network.

    Raises:
        InputError: the network cannot read the task.
    """
    import jax

    table, model = experiment.task.table(), experiment.model

    def forward() -> Any:
        params = model.init(jax.random.key(0), table)
        model.fast(params, jax.numpy.asarray(table.inputs[:2]), positions=table.positions)
        return params

    tensors = jax.eval_shape(forward)
    groups = getattr(experiment.training.optimiser, "groups", ())
    fitting = []
    for group in groups:
        patterns = tuple(pattern for pattern in group.tensors if any(fnmatchcase(name, pattern) for name in tensors))
        fitting += [group.model_copy(update={"tensors": patterns})] if patterns else []
    if tuple(fitting) == tuple(groups):
        return experiment
    return experiment.swept("training.optimiser.groups", [group.model_dump(mode="json") for group in fitting])


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of every leaf of nested mappings."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
