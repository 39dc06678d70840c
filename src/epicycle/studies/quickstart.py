"""Grokking in a minute: x - y modulo a small prime, with weight decay and without.

The setting was chosen on seeds from 1000 on, so that the study takes about a minute on two cores (LOG.md, 2026-11-21). Verdicts use
seeds 0 to 9. At 60 % of the pairs the published delay is small: t_gen / t_mem is 3.0 at p = 113, where 30 % gives 50. So the claim of
a delay asks only for what row R001 of our programme does not count as refuted: a median t_gen / t_mem above 2.
"""

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import NANDA, POWER, VARMA
from epicycle.models.transformer.model import Transformer
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Experiment, Stop, Training
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW

QUESTION = "Does a network that has memorised its data generalise later, and does it need weight decay to do so?"

GROKKING = Experiment(
    task=Modular(p=47, operation="x-y"),
    split=Split(frac_train=0.6),
    model=Transformer(n_layers=1, d_model=64, n_heads=4, d_mlp=96),
    training=Training(optimiser=AdamW(lr=3e-3, weight_decay=1.6), steps=1600, stop=Stop(event="t_gen", factor=1.25)),
)
# A claim is about the control's whole budget, so no stop ends it early.
CONTROL = GROKKING.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None)

ARMS = {
    # The phenomenon: weight decay 1.6.
    "grokking": RootArm(experiment=GROKKING, seeds=10),
    # The same without weight decay.
    "control": RootArm(experiment=CONTROL, seeds=10),
}

CLAIMS = (
    Claim(
        id="memorises-early",
        says="The network memorises first.",
        statistic=EventTime(event="t_mem", arm="grokking", unit="budget"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="delay",
        sources=("power2022",),
    ),
    Claim(
        id="generalises-later",
        says="It generalises more than twice as late as it memorises.",
        statistic=EventRatio(
            event="t_gen",
            over="t_mem",
            arm="grokking",
            detectors={"t_gen at 0.9": Threshold(of="test_acc", level=0.9)},
        ),
        supported_if=Region(above=2.0),
        refuted_if=Region(below=2.0),
        phenomenon="delay",
        accounts={
            "coverage": Prediction(says="yes", timing="postdiction", locator="R001"),
            "single-hit": Prediction(says="yes", timing="postdiction", locator="R001"),
            "efficiency": Prediction(says="yes", timing="postdiction", locator="section 3"),
            "norm": Prediction(says="yes", timing="postdiction", locator="section 2"),
        },
        sources=("power2022", "nanda2023"),
    ),
    Claim(
        id="control-stays-near-baseline",
        says="Without weight decay it does not generalise.",
        statistic=Extreme(series="test_acc", arm="control", which="max", above_baseline=True),
        supported_if=Region(below=0.10),
        refuted_if=Region(above=0.50),
        gates=(Gate(statistic=EventTime(event="t_mem", arm="control", unit="budget"), region=Region(below=0.5)),),
        phenomenon="regularisation",
        accounts={
            "coverage": Prediction(says="no", basis="inferred", locator="R065: without regularisation it still happens, less"),
            "precision": Prediction(says="no", basis="inferred", locator="R041: with an exact loss it needs no regularisation"),
            "regularisation": Prediction(says="yes", locator="R066: extremely surprising without any"),
            "efficiency": Prediction(says="yes", basis="inferred", locator="decay is what prefers the efficient circuit"),
            "simplicity": Prediction(says="yes", basis="inferred", locator="a little regularisation is the driver"),
        },
        sources=("nanda2023", "varma2023"),
    ),
)

FIGURES = (
    Figure(
        title="When does accuracy on trained and on held-out pairs rise, with and without weight decay?",
        arms=("grokking", "control"),
        series=("train_acc", "test_acc"),
        decides="generalises-later",
    ),
    Figure(
        title="How do the losses change while the accuracies rise?", arms=("grokking", "control"), series=("train_loss", "test_loss")
    ),
    Figure(
        title="How large is the test loss once over-confidence is removed?",
        arms=("grokking", "control"),
        series=("test_loss", "test_calibrated_loss"),
    ),
    Figure(title="How large are the weights?", arms=("grokking", "control"), series=("total_norm",)),
    Figure(
        title="What share of training losses would naive float32 round to zero?",
        arms=("grokking", "control"),
        series=("train_zero_loss_share",),
    ),
)

SOURCES = (POWER.at("Figure 1"), NANDA.at("model and optimiser; no decay, no grokking"), VARMA.at("section 3"))

STUDY = Study(
    name="quickstart",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=50),
    profiles={"quick": Profile(seeds=6, pilot=True)},
)
