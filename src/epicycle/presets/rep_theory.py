"""RT: MLPs that learn the product of a finite group (Chughtai et al., arXiv 2302.03025), from the code of its authors."""

from epicycle.literature.texts import CHUGHTAI
from epicycle.models.mlp import MLP
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.groups import Composition
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW


def _experiment(group: str, frac_train: float) -> Experiment:
    return Experiment(
        task=Composition(group=group, variant="xy", form="x y"),
        split=Split(frac_train=frac_train),
        model=MLP(
            n_layers=1,
            d_model=256,
            d_mlp=128,
            act_fn="relu",
            operands="embedded",
            combine="concat",
            embeddings="separate",
            biases=(),
            initialisation="fan_in",
        ),
        training=Training(
            optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
            loss=CrossEntropy(precision="float64"),
            batch_size=None,
            warmup=0,
            schedule="constant",
            steps=250_000,
        ),
    )


def _where(name: str) -> tuple[Citation, ...]:
    return (
        Citation(
            paths=(
                "task.kind",
                "task.group",
                "split",
                "model.d_model",
                "model.d_mlp",
                "training.optimiser.lr",
                "training.optimiser.weight_decay",
                "training.optimiser.betas",
                "training.steps",
            ),
            source=f"rep_theory/batch_experiments/{name}_seed1/cfg.json; utils/models.py, generate_train_test_data: the "
            "first of a shuffle",
        ),
        Citation(paths=("task.variant", "task.form"), source="rep_theory/utils/groups.py, get_all_data: (x, y, x y), two inputs"),
        Citation(
            paths=(
                "model.kind",
                "model.n_layers",
                "model.act_fn",
                "model.operands",
                "model.combine",
                "model.embeddings",
                "model.biases",
            ),
            source="rep_theory/utils/models.py, OneLayerMLP: W_x, W_y, hstack, W, ReLU, W_U",
        ),
        Citation(
            paths=("model.initialisation",),
            source="rep_theory/utils/models.py, OneLayerMLP: randn over sqrt(embed), sqrt(2 embed) and sqrt(hidden)",
        ),
        Citation(paths=("training.optimiser.kind",), source="rep_theory/train_with_checkpoints.py: AdamW over all parameters"),
        Citation(paths=("training.optimiser.eps",), source="PyTorch's default for AdamW"),
        Citation(paths=("training.loss",), source="rep_theory/utils/models.py, loss_fn: logits.to(torch.float64).log_softmax"),
        Citation(
            paths=("training.batch_size", "training.warmup", "training.schedule"),
            source="rep_theory/train_with_checkpoints.py: full batch, no scheduler",
        ),
    )


DISAGREEMENTS = (
    "create_batch_experiments.py has 100,000 steps and names no betas. The configurations that were run have 250,000 and (0.9, 0.98).",
    "Earlier versions of loss_fn take F.cross_entropy in float32. The batch experiments were committed with the float64 version.",
)
DIFFERS_HERE = (
    "The code uses sympy, whose product of permutations applies the first factor first and whose elements have another order. So "
    "x y in the code is y x here. For a network with separate embeddings this only renames the elements.",
    "The code splits with torch.randperm, which this library does not draw: same fraction, different rows.",
)
SEEDS = "metrics of the repository's batch experiments, {} seeds; computed from the stored curves"

A5 = Preset(
    name="RT-A5",
    title="Group operations: A5, embedding MLP 256 / 128",
    papers=(CHUGHTAI,),
    code="bilal-chughtai/rep-theory-mech-interp",
    experiment=_experiment("A5", 0.5),
    where=_where("A5_MLP"),
    disagreements=DISAGREEMENTS,
    differs_here=DIFFERS_HERE,
    published=(
        Published(what="train accuracy >= 0.99", steps=(205, 210), source=SEEDS.format(4)),
        Published(what="test accuracy >= 0.99", steps=(17_400, 40_100), source=SEEDS.format(4)),
    ),
)
S5 = Preset(
    name="RT-S5",
    title="Group operations: S5, embedding MLP 256 / 128",
    papers=(CHUGHTAI,),
    code="bilal-chughtai/rep-theory-mech-interp",
    experiment=_experiment("S5", 0.4),
    where=_where("S5_MLP"),
    disagreements=DISAGREEMENTS,
    differs_here=DIFFERS_HERE,
    published=(
        Published(what="train accuracy >= 0.99", steps=(337, 342), source=SEEDS.format(12)),
        Published(what="test accuracy >= 0.99", steps=(38_675, 218_023), source=f"{SEEDS.format(50)}; median 93,556"),
    ),
)
