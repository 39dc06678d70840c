"""ES: the baseline of the paper on numerical stability (Prieto et al., arXiv 2501.04697): without decay it does not generalise."""

from epicycle.literature.texts import PRIETO
from epicycle.models.mlp import MLP
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=113, operation="x+y", form="x y"),
    split=Split(frac_train=0.4),
    model=MLP(
        n_layers=2,
        d_mlp=200,
        act_fn="relu",
        operands="one_hot",
        combine="concat",
        biases=(),
        initialisation="torch",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-2, weight_decay=0.0, betas=(0.9, 0.99), eps=1e-25),
        loss=CrossEntropy(precision="float64"),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=80_000,
    ),
)
FIGURE_2 = {"training.optimiser.lr": 5e-4, "split.frac_train": 0.7, "training.steps": 20_000}

PRESET = Preset(
    name="ES",
    title="Edge of stability (numerical): x + y mod 113, MLP 200-200 on one-hot operands, no decay",
    papers=(PRIETO,),
    code="LucasPrietoAl/grokking-at-the-edge-of-numerical-stability",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=("task",), source="utils.py, parse_args (modulo 113, add_mod); datasets.py, AlgorithmicDataset: two one-hot vectors"
        ),
        Citation(
            paths=("split.frac_train", "training.optimiser.lr", "training.loss", "training.steps"),
            source="run_main_experiments.sh, Figure 1, third command: --lr 0.01 --num_epochs 80000 --train_fraction 0.4 "
            "--cross_entropy_dtype float64",
        ),
        Citation(paths=("split.kind",), source="utils.py, split_dataset: random_split, int(0.4 * n) rows, seed 42"),
        Citation(
            paths=("model.kind", "model.n_layers", "model.d_mlp", "model.act_fn", "model.operands", "model.combine", "model.biases"),
            source="utils.py, get_model and parse_args (hidden_sizes 200 200, bias=False); models.py, MLP",
        ),
        Citation(paths=("model.initialisation",), source="models.py, MLP: nothing is initialised by hand"),
        Citation(
            paths=(
                "training.optimiser.kind",
                "training.optimiser.weight_decay",
                "training.optimiser.betas",
                "training.optimiser.eps",
            ),
            source="utils.py, get_optimizer and parse_args (AdamW, weight_decay 0, beta2 0.99, adam_epsilon 1e-25)",
        ),
        Citation(
            paths=("training.batch_size", "training.warmup", "training.schedule"),
            source="grokking_experiments.py: full batch, no scheduler",
        ),
    ),
    disagreements=(
        "beta2 and epsilon change from figure to figure. beta2 is 0.999 with StableMax and 0.99 otherwise. Epsilon is 1e-25, "
        "1e-30 (Figure 2) or 1e-18 (parity).",
    ),
    differs_here=(
        "The code was read in the fork EIFY/grokking-at-the-edge-of-numerical-stability (0761cb6), as the repository itself was "
        "not available. The fork adds an optimiser and embeddings, which this run does not use.",
        "StableMax and the orthogonal gradient, the paper's remedies, are not part of this preset.",
        "The code splits with torch's random_split, which this library does not draw: same fraction, different rows.",
    ),
    published=(
        Published(what="test accuracy", value="about 0.005 throughout 80,000 steps", source="paper, Figure 1, read by eye"),
        *(
            Published(
                what="test accuracy at the end",
                value=value,
                source="paper, Figure 2, read by eye",
                changes={**FIGURE_2, "training.loss.precision": precision},
            )
            for precision, value in (("float16", "0.48"), ("float32", "about 0.66"), ("float64", "about 0.88"))
        ),
    ),
)
