"""SS: the code Sea-Snell/grokking, whose loss curves early debates quoted: a composite modulus, dropout and no decay."""

from epicycle.literature.texts import POWER
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=96, operation="x-y", form="x o y ="),
    split=Split(frac_train=0.4),
    model=Transformer(
        n_layers=2,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="gelu",
        norm="pre",
        norm_kind="layer",
        final_norm=True,
        biases=("b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U"),
        positions="learned",
        scaled_embedding=True,
        causal=True,
        d_vocab_out="classes",
        dropout=0.1,
        dropout_at=("embed", "attn", "mlp"),
        initialisation="torch",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=0.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float32"),
        batch_size=512,
        replacement=True,
        warmup=10,
        schedule="constant",
        steps=1_000_000,
    ),
)

PRESET = Preset(
    name="SS",
    title="Sea-Snell: x - y mod 96, two layers, pre-norm, dropout 0.1, no decay",
    papers=(POWER,),
    code="Sea-Snell/grokking",
    experiment=EXPERIMENT,
    where=(
        Citation(paths=("task.kind", "task.p", "task.operation"), source="config/train_grokk.yaml: mod_subtract_dataset, p: 96"),
        Citation(paths=("task.form",), source="grokk_replica/datasets.py, form_equation and fetch_example: [a, o, b, =]"),
        Citation(
            paths=("split",),
            source="config/train_grokk.yaml; grokk_replica/datasets.py: random.shuffle, unseeded, the first int(0.4 * n)",
        ),
        Citation(
            paths=("model.n_layers", "model.d_model", "model.n_heads", "model.d_head", "model.d_mlp", "model.norm", "model.dropout"),
            source="config/model/grokk_model.yaml",
        ),
        Citation(
            paths=(
                "model.kind",
                "model.act_fn",
                "model.norm_kind",
                "model.final_norm",
                "model.biases",
                "model.positions",
                "model.scaled_embedding",
                "model.causal",
                "model.dropout_at",
            ),
            source="grokk_replica/transformer.py: embeddings times sqrt(hidden_dim), biases everywhere, self.norm before the output",
        ),
        Citation(paths=("model.d_vocab_out",), source="grokk_replica/load_objs.py, load_grokk_model: output_size = dataset.n_out"),
        Citation(
            paths=("model.initialisation",),
            source="grokk_replica/transformer.py: xavier_init and kaiming_init are defined and never called; PyTorch's defaults",
        ),
        Citation(
            paths=(
                "training.optimiser.lr",
                "training.optimiser.weight_decay",
                "training.optimiser.betas",
                "training.batch_size",
                "training.steps",
            ),
            source="config/train_grokk.yaml (bsize, max_steps 1e6)",
        ),
        Citation(
            paths=("training.optimiser.kind", "training.warmup", "training.schedule"),
            source="scripts/train_grokk.py, train: AdamW, LambdaLR min(s / 10, 1)",
        ),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(
            paths=("training.replacement",),
            source="grokk_replica/datasets.py, fetch_train_example: random.choice of the training pairs",
        ),
        Citation(
            paths=("training.loss",), source="grokk_replica/grokk_model.py, get_loss: F.cross_entropy at the last position, float32"
        ),
    ),
    disagreements=(
        "The modulus is 96, which is not prime. The paper asks for a prime, 97.",
        "The README says 'to roughly re-create Figure 1'. Figure 1 is x / y at 50 %, this is x - y at 40 %, with dropout.",
        "The first released version (0a8cbf8) has x + y mod 97, 10 % of the rows, decay 1, no warm-up and a loss over all tokens.",
    ),
    differs_here=(
        "The code also drops attention weights and hidden units of the MLP. Here dropout acts only on the sum of embeddings and "
        "on the outputs of attention and MLP.",
        "The code computes test accuracy on 8 x 512 rows drawn anew at each evaluation. Here it is computed on all test rows.",
        "The code has five position vectors for four tokens. The fifth is never used.",
    ),
    published=(Published(what="curves", value="accuracy and loss as pictures, without numbers", source="README, grokk.png"),),
)
