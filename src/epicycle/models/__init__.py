"""The networks: one file or folder per architecture. `sites.py` names every activation; MODELS lists the kinds."""

MODELS = {
    "transformer": "epicycle.models.transformer.model:Transformer",
    "mlp": "epicycle.models.mlp:MLP",
    "quadratic": "epicycle.models.quadratic:Quadratic",
}
