"""The size of the network and of the data: what do width, depth and rows do to grokking, and do they move the critical data size?

The study judges R120, R121, R122, R177, R179 and R189. Of R135 it judges how tables of several sizes fare at two widths. Of R151 it
judges whether memory comes first with fewer parameters than rows; how strong the general circuit is then needs circuits. Whether a
network generalises sooner with more data is judged in study `anatomy`, and the critical data size at several decays in `dcrit`.

All networks have the fly's learning rate and decay, whatever their size. With depth the rate matters (R122, R123), so networks with
two and three hidden layers are also trained with the rate divided by the number of layers. Widths, shares of data, budgets and the
step at which networks of several widths are compared were chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.claims.transitions import Transition
from epicycle.edits.data import Remove
from epicycle.literature.texts import POWER, VARMA
from epicycle.models.mlp import MLP
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE, P, fly
from epicycle.tasks.modular import Modular

QUESTION = "How does grokking depend on the width and depth of a network and on the size of the data?"

NARROW, WIDE = 32, 256
WIDTHS = (NARROW, 64, 128, WIDE, 512)
ONE_TIME = 500  # steps. By then a fly has memorised, and is right on three quarters of its held-out pairs.
NARROWEST, BEFORE_DIP, DIP, AFTER_DIP = 8, 16, 32, 128
LITTLE, SOME, MUCH = 0.05, 0.2, 0.7  # shares of the pairs
# Shares of the training rows that are taken away. Networks with two hidden layers keep the rule with fewer rows.
LEFT_OUT, LEFT_OUT_OF_TWO = (0.35, 0.5, 0.65), (0.65, 0.8, 0.9)
RATE = 1e-2  # the fly's
STEPS = 1000  # of a fork at this rate: ten times the steps in which decay alone divides a weight by e


def _whole(experiment: Experiment, steps: int) -> Experiment:
    """For claims about the end of the budget."""
    return experiment.swept("training.stop", None).swept("training.steps", steps)


def _network(p: int = P, frac_train: float = 0.6, steps: int = 4000, rate: float = RATE, **fields: Any) -> Experiment:
    """A fly with another network."""
    model = MLP.model_validate({"d_model": 64, "d_mlp": 128, **fields})
    experiment = fly(Modular(p=p, operation="x-y"), frac_train, model)
    return experiment.swept("training.steps", steps).swept("training.optimiser.lr", rate)


def _arm(experiment: Experiment, path: str = "", values: tuple[float, ...] = ()) -> RootArm:
    return RootArm(experiment=experiment, seeds=FLIES, sweep={path: values} if path else {})


def _without_rows(parent: str, shares: tuple[float, ...] = LEFT_OUT, steps: int = STEPS) -> ForkArm:
    """Networks that have generalised, without a share of their training rows."""
    return ForkArm(fork=parent, at="1.2*t_gen", edits=(Remove(share=shares[0]),), sweep={"edits.0.share": shares}, steps=steps)


ARMS: dict[str, RootArm | ForkArm] = {
    # When do networks of several widths memorise and generalise?
    "widths": _arm(FLY, "model.d_mlp", WIDTHS),
    # The same networks, and narrower ones, all at one step.
    "one_time": _arm(_whole(FLY, ONE_TIME), "model.d_mlp", (NARROWEST, BEFORE_DIP, DIP, 64, AFTER_DIP, WIDE)),
    # The fly at this step with several amounts of data, and how long its delay is with each.
    "one_time_data": _arm(_whole(FLY, ONE_TIME), "split.frac_train", (LITTLE, SOME, 0.4, MUCH)),
    "shares": _arm(FLY, "split.frac_train", (0.6, 0.75, 0.9)),
    # Networks without a share of their rows: how little data keeps the rule at two widths and at two depths?
    "narrow": _arm(_network(d_mlp=NARROW)),
    "wide": _arm(_network(d_mlp=WIDE)),
    "narrow_removed": _without_rows("narrow"),
    "wide_removed": _without_rows("wide"),
    "one_layer": _arm(_network(d_mlp=64)),
    "two_layers": _arm(_network(d_mlp=64, n_layers=2)),
    "two_layers_slow": _arm(_network(d_mlp=64, n_layers=2, rate=RATE / 2)),
    "one_layer_removed": _without_rows("one_layer"),
    "two_layers_removed": _without_rows("two_layers", LEFT_OUT_OF_TWO),
    "two_layers_slow_removed": _without_rows("two_layers_slow", LEFT_OUT_OF_TWO, 2 * STEPS),
    "three_layers": _arm(_network(d_mlp=64, n_layers=3)),
    "three_layers_slow": _arm(_network(d_mlp=64, n_layers=3, rate=RATE / 3)),
    # 2,560 and 77,824 parameters for 720 rows: 30 times as many.
    "small": _arm(_network(frac_train=0.75, steps=2000, d_model=16, d_mlp=32)),
    "large": _arm(_network(frac_train=0.75, steps=2000, d_model=128, d_mlp=256)),
    # 1,696 and 27,904 parameters for 2,088 rows.
    "few_parameters": _arm(_network(p=59, steps=600, d_model=8, d_mlp=16)),
    "many_parameters": _arm(_network(p=59, steps=600)),
    # Smaller tables, which have fewer rows.
    "narrow_tables": _arm(_whole(_network(d_mlp=NARROW), 2000), "task.p", (17, 23)),
    "wide_tables": _arm(_whole(_network(), 2000), "task.p", (17, 23)),
}


def _at_end(series: str, arm: str, log: bool = False, **where: float) -> ValueAt:
    return ValueAt(series=series, at="end", arm=arm, where=dict(where), log=log)


def _compared(series: str, arm: str, along: str, doses: tuple[float, float], log: bool = False) -> Difference:
    """By how much a last value is larger at one dose than at another, seed by seed."""
    of, against = (_at_end(series, arm, log, **{along: dose}) for dose in doses)
    return Difference(of=of, against=against, paired=True)


def _kept(arm: str, over: str) -> Transition:
    """Ln of the least share of the training rows that keeps the rule in one arm, over that in another."""
    return Transition(of=_at_end("test_acc", arm), along="share", complement=True, what="log_ratio", over=_at_end("test_acc", over))


def _settled(*arms: str) -> tuple[Gate, ...]:
    """Gates: accuracy changes by less than 0.1 in the last fifth of the budget."""
    return tuple(
        Gate(
            statistic=SeriesChange(series="test_acc", since="0.8*end", arm=arm, where={"share": share}),
            region=Region(above=-0.1, below=0.1),
        )
        for arm in arms
        for shares in ARMS[arm].sweep.values()
        for share in shares
    )


def _against_one_layer(arm: str) -> Difference:
    """How many times later than with one hidden layer t_gen is."""
    of, against = (EventTime(event="t_gen", unit="log", arm=name) for name in (arm, "one_layer"))
    return Difference(of=of, against=against, paired=True)


SOONER, LATER = Region(below=-0.1), Region(above=0.1)
# A twentieth is the smallest shift of the critical size that counts.
SHIFTED, THE_SAME = Region(above=log(1.05), below=-log(1.05)), Region(above=-log(1.05), below=log(1.05))
LESS = Region(below=-log(1.05))
OF_KEEPING: dict[str, Any] = {"phenomenon": "critical-size", "sources": (VARMA.key,)}
# The delay in factors of ten.
DECADES = partial(Span, since="t_mem", until="t_gen", unit="decades")


def _claim(
    claim_id: str, says: str, statistic: Statistic, supported: Region, refuted: Region, primary: bool = False, **fields: Any
) -> Claim:
    return Claim.model_validate(
        {"phenomenon": "size", **fields}
        | {"id": claim_id, "says": says, "statistic": statistic, "supported_if": supported, "refuted_if": refuted, "primary": primary}
    )


OF_WIDTH = (
    _claim(
        "wider-is-sooner",
        "A wider network generalises sooner.",
        Slope(of=EventTime(event="t_gen", unit="log", arm="widths"), along="d_mlp", log=True),
        SOONER,
        Region(above=0.0),
        primary=True,
        accounts=predictions("R177: sooner", simplicity="yes"),
    ),
    _claim(
        "a-wider-network-is-delayed-by-more",
        "The wider a network is, the longer it takes to generalise compared with memorising.",
        Slope(of=DECADES(arm="widths"), along="d_mlp", log=True),
        Region(above=0.04),
        Region(below=0.0),
        accounts=inferred("R177: stronger grokking effects", simplicity="yes"),
    ),
    _claim(
        "a-wider-network-jumps-higher",
        "The wider a network is, the higher its test accuracy rises after memorisation.",
        Slope(of=SeriesChange(series="test_acc", since="t_mem", arm="widths"), along="d_mlp", log=True),
        Region(above=0.05),
        Region(below=0.02),
        accounts=inferred("R177: stronger grokking effects", simplicity="yes"),
    ),
    _claim(
        "memory-before-the-rule-along-width",
        "At one training time, a network needs more than three times as many hidden units to generalise as to memorise.",
        Transition(of=_at_end("test_acc", "one_time"), along="d_mlp", what="log_ratio", over=_at_end("train_acc", "one_time")),
        Region(above=log(3)),
        Region(below=log(1.2)),
        primary=True,
        accounts=predictions("R189: claim 2", patterns="yes"),
    ),
    _claim(
        "more-units-are-worse-before-they-are-better",
        "At this training time, 32 hidden units are right on fewer held-out pairs than 16.",
        _compared("test_acc", "one_time", "d_mlp", (DIP, BEFORE_DIP)),
        Region(below=-0.1),
        Region(above=0.0),
        gates=(Gate(statistic=_compared("test_acc", "one_time", "d_mlp", (AFTER_DIP, DIP)), region=Region(above=0.1)),),
        accounts=inferred("R179: grokking is related to double descent, along model size too", simplicity="yes", patterns="yes"),
    ),
)
OF_DATA = (
    _claim(
        "more-rows-are-worse-before-they-are-better",
        "With 0.2 of the pairs to learn from, the test loss is more than 10 % higher than with 0.05.",
        _compared("test_loss", "one_time_data", "frac_train", (SOME, LITTLE), log=True),
        Region(above=log(1.1)),
        Region(below=0.0),
        phenomenon="data",
        gates=(
            Gate(statistic=_compared("test_loss", "one_time_data", "frac_train", (MUCH, SOME), log=True), region=Region(below=-0.1)),
        ),
        accounts=inferred("R179: grokking is related to double descent, along data too", simplicity="yes", patterns="yes"),
    ),
    _claim(
        "more-data-delays-by-more",
        "The more data there is, the longer a network takes to generalise compared with memorising.",
        Slope(of=DECADES(arm="shares"), along="frac_train", per=0.1),
        Region(above=0.5),
        Region(below=-0.5),
        phenomenon="data",
        accounts=inferred("R177: stronger grokking effects", simplicity="yes"),
    ),
)
OF_CRITICAL_SIZE = (
    _claim(
        "width-moves-the-critical-size",
        "The least amount of data that keeps the rule depends on the width of the network, by more than 5 %.",
        _kept("wide_removed", "narrow_removed"),
        SHIFTED,
        THE_SAME,
        gates=_settled("wide_removed", "narrow_removed"),
        **OF_KEEPING,
    ),
    _claim(
        "depth-lowers-the-critical-size",
        "A network with two hidden layers needs less data to keep the rule than a network with one.",
        _kept("two_layers_removed", "one_layer_removed"),
        LESS,
        Region(above=0.0),
        primary=True,
        gates=_settled("two_layers_removed", "one_layer_removed"),
        **OF_KEEPING,
    ),
    _claim(
        "depth-lowers-it-at-half-the-rate",
        "A network with two hidden layers and half the learning rate needs less data to keep the rule, too.",
        _kept("two_layers_slow_removed", "one_layer_removed"),
        LESS,
        Region(above=0.0),
        gates=_settled("two_layers_slow_removed", "one_layer_removed"),
        **OF_KEEPING,
    ),
    _claim(
        "the-rate-for-a-depth-does-not-move-it",
        "With two hidden layers, half the learning rate changes the least amount of data that keeps the rule by less than 5 %.",
        _kept("two_layers_slow_removed", "two_layers_removed"),
        THE_SAME,
        SHIFTED,
        gates=_settled("two_layers_slow_removed", "two_layers_removed"),
        accounts=inferred(
            "section 3: the efficiencies of the two circuits set D_crit, and the rate is no part of them", efficiency="yes"
        ),
        **OF_KEEPING,
    ),
)
OF_DEPTH_AND_TIME = (
    _claim(
        "deeper-is-sooner",
        "At the same learning rate, three hidden layers generalise sooner than one.",
        _against_one_layer("three_layers"),
        SOONER,
        LATER,
    ),
    _claim(
        "deeper-is-sooner-at-a-third-of-the-rate",
        "If the learning rate is divided by the number of layers, three hidden layers still generalise sooner than one.",
        _against_one_layer("three_layers_slow"),
        SOONER,
        LATER,
    ),
)
NO_CHANGE = "R120: no major qualitative change with the number of parameters"
OF_PARAMETERS = (
    _claim(
        "a-small-network-generalises",
        "More than 80 % of the networks with few parameters generalise.",
        Share(event="t_gen", arm="small"),
        Region(above=0.8),
        Region(below=0.5),
        accounts=predictions(NO_CHANGE, efficiency="yes"),
        sources=(VARMA.key,),
    ),
    _claim(
        "a-small-network-memorises-first",
        "A small network begins to generalise only after it has memorised, as a large one does.",
        EventRatio(event="t_on", over="t_mem", arm="small"),
        Region(above=1.2),
        Region(below=1.0),
        gates=(Gate(statistic=EventRatio(event="t_on", over="t_mem", arm="large"), region=Region(above=1.2)),),
        accounts=predictions(NO_CHANGE, efficiency="yes"),
        sources=(VARMA.key,),
    ),
    _claim(
        "fewer-parameters-than-rows-do-not-memorise-first",
        "A network with fewer parameters than rows begins to generalise with less than half of its rows right.",
        ValueAt(series="train_acc", at="t_on", arm="few_parameters"),
        Region(below=0.5),
        Region(above=0.9),
    ),
    _claim(
        "many-parameters-memorise-first",
        "A network with many more parameters than rows has more than 90 % of its rows right by then.",
        ValueAt(series="train_acc", at="t_on", arm="many_parameters"),
        Region(above=0.9),
        Region(below=0.5),
    ),
    _claim(
        "a-narrow-network-needs-a-larger-table",
        "A narrow network needs a table of more than 3 % more elements to generalise from the same share of data.",
        Transition(of=_at_end("test_acc", "narrow_tables"), along="p", what="log_ratio", over=_at_end("test_acc", "wide_tables")),
        Region(above=log(1.03)),
        Region(below=0.0),
    ),
)
CLAIMS = (*OF_WIDTH, *OF_DATA, *OF_CRITICAL_SIZE, *OF_DEPTH_AND_TIME, *OF_PARAMETERS)

FIGURES = (
    Figure(
        title=f"How many trained and how many held-out pairs are right after {ONE_TIME} steps, at each width?",
        arms=("one_time",),
        quantities=(_at_end("train_acc", "one_time"), _at_end("test_acc", "one_time")),
        along="d_mlp",
        decides="memory-before-the-rule-along-width",
    ),
    Figure(
        title="When do networks of each width memorise, begin to generalise, and generalise?",
        arms=("widths",),
        quantities=tuple(EventTime(event=event, arm="widths") for event in ("t_mem", "t_on", "t_gen")),
        along="d_mlp",
        decides="wider-is-sooner",
    ),
    Figure(
        title="How much of the training data is enough to keep the rule, at two widths and two depths?",
        arms=("narrow_removed", "wide_removed", "one_layer_removed", "two_layers_removed", "two_layers_slow_removed"),
        quantities=(_at_end("test_acc", "narrow_removed"),),
        along="share",
        decides="depth-lowers-the-critical-size",
    ),
    Figure(
        title="Does a network memorise before it generalises, with few parameters and with many?",
        arms=("small", "large", "few_parameters", "many_parameters"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="When do networks of several depths generalise, at the fly's rate and at that rate divided by the number of layers?",
        arms=("one_layer", "two_layers", "two_layers_slow", "three_layers", "three_layers_slow"),
        quantities=(EventTime(event="t_gen", arm="one_layer"),),
    ),
    Figure(
        title=f"How high is the test loss after {ONE_TIME} steps, with each share of the pairs?",
        arms=("one_time_data",),
        quantities=(_at_end("test_loss", "one_time_data", log=True),),
        along="frac_train",
    ),
)
SOURCES = (VARMA, POWER)

# Of the mouse it is asked what the width of its hidden layer does.
ON_A_MOUSE = ON_MOUSE | {"training.steps": 1500, "arms.widths.sweep": {"model.d_mlp": (64, 256)}}

STUDY = Study(
    name="size",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, arms=("widths",), assign=ON_A_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
