"""The engine, and the only code that trains: state, losses, optimisers, the compiled program, and the loop that drives it.

LOSSES and OPTIMISERS name the kinds of both families. A new loss or optimiser is a class in a file here and a line below.
"""

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
