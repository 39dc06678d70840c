"""Which kinds each family has, and how a kind becomes a class: by name, or by import path for a user's own.

The table is strings, so that naming a kind imports nothing until it is used.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from epicycle.spec.base import Member
from epicycle.spec.errors import nearest
from epicycle.spec.own import import_module

KINDS: dict[str, dict[str, str]] = {
    "task": {
        "modular": "epicycle.tasks.modular:Modular",
        "composition": "epicycle.tasks.groups:Composition",
        "toy_addition": "epicycle.tasks.addition:ToyAddition",
        "random_table": "epicycle.tasks.random_tables:RandomTable",
        "random_labels": "epicycle.tasks.wrappers:RandomLabels",
        "without_diagonal": "epicycle.tasks.wrappers:WithoutDiagonal",
    },
    "split": {
        "random": "epicycle.tasks.splits:Split",
        "mirror_closed": "epicycle.tasks.splits:MirrorClosedSplit",
        "mirror_forced": "epicycle.tasks.splits:MirrorForcedSplit",
        "python_shuffle": "epicycle.tasks.splits:PythonShuffleSplit",
        "corrupted": "epicycle.tasks.around:CorruptedSplit",
        "removed": "epicycle.tasks.around:RemovedSplit",
        "added": "epicycle.tasks.around:AddedSplit",
        "replaced": "epicycle.tasks.around:ReplacedSplit",
        "reweighted": "epicycle.tasks.around:ReweightedSplit",
        "withheld": "epicycle.tasks.around:WithheldSplit",
        "sequential": "epicycle.tasks.splits:SequentialSplit",
        "alternating": "epicycle.tasks.splits:AlternatingSplit",
        "listed": "epicycle.tasks.listed:ListedSplit",
    },
    "model": {
        "transformer": "epicycle.models.transformer:Transformer",
        "mlp": "epicycle.models.mlp:MLP",
        "quadratic": "epicycle.models.quadratic:Quadratic",
    },
    "loss": {
        "cross_entropy": "epicycle.training.objective:CrossEntropy",
        "mse": "epicycle.training.objective:MSE",
        "hinge": "epicycle.training.objective:Hinge",
    },
    "optimiser": {
        "adamw": "epicycle.training.optimisers:AdamW",
        "sgd": "epicycle.training.optimisers:SGD",
        "rmsprop": "epicycle.training.optimisers:RMSProp",
        "lion": "epicycle.training.optimisers:Lion",
        "muon": "epicycle.training.optimisers:Muon",
    },
    "edit": {
        "scale": "epicycle.edits.knobs:Scale",
        "set": "epicycle.edits.knobs:Set",
        "change": "epicycle.edits.knobs:Change",
        "remove": "epicycle.edits.data:Remove",
        "add": "epicycle.edits.data:Add",
        "replace": "epicycle.edits.data:Replace",
        "relabel": "epicycle.edits.data:Relabel",
        "reweight": "epicycle.edits.data:Reweight",
        "withhold": "epicycle.edits.data:Withhold",
        "scale_weights": "epicycle.edits.parameters:ScaleWeights",
        "set_norm": "epicycle.edits.parameters:SetNorm",
        "add_noise": "epicycle.edits.parameters:AddNoise",
        "reset_weights": "epicycle.edits.parameters:ResetWeights",
        "zero_units": "epicycle.edits.parameters:ZeroUnits",
        "project": "epicycle.edits.parameters:Project",
        "transplant": "epicycle.edits.parameters:Transplant",
        "interpolate": "epicycle.edits.parameters:Interpolate",
        "freeze": "epicycle.edits.parameters:Freeze",
        "reset_moments": "epicycle.edits.parameters:ResetMoments",
    },
    "measure": {
        "loss": "epicycle.measures.fit:Loss",
        "accuracy": "epicycle.measures.fit:Accuracy",
        "margin": "epicycle.measures.fit:Margin",
        "calibrated_loss": "epicycle.measures.fit:CalibratedLoss",
        "zero_loss_share": "epicycle.measures.fit:ZeroLossShare",
        "weight_norm": "epicycle.measures.norms:WeightNorm",
        "total_norm": "epicycle.measures.norms:TotalNorm",
    },
    "event": {
        "threshold": "epicycle.claims.events:Threshold",
        "onset": "epicycle.claims.events:Onset",
        "peak": "epicycle.claims.events:Peak",
        "descent": "epicycle.claims.events:Descent",
        "recovery": "epicycle.claims.events:Recovery",
    },
    "statistic": {
        "event_time": "epicycle.claims.quantities:EventTime",
        "event_ratio": "epicycle.claims.quantities:EventRatio",
        "span": "epicycle.claims.quantities:Span",
        "extreme": "epicycle.claims.quantities:Extreme",
        "value_at": "epicycle.claims.quantities:ValueAt",
        "change": "epicycle.claims.quantities:Change",
        "trend": "epicycle.claims.quantities:Trend",
        "correlation": "epicycle.claims.quantities:Correlation",
        "change_points": "epicycle.claims.change_points:ChangePoints",
        "share": "epicycle.claims.statistics:Share",
        "difference": "epicycle.claims.statistics:Difference",
        "log_remaining_time": "epicycle.claims.statistics:LogRemainingTime",
        "factor_share": "epicycle.claims.factors:FactorShare",
        "dose_exponent": "epicycle.claims.factors:DoseExponent",
        "transition": "epicycle.claims.transitions:Transition",
        "slope": "epicycle.claims.statistics:Slope",
        "variance_share": "epicycle.claims.statistics:VarianceShare",
    },
}
DEFAULT_KIND = {"split": "random", "optimiser": "adamw", "loss": "cross_entropy"}


def resolve(family: str, kind: str) -> type[Member]:
    """The class of a kind; `package.module:Class` names one outside the package.

    Raises:
        ValueError: no such kind, or the import path leads nowhere or to another family.
    """
    path = KINDS[family].get(kind, kind)
    module, _, name = path.partition(":")
    if not name:
        raise ValueError(f"there is no {family} of kind '{kind}'; {nearest(kind, KINDS[family])}")
    try:
        found = getattr(import_module(module), name)
    except ImportError as error:
        raise ValueError(
            f"cannot import {family} '{kind}': {error}; name its file on the command line (epicycle run my_study.py), or put the "
            "file's folder on PYTHONPATH"
        ) from None
    except AttributeError as error:
        raise ValueError(f"cannot import {family} '{kind}': {error}; it must stand at the top level of that file") from None
    if not (isinstance(found, type) and issubclass(found, Member) and found.family == family):
        raise ValueError(f"'{kind}' is not a {family}")
    return found


def preset_experiment(name: Any) -> Any:
    """The experiment of a preset; the presets are imported when one is first asked for.

    Raises:
        InputError: there is none of that name; the nearest is offered.
    """
    return importlib.import_module("epicycle.presets").load(name).experiment


def default_member(family: str) -> Callable[[], Any]:
    """A maker of the family's default member; its class is imported when it is first asked for."""
    return lambda: resolve(family, DEFAULT_KIND[family])()


class Resolve:
    """Annotation of a family field: accepts an object, or a mapping with a `kind`."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._describing = False

    def __call__(self, value: Any) -> Any:
        """Turn a mapping into the member it names; leave objects alone."""
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind", DEFAULT_KIND.get(self.family))
        if kind is None:
            raise ValueError(f"this {self.family} has no kind; {nearest('', KINDS[self.family])}")
        cls = resolve(self.family, str(kind))
        return cls.model_validate(dict(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Run before the field's own check, which then only tests the base class."""
        return core_schema.no_info_before_validator_function(self, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Any of the kinds in the registry; one that is made of another of its family (a task of a task) is described once."""
        if self._describing:
            return {"type": "object", "properties": {"kind": {"enum": list(KINDS[self.family])}}}
        self._describing = True
        try:
            return {"anyOf": self._choices(handler)}
        finally:
            self._describing = False

    def _choices(self, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        choices = []
        for kind in KINDS[self.family]:
            cls = resolve(self.family, kind)
            own = handler(cls.__pydantic_core_schema__)
            own = dict(handler.resolve_ref_schema(own))
            own["properties"] = {"kind": {"const": kind}, **own.get("properties", {})}
            choices.append(own)
        return choices
