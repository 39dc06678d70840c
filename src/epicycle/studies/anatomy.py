"""The anatomy of a grokking run: when it memorises, when its losses turn, when it generalises, and how long the rise takes.

Two networks (without normalisation and pre-norm) learn sums, differences, quotients and products modulo 59. The delay depends on the
train fraction, so it is shown for several fractions. One arm crosses seeds of weights with seeds of splits, to say where the variance
of the delay comes from.
"""

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.claims.series_quantities import SeriesChange, Trend, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.claims.variance import VarianceShare
from epicycle.events.detectors import Descent, Peak, Threshold
from epicycle.literature.texts import NANDA, POWER, THREAD, VARMA
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.settings import NO_NORM, PILOT, PRE_NORM, inferred, postdictions, training, with_budget
from epicycle.tasks.modular import Modular

QUESTION = "In a run that memorises first and generalises later, what happens when, and how long does the rise take?"
P = 59
DIFFERENCE = Experiment(
    task=Modular(p=P, operation="x-y"), split=Split(frac_train=0.4), model=PRE_NORM, training=training(5000, stop=False)
)
HALF = with_budget(DIFFERENCE.swept("split.frac_train", 0.5), 3000)

ARMS = {
    # The phenomenon in two networks. Claims are about their whole budgets, so no stop ends them early.
    "pre_norm": RootArm(experiment=DIFFERENCE, seeds=10),
    "no_norm": RootArm(
        experiment=Experiment(task=DIFFERENCE.task, split=Split(frac_train=0.5), model=NO_NORM, training=training(6000, stop=False)),
        seeds=10,
    ),
    # Other operations, to see whether their accuracy rises in the same way.
    "product": RootArm(
        experiment=Experiment(task=Modular(p=P, operation="x*y"), split=Split(frac_train=0.5), model=NO_NORM, training=training(5000)),
        seeds=10,
    ),
    "quotient": RootArm(experiment=HALF.swept("task.operation", "x/y"), seeds=10),
    "sum": RootArm(experiment=HALF.swept("task.operation", "x+y"), seeds=10),
    # How both times depend on the share of pairs that are trained on.
    "fractions": RootArm(
        experiment=with_budget(DIFFERENCE, 5000),
        seeds=10,
        sweep={"split.frac_train": (0.4, 0.45, 0.5, 0.6, 0.7, 0.8)},
    ),
    # How many runs generalise? 17 is the smallest number of which all generalising lies above a share of 0.8.
    "half": RootArm(experiment=HALF, seeds=17),
    # Every seed of weights with every seed of the split: which of the two decides when a run generalises?
    "crossing": RootArm(experiment=HALF, seeds=8, data_seeds=(0, 1, 2, 3, 4, 5, 6, 7)),
}

