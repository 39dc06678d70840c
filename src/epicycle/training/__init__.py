"""The engine, the only code that trains: state, losses, optimisers, the compiled program, the loop that drives it."""

LOSSES = {
    "cross_entropy": "epicycle.training.losses:CrossEntropy",
    "mse": "epicycle.training.losses:MSE",
    "hinge": "epicycle.training.losses:Hinge",
}

OPTIMISERS = {
    "adamw": "epicycle.training.optimisers:AdamW",
    "sgd": "epicycle.training.optimisers:SGD",
    "rmsprop": "epicycle.training.optimisers:RMSProp",
    "lion": "epicycle.training.optimisers:Lion",
    "muon": "epicycle.training.optimisers:Muon",
}
