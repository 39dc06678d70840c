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
    "gradient_coherence": "epicycle.measures.row_pushes:GradientCoherence",
}