LATE = {"t_gen at 0.9": Threshold(of="test_acc", level=0.9)}
MEMORISED = Gate(statistic=EventTime(event="t_mem", arm="pre_norm", unit="budget"), region=Region(below=0.5))
CLAIMS = (
    Claim(
        id="generalises-ten-times-later",
        says="The network generalises more than ten times later than it memorises.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="pre_norm", detectors=LATE),
        supported_if=Region(above=10.0),
        refuted_if=Region(below=2.0),
        phenomenon="delay",
        gates=(MEMORISED,),
        accounts={
            name: Prediction(says="yes", timing="postdiction", locator="R001")
            for name in ("coverage", "single-hit", "efficiency", "norm")
        },
        sources=("power2022", "thread2022"),
    ),
    Claim(
        id="rise-is-long-on-a-linear-axis",
        says="The rise of accuracy takes more than half of the way to generalisation.",
        statistic=Span(arm="pre_norm", unit="share"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.1),
        phenomenon="rise",
        accounts={
            "coverage": Prediction(says="yes", timing="postdiction", locator="R003: the rise spans most of the run"),
            "single-hit": Prediction(says="no", basis="inferred", locator="R003: confident very quickly once it is hit"),
        },
        sources=("power2022", "thread2022"),
    ),
    Claim(
        id="test-loss-turns-before-the-training-floor-falls",
        says="The test loss turns well before the training loss leaves its floor.",
        statistic=EventRatio(
            event="t_floor",
            over="t_calib",
            arm="pre_norm",
            detectors={"t_floor": Descent(), "t_floor, window 1.5": Descent(window=1.5)},
        ),
        supported_if=Region(above=1.2),
        refuted_if=Region(below=1.2),
        phenomenon="losses",
        accounts={
            "coverage": Prediction(says="yes", timing="postdiction", locator="R011"),
            "simplicity": Prediction(says="no", locator="R170: training error falls slightly as the circuit takes over"),
            "single-hit": Prediction(says="no", basis="inferred", locator="R011: conceded as not predicted"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="chance-at-memorisation",
        says="When it has memorised, it still guesses on new questions.",
        statistic=ValueAt(series="test_acc", at="t_mem", minus="baseline", arm="pre_norm"),
        supported_if=Region(below=0.10),
        refuted_if=Region(above=0.30),
        primary=False,
        phenomenon="delay",
        sources=("power2022",),
    ),
    Claim(
        id="no-norm-generalises-ten-times-later",
        says="A network without normalisation also generalises more than ten times later than it memorises.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="no_norm", detectors=LATE),
        supported_if=Region(above=10.0),
        refuted_if=Region(below=2.0),
        primary=False,
        phenomenon="delay",
        accounts=postdictions("R001", coverage="yes", single_hit="yes", efficiency="yes", norm="yes"),
        sources=("nanda2023",),
    ),
    Claim(
        id="memorises-within-a-twentieth",
        says="Memorising takes less than a twentieth of the time to generalisation.",
        statistic=EventRatio(event="t_mem", over="t_gen", arm="pre_norm"),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.5),
        primary=False,
        phenomenon="delay",
        sources=("power2022", "thread2022"),
    ),
    Claim(
        id="rise-is-short-in-decades",
        says="On a logarithmic axis the rise is short: less than one and a half decades.",
        statistic=Span(arm="pre_norm", unit="decades"),
        supported_if=Region(below=1.5),
        refuted_if=Region(above=1.5),
        primary=False,
        phenomenon="rise",
        accounts=postdictions("R003: its suddenness is an effect of the logarithmic axis", coverage="yes"),
        sources=("power2022",),
    ),
    Claim(
        id="loss-turns-before-accuracy",
        says="The test loss turns before the test accuracy rises.",
        statistic=EventRatio(
            event="t_calib", over="t_on", arm="pre_norm", detectors={"peak of the raw test loss": Peak(of="test_loss")}
        ),
        supported_if=Region(below=0.8),
        refuted_if=Region(above=1.0),
        primary=False,
        phenomenon="losses",
        accounts={
            "coverage": Prediction(says="yes", basis="inferred", timing="postdiction", locator="R010"),
            **inferred("R010: takes the rise of accuracy for the start", single_hit="no"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="training-loss-falls-three-decades-more",
        says="After memorising, the training loss still falls by two and a half to four decades.",
        statistic=SeriesChange(series="train_loss", since="t_mem", until="end", decades=True, arm="no_norm"),
        supported_if=Region(below=-2.5, above=-4.0),
        refuted_if=Region(above=-1.0),
        primary=False,
        phenomenon="losses",
        accounts=postdictions("R013", coverage="yes"),
        sources=("thread2022",),
    ),
    Claim(
        id="test-loss-has-a-hump",
        says="The test loss first climbs to more than one and a half times its first value.",
        statistic=SeriesChange(series="test_loss", since="start", until="max", decades=True, arm="pre_norm"),
        supported_if=Region(above=0.176),  # a factor of 1.5
        refuted_if=Region(below=0.04),
        primary=False,
        phenomenon="losses",
        sources=("power2022",),
    ),
    Claim(
        id="accuracy-is-flat-on-the-plateau",
        says="On the plateau the test accuracy stands still.",
        statistic=SeriesChange(series="test_acc", since="t_mem", until="0.5*t_on", arm="pre_norm"),
        supported_if=Region(above=-0.02, below=0.02),
        refuted_if=Region(above=0.05),
        primary=False,
        phenomenon="delay",
        accounts=postdictions("R163: seemingly nothing changes for long", simplicity="yes"),
    ),
    Claim(
        id="norm-falls-on-the-plateau",
        says="On the plateau the weights shrink steadily.",
        statistic=Trend(series="total_norm", since="t_mem", until="0.5*t_on", arm="pre_norm"),
        supported_if=Region(below=-0.9),
        refuted_if=Region(above=0.0),
        primary=False,
        phenomenon="norm",
        accounts={"norm": Prediction(says="yes", locator="section 2: the norm falls to where the general solution lies")},
        sources=("varma2023",),
    ),
    Claim(
        id="sums-rise-in-a-smaller-share-than-quotients",
        says="Sums rise more steeply than quotients.",
        statistic=Difference(of=Span(arm="sum"), against=Span(arm="quotient")),
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=0.05),
        primary=False,
        phenomenon="rise",
        sources=("thread2022",),
    ),
    Claim(
        id="time-falls-exponentially-with-data",
        says="With more training data the network generalises much sooner.",
        statistic=Slope(of=EventTime(event="t_gen", unit="log", arm="fractions"), along="frac_train", per=0.1),
        supported_if=Region(below=-8.0),
        refuted_if=Region(above=-2.0),
        primary=False,
        phenomenon="data",
        accounts=inferred("R177: with more data sooner", simplicity="yes"),
        sources=("power2022",),
    ),
    Claim(
        id="memorisation-hardly-follows-the-fraction",
        says="The time to memorise hardly depends on how much data there is.",
        statistic=Slope(of=EventTime(event="t_mem", unit="log", arm="fractions"), along="frac_train", per=0.1),
        supported_if=Region(above=-1.73, below=1.73),  # less than a factor of 2 over the 0.4 swept
        refuted_if=Region(below=-4.0),
        primary=False,
        phenomenon="data",
        sources=("power2022",),
    ),
    Claim(
        id="little-delay-at-four-fifths",
        says="Trained on four fifths of the data, the network hardly delays.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm="fractions", where={"frac_train": 0.8}),
        supported_if=Region(below=2.0),
        refuted_if=Region(above=10.0),
        primary=False,
        phenomenon="data",
        accounts=inferred("R134: no delay if every example is trained on", efficiency="yes"),
        sources=("power2022",),
    ),
    Claim(
        id="the-split-decides-the-time",
        says="Which rows are trained on explains more than half of the variance in when a network generalises.",
        statistic=VarianceShare(of=EventTime(event="t_gen", unit="log", arm="crossing"), factor="data_seed"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.5),
        primary=False,
    ),
    Claim(
        id="most-runs-generalise",
        says="More than 80 % of the runs generalise.",
        # The region is that of the first registration. Runs of the crossing share splits. So the claim reads an arm
        # with a split for each run.
        statistic=Share(event="t_gen", arm="half"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        primary=False,
        phenomenon="delay",
    ),
)

ACCURACIES = ("train_acc", "test_acc")
FIGURES = (
    Figure(
        title="When does accuracy rise on trained and on held-out pairs, on a logarithmic and on a linear axis?",
        arms=("pre_norm", "no_norm"),
        series=ACCURACIES,
        decides="generalises-ten-times-later",
    ),
    Figure(
        title="How long is the delay at each share of training data?",
        arms=("fractions",),
        quantities=(EventTime(event="t_mem", arm="fractions"), EventTime(event="t_gen", arm="fractions")),
        along="frac_train",
    ),
    Figure(
        title="Does the test loss turn before the training loss falls?",
        arms=("pre_norm", "no_norm"),
        series=("train_loss", "test_loss"),
    ),
    Figure(
        title="How large is the test loss once over-confidence is removed?",
        arms=("pre_norm", "no_norm"),
        series=("test_loss", "test_calibrated_loss"),
        events=("t_calib", "t_on"),
    ),
    Figure(
        title="Does the weight norm change while test accuracy stands still?",
        arms=("pre_norm", "no_norm"),
        series=("total_norm",),
        events=("t_mem", "t_on"),
    ),
    Figure(
        title="Does accuracy rise in the same way for other operations?",
        arms=("sum", "quotient", "product"),
        series=ACCURACIES,
        events=("t_on", "t_gen"),
    ),
    Figure(
        title="How much does the time of generalisation vary with the seed of the weights and with the split?",
        arms=("crossing",),
        quantities=(EventTime(event="t_gen", arm="crossing"),),
        along="data_seed",
    ),
)
SOURCES = (POWER.at("Figures 1, 2 and 4"), NANDA, VARMA, THREAD)

STUDY = Study(
    name="anatomy",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=50),
    profiles={
        # In so few steps only the largest fractions generalise: their six seeds show all events, other runs only memorise.
        "quick": Profile(
            seeds=6,
            pilot=True,
            assign={
                **PILOT,
                "task.p": 31,
                "training.steps": 150,
                "arms.crossing.data_seeds": None,
                "split.frac_train": 0.7,
                "arms.fractions.sweep": {"split.frac_train": [0.5, 0.8]},
            },
        ),
    },
)
