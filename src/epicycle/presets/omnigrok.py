"""OM: modular addition in Omnigrok (Liu et al., arXiv 2210.01117), which is NP in float64; this is the run whose norm is free."""

from epicycle.literature.texts import LIU
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=113, operation="x+y", form="x y ="),
    split=Split(frac_train=0.3),
    model=Transformer(
        n_layers=1,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="relu",
        norm="none",
        final_norm=False,
        biases=("b_in", "b_out"),
        positions="learned",
        causal=True,
        d_vocab_out="tokens",
        initialisation="progress_measures",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float64"),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=15_000,
    ),
)
NOTEBOOK = "mod-addition/grokking/modular-addition-grokking.ipynb"
PLOT = f"{NOTEBOOK}, the plot of the free run, read by eye; seed 42"

PRESET = Preset(
    name="OM",
    title="Omnigrok: x + y mod 113, one layer, float64, norm free",
    papers=(LIU,),
    code="KindXiaoming/Omnigrok",
    experiment=EXPERIMENT,
    where=(
        Citation(paths=("task",), source=f"{NOTEBOOK}: p = 113, prompts [x, y, =], answers (x + y) % p"),
        Citation(paths=("split",), source=f"{NOTEBOOK}: random_split, int(0.3 * len(data)) rows; torch seed 42"),
        Citation(
            paths=("model.kind", "model.n_layers", "model.d_model", "model.n_heads", "model.d_head", "model.d_mlp", "model.act_fn"),
            source=f"{NOTEBOOK}, the call of Transformer",
        ),
        Citation(
            paths=("model.biases", "model.positions", "model.causal", "model.d_vocab_out", "model.initialisation"),
            source=f"{NOTEBOOK}, Transformer implementation: copied from Nanda's notebook (randn / sqrt(d_model), W_U / "
            "sqrt(d_vocab))",
        ),
        Citation(paths=("model.norm", "model.final_norm"), source=f"{NOTEBOOK}: every LayerNorm is commented out"),
        Citation(
            paths=(
                "training.optimiser.kind",
                "training.optimiser.lr",
                "training.optimiser.weight_decay",
                "training.optimiser.betas",
                "training.batch_size",
                "training.warmup",
                "training.schedule",
                "training.steps",
            ),
            source=f"{NOTEBOOK}, Baseline training run: AdamW, no scheduler, 15000 full-batch steps",
        ),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(paths=("training.loss",), source=f"{NOTEBOOK}: torch.set_default_dtype(torch.float64), F.cross_entropy"),
    ),
    disagreements=(
        "The notebook says 'exactly the same setup' as Nanda and Lieberum's. But it has no warm-up and computes in float64.",
    ),
    differs_here=(
        "In the notebook weights, gradients and moments are float64. Here only the loss is, unless all of training runs in float64.",
        "The notebook's second run multiplies the weights by 0.8 and restores their norm after every step. It is this preset "
        "without decay and with training.norm_share 0.8, except for the first gradient, which is taken at the unscaled weights "
        "here.",
        "The code splits with torch's random_split, which this library does not draw: same fraction, different rows.",
    ),
    published=(
        Published(what="train accuracy = 1", value="about step 150", source=PLOT),
        Published(what="test accuracy rises", value="about steps 4,000 to 7,000", source=PLOT),
        Published(
            what="norm of all parameters", value="43 at the start, about 61 at steps 200 to 1,000, about 30 at the end", source=PLOT
        ),
    ),
)
