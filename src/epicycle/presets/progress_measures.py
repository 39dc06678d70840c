"""NP: the run on which progress measures for grokking were defined (Nanda et al., arXiv 2301.05217)."""

from epicycle.literature.texts import NANDA
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import PythonShuffleSplit
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=113, operation="x+y", form="x y ="),
    split=PythonShuffleSplit(frac_train=0.3),
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
        warmup=10,
        schedule="constant",
        steps=50_000,
    ),
)

# Train fraction -> first step with train loss, and with test loss, below 0.05.
SWEEP = {
    0.95: (161, 173),
    0.9: (217, 250),
    0.8: (235, 298),
    0.7: (139, 260),
    0.6: (158, 476),
    0.5: (174, 1006),
    0.4: (165, 3197),
    0.28: (163, 15_242),
    0.25: (154, 21_956),
}
SAVED = "saved_runs of the repository, the sweep over train fractions; seed unknown; computed from the stored curve"

PRESET = Preset(
    name="NP",
    title="Progress measures: x + y mod 113, one layer, no normalisation",
    papers=(NANDA,),
    code="mechanistic-interpretability-grokking/progress-measures-paper",
    experiment=EXPERIMENT,
    data_seed=0,
    where=(
        Citation(
            paths=(
                "task.kind",
                "task.p",
                "task.operation",
                "model.n_layers",
                "model.d_model",
                "model.n_heads",
                "model.d_head",
                "model.d_mlp",
            ),
            source="transformers.py, Config (p, fn_name, num_layers, d_model, num_heads, d_head, d_mlp); paper, section 3",
        ),
        Citation(paths=("task.form",), source="transformers.py, gen_train_test: rows are (i, j, p), p being the token '='; n_ctx 3"),
        Citation(
            paths=("split",),
            source="transformers.py, gen_train_test: random.seed(config.seed), random.shuffle(pairs), the first int(0.3 * 12769) "
            "= 3830",
        ),
        Citation(
            paths=("model.kind", "model.act_fn", "model.biases", "model.positions", "model.causal"),
            source="transformers.py, Attention, MLP, PosEmbed: ReLU, b_in and b_out alone, learned positions, lower-triangular mask",
        ),
        Citation(
            paths=("model.norm", "model.final_norm"),
            source="transformers.py, TransformerBlock and Transformer.forward: every LayerNorm is commented out",
        ),
        Citation(paths=("model.d_vocab_out",), source="transformers.py, Unembed: W_U has d_vocab = p + 1 columns"),
        Citation(
            paths=("model.initialisation",),
            source="transformers.py, Embed, PosEmbed, Attention, MLP: randn / sqrt(d_model); Unembed: randn / sqrt(d_vocab)",
        ),
        Citation(
            paths=("training.optimiser.kind", "training.optimiser.lr", "training.optimiser.weight_decay", "training.optimiser.betas"),
            source="transformers.py, Trainer.__init__ and Config; paper, section 3",
        ),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(
            paths=("training.warmup", "training.schedule"),
            source="transformers.py, Trainer.__init__: LambdaLR min(step / 10, 1)",
        ),
        Citation(paths=("training.batch_size",), source="transformers.py, Config.batch_style = 'full'; paper, section 3"),
        Citation(
            paths=("training.loss",),
            source="the paper's notebook (as kaushikreddyxyz/transformer-modular-addition copies it): log_softmax of logits in "
            "float64",
        ),
        Citation(paths=("training.steps",), source="transformers.py, Config.num_epochs"),
    ),
    disagreements=(
        "Loss: the comment in helpers.py, cross_entropy_high_precision, says float64. The released line below it casts to "
        "float32. The paper's notebook casts to float64. This preset takes float64.",
        "Steps: 50,000 in the code, 40,000 in the paper.",
        "The warm-up of 10 steps was found only in the code. Its first update has a learning rate of 0.",
        "The restricted and excluded losses of the released module leave out frequency 56: calculate_key_freqs loops to p // 2 - 1.",
    ),
    published=(
        Published(what="number of parameters", value="226,816", source="the stored weights"),
        Published(what="train loss < 0.01", steps=(274, 274), source=SAVED),
        Published(what="test loss < 1", steps=(7583, 7583), source=SAVED),
        Published(what="test loss < 0.01", steps=(8258, 8258), source=SAVED),
        *(
            Published(what=f"{rows} loss < 0.05", steps=(step, step), source=SAVED, changes={"split.frac_train": fraction})
            for fraction, steps in SWEEP.items()
            for rows, step in zip(("train", "test"), steps, strict=True)
        ),
        Published(
            what="test loss < 1",
            steps=(81_801, 91_000),
            source="saved_runs, wd_10-1: train loss < 0.01 at 174; two readings of the file, whose test loss is logged every 10 steps",
            changes={"training.optimiser.weight_decay": 0.1},
        ),
        Published(what="key frequencies", value="14, 35, 41, 42, 52", source="paper, section 4, the main run"),
    ),
)
