"""TG: the code RemiliaScar1ett/TransGrokking: pre-norm, no final norm, decay only on matrices and embeddings, two tokens a row."""

from epicycle.literature.texts import POWER
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW
from epicycle.training.update_rule import ParameterGroup

EXPERIMENT = Experiment(
    task=Modular(p=97, operation="x+y", form="x y"),
    split=Split(frac_train=0.4),
    model=Transformer(
        n_layers=2,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="relu",
        norm="pre",
        norm_kind="layer",
        final_norm=False,
        biases=("b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U"),
        positions="learned",
        causal=True,
        d_vocab_out="tokens",
        initialisation="torch",
    ),
    training=Training(
        optimiser=AdamW(
            lr=1e-3,
            weight_decay=0.5,
            betas=(0.9, 0.999),
            eps=1e-8,
            groups=(ParameterGroup(tensors=("b_*", "ln*"), decay_scale=0.0),),
        ),
        loss=CrossEntropy(precision="float32"),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=20_000,
    ),
)
RUN = "results/m1_ce_reference/events.json, seed 1, split seed 42, evaluated every 50 steps"

PRESET = Preset(
    name="TG",
    title="TransGrokking: x + y mod 97, two layers, pre-norm without a final norm, biases and norms not decayed",
    papers=(POWER,),
    code="RemiliaScar1ett/TransGrokking",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=("task",),
            source="src/transgrokking/data.py: cartesian_prod, two tokens; training/trainer.py, build_model: sequence_length 2, "
            "vocabulary p",
        ),
        Citation(
            paths=("split",),
            source="results/m1_ce_reference/config.resolved.yaml; src/transgrokking/data.py: torch.randperm, the first int(0.4 * "
            "p * p)",
        ),
        Citation(
            paths=(
                "model.n_layers",
                "model.d_model",
                "model.n_heads",
                "model.d_head",
                "model.d_mlp",
                "model.act_fn",
                "model.norm",
                "model.final_norm",
                "training.optimiser.lr",
                "training.optimiser.weight_decay",
                "training.optimiser.groups",
                "training.steps",
            ),
            source="results/m1_ce_reference/config.resolved.yaml (norm_first, final_norm false, decay_policy)",
        ),
        Citation(
            paths=("model.kind", "model.norm_kind", "model.biases", "model.positions", "model.causal", "model.d_vocab_out"),
            source="src/transgrokking/models/transformer.py: nn.LayerNorm, every Linear with bias, the unembedding too, causal mask",
        ),
        Citation(
            paths=("model.initialisation",),
            source="src/transgrokking/models/transformer.py: nothing is initialised by hand; qkv is one Linear, so bounds follow "
            "fan-in d_model",
        ),
        Citation(
            paths=("training.optimiser.kind", "training.optimiser.betas", "training.optimiser.eps"),
            source="src/transgrokking/training/optimizer.py, build_adamw: AdamW(groups), PyTorch's defaults",
        ),
        Citation(
            paths=("training.loss", "training.batch_size", "training.warmup", "training.schedule"),
            source="src/transgrokking/training/trainer.py, train: F.cross_entropy in float32, full batch, no scheduler",
        ),
    ),
    disagreements=(
        "Steps: configs/baseline_ce.yaml has 5,000, the reference run 20,000, its extension 50,000.",
        "The first released model always normalised before the unembedding, whatever the configuration said. The reference run "
        "used a later model.",
    ),
    differs_here=("The code splits with torch.randperm, which this library does not draw: same fraction, different rows.",),
    published=(
        Published(what="train accuracy >= 0.999 (five evaluations)", steps=(51, 100), source=RUN),
        Published(what="test accuracy >= 0.505 (three evaluations)", steps=(6001, 6050), source=RUN),
        Published(what="test accuracy >= 0.99 (three evaluations)", steps=(6951, 7000), source=RUN),
    ),
)
