"""What a fork changes at its moment: knobs, other fields of the experiment, data, weights, the optimiser's state.

The edits import `spec` alone. What they need of training comes to them through `EditContext`, so that a page that reads an edit's
default values does not start JAX.
"""

EDITS = {
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
    "reset_weights": "epicycle.edits.units:ResetWeights",
    "zero_units": "epicycle.edits.units:ZeroUnits",
    "project": "epicycle.edits.units:Project",
    "set_measure": "epicycle.edits.steering:SetMeasure",
    "prune": "epicycle.edits.pruning:Prune",
    "transplant": "epicycle.edits.parameters:Transplant",
    "interpolate": "epicycle.edits.parameters:Interpolate",
    "along_path": "epicycle.edits.along_path:AlongPath",
    "plant": "epicycle.edits.planting:Plant",
    "freeze": "epicycle.edits.parameters:Freeze",
    "reset_moments": "epicycle.edits.parameters:ResetMoments",
}
