"""Epicycle: a laboratory for grokking (delayed generalisation in neural networks).

Names are loaded when they are first used, so importing the package starts nothing heavy. Every kind that YAML knows is a class here
under its own name; `docs/reference.md` lists them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from epicycle.circuits import CIRCUIT_MEASURES
from epicycle.claims import STATISTICS
from epicycle.edits import EDITS
from epicycle.events import EVENTS
from epicycle.measures import MEASURES
from epicycle.models import MODELS
from epicycle.presets import PRESETS
from epicycle.spec.kinds import KINDS, declare
from epicycle.splits import SPLITS
from epicycle.tasks import TASKS
from epicycle.theory import THEORIES
from epicycle.training import ELSEWHERE, LOSSES, OPTIMISERS

if TYPE_CHECKING:
    from epicycle.circuits.ablated_loss import Excluded as Excluded
    from epicycle.circuits.ablated_loss import Restricted as Restricted
    from epicycle.circuits.altered import Altered as Altered
    from epicycle.circuits.altered import PrunedAccuracy as PrunedAccuracy
    from epicycle.circuits.attention import AttentionEntropy as AttentionEntropy
    from epicycle.circuits.attention import AttentionPattern as AttentionPattern
    from epicycle.circuits.circles import TokenCircles as TokenCircles
    from epicycle.circuits.clock_pizza import Circularity as Circularity
    from epicycle.circuits.clock_pizza import DistanceAccuracy as DistanceAccuracy
    from epicycle.circuits.clock_pizza import DistanceIrrelevance as DistanceIrrelevance
    from epicycle.circuits.clock_pizza import GradientSymmetricity as GradientSymmetricity
    from epicycle.circuits.clock_pizza import TemplateShare as TemplateShare
    from epicycle.circuits.coset_neurons import CosetDistance as CosetDistance
    from epicycle.circuits.coverage import ActiveOverlap as ActiveOverlap
    from epicycle.circuits.coverage import Coverage as Coverage
    from epicycle.circuits.coverage import EffectiveNumber as EffectiveNumber
    from epicycle.circuits.end_point import EndPart as EndPart
    from epicycle.circuits.end_point import EndShare as EndShare
    from epicycle.circuits.exchange import Exchange as Exchange
    from epicycle.circuits.key_irreps import KeyIrreps as KeyIrreps
    from epicycle.circuits.key_irreps import KeyIrrepShare as KeyIrrepShare
    from epicycle.circuits.key_irreps import LogitSimilarity as LogitSimilarity
    from epicycle.circuits.loss_through import LossThrough as LossThrough
    from epicycle.circuits.neurons import ClusteredNeurons as ClusteredNeurons
    from epicycle.circuits.neurons import CosetConcentration as CosetConcentration
    from epicycle.circuits.neurons import NeuronComponent as NeuronComponent
    from epicycle.circuits.neurons import NeuronShare as NeuronShare
    from epicycle.circuits.other_rule import OfRule as OfRule
    from epicycle.circuits.other_rule import RuleAccuracy as RuleAccuracy
    from epicycle.circuits.probes import Probe as Probe
    from epicycle.circuits.regions import MoransI as MoransI
    from epicycle.circuits.regions import OffsetShare as OffsetShare
    from epicycle.circuits.regions import RegionMap as RegionMap
    from epicycle.circuits.row_strength import RowGenPart as RowGenPart
    from epicycle.circuits.saliency import Breadth as Breadth
    from epicycle.circuits.saliency import BroadUnits as BroadUnits
    from epicycle.circuits.saliency import DeletionDamage as DeletionDamage
    from epicycle.circuits.saliency import Participation as Participation
    from epicycle.circuits.saliency import Salience as Salience
    from epicycle.circuits.saliency import SalienceSkewness as SalienceSkewness
    from epicycle.circuits.strength import GenLogit as GenLogit
    from epicycle.circuits.strength import GenPart as GenPart
    from epicycle.circuits.strength import GenQuality as GenQuality
    from epicycle.circuits.strength import GenShare as GenShare
    from epicycle.circuits.strength import MemLogit as MemLogit
    from epicycle.circuits.strength import MemLogitOfFew as MemLogitOfFew
    from epicycle.circuits.waves import AnalyticNeurons as AnalyticNeurons
    from epicycle.circuits.waves import NeuronIPR as NeuronIPR
    from epicycle.circuits.weight_spectra import ComponentPower as ComponentPower
    from epicycle.circuits.weight_spectra import IsKey as IsKey
    from epicycle.circuits.weight_spectra import KeyComponents as KeyComponents
    from epicycle.circuits.weight_spectra import KeyPower as KeyPower
    from epicycle.circuits.weight_spectra import SpectralGini as SpectralGini
    from epicycle.circuits.written import CircuitCoverage as CircuitCoverage
    from epicycle.circuits.written import CircuitShare as CircuitShare
    from epicycle.circuits.written import CircuitStrength as CircuitStrength
    from epicycle.claims.axis_correlation import GrowthCorrelation as GrowthCorrelation
    from epicycle.claims.cell_correlation import CellCorrelation as CellCorrelation
    from epicycle.claims.change_points import ChangePoints as ChangePoints
    from epicycle.claims.differences import Difference as Difference
    from epicycle.claims.estimates import PerRun as PerRun
    from epicycle.claims.factor_shares import Cell as Cell
    from epicycle.claims.factor_shares import FactorShare as FactorShare
    from epicycle.claims.falls import Fall as Fall
    from epicycle.claims.falls import Overtaking as Overtaking
    from epicycle.claims.laws import LawEvidence as LawEvidence
    from epicycle.claims.laws import LawShare as LawShare
    from epicycle.claims.laws import PooledLaws as PooledLaws
    from epicycle.claims.median_remaining_time import MedianRemainingTime as MedianRemainingTime
    from epicycle.claims.pairs import EqualPairs as EqualPairs
    from epicycle.claims.path_planes import PlaneView as PlaneView
    from epicycle.claims.path_quantities import DiffusionExponent as DiffusionExponent
    from epicycle.claims.path_quantities import MoveCosine as MoveCosine
    from epicycle.claims.path_quantities import PathLength as PathLength
    from epicycle.claims.path_quantities import Straightness as Straightness
    from epicycle.claims.path_sums import PathSum as PathSum
    from epicycle.claims.pattern_fits import ThreePatternFit as ThreePatternFit
    from epicycle.claims.persistence import Persistence as Persistence
    from epicycle.claims.power_laws import QuantityPower as QuantityPower
    from epicycle.claims.power_laws import SeriesPower as SeriesPower
    from epicycle.claims.quantities import EventRatio as EventRatio
    from epicycle.claims.quantities import EventTime as EventTime
    from epicycle.claims.quantities import Quantity as Quantity
    from epicycle.claims.quantities import Span as Span
    from epicycle.claims.remaining_time import DoseExponent as DoseExponent
    from epicycle.claims.remaining_time import LogRemainingTime as LogRemainingTime
    from epicycle.claims.row_times import RowTimes as RowTimes
    from epicycle.claims.separation import Separation as Separation
    from epicycle.claims.series_quantities import Correlation as Correlation
    from epicycle.claims.series_quantities import Extreme as Extreme
    from epicycle.claims.series_quantities import SeriesChange as SeriesChange
    from epicycle.claims.series_quantities import Trend as Trend
    from epicycle.claims.series_quantities import ValueAt as ValueAt
    from epicycle.claims.shares import RegionShare as RegionShare
    from epicycle.claims.shares import Share as Share
    from epicycle.claims.slopes import Bend as Bend
    from epicycle.claims.slopes import Slope as Slope
    from epicycle.claims.spikes import Spikes as Spikes
    from epicycle.claims.transitions import Transition as Transition
    from epicycle.claims.two_phases import TwoPhases as TwoPhases
    from epicycle.claims.variance import VarianceShare as VarianceShare
    from epicycle.edits.along_path import AlongPath as AlongPath
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
    from epicycle.edits.parameters import ResetMoments as ResetMoments
    from epicycle.edits.parameters import ScaleWeights as ScaleWeights
    from epicycle.edits.parameters import SetNorm as SetNorm
    from epicycle.edits.parameters import Transplant as Transplant
    from epicycle.edits.planting import Plant as Plant
    from epicycle.edits.pruning import Prune as Prune
    from epicycle.edits.steering import SetMeasure as SetMeasure
    from epicycle.edits.units import Project as Project
    from epicycle.edits.units import ResetWeights as ResetWeights
    from epicycle.edits.units import ZeroUnits as ZeroUnits
    from epicycle.events.detectors import BelowIgnorance as BelowIgnorance
    from epicycle.events.detectors import Descent as Descent
    from epicycle.events.detectors import Onset as Onset
    from epicycle.events.detectors import Peak as Peak
    from epicycle.events.detectors import Recovery as Recovery
    from epicycle.events.detectors import Threshold as Threshold
    from epicycle.interop.export import export as export
    from epicycle.interop.foreign_runs import ForeignRuns as ForeignRuns
    from epicycle.interop.foreign_runs import import_runs as import_runs
    from epicycle.interop.weights import Weights as Weights
    from epicycle.interop.weights import import_weights as import_weights
    from epicycle.measures.answer_maps import AnswerMap as AnswerMap
    from epicycle.measures.basin import LocalLearningCoefficient as LocalLearningCoefficient
    from epicycle.measures.curvature import CurvatureAlongUpdate as CurvatureAlongUpdate
    from epicycle.measures.curvature import CurvatureTrace as CurvatureTrace
    from epicycle.measures.curvature import OffDiagonalShare as OffDiagonalShare
    from epicycle.measures.curvature import TopCurvature as TopCurvature
    from epicycle.measures.fit import Accuracy as Accuracy
    from epicycle.measures.fit import CalibratedLoss as CalibratedLoss
    from epicycle.measures.fit import LogOdds as LogOdds
    from epicycle.measures.fit import Loss as Loss
    from epicycle.measures.fit import Margin as Margin
    from epicycle.measures.fit import RegionAccuracy as RegionAccuracy
    from epicycle.measures.fit import ZeroLossShare as ZeroLossShare
    from epicycle.measures.norms import TotalNorm as TotalNorm
    from epicycle.measures.norms import WeightNorm as WeightNorm
    from epicycle.measures.path_sketch import Displacement as Displacement
    from epicycle.measures.path_sketch import WeightSketch as WeightSketch
    from epicycle.measures.perturbations import ChangeGain as ChangeGain
    from epicycle.measures.perturbations import DirectionProfile as DirectionProfile
    from epicycle.measures.perturbations import PerturbationRadius as PerturbationRadius
    from epicycle.measures.ranks import EffectiveRank as EffectiveRank
    from epicycle.measures.ranks import RepresentationQuality as RepresentationQuality
    from epicycle.measures.row_gradients import FisherOffDiagonal as FisherOffDiagonal
    from epicycle.measures.row_gradients import GradientRank as GradientRank
    from epicycle.measures.row_pushes import GradientCoherence as GradientCoherence
    from epicycle.measures.update_effects import StepAdditivity as StepAdditivity
    from epicycle.measures.update_effects import UpdateEffect as UpdateEffect
    from epicycle.measures.where_it_fits import WhereItFits as WhereItFits
    from epicycle.models.frequency_toy import FrequencyToy as FrequencyToy
    from epicycle.models.gated_bank import GatedBank as GatedBank
    from epicycle.models.gated_bank import GatedCircuit as GatedCircuit
    from epicycle.models.key_value import KeyValue as KeyValue
    from epicycle.models.locked import Locked as Locked
    from epicycle.models.mlp import MLP as MLP
    from epicycle.models.quadratic import Quadratic as Quadratic
    from epicycle.models.sites import Sites as Sites
    from epicycle.models.transformer.model import Transformer as Transformer
    from epicycle.models.two_heads import TwoHeads as TwoHeads
    from epicycle.models.wrapped import wrap as wrap
    from epicycle.notebook import Runs as Runs
    from epicycle.notebook import barrier as barrier
    from epicycle.notebook import train as train
    from epicycle.presets.swaps import swaps as swaps
    from epicycle.spec.arms import ForkArm as ForkArm
    from epicycle.spec.arms import RootArm as RootArm
    from epicycle.spec.arms import TheoryArm as TheoryArm
    from epicycle.spec.claim import Claim as Claim
    from epicycle.spec.claim import Gate as Gate
    from epicycle.spec.claim import Prediction as Prediction
    from epicycle.spec.claim import Region as Region
    from epicycle.spec.errors import InputError as InputError
    from epicycle.spec.experiment import Course as Course
    from epicycle.spec.experiment import Experiment as Experiment
    from epicycle.spec.experiment import Stop as Stop
    from epicycle.spec.experiment import Training as Training
    from epicycle.spec.families import Edit as Edit
    from epicycle.spec.families import EditContext as EditContext
    from epicycle.spec.families import Event as Event
    from epicycle.spec.families import Measure as Measure
    from epicycle.spec.families import Model as Model
    from epicycle.spec.families import Optimiser as Optimiser
    from epicycle.spec.families import RowLoss as RowLoss
    from epicycle.spec.families import Simulated as Simulated
    from epicycle.spec.families import SplitRule as SplitRule
    from epicycle.spec.families import Statistic as Statistic
    from epicycle.spec.families import Task as Task
    from epicycle.spec.families import Theory as Theory
    from epicycle.spec.fields import knob as knob
    from epicycle.spec.fields import static as static
    from epicycle.spec.observation import Observation as Observation
    from epicycle.spec.plain_units import PlainUnits as PlainUnits
    from epicycle.spec.preset import Preset as Preset
    from epicycle.spec.registry import load_preset as preset  # noqa: F401
    from epicycle.spec.selection import Selection as Selection
    from epicycle.spec.study import Figure as Figure
    from epicycle.spec.study import Profile as Profile
    from epicycle.spec.study import Source as Source
    from epicycle.spec.study import Study as Study
    from epicycle.spec.table import Symmetry as Symmetry
    from epicycle.spec.table import Table as Table
    from epicycle.splits.derived import AddedSplit as AddedSplit
    from epicycle.splits.derived import CorruptedSplit as CorruptedSplit
    from epicycle.splits.derived import RemovedSplit as RemovedSplit
    from epicycle.splits.derived import ReplacedSplit as ReplacedSplit
    from epicycle.splits.derived import ReweightedSplit as ReweightedSplit
    from epicycle.splits.derived import WithheldSplit as WithheldSplit
    from epicycle.splits.drawn import AlternatingSplit as AlternatingSplit
    from epicycle.splits.drawn import CountedSplit as CountedSplit
    from epicycle.splits.drawn import MirrorClosedSplit as MirrorClosedSplit
    from epicycle.splits.drawn import MirrorForcedSplit as MirrorForcedSplit
    from epicycle.splits.drawn import PythonShuffleSplit as PythonShuffleSplit
    from epicycle.splits.drawn import SequentialSplit as SequentialSplit
    from epicycle.splits.drawn import Split as Split
    from epicycle.splits.listed import ListedSplit as ListedSplit
    from epicycle.store.clocks import since_moment as since_moment
    from epicycle.store.reading import open_results as open  # noqa: A004, F401
    from epicycle.tasks.addition import ToyAddition as ToyAddition
    from epicycle.tasks.derived import RandomLabels as RandomLabels
    from epicycle.tasks.derived import WithoutDiagonal as WithoutDiagonal
    from epicycle.tasks.groups import Composition as Composition
    from epicycle.tasks.ladder import Blocks as Blocks
    from epicycle.tasks.ladder import Ladder as Ladder
    from epicycle.tasks.mixed_rules import MixedRules as MixedRules
    from epicycle.tasks.modular import Modular as Modular
    from epicycle.tasks.numbered_rows import NumberedRows as NumberedRows
    from epicycle.tasks.password import Password as Password
    from epicycle.tasks.random_tables import RandomTable as RandomTable
    from epicycle.theory.barrier_hopping import BarrierHopping as BarrierHopping
    from epicycle.theory.circuit_efficiency import CircuitEfficiency as CircuitEfficiency
    from epicycle.theory.gradient_free import Evolution as Evolution
    from epicycle.theory.gradient_free import GradientDescent as GradientDescent
    from epicycle.theory.gradient_free import RandomSearch as RandomSearch
    from epicycle.theory.mixture import Mixture as Mixture
    from epicycle.theory.product_of_factors import ProductOfFactors as ProductOfFactors
    from epicycle.theory.sampling.boolean_sampler import BooleanSampler as BooleanSampler
    from epicycle.theory.sampling.cluster_sampler import ClusterSampler as ClusterSampler
    from epicycle.theory.sampling.modular_sampler import ModularSampler as ModularSampler
    from epicycle.theory.summed_basins import SummedBasins as SummedBasins
    from epicycle.theory.three_patterns import ThreePatterns as ThreePatterns
    from epicycle.training.losses import MSE as MSE
    from epicycle.training.losses import CrossEntropy as CrossEntropy
    from epicycle.training.losses import Hinge as Hinge
    from epicycle.training.optimisers import SGD as SGD
    from epicycle.training.optimisers import AdamW as AdamW
    from epicycle.training.optimisers import Lion as Lion
    from epicycle.training.optimisers import Muon as Muon
    from epicycle.training.optimisers import RMSProp as RMSProp
    from epicycle.training.update_rule import ParameterGroup as ParameterGroup
    from epicycle.training.update_rule import UpdateRule as UpdateRule

declare(
    {
        "task": TASKS,
        "split": SPLITS,
        "model": MODELS,
        "loss": LOSSES,
        "optimiser": OPTIMISERS,
        "measure": {**MEASURES, **CIRCUIT_MEASURES},
        "event": EVENTS,
        "edit": EDITS,
        "statistic": STATISTICS,
        "theory": THEORIES,
    },
    PRESETS,
    ELSEWHERE,
)

# Public name -> `module:name`; the classes of the table of kinds are added below.
_HOMES = {
    "Cell": "epicycle.claims.factor_shares:Cell",
    "Claim": "epicycle.spec.claim:Claim",
    "Course": "epicycle.spec.experiment:Course",
    "Edit": "epicycle.spec.families:Edit",
    "EditContext": "epicycle.spec.families:EditContext",
    "Event": "epicycle.spec.families:Event",
    "Experiment": "epicycle.spec.experiment:Experiment",
    "Figure": "epicycle.spec.study:Figure",
    "ForeignRuns": "epicycle.interop.foreign_runs:ForeignRuns",
    "ForkArm": "epicycle.spec.arms:ForkArm",
    "Gate": "epicycle.spec.claim:Gate",
    "GatedCircuit": "epicycle.models.gated_bank:GatedCircuit",
    "InputError": "epicycle.spec.errors:InputError",
    "Measure": "epicycle.spec.families:Measure",
    "Model": "epicycle.spec.families:Model",
    "Observation": "epicycle.spec.observation:Observation",
    "Optimiser": "epicycle.spec.families:Optimiser",
    "ParameterGroup": "epicycle.training.update_rule:ParameterGroup",
    "PerRun": "epicycle.claims.estimates:PerRun",
    "PlainUnits": "epicycle.spec.plain_units:PlainUnits",
    "Prediction": "epicycle.spec.claim:Prediction",
    "Preset": "epicycle.spec.preset:Preset",
    "Profile": "epicycle.spec.study:Profile",
    "Quantity": "epicycle.claims.quantities:Quantity",
    "Region": "epicycle.spec.claim:Region",
    "RootArm": "epicycle.spec.arms:RootArm",
    "RowLoss": "epicycle.spec.families:RowLoss",
    "Runs": "epicycle.notebook:Runs",
    "Sites": "epicycle.models.sites:Sites",
    "Source": "epicycle.spec.study:Source",
    "Selection": "epicycle.spec.selection:Selection",
    "SplitRule": "epicycle.spec.families:SplitRule",
    "Simulated": "epicycle.spec.families:Simulated",
    "Statistic": "epicycle.spec.families:Statistic",
    "Stop": "epicycle.spec.experiment:Stop",
    "Study": "epicycle.spec.study:Study",
    "Symmetry": "epicycle.spec.table:Symmetry",
    "Table": "epicycle.spec.table:Table",
    "Task": "epicycle.spec.families:Task",
    "Theory": "epicycle.spec.families:Theory",
    "TheoryArm": "epicycle.spec.arms:TheoryArm",
    "Training": "epicycle.spec.experiment:Training",
    "UpdateRule": "epicycle.training.update_rule:UpdateRule",
    "Weights": "epicycle.interop.weights:Weights",
    "export": "epicycle.interop.export:export",
    "import_runs": "epicycle.interop.foreign_runs:import_runs",
    "import_weights": "epicycle.interop.weights:import_weights",
    "knob": "epicycle.spec.fields:knob",
    "static": "epicycle.spec.fields:static",
    "swaps": "epicycle.presets.swaps:swaps",
    "barrier": "epicycle.notebook:barrier",
    "train": "epicycle.notebook:train",
    "wrap": "epicycle.models.wrapped:wrap",
    "open": "epicycle.store.reading:open_results",
    "since_moment": "epicycle.store.clocks:since_moment",
    "preset": "epicycle.spec.registry:load_preset",
}
_HOMES |= {path.partition(":")[2]: path for kinds in KINDS.values() for path in kinds.values()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'epicycle' has no attribute '{name}'")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
