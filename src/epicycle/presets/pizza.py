"""PZ: the code fjzzq2002/pizza (Zhong et al., arXiv 2306.17844), whose attention ranges from softmax to constant weights.

Attention rate 1 is softmax and gives the clock. Rate 0 does not weigh tokens at all and gives the pizza. The rate is a knob, so one
preset would do. There are two because claims are about both of the paper's models.
"""

from epicycle.literature.texts import ZHONG
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW


def _experiment(attention_rate: float) -> Experiment:
    return Experiment(
        task=Modular(p=59, operation="x+y", form="x y"),
        split=Split(frac_train=0.8),
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
            causal=False,
            attention_rate=attention_rate,
            d_vocab_out="tokens",
            initialisation="pizza",
        ),
        training=Training(
            optimiser=AdamW(lr=1e-3, weight_decay=2.0, betas=(0.9, 0.98), eps=1e-8),
            loss=CrossEntropy(precision="float64"),
            batch_size=None,
            warmup=10,
            schedule="constant",
            steps=20_000,
        ),
    )


CODE = "code/train-main.py"
WHERE = (
    Citation(
        paths=("task", "split", "training.optimiser.lr", "training.optimiser.weight_decay", "training.batch_size", "training.steps"),
        source=f"{CODE}, the configuration at its end (C = 59, eqn_sign 0, frac 0.8, weight_decay 2, batch C * C, epoch 20000)",
    ),
    Citation(
        paths=("model.n_layers", "model.d_model", "model.n_heads", "model.act_fn"),
        source=f"{CODE}, the configuration: its commonest draw",
    ),
    Citation(
        paths=("model.attention_rate",),
        source=f"{CODE}, Attention.forward: normalized * coeff + (1 - coeff); paper: models A (0), B (1)",
    ),
    Citation(
        paths=(
            "model.kind",
            "model.d_head",
            "model.d_mlp",
            "model.norm",
            "model.final_norm",
            "model.biases",
            "model.positions",
            "model.causal",
            "model.d_vocab_out",
        ),
        source=f"{CODE}, Attention (scores are not masked), MLP (b_in, b_out), TransformerBlock (no LayerNorm), Unembed",
    ),
    Citation(paths=("model.initialisation",), source=f"{CODE}: randn / sqrt(d_model), but W_in / sqrt(d_mlp) and W_U / sqrt(d_vocab)"),
    Citation(
        paths=("training.optimiser.kind", "training.optimiser.betas", "training.warmup", "training.schedule"),
        source=f"{CODE}, run_experiment: AdamW, LambdaLR min(step / 10, 1)",
    ),
    Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
    Citation(paths=("training.loss",), source=f"{CODE}, cross_entropy_high_precision: float64"),
)
DISAGREEMENTS = (
    "The configuration says attention_dir 'casual', but nothing reads it: attention sees both positions.",
    "run_experiment's own default for weight decay is 1e-4. Every configuration sets 2.",
    "Distance irrelevance is computed from the best wrong logit in train-main.py, and from the right logit in the evaluation "
    "notebook.",
)
DIFFERS_HERE = ("The code splits with torch's random_split, which this library does not draw: same fraction, different rows.",)
SWEEP = Published(
    what="test accuracy = 1 within 20,000 steps",
    value="all of 2,381 networks, over all rates; 34 % of them circular",
    source="released sweep, one layer, ReLU, d_model 128",
)

PIZZA = Preset(
    name="PZ-pizza",
    title="Clock and pizza: x + y mod 59, one layer, attention rate 0",
    papers=(ZHONG,),
    code="fjzzq2002/pizza",
    experiment=_experiment(0.0),
    where=WHERE,
    disagreements=DISAGREEMENTS,
    differs_here=DIFFERS_HERE,
    published=(
        SWEEP,
        Published(what="gradient symmetricity", value="0.994", source="model A, executed notebook"),
        Published(what="distance irrelevance", value="0.17", source="model A, executed notebook"),
    ),
)
CLOCK = Preset(
    name="PZ-clock",
    title="Clock and pizza: x + y mod 59, one layer, attention rate 1",
    papers=(ZHONG,),
    code="fjzzq2002/pizza",
    experiment=_experiment(1.0),
    where=WHERE,
    disagreements=DISAGREEMENTS,
    differs_here=DIFFERS_HERE,
    published=(
        SWEEP,
        Published(what="gradient symmetricity", value="0.33", source="paper, model B"),
        Published(what="distance irrelevance", value="0.85", source="paper, model B"),
    ),
)
