"""The networks: one file or folder per architecture. Each network names its activations; `sites.py` records and patches them."""

MODELS = {
    "transformer": "epicycle.models.transformer.model:Transformer",
    "mlp": "epicycle.models.mlp:MLP",
    "quadratic": "epicycle.models.quadratic:Quadratic",
    "gated_bank": "epicycle.models.gated_bank:GatedBank",
    "two_heads": "epicycle.models.two_heads:TwoHeads",
    "frequency_toy": "epicycle.models.frequency_toy:FrequencyToy",
    "key_value": "epicycle.models.key_value:KeyValue",
    "locked": "epicycle.models.locked:Locked",
}
