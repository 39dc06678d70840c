"""Epicycle: a laboratory for grokking (delayed generalisation in neural networks).

Names are loaded when they are first used, so that importing the package starts nothing heavy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epicycle.claims.estimates import PerRun as PerRun
    from epicycle.claims.quantities import EventTime as EventTime
    from epicycle.claims.quantities import Extreme as Extreme
    from epicycle.claims.quantities import Quantity as Quantity
    from epicycle.edits.data import Add as Add
    from epicycle.edits.data import Relabel as Relabel
    from epicycle.edits.data import Remove as Remove
    from epicycle.edits.data import Replace as Replace
    from epicycle.edits.data import Reweight as Reweight
    from epicycle.edits.data import Withhold as Withhold
    from epicycle.edits.knobs import Change as Change
    from epicycle.edits.knobs import Scale as Scale
    from epicycle.edits.knobs import Set as Set
    from epicycle.edits.parameters import AddNoise as AddNoise
    from epicycle.edits.parameters import Freeze as Freeze
    from epicycle.edits.parameters import Interpolate as Interpolate
    from epicycle.edits.parameters import Project as Project
    from epicycle.edits.parameters import ResetMoments as ResetMoments
    from epicycle.edits.parameters import ResetWeights as ResetWeights
    from epicycle.edits.parameters import ScaleWeights as ScaleWeights
    from epicycle.edits.parameters import SetNorm as SetNorm
    from epicycle.edits.parameters import Transplant as Transplant
    from epicycle.edits.parameters import ZeroUnits as ZeroUnits
    from epicycle.interop.export import export as export
    from epicycle.interop.foreign import ForeignRuns as ForeignRuns
    from epicycle.interop.foreign import import_runs as import_runs
    from epicycle.interop.weights import Weights as Weights
    from epicycle.interop.weights import import_weights as import_weights
    from epicycle.models.mlp import MLP as MLP
    from epicycle.models.quadratic import Quadratic as Quadratic
    from epicycle.models.sites import Sites as Sites
    from epicycle.models.transformer import Transformer as Transformer
    from epicycle.models.wrapped import wrap as wrap
    from epicycle.presets import load as preset  # noqa: F401
    from epicycle.runs import Runs as Runs
    from epicycle.runs import train as train
    from epicycle.spec.arms import ForkArm as ForkArm
    from epicycle.spec.arms import RootArm as RootArm
    from epicycle.spec.claim import Claim as Claim
    from epicycle.spec.claim import Region as Region
    from epicycle.spec.errors import InputError as InputError
    from epicycle.spec.experiment import Course as Course
    from epicycle.spec.experiment import Experiment as Experiment
    from epicycle.spec.experiment import Stop as Stop
    from epicycle.spec.experiment import Training as Training
    from epicycle.spec.families import Edit as Edit
    from epicycle.spec.families import Event as Event
    from epicycle.spec.families import Measure as Measure
    from epicycle.spec.families import Model as Model
    from epicycle.spec.families import Optimiser as Optimiser
    from epicycle.spec.families import RowLoss as RowLoss
    from epicycle.spec.families import SplitRule as SplitRule
    from epicycle.spec.families import Statistic as Statistic
    from epicycle.spec.families import Task as Task
    from epicycle.spec.fields import knob as knob
    from epicycle.spec.fields import static as static
    from epicycle.spec.observation import Observation as Observation
    from epicycle.spec.preset import Preset as Preset
    from epicycle.spec.study import Figure as Figure
    from epicycle.spec.study import Profile as Profile
    from epicycle.spec.study import Source as Source
    from epicycle.spec.study import Study as Study
    from epicycle.spec.table import Symmetry as Symmetry
    from epicycle.spec.table import Table as Table
    from epicycle.store.reading import open_results as open  # noqa: A004, F401
    from epicycle.tasks.addition import ToyAddition as ToyAddition
    from epicycle.tasks.around import AddedSplit as AddedSplit
    from epicycle.tasks.around import CorruptedSplit as CorruptedSplit
    from epicycle.tasks.around import RemovedSplit as RemovedSplit
    from epicycle.tasks.around import ReplacedSplit as ReplacedSplit
    from epicycle.tasks.around import ReweightedSplit as ReweightedSplit
    from epicycle.tasks.around import WithheldSplit as WithheldSplit
    from epicycle.tasks.groups import Composition as Composition
    from epicycle.tasks.listed import ListedSplit as ListedSplit
    from epicycle.tasks.modular import Modular as Modular
    from epicycle.tasks.random_tables import RandomTable as RandomTable
    from epicycle.tasks.splits import AlternatingSplit as AlternatingSplit
    from epicycle.tasks.splits import MirrorClosedSplit as MirrorClosedSplit
    from epicycle.tasks.splits import MirrorForcedSplit as MirrorForcedSplit
    from epicycle.tasks.splits import PythonShuffleSplit as PythonShuffleSplit
    from epicycle.tasks.splits import SequentialSplit as SequentialSplit
    from epicycle.tasks.splits import Split as Split
    from epicycle.tasks.wrappers import RandomLabels as RandomLabels
    from epicycle.tasks.wrappers import WithoutDiagonal as WithoutDiagonal
    from epicycle.training.descent import Descent as Descent
    from epicycle.training.descent import ParameterGroup as ParameterGroup
    from epicycle.training.objective import MSE as MSE
    from epicycle.training.objective import CrossEntropy as CrossEntropy
    from epicycle.training.objective import Hinge as Hinge
    from epicycle.training.optimisers import SGD as SGD
    from epicycle.training.optimisers import AdamW as AdamW
    from epicycle.training.optimisers import Lion as Lion
    from epicycle.training.optimisers import Muon as Muon
    from epicycle.training.optimisers import RMSProp as RMSProp

_HOMES = {
    "AdamW": "epicycle.training.optimisers",
    "Add": "epicycle.edits.data",
    "AddNoise": "epicycle.edits.parameters",
    "AddedSplit": "epicycle.tasks.around",
    "AlternatingSplit": "epicycle.tasks.splits",
    "Change": "epicycle.edits.knobs",
    "Claim": "epicycle.spec.claim",
    "Composition": "epicycle.tasks.groups",
    "CorruptedSplit": "epicycle.tasks.around",
    "Course": "epicycle.spec.experiment",
    "CrossEntropy": "epicycle.training.objective",
    "Descent": "epicycle.training.descent",
    "Edit": "epicycle.spec.families",
    "Event": "epicycle.spec.families",
    "EventTime": "epicycle.claims.quantities",
    "Experiment": "epicycle.spec.experiment",
    "Extreme": "epicycle.claims.quantities",
    "Figure": "epicycle.spec.study",
    "ForeignRuns": "epicycle.interop.foreign",
    "ForkArm": "epicycle.spec.arms",
    "Freeze": "epicycle.edits.parameters",
    "Hinge": "epicycle.training.objective",
    "InputError": "epicycle.spec.errors",
    "Interpolate": "epicycle.edits.parameters",
    "Lion": "epicycle.training.optimisers",
    "ListedSplit": "epicycle.tasks.listed",
    "MLP": "epicycle.models.mlp",
    "MSE": "epicycle.training.objective",
    "Measure": "epicycle.spec.families",
    "MirrorClosedSplit": "epicycle.tasks.splits",
    "MirrorForcedSplit": "epicycle.tasks.splits",
    "Model": "epicycle.spec.families",
    "Modular": "epicycle.tasks.modular",
    "Muon": "epicycle.training.optimisers",
    "Observation": "epicycle.spec.observation",
    "Optimiser": "epicycle.spec.families",
    "ParameterGroup": "epicycle.training.descent",
    "PerRun": "epicycle.claims.estimates",
    "Preset": "epicycle.spec.preset",
    "Profile": "epicycle.spec.study",
    "Project": "epicycle.edits.parameters",
    "PythonShuffleSplit": "epicycle.tasks.splits",
    "Quadratic": "epicycle.models.quadratic",
    "Quantity": "epicycle.claims.quantities",
    "RMSProp": "epicycle.training.optimisers",
    "RandomLabels": "epicycle.tasks.wrappers",
    "RandomTable": "epicycle.tasks.random_tables",
    "Region": "epicycle.spec.claim",
    "Relabel": "epicycle.edits.data",
    "Remove": "epicycle.edits.data",
    "RemovedSplit": "epicycle.tasks.around",
    "Replace": "epicycle.edits.data",
    "ReplacedSplit": "epicycle.tasks.around",
    "ResetMoments": "epicycle.edits.parameters",
    "ResetWeights": "epicycle.edits.parameters",
    "Reweight": "epicycle.edits.data",
    "ReweightedSplit": "epicycle.tasks.around",
    "RootArm": "epicycle.spec.arms",
    "RowLoss": "epicycle.spec.families",
    "Runs": "epicycle.runs",
    "SGD": "epicycle.training.optimisers",
    "Scale": "epicycle.edits.knobs",
    "ScaleWeights": "epicycle.edits.parameters",
    "SequentialSplit": "epicycle.tasks.splits",
    "Set": "epicycle.edits.knobs",
    "SetNorm": "epicycle.edits.parameters",
    "Sites": "epicycle.models.sites",
    "Source": "epicycle.spec.study",
    "Split": "epicycle.tasks.splits",
    "SplitRule": "epicycle.spec.families",
    "Statistic": "epicycle.spec.families",
    "Stop": "epicycle.spec.experiment",
    "Study": "epicycle.spec.study",
    "Symmetry": "epicycle.spec.table",
    "Table": "epicycle.spec.table",
    "Task": "epicycle.spec.families",
    "ToyAddition": "epicycle.tasks.addition",
    "Training": "epicycle.spec.experiment",
    "Transformer": "epicycle.models.transformer",
    "Transplant": "epicycle.edits.parameters",
    "Weights": "epicycle.interop.weights",
    "WithheldSplit": "epicycle.tasks.around",
    "Withhold": "epicycle.edits.data",
    "WithoutDiagonal": "epicycle.tasks.wrappers",
    "ZeroUnits": "epicycle.edits.parameters",
    "export": "epicycle.interop.export",
    "import_runs": "epicycle.interop.foreign",
    "import_weights": "epicycle.interop.weights",
    "knob": "epicycle.spec.fields",
    "open": "epicycle.store.reading",
    "preset": "epicycle.presets",
    "static": "epicycle.spec.fields",
    "train": "epicycle.runs",
    "wrap": "epicycle.models.wrapped",
}
_OWN_NAMES = {"open": "open_results", "preset": "load"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'epicycle' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), _OWN_NAMES.get(name, name))


def __dir__() -> list[str]:
    return __all__
