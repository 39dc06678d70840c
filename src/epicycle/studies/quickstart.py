"""Grokking in half a minute: 48 flies subtract modulo 31 with weight decay, and 24 without.

Verdicts use seeds 0 to 47. The setting is the fly (`studies/organisms.py`), chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import NANDA, POWER, VARMA
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.organisms import FLIES, FLY

QUESTION = "Does a network that has memorised its data generalise later, and does it need weight decay to do so?"

# On pilot seeds 1000 to 1049 the slowest fly generalised at step 949. A claim is about the control's whole budget, so no stop ends it
# early.
GROKKING = FLY.swept("training.steps", 1200)
CONTROL = GROKKING.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None)

ARMS = {
    # The phenomenon: weight decay 1.
    "grokking": RootArm(experiment=GROKKING, seeds=FLIES),
    # The same without weight decay.
    "control": RootArm(experiment=CONTROL, seeds=24),
}

CLAIMS = (
    Claim(
        id="memorises-early",
        says="The network memorises first, within 100 steps.",
        statistic=EventTime(event="t_mem", arm="grokking"),
        supported_if=Region(below=100),
        refuted_if=Region(above=200),
        phenomenon="delay",
        sources=("power2022",),
    ),
    Claim(
        id="generalises-later",
        says="The network generalises more than ten times later than it memorises.",
        statistic=EventRatio(
            event="t_gen",
            over="t_mem",
            arm="grokking",
            detectors={"t_gen at 0.9": Threshold(of="test_acc", level=0.9)},
        ),
        supported_if=Region(above=10.0),
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
        says="Without weight decay the network does not generalise.",
        statistic=Extreme(series="test_acc", arm="control", which="max", above_baseline=True),
        supported_if=Region(below=0.10),
        refuted_if=Region(above=0.50),
        gates=(Gate(statistic=EventTime(event="t_mem", arm="control"), region=Region(below=200)),),
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
    organism="fly",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=50),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
