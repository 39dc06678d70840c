"""The engine, and the only code that trains: state, losses, optimisers, the compiled program, and the loop that drives it.

LOSSES and OPTIMISERS name the kinds of both families, ELSEWHERE what other codes call what is not among them. A new loss or optimiser
is a class in a file here and a line below.
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

_ADAM = (
    "Adam without decay is {kind: adamw, weight_decay: 0} here, and Adam with decay in the gradient, as PyTorch has it, "
    "{kind: adamw, weight_decay: ..., decay_coupling: coupled}; PyTorch's betas are [0.9, 0.999]"
)
_SGD = "it is {kind: sgd, momentum: ..., weight_decay: ...} here"
# Names of other codes that are close to a kind above and mean another rule -> how that rule is written here, if it can be.
ELSEWHERE = {
    "optimiser": {
        "adam": _ADAM,
        **dict.fromkeys(("momentum", "nesterov", "sgdm", "sgdw"), _SGD),
        **dict.fromkeys(("adamp", "adams", "amsgrad", "asgd", "nadam", "nadamw", "nsgd", "radam", "radamw", "sgld"), ""),
    },
    "loss": dict.fromkeys(("bce", "mae", "mle", "msle", "rmse"), ""),
}
