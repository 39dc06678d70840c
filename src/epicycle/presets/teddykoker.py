"""TK: the code teddykoker/grokking: Power et al. with Adam and no decay. Grokfast (Lee et al., arXiv 2405.20233) builds on it."""

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
        norm="pre_stream",
        norm_kind="layer",
        final_norm=True,
        biases=("b_Q", "b_K", "b_V", "b_O", "b_in", "b_out"),
        positions="learned",
        causal=True,
        d_vocab_out="tokens",
        initialisation="torch",
        attention_initialisation="torch_multihead",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=0.0, decay_coupling="coupled", betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float32"),
        batch_size=512,
        replacement=False,
        warmup=10,
        schedule="constant",
        steps=300_000,
    ),
)

PRESET = Preset(
    name="TK",
    title="teddykoker: x / y mod 97, two layers, normalised stream, Adam without decay",
    papers=(POWER,),
    code="teddykoker/grokking",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=("task",),
            source="train.py, division_mod_p_data and main: [x, op, y, =] with x * y, y and the answer x, so x / y; p = 97",
        ),
        Citation(paths=("split",), source="train.py, main: torch.randperm(n).split(n // 2)"),
        Citation(paths=("model.n_layers", "model.d_model", "model.n_heads"), source="train.py, the call of Decoder"),
        Citation(
            paths=(
                "model.kind",
                "model.d_head",
                "model.d_mlp",
                "model.act_fn",
                "model.norm_kind",
                "model.biases",
                "model.causal",
            ),
            source="train.py, Block: nn.MultiheadAttention, GELU, four times the width, biases",
        ),
        Citation(
            paths=("model.norm",), source="train.py, Block.forward: x = self.ln_1(x); x = x + attention(x); x = x + mlp(self.ln_2(x))"
        ),
        Citation(
            paths=("model.final_norm", "model.positions", "model.d_vocab_out"),
            source="train.py, Decoder: ln_f, position_embeddings, head without bias over p + 2 tokens",
        ),
        Citation(
            paths=("model.initialisation", "model.attention_initialisation"),
            source="train.py: nothing is initialised by hand; nn.MultiheadAttention draws its stacked matrix within Xavier's bound",
        ),
        Citation(
            paths=("training.optimiser", "training.batch_size", "training.steps"), source="train.py, the parser's defaults (Adam)"
        ),
        Citation(paths=("training.replacement",), source="train.py, main: a permutation of the rows each pass, the last batch short"),
        Citation(paths=("training.warmup", "training.schedule"), source="train.py, main: LambdaLR 1 if update > 10 else update / 10"),
        Citation(paths=("training.loss",), source="train.py, main: F.cross_entropy at the last position, float32"),
    ),
    disagreements=(
        "The comments quote the paper (AdamW, decay 1, 1e5 updates). The defaults are Adam, decay 0 and 3e5.",
        "ln_1 replaces the residual stream. In pre-norm as it is usually meant, ln_1 would only feed attention.",
    ),
    differs_here=(
        "The code has five position vectors for four tokens. The fifth is never used.",
        "The code splits with torch.randperm, which this library does not draw: same fraction, different rows.",
    ),
    published=(
        Published(what="curves", value="accuracy and loss as pictures, without numbers", source="README, figures/acc.png, loss.png"),
    ),
)
