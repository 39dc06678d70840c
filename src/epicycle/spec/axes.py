"""The names of array axes, shared by type annotations, stored dimensions and figures.

A new axis name is added here first; `tests/test_architecture.py` checks the annotations against this list.
"""

AXES: dict[str, str] = {
    "run": "one experiment with one seed and one data_seed",
    "seed": "seeds of weights",
    "data_seed": "seeds of splits",
    "step": "recorded optimiser updates (log-spaced)",
    "row": "rows of a task's table",
    "slot": "padded places for training rows",
    "operand": "operands of a binary operation",
    "pos": "token positions",
    "answer": "answers asked for in one row",
    "query": "query positions of an attention pattern",
    "layer": "blocks of a network",
    "head": "attention heads",
    "feature": "features at one position, heads side by side",
    "column": "distinct activations at one position",
    "token": "token ids as rows of a table",
    "d_model": "residual stream or embedding",
    "d_head": "one head's keys, queries and values",
    "d_mlp": "hidden units of an MLP",
    "d_in": "input of a dense layer",
    "d_out": "output of a linear map",
    "d_vocab": "token ids",
    "d_vocab_out": "logits",
    "tensor": "named parameter tensors",
    "number": "the numbers of a file's storage, one after the other",
    "point": "corners of a knob's course",
    "cell": "combinations of the levels of factors",
    "segment": "stretches of steps within one chunk of the engine",
    "unit": "independent units of a sample",
    "other_unit": "independent units of the sample that it is compared with",
    "key": "words of a raw random key",
}
