"""The learner: one file per architecture; `sites.py` names every activation."""

MODELS = {
    "transformer": "epicycle.models.transformer.model:Transformer",
    "mlp": "epicycle.models.mlp:MLP",
    "quadratic": "epicycle.models.quadratic:Quadratic",
}
