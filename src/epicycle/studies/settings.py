"""Settings that several studies share: small enough for two cores, chosen on seeds from 1000 on (LOG.md, 2026-11-21)."""

from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Stop, Training
from epicycle.training.optimisers import AdamW

# One layer and the canonical optimiser; half the canonical width, twice its learning rate.
NO_NORM = Transformer(n_layers=1, d_model=64, n_heads=4, d_mlp=256)
# The choices of most re-implementations since 2023 (`PB` of the presets): pre-norm, GELU, weights from N(0, 0.02^2).
PRE_NORM = Transformer(n_layers=1, d_model=64, n_heads=4, d_mlp=256, norm="pre", final_norm=True, act_fn="gelu", initialisation="gpt2")
ADAMW = AdamW(lr=2e-3, weight_decay=1.0)
# For pilots, whose two minutes are mostly compilation.
PILOT = {"model.d_model": 32, "model.d_mlp": 64}
# And those that end before anything generalises: a stop that cannot come would be looked for at every evaluation.
EARLY_PILOT = {**PILOT, "training.steps": 150, "training.stop": None}
UNTIL_GENERAL = Stop(event="t_gen", factor=1.25)


def training(steps: int, stop: bool = True) -> Training:
    """So many steps; where something is claimed about the end of the budget, nothing ends a run early."""
    return Training(optimiser=ADAMW, steps=steps, stop=UNTIL_GENERAL if stop else None)
