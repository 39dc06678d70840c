"""The experiments that the benchmarks train."""

from epicycle.models.mlp import MLP
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular


def experiment(p: int, model: Transformer | MLP) -> Experiment:
    """Addition mod p on 30 % of the pairs, with AdamW and full batches."""
    return Experiment(
        task=Modular(p=p, operation="x+y"),
        split=Split(frac_train=0.3),
        model=model,
        training=Training(steps=20_000),
    )


# The setting of the progress-measures paper (arXiv 2301.05217).
CANONICAL = experiment(113, Transformer(d_model=128, n_heads=4, d_mlp=512))
