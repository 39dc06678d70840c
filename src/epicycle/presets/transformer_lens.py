"""TL: the grokking demo of TransformerLens, which repeats NP without biases and with another initialisation."""

from epicycle.literature.texts import NANDA
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
        biases=(),
        positions="learned",
        causal=True,
        d_vocab_out="classes",
        initialisation="transformer_lens",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float64"),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=25_000,
    ),
)
OUTPUT = "demos/Grokking_Demo.ipynb, stored output (losses printed every 100 steps; model seed 999, data seed 598)"

PRESET = Preset(
    name="TL",
    title="TransformerLens's demo: x + y mod 113, one layer, no biases",
    papers=(NANDA,),
    code="TransformerLensOrg/TransformerLens",
    experiment=EXPERIMENT,
    where=(
        Citation(paths=("task",), source="demos/Grokking_Demo.ipynb, Config and Define Task: p = 113, |a|b|=|, (a + b) % p"),
        Citation(paths=("split",), source="demos/Grokking_Demo.ipynb: torch.manual_seed(598), randperm, the first int(p * p * 0.3)"),
        Citation(
            paths=(
                "model.kind",
                "model.n_layers",
                "model.d_model",
                "model.n_heads",
                "model.d_head",
                "model.d_mlp",
                "model.act_fn",
                "model.norm",
                "model.final_norm",
                "model.d_vocab_out",
            ),
            source="demos/Grokking_Demo.ipynb, HookedTransformerConfig (normalization_type None, d_vocab_out = p)",
        ),
        Citation(
            paths=("model.positions", "model.causal"),
            source="HookedTransformerConfig's defaults: positional_embedding_type 'standard', attention_dir 'causal'",
        ),
        Citation(paths=("model.biases",), source="demos/Grokking_Demo.ipynb: requires_grad = False for every 'b_', which start at 0"),
        Citation(
            paths=("model.initialisation",),
            source="HookedTransformerConfig.__post_init__: init_mode 'gpt2', initializer_range 0.8 / sqrt(d_model), for every W_",
        ),
        Citation(
            paths=("training.optimiser.kind", "training.optimiser.lr", "training.optimiser.weight_decay", "training.optimiser.betas"),
            source="demos/Grokking_Demo.ipynb, Config and Define Optimizer",
        ),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(paths=("training.loss",), source="demos/Grokking_Demo.ipynb, loss_fn: logits.to(torch.float64).log_softmax"),
        Citation(
            paths=("training.batch_size", "training.warmup", "training.schedule", "training.steps"),
            source="demos/Grokking_Demo.ipynb, Actually Train: full batch, no scheduler, num_epochs = 25000",
        ),
    ),
    disagreements=(
        "The demo presents itself as the paper's run. But it has no warm-up, no biases, p logits instead of p + 1, and other weights.",
    ),
    differs_here=("The code splits with torch.randperm, which this library does not draw: same fraction, different rows.",),
    published=(
        Published(what="train loss < 0.01", steps=(200, 299), source=OUTPUT),
        Published(what="test loss < 1", steps=(13_700, 13_799), source=OUTPUT),
        Published(what="test loss < 0.01", steps=(14_400, 14_499), source=OUTPUT),
        Published(what="largest test loss", value="34.1 at step 1,399", source=OUTPUT),
    ),
)
