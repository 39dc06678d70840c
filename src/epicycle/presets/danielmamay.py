"""DM: the code danielmamay/grokking: Power et al. in PyTorch's modules, post-norm, with one more norm before the unembedding."""

from epicycle.literature.texts import POWER
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=97, operation="x/y", form="x o y ="),
    split=Split(frac_train=0.5),
    model=Transformer(
        n_layers=2,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="gelu",
        norm="post",
        norm_kind="layer",
        final_norm=True,
        biases=("b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U"),
        positions="learned",
        causal=True,
        d_vocab_out="tokens",
        initialisation="torch",
        attention_initialisation="torch_multihead",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float32"),
        batch_size=512,
        replacement=False,
        warmup=10,
        schedule="constant",
        steps=100_000,
    ),
)

PRESET = Preset(
    name="DM",
    title="danielmamay: x / y mod 97, two layers, post-norm, GELU",
    papers=(POWER,),
    code="danielmamay/grokking",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=(
                "task.kind",
                "task.p",
                "task.operation",
                "split",
                "model.n_layers",
                "model.d_model",
                "model.n_heads",
                "training.optimiser.lr",
                "training.optimiser.weight_decay",
                "training.batch_size",
                "training.steps",
            ),
            source="grokking/cli.py, the defaults; grokking/data.py, get_data: random_split, int(0.5 * n) rows",
        ),
        Citation(paths=("task.form",), source="grokking/data.py, operation_mod_p_data: [x, op, y, =]"),
        Citation(
            paths=(
                "model.kind",
                "model.d_head",
                "model.d_mlp",
                "model.act_fn",
                "model.norm",
                "model.norm_kind",
                "model.final_norm",
                "model.biases",
                "model.positions",
                "model.causal",
                "model.d_vocab_out",
            ),
            source="grokking/model.py, DecoderBlock (GELU, norms after the sums) and Transformer (LayerNorm, Linear to p + 2 tokens)",
        ),
        Citation(
            paths=("model.initialisation", "model.attention_initialisation"),
            source="grokking/model.py: nothing is initialised by hand; nn.MultiheadAttention draws its stacked matrix within "
            "Xavier's bound",
        ),
        Citation(paths=("training.optimiser.kind", "training.optimiser.betas"), source="grokking/training.py, main"),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(paths=("training.replacement",), source="grokking/data.py: DataLoader(shuffle=True), last batch short"),
        Citation(
            paths=("training.warmup", "training.schedule"),
            source="grokking/training.py, main: LinearLR(start_factor=0.1, total_iters=9), then constant",
        ),
        Citation(paths=("training.loss",), source="grokking/training.py, train: CrossEntropyLoss on float32 logits"),
    ),
    disagreements=(
        "openai/grok has ReLU, sinusoidal positions, no biases and no norm before the unembedding. Its loss is also on the end token.",
        "The labels of x + y and x - y are not reduced modulo p in grokking/data.py at 27bd524. Those of x / y, the default, are "
        "right.",
        "The batch is min(512, half of all rows). The paper has half of the training rows. Both are 512 here.",
        "The default operation is x + y in an earlier cli.py and x / y in a later one.",
    ),
    differs_here=(
        "The warm-up factors are 0.1, 0.2, ..., 1.0 in the code and 0, 0.1, ..., 1.0 here. So everything is one update later here.",
        "The code has five position vectors for four tokens. The fifth only decays.",
        "The code splits with torch's random_split, which this library does not draw: same fraction, different rows.",
    ),
    published=(
        Published(what="curves", value="accuracy and loss as pictures, without numbers", source="README, figures/Figure_1_left_*.png"),
    ),
)
