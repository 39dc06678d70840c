"""DD: the quadratic network that groks within a hundred steps (Doshi et al., arXiv 2310.13061, after Gromov, arXiv 2301.02679)."""

from epicycle.literature.texts import DOSHI, GROMOV
from epicycle.models.quadratic import Quadratic
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import PythonShuffleSplit
from epicycle.tasks.modular import Modular
from epicycle.training.losses import MSE
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=97, operation="x+y", form="x y"),
    split=PythonShuffleSplit(frac_train=0.5),
    model=Quadratic(d_mlp=500, scaling="standard", weights="random", init_scale=1.0),
    training=Training(
        optimiser=AdamW(lr=1e-2, weight_decay=5.0, betas=(0.9, 0.98), eps=1e-8),
        loss=MSE(),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=100,
    ),
)
NOTEBOOK = "Notebooks/Grokking_with_label_corruption.ipynb"
INTRO = f"{NOTEBOOK}, Grokking Intro figure, stored output (every 2 steps); weights unseeded"
CORRUPTED = {"split": {"kind": "corrupted", "of": {"kind": "python_shuffle", "frac_train": 0.5}, "share": 0.35}}

PRESET = Preset(
    name="DD",
    title="Doshi et al.: x + y mod 97, quadratic MLP of 500 units, MSE, decay 5",
    papers=(DOSHI, GROMOV),
    code="d-doshi/Grokking",
    experiment=EXPERIMENT,
    data_seed=420,
    where=(
        Citation(
            paths=("task", "split.frac_train", "model.d_mlp"),
            source=f"{NOTEBOOK}, Hyperparameters: p = 97, data_frac = 0.5, noise_level = 0, N = 500",
        ),
        Citation(
            paths=("split.kind",), source="utils/datasets.py, noisy_dataset: random.seed(420), random.shuffle of all pairs, a prefix"
        ),
        Citation(
            paths=("model.kind", "model.scaling", "model.weights", "model.init_scale"),
            source="utils/models.py, fcn: two Linear without bias around a square, std 0.5 / (2 N)^(1/3)",
        ),
        Citation(
            paths=("training.optimiser", "training.steps"),
            source=f"{NOTEBOOK}, Training: AdamW, lr 1e-2, wd 5, betas (0.9, 0.98), eps 1e-8; epochs = 100",
        ),
        Citation(
            paths=("training.loss", "training.batch_size", "training.warmup", "training.schedule"),
            source="utils/optimization.py, train_one_epoch_grokking: nn.MSELoss against one-hot labels, full batch, no scheduler",
        ),
    ),
    disagreements=(
        "Steps: 100 for the intro figure, 2,000 for the phase diagrams (Training_scripts/phase_diagrams_wd.py), which have decay "
        "0, 5, 15 and 20.",
        "The scripts seed the weights (torch.manual_seed(1)), the notebook does not.",
    ),
    differs_here=(
        "In the code the corrupted rows are the first ones of the shuffle, and their labels come from torch's seed 0. Here the "
        "split `corrupted` draws rows and labels from data_seed.",
    ),
    published=(
        Published(what="train accuracy >= 0.99", steps=(19, 20), source=INTRO),
        Published(what="test accuracy >= 0.99", steps=(41, 42), source=INTRO),
        Published(what="test accuracy = 1", steps=(43, 44), source=INTRO),
        Published(
            what="accuracies at the end",
            value="train 0.98, test 0.98 at 1,000 (coexistence)",
            source=f"{NOTEBOOK}, stored output",
            changes={**CORRUPTED, "training.optimiser.weight_decay": 0.0, "training.steps": 1000},
        ),
        Published(
            what="accuracies at the end",
            value="train 0.654, test 1.0 from 300 on (full inversion)",
            source=f"{NOTEBOOK}, stored output",
            changes={**CORRUPTED, "training.optimiser.weight_decay": 15.0, "training.steps": 1000},
        ),
    ),
)
