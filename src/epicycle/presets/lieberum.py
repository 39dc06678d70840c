"""LI: the runs that Lieberum reported in the debate on general circuits (rows R007, R071 to R074, R091 of the programme)."""

from epicycle.literature.texts import POWER
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=97, operation="x+y", form="x o y ="),
    split=Split(frac_train=0.5),
    model=Transformer(
        n_layers=2,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="relu",
        norm="post",
        norm_kind="layer",
        final_norm=False,
        biases=("b_in", "b_out"),
        positions="sinusoidal",
        causal=True,
        d_vocab_out="tokens",
        dropout=None,
        initialisation="torch",
        attention_initialisation="xavier",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float32"),
        batch_size=512,
        replacement=False,
        warmup=10,
        schedule="cosine",
        anneal_steps=10_000,
        final_lr_scale=0.1,
        steps=11_000,
    ),
)
COMMENTS = "his report as told in the comments on the post (rows R007 and R073 of the programme); one run"

PRESET = Preset(
    name="LI",
    title="Lieberum: x + y mod 97, two layers, post-norm, sinusoidal positions, cosine annealing",
    papers=(POWER,),
    code="TomFrederik/interpreting-grokking",
    experiment=EXPERIMENT,
    data_seed=42,
    where=(
        Citation(paths=("task.operation",), source="rows R007 and R073: modular addition"),
        Citation(paths=("task.kind", "task.p"), source="train.py, --num_elements 97"),
        Citation(
            paths=("task.form",), source="datasets.py, ArithmeticData.generate_data: [x, op, y, =, z], z being what is asked for"
        ),
        Citation(
            paths=("split",),
            source="train.py, main: seed_everything(42), np.random.permutation of all rows, the first int(0.5 * n)",
        ),
        Citation(
            paths=("model.n_layers", "model.d_model", "model.n_heads", "model.act_fn", "model.dropout"),
            source="train.py, the parser's defaults",
        ),
        Citation(
            paths=(
                "model.kind",
                "model.d_head",
                "model.d_mlp",
                "model.norm",
                "model.norm_kind",
                "model.final_norm",
                "model.biases",
                "model.positions",
                "model.causal",
                "model.d_vocab_out",
            ),
            source="model.py, MultiheadAttention (bias=False), EncoderBlock (norm1 and norm2 after the sums), "
            "PositionalEncoding, output",
        ),
        Citation(
            paths=("model.initialisation", "model.attention_initialisation"),
            source="model.py, MultiheadAttention._reset_parameters: xavier_uniform_ of qkv_proj and o_proj; PyTorch's defaults "
            "elsewhere",
        ),
        Citation(
            paths=("training.optimiser.lr", "training.optimiser.weight_decay", "training.optimiser.betas", "training.batch_size"),
            source="train.py, the parser's defaults",
        ),
        Citation(paths=("training.optimiser.kind",), source="model.py, configure_optimizers: AdamW over all parameters"),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(paths=("training.replacement",), source="train.py, main: DataLoader(shuffle=True)"),
        Citation(
            paths=("training.warmup", "training.schedule", "training.anneal_steps", "training.final_lr_scale"),
            source="model.py, configure_optimizers, scheduler: step / 10, then cosine from 1e-3 to 1e-4 over decay_steps = 10000",
        ),
        Citation(
            paths=("training.steps",),
            source="train.py: 1,100 passes of 10 batches come before --steps 100000",
        ),
        Citation(paths=("training.loss",), source="model.py, training_step: CrossEntropyLoss at the last position, float32"),
    ),
    disagreements=(
        "The code is later than the report, and whether the reported runs were annealed is not known (row R091). An earlier "
        "repository of his, TomFrederik/grokking, has no schedule and another network (x_transformers, pre-norm).",
        "The default operation in train.py is 'minus'.",
        "The file model.py that was read (45dae58) does not take the argument no_norm that train.py (5629e0f) passes. The two "
        "files are from different moments of the code.",
    ),
    published=(
        Published(what="train accuracy = 1", value="about step 500", source=COMMENTS),
        Published(what="test accuracy leaves chance", value="about step 300", source=COMMENTS),
        Published(what="test accuracy near 1", value="about step 2,000", source=COMMENTS),
    ),
)
