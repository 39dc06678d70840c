"""The measures: named pure functions of a snapshot of a run, each recorded as a series.

MEASURES names the kinds. A new measure is a class in a file here and a line below.
"""

MEASURES = {
    "loss": "epicycle.measures.fit:Loss",
    "accuracy": "epicycle.measures.fit:Accuracy",
    "region_accuracy": "epicycle.measures.fit:RegionAccuracy",
    "margin": "epicycle.measures.fit:Margin",
    "log_odds": "epicycle.measures.fit:LogOdds",
    "calibrated_loss": "epicycle.measures.fit:CalibratedLoss",
    "zero_loss_share": "epicycle.measures.fit:ZeroLossShare",
    "answer_map": "epicycle.measures.answer_maps:AnswerMap",
    "weight_norm": "epicycle.measures.norms:WeightNorm",
    "total_norm": "epicycle.measures.norms:TotalNorm",
    "update_effect": "epicycle.measures.update_effects:UpdateEffect",
    "step_additivity": "epicycle.measures.update_effects:StepAdditivity",
    "displacement": "epicycle.measures.path_sketch:Displacement",
    "weight_sketch": "epicycle.measures.path_sketch:WeightSketch",
    "effective_rank": "epicycle.measures.ranks:EffectiveRank",
    "representation_quality": "epicycle.measures.ranks:RepresentationQuality",
    "where_it_fits": "epicycle.measures.where_it_fits:WhereItFits",
    "gradient_coherence": "epicycle.measures.row_pushes:GradientCoherence",
    "gradient_rank": "epicycle.measures.row_gradients:GradientRank",
    "fisher_off_diagonal": "epicycle.measures.row_gradients:FisherOffDiagonal",
    "top_curvature": "epicycle.measures.curvature:TopCurvature",
    "curvature_trace": "epicycle.measures.curvature:CurvatureTrace",
    "off_diagonal_share": "epicycle.measures.curvature:OffDiagonalShare",
    "curvature_along_update": "epicycle.measures.curvature:CurvatureAlongUpdate",
    "change_gain": "epicycle.measures.perturbations:ChangeGain",
    "direction_profile": "epicycle.measures.perturbations:DirectionProfile",
    "perturbation_radius": "epicycle.measures.perturbations:PerturbationRadius",
    "local_learning_coefficient": "epicycle.measures.basin:LocalLearningCoefficient",
}

# The usual measures of the landscape: `epicycle measure STUDY --measures landscape`.
LANDSCAPE_SET: tuple[dict[str, str | int | bool], ...] = (
    {"kind": "top_curvature"},
    {"kind": "top_curvature", "matrix": "gauss_newton"},
    {"kind": "curvature_trace"},
    {"kind": "off_diagonal_share"},
    {"kind": "curvature_along_update"},
    {"kind": "gradient_rank", "unit": True},
    {"kind": "fisher_off_diagonal", "unit": True},
    {"kind": "change_gain"},
    {"kind": "change_gain", "block": 100},
    {"kind": "direction_profile"},
    {"kind": "perturbation_radius"},
    {"kind": "local_learning_coefficient"},
    {"kind": "local_learning_coefficient", "reading": "reason"},
    {"kind": "local_learning_coefficient", "reading": "spread"},
    {"kind": "local_learning_coefficient", "reading": "r_hat"},
    {"kind": "weight_sketch"},
)
