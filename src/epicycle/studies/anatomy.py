"""The anatomy of a grokking run: when it memorises, when its losses turn, when it generalises, and how long the rise takes.

The fly learns differences from half of the pairs, as the networks of the first figure of Power et al. learned quotients. Other arms
learn sums, quotients, products and the group S4. The delay depends on the share of training data, so it is shown for several shares.
One arm crosses seeds of weights with seeds of splits, to say where the variance of the delay comes from. Budgets and shares were
chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from functools import partial

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.claims.series_quantities import SeriesChange, Trend, ValueAt
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.slopes import Slope
from epicycle.claims.variance import VarianceShare
from epicycle.events.detectors import Descent, Peak, Threshold
from epicycle.literature.texts import NANDA, POWER, THREAD, VARMA
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions
from epicycle.studies.organisms import FLIES, GROUP, MICE, ON_MOUSE, P, fly
from epicycle.tasks.modular import Modular

QUESTION = "In a run that memorises first and generalises later, what happens when, and how long does the rise take?"


def _from_half(operation: str) -> Experiment:
    """The fly on an operation, trained on half of the pairs: in the pilot the slowest of 64 runs generalised at step 5,331."""
    return fly(Modular.parse({"p": P, "operation": operation}), frac_train=0.5).swept("training.steps", 6000)


ARMS = {
    # The phenomenon. Claims are about the whole budget, so no stop ends these runs early.
    "difference": RootArm(experiment=_from_half("x-y").swept("training.stop", None), seeds=FLIES),
    # Other operations, to see whether their accuracy rises in the same way.
    "sum": RootArm(experiment=_from_half("x+y"), seeds=FLIES),
    "quotient": RootArm(experiment=_from_half("x/y"), seeds=FLIES),
    "product": RootArm(experiment=_from_half("x*y"), seeds=FLIES),
    "group": RootArm(experiment=GROUP, seeds=FLIES),
    # How both times depend on the share of pairs that are trained on.
    "fractions": RootArm(experiment=_from_half("x-y"), seeds=FLIES, sweep={"split.frac_train": (0.5, 0.6, 0.7, 0.8)}),
    # Every seed of weights with every seed of the split: which of the two decides when a run generalises?
    "crossing": RootArm(experiment=fly(Modular(p=P, operation="x-y")), seeds=12, data_seeds=tuple(range(12))),
}

LATE = {"t_gen at 0.9": Threshold(of="test_acc", level=0.9)}
TURN = {"t_turn": Peak(of="test_loss")}  # where the test loss is largest
DELAY = EventRatio(event="t_gen", over="t_mem", arm="difference", detectors=LATE)
# An account that starts with the rise of accuracy, against one that sees the turn of the loss before it.
LOSS_OR_ACCURACY = {
    "coverage": Prediction(says="yes", timing="postdiction", locator="R010: the test loss turns before"),
    **inferred("R010: takes the rise of accuracy for the start", single_hit="no"),
}
exploratory = partial(Claim, primary=False)
CLAIMS = (
    Claim(
        id="generalises-ten-times-later",
        says="The network generalises more than ten times later than it memorises.",
        statistic=DELAY,
        supported_if=Region(above=10.0),
        refuted_if=Region(below=2.0),
        phenomenon="delay",
        gates=(Gate(statistic=EventTime(event="t_mem", arm="difference", unit="budget"), region=Region(below=0.5)),),
        accounts=postdictions("R001", coverage="yes", single_hit="yes", efficiency="yes", norm="yes"),
        sources=("power2022", "thread2022"),
    ),
    Claim(
        id="rise-is-long-on-a-linear-axis",
        says="The rise of accuracy takes more than half of the way to generalisation.",
        statistic=Span(arm="difference"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.1),
        phenomenon="rise",
        accounts={
            **postdictions("R003: the rise spans most of the run", coverage="yes"),
            **inferred("R003: confident very quickly once it is hit", single_hit="no"),
        },
        sources=("power2022", "thread2022"),
    ),
    Claim(
        id="test-loss-turns-before-the-training-floor-falls",
        says="The test loss turns well before the training loss leaves its floor.",
        statistic=EventRatio(
            event="t_floor",
            over="t_calib",
            arm="difference",
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
    exploratory(
        id="most-runs-generalise",
        says="More than 80 % of the runs generalise.",
        statistic=Share(event="t_gen", arm="difference"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="delay",
        sources=("power2022",),
    ),
    exploratory(
        id="most-runs-delay-tenfold",
        says="More than 80 % of the runs generalise over ten times later than they memorise.",
        statistic=RegionShare(of=DELAY, region=Region(above=10.0)),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="delay",
        accounts=postdictions("R001", coverage="yes", single_hit="yes", efficiency="yes", norm="yes"),
        sources=("power2022", "thread2022"),
    ),
    exploratory(
        id="memorises-within-a-twentieth",
        says="In more than 80 % of the runs memorising takes less than a twentieth of the time to generalisation.",
        statistic=RegionShare(of=EventRatio(event="t_mem", over="t_gen", arm="difference"), region=Region(below=0.05)),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="delay",
        sources=("power2022", "thread2022"),
    ),
    exploratory(
        id="chance-at-memorisation",
        says="When it has memorised, the network still guesses on new questions.",
        statistic=ValueAt(series="test_acc", at="t_mem", minus="baseline", arm="difference"),
        supported_if=Region(below=0.10),
        refuted_if=Region(above=0.30),
        phenomenon="delay",
        sources=("power2022",),
    ),
    exploratory(
        id="accuracy-is-flat-on-the-plateau",
        says="On the plateau the test accuracy stands still.",
        statistic=SeriesChange(series="test_acc", since="t_mem", until="0.5*t_on", arm="difference"),
        supported_if=Region(above=-0.02, below=0.02),
        refuted_if=Region(above=0.05),
        phenomenon="delay",
        accounts=postdictions("R163: seemingly nothing changes for long", simplicity="yes"),
    ),
    exploratory(
        id="margins-grow-on-the-plateau",
        says="All the while the network grows more certain of its training data.",
        statistic=Trend(series="train_margin", since="t_mem", until="0.5*t_on", arm="difference"),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.5),
        phenomenon="delay",
    ),
    exploratory(
        id="norm-falls-on-the-plateau",
        says="On the plateau the weights shrink steadily.",
        statistic=Trend(series="total_norm", since="t_mem", until="0.5*t_on", arm="difference"),
        supported_if=Region(below=-0.9),
        refuted_if=Region(above=0.0),
        phenomenon="norm",
        accounts={"norm": Prediction(says="yes", locator="section 2: the norm falls to where the general solution lies")},
        sources=("varma2023",),
    ),
    exploratory(
        id="norm-falls-during-the-rise",
        says="While accuracy rises, the weights shrink by more than 10.6 %.",
        # The penalty, which is the square of the norm, falls by 20 %. Refuted: it falls by less than 10 %, or rises.
        statistic=SeriesChange(series="total_norm", since="t_on", until="t_gen", decades=True, arm="difference"),
        supported_if=Region(below=-0.0485),
        refuted_if=Region(above=-0.0229),
        phenomenon="norm",
        accounts={
            "simplicity": Prediction(says="yes", basis="inferred", locator="R170: regularisation reinforces the simple circuit"),
            "norm": Prediction(says="yes", basis="inferred", locator="section 2: general solutions lie at a smaller norm"),
        },
    ),
    exploratory(
        id="rise-is-short-in-decades",
        says="On a logarithmic axis the rise is short: less than one and a half decades.",
        statistic=Span(arm="difference", unit="decades"),
        supported_if=Region(below=1.5),
        refuted_if=Region(above=1.5),
        phenomenon="rise",
        accounts=postdictions("R003: its suddenness is an effect of the logarithmic axis", coverage="yes"),
        sources=("power2022",),
    ),
    exploratory(
        id="sums-rise-in-a-smaller-share-than-quotients",
        says="Sums rise more steeply than quotients.",
        statistic=Difference(of=Span(arm="sum"), against=Span(arm="quotient")),
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=-0.05),
        phenomenon="rise",
        sources=("thread2022",),
    ),
    exploratory(
        id="sums-rise-longer-than-they-memorise",
        says="With sums the rise of accuracy takes longer than memorising.",
        statistic=Span(arm="sum", over="t_mem"),
        supported_if=Region(above=1.0),
        refuted_if=Region(below=1.0),
        phenomenon="rise",
        accounts=postdictions("R051: grokking is still decently slower than memorisation", single_hit="yes"),
        sources=("thread2022",),
    ),
    exploratory(
        id="groups-rise-sooner-than-they-memorise",
        says="With permutations the rise of accuracy takes less time than memorising.",
        statistic=Span(arm="group", over="t_mem"),
        supported_if=Region(below=1.0),
        refuted_if=Region(above=1.0),
        phenomenon="rise",
        accounts=postdictions("R051: on S5 grokking took 1,000 steps and memorising 1,500", landscape="yes"),
        sources=("thread2022",),
    ),
    exploratory(
        id="test-loss-has-a-hump",
        says="The test loss first climbs to more than three times its first value.",
        statistic=SeriesChange(series="test_loss", since="start", until="max", decades=True, arm="difference"),
        supported_if=Region(above=0.477),
        refuted_if=Region(below=0.04),
        phenomenon="losses",
        sources=("power2022",),
    ),
    exploratory(
        id="test-loss-falls-two-decades",
        says="From its peak the test loss falls by more than two decades.",
        # A fall that takes back no more than a threefold climb leaves the loss above its first value.
        statistic=SeriesChange(series="test_loss", since="max", until="end", decades=True, arm="difference"),
        supported_if=Region(below=-2.0),
        refuted_if=Region(above=-0.477),
        phenomenon="losses",
        accounts=inferred("R170: test error plummets", simplicity="yes"),
        sources=("power2022",),
    ),
    exploratory(
        id="loss-turns-before-accuracy",
        says="In more than 80 % of the runs the test loss turns well before the test accuracy rises.",
        statistic=RegionShare(
            of=EventRatio(event="t_turn", over="t_on", arm="difference", detectors=TURN),
            region=Region(below=0.8),
        ),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="losses",
        accounts=LOSS_OR_ACCURACY,
        sources=("thread2022",),
    ),
    exploratory(
        id="calibrated-loss-turns-before-accuracy",
        says="Without its over-confidence, too, the test loss tells of the rule well before the test accuracy does.",
        statistic=EventRatio(event="t_calib", over="t_on", arm="difference"),
        supported_if=Region(below=0.8),
        refuted_if=Region(above=0.94),  # one evaluation lies 6 % after another
        phenomenon="losses",
        accounts=LOSS_OR_ACCURACY,
        sources=("thread2022",),
    ),
    exploratory(
        id="training-loss-rests-as-the-test-loss-turns",
        says="From the turn of the test loss to the rise of accuracy the training loss does not fall.",
        statistic=SeriesChange(series="train_loss", since="t_calib", until="t_on", decades=True, arm="difference"),
        supported_if=Region(above=-0.05),
        refuted_if=Region(below=-0.1),
        phenomenon="losses",
        accounts={
            "coverage": Prediction(says="yes", timing="postdiction", locator="R011, R012: it is not done to reduce the training loss"),
            "simplicity": Prediction(says="no", locator="R170: training error falls slightly as the circuit takes over"),
        },
        sources=("thread2022",),
    ),
    exploratory(
        id="training-loss-falls-slightly-during-the-rise",
        says="While accuracy rises, the training loss falls, but by less than one decade.",
        statistic=SeriesChange(series="train_loss", since="t_on", until="t_gen", decades=True, arm="difference"),
        supported_if=Region(above=-1.0, below=-0.05),
        refuted_if=Region(above=-0.05, below=-1.0),
        phenomenon="losses",
        accounts={"simplicity": Prediction(says="yes", locator="R170: training error decreases ever so slightly")},
    ),
    exploratory(
        id="training-loss-falls-three-decades-more",
        says="After memorising, the training loss still falls by two and a half to four decades.",
        # The text says about three. The region of refutation lies as far from the region of support on both sides.
        statistic=SeriesChange(series="train_loss", since="t_mem", until="end", decades=True, arm="difference"),
        supported_if=Region(below=-2.5, above=-4.0),
        refuted_if=Region(above=-1.0, below=-5.5),
        phenomenon="losses",
        accounts=postdictions("R013", coverage="yes"),
        sources=("thread2022",),
    ),
    exploratory(
        id="more-data-brings-it-sooner",
        says="With more training data the network generalises much sooner.",
        statistic=Slope(of=EventTime(event="t_gen", unit="log", arm="fractions"), along="frac_train", per=0.1),
        supported_if=Region(below=-2.0),
        refuted_if=Region(above=0.0),
        phenomenon="data",
        accounts=inferred("R177: with more data sooner", simplicity="yes"),
        sources=("power2022",),
    ),
    exploratory(
        id="memorisation-hardly-follows-the-fraction",
        says="The time to memorise hardly depends on how much data there is.",
        statistic=Slope(of=EventTime(event="t_mem", unit="log", arm="fractions"), along="frac_train", per=0.1),
        supported_if=Region(above=-1.73, below=1.73),
        refuted_if=Region(below=-4.0),
        phenomenon="data",
        sources=("power2022",),
    ),
    exploratory(
        id="the-split-decides-the-time",
        says="Which rows are trained on explains more than half of the variance in when a network generalises.",
        statistic=VarianceShare(of=EventTime(event="t_gen", unit="log", arm="crossing"), factor="data_seed"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.5),
    ),
)

OPERATIONS = ("difference", "sum", "quotient", "product", "group")
FIGURES = (
    Figure(
        title="When does accuracy rise on trained and on held-out pairs, on a logarithmic and on a linear axis?",
        arms=("difference",),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_on", "t_gen"),
        decides="generalises-ten-times-later",
    ),
    Figure(
        title="Does the test loss turn before the training loss falls?",
        arms=("difference",),
        series=("train_loss", "test_loss", "test_calibrated_loss"),
        events=("t_mem", "t_calib", "t_on", "t_gen"),
    ),
    Figure(
        title="Does the weight norm change while test accuracy stands still?",
        arms=("difference",),
        series=("total_norm",),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="How much of the way to generalisation does the rise take, for each operation?",
        arms=OPERATIONS,
        quantities=(Span(arm="difference"),),
    ),
    Figure(
        title="When does each operation memorise, begin to generalise, and generalise?",
        arms=OPERATIONS,
        quantities=tuple(EventTime(event=event, arm="difference") for event in ("t_mem", "t_on", "t_gen")),
    ),
    Figure(
        title="How long is the delay at each share of training data?",
        arms=("fractions",),
        quantities=(EventTime(event="t_mem", arm="fractions"), EventTime(event="t_gen", arm="fractions")),
        along="frac_train",
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
    observation=Observation(checkpoint_megabytes=20),
    organism="fly",
    organisms={
        # Mice need more of the pairs.
        "mouse": Profile(
            seeds=MICE,
            assign={
                **ON_MOUSE,
                "arms.fractions.sweep": {"split.frac_train": [0.7, 0.75, 0.8, 0.85]},
                "arms.crossing.data_seeds": list(range(8)),
            },
        )
    },
    profiles={"quick": Profile(seeds=8, pilot=True, assign={"training.steps": 3000, "arms.crossing.data_seeds": None})},
)
